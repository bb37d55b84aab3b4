// Loading an object and asking it what it is.
#include "loader_object.h"
#include "fail.h"
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char kk_object_describe_symbol[] = "kk_plugin_describe";

kk_code kk_object_refuse(const char *stage, kk_error *err, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    kk_code code = kk_fail(err, KK_ERR_PLUGIN_REFUSED, "%s", message);
    kk_fail_reason(err, stage);
    return code;
}

// ---- Version

static unsigned major_of(uint32_t version)
{
    return version >> 16;
}

static unsigned minor_of(uint32_t version)
{
    return version & 0xFFFF;
}

static kk_code check_version(const char *path, const kk_abi_tag *tag, kk_error *err)
{
    if (tag->magic != KK_ABI_MAGIC) {
        return kk_object_refuse("version", err,
                                "'%s': the manifest begins with 0x%08X; a plugin's begins "
                                "with 0x%08X",
                                path, tag->magic, KK_ABI_MAGIC);
    }
    if (major_of(tag->abi_built) != KK_ABI_MAJOR) {
        return kk_object_refuse("version", err, "'%s' was built for ABI %u.%u; this host has %d.%d",
                                path, major_of(tag->abi_built), minor_of(tag->abi_built),
                                KK_ABI_MAJOR, KK_ABI_MINOR);
    }
    if (tag->abi_min > KK_ABI_VERSION) {
        kk_code code = kk_object_refuse(
            "version", err, "'%s' needs a host of ABI %u.%u; this one has %d.%d", path,
            major_of(tag->abi_min), minor_of(tag->abi_min), KK_ABI_MAJOR, KK_ABI_MINOR);
        kk_fail_hint(err, "install a newer kk, or an older version of the plugin");
        return code;
    }
    if (tag->struct_size < KK_MANIFEST_SIZE_1_0 || tag->struct_size > KK_MANIFEST_STRUCT_MAX) {
        return kk_object_refuse("version", err, "'%s': the manifest has %u bytes; it has %zu to %u",
                                path, tag->struct_size, KK_MANIFEST_SIZE_1_0,
                                KK_MANIFEST_STRUCT_MAX);
    }
    return KK_OK;
}

// ---- Symbols

static void *base_of(const void *address)
{
    Dl_info info;
    return dladdr(address, &info) != 0 ? info.dli_fbase : NULL;
}

// A function's address as data; ISO C has no cast for it, POSIX makes them alike.
static void *address_of(kk_tool_fn entry)
{
    void *address;
    memcpy(&address, &entry, sizeof address);
    return address;
}

// [base] is where the object of `kk_plugin_describe` begins, NULL if that cannot be told.
static kk_code prove_tool(const kk_object *self, const char *path, const kk_tool *tool,
                          kk_tool_fn entry, const void *base, kk_error *err)
{
    char wanted[160];
    snprintf(wanted, sizeof wanted, "kk_tool_%s_%s", self->manifest->id, tool->name);
    if (strcmp(tool->symbol, wanted) != 0) {
        return kk_object_refuse("symbols", err,
                                "'%s': tool '%s': 'symbol' is '%.150s'; it has to be '%s'", path,
                                tool->name, tool->symbol, wanted);
    }
    void *found = dlsym(self->handle, wanted);
    if (found == NULL) {
        return kk_object_refuse("symbols", err, "'%s': tool '%s': the plugin does not export '%s'",
                                path, tool->name, wanted);
    }
    if (found != address_of(entry)) {
        return kk_object_refuse("symbols", err,
                                "'%s': tool '%s': 'entry' is not the address of the symbol '%s'",
                                path, tool->name, wanted);
    }
    if (base == NULL || base_of(found) != base) {
        return kk_object_refuse("symbols", err,
                                "'%s': tool '%s': '%s' is in another object than '%s'", path,
                                tool->name, wanted, kk_object_describe_symbol);
    }
    return KK_OK;
}

kk_code kk_object_prove(const kk_object *self, const char *path, kk_tool_fn *entries, kk_error *err)
{
    const void *describe = dlsym(self->handle, kk_object_describe_symbol);
    const void *base = describe != NULL ? base_of(describe) : NULL;
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < self->manifest->tool_count; i++) {
        kk_tool_fn entry = self->raw->tools[i]->entry;
        code = prove_tool(self, path, self->manifest->tools[i], entry, base, err);
        if (code == KK_OK && entries != NULL) {
            entries[i] = entry;
        }
    }
    return code;
}

// ---- Loading and asking

kk_code kk_object_load(kk_object *self, const char *path, kk_error *err)
{
    self->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (self->handle == NULL) {
        const char *problem = dlerror();
        return kk_object_refuse("dlopen", err, "'%s' cannot be loaded: %s", path,
                                problem != NULL ? problem : "no reason was given");
    }
    return KK_OK;
}

static kk_code ask(kk_object *self, const char *path, kk_error *err)
{
    const kk_manifest *(*describe)(uint32_t) = NULL;
    void *found = dlsym(self->handle, kk_object_describe_symbol);
    if (found == NULL) {
        return kk_object_refuse("dlopen", err, "'%s' does not define '%s' once it is loaded", path,
                                kk_object_describe_symbol);
    }
    memcpy(&describe, &found, sizeof describe);
    self->raw = describe(KK_ABI_VERSION);
    if (self->raw == NULL) {
        return kk_object_refuse("describe", err, "'%s' does not accept a host of ABI %d.%d", path,
                                KK_ABI_MAJOR, KK_ABI_MINOR);
    }
    if ((uintptr_t)self->raw % _Alignof(kk_manifest) != 0) {
        return kk_object_refuse("describe", err, "'%s' returned a misaligned manifest", path);
    }
    return check_version(path, &self->raw->tag, err);
}

kk_code kk_object_describe(kk_object *self, const char *path, const kk_manifest *known,
                           kk_error *err)
{
    kk_manifest *copy = NULL;
    kk_code code = ask(self, path, err);
    if (code != KK_OK) {
        return code;
    }
    if (known != NULL && kk_manifest_is_same(known, self->raw)) {
        self->manifest = known;
        return KK_OK;
    }
    code = kk_manifest_copy(path, self->raw, &self->memory, &copy, err);
    self->manifest = copy;
    return code;
}

void kk_object_clean(kk_object *self)
{
    kk_chunk_free(self->memory);
    *self = (kk_object){0};
}
