// What the parts of the redactor share.
//
//     redact.c         the redactor, headers, URLs, forms
//     redact_known.c   finding known values in all their forms
//     redact_names.c   which names are sensitive, and what takes the place of their values
//     redact_json.c    walking JSON
//     redact_scan.c    the last look
#ifndef KK_REDACT_PRIVATE_H
#define KK_REDACT_PRIVATE_H

#include "json.h"
#include "redact.h"
#include "secret.h"
#include <stdint.h>

// ---- Known values

// Layers of escapes that are looked behind.
#define KK_REDACT_LAYERS 4

// The most values that are learnt from answers; those after them are replaced where they stand, but
// not looked for elsewhere.
#define KK_REDACT_LEARNT_MAX 4096

// One form of a known value.
typedef struct kk_redact_pattern {
    kk_str bytes;
    bool any_case;
    const char *stand_in;           // what takes its place: the redactor's
    struct kk_redact_pattern *next; // with the same hash
} kk_redact_pattern;

// Values to look for, all in one pass.
typedef struct kk_redact_known_set {
    kk_redact_pattern *slots[1 << 12];
    uint64_t seen[(1 << 16) / 64]; // hashes of the first bytes of all patterns
    size_t count;
} kk_redact_known_set;

// Adds one form; [pattern] and what it points at stay the caller's.
void kk_redact_set_add(kk_redact_known_set *self, kk_redact_pattern *pattern);

// Appends [text] with every pattern replaced; [percent] for a URL, where what takes the place of
// percent-encoded bytes is encoded too.  False, with nothing appended, if there is none.
bool kk_redact_replace(const kk_redact_known_set *self, kk_str text, bool percent, kk_buf *out);

// Whether any pattern stands in [text].
bool kk_redact_holds(const kk_redact_known_set *self, kk_str text);

// The same for a string or name of JSON as it is written: a pattern may stand over the border of an
// escape, so that what the string means does not hold it.
bool kk_redact_holds_written(const kk_redact_known_set *self, kk_str raw);

// Appends [text] with one layer of escapes taken off; [from], if not NULL, gets where each byte
// came from and the end: room for text.len + 1.  Returns how many bytes; never more than there
// were.
size_t kk_redact_unwrap(kk_str text, char *out, uint32_t *from);

// ---- The redactor

#define KK_REDACT_BUCKETS 1024
typedef struct kk_redact_value kk_redact_value;

struct kk_redactor {
    kk_redact_known_set known;
    kk_redact_value *values[KK_REDACT_BUCKETS]; // all, the learnt ones too
    size_t learnt;
    uint64_t last_fake;
};

// What takes the place of [value] in this tape; the same for the same value.  NULL if memory runs
// out.  [make] writes a fake with the number it is given.
typedef void (*kk_redact_make_fn)(kk_str value, uint64_t number, kk_buf *out);
const char *kk_redactor_stand_in(kk_redactor *self, kk_str value, kk_redact_make_fn make);

// Appends [text] with known values replaced, and returns whether there was any; else appends it as
// it is.  [self] may be NULL.
bool kk_redact_text(kk_redactor *self, kk_str text, bool percent, kk_buf *out);

// ---- Names and fakes

typedef enum kk_redact_kind {
    KK_REDACT_PLAIN, // not sensitive
    KK_REDACT_SECRET,
    KK_REDACT_EMAIL,
    KK_REDACT_LINK,   // of a person's picture
    KK_REDACT_PERSON, // only in an object that has a mail address or a picture
} kk_redact_kind;

kk_redact_kind kk_redact_kind_of(kk_redact_side side, kk_str name);

// Whether a parameter of a query is one of a signature.
bool kk_redact_is_signature(kk_str name);

// Whether a value is nobody's: empty, made of placeholders, a fake, or at a reserved name.
bool kk_redact_is_harmless(kk_redact_kind kind, kk_str value);

// Appends what takes the place of a sensitive text.
void kk_redact_write_fake(kk_redactor *self, kk_redact_side side, kk_redact_kind kind, kk_str value,
                          kk_buf *out);

// The same for a sensitive number, as JSON text.
void kk_redact_write_number(kk_redactor *self, kk_redact_side side, kk_str raw, kk_buf *out);

// ---- JSON

// A name, string or number that a walk has come to.
typedef struct kk_redact_token {
    kk_json_kind kind;    // KK_JSON_NAME, STRING or NUMBER
    kk_str raw;           // as it stands in the text
    kk_str plain;         // what a name or string means
    kk_redact_kind field; // by the name that it, or something around it, stands under
    const char *pointer;  // JSON Pointer; of a name, that of its object
    kk_str object;        // the text from the innermost object on
} kk_redact_token;

// Visits every name, string and number of a text, and puts in their place what the visitor wants.
typedef struct kk_redact_walk kk_redact_walk;
struct kk_redact_walk {
    kk_str text;
    kk_redact_side side;
    // Appends JSON text that takes the token's place, and returns true; or appends nothing.
    bool (*visit)(kk_redact_walk *self, const kk_redact_token *token, kk_buf *fresh);
    void *context;
    bool wants_fields; // the visitor looks at the kinds of fields
    kk_buf *out;       // gets the text; NULL for a look only
    // ---
    kk_json_reader reader;
    size_t done; // bytes of the text that were copied
    kk_buf path;
    kk_buf plain;
    kk_buf fresh;
    bool changed;
};

// False if the text is not JSON or memory ran out; what was appended by then is the caller's to
// drop.
bool kk_redact_walk_run(kk_redact_walk *self);

// Redacts a JSON text.  False, with [out] as it was, if it is not JSON; else *changed tells.
bool kk_redact_json(kk_redactor *self, kk_redact_side side, kk_str json, kk_buf *out, bool *changed,
                    kk_redact_note_fn note, void *context);

#endif
