// Loading one plugin: from a path to a checked manifest.
//
// The stages, in order; a refusal is KK_ERR_PLUGIN_REFUSED whose reason is the stage and whose
// message has the path, what was expected and what was found:
//
// - "path": absolute, a regular file after links, at most 64 MiB.
// - "trust": the file and every directory up to / belong to root or to us, and others cannot write
//   them.  A sticky directory of root's, such as /tmp, passes.
// - "elf": an ELF shared object of this machine that exports kk_plugin_describe; read, not
//   executed.
// - "dlopen": the dynamic loader's own message.
// - "describe": kk_plugin_describe returned NULL or a misaligned pointer.
// - "version": the magic, the major version, the oldest host it accepts, the size of the manifest.
// - "manifest": a text, name, schema, credential, format, origin or example that breaks a rule of
//   kk/plugin.h.
// - "symbols": an entry point that is missing, elsewhere, or not the one that the manifest points
//   at.
// - "services": a service in `needs` that this host does not have.
//
// Nothing of a plugin runs before the first three have passed.  A loaded object is never unmapped.
#ifndef KK_LOADER_H
#define KK_LOADER_H

#include "schema.h"
#include <kk/plugin.h>

// A plugin that passed.  `manifest` and all it points at are copies of this header's full size,
// whatever version the plugin was built with: fields that it lacks are zero.  Texts are valid
// UTF-8.
typedef struct kk_plugin kk_plugin;

// Loads the plugin at [path].  *out is new, freed with kk_plugin_free(), which keeps the mapping.
// Errors: KK_ERR_PLUGIN_REFUSED, KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_plugin_load(const char *path, kk_plugin **out, kk_error *err);

// Checks everything behind the dlopen for a manifest that is already in memory, for tests. [handle]
// is dlopen's.
KK_MUST_USE kk_code kk_plugin_accept(const char *path, void *handle, const kk_manifest *raw,
                                     kk_plugin **out, kk_error *err);
void kk_plugin_free(kk_plugin *self);

const kk_manifest *kk_plugin_manifest(const kk_plugin *self);
const char *kk_plugin_path(const kk_plugin *self);

// The compiled output schema of tool [index], NULL where the tool has none.
const kk_schema *kk_plugin_output(const kk_plugin *self, size_t index);

// Device and inode, by which the same file under two names is known.
void kk_plugin_identity(const kk_plugin *self, uint64_t *device, uint64_t *inode);

// Whether the manifest grants a service: it is in `needs` or `wants`.
bool kk_plugin_is_granted(const kk_plugin *self, const char *service);

// The path and trust stages alone, for other files that are executed (the live module): also
// refuses what is not owned by root or us.  Errors: KK_ERR_PLUGIN_REFUSED.
KK_MUST_USE kk_code kk_executable_check(const char *path, kk_error *err);

// Whether [name] is [a-z][a-z0-9]*(_[a-z0-9]+)* of at most 63 bytes; with [hyphens], '-' also
// joins.
bool kk_name_is_valid(const char *name, bool hyphens);

#endif
