// Looking at a plugin stage by stage, and loading it when it is called.
#include "loader.h"
#include "elf_exports.h"
#include "fail.h"
#include "loader_object.h"
#include "manifest_pack.h"
#include <pthread.h>
#include <stdlib.h>

// The services that this host has.
static const char *const services[] = {KK_SERVICE_HTTP, KK_SERVICE_CLOCK};

// What kk_plugin_bind() finds.
typedef struct binding {
    pthread_mutex_t schema_lock; // guards the plugin's `schemas`
    pthread_mutex_t lock;        // guards the rest
    bool done;
    kk_plugin_code code;
    kk_tool_fn entries[];
} binding;

struct kk_plugin {
    char *path;
    kk_identity identity;
    kk_chunk *memory; // of the manifest
    kk_manifest *manifest;
    kk_manifest_schemas schemas;
    binding *binding;
};

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
            return kk_object_refuse(
                "services", err,
                "'%s' needs the service '%.80s', which this host does not have; it has "
                "'%s' and '%s'",
                self->path, needs[i], services[0], services[1]);
        }
    }
    return KK_OK;
}

// ---- Looking

static kk_code no_memory(const char *path, kk_error *err)
{
    return kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", path);
}

// The manifest out of the bytes of a worker, which may have been told by the plugin what to send:
// it is copied as out of a plugin.
static kk_code take_foreign(kk_plugin *self, kk_str packed, kk_error *err)
{
    kk_chunk *memory = NULL;
    kk_manifest *raw = NULL;
    kk_error problem = {0};
    kk_code code = kk_manifest_unpack(packed, &memory, &raw, &problem);
    if (code == KK_ERR_PROTOCOL) {
        return kk_object_refuse("describe", err, "'%s' sent a manifest that is none", self->path);
    }
    if (code != KK_OK) {
        return no_memory(self->path, err);
    }
    code = kk_manifest_copy(self->path, raw, &self->memory, &self->manifest, err);
    kk_chunk_free(memory);
    return code;
}

static kk_code check(kk_plugin *self, kk_error *err)
{
    kk_code code = kk_manifest_check(self->path, self->manifest, &self->schemas, err);
    return code == KK_OK ? check_services(self, err) : code;
}

static kk_code check_exports(const kk_trusted *file, kk_error *err)
{
    kk_elf *elf = NULL;
    kk_code code = kk_elf_read(file->fd, file->identity.size, file->path, &elf, err);
    if (code != KK_OK) {
        return code;
    }
    if (!kk_elf_exports(elf, kk_object_describe_symbol)) {
        code = kk_object_refuse("elf", err, "'%s' is not a plugin: it does not export '%s'",
                                file->path, kk_object_describe_symbol);
    }
    kk_elf_free(elf);
    return code;
}

// Keeps what was found for the next time, if the file is still the one that was opened.
static void remember(const kk_plugin *self, const kk_trusted *file, const kk_loader *loader)
{
    kk_trusted now = {.fd = -1};
    kk_buf packed = {.limit = KK_MANIFEST_PACKED_MAX};
    if (loader->cache != NULL && kk_trust_open(file->path, &now, NULL) == KK_OK &&
        kk_identity_equals(&now.identity, &file->identity) &&
        kk_manifest_pack(self->manifest, &packed, NULL) == KK_OK) {
        kk_scan_cache_put(loader->cache, file, kk_buf_view(&packed));
    }
    kk_trusted_clean(&now);
    kk_buf_clean(&packed);
}

static kk_code look_anew(kk_plugin *self, const kk_trusted *file, const kk_loader *loader,
                         kk_error *err)
{
    kk_buf packed = {.limit = KK_MANIFEST_PACKED_MAX};
    kk_error unproved = {0};
    kk_code code = check_exports(file, err);
    if (code == KK_OK) {
        code = kk_describe(file->path, &loader->describe, &packed, &unproved, err);
    }
    if (code == KK_OK) {
        code = take_foreign(self, kk_buf_view(&packed), err);
    }
    if (code == KK_OK) {
        code = check(self, err);
    }
    if (code == KK_OK && unproved.code != KK_OK) {
        code = unproved.code;
        if (err != NULL && err->code == KK_OK) {
            *err = unproved;
        }
    }
    if (code == KK_OK) {
        remember(self, file, loader);
    }
    kk_buf_clean(&packed);
    return code;
}

// What the cache holds passed every check before it was put there, and says the same again before
// it is called.  Its schemas are compiled when they are asked for.
static bool recall(kk_plugin *self, const kk_trusted *file, const kk_loader *loader)
{
    kk_str packed;
    if (loader->cache == NULL || !kk_scan_cache_get(loader->cache, file, &packed)) {
        return false;
    }
    if (kk_manifest_unpack(packed, &self->memory, &self->manifest, NULL) == KK_OK) {
        self->schemas.outputs = calloc(self->manifest->tool_count, sizeof(kk_schema *));
        self->schemas.count = self->schemas.outputs != NULL ? self->manifest->tool_count : 0;
        if (self->schemas.outputs != NULL && check_services(self, NULL) == KK_OK) {
            return true;
        }
    }
    kk_manifest_schemas_clean(&self->schemas);
    kk_chunk_free(self->memory);
    self->memory = NULL;
    self->manifest = NULL;
    return false;
}

