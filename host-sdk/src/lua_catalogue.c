// What there is to call: for the worker, and for an editor's completion.
#include "json.h"
#include "lua_private.h"
#include <stdlib.h>

// ---- For the worker

static void write_accounts(kk_lua *self, const kk_plugin *plugin, kk_buf *out)
{
    kk_account_names names = {0};
    kk_error why = {0};
    if (kk_host_list_accounts(self->host, plugin, &names, &why) != KK_OK) {
        kk_host_log(self->host, KK_LOG_INFO, "the accounts are not known: %s", why.message);
        kk_buf_append_text(out, "null");
        return;
    }
    kk_buf_append_byte(out, '[');
    for (size_t i = 0; i < names.count; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        kk_json_write_string(out, kk_str_from(names.names[i]));
    }
    kk_buf_append_byte(out, ']');
    kk_account_names_clean(&names);
}

static void write_tool(const kk_entry *entry, kk_buf *out)
{
    kk_buf_append_format(out, "{\"name\":\"%s\",\"slug\":\"%s\",\"parameters\":[", entry->info.name,
                         entry->info.slug);
    const kk_schema *schema = kk_entry_schema(entry);
    for (size_t i = 0; i < kk_schema_property_count(schema); i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        kk_json_write_string(out, kk_str_from(kk_schema_property_at(schema, i)->name));
    }
    kk_buf_append_text(out, "]}");
}

static void write_tools(const kk_registry *registry, const kk_plugin *plugin, kk_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        if (kk_registry_at(registry, i)->plugin == plugin) {
            kk_buf_append_text(out, first ? "" : ",");
            write_tool(kk_registry_at(registry, i), out);
            first = false;
        }
    }
}

void kk_lua_write_catalogue(kk_lua *self, kk_buf *out)
{
    const kk_registry *registry = self->host->registry;
    kk_buf_append_text(out, "{\"plugins\":[");
    for (size_t i = 0; i < kk_registry_plugin_count(registry); i++) {
        const kk_plugin *plugin = kk_registry_plugin_at(registry, i);
        kk_buf_append_format(out, "%s{\"name\":\"%s\",\"accounts\":", i > 0 ? "," : "",
                             kk_plugin_manifest(plugin)->id);
        write_accounts(self, plugin, out);
        kk_buf_append_text(out, ",\"tools\":[");
        write_tools(registry, plugin, out);
        kk_buf_append_text(out, "]}");
    }
    kk_buf_append_text(out, "]}");
}

// ---- For completion

// The paths that were found, one behind the other with their NULs.
typedef struct finder {
    const char *text; // what is there already
    kk_buf names;
    size_t count;
} finder;

static void offer(finder *self, const char *path)
{
    if (strncmp(path, self->text, strlen(self->text)) == 0) {
        kk_buf_append(&self->names, path, strlen(path) + 1);
        self->count++;
    }
}

static void offer_below(finder *self, const char *head, const char *name)
{
    kk_buf path = {.limit = 512};
    kk_buf_append_format(&path, "%s%s", head, name);
    offer(self, kk_buf_text(&path));
    kk_buf_clean(&path);
}

static void offer_globals(finder *self)
{
    static const char *const names[] = {
        "app.",          "docs.list",    "docs.read",       "docs.search",
        "dump",          "json.decode",  "json.encode",     "json.null",
        "lua_list_docs", "lua_read_doc", "lua_search_docs", "print",
        "regex.gsub",    "regex.match",  "regex.match_all"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        offer(self, names[i]);
    }
}

// The functions below [head]; by their slugs where a slug is being written.
static void offer_functions(finder *self, const kk_registry *registry, const kk_plugin *plugin,
                            const char *head)
{
    size_t head_len = strlen(head);
    bool below = strlen(self->text) > head_len;
    const char *id = kk_plugin_manifest(plugin)->id;
    bool slugs = below && strncmp(self->text + head_len, id, strlen(id)) == 0;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const kk_entry *entry = kk_registry_at(registry, i);
        if (entry->plugin == plugin) {
            offer_below(self, head, slugs ? entry->info.slug : entry->info.name);
        }
    }
}

static void offer_account(finder *self, const kk_registry *registry, const kk_plugin *plugin,
                          const char *head, const char *account)
{
    kk_buf below = {.limit = 512};
    kk_buf_append_text(&below, head);
    for (const char *at = account; *at != '\0'; at++) {
        kk_buf_append_byte(&below, *at == '-' ? '_' : *at);
    }
    kk_buf_append_byte(&below, '.');
    if (strncmp(self->text, kk_buf_text(&below), below.len) == 0) {
        offer_functions(self, registry, plugin, kk_buf_text(&below));
    } else {
        offer(self, kk_buf_text(&below));
    }
    kk_buf_clean(&below);
}

static void offer_accounts(finder *self, kk_lua *lua, const kk_plugin *plugin, const char *head)
{
    kk_account_names names = {0};
    kk_error ignored = {0};
    offer_account(self, lua->host->registry, plugin, head, "default");
    // Accounts that cannot be listed are not offered.
    (void)!kk_host_list_accounts(lua->host, plugin, &names, &ignored);
    for (size_t i = 0; i < names.count; i++) {
        offer_account(self, lua->host->registry, plugin, head, names.names[i]);
    }
    kk_account_names_clean(&names);
}

static void offer_plugin(finder *self, kk_lua *lua, const kk_plugin *plugin)
{
    kk_buf head = {.limit = 256};
    kk_buf_append_format(&head, "app.integrations.%s.", kk_plugin_manifest(plugin)->id);
    if (strncmp(self->text, kk_buf_text(&head), head.len) == 0) {
        offer_functions(self, lua->host->registry, plugin, kk_buf_text(&head));
        offer_accounts(self, lua, plugin, kk_buf_text(&head));
    } else {
        offer(self, kk_buf_text(&head));
    }
    kk_buf_clean(&head);
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

// One block: the pointers, then the texts.
static char **pack(const finder *found)
{
    size_t table = (found->count + 1) * sizeof(char *);
    char **paths = malloc(table + found->names.len);
    if (paths == NULL) {
        return NULL;
    }
    char *at = (char *)paths + table;
    if (found->names.len > 0) {
        memcpy(at, found->names.ptr, found->names.len);
    }
    for (size_t i = 0; i < found->count; i++) {
        paths[i] = at;
        at += strlen(at) + 1;
    }
    paths[found->count] = NULL;
    qsort(paths, found->count, sizeof *paths, compare);
    return paths;
}

char **kk_lua_complete(kk_lua *lua, const char *text)
{
    static const char head[] = "app.integrations.";
    finder self = {.text = text, .names = {.limit = KK_TEXT_MAX}};
    if (strncmp(text, "app.", 4) != 0) {
        offer_globals(&self);
    } else if (strncmp(text, head, sizeof head - 1) != 0) {
        offer(&self, head);
    } else {
        for (size_t i = 0; i < kk_registry_plugin_count(lua->host->registry); i++) {
            offer_plugin(&self, lua, kk_registry_plugin_at(lua->host->registry, i));
        }
    }
    char **paths = self.names.failed == KK_OK ? pack(&self) : NULL;
    kk_buf_clean(&self.names);
    return paths;
}
