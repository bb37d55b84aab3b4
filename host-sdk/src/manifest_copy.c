// Copying a manifest out of a plugin, and telling it from a copy: tables say what each structure
// holds (manifest_shape.h), walkers obey them.
#include "fail.h"
#include "manifest_shape.h"
#include "utf8.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRUCT_ROOM = 512 }; // for one structure of this header's size

typedef struct copier {
    kk_chunk *memory;
    size_t texts_left;
} copier;

static kk_code copy_struct(copier *self, const kk_shape *of, const void *raw, kk_spot *spot,
                           void **out);

static kk_code no_memory(const kk_spot *spot)
{
    return kk_fail(spot->err, KK_ERR_INTERNAL, "out of memory for '%s'", spot->path);
}

static kk_code check_bytes(const char *text, size_t len, kk_member_kind kind, const char *field,
                           const kk_spot *spot)
{
    for (size_t i = 0; i < len;) {
        unsigned char byte = (unsigned char)text[i];
        bool layout = kind == KK_MEMBER_PROSE && (byte == '\n' || byte == '\t');
        if ((byte < 0x20 && !layout) || byte == 0x7F) {
            return kk_spot_refuse(spot, field, "has the control byte 0x%02X at byte %zu", byte, i);
        }
        size_t character = kk_utf8_length(text + i, len - i);
        if (character == 0) {
            return kk_spot_refuse(spot, field, "is not UTF-8 at byte %zu", i);
        }
        i += character;
    }
    return KK_OK;
}

static kk_code copy_text(copier *self, const kk_member *of, const char *text, const kk_spot *spot,
                         const void **out)
{
    size_t len = strnlen(text, KK_MANIFEST_TEXT_MAX + 1);
    if (len > KK_MANIFEST_TEXT_MAX) {
        return kk_spot_refuse(spot, of->name, "is longer than %zu bytes", KK_MANIFEST_TEXT_MAX);
    }
    if (len == 0 && !of->optional) {
        return kk_spot_refuse(spot, of->name, "is empty");
    }
    if (len >= self->texts_left) {
        return kk_spot_refuse(spot, of->name, "brings the texts of the manifest over %zu bytes",
                              KK_MANIFEST_TEXTS_MAX);
    }
    self->texts_left -= len + 1;
    kk_code code = check_bytes(text, len, of->kind, of->name, spot);
    if (code != KK_OK) {
        return code;
    }
    char *copy = kk_chunk_take(&self->memory, len + 1);
    if (copy == NULL) {
        return no_memory(spot);
    }
    memcpy(copy, text, len);
    *out = copy;
    return KK_OK;
}

static kk_code copy_entry(copier *self, const kk_member *of, const void *raw, const kk_spot *spot,
                          size_t index, const void **out)
{
    if (of->kind == KK_MEMBER_LIST) {
        const kk_member entry = {.name = of->name, .kind = KK_MEMBER_LINE};
        return copy_text(self, &entry, raw, spot, out);
    }
    kk_spot inner = kk_spot_in(spot, of->of->noun, index, NULL);
    void *copy = NULL;
    kk_code code = copy_struct(self, of->of, raw, &inner, &copy);
    *out = copy;
    return code;
}

// Copies an array of [count] pointers and the NULL after them.
static kk_code copy_array(copier *self, const kk_member *of, const void *const *raw, size_t count,
                          const kk_spot *spot, const void **out)
{
    const void **copy = kk_chunk_take(&self->memory, (count + 1) * sizeof *copy);
    if (copy == NULL) {
        return no_memory(spot);
    }
    for (size_t i = 0; i < count; i++) {
        kk_code code = copy_entry(self, of, raw[i], spot, i, &copy[i]);
        if (code != KK_OK) {
            return code;
        }
    }
    *out = copy;
    return KK_OK;
}

