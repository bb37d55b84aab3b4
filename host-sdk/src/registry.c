// The registry: which plugins are loaded, from where, and which were refused.
#include "fail.h"
#include "library.h"
#include "registry_private.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/auxv.h>

static kk_code no_memory(kk_error *err)
{
    return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the list of plugins");
}

static kk_code refuse(const char *stage, kk_error *err)
{
    kk_fail_reason(err, stage);
    return KK_ERR_PLUGIN_REFUSED;
}

static bool is_loaded(const kk_registry *self, const kk_plugin *plugin)
{
    const kk_identity *own = kk_plugin_identity(plugin);
    for (size_t i = 0; i < self->plugin_count; i++) {
        const kk_identity *other = kk_plugin_identity(self->plugins[i].plugin);
        if (own->device == other->device && own->inode == other->inode) {
            return true;
        }
    }
    return false;
}

static kk_code check_unique(const kk_registry *self, const kk_plugin *plugin, kk_error *err)
{
    const char *id = kk_plugin_manifest(plugin)->id;
    for (size_t i = 0; i < self->plugin_count; i++) {
        if (strcmp(self->plugins[i].info.id, id) == 0) {
            kk_fail(err, KK_ERR_PLUGIN_REFUSED, "'%s': a plugin '%s' is already loaded, from '%s'",
                    kk_plugin_path(plugin), id, self->plugins[i].info.path);
            return refuse("duplicate", err);
        }
    }
    if (self->plugin_count >= KK_REGISTRY_MAX) {
        kk_fail(err, KK_ERR_PLUGIN_REFUSED,
                "'%s': %zu plugins are loaded already, the most there "
                "can be",
                kk_plugin_path(plugin), KK_REGISTRY_MAX);
        return refuse("duplicate", err);
    }
    return KK_OK;
}

static kk_code keep(kk_registry *self, kk_plugin *plugin, kk_entry *entries, kk_error *err)
{
    registry_plugin *grown =
        realloc(self->plugins, (self->plugin_count + 1) * sizeof *self->plugins);
    if (grown == NULL) {
        return no_memory(err);
    }
    const kk_manifest *manifest = kk_plugin_manifest(plugin);
    self->plugins = grown;
    self->plugins[self->plugin_count++] = (registry_plugin){
        .plugin = plugin,
        .entries = entries,
        .info = {.id = manifest->id,
                 .title = manifest->title,
                 .summary = manifest->summary,
                 .category = manifest->category,
                 .version = manifest->version,
                 .path = kk_plugin_path(plugin),
                 .tool_count = manifest->tool_count},
    };
    return KK_OK;
}

static kk_code add_file(kk_registry *self, const char *path, kk_error *err)
{
    kk_plugin *plugin = NULL;
    kk_entry *entries = NULL;
    kk_code code = kk_plugin_load(path, self->loader, &plugin, err);
    if (code != KK_OK) {
        return code;
    }
    if (is_loaded(self, plugin)) {
        kk_plugin_free(plugin);
        return KK_OK;
    }
    code = check_unique(self, plugin, err);
    if (code == KK_OK) {
        code = kk_registry_publish(plugin, &entries, err);
    }
    if (code == KK_OK) {
        code = keep(self, plugin, entries, err);
    }
    if (code != KK_OK) {
        kk_registry_unpublish(entries,
                              entries != NULL ? kk_plugin_manifest(plugin)->tool_count : 0);
        kk_plugin_free(plugin);
    }
    return code;
}

// Remembers why the file or directory at [path] was left out.
static kk_code record(kk_registry *self, const char *path, const kk_error *problem, kk_error *err)
{
    size_t len = strlen(path);
    registry_refusal **grown =
        realloc(self->refusals, (self->refusal_count + 1) * sizeof *self->refusals);
    if (grown == NULL) {
        return no_memory(err);
    }
    self->refusals = grown;
    registry_refusal *refusal = calloc(1, sizeof *refusal + len + 1);
    if (refusal == NULL) {
        return no_memory(err);
    }
    memcpy(refusal->path, path, len + 1);
    refusal->error = *problem;
    refusal->info = (kk_refusal_info){.path = refusal->path, .error = &refusal->error};
    self->refusals[self->refusal_count++] = refusal;
    return KK_OK;
}

static kk_code record_directory(kk_registry *self, const char *path, const char *problem,
                                const char *hint, kk_error *err)
{
    kk_error refusal = {0};
    kk_fail(&refusal, KK_ERR_PLUGIN_REFUSED, "the plugin directory '%s' %s", path, problem);
    kk_fail_reason(&refusal, "path");
    if (hint != NULL) {
        kk_fail_hint(&refusal, "%s", hint);
    }
    return record(self, path, &refusal, err);
}

static kk_code try_file(kk_registry *self, const char *directory, const char *name, kk_error *err)
{
    kk_buf path = {.limit = KK_TEXT_MAX};
    kk_error problem = {0};
    kk_buf_append_format(&path, "%s/%s", directory, name);
    kk_code code = kk_buf_check(&path, "the path of a plugin", err);
    if (code == KK_OK) {
        code = add_file(self, kk_buf_text(&path), &problem);
        if (code == KK_ERR_PLUGIN_REFUSED) {
            code = record(self, kk_buf_text(&path), &problem, err);
        }
    }
    if (problem.code == KK_ERR_INTERNAL && err != NULL) {
        *err = problem;
    }
    kk_buf_clean(&path);
    return code;
}

static int is_plugin_name(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
}

