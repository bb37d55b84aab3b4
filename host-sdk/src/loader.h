// Loading one plugin: from a path to a checked manifest, and from there to functions to call.
//
// The stages, in order; a refusal is KK_ERR_PLUGIN_REFUSED whose reason is the stage and whose
// message has the path, what was expected and what was found:
//
// - "path": absolute, a regular file after links, at most 64 MiB.
// - "trust": the file and every directory up to / belong to root or to us, and others cannot write
//   them.  A sticky directory of root's, such as /tmp, passes.
// - "elf": an ELF shared object of this machine that exports kk_plugin_describe; read, not
//   executed.
// - "dlopen": the dynamic loader's own message, or what the object did while it was loaded.
// - "describe": kk_plugin_describe returned NULL or a misaligned pointer, or did what it must not.
// - "version": the magic, the major version, the oldest host it accepts, the size of the manifest.
// - "manifest": a text, name, schema, credential, format, origin or example that breaks a rule of
//   kk/plugin.h.
// - "symbols": an entry point that is missing, elsewhere, or not the one that the manifest points
//   at.
// - "services": a service in `needs` that this host does not have.
//
// Nothing of a plugin runs before the first three have passed.  "dlopen" to "symbols" happen in a
// worker (describe.h) unless the cache knows the file; "manifest" is checked here once more.  In
// this process the object is loaded by the first call of one of its functions, and has to be then
// what it was: see kk_plugin_bind().  A loaded object is never unmapped.
#ifndef KK_LOADER_H
#define KK_LOADER_H

#include "describe.h"
#include "scan_cache.h"
#include "schema.h"
#include "trust.h"
#include <kk/plugin.h>

// A plugin that passed.  Its manifest and all it points at are copies of this header's full size,
// whatever version the plugin was built with: fields that it lacks are zero.  Texts are valid
// UTF-8.  They hold no function: `open`, `close` and `entry` are NULL.
typedef struct kk_plugin kk_plugin;

// How plugins are looked at.
typedef struct kk_loader {
    kk_describe_options describe;
    kk_scan_cache *cache; // or NULL
} kk_loader;

// Looks at the plugin at [path].  [loader] may be NULL: no cache, and what describe.h has by
// default.  *out is new, freed with kk_plugin_free().
// Errors: KK_ERR_PLUGIN_REFUSED, KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_plugin_load(const char *path, const kk_loader *loader, kk_plugin **out,
                                   kk_error *err);
void kk_plugin_free(kk_plugin *self);

const kk_manifest *kk_plugin_manifest(const kk_plugin *self);
const char *kk_plugin_path(const kk_plugin *self);

// The compiled output schema of tool [index], NULL where the tool has none or memory runs out.
// Threads: any.
const kk_schema *kk_plugin_output(const kk_plugin *self, size_t index);

// The file as it was looked at.
const kk_identity *kk_plugin_identity(const kk_plugin *self);

// A plugin's functions, in this process.
typedef struct kk_plugin_code {
    kk_status (*open)(const kk_host_api *host, const char *config, size_t config_len,
                      kk_instance **out); // or NULL
    void (*close)(kk_instance *self);
    const kk_tool_fn *entries; // in the order of the manifest's tools
} kk_plugin_code;

// Loads the object into this process, if that was not done yet: the file has to be the one that was
// looked at, and to say of itself what it said then.  *out stays until kk_plugin_free().  Runs code
// of the plugin.
// Errors: KK_ERR_PLUGIN_REFUSED, and the next call tries again; KK_ERR_INTERNAL.  Threads: any.
KK_MUST_USE kk_code kk_plugin_bind(const kk_plugin *self, const kk_plugin_code **out,
                                   kk_error *err);

// Whether the manifest grants a service: it is in `needs` or `wants`.
bool kk_plugin_is_granted(const kk_plugin *self, const char *service);

// Whether [name] is [a-z][a-z0-9]*(_[a-z0-9]+)* of at most 63 bytes; with [hyphens], '-' also
// joins.
bool kk_name_is_valid(const char *name, bool hyphens);

#endif
