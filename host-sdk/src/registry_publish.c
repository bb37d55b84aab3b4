// Tools as callers see them: their names, and their schemas with the host's own `fields` argument.
#include "fail.h"
#include "json.h"
#include "registry_private.h"
#include <pthread.h>
#include <stdlib.h>

static const char fields_property[] =
    "\"fields\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"Keep only "
    "these members of the result, or of each of its rows, for example name; region.slug reaches "
    "into region. All members if left out.\"}";

// Puts [addition] behind the last member of the object whose raw bytes are [object] within [text].
static void insert_last(kk_str text, kk_str object, const char *addition, kk_buf *out)
{
    size_t end = (size_t)(object.ptr - text.ptr) + object.len - 1; // of its '}'
    while (strchr(" \t\r\n", text.ptr[end - 1]) != NULL) {
        end--;
    }
    kk_buf_append(out, text.ptr, end);
    kk_buf_append_text(out, text.ptr[end - 1] == '{' ? "" : ",");
    kk_buf_append_text(out, addition);
    kk_buf_append(out, text.ptr + end, text.len - end);
}

// Appends [schema] with the property `fields`, unless the plugin has its own; tells which.
static bool add_fields(kk_str schema, kk_buf *out)
{
    kk_str found;
    if (kk_json_find(schema, "/properties/fields", &found)) {
        kk_buf_append_str(out, schema);
        return false;
    }
    if (kk_json_find(schema, "/properties", &found)) {
        insert_last(schema, found, fields_property, out);
        return true;
    }
    kk_buf properties = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&properties, "\"properties\":{%s}", fields_property);
    if (kk_json_find(schema, "", &found)) {
        insert_last(schema, found, kk_buf_text(&properties), out);
    }
    kk_buf_clean(&properties);
    return true;
}

static kk_code publish_schema(const kk_tool *tool, kk_entry *entry, kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    entry->host_projects = add_fields(kk_str_from(tool->input_schema), &text);
    kk_code code = kk_buf_check(&text, "the schema of a tool", err);
    if (code == KK_OK) {
        entry->info.input_schema = kk_buf_steal(&text);
    }
    kk_buf_clean(&text);
    return code;
}

// Most programs use few of the functions that there are: to compile all costs more than all the
// rest of opening a host.
static pthread_mutex_t compile_lock = PTHREAD_MUTEX_INITIALIZER; // guards every entry's `schema`

const kk_schema *kk_entry_schema(const kk_entry *self)
{
    kk_entry *own = (kk_entry *)(uintptr_t)self;
    kk_schema *schema = NULL;
    pthread_mutex_lock(&compile_lock);
    if (own->schema == NULL &&
        kk_schema_compile(kk_str_from(own->info.input_schema), &schema, NULL) == KK_OK) {
        own->schema = schema;
    }
    const kk_schema *found = own->schema;
    pthread_mutex_unlock(&compile_lock);
    return found;
}

static const char *join(const char *plugin, char joint, const char *tool)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&text, "%s%c%s", plugin, joint, tool);
    char *joined = kk_buf_steal(&text);
    kk_buf_clean(&text);
    return joined;
}

static kk_code publish_tool(const kk_plugin *plugin, size_t index, kk_entry *entry, kk_error *err)
{
    const kk_manifest *manifest = kk_plugin_manifest(plugin);
    const kk_tool *tool = manifest->tools[index];
    *entry = (kk_entry){.plugin = plugin, .tool = tool, .index = index};
    entry->info = (kk_tool_info){
        .function = join(manifest->id, '.', tool->name),
        .slug = join(manifest->id, '_', tool->name),
        .plugin = manifest->id,
        .name = tool->name,
        .title = tool->title,
        .summary = tool->summary,
        .description = tool->description,
        .output_schema = tool->output_schema,
        .operation = (tool->flags & KK_TOOL_READ_ONLY) != 0 ? "read" : "write",
    };
    kk_code code = publish_schema(tool, entry, err);
    bool whole = entry->info.function != NULL && entry->info.slug != NULL &&
                 (code != KK_OK || entry->info.input_schema != NULL);
    return whole ? code : kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", manifest->id);
}

kk_code kk_registry_publish(const kk_plugin *plugin, kk_entry **out, kk_error *err)
{
    size_t count = kk_plugin_manifest(plugin)->tool_count;
    kk_entry *entries = calloc(count, sizeof *entries);
    if (entries == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the list of tools");
    }
    for (size_t i = 0; i < count; i++) {
        kk_code code = publish_tool(plugin, i, &entries[i], err);
        if (code != KK_OK) {
            kk_registry_unpublish(entries, count);
            return code;
        }
    }
    *out = entries;
    return KK_OK;
}

void kk_registry_unpublish(kk_entry *entries, size_t count)
{
    for (size_t i = 0; entries != NULL && i < count; i++) {
        free((char *)entries[i].info.function);
        free((char *)entries[i].info.slug);
        free((char *)entries[i].info.input_schema);
        kk_schema_free((kk_schema *)entries[i].schema);
    }
    free(entries);
}
