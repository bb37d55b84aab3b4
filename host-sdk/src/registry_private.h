// What the files of the registry share.
#ifndef KK_REGISTRY_PRIVATE_H
#define KK_REGISTRY_PRIVATE_H

#include "registry.h"

// The most plugins, and the most files of one directory.
#define KK_REGISTRY_MAX ((size_t)1000)

typedef struct registry_plugin {
    kk_plugin *plugin;
    kk_plugin_info info;
    kk_entry *entries; // info.tool_count of them
} registry_plugin;

typedef struct registry_refusal {
    kk_refusal_info info;
    kk_error error;
    char path[];
} registry_refusal;

struct kk_registry {
    const kk_loader *loader;  // while loading
    registry_plugin *plugins; // in the order of loading
    size_t plugin_count;
    registry_refusal **refusals;
    size_t refusal_count;
    kk_entry **entries; // all, in the order of plugins and manifests
    size_t entry_count;
    const kk_entry **by_function; // sorted
    const kk_entry **by_slug;     // sorted
    const char **functions;       // the names of entries, for near names
    const char **ids;             // the names of plugins, the same
};

// Makes the entries of [plugin]: names, and the input schemas as they are published.
// Errors: KK_ERR_PLUGIN_REFUSED, KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_registry_publish(const kk_plugin *plugin, kk_entry **out, kk_error *err);
void kk_registry_unpublish(kk_entry *entries, size_t count);

// Makes the sorted indexes once all plugins are there.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_registry_index(kk_registry *self, kk_error *err);

#endif
