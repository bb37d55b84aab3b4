// Loading a plugin, stage by stage.
#include "loader.h"
#include "elf_exports.h"
#include "fail.h"
#include "manifest.h"
#include "trust.h"
#include <assert.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char describe_symbol[] = "kk_plugin_describe";

// The services that this host has.
static const char *const services[] = {KK_SERVICE_HTTP, KK_SERVICE_CLOCK};

struct kk_plugin {
    char *path;
    kk_chunk *memory; // of the manifest
    kk_manifest *manifest;
    kk_manifest_schemas schemas;
    uint64_t device;
    uint64_t inode;
};

static kk_code refuse(const char *stage, kk_error *err, const char *format, ...) KK_PRINTF(3, 4);

static kk_code refuse(const char *stage, kk_error *err, const char *format, ...)
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
        return refuse("version", err,
                      "'%s': the manifest begins with 0x%08X; a plugin's begins "
                      "with 0x%08X",
                      path, tag->magic, KK_ABI_MAGIC);
    }
    if (major_of(tag->abi_built) != KK_ABI_MAJOR) {
        return refuse("version", err, "'%s' was built for ABI %u.%u; this host has %d.%d", path,
                      major_of(tag->abi_built), minor_of(tag->abi_built), KK_ABI_MAJOR,
                      KK_ABI_MINOR);
    }
    if (tag->abi_min > KK_ABI_VERSION) {
        kk_code code =
            refuse("version", err, "'%s' needs a host of ABI %u.%u; this one has %d.%d", path,
                   major_of(tag->abi_min), minor_of(tag->abi_min), KK_ABI_MAJOR, KK_ABI_MINOR);
        kk_fail_hint(err, "install a newer kk, or an older version of the plugin");
        return code;
    }
    if (tag->struct_size < KK_MANIFEST_SIZE_1_0 || tag->struct_size > KK_MANIFEST_STRUCT_MAX) {
        return refuse("version", err, "'%s': the manifest has %u bytes; it has %zu to %u", path,
                      tag->struct_size, KK_MANIFEST_SIZE_1_0, KK_MANIFEST_STRUCT_MAX);
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

// Proves that [tool] is what its name says: the exported symbol, in the plugin's own object, is the
// function that the manifest points at.
static kk_code check_symbol(const kk_plugin *self, void *handle, const kk_tool *tool, kk_error *err)
{
    char wanted[160];
    snprintf(wanted, sizeof wanted, "kk_tool_%s_%s", self->manifest->id, tool->name);
    if (strcmp(tool->symbol, wanted) != 0) {
        return refuse("symbols", err, "'%s': tool '%s': 'symbol' is '%.150s'; it has to be '%s'",
                      self->path, tool->name, tool->symbol, wanted);
    }
    void *found = dlsym(handle, wanted);
    if (found == NULL) {
        return refuse("symbols", err, "'%s': tool '%s': the plugin does not export '%s'",
                      self->path, tool->name, wanted);
    }
    if (found != address_of(tool->entry)) {
        return refuse("symbols", err,
                      "'%s': tool '%s': 'entry' is not the address of the symbol '%s'", self->path,
                      tool->name, wanted);
    }
    void *describe = dlsym(handle, describe_symbol);
    if (describe == NULL || base_of(found) == NULL || base_of(found) != base_of(describe)) {
        return refuse("symbols", err, "'%s': tool '%s': '%s' is in another object than '%s'",
                      self->path, tool->name, wanted, describe_symbol);
    }
    return KK_OK;
}

// ---- Services

static bool list_has(const char *const *list, const char *name)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static kk_code check_services(const kk_plugin *self, kk_error *err)
{
    const char *const *needs = self->manifest->needs;
    for (size_t i = 0; needs != NULL && needs[i] != NULL; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof services / sizeof services[0]; k++) {
            known = known || strcmp(needs[i], services[k]) == 0;
        }
        if (!known) {
            return refuse("services", err,
                          "'%s' needs the service '%.80s', which this host does not have; it has "
                          "'%s' and '%s'",
                          self->path, needs[i], services[0], services[1]);
        }
    }
    return KK_OK;
}

// ---- The whole

