// The plugins of a host, and the finding of a tool by name.
#ifndef KK_REGISTRY_H
#define KK_REGISTRY_H

#include "config.h"
#include "loader.h"
#include <kk/host.h>

typedef struct kk_registry kk_registry;

// One tool as the host knows it.
typedef struct kk_entry {
    kk_tool_info info;
    const kk_plugin *plugin;
    const kk_tool *tool;
    size_t index;            // of the tool in its plugin
    const kk_schema *schema; // see kk_entry_schema()
    bool host_projects;      // true if the host added `fields` and removes it again
} kk_entry;

// The input as it is published: with `fields`, if the host added it.  It is compiled when it is
// first asked for; NULL if memory runs out for that.  Threads: any.
const kk_schema *kk_entry_schema(const kk_entry *self);

// Loads [files] (NULL-terminated or NULL), each of which must pass, then the search path unless
// [search] is false. [plugin_path] is the value of KK_PLUGIN_PATH or NULL.  Directories are not
// searched deeper; their files "*.so" are taken in the order of their names.  The first plugin of
// an id wins, a second one is refused at the stage "duplicate"; the same file met twice is passed
// over in silence.  A directory that does not exist is passed over.  [loader] may be NULL, as in
// kk_plugin_load().
// Errors: KK_ERR_PLUGIN_REFUSED for one of [files]; KK_ERR_INTERNAL.  *out is new, freed with
// kk_registry_free().
KK_MUST_USE kk_code kk_registry_load(const char *const *files, bool search, const char *plugin_path,
                                     const kk_config *config, const kk_loader *loader,
                                     kk_registry **out, kk_error *err);
void kk_registry_free(kk_registry *self);

// The same with the directories to search given, NULL-terminated, in their order.  One that is not
// absolute is recorded as a refusal at the stage "path".  The inner part of the above, for tests.
KK_MUST_USE kk_code kk_registry_load_from(const char *const *files, const char *const *directories,
                                          const kk_loader *loader, kk_registry **out,
                                          kk_error *err);

size_t kk_registry_plugin_count(const kk_registry *self);
const kk_plugin *kk_registry_plugin_at(const kk_registry *self, size_t index);
const kk_plugin_info *kk_registry_plugin_info(const kk_registry *self, size_t index);

size_t kk_registry_count(const kk_registry *self);
const kk_entry *kk_registry_at(const kk_registry *self, size_t index);

size_t kk_registry_refusal_count(const kk_registry *self);
const kk_refusal_info *kk_registry_refusal_at(const kk_registry *self, size_t index);

// As kk_host_find_tool() and, for a plugin's id, with near names.
// Errors: KK_ERR_UNKNOWN_FUNCTION, KK_ERR_UNKNOWN_PLUGIN.  If the plugin was found and refused, the
// message says so.
KK_MUST_USE kk_code kk_registry_find(const kk_registry *self, const char *function,
                                     const kk_entry **out, kk_error *err);
KK_MUST_USE kk_code kk_registry_find_plugin(const kk_registry *self, const char *id,
                                            const kk_plugin **out, kk_error *err);

#endif
