// The reader of manifests, on a well-formed one that the input changes.
//
// The first byte says how.  Even: the manifest lies in memory as a plugin's would, and each change
// is { slot 16 bits, what 8 bits, ... }, see enum change; pointers lead into memory of this program
// or nowhere, because no reader can tell those that lead elsewhere.  Odd: the manifest is packed,
// as a worker sends it, and each change is { offset 16 bits, byte }; an offset past the end cuts.
#include "fuzz.h"
#include "manifest_pack.h"
#include "manifest_shape.h"
#include <string.h>
#include <sys/mman.h>

// The plugin that is changed: kk_plugin_describe() gives its manifest.
#include "../plugins/base.h"

enum { CHANGES_MAX = 16, GUARD = 65536 };

typedef enum change {
    CHANGE_TEXT,        // + length 8 bits, bytes: a text of these bytes
    CHANGE_NULL,        // no text, no array
    CHANGE_LONG,        // the longest text that is allowed, before a page that cannot be read
    CHANGE_ENDLESS,     // one byte more, and no NUL; an array without its NULL
    CHANGE_CROOKED,     // an address that is no multiple of a pointer's size
    CHANGE_EMPTY_ENTRY, // an array whose one entry has a size of 0
    CHANGE_BYTES,       // + offset, length 8 bits each, bytes: the structure that has the slot
    CHANGE_KINDS
} change;

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

typedef struct patch {
    size_t slot;
    change what;
    uint8_t offset;
    uint8_t len;
    const uint8_t *bytes; // `len` of them, in the input
} patch;

typedef struct changes {
    patch patches[CHANGES_MAX];
    size_t count;
    size_t slot; // the next one to be visited
    kk_chunk *memory;
} changes;

// ---- Memory that ends where nothing can be read

static char *page_end;         // of as many 'x' as a text may have, and one more
static const void **array_end; // of as many pointers to an empty structure as any array may have
static char empty[1024];       // a structure of size 0; also an empty text
static const size_t array_room = KK_MANIFEST_TOOLS_MAX + 1;

