// Argument schemas: the part of JSON Schema that kk understands, and the checking of values against
// it.
//
// Keywords: type (a name, or a list of names that may hold "null"), properties, required,
// additionalProperties, items, enum, const, default, minimum, maximum, minLength, maxLength,
// minItems, maxItems, uniqueItems, title, description, and `x-kk-segment: true`: a string that
// becomes one segment of a URL's path.  Any other keyword refuses the schema by name, so that no
// plugin relies on a check that is not made.  Lengths count Unicode characters; a segment's 255 are
// bytes.  An integer is written as one and has at most 64 bits: 1.0 and 1e3 are not integers.  For
// enum, const and uniqueItems two objects are equal when their members come in the same order.
//
// A compiled schema is immutable and may be used on many threads.
#ifndef KK_SCHEMA_H
#define KK_SCHEMA_H

#include "buf.h"
#include "str.h"
#include <kk/error.h>

typedef struct kk_schema kk_schema;

// Compiles [text].  *out is new, freed with kk_schema_free().
// Errors: KK_ERR_INVALID_ARGS with the JSON Pointer into the schema in err->argument,
// KK_ERR_INTERNAL (no memory).
KK_MUST_USE kk_code kk_schema_compile(kk_str text, kk_schema **out, kk_error *err);
void kk_schema_free(kk_schema *self);

// Checks the JSON text [value].  The first fault is reported: err->argument is its JSON Pointer,
// the message says what was expected and found, an unknown member comes with near names, a missing
// one with its description.  The message ends in
// "; nothing was sent" if [arguments] is true: the value is then the arguments of a function, to be
// spoken of as such, and an unknown member of the outermost object is refused unless the schema
// says additionalProperties.  Errors: KK_ERR_INVALID_ARGS, KK_ERR_INTERNAL (no memory).
KK_MUST_USE kk_code kk_schema_check(const kk_schema *self, kk_str value, bool arguments,
                                    kk_error *err);

// One property of the object that a schema describes, in the order in which the schema names them.
// Borrowed.
typedef struct kk_schema_property {
    const char *name;
    const char *type;        // "string", "integer", "string | null", "array of string", "any"
    const char *description; // or ""
    const char *value;       // the default as JSON text, or NULL
    const char *choices;     // the enum as JSON text, or NULL
    const char *scalar; // the first type that is not null: how a command line reads "key=value"
    const char *item_scalar; // for an array: the same of its items; else NULL
    bool required;
} kk_schema_property;

// NULL has none.
size_t kk_schema_property_count(const kk_schema *self);
const kk_schema_property *kk_schema_property_at(const kk_schema *self, size_t index);
const kk_schema_property *kk_schema_property_find(const kk_schema *self, const char *name);

// Whether the schema describes the field path [field], names joined by '.', below the value at the
// JSON Pointer [at] (NULL or "" for the value itself; an array's elements are reached through
// `items`).  With [names] not NULL, near names of the first unknown segment are written into it.
bool kk_schema_has_field(const kk_schema *self, const char *at, const char *field, char *names,
                         size_t names_size);

#endif
