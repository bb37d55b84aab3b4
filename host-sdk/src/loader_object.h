// A plugin's object in this process: loaded, asked for its manifest, and its entry points proved.
//
// A worker does this with a plugin that nobody has looked at yet, and the host with one that it is
// about to call.  Each step refuses with KK_ERR_PLUGIN_REFUSED and its stage (loader.h).
#ifndef KK_LOADER_OBJECT_H
#define KK_LOADER_OBJECT_H

#include "manifest.h"

// Start with {0}.
typedef struct kk_object {
    void *handle;                // dlopen's; never given back
    const kk_manifest *raw;      // what the plugin gave, its own memory
    const kk_manifest *manifest; // our copy, in `memory`; or the one that was known
    kk_chunk *memory;
} kk_object;

// Loads the object at [path].  The mapping is never undone: code of the plugin may still be on a
// stack, or be registered to run at the end of a thread or of the process.
// Stage: "dlopen".
KK_MUST_USE kk_code kk_object_load(kk_object *self, const char *path, kk_error *err);

// Asks it for its manifest, and copies that, unless it says what [known] does, a copy that outlives
// the object; NULL = none.  Stages: "describe", "version", "manifest".
KK_MUST_USE kk_code kk_object_describe(kk_object *self, const char *path, const kk_manifest *known,
                                       kk_error *err);

// Proves for each tool of the manifest that the exported symbol, in the plugin's own object, is the
// function that the plugin points at, and puts that into [entries], which may be NULL.  The names
// have been checked, or will be.  Stage: "symbols".
KK_MUST_USE kk_code kk_object_prove(const kk_object *self, const char *path, kk_tool_fn *entries,
                                    kk_error *err);

// Frees the copy.
void kk_object_clean(kk_object *self);

// Fails with KK_ERR_PLUGIN_REFUSED and the stage as its reason.
kk_code kk_object_refuse(const char *stage, kk_error *err, const char *format, ...) KK_PRINTF(3, 4);

// The symbol that every plugin exports.
extern const char kk_object_describe_symbol[];

#endif
