// Finding a tool by any of its names, and saying what was probably meant.
#include "fail.h"
#include "near.h"
#include "registry_private.h"
#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_FOUND = 255, TOOLS_MAX = 1024 };

// ---- The indexes

static int by_function(const void *a, const void *b)
{
    const kk_entry *const *one = a;
    const kk_entry *const *other = b;
    return strcmp((*one)->info.function, (*other)->info.function);
}

static int by_slug(const void *a, const void *b)
{
    const kk_entry *const *one = a;
    const kk_entry *const *other = b;
    return strcmp((*one)->info.slug, (*other)->info.slug);
}

static size_t count_tools(const kk_registry *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->plugin_count; i++) {
        count += self->plugins[i].info.tool_count;
    }
    return count;
}

static void list_all(kk_registry *self)
{
    for (size_t i = 0; i < self->plugin_count; i++) {
        self->ids[i] = self->plugins[i].info.id;
        for (size_t k = 0; k < self->plugins[i].info.tool_count; k++) {
            kk_entry *entry = &self->plugins[i].entries[k];
            self->functions[self->entry_count] = entry->info.function;
            self->by_function[self->entry_count] = entry;
            self->by_slug[self->entry_count] = entry;
            self->entries[self->entry_count++] = entry;
        }
    }
}

kk_code kk_registry_index(kk_registry *self, kk_error *err)
{
    size_t count = count_tools(self);
    self->entries = calloc(count + 1, sizeof(kk_entry *));
    self->by_function = calloc(count + 1, sizeof(kk_entry *));
    self->by_slug = calloc(count + 1, sizeof(kk_entry *));
    self->functions = calloc(count + 1, sizeof(char *));
    self->ids = calloc(self->plugin_count + 1, sizeof(char *));
    if (self->entries == NULL || self->by_function == NULL || self->by_slug == NULL ||
        self->functions == NULL || self->ids == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the list of functions");
    }
    list_all(self);
    qsort(self->by_function, count, sizeof(kk_entry *), by_function);
    qsort(self->by_slug, count, sizeof(kk_entry *), by_slug);
    return KK_OK;
}

static const kk_entry *const *search(const kk_registry *self, const kk_entry *const *index,
                                     const kk_entry *key,
                                     int (*compare)(const void *, const void *))
{
    return self->entry_count == 0
               ? NULL
               : bsearch(&key, index, self->entry_count, sizeof(kk_entry *), compare);
}

static const kk_entry *find_function(const kk_registry *self, const char *function)
{
    const kk_entry key = {.info = {.function = function}};
    const kk_entry *const *found =
        search(self, (const kk_entry *const *)self->by_function, &key, by_function);
    return found != NULL ? *found : NULL;
}

// Plugin "a" with tool "b_c" and plugin "a_b" with tool "c" have the same slug: *other is then the
// second one.
static const kk_entry *find_slug(const kk_registry *self, const char *slug, const kk_entry **other)
{
    const kk_entry key = {.info = {.slug = slug}};
    const kk_entry *const *index = (const kk_entry *const *)self->by_slug;
    const kk_entry *const *found = search(self, index, &key, by_slug);
    if (found == NULL) {
        return NULL;
    }
    bool after = found + 1 < index + self->entry_count && by_slug(found, found + 1) == 0;
    bool before = found > index && by_slug(found, found - 1) == 0;
    *other = after ? found[1] : before ? found[-1] : NULL;
    return *found;
}

// ---- Names

// Takes "app.integrations." or "integrations." off a name.
static const char *skip_prefix(const char *name)
{
    static const char *const prefixes[] = {"app.integrations.", "integrations."};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return name + strlen(prefixes[i]);
        }
    }
    return name;
}

