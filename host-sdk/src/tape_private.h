// What the parts of the tape share: the loaded form, the normal form of a request, and memory that
// is freed at once.
#ifndef KK_TAPE_PRIVATE_H
#define KK_TAPE_PRIVATE_H

#include "json.h"
#include "tape.h"
#include <pthread.h>

// The most entries of a tape, and the most of the short lists inside one.
#define KK_TAPE_ENTRIES_MAX 200000
#define KK_TAPE_LIST_MAX 1000

// ---- Memory that is freed at once

typedef struct kk_arena_chunk kk_arena_chunk;

// Zero is an empty arena.  A large piece gets a chunk of its own.
typedef struct kk_arena {
    kk_arena_chunk *chunks;
    size_t left; // of the first chunk
} kk_arena;

// [len] bytes, aligned for any type and zero, or NULL if memory runs out.
void *kk_arena_take(kk_arena *self, size_t len);

// A copy of [view] followed by a NUL.  NULL if memory runs out.
char *kk_arena_copy(kk_arena *self, kk_str view);

// What [buf] holds, copied as above and taken out of it, which is empty afterwards.  Empty, with
// ptr NULL, if the buffer has failed or memory runs out.
kk_str kk_arena_keep(kk_arena *self, kk_buf *buf);

void kk_arena_clean(kk_arena *self);

// ---- Normal forms

// JSON values at these JSON Pointers are left out of a comparison.
typedef struct kk_tape_ignored {
    const char **pointers;
    size_t count;
} kk_tape_ignored;

// Appends [text] in the form in which equal values are equal bytes: no white space, members sorted
// by name, strings with only the escapes they need, numbers as decimals in one spelling.  False if
// the text is not JSON; out of memory shows in out->failed.
bool kk_tape_canonical(kk_str text, const kk_tape_ignored *ignored, kk_buf *out);

// Appends the pairs of a query or a form: decoded, sorted by name with the order of equal names
// kept, encoded again in one spelling.
void kk_tape_pairs(kk_str text, kk_buf *out);

// What a body is compared as.
typedef enum kk_tape_form {
    KK_TAPE_NO_BODY,
    KK_TAPE_BYTES,
    KK_TAPE_PAIRS,
    KK_TAPE_JSON
} kk_tape_form;

// A request in normal form.
typedef struct kk_tape_key {
    kk_str method;
    bool secure;
    uint16_t port;
    kk_str host; // lower case
    kk_str path;
    kk_str query; // as kk_tape_pairs() writes it
    kk_str media; // of the body: the media type in lower case; empty for none
    kk_tape_form form;
    kk_str body;
    kk_str whole;      // the body as it came, but for what redaction replaces
    kk_str shape_name; // the header in which the credential goes, in lower case; empty for none
    kk_str shape;      // its value with the placeholders; never a literal credential
    uint64_t place;    // hash of method, path and query
    uint64_t all;      // and of the body
} kk_tape_key;

// What a key is made of.
typedef struct kk_tape_source {
    const char *method;
    const char *url;
    kk_str body;              // ptr NULL = none
    const char *content_type; // or NULL
    kk_header credential;     // name NULL = none
    const kk_tape_ignored *ignored;
} kk_tape_source;

// URL and body are redacted first, on the tape's side as on the request's, so that what a recording
// replaced does not keep a request from matching.
// Errors: KK_ERR_INVALID_ARGS for the URL; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_tape_key_make(const kk_tape_source *source, kk_arena *arena,
                                     kk_tape_key *out, kk_error *err);

// Whether a header's value has a {{FIELD}} placeholder and around it only what a credential's
// format may hold.
bool kk_tape_is_shape(kk_str value);

// The value of the header [name], without regard to case, or NULL.
const char *kk_tape_header(const kk_header *headers, size_t count, const char *name);

// ---- The loaded tape

typedef enum kk_tape_repeat {
    KK_TAPE_TIMES, // `times` uses
    KK_TAPE_LAST,  // one use, and more when nothing else with its key is left
    KK_TAPE_ANY    // any number of uses, also none
} kk_tape_repeat;

// How one entry departs from the ordinary comparison: `_match`.
typedef struct kk_tape_match {
    kk_tape_ignored ignored;
    const char **headers; // compared too
    size_t header_count;
    bool body_ignored;
} kk_tape_match;

typedef struct kk_tape_entry kk_tape_entry;
struct kk_tape_entry {
    const char *id;       // or NULL
    const char *id_where; // in the file's text, while it is loaded
    size_t number;        // place in the file, from 1
    size_t line;          // in the file, from 1
    int64_t seq;
    const char *account; // or NULL
    const char *method;  // as written
    const char *url;
    size_t request_bytes; // of its body
    int64_t started_ms;   // 0 = not said
    kk_tape_match match;
    const kk_header *headers; // of the request
    size_t header_count;
    kk_tape_key key;
    bool any_origin; // below log._tape.base_url
    bool optional;
    kk_tape_repeat repeat;
    uint32_t times;
    kk_tape_answer answer;
    // Under the tape's lock.
    uint32_t used;
    kk_tape_entry *next; // with the same hash, by order; entries without uses left are taken out
};

