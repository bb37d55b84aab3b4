// Packing and unpacking of manifests, by the tables of manifest_shape.h.
//
//     structure   its bytes with every pointer zero, then its members
//     text        its length + 1 as 32 bits, its bytes, NUL; a length of 0 alone is NULL
//     array       its count + 1 as 32 bits, then the entries; a count of 0 alone is NULL
#include "manifest_pack.h"
#include "fail.h"
#include "manifest_shape.h"
#include <string.h>

// ---- Packing

static void pack_number(kk_buf *out, size_t number)
{
    uint32_t bits = (uint32_t)number;
    kk_buf_append(out, &bits, sizeof bits);
}

static void pack_text(kk_buf *out, const char *text)
{
    size_t len = text != NULL ? strlen(text) + 1 : 0;
    pack_number(out, len);
    kk_buf_append(out, text, len);
}

static void pack_struct(kk_buf *out, const kk_shape *of, const void *from);

static void pack_array(kk_buf *out, const kk_member *of, const void *const *array)
{
    size_t count = 0;
    if (array == NULL) {
        pack_number(out, 0);
        return;
    }
    while (array[count] != NULL) {
        count++;
    }
    pack_number(out, count + 1);
    for (size_t i = 0; i < count; i++) {
        if (of->kind == KK_MEMBER_LIST) {
            pack_text(out, array[i]);
        } else {
            pack_struct(out, of->of, array[i]);
        }
    }
}

static void pack_member(kk_buf *out, const kk_member *of, const void *from)
{
    const void *pointer = kk_member_get(from, of->offset);
    if (of->kind == KK_MEMBER_LINE || of->kind == KK_MEMBER_PROSE) {
        pack_text(out, pointer);
    } else {
        pack_array(out, of, pointer);
    }
}

static void pack_struct(kk_buf *out, const kk_shape *of, const void *from)
{
    char *bytes = kk_buf_reserve(out, of->size);
    if (bytes == NULL) {
        return;
    }
    memcpy(bytes, from, of->size);
    kk_shape_drop_pointers(of, bytes);
    kk_buf_grow(out, of->size);
    for (size_t i = 0; i < of->member_count; i++) {
        pack_member(out, &of->members[i], from);
    }
    if (of == &kk_manifest_shape) {
        pack_member(out, &kk_tools_member, from);
    }
}

kk_code kk_manifest_pack(const kk_manifest *manifest, kk_buf *out, kk_error *err)
{
    pack_struct(out, &kk_manifest_shape, manifest);
    return kk_buf_check(out, "a packed manifest", err);
}

// ---- Unpacking

typedef struct unpacker {
    const char *at; // within our own copy of the bytes
    size_t left;
    kk_chunk *memory;
    kk_code failed; // and nothing is read any more
} unpacker;

static void *fail(unpacker *self, kk_code code)
{
    self->failed = self->failed != KK_OK ? self->failed : code;
    return NULL;
}

static void *take(unpacker *self, size_t size)
{
    void *memory = kk_chunk_take(&self->memory, size);
    return memory != NULL ? memory : fail(self, KK_ERR_INTERNAL);
}

static const char *read_bytes(unpacker *self, size_t len)
{
    if (self->failed != KK_OK || len > self->left) {
        return fail(self, KK_ERR_PROTOCOL);
    }
    const char *bytes = self->at;
    self->at += len;
    self->left -= len;
    return bytes;
}

static size_t read_number(unpacker *self)
{
    uint32_t bits = 0;
    const char *bytes = read_bytes(self, sizeof bits);
    if (bytes != NULL) {
        memcpy(&bits, bytes, sizeof bits);
    }
    return bits;
}

static const char *read_text(unpacker *self)
{
    size_t len = read_number(self);
    const char *text = len > 0 ? read_bytes(self, len) : NULL;
    if (text != NULL && memchr(text, '\0', len) != text + len - 1) {
        return fail(self, KK_ERR_PROTOCOL);
    }
    return text;
}

static void *read_struct(unpacker *self, const kk_shape *of);

// An entry cannot be NULL: that would end the array before its time.
static const void *read_entry(unpacker *self, const kk_member *of)
{
    const void *entry =
        of->kind == KK_MEMBER_LIST ? (const void *)read_text(self) : read_struct(self, of->of);
    return entry != NULL ? entry : fail(self, KK_ERR_PROTOCOL);
}

static const void *read_array(unpacker *self, const kk_member *of, size_t *count)
{
    *count = read_number(self);
    if (self->failed != KK_OK || *count == 0) {
        return NULL;
    }
    // Each entry has four bytes at the least.
    if (*count - 1 > self->left / sizeof(uint32_t)) {
        return fail(self, KK_ERR_PROTOCOL);
    }
    const void **array = take(self, *count * sizeof *array);
    for (size_t i = 0; i + 1 < *count && self->failed == KK_OK; i++) {
        array[i] = read_entry(self, of);
    }
    return array;
}

static const void *read_member(unpacker *self, const kk_member *of, size_t *count)
{
    return of->kind == KK_MEMBER_LINE || of->kind == KK_MEMBER_PROSE ? read_text(self)
                                                                     : read_array(self, of, count);
}

static void *read_struct(unpacker *self, const kk_shape *of)
{
    size_t count = 0;
    const char *bytes = read_bytes(self, of->size);
    char *out = bytes != NULL ? take(self, of->size) : NULL;
    if (out == NULL) {
        return NULL;
    }
    memcpy(out, bytes, of->size);
    kk_shape_drop_pointers(of, out);
    for (size_t i = 0; i < of->member_count && self->failed == KK_OK; i++) {
        kk_member_set(out, of->members[i].offset, read_member(self, &of->members[i], &count));
    }
    return out;
}

static kk_manifest *read_manifest(unpacker *self)
{
    size_t count = 0;
    kk_manifest *manifest = read_struct(self, &kk_manifest_shape);
    const void *tools = manifest != NULL ? read_array(self, &kk_tools_member, &count) : NULL;
    if (tools == NULL || self->failed != KK_OK || manifest->tool_count != count - 1 ||
        self->left != 0) {
        return fail(self, KK_ERR_PROTOCOL);
    }
    manifest->tools = (const kk_tool *const *)tools;
    return manifest;
}

kk_code kk_manifest_unpack(kk_str bytes, kk_chunk **memory, kk_manifest **out, kk_error *err)
{
    unpacker self = {.left = bytes.len};
    char *own = take(&self, bytes.len + 1);
    kk_manifest *manifest = NULL;
    if (own != NULL) {
        memcpy(own, bytes.ptr, bytes.len);
        self.at = own;
        manifest = read_manifest(&self);
    }
    if (self.failed != KK_OK) {
        kk_chunk_free(self.memory);
        return kk_fail(err, self.failed, "the bytes are no manifest");
    }
    *memory = self.memory;
    *out = manifest;
    return KK_OK;
}
