// A tape: recorded HTTP exchanges in a HAR 1.2 file, and the finding of the one that answers a
// request.
//
// The profile is described in host-sdk/docs/tapes.md.  Loading is strict: an unknown member that
// does not begin with '_', a wrong type, a duplicate name or a derived copy that contradicts its
// source is refused with its JSON Pointer.  A loaded tape is immutable but for which entries are
// used.
//
// The key of a request is its method, its URL in normal form, its query as pairs sorted by name,
// its body (JSON compared as values, other bodies as bytes), the media type of its content-type,
// and the shape of its authorization: the placeholders of the fields in it.  With an `_account` in
// the entry, the account too.  A tape without any authorization compares none.  Keys are computed
// at load and never stored.
//
// Threads: kk_tape_claim() may run on many threads at once; everything it hands out stays until
// kk_tape_free().
#ifndef KK_TAPE_INTERNAL_H
#define KK_TAPE_INTERNAL_H

#include "str.h"
#include "transport.h"
#include <kk/tape.h>

// The most bytes of a tape file.
#define KK_TAPE_MAX ((size_t)256 << 20)

// As kk_tape_load(), from memory; [name] stands for the path in messages.
KK_MUST_USE kk_code kk_tape_parse(kk_str text, const char *name, kk_tape **out, kk_error *err);

// When the tape was recorded, in milliseconds since 1970-01-01 UTC: where virtual time begins.
int64_t kk_tape_recorded_ms(const kk_tape *self);

// ---- Accounts of a tape

// One of log._tape.accounts; without that member there is one account `main` for every plugin,
// whose scheme is NULL: the first authorization shape in the tape decides it.
typedef struct kk_tape_account {
    const char *plugin; // NULL = every plugin
    const char *name;
    const char *scheme; // NULL = the first shape; see kk_tape_shape()
    bool is_default;
} kk_tape_account;

size_t kk_tape_account_count(const kk_tape *self);
const kk_tape_account *kk_tape_account_at(const kk_tape *self, size_t index);

// The first authorization value in the tape, "{{SERVICE_TOKEN_ID}}:{{SERVICE_TOKEN}}", or NULL if
// no request has one.
const char *kk_tape_shape(const kk_tape *self);

// ---- Claiming

// One answer: a response, or a failure that was recorded.  All borrowed from the tape.
typedef struct kk_tape_answer {
    const char *id;       // the entry's _id, or NULL
    kk_code failure;      // KK_OK, or what to fail with
    kk_sent failure_sent; // for a failure
    const char *message;  // for a failure: how it was told when it was recorded, or NULL
    const char *hint;     // for a failure: what was advised, or NULL
    uint64_t took_ms;     // how long the exchange took when it was recorded
    unsigned status;
    const kk_header *headers;
    size_t header_count;
    kk_str body; // followed by a NUL
} kk_tape_answer;

// Finds the first entry with the request's key that has uses left, takes one use, and gives its
// answer.
//
// Errors: KK_ERR_REPLAY_MISS.  err->reason is one of no_entry, exhausted, out_of_order,
// query_differs, body_differs, redaction_unknown_secret, auth_shape_differs, header_differs (one
// that `_match` names), account_differs; the message names the request, the tape, the nearest entry
// and up to three differences as JSON Pointers with both values cut at 80 bytes, and the two next
// entries; the hint says what to do.
KK_MUST_USE kk_code kk_tape_claim(kk_tape *self, const kk_request *request, kk_tape_answer *out,
                                  kk_error *err);

#endif