static kk_code copy_list(copier *self, const kk_member *of, const void *const *raw,
                         const kk_spot *spot, const void **out)
{
    if ((uintptr_t)raw % _Alignof(void *) != 0) {
        return kk_spot_refuse(spot, of->name, "points at a misaligned array");
    }
    size_t count = 0;
    while (raw[count] != NULL) {
        if (++count > KK_MANIFEST_LIST_MAX) {
            return kk_spot_refuse(spot, of->name,
                                  "has more than %zu entries, or no NULL at its end",
                                  KK_MANIFEST_LIST_MAX);
        }
    }
    if (count == 0 && !of->optional) {
        return kk_spot_refuse(spot, of->name, "has no entry");
    }
    return copy_array(self, of, raw, count, spot, out);
}

// Replaces the plugin's pointer at [of] in [copy] with one to our own memory.
static kk_code copy_member(copier *self, const kk_member *of, void *copy, const kk_spot *spot)
{
    const void *raw = kk_member_get(copy, of->offset);
    if (raw == NULL) {
        return of->optional ? KK_OK : kk_spot_refuse(spot, of->name, "is missing");
    }
    const void *own = NULL;
    bool text = of->kind == KK_MEMBER_LINE || of->kind == KK_MEMBER_PROSE;
    kk_code code =
        text ? copy_text(self, of, raw, spot, &own) : copy_list(self, of, raw, spot, &own);
    if (code == KK_OK) {
        kk_member_set(copy, of->offset, own);
    }
    return code;
}

static kk_code check_size(const kk_shape *of, const void *raw, const kk_spot *spot, uint32_t *out)
{
    if ((uintptr_t)raw % _Alignof(void *) != 0) {
        return kk_spot_refuse(spot, of->noun, "is misaligned in memory");
    }
    memcpy(out, (const char *)raw + of->size_offset, sizeof *out);
    if (*out < of->size_min || *out > KK_MANIFEST_STRUCT_MAX) {
        return kk_spot_refuse(spot, "struct_size", "is %u; a %s has %zu to %u bytes", *out,
                              of->noun, of->size_min, KK_MANIFEST_STRUCT_MAX);
    }
    return KK_OK;
}

// The [size] bytes of a plugin's structure as one of this header's size.
static void take_bytes(const kk_shape *of, const void *raw, uint32_t size, char *out)
{
    uint32_t own_size = (uint32_t)of->size;
    memset(out, 0, of->size);
    memcpy(out, raw, size < of->size ? size : of->size);
    memcpy(out + of->size_offset, &own_size, sizeof own_size);
}

static kk_code copy_struct(copier *self, const kk_shape *of, const void *raw, kk_spot *spot,
                           void **out)
{
    uint32_t size = 0;
    kk_code code = check_size(of, raw, spot, &size);
    if (code != KK_OK) {
        return code;
    }
    void *copy = kk_chunk_take(&self->memory, of->size);
    if (copy == NULL) {
        return no_memory(spot);
    }
    take_bytes(of, raw, size, copy);
    for (size_t i = 0; i < of->member_count && code == KK_OK; i++) {
        code = copy_member(self, &of->members[i], copy, spot);
        if (i == 0 && code == KK_OK && of != &kk_manifest_shape) {
            char *number = strrchr(spot->where, ' ');
            assert(number != NULL);
            snprintf(number + 1, sizeof spot->where - (size_t)(number + 1 - spot->where), "'%.63s'",
                     (const char *)kk_member_get(copy, of->members[0].offset));
        }
    }
    *out = copy;
    return code;
}

static kk_code copy_tools(copier *self, kk_manifest *manifest, const kk_spot *spot)
{
    const void *const *raw = (const void *const *)manifest->tools;
    uint32_t count = manifest->tool_count;
    if (count == 0 || count > KK_MANIFEST_TOOLS_MAX) {
        return kk_spot_refuse(spot, "tool_count", "is %u; a plugin has 1 to %u tools", count,
                              KK_MANIFEST_TOOLS_MAX);
    }
    if (raw == NULL || (uintptr_t)raw % _Alignof(void *) != 0) {
        return kk_spot_refuse(spot, "tools", "is missing or misaligned");
    }
    for (uint32_t i = 0; i < count; i++) {
        if (raw[i] == NULL) {
            return kk_spot_refuse(spot, "tools", "ends after %u entries; tool_count is %u", i,
                                  count);
        }
    }
    if (raw[count] != NULL) {
        return kk_spot_refuse(spot, "tools", "has no NULL after %u entries, its tool_count", count);
    }
    const void *copy = NULL;
    kk_code code = copy_array(self, &kk_tools_member, raw, count, spot, &copy);
    manifest->tools = (const kk_tool *const *)copy;
    return code;
}

