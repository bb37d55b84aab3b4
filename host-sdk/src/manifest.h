// A plugin's manifest: copied out of the plugin with every bound checked, then held against the
// rules of kk/plugin.h.
#ifndef KK_MANIFEST_H
#define KK_MANIFEST_H

#include "schema.h"
#include <kk/plugin.h>

// Limits of what is copied.
#define KK_MANIFEST_TEXT_MAX ((size_t)64 << 10)     // bytes of one text
#define KK_MANIFEST_TEXTS_MAX ((size_t)1 << 20)     // bytes of all texts with their NULs
#define KK_MANIFEST_STRUCT_MAX ((uint32_t)64 << 10) // bytes of one structure
#define KK_MANIFEST_LIST_MAX ((size_t)256)          // entries of one array
#define KK_MANIFEST_TOOLS_MAX ((uint32_t)1024)
#define KK_MANIFEST_FIELDS_MAX 32 // fields of a credential

// The bytes that a manifest of version 1.0 has at the least.
#define KK_MANIFEST_SIZE_1_0 (offsetof(kk_manifest, close) + sizeof(void (*)(void)))

// Memory that is freed as a whole.
typedef struct kk_chunk kk_chunk;

// Copies [raw], whose size has been checked, and all it points at: structures at this header's full
// size, the fields that the plugin lacks zero, texts as valid UTF-8 without control bytes.  *out
// and what it points at live until kk_chunk_free(*memory).
// Errors: KK_ERR_PLUGIN_REFUSED, its reason "manifest"; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_manifest_copy(const char *path, const kk_manifest *raw, kk_chunk **memory,
                                     kk_manifest **out, kk_error *err);
void kk_chunk_free(kk_chunk *self);

// Whether a copy of [raw], whose size has been checked, would be the same as the copy [known], but
// for its functions.  Of each array and text only as much is read as [known] has, so that what is
// the same has passed the checks of the copying too.
bool kk_manifest_is_same(const kk_manifest *known, const kk_manifest *raw);

// The compiled output schemas of a manifest's tools.  The input's are compiled as they are
// published, with the argument `fields`.
typedef struct kk_manifest_schemas {
    size_t count;
    kk_schema **outputs; // NULL where a tool has none
} kk_manifest_schemas;

// Checks names, schemas, formats, origins and references of a copy, and compiles its schemas.
// On success *out is for kk_manifest_schemas_clean().
// Errors: KK_ERR_PLUGIN_REFUSED, its reason "manifest"; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_manifest_check(const char *path, const kk_manifest *manifest,
                                      kk_manifest_schemas *out, kk_error *err);
void kk_manifest_schemas_clean(kk_manifest_schemas *self);

// ---- Between the files of this module

// Where in a manifest a check stands: "tool 'list_databases', example 'Print'", or "".
typedef struct kk_spot {
    const char *path;
    kk_error *err;
    char where[200];
} kk_spot;

// The spot of [noun] number [index], from 0, within [outer]; with [name] not NULL it is named so.
kk_spot kk_spot_in(const kk_spot *outer, const char *noun, size_t index, const char *name);

// Refuses the plugin because of [field] at the spot; the format says what is wrong with it.
kk_code kk_spot_refuse(const kk_spot *self, const char *field, const char *format, ...)
    KK_PRINTF(3, 4);

// Checks the credentials of a manifest.
KK_MUST_USE kk_code kk_manifest_check_credentials(const kk_spot *top, const kk_manifest *manifest);

// Whether [name] is [a-z0-9]+ joined by single [joint].
bool kk_manifest_word_is_valid(const char *name, char joint);

#endif