struct kk_tape {
    char *path;
    kk_arena arena;
    int64_t recorded_ms;
    const kk_header *variables; // names and texts
    size_t variable_count;
    uint32_t expires_days; // 0 = not said
    bool strict_order;
    kk_tape_account *accounts;
    size_t account_count;
    const char *shape;      // the first; NULL = shapes are not compared
    kk_tape_entry *entries; // in the order of use
    size_t entry_count;
    // Entries by key.all; those with a `_match` by key.place.  A power of two of each.
    kk_tape_entry **by_all;
    kk_tape_entry **by_place;
    size_t bucket_count;
    pthread_mutex_t lock;
    size_t first_open;   // under the lock: all entries before it have had the uses they need
    size_t last_claimed; // under the lock: for strict order, 1 + the index; 0 = none
};

// Sorts the entries, and makes the buckets.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_tape_index(kk_tape *self, kk_error *err);

// ---- Comparing

// The parts of a request that an entry differs in.
enum {
    KK_TAPE_METHOD = 1,
    KK_TAPE_ORIGIN = 2,
    KK_TAPE_PATH = 4,
    KK_TAPE_QUERY = 8,
    KK_TAPE_BODY = 16,
    KK_TAPE_MEDIA = 32,
    KK_TAPE_SHAPE = 64,
    KK_TAPE_HEADER = 128,
    KK_TAPE_ACCOUNT = 256
};

// A request that is being looked for.
typedef struct kk_tape_asked {
    const kk_request *request;
    kk_tape_key key;
    kk_arena arena;
} kk_tape_asked;

// The request's body as [entry] compares it.  ptr NULL if memory runs out.
kk_str kk_tape_asked_body(kk_tape_asked *asked, const kk_tape_entry *entry);

// Which parts differ; 0 = the entry answers the request.
unsigned kk_tape_differs(const kk_tape *self, const kk_tape_entry *entry, kk_tape_asked *asked);

// Whether the entry may be used once more.
bool kk_tape_has_uses(const kk_tape_entry *entry);

// Whether an entry still has to be used before a tape counts as played.
bool kk_tape_is_open(const kk_tape_entry *entry);

// ---- Saying what differs

// The most differences that are looked for.
#define KK_TAPE_DIFFERENCES_MAX 50

typedef struct kk_tape_difference {
    char pointer[96];
    char tape[96]; // "(absent)" where there is no value
    char request[96];
} kk_tape_difference;

// What was found: how many differences, and the first few of them.
typedef struct kk_tape_differences {
    kk_tape_difference shown[3];
    size_t count;
} kk_tape_differences;

// Compares two texts as kk_tape_canonical() or kk_tape_pairs() wrote them.
void kk_tape_diff_json(kk_str tape, kk_str request, kk_tape_differences *out);
void kk_tape_diff_pairs(kk_str tape, kk_str request, kk_tape_differences *out);

// Writes at most 80 bytes of [text] with control bytes and what is not UTF-8 escaped; of a text
// that holds what looks like a secret, KK_REDACT_SUSPECT.
void kk_tape_show(kk_str text, char *out, size_t out_size);

// Fills [err] for a request that no entry answers.  Under the tape's lock.
kk_code kk_tape_miss(kk_tape *self, kk_tape_asked *asked, kk_error *err);

// The same for an entry that strict order does not allow yet, or any more.
kk_code kk_tape_miss_order(kk_tape *self, kk_tape_asked *asked, const kk_tape_entry *wanted,
                           kk_error *err);

// ---- Reading the file

typedef struct kk_tape_loader {
    kk_tape *tape;
    kk_str text; // without a byte order mark
    kk_json_reader reader;
    kk_buf scratch;
    kk_arena work; // what is needed only while loading
    kk_error *err;
    const char *base_url;
    kk_tape_match match; // of the whole tape
    const char *line_at; // where the counting of lines has come to
    size_t line;
    bool has_head; // log._tape has been read
    kk_tape_entry *entries;
    size_t entry_count;
    size_t entry_capacity;
    bool has_accounts;
    int64_t first_started_ms; // of the first entry that says so; 0 = none
} kk_tape_loader;

// Which kinds of value a member may have, as bits.
#define KK_TAPE_IS(kind) (1U << (kind))
#define KK_TAPE_IS_BOOL (KK_TAPE_IS(KK_JSON_TRUE) | KK_TAPE_IS(KK_JSON_FALSE))
#define KK_TAPE_IS_ANY 0xFFFFU

// Reads one value whose first token the reader has just given.
typedef kk_code (*kk_tape_read_fn)(kk_tape_loader *self, kk_json_kind kind, void *target);