static void *map_before_guard(size_t len)
{
    size_t room = (len + GUARD - 1) / GUARD * GUARD;
    char *at = mmap(NULL, room + GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(at != MAP_FAILED && mprotect(at + room, GUARD, PROT_NONE) == 0);
    return at + room;
}

static void make_ends(void)
{
    if (page_end != NULL) {
        return;
    }
    page_end = map_before_guard(KK_MANIFEST_TEXT_MAX + 1);
    memset(page_end - KK_MANIFEST_TEXT_MAX - 1, 'x', KK_MANIFEST_TEXT_MAX + 1);
    array_end = map_before_guard(array_room * sizeof *array_end);
    for (size_t i = 1; i <= array_room; i++) {
        array_end[-(ptrdiff_t)i] = empty;
    }
}

// ---- Changing what lies in memory

static const void *text_of(changes *self, const patch *one)
{
    char *text = kk_chunk_take(&self->memory, (size_t)one->len + 1);
    REQUIRE(text != NULL);
    if (one->len > 0) {
        memcpy(text, one->bytes, one->len);
    }
    return text;
}

static const void *long_text(const patch *one)
{
    page_end[-1] = one->what == CHANGE_LONG ? '\0' : 'x';
    return page_end - KK_MANIFEST_TEXT_MAX - 1;
}

static const void *hostile_array(changes *self, const patch *one, bool of_texts, bool is_tools)
{
    const void **array = kk_chunk_take(&self->memory, 4 * sizeof *array);
    REQUIRE(array != NULL);
    if (one->what == CHANGE_ENDLESS) {
        return array_end - (is_tools ? array_room : KK_MANIFEST_LIST_MAX + 1);
    }
    if (one->what == CHANGE_CROOKED) {
        return (const char *)array + 1;
    }
    array[0] = of_texts && one->what != CHANGE_EMPTY_ENTRY ? text_of(self, one) : empty;
    return array;
}

static const void *hostile(changes *self, const patch *one, kk_member_kind kind, bool is_tools)
{
    if (one->what == CHANGE_NULL) {
        return NULL;
    }
    if (kind == KK_MEMBER_LIST || kind == KK_MEMBER_STRUCTS) {
        return hostile_array(self, one, kind == KK_MEMBER_LIST, is_tools);
    }
    return one->what == CHANGE_LONG || one->what == CHANGE_ENDLESS ? long_text(one)
                                                                   : text_of(self, one);
}

// Every byte of a structure but those of its pointers, which have slots of their own.
static void put_bytes(const kk_shape *of, char *base, const patch *one)
{
    for (size_t i = 0; i < one->len; i++) {
        size_t at = (size_t)one->offset + i;
        bool is_pointer = of == &kk_manifest_shape && at >= offsetof(kk_manifest, tools) &&
                          at < offsetof(kk_manifest, tools) + sizeof(void *);
        for (size_t k = 0; k < of->member_count; k++) {
            size_t start = of->members[k].offset;
            is_pointer = is_pointer || (at >= start && at < start + sizeof(void *));
        }
        if (at < of->size && !is_pointer) {
            base[at] = (char)one->bytes[i];
        }
    }
}

static void walk(changes *self, const kk_shape *of, char *base);

static void visit(changes *self, const kk_shape *of, char *base, size_t offset, kk_member_kind kind,
                  const kk_shape *entry)
{
    size_t slot = self->slot++;
    const void *const *entries = kk_member_get(base, offset);
    for (size_t i = 0; kind == KK_MEMBER_STRUCTS && entries != NULL && entries[i] != NULL; i++) {
        char *inner;
        memcpy(&inner, &entries[i], sizeof inner);
        walk(self, entry, inner);
    }
    for (size_t i = 0; i < self->count; i++) {
        const patch *one = &self->patches[i];
        if (one->slot == slot && one->what == CHANGE_BYTES) {
            put_bytes(of, base, one);
        } else if (one->slot == slot) {
            kk_member_set(base, offset, hostile(self, one, kind, entry == &kk_tool_shape));
        }
    }
}

static void walk(changes *self, const kk_shape *of, char *base)
{
    for (size_t i = 0; i < of->member_count; i++) {
        const kk_member *member = &of->members[i];
        visit(self, of, base, member->offset, member->kind, member->of);
    }
    if (of == &kk_manifest_shape) {
        visit(self, of, base, offsetof(kk_manifest, tools), KK_MEMBER_STRUCTS, &kk_tool_shape);
    }
}

static uint8_t next_byte(input *self)
{
    if (self->left == 0) {
        return 0;
    }
    self->left--;
    return *self->at++;
}

static size_t next_number(input *self)
{
    size_t low = next_byte(self);
    return low | (size_t)next_byte(self) << 8;
}

static void read_patch(input *self, patch *out)
{
    *out = (patch){.slot = next_number(self), .what = (change)(next_byte(self) % CHANGE_KINDS)};
    if (out->what == CHANGE_BYTES) {
        out->offset = next_byte(self);
    }
    if (out->what == CHANGE_BYTES || out->what == CHANGE_TEXT) {
        size_t len = next_byte(self);
        out->len = (uint8_t)(len < self->left ? len : self->left);
        out->bytes = self->at;
        self->at += out->len;
        self->left -= out->len;
    }
}

// ---- Reading

static void require_refusal(kk_code code, const kk_error *err)
{
    REQUIRE(code == KK_ERR_PLUGIN_REFUSED && strcmp(err->reason, "manifest") == 0);
    REQUIRE(strstr(err->message, "/x.so") != NULL);
}

// What was accepted is the same after it was packed and unpacked.
static void check_packing(const kk_manifest *copy, kk_str packed)
{
    kk_buf again = {.limit = KK_MANIFEST_PACKED_MAX};
    kk_chunk *memory = NULL;
    kk_manifest *unpacked = NULL;
    REQUIRE(kk_manifest_unpack(packed, &memory, &unpacked, NULL) == KK_OK);
    REQUIRE(unpacked->tool_count == copy->tool_count);
    REQUIRE(kk_manifest_pack(unpacked, &again, NULL) == KK_OK);
    REQUIRE(kk_str_equals(kk_buf_view(&again), packed));
    kk_chunk_free(memory);
    kk_buf_clean(&again);
}

// Whether the manifest is accepted.
static bool read_manifest(const kk_manifest *raw)
{
    kk_chunk *memory = NULL;
    kk_manifest *copy = NULL;
    kk_manifest_schemas schemas = {0};
    kk_error err = {0};
    kk_code code = kk_manifest_copy("/x.so", raw, &memory, &copy, &err);
    if (code != KK_OK) {
        require_refusal(code, &err);
        return false;
    }
    kk_buf packed = {.limit = KK_MANIFEST_PACKED_MAX};
    code = kk_manifest_check("/x.so", copy, &schemas, &err);
    if (code == KK_OK) {
        REQUIRE(kk_manifest_pack(copy, &packed, NULL) == KK_OK);
        check_packing(copy, kk_buf_view(&packed));
    } else {
        require_refusal(code, &err);
    }
    kk_manifest_schemas_clean(&schemas);
    kk_chunk_free(memory);
    kk_buf_clean(&packed);
    return code == KK_OK;
}

// A manifest is known again exactly where a copy of it has the bytes of [base].
static void check_same(const kk_manifest *raw, kk_str base)
{
    kk_chunk *known_memory = NULL;
    kk_chunk *memory = NULL;
    kk_manifest *known = NULL;
    kk_manifest *copy = NULL;
    kk_buf packed = {.limit = KK_MANIFEST_PACKED_MAX};
    REQUIRE(kk_manifest_unpack(base, &known_memory, &known, NULL) == KK_OK);
    bool same = kk_manifest_copy("/x.so", raw, &memory, &copy, NULL) == KK_OK;
    if (same) {
        REQUIRE(kk_manifest_pack(copy, &packed, NULL) == KK_OK);
        same = kk_str_equals(kk_buf_view(&packed), base);
    }
    REQUIRE(kk_manifest_is_same(known, raw) == same);
    kk_buf_clean(&packed);
    kk_chunk_free(memory);
    kk_chunk_free(known_memory);
}

static void pack_base(kk_buf *out)
{
    kk_chunk *memory = NULL;
    kk_manifest *copy = NULL;
    REQUIRE(kk_manifest_copy("/x.so", kk_plugin_describe(KK_ABI_VERSION), &memory, &copy, NULL) ==
            KK_OK);
    REQUIRE(kk_manifest_pack(copy, out, NULL) == KK_OK);
    kk_chunk_free(memory);
}

static void read_placed(input *in, kk_str packed)
{
    changes self = {0};
    kk_chunk *memory = NULL;
    kk_manifest *manifest_in_memory = NULL;
    bool is_changed = in->left > 0;
    REQUIRE(kk_manifest_unpack(packed, &memory, &manifest_in_memory, NULL) == KK_OK);
    while (in->left > 0 && self.count < CHANGES_MAX) {
        read_patch(in, &self.patches[self.count++]);
    }
    make_ends();
    walk(&self, &kk_manifest_shape, (char *)manifest_in_memory);
    REQUIRE(self.slot > 50);
    REQUIRE(read_manifest(manifest_in_memory) || is_changed);
    check_same(manifest_in_memory, packed);
    kk_chunk_free(self.memory);
    kk_chunk_free(memory);
}

static void read_packed(input *in, kk_buf *packed)
{
    kk_chunk *memory = NULL;
    kk_manifest *unpacked = NULL;
    size_t len = packed->len;
    while (in->left > 0) {
        size_t offset = next_number(in);
        uint8_t byte = next_byte(in);
        if (offset < len) {
            packed->ptr[offset] = (char)byte;
        } else {
            len = len > byte ? len - byte : 0;
        }
    }
    kk_code code = kk_manifest_unpack((kk_str){packed->ptr, len}, &memory, &unpacked, NULL);
    REQUIRE(code == KK_OK || code == KK_ERR_PROTOCOL);
    if (code == KK_OK) {
        read_manifest(unpacked);
    }
    kk_chunk_free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    kk_buf packed = {.limit = KK_MANIFEST_PACKED_MAX};
    bool is_packed = next_byte(&in) % 2 == 1;
    pack_base(&packed);
    if (is_packed) {
        read_packed(&in, &packed);
    } else {
        read_placed(&in, kk_buf_view(&packed));
    }
    kk_buf_clean(&packed);
    return 0;
}
