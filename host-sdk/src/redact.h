// Keeping secrets and people out of what is recorded.
//
// A recording passes five steps, of which the last refuses what the others have let through:
//
//   1. Headers are dropped unless they are on a list (kk_redact_keeps_header).
//   2. Known values - the secrets of accounts, and what step 3 has found in answers - are replaced
//      wherever they occur: in URLs, header values, bodies and names.  They are found as they are,
//      in either case, in base64 and base64url at each of the three offsets, and in hexadecimal;
//      and each of these also behind up to four layers of percent-encoding, JSON escapes and HTML
//      references, in any mixture.  The secret of the field service_token becomes
//      {{SERVICE_TOKEN}}.
//   3. Fields are replaced by their name, at any depth of JSON (also of JSON in a string), in forms
//      and in queries: password, token, secret, private_key, connection_string and the like, email,
//      avatar_url; display_name in an object with one of these two; in requests also code and
//      device_code.  Case, '-' and '_' do not count.  In a URL, the user information and the
//      parameters of a signature go.
//   4. What takes their place has their shape: user-1@example.com, pscale_tkn_REDACTED00000001, a
//      UUID, a number.  Equal values of one tape get equal fakes, so that what an answer gives and
//      a later request sends stays the same.  In requests, where an answer has not given the value,
//      it is {{REDACTED}}, whatever it was: a recording then answers another token, too.
//      Placeholders, fakes and mail addresses and URLs at names that are nobody's (example.com,
//      .test) stay as they are, so redacting twice changes nothing.
//   5. What is to be written is scanned (kk_redact_scan).
//
// The functions work on texts and keep their bytes but for what they replace.  With [self] NULL
// there are no known values, and nothing is learnt: so the key of a request is made, live and in
// replay.
//
// Threads: one at a time per redactor.
#ifndef KK_REDACT_H
#define KK_REDACT_H

#include "buf.h"
#include "str.h"
#include <kk/error.h>

typedef struct kk_redactor kk_redactor;

// The shortest value that can be known: a shorter one would shred everything.
#define KK_REDACT_KNOWN_MIN 6

// What a request gets in place of a value under a name of step 3.
#define KK_REDACTED "{{REDACTED}}"

// What kk_redact_mask() writes in place of a finding.
#define KK_REDACT_SUSPECT "{{SUSPECTED_SECRET}}"

typedef enum kk_redact_side { KK_REDACT_REQUEST, KK_REDACT_RESPONSE } kk_redact_side;

// Called for each value that was replaced, with its JSON Pointer inside a JSON body, "" for a text.
typedef void (*kk_redact_note_fn)(void *context, const char *pointer);

// *out is new, for kk_redactor_free(), which wipes what it knows.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_redactor_new(kk_redactor **out, kk_error *err);
void kk_redactor_free(kk_redactor *self);

// Makes a secret known; [field] is its name in the credential.  Again with the same value does
// nothing.  Errors: KK_ERR_INVALID_ARGS for a value below KK_REDACT_KNOWN_MIN bytes, never
// repeating it; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_redactor_know(kk_redactor *self, const char *field, kk_str value,
                                     kk_error *err);

// New fakes are numbered from above [last]: what a tape that is added to has used up.
void kk_redactor_skip(kk_redactor *self, uint64_t last);

// The highest number of a fake that was made or skipped.
uint64_t kk_redactor_last_fake(const kk_redactor *self);

// Finds the next fake in [text] from *at on, and moves *at behind its number.  False if there is
// none.
bool kk_redact_next_fake(kk_str text, size_t *at, uint64_t *number);

// Appends [text] with the number of every fake replaced by what [renumber] makes of it.
void kk_redact_renumber(kk_str text, uint64_t (*renumber)(void *context, uint64_t number),
                        void *context, kk_buf *out);

// The number of a fake that stands somewhere in [text], the highest, or 0.
uint64_t kk_redact_last_fake(kk_str text);

// Appends [text] with the numbers of fakes as zeros, so that two recordings can be compared.
void kk_redact_level(kk_str text, kk_buf *out);

// ---- The steps.  All append to [out], whose failure the caller looks at, and return whether
// anything was replaced.

// Whether a header of this name (in any case) is kept.  The header of the credential is the
// caller's.
bool kk_redact_keeps_header(kk_redact_side side, const char *name);

// The value of a header that is kept: x-request-id is a fixed one, location is without its query.
bool kk_redact_header(kk_redactor *self, kk_redact_side side, const char *name, kk_str value,
                      kk_buf *out);

bool kk_redact_url(kk_redactor *self, kk_redact_side side, kk_str url, kk_buf *out);
bool kk_redact_query(kk_redactor *self, kk_redact_side side, kk_str query, kk_buf *out);

// A body by its media type (NULL for none): JSON, a form, or any other bytes.  What claims to be
// JSON and is not is other bytes.
bool kk_redact_body(kk_redactor *self, kk_redact_side side, const char *media, kk_str body,
                    kk_buf *out, kk_redact_note_fn note, void *context);

// Replaces known values in the names and strings of a JSON text.  False also where it is not JSON;
// it is copied then.
bool kk_redact_known(kk_redactor *self, kk_str json, kk_buf *out);

// ---- The scan

// Called for each finding with its JSON Pointer and what it looks like; never with the value.
typedef void (*kk_redact_found_fn)(void *context, const char *pointer, const char *what);

// Looks through every name and string of a JSON text for what only a secret looks like:
// PlanetScale's tokens, JSON web tokens, PEM headers, AWS key ids, "Bearer" with a token behind it,
// user information in a URL, 32 characters or more as random as a key (not a UUID, nor what is in
// the headers etag and x-request-id), and known values.  Returns how many it found.
size_t kk_redact_scan(kk_redactor *self, kk_str json, kk_redact_found_fn found, void *context);

// Whether a text that is no JSON, such as a path, holds what the scan would find in a string.
bool kk_redact_is_suspect(kk_str text);

// Appends the text with KK_REDACT_SUSPECT in place of every string that has a finding.
void kk_redact_mask(kk_redactor *self, kk_str json, kk_buf *out);

#endif
