// The pages that belong to no single plugin.
#include "docs_write.h"

const kk_docs_guide kk_docs_guides[KK_DOCS_GUIDE_COUNT] = {
    {"overview", "how functions are named and called, and what they give"},
    {"errors", "every error code, and what it means"},
    {"examples", "one example of every function"},
};

void kk_docs_write_index(const kk_registry *registry, kk_buf *out)
{
    kk_buf_append_text(out, "# Pages\n\n");
    for (size_t i = 0; i < KK_DOCS_GUIDE_COUNT; i++) {
        kk_buf_append_format(out, "- `%s`: %s\n", kk_docs_guides[i].name,
                             kk_docs_guides[i].summary);
    }
    for (size_t p = 0; p < kk_registry_plugin_count(registry); p++) {
        const kk_plugin *plugin = kk_registry_plugin_at(registry, p);
        const kk_plugin_info *info = kk_registry_plugin_info(registry, p);
        kk_buf_append_format(out, "- `integrations.%s`: %s\n", info->id, info->summary);
        for (size_t i = 0; i < kk_registry_count(registry); i++) {
            const kk_entry *entry = kk_registry_at(registry, i);
            if (entry->plugin == plugin) {
                kk_buf_append_format(out, "  - `integrations.%s`: %s\n", entry->info.function,
                                     entry->info.summary);
            }
        }
    }
}

void kk_docs_write_overview(const kk_registry *registry, kk_buf *out)
{
    kk_buf_append_text(
        out,
        "# Overview\n\n"
        "Each plugin offers functions of one service. A function is called with named arguments "
        "and gives one JSON value.\n\n"
        "| Where | How |\n|---|---|\n"
        "| Lua | `app.integrations.<plugin>.<function>({name = value})` |\n"
        "| Lua, a named account | `app.integrations.<plugin>.<account>.<function>({...})` |\n"
        "| Command line | `kk call <plugin>.<function> name=value` |\n"
        "| As one word | `<plugin>_<function>` |\n\n"
        "- Arguments are checked before anything is sent: one that is unknown, missing or wrong is "
        "an error that names it.\n"
        "- `fields` keeps only the named members of what a function gives, such as "
        "`fields=name,state`; a dot reaches into an object, `region.slug`. It is on every function "
        "that does not have a parameter of this name itself, and makes long lists short.\n"
        "- A function whose operation is `read` runs at once. One whose operation is `write` needs "
        "an approval, and `--dry-run` shows whether it would get one, without sending anything.\n"
        "- Credentials are chosen by the name of an account and are never visible here.\n"
        "- A failure has a code, a message, a hint, and says whether something may have changed: "
        "see the page `errors`.\n\n"
        "## In a script\n\n"
        "Scripts are Lua 5.4 and run with `kk lua`, confined: they reach nothing but these "
        "functions, and have limits of memory, time, calls and output.\n\n"
        "```lua\n"
        "print(lua_list_docs())               -- every page with its summary\n"
        "print(lua_search_docs(\"examples\"))   -- the pages that speak of some words\n"
        "print(lua_read_doc(\"errors\"))        -- one page\n"
        "```\n\n"
        "- Arguments are one table of names, or values in the order of the parameters.\n"
        "- A failed call raises an error object. `pcall` gives it to you: `err.code`, `err.hint`; "
        "`tostring(err)` is one line.\n"
        "- A member that is null in an answer is absent, so `nil`. To send null, use `json.null`.\n"
        "- `json`, `regex`, `dump` and Lua's `string`, `table`, `math`, `utf8` and `coroutine` are "
        "there; files, processes and the network are not.\n\n"
        "## Plugins\n\n");
    for (size_t i = 0; i < kk_registry_plugin_count(registry); i++) {
        const kk_plugin_info *info = kk_registry_plugin_info(registry, i);
        kk_buf_append_format(out, "- `integrations.%s`: %s, %zu functions. %s\n", info->id,
                             info->title, info->tool_count, info->summary);
    }
    if (kk_registry_plugin_count(registry) == 0) {
        kk_buf_append_text(out, "None is installed.\n");
    }
}

void kk_docs_write_errors(kk_buf *out)
{
    kk_buf_append_text(
        out,
        "# Errors\n\n"
        "A failed call has these members: `code` (one of the table), `message` (what happened), "
        "`hint` (how to mend it), `retryable` (the same call may succeed later), `http_status`, "
        "`api_code` (the service's own), `argument` (JSON Pointer to the argument at fault), "
        "`effect`.\n\n"
        "In Lua it raises an object with these members, and `function` and `account`:\n\n"
        "```lua\n"
        "local ok, err = pcall(lua_read_doc, \"no.such.page\")\n"
        "print(ok, err.code, err.retryable)\n"
        "```\n\n"
        "`effect` is `none` where nothing was changed, `done` where the change was made and "
        "something failed after it, and `unknown` where a write was sent and its answer was lost: "
        "look before you repeat it.\n\n"
        "| Code | Exit status | Meaning |\n|---|---|---|\n");
    for (int code = 1; code < KK_CODE_COUNT; code++) {
        kk_buf_append_format(out, "| `%s` | %d | ", kk_code_name((kk_code)code),
                             kk_code_exit_status((kk_code)code));
        kk_docs_write_cell(kk_code_meaning((kk_code)code), out);
        kk_buf_append_text(out, " |\n");
    }
}

void kk_docs_write_examples(const kk_registry *registry, kk_buf *out)
{
    kk_buf_append_text(out, "# Examples\n\n");
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const kk_entry *entry = kk_registry_at(registry, i);
        const kk_example *const *examples = entry->tool->examples;
        if (examples != NULL && examples[0] != NULL) {
            kk_buf_append_format(out, "## %s\n\n", entry->info.function);
            kk_docs_write_example(entry, examples[0], 3, NULL, out);
        }
    }
}
