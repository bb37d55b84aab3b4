// JSON, read and rewritten byte for byte.
//
// Two ways to handle JSON, and nothing else in the project touches it:
//
//   kk_json_reader   a pull reader over a text in memory.  It never converts: a number or a string
//                    is the span of the text that it stands in, so 2^63, 1e400, thirty digits,
//                    \u0000 and lone surrogates reach the caller as they were sent.  The rewriting
//                    functions below are made of it.
//   kk_json_parse    a checked cJSON tree, for arguments, manifests, configuration, errors and
//                    tapes.
//
// Both accept exactly RFC 8259: one value, nothing but white space around it, valid UTF-8, at most
// KK_JSON_DEPTH_MAX levels.  A lone surrogate written as an escape is grammatical and is kept; raw
// bytes that are not UTF-8 are refused.
//
// Part of the small static library that the host, the command line and our plugin share.
#ifndef KK_JSON_H
#define KK_JSON_H

#include "buf.h"
#include "str.h"
#include <cjson/cJSON.h>
#include <kk/error.h>

// The deepest nesting of arrays and objects; [[]] is two levels.
#define KK_JSON_DEPTH_MAX 1024

typedef enum kk_json_kind {
    KK_JSON_ERROR, // the text is not JSON; see reader.problem and reader.at
    KK_JSON_END,   // the one value is complete and only white space followed
    KK_JSON_OBJECT,
    KK_JSON_OBJECT_END,
    KK_JSON_ARRAY,
    KK_JSON_ARRAY_END,
    KK_JSON_NAME, // a member's name; the next token begins its value
    KK_JSON_STRING,
    KK_JSON_NUMBER,
    KK_JSON_TRUE,
    KK_JSON_FALSE,
    KK_JSON_NULL
} kk_json_kind;

// The state of a reader.  The fields above the line are for the user, all are read-only to it.
typedef struct kk_json_reader {
    kk_str raw;          // the token: names and strings with their quotes and escapes
    size_t at;           // offset of the first byte after the token, or of the error
    size_t depth;        // levels that are open after the token
    const char *problem; // on KK_JSON_ERROR: a sentence fragment, "a comma or ']' is missing"
    // ---
    kk_str text;
    uint8_t expect;
    uint8_t levels[KK_JSON_DEPTH_MAX / 8]; // one bit a level: 1 = object
} kk_json_reader;

// [text] is borrowed until the reader is no longer used.  Nothing is allocated, nothing has to be
// cleaned.
void kk_json_reader_init(kk_json_reader *self, kk_str text);

// The next token.  After KK_JSON_ERROR and KK_JSON_END it keeps returning the same.
kk_json_kind kk_json_next(kk_json_reader *self);

// Reads to the end of the value whose first token was [first], just returned by kk_json_next(), and
// gives in *raw all of the value's bytes.  False if the text is not JSON.
bool kk_json_finish_value(kk_json_reader *self, kk_json_kind first, kk_str *raw);

// Whether a raw string or name, with its quotes, means the same as [text], escapes resolved.
bool kk_json_string_is(kk_str raw, kk_str text);

// Appends what a raw string means, as UTF-8.  A lone surrogate becomes U+FFFD; \u0000 becomes a NUL
// byte.
void kk_json_unescape(kk_str raw, kk_buf *out);

// Whether what a raw string means can be kept as NUL-terminated UTF-8: it holds no \u0000 and no
// lone surrogate.
bool kk_json_string_is_text(kk_str raw);

// Whether a raw string or name means the same as [segment], one segment of a JSON Pointer without
// its '/', `~0` and `~1` resolved.
bool kk_json_segment_is(kk_str raw, kk_str segment);

// Appends [name] to a JSON Pointer as a further segment: '/', then the name with '~' and '/'
// written as `~0` and `~1`.  Of a name that is too long, as much as fits.
void kk_json_write_segment(kk_buf *out, kk_str name);

// Appends [text] as a JSON string with quotes.  Bytes that are not UTF-8 become U+FFFD.
void kk_json_write_string(kk_buf *out, kk_str text);

// A raw number as a 64-bit integer.  False unless it is written as an integer (no point, no
// exponent) and fits.
bool kk_json_integer(kk_str raw, int64_t *out);

// ---- Whole texts

// Checks that [text] is one JSON value.  Errors: KK_ERR_PROTOCOL with the offset and the problem;
// never quotes the text.
KK_MUST_USE kk_code kk_json_check(kk_str text, kk_error *err);

// Appends [text] without white space, or with one member a line indented by two spaces.  Names,
// strings and numbers are copied as they stand.  Errors: KK_ERR_PROTOCOL, and what kk_buf_check()
// gives.
KK_MUST_USE kk_code kk_json_compact(kk_str text, kk_buf *out, kk_error *err);
KK_MUST_USE kk_code kk_json_indent(kk_str text, kk_buf *out, kk_error *err);

// Finds the value at a JSON Pointer (RFC 6901).  Of duplicate members the last is taken.  False if
// there is none or the text is not JSON.
bool kk_json_find(kk_str text, const char *pointer, kk_str *raw);

// Members that a rewrite adds to an object.  [value] is JSON text and is borrowed.
typedef struct kk_json_member {
    const char *name;
    kk_str value;
} kk_json_member;

