// The tables of a manifest's structures, and the memory of copies.
#include "manifest_shape.h"
#include <stdlib.h>
#include <string.h>

struct kk_chunk {
    kk_chunk *next;
    _Alignas(max_align_t) char bytes[];
};

void *kk_chunk_take(kk_chunk **memory, size_t size)
{
    kk_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->next = *memory;
    *memory = chunk;
    return chunk->bytes;
}

void kk_chunk_free(kk_chunk *self)
{
    while (self != NULL) {
        kk_chunk *next = self->next;
        free(self);
        self = next;
    }
}

const void *kk_member_get(const void *base, size_t offset)
{
    const void *pointer;
    memcpy(&pointer, (const char *)base + offset, sizeof pointer);
    return pointer;
}

void kk_member_set(void *base, size_t offset, const void *pointer)
{
    memcpy((char *)base + offset, &pointer, sizeof pointer);
}

void kk_shape_drop_pointers(const kk_shape *of, void *base)
{
    char *bytes = base;
    for (size_t i = 0; i < of->member_count; i++) {
        memset(bytes + of->members[i].offset, 0, sizeof(void *));
    }
    if (of == &kk_manifest_shape) {
        memset(bytes + offsetof(kk_manifest, tools), 0, sizeof(void *));
        memset(bytes + offsetof(kk_manifest, open), 0, sizeof(((kk_manifest *)NULL)->open));
        memset(bytes + offsetof(kk_manifest, close), 0, sizeof(((kk_manifest *)NULL)->close));
    }
    if (of == &kk_tool_shape) {
        memset(bytes + offsetof(kk_tool, entry), 0, sizeof(kk_tool_fn));
    }
}

#define MUST(type, field, kind)                                                                    \
    {                                                                                              \
#field, offsetof(type, field), kind, false, NULL                                           \
    }
#define MAY(type, field, kind)                                                                     \
    {                                                                                              \
#field, offsetof(type, field), kind, true, NULL                                            \
    }
#define SHAPE(text, type, last, list)                                                              \
    {                                                                                              \
        .noun = (text), .size = sizeof(type), .members = (list),                                   \
        .size_min = offsetof(type, last) + sizeof(((type *)NULL)->last),                           \
        .member_count = sizeof(list) / sizeof((list)[0])                                           \
    }

static const kk_member example_members[] = {
    MUST(kk_example, title, KK_MEMBER_LINE),
    MUST(kk_example, lua, KK_MEMBER_PROSE),
    MUST(kk_example, args, KK_MEMBER_PROSE),
};
static const kk_shape example_shape = SHAPE("example", kk_example, args, example_members);

static const kk_member tool_members[] = {
    MUST(kk_tool, name, KK_MEMBER_LINE),
    MUST(kk_tool, symbol, KK_MEMBER_LINE),
    MUST(kk_tool, title, KK_MEMBER_LINE),
    MUST(kk_tool, summary, KK_MEMBER_LINE),
    MUST(kk_tool, description, KK_MEMBER_PROSE),
    MUST(kk_tool, input_schema, KK_MEMBER_PROSE),
    MAY(kk_tool, output_schema, KK_MEMBER_PROSE),
    MAY(kk_tool, result_notes, KK_MEMBER_PROSE),
    {"examples", offsetof(kk_tool, examples), KK_MEMBER_STRUCTS, true, &example_shape},
    MAY(kk_tool, rows, KK_MEMBER_LINE),
    MAY(kk_tool, access, KK_MEMBER_LIST),
    MAY(kk_tool, secret_paths, KK_MEMBER_LIST),
    MAY(kk_tool, credential, KK_MEMBER_LINE),
};
const kk_shape kk_tool_shape = SHAPE("tool", kk_tool, reserved0, tool_members);

const kk_member kk_tools_member = {"tools", offsetof(kk_manifest, tools), KK_MEMBER_STRUCTS, false,
                                   &kk_tool_shape};

static const kk_member field_members[] = {
    MUST(kk_field, key, KK_MEMBER_LINE),          MUST(kk_field, label, KK_MEMBER_LINE),
    MUST(kk_field, hint, KK_MEMBER_LINE),         MAY(kk_field, placeholder, KK_MEMBER_LINE),
    MAY(kk_field, default_value, KK_MEMBER_LINE), MAY(kk_field, env, KK_MEMBER_LINE),
    MAY(kk_field, prefix, KK_MEMBER_LINE),
};
static const kk_shape field_shape = SHAPE("field", kk_field, length_max, field_members);

static const kk_member scheme_members[] = {
    MUST(kk_scheme, name, KK_MEMBER_LINE),
    MUST(kk_scheme, fields, KK_MEMBER_LIST),
    MUST(kk_scheme, header_name, KK_MEMBER_LINE),
    MUST(kk_scheme, header_format, KK_MEMBER_LINE),
};
static const kk_shape scheme_shape = SHAPE("scheme", kk_scheme, header_format, scheme_members);

static const kk_member credential_members[] = {
    MUST(kk_credential, slot, KK_MEMBER_LINE),
    MUST(kk_credential, title, KK_MEMBER_LINE),
    {"fields", offsetof(kk_credential, fields), KK_MEMBER_STRUCTS, false, &field_shape},
    {"schemes", offsetof(kk_credential, schemes), KK_MEMBER_STRUCTS, false, &scheme_shape},
    MUST(kk_credential, origins, KK_MEMBER_LIST),
};
static const kk_shape credential_shape =
    SHAPE("credential", kk_credential, origins, credential_members);

static const kk_member manifest_members[] = {
    MUST(kk_manifest, id, KK_MEMBER_LINE),
    MUST(kk_manifest, title, KK_MEMBER_LINE),
    MUST(kk_manifest, summary, KK_MEMBER_LINE),
    MAY(kk_manifest, description, KK_MEMBER_PROSE),
    MUST(kk_manifest, category, KK_MEMBER_LINE),
    MUST(kk_manifest, version, KK_MEMBER_LINE),
    MUST(kk_manifest, license, KK_MEMBER_LINE),
    MAY(kk_manifest, homepage, KK_MEMBER_LINE),
    MAY(kk_manifest, tags, KK_MEMBER_LIST),
    MAY(kk_manifest, needs, KK_MEMBER_LIST),
    MAY(kk_manifest, wants, KK_MEMBER_LIST),
    {"credentials", offsetof(kk_manifest, credentials), KK_MEMBER_STRUCTS, true, &credential_shape},
};
const kk_shape kk_manifest_shape = {
    .noun = "manifest",
    .size = sizeof(kk_manifest),
    .size_min = KK_MANIFEST_SIZE_1_0,
    .size_offset = offsetof(kk_abi_tag, struct_size),
    .members = manifest_members,
    .member_count = sizeof manifest_members / sizeof manifest_members[0],
};