static kk_code check_all(kk_plugin *self, void *handle, const kk_manifest *raw, kk_error *err)
{
    kk_code code = kk_manifest_copy(self->path, raw, &self->memory, &self->manifest, err);
    if (code == KK_OK) {
        code = kk_manifest_check(self->path, self->manifest, &self->schemas, err);
    }
    for (size_t i = 0; code == KK_OK && i < self->manifest->tool_count; i++) {
        code = check_symbol(self, handle, self->manifest->tools[i], err);
    }
    return code != KK_OK ? code : check_services(self, err);
}

kk_code kk_plugin_accept(const char *path, void *handle, const kk_manifest *raw, kk_plugin **out,
                         kk_error *err)
{
    if (raw == NULL) {
        return refuse("describe", err, "'%s' does not accept a host of ABI %d.%d", path,
                      KK_ABI_MAJOR, KK_ABI_MINOR);
    }
    if ((uintptr_t)raw % _Alignof(kk_manifest) != 0) {
        return refuse("describe", err, "'%s' returned a misaligned manifest", path);
    }
    kk_code code = check_version(path, &raw->tag, err);
    if (code != KK_OK) {
        return code;
    }
    kk_plugin *self = calloc(1, sizeof *self);
    char *own_path = strdup(path);
    if (self == NULL || own_path == NULL) {
        free(self);
        free(own_path);
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", path);
    }
    self->path = own_path;
    code = check_all(self, handle, raw, err);
    if (code != KK_OK) {
        kk_plugin_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

static kk_code check_exports(const kk_trusted *file, kk_error *err)
{
    kk_elf *elf = NULL;
    kk_code code = kk_elf_read(file->fd, file->size, file->path, &elf, err);
    if (code != KK_OK) {
        return code;
    }
    if (!kk_elf_exports(elf, describe_symbol)) {
        code = refuse("elf", err, "'%s' is not a plugin: it does not export '%s'", file->path,
                      describe_symbol);
    }
    kk_elf_free(elf);
    return code;
}

// The mapping is never undone: code of the plugin may still be on a stack, or be registered to run
// at the end of a thread or of the process.
static kk_code open_and_accept(const char *path, kk_plugin **out, kk_error *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == NULL) {
        const char *problem = dlerror();
        return refuse("dlopen", err, "'%s' cannot be loaded: %s", path,
                      problem != NULL ? problem : "no reason was given");
    }
    const kk_manifest *(*describe)(uint32_t) = NULL;
    void *found = dlsym(handle, describe_symbol);
    if (found == NULL) {
        return refuse("dlopen", err, "'%s' does not define '%s' once it is loaded", path,
                      describe_symbol);
    }
    memcpy(&describe, &found, sizeof describe);
    return kk_plugin_accept(path, handle, describe(KK_ABI_VERSION), out, err);
}

kk_code kk_plugin_load(const char *path, kk_plugin **out, kk_error *err)
{
    kk_trusted file = {.fd = -1};
    kk_plugin *plugin = NULL;
    kk_code code = kk_trust_open(path, &file, err);
    if (code == KK_OK) {
        code = check_exports(&file, err);
    }
    if (code == KK_OK) {
        code = open_and_accept(file.path, &plugin, err);
    }
    if (code == KK_OK) {
        assert(plugin != NULL);
        plugin->device = file.device;
        plugin->inode = file.inode;
        *out = plugin;
    }
    kk_trusted_clean(&file);
    return code;
}

void kk_plugin_free(kk_plugin *self)
{
    if (self == NULL) {
        return;
    }
    kk_manifest_schemas_clean(&self->schemas);
    kk_chunk_free(self->memory);
    free(self->path);
    free(self);
}

const kk_manifest *kk_plugin_manifest(const kk_plugin *self)
{
    return self->manifest;
}

const char *kk_plugin_path(const kk_plugin *self)
{
    return self->path;
}

const kk_schema *kk_plugin_output(const kk_plugin *self, size_t index)
{
    return self->schemas.outputs[index];
}

void kk_plugin_identity(const kk_plugin *self, uint64_t *device, uint64_t *inode)
{
    *device = self->device;
    *inode = self->inode;
}

bool kk_plugin_is_granted(const kk_plugin *self, const char *service)
{
    return list_has(self->manifest->needs, service) || list_has(self->manifest->wants, service);
}