// One member that an object may have.  Without [read] the raw bytes of the value go into the kk_str
// at [at]; with it, [at] is where the target of the reading lies.  KK_TAPE_UNREAD: the kind is
// checked, and that is all.
typedef struct kk_tape_member {
    const char *name;
    unsigned kinds;
    size_t at;
    kk_tape_read_fn read;
} kk_tape_member;
#define KK_TAPE_UNREAD ((size_t)-1)

// Reads an object's members by a table of at most 32.  Other names that begin with '_' are passed
// over, other names refused.
kk_code kk_tape_read_members(kk_tape_loader *self, const kk_tape_member *members, size_t count,
                             void *target);

// Checks grammar, and that no object has a name twice.
kk_code kk_tape_check_text(kk_tape_loader *self);

// Refuses the tape because of the value (or name) at [where], bytes of the text.
kk_code kk_tape_refuse(kk_tape_loader *self, kk_str where, const char *format, ...) KK_PRINTF(3, 4);

// The line of the text on which [where] stands, from 1.
size_t kk_tape_line(const kk_tape_loader *self, const char *where);

kk_code kk_tape_no_memory(kk_tape_loader *self);

// The meaning of a raw string, kept by the tape; refused if it holds control bytes.
kk_code kk_tape_take_text(kk_tape_loader *self, kk_str raw, const char **out);

// The same for bytes that may hold anything.
kk_code kk_tape_take_bytes(kk_tape_loader *self, kk_str raw, kk_str *out);

// An integer from [least] to [most].
kk_code kk_tape_take_integer(kk_tape_loader *self, kk_str raw, int64_t least, int64_t most,
                             int64_t *out);

// A length of time in milliseconds, 0 to a day, from a number whose fraction does not count.
kk_code kk_tape_take_ms(kk_tape_loader *self, kk_str raw, uint64_t *out);

// Refuses what is not the name of a method: letters in upper case.
kk_code kk_tape_check_method(kk_tape_loader *self, kk_str raw, const char *method);

// A point in time as RFC 3339 writes it, of the years 1970 to 9999 in UTC, in milliseconds since
// 1970-01-01.
bool kk_tape_time(const char *text, int64_t *unix_ms);
#define KK_TAPE_TIME_PROBLEM "this has to be a time like 2026-11-23T10:00:00Z"

// Arrays of {name, value}.
typedef struct kk_tape_headers {
    kk_str where;
    kk_header *list;
    size_t count;
} kk_tape_headers;
kk_code kk_tape_read_headers(kk_tape_loader *self, kk_json_kind kind, void *target);

// An array that has to be empty: cookies.
kk_code kk_tape_read_empty(kk_tape_loader *self, kk_json_kind kind, void *target);

// A list of texts.
typedef struct kk_tape_texts {
    const char **list;
    size_t count;
} kk_tape_texts;
kk_code kk_tape_read_texts(kk_tape_loader *self, kk_json_kind kind, void *target);

// postData or content, as raw bytes of the file; ptr NULL where absent.
typedef struct kk_tape_raw_body {
    kk_str where;
    kk_str mime_type;
    kk_str text;
    kk_str encoding;
    kk_str base64;
    kk_str json;
} kk_tape_raw_body;
kk_code kk_tape_read_post_data(kk_tape_loader *self, kk_json_kind kind, void *target);
kk_code kk_tape_read_content(kk_tape_loader *self, kk_json_kind kind, void *target);

// The bytes of the body, kept by the tape; ptr NULL where there is none.
kk_code kk_tape_take_body(kk_tape_loader *self, const kk_tape_raw_body *raw, kk_str *out);

// Appends what base64 stands for.  False if it is not written in full: groups of four, padded, no
// bits left over.
bool kk_tape_decode_base64(kk_str text, kk_buf *out);

// Appends the bytes as base64, in groups of four, padded.
void kk_tape_encode_base64(kk_str bytes, kk_buf *out);

// Whether a body can stand on a tape as text: UTF-8 without a NUL.
bool kk_tape_is_text(kk_str body);

// `_match` and `_failure`.
kk_code kk_tape_read_match(kk_tape_loader *self, kk_json_kind kind, void *target);

typedef struct kk_tape_raw_failure {
    kk_str where;
    kk_str kind;
    kk_str phase;
    kk_str sent;
    kk_str hint;
    kk_str curl_code;
    kk_str after_bytes;
} kk_tape_raw_failure;
kk_code kk_tape_read_failure(kk_tape_loader *self, kk_json_kind kind, void *target);

// What the failure and the status beside it come to.
kk_code kk_tape_take_failure(kk_tape_loader *self, const kk_tape_raw_failure *raw,
                             kk_tape_answer *answer);

// log._tape.variables.
kk_code kk_tape_read_variables(kk_tape_loader *self, kk_json_kind kind, void *target);

// One entry, appended to the loader's.
kk_code kk_tape_read_entry(kk_tape_loader *self);

#endif
