// kk list: the functions of all plugins.
#include "fail.h"
#include "json.h"
#include "near.h"
#include "output.h"

// Whether the plugin is to be shown: [only] is the one that was asked for, or NULL for all.
static bool is_shown(const char *only, const char *plugin)
{
    return only == NULL || strcmp(only, plugin) == 0;
}

static size_t widest_name(const kk_host *host, const char *only)
{
    size_t widest = 0;
    for (size_t i = 0; i < kk_host_tool_count(host); i++) {
        const kk_tool_info *tool = kk_host_tool_at(host, i);
        size_t len = is_shown(only, tool->plugin) ? strlen(tool->function) : 0;
        widest = len > widest ? len : widest;
    }
    return widest;
}

static void write_lines(const kk_host *host, const char *only, kk_buf *out)
{
    int width = (int)widest_name(host, only);
    for (size_t p = 0; p < kk_host_plugin_count(host); p++) {
        const kk_plugin_info *plugin = kk_host_plugin_at(host, p);
        if (!is_shown(only, plugin->id)) {
            continue;
        }
        kk_buf_append_format(out, "%s%s %s - %s\n", out->len > 0 ? "\n" : "", plugin->title,
                             plugin->version, plugin->summary);
        for (size_t i = 0; i < kk_host_tool_count(host); i++) {
            const kk_tool_info *tool = kk_host_tool_at(host, i);
            if (strcmp(tool->plugin, plugin->id) == 0) {
                kk_buf_append_format(out, "  %-*s  %-5s  %s\n", width, tool->function,
                                     tool->operation, tool->summary);
            }
        }
    }
}

static void write_tools(const kk_host *host, const char *plugin, kk_buf *out)
{
    for (size_t i = 0; i < kk_host_tool_count(host); i++) {
        const kk_tool_info *tool = kk_host_tool_at(host, i);
        if (strcmp(tool->plugin, plugin) != 0) {
            continue;
        }
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_tool(out, tool);
        kk_buf_append_byte(out, '}');
    }
}

static void write_json(const kk_host *host, const char *only, kk_buf *out)
{
    kk_buf_append_text(out, "{\"success\":true,\"plugins\":[");
    for (size_t i = 0; i < kk_host_plugin_count(host); i++) {
        const kk_plugin_info *plugin = kk_host_plugin_at(host, i);
        if (!is_shown(only, plugin->id)) {
            continue;
        }
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_member(out, "plugin", plugin->id);
        kk_output_member(out, "title", plugin->title);
        kk_output_member(out, "summary", plugin->summary);
        kk_output_member(out, "category", plugin->category);
        kk_output_member(out, "version", plugin->version);
        kk_output_member(out, "path", plugin->path);
        kk_output_name(out, "functions");
        kk_buf_append_byte(out, '[');
        write_tools(host, plugin->id, out);
        kk_buf_append_text(out, "]}");
    }
    kk_buf_append_byte(out, ']');
    kk_output_refusals(host, out);
    kk_buf_append_text(out, "}\n");
}

static void warn_of_refusals(const kk_host *host)
{
    for (size_t i = 0; i < kk_host_refusal_count(host); i++) {
        const kk_error *error = kk_host_refusal_at(host, i)->error;
        kk_output_warn("plugin refused at the stage '%s': %s", error->reason, error->message);
    }
    if (kk_host_plugin_count(host) == 0) {
        kk_output_warn("no plugin is installed; name one with --plugin FILE, or put it into a "
                       "directory of KK_PLUGIN_PATH");
    }
}

// The plugin has to be there: a list of nothing would hide a typing mistake.
static kk_code check_plugin(const kk_host *host, const char *only, kk_error *err)
{
    const char *ids[64];
    size_t count = 0;
    for (size_t i = 0; i < kk_host_plugin_count(host); i++) {
        const char *id = kk_host_plugin_at(host, i)->id;
        if (is_shown(only, id)) {
            return KK_OK;
        }
        if (count < 64) {
            ids[count++] = id;
        }
    }
    kk_fail(err, KK_ERR_UNKNOWN_PLUGIN, "no plugin '%.64s' is loaded", only);
    kk_fail_near(err, only, ids, count);
    kk_fail_hint(err, "`kk list` shows all plugins");
    return KK_ERR_UNKNOWN_PLUGIN;
}

kk_code kk_cmd_list(kk_run *run, kk_error *err)
{
    const char *only = run->word_count > 0 ? run->words[0] : NULL;
    kk_host *host = NULL;
    kk_code code = kk_run_open_host(run, &host, err);
    if (code == KK_OK && only != NULL) {
        code = check_plugin(host, only, err);
    }
    if (code != KK_OK) {
        kk_host_close(host);
        return code;
    }
    // A list of many plugins may be long, and is still text that kk makes itself.
    kk_buf out = {.limit = 16 * KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        write_json(host, only, &out);
    } else {
        write_lines(host, only, &out);
    }
    code = kk_output_take(&out, err);
    warn_of_refusals(host);
    kk_host_close(host);
    return code;
}