kk_code kk_manifest_copy(const char *path, const kk_manifest *raw, kk_chunk **memory,
                         kk_manifest **out, kk_error *err)
{
    copier self = {.texts_left = KK_MANIFEST_TEXTS_MAX};
    kk_spot spot = {.path = path, .err = err};
    void *copy = NULL;
    kk_code code = copy_struct(&self, &kk_manifest_shape, raw, &spot, &copy);
    if (code == KK_OK) {
        code = copy_tools(&self, copy, &spot);
    }
    if (code != KK_OK) {
        kk_chunk_free(self.memory);
        return code;
    }
    *memory = self.memory;
    *out = copy;
    return KK_OK;
}

// ---- Comparing

static bool is_same_struct(const kk_shape *of, const void *known, const void *raw);

static bool is_same_array(const kk_member *of, const void *const *known, const void *const *raw)
{
    if ((uintptr_t)raw % _Alignof(void *) != 0) {
        return false;
    }
    size_t i = 0;
    bool same = true;
    for (; same && known[i] != NULL; i++) {
        same = raw[i] != NULL &&
               (of->kind == KK_MEMBER_LIST ? strcmp(known[i], raw[i]) == 0
                                           : is_same_struct(of->of, known[i], raw[i]));
    }
    return same && raw[i] == NULL;
}

static bool is_same_member(const kk_member *of, const void *known, const void *raw)
{
    if (known == NULL || raw == NULL) {
        return known == raw;
    }
    bool text = of->kind == KK_MEMBER_LINE || of->kind == KK_MEMBER_PROSE;
    return text ? strcmp(known, raw) == 0 : is_same_array(of, known, raw);
}

static bool is_same_struct(const kk_shape *of, const void *known, const void *raw)
{
    const kk_spot nowhere = {.path = ""};
    _Alignas(max_align_t) char own[STRUCT_ROOM];
    _Alignas(max_align_t) char other[STRUCT_ROOM];
    uint32_t size = 0;
    if (check_size(of, raw, &nowhere, &size) != KK_OK) {
        return false;
    }
    assert(of->size <= STRUCT_ROOM);
    memcpy(own, known, of->size);
    take_bytes(of, raw, size, other);
    bool same = true;
    for (size_t i = 0; i < of->member_count && same; i++) {
        size_t offset = of->members[i].offset;
        same = is_same_member(&of->members[i], kk_member_get(own, offset),
                              kk_member_get(other, offset));
    }
    kk_shape_drop_pointers(of, own);
    kk_shape_drop_pointers(of, other);
    return same && memcmp(own, other, of->size) == 0;
}

bool kk_manifest_is_same(const kk_manifest *known, const kk_manifest *raw)
{
    return is_same_struct(&kk_manifest_shape, known, raw) && raw->tools != NULL &&
           is_same_array(&kk_tools_member, (const void *const *)known->tools,
                         (const void *const *)raw->tools);
}

// ---- Where a check stands

kk_spot kk_spot_in(const kk_spot *outer, const char *noun, size_t index, const char *name)
{
    kk_spot spot = {.path = outer->path, .err = outer->err};
    const char *comma = outer->where[0] != '\0' ? ", " : "";
    if (name != NULL) {
        snprintf(spot.where, sizeof spot.where, "%.90s%s%s '%.63s'", outer->where, comma, noun,
                 name);
    } else {
        snprintf(spot.where, sizeof spot.where, "%.90s%s%s %zu", outer->where, comma, noun,
                 index + 1);
    }
    return spot;
}

kk_code kk_spot_refuse(const kk_spot *self, const char *field, const char *format, ...)
{
    char problem[512];
    va_list args;
    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    kk_code code = kk_fail(self->err, KK_ERR_PLUGIN_REFUSED, "'%s': %s%s'%s' %s", self->path,
                           self->where, self->where[0] != '\0' ? ": " : "", field, problem);
    kk_fail_reason(self->err, "manifest");
    return code;
}