// The members of one object as they stand in its text: raw names and values, in order, duplicates
// kept.
typedef struct kk_json_pair {
    kk_str name;
    kk_str value;
} kk_json_pair;

typedef struct kk_json_object {
    const kk_json_pair *pairs; // count of them
    size_t count;
} kk_json_object;

// The raw value of the member [name], of several the last.  False if there is none.
bool kk_json_object_get(const kk_json_object *object, const char *name, kk_str *raw);

// Called by kk_json_extend() for one object.  Writes at most KK_JSON_ADDED_MAX members into [added]
// and returns how many; a member whose name the object already has is not added.  [scratch] holds
// text that the members point at until the next call.  It may have been called before the text
// turns out not to be JSON.
#define KK_JSON_ADDED_MAX 8
typedef size_t (*kk_json_extend_fn)(void *context, const kk_json_object *object,
                                    kk_json_member *added, kk_buf *scratch);

// What goes into a text that itself stays as it is: one addition for each place, in their order.
typedef struct kk_json_addition {
    const char *at; // the byte of the text that it goes in front of
    size_t end;     // of its own bytes in kk_json_additions.text; they begin where the last one's
                    // end
} kk_json_addition;

// Zero but for the ceiling of its text, and cleaned with kk_json_additions_clean().
typedef struct kk_json_additions {
    kk_buf text;
    kk_json_addition *places; // count of them
    size_t count;
    size_t capacity;
} kk_json_additions;

void kk_json_additions_clean(kk_json_additions *self);

// What kk_json_extend() came by, so that who needs to know does not read the text again.
typedef struct kk_json_extent {
    kk_json_kind kind; // of the value itself
    // From behind the '[' of the array at [rows] to the end of its last element; of duplicate
    // members the last counts.  ptr is NULL if there is no array.
    kk_str rows;
    size_t row_count;
} kk_json_extent;

// Finds what has to go into [text] for members to be added: to every object that is an element of
// the array at the JSON Pointer [rows], or to the value itself if [rows] is NULL.  Appends it to
// [out], which points into [text].  Nothing is added if there is no array at [rows], the value is
// not an object, or [extend] is NULL.  The text is read once; *extent, unless [extent] is NULL,
// tells what it is.
// Errors: KK_ERR_PROTOCOL, and what kk_buf_check() gives; [out] is of no use then.
KK_MUST_USE kk_code kk_json_extend(kk_str text, const char *rows, kk_json_extend_fn extend,
                                   void *context, kk_json_additions *out, kk_json_extent *extent,
                                   kk_error *err);

// Takes the next piece of a text with what goes into it.
typedef void (*kk_json_piece_fn)(void *context, kk_str piece);

// Hands on [part], which is the text that was extended or lies in it, piece by piece with the
// additions that go into it or behind it.  No piece is empty.
void kk_json_merge(kk_str part, const kk_json_additions *added, kk_json_piece_fn take,
                   void *context);

// What kk_json_project() keeps.  A field is a member name, or names joined by '.' that reach into
// objects.
typedef struct kk_json_projection {
    // JSON Pointer of the array whose elements are projected, or NULL: the value itself.
    const char *rows;
    const char *const *fields; // count of them
    size_t count;
} kk_json_projection;

// Appends [text] with only the chosen fields: of each element of the rows, or of the value itself
// if there is no array at [rows].  Members outside the rows stay, with their order and bytes.  A
// field that an element lacks is left out. `region.slug` keeps {"region":{"slug":...}}.  When the
// projection falls on the value itself, the members named "complete" and "hint" stay too.
// Errors: KK_ERR_PROTOCOL, and what kk_buf_check() gives.
KK_MUST_USE kk_code kk_json_project(kk_str text, const kk_json_projection *projection, kk_buf *out,
                                    kk_error *err);

// Appends [text] with the string "[masked]" in place of every value at one of [pointers], a
// NULL-terminated list in which the segment `*` stands for every element of an array or member of
// an object.
// Errors: KK_ERR_PROTOCOL, and what kk_buf_check() gives.
KK_MUST_USE kk_code kk_json_mask(kk_str text, const char *const *pointers, kk_buf *out,
                                 kk_error *err);

// ---- Trees

// Parses [text] into a tree after checking it as above, so that cJSON never sees what it would
// misread.  A member name that occurs twice in one object is refused, naming it.  *out is new: the
// caller's, for cJSON_Delete().  cJSON keeps numbers as double: take integers above 2^53 from the
// reader.  [what] names the text for the message ("the tape").
// Errors: KK_ERR_PROTOCOL, KK_ERR_INTERNAL.  A caller with a code of its own maps them.
KK_MUST_USE kk_code kk_json_parse(kk_str text, const char *what, cJSON **out, kk_error *err);

// The member [name] of an object, exact in case, or NULL; also NULL for a NULL object.
const cJSON *kk_json_get(const cJSON *object, const char *name);

// The text of the string member [name], or NULL if it is missing or no string.
const char *kk_json_text(const cJSON *object, const char *name);

// Appends a tree without white space.  Fails the buffer if memory runs out.
void kk_json_print(const cJSON *tree, kk_buf *out);

#endif