static kk_code make_binding(kk_plugin *self, kk_error *err)
{
    size_t count = self->manifest->tool_count;
    self->binding = calloc(1, sizeof *self->binding + count * sizeof self->binding->entries[0]);
    if (self->binding == NULL) {
        return no_memory(self->path, err);
    }
    pthread_mutex_init(&self->binding->lock, NULL);
    pthread_mutex_init(&self->binding->schema_lock, NULL);
    return KK_OK;
}

static kk_code look(const kk_trusted *file, const kk_loader *loader, kk_plugin **out, kk_error *err)
{
    kk_plugin *self = calloc(1, sizeof *self);
    if (self == NULL || (self->path = strdup(file->path)) == NULL) {
        free(self);
        return no_memory(file->path, err);
    }
    self->identity = file->identity;
    kk_code code = recall(self, file, loader) ? KK_OK : look_anew(self, file, loader, err);
    if (code == KK_OK) {
        code = make_binding(self, err);
    }
    if (code != KK_OK) {
        kk_plugin_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

kk_code kk_plugin_load(const char *path, const kk_loader *loader, kk_plugin **out, kk_error *err)
{
    const kk_loader plain = {0};
    kk_trusted file = {.fd = -1};
    kk_code code = kk_trust_open(path, &file, err);
    if (code == KK_OK) {
        code = look(&file, loader != NULL ? loader : &plain, out, err);
    }
    kk_trusted_clean(&file);
    return code;
}

void kk_plugin_free(kk_plugin *self)
{
    if (self == NULL) {
        return;
    }
    if (self->binding != NULL) {
        pthread_mutex_destroy(&self->binding->lock);
        pthread_mutex_destroy(&self->binding->schema_lock);
    }
    free(self->binding);
    kk_manifest_schemas_clean(&self->schemas);
    kk_chunk_free(self->memory);
    free(self->path);
    free(self);
}

// ---- Binding

static kk_code check_unchanged(const kk_plugin *self, kk_error *err)
{
    kk_trusted file = {.fd = -1};
    kk_code code = kk_trust_open(self->path, &file, err);
    if (code == KK_OK && !kk_identity_equals(&file.identity, &self->identity)) {
        code = kk_object_refuse("path", err, "'%s' is another file than the one that was looked at",
                                self->path);
        kk_fail_hint(err, "open the host again");
    }
    kk_trusted_clean(&file);
    return code;
}

static kk_code check_same(const kk_plugin *self, const kk_object *object, kk_error *err)
{
    if (object->manifest == self->manifest) {
        return KK_OK;
    }
    return kk_object_refuse("describe", err,
                            "'%s' does not say of itself what it said in the worker", self->path);
}

static void take_functions(const kk_object *object, binding *out)
{
    out->code = (kk_plugin_code){
        .open = object->raw->open, .close = object->raw->close, .entries = out->entries};
    out->done = true;
}

static kk_code bind_now(const kk_plugin *self, kk_error *err)
{
    kk_object object = {0};
    kk_code code = check_unchanged(self, err);
    if (code == KK_OK) {
        code = kk_object_load(&object, self->path, err);
    }
    if (code == KK_OK) {
        code = kk_object_describe(&object, self->path, self->manifest, err);
    }
    if (code == KK_OK) {
        code = check_same(self, &object, err);
    }
    if (code == KK_OK) {
        code = kk_object_prove(&object, self->path, self->binding->entries, err);
    }
    if (code == KK_OK) {
        take_functions(&object, self->binding);
    }
    kk_object_clean(&object);
    return code;
}

kk_code kk_plugin_bind(const kk_plugin *self, const kk_plugin_code **out, kk_error *err)
{
    pthread_mutex_lock(&self->binding->lock);
    kk_code code = self->binding->done ? KK_OK : bind_now(self, err);
    pthread_mutex_unlock(&self->binding->lock);
    if (code == KK_OK) {
        *out = &self->binding->code;
    }
    return code;
}

// ---- Questions

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
    const char *text = self->manifest->tools[index]->output_schema;
    kk_schema **output = &self->schemas.outputs[index];
    pthread_mutex_lock(&self->binding->schema_lock);
    if (*output == NULL && text != NULL &&
        kk_schema_compile(kk_str_from(text), output, NULL) != KK_OK) {
        *output = NULL;
    }
    const kk_schema *found = *output;
    pthread_mutex_unlock(&self->binding->schema_lock);
    return found;
}

const kk_identity *kk_plugin_identity(const kk_plugin *self)
{
    return &self->identity;
}

bool kk_plugin_is_granted(const kk_plugin *self, const char *service)
{
    return list_has(self->manifest->needs, service) || list_has(self->manifest->wants, service);
}
