// The `fields` argument that the host adds to every function: taken out of the arguments, and
// applied to the result.
#ifndef KK_FIELDS_H
#define KK_FIELDS_H

#include "buf.h"
#include "registry.h"

typedef struct kk_fields {
    char **names; // count of them
    size_t count;
} kk_fields;

// Appends [args], a JSON object that satisfies the published schema, to [rest] without its member
// `fields`, byte for byte, and reads that member's names.  *out is new, freed with
// kk_fields_clean(); without the member it is empty.  Where the tool has an output schema, a name
// that it does not describe is refused with near names.
// Errors: KK_ERR_INVALID_ARGS, KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_fields_take(const kk_entry *entry, kk_str args, kk_buf *rest, kk_fields *out,
                                   kk_error *err);

// Appends [result] with only the chosen fields; as it is if none were chosen.
// Errors: KK_ERR_BAD_OUTPUT, KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_fields_apply(const kk_fields *self, const kk_entry *entry, kk_str result,
                                    kk_buf *out, kk_error *err);

void kk_fields_clean(kk_fields *self);

#endif