// By bytes, so that the order does not depend on the locale.
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static kk_code add_directory(kk_registry *self, const char *path, kk_error *err)
{
    if (path[0] != '/') {
        return record_directory(self, path, "is not an absolute path, so it was not searched",
                                "KK_PLUGIN_PATH is a list of absolute paths, separated by ':'",
                                err);
    }
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_plugin_name, compare_names);
    if (count < 0) {
        return errno == ENOENT ? KK_OK : record_directory(self, path, strerror(errno), NULL, err);
    }
    kk_code code = KK_OK;
    if ((size_t)count > KK_REGISTRY_MAX) {
        code = record_directory(self, path, "has more than 1000 plugins, so it was not searched",
                                NULL, err);
    }
    for (int i = 0; i < count; i++) {
        if (code == KK_OK && (size_t)count <= KK_REGISTRY_MAX) {
            code = try_file(self, path, names[i]->d_name, err);
        }
        free(names[i]);
    }
    free(names);
    return code;
}

kk_code kk_registry_load_from(const char *const *files, const char *const *directories,
                              const kk_loader *loader, kk_registry **out, kk_error *err)
{
    kk_registry *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return no_memory(err);
    }
    self->loader = loader;
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && files != NULL && files[i] != NULL; i++) {
        code = add_file(self, files[i], err);
    }
    for (size_t i = 0; code == KK_OK && directories != NULL && directories[i] != NULL; i++) {
        code = add_directory(self, directories[i], err);
    }
    if (code == KK_OK) {
        code = kk_registry_index(self, err);
    }
    self->loader = NULL;
    if (code != KK_OK) {
        kk_registry_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

// ---- The search path

// A list of directories: texts behind one another in `texts`, told apart by their NULs.
typedef struct search_path {
    kk_buf texts;
    size_t count;
} search_path;

static void add_to_path(search_path *path, const char *directory, size_t len)
{
    kk_buf_append(&path->texts, directory, len);
    kk_buf_append_byte(&path->texts, '\0');
    path->count++;
}

static void add_list_to_path(search_path *path, const char *list)
{
    for (const char *at = list;;) {
        const char *end = strchr(at, ':');
        add_to_path(path, at, end != NULL ? (size_t)(end - at) : strlen(at));
        if (end == NULL) {
            return;
        }
        at = end + 1;
    }
}

// kk/plugins beside the library that this code is in.  A program that has the code linked into it
// is no installation, and has none.
static void add_installation_to_path(search_path *path)
{
    const char *directory = kk_library_directory();
    if (directory != NULL) {
        kk_buf_append_text(&path->texts, directory);
        add_to_path(path, "/kk/plugins", strlen("/kk/plugins"));
    }
}

static void fill_path(search_path *path, const char *plugin_path, const kk_config *config)
{
    // A program with more rights than its caller must not take code from where the caller says.
    if (plugin_path != NULL && getauxval(AT_SECURE) == 0) {
        add_list_to_path(path, plugin_path);
    }
    if (config != NULL) {
        const char *own = kk_config_plugin_dir(config);
        add_to_path(path, own, strlen(own));
    }
    add_installation_to_path(path);
    add_list_to_path(path, "/usr/local/lib/kk/plugins:/usr/lib/kk/plugins");
}

kk_code kk_registry_load(const char *const *files, bool search, const char *plugin_path,
                         const kk_config *config, const kk_loader *loader, kk_registry **out,
                         kk_error *err)
{
    if (!search) {
        return kk_registry_load_from(files, NULL, loader, out, err);
    }
    search_path path = {.texts = {.limit = KK_TEXT_MAX}};
    const char **directories = NULL;
    fill_path(&path, plugin_path, config);
    kk_code code = kk_buf_check(&path.texts, "the search path for plugins", err);
    if (code != KK_OK) {
        goto done;
    }
    directories = calloc(path.count + 1, sizeof *directories);
    if (directories == NULL) {
        code = no_memory(err);
        goto done;
    }
    const char *at = kk_buf_text(&path.texts);
    for (size_t i = 0; i < path.count; i++) {
        directories[i] = at;
        at += strlen(at) + 1;
    }
    code = kk_registry_load_from(files, directories, loader, out, err);

done:
    free(directories);
    kk_buf_clean(&path.texts);
    return code;
}

void kk_registry_free(kk_registry *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->plugin_count; i++) {
        kk_registry_unpublish(self->plugins[i].entries, self->plugins[i].info.tool_count);
        kk_plugin_free(self->plugins[i].plugin);
    }
    for (size_t i = 0; i < self->refusal_count; i++) {
        free(self->refusals[i]);
    }
    free(self->plugins);
    free(self->refusals);
    free(self->entries);
    free(self->by_function);
    free(self->by_slug);
    free(self->functions);
    free(self->ids);
    free(self);
}

size_t kk_registry_plugin_count(const kk_registry *self)
{
    return self->plugin_count;
}

const kk_plugin *kk_registry_plugin_at(const kk_registry *self, size_t index)
{
    return index < self->plugin_count ? self->plugins[index].plugin : NULL;
}

const kk_plugin_info *kk_registry_plugin_info(const kk_registry *self, size_t index)
{
    return index < self->plugin_count ? &self->plugins[index].info : NULL;
}

size_t kk_registry_count(const kk_registry *self)
{
    return self->entry_count;
}

const kk_entry *kk_registry_at(const kk_registry *self, size_t index)
{
    return index < self->entry_count ? self->entries[index] : NULL;
}

size_t kk_registry_refusal_count(const kk_registry *self)
{
    return self->refusal_count;
}

const kk_refusal_info *kk_registry_refusal_at(const kk_registry *self, size_t index)
{
    return index < self->refusal_count ? &self->refusals[index]->info : NULL;
}