// Copies a name with the hyphens of its plugin, before the first dot, as underscores.  False if it
// is longer than any that exists.
static bool normalise(const char *name, char out[NAME_MAX_FOUND + 1])
{
    size_t len = strnlen(name, NAME_MAX_FOUND + 1);
    if (len > NAME_MAX_FOUND) {
        return false;
    }
    memcpy(out, name, len);
    out[len] = '\0';
    for (char *at = out; *at != '\0' && *at != '.'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    return true;
}

// ---- Misses

// The refusal of a file that is named like the plugin, or NULL.
static const registry_refusal *find_refusal(const kk_registry *self, const char *id)
{
    size_t len = strlen(id);
    for (size_t i = 0; i < self->refusal_count; i++) {
        const char *slash = strrchr(self->refusals[i]->path, '/');
        const char *base = slash != NULL ? slash + 1 : self->refusals[i]->path;
        if (strncmp(base, id, len) == 0 && strcmp(base + len, ".so") == 0) {
            return self->refusals[i];
        }
    }
    return NULL;
}

static kk_code miss_plugin(const kk_registry *self, const char *id, kk_error *err)
{
    const registry_refusal *refusal = find_refusal(self, id);
    if (refusal != NULL) {
        kk_code code = kk_fail(err, KK_ERR_UNKNOWN_PLUGIN,
                               "the plugin '%.64s' was found and refused at the stage '%s': %s", id,
                               refusal->error.reason, refusal->error.message);
        kk_fail_hint(err, "%s", refusal->error.hint);
        return code;
    }
    kk_code code = kk_fail(err, KK_ERR_UNKNOWN_PLUGIN, "no plugin '%.64s' is loaded", id);
    kk_fail_near(err, id, self->ids, self->plugin_count);
    if (self->plugin_count == 0) {
        kk_fail_hint(err, "no plugin is loaded at all; `kk list` shows what was refused");
    } else {
        kk_fail_hint(err, "`kk list` shows all plugins");
    }
    kk_fail_hint(err, "`kk list` shows all plugins");
    return code;
}

static kk_code miss_tool(const registry_plugin *plugin, const char *tool, kk_error *err)
{
    const char *tools[TOOLS_MAX];
    size_t count = 0;
    for (; count < plugin->info.tool_count && count < TOOLS_MAX; count++) {
        tools[count] = plugin->entries[count].info.name;
    }
    kk_code code = kk_fail(err, KK_ERR_UNKNOWN_FUNCTION, "the plugin '%s' has no function '%.64s'",
                           plugin->info.id, tool);
    kk_fail_near(err, tool, tools, count);
    kk_fail_hint(err, "`kk list %s` shows its functions", plugin->info.id);
    return code;
}

static const registry_plugin *find_loaded(const kk_registry *self, const char *id)
{
    for (size_t i = 0; i < self->plugin_count; i++) {
        if (strcmp(self->plugins[i].info.id, id) == 0) {
            return &self->plugins[i];
        }
    }
    return NULL;
}

static kk_code miss_bare(const kk_registry *self, const char *name, kk_error *err)
{
    if (find_loaded(self, name) != NULL) {
        kk_code code = kk_fail(err, KK_ERR_UNKNOWN_FUNCTION,
                               "'%s' is a plugin; one of its functions has to follow", name);
        kk_fail_hint(err, "`kk list %s` shows them", name);
        return code;
    }
    if (find_refusal(self, name) != NULL) {
        return miss_plugin(self, name, err);
    }
    kk_code code = kk_fail(err, KK_ERR_UNKNOWN_FUNCTION, "there is no function '%.64s'", name);
    kk_fail_near(err, name, self->functions, self->entry_count);
    kk_fail_hint(err, "a function is named PLUGIN.FUNCTION; `kk list` shows all");
    return code;
}

// ---- Finding

static kk_code find_bare(const kk_registry *self, const char *slug, const kk_entry **out,
                         kk_error *err)
{
    const kk_entry *other = NULL;
    const kk_entry *found = find_slug(self, slug, &other);
    if (found == NULL) {
        return miss_bare(self, slug, err);
    }
    if (other != NULL) {
        return kk_fail(err, KK_ERR_UNKNOWN_FUNCTION, "'%s' could be '%s' or '%s'", slug,
                       found->info.function, other->info.function);
    }
    *out = found;
    return KK_OK;
}

// [tool] is a short name or a slug.
static const kk_entry *find_in(const kk_registry *self, const char *id, const char *tool)
{
    char function[2 * NAME_MAX_FOUND];
    size_t id_len = strlen(id);
    bool slug = strncmp(tool, id, id_len) == 0 && tool[id_len] == '_';
    snprintf(function, sizeof function, "%s.%s", id, tool);
    const kk_entry *found = find_function(self, function);
    if (found == NULL && slug) {
        snprintf(function, sizeof function, "%s.%s", id, tool + id_len + 1);
        found = find_function(self, function);
    }
    return found;
}

kk_code kk_registry_find(const kk_registry *self, const char *function, const kk_entry **out,
                         kk_error *err)
{
    char name[NAME_MAX_FOUND + 1];
    if (!normalise(skip_prefix(function), name)) {
        kk_code code =
            kk_fail(err, KK_ERR_UNKNOWN_FUNCTION, "there is no function '%.64s...'", function);
        kk_fail_hint(err, "a function is named PLUGIN.FUNCTION; `kk list` shows all");
        return code;
    }
    char *dot = strchr(name, '.');
    if (dot == NULL) {
        return find_bare(self, name, out, err);
    }
    *dot = '\0';
    const registry_plugin *plugin = find_loaded(self, name);
    if (plugin == NULL) {
        return miss_plugin(self, name, err);
    }
    const kk_entry *found = find_in(self, name, dot + 1);
    if (found == NULL) {
        return miss_tool(plugin, dot + 1, err);
    }
    *out = found;
    return KK_OK;
}

kk_code kk_registry_find_plugin(const kk_registry *self, const char *id, const kk_plugin **out,
                                kk_error *err)
{
    char name[NAME_MAX_FOUND + 1];
    if (!normalise(skip_prefix(id), name)) {
        return kk_fail(err, KK_ERR_UNKNOWN_PLUGIN, "no plugin '%.64s...' is loaded", id);
    }
    const registry_plugin *found = find_loaded(self, name);
    if (found == NULL) {
        return miss_plugin(self, name, err);
    }
    *out = found->plugin;
    return KK_OK;
}
