// The pages of a plugin and of a function.
#include "docs_write.h"
#include "json.h"

enum { NAMES_SHOWN_MAX = 50 };

void kk_docs_write_cell(const char *text, kk_buf *out)
{
    for (const char *at = text; *at != '\0'; at++) {
        bool ends_line = *at == '\n' || *at == '\r';
        if (*at == '|') {
            kk_buf_append_text(out, "\\|");
        } else {
            kk_buf_append(out, ends_line ? " " : at, 1);
        }
    }
}

static void write_paragraph(const char *text, kk_buf *out)
{
    if (text != NULL && text[0] != '\0') {
        kk_buf_append_format(out, "%s\n\n", text);
    }
}

// How Lua writes an account's name: a '-' would be a minus there.
static void write_lua_account(const char *account, kk_buf *out)
{
    for (const char *at = account; *at != '\0'; at++) {
        kk_buf_append(out, *at == '-' ? "_" : at, 1);
    }
}

static void write_namespace(const char *plugin, const char *account, kk_buf *out)
{
    kk_buf_append_format(out, "app.integrations.%s.", plugin);
    if (account != NULL) {
        write_lua_account(account, out);
        kk_buf_append_byte(out, '.');
    }
}

// A script of the manifest, which calls without an account, as it is written for one.
static void write_script(const char *lua, const char *plugin, const char *account, kk_buf *out)
{
    kk_buf bare = {.limit = 256};
    write_namespace(plugin, NULL, &bare);
    const char *wanted = kk_buf_text(&bare);
    const char *at = lua;
    for (const char *hit = strstr(at, wanted); hit != NULL; hit = strstr(at, wanted)) {
        kk_buf_append(out, at, (size_t)(hit - at));
        write_namespace(plugin, account, out);
        at = hit + bare.len;
    }
    kk_buf_append_text(out, at);
    kk_buf_clean(&bare);
}

// Whether the command line has to name the account.
static bool is_named(const char *account)
{
    return account != NULL && strcmp(account, "default") != 0;
}

// A text between single quotes of the shell.
static void write_quoted(const char *text, kk_buf *out)
{
    kk_buf_append_byte(out, '\'');
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'') {
            kk_buf_append_text(out, "'\\''");
        } else {
            kk_buf_append_byte(out, *at);
        }
    }
    kk_buf_append_byte(out, '\'');
}

static void write_command(const kk_entry *entry, const char *args, const char *account, kk_buf *out)
{
    bool writes = strcmp(entry->info.operation, "write") == 0;
    kk_buf_append_format(out, "```sh\nkk call %s ", entry->info.function);
    write_quoted(args, out);
    if (is_named(account)) {
        kk_buf_append_format(out, " --account %s", account);
    }
    kk_buf_append_format(out, "%s\n```\n\n", writes ? " --yes" : "");
}

void kk_docs_write_example(const kk_entry *entry, const kk_example *example, int level,
                           const char *account, kk_buf *out)
{
    kk_buf_append_format(out, "%.*s %s\n\n", level, "######",
                         example->title != NULL ? example->title : entry->info.title);
    if (example->lua != NULL) {
        size_t len = strlen(example->lua);
        kk_buf_append_text(out, "```lua\n");
        write_script(example->lua, entry->info.plugin, account, out);
        kk_buf_append_text(out, len > 0 && example->lua[len - 1] == '\n' ? "```\n\n" : "\n```\n\n");
    }
    if (example->args != NULL) {
        write_command(entry, example->args, account, out);
    }
}

// ---- A function

static void write_parameters(const kk_entry *entry, kk_buf *out)
{
    const kk_schema *schema = kk_entry_schema(entry);
    size_t count = kk_schema_property_count(schema);
    kk_buf_append_text(out, "## Parameters\n\n");
    if (count == 0) {
        kk_buf_append_text(out, "None.\n\n");
        return;
    }
    kk_buf_append_text(out, "| Name | Type | Required | Default | Description |\n"
                            "|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        const kk_schema_property *property = kk_schema_property_at(schema, i);
        kk_buf_append_format(out, "| `%s` | ", property->name);
        kk_docs_write_cell(property->type, out);
        kk_buf_append_format(out, " | %s | ", property->required ? "yes" : "no");
        if (property->value != NULL) {
            kk_buf_append_byte(out, '`');
            kk_docs_write_cell(property->value, out);
            kk_buf_append_byte(out, '`');
        }
        kk_buf_append_text(out, " | ");
        kk_docs_write_cell(property->description, out);
        if (property->choices != NULL) {
            kk_buf_append_text(out, property->description[0] != '\0' ? " One of `" : "One of `");
            kk_docs_write_cell(property->choices, out);
            kk_buf_append_text(out, "`.");
        }
        kk_buf_append_text(out, " |\n");
    }
    kk_buf_append_byte(out, '\n');
}

static void write_operation(const kk_entry *entry, kk_buf *out)
{
    bool writes = strcmp(entry->info.operation, "write") == 0;
    kk_buf_append_format(out, "Operation: **%s**. %s\n\n", entry->info.operation,
                         writes ? "It changes something at the service, so each call needs an "
                                  "approval: a yes on the terminal, or `--yes`."
                                : "It changes nothing and runs without asking.");
}

static void write_access(const kk_tool *tool, kk_buf *out)
{
    if (tool->credential == NULL) {
        kk_buf_append_text(out, "## Access\n\nNo credential is needed.\n\n");
        return;
    }
    kk_buf_append_text(out, "## Access\n\n");
    if (tool->access == NULL || tool->access[0] == NULL) {
        kk_buf_append_text(out, "Any valid credential will do.\n\n");
        return;
    }
    kk_buf_append_text(out, "The credential needs the permission ");
    for (size_t i = 0; tool->access[i] != NULL; i++) {
        kk_buf_append_format(out, "%s`%s`", i > 0 ? ", " : "", tool->access[i]);
    }
    kk_buf_append_text(out, ".\n\n");
}

// What a page with an account in its name says first.
static void write_account_line(const char *account, kk_buf *out)
{
    if (account == NULL) {
        return;
    }
    if (strcmp(account, "default") == 0) {
        kk_buf_append_text(out, "This form uses the default account, exactly as the one without "
                                "`.default` does.\n\n");
        return;
    }
    kk_buf_append_format(out,
                         "This form uses the account `%s`, and no other if there is none of "
                         "this name.\n\n",
                         account);
}

void kk_docs_write_function(const kk_entry *entry, const char *account, kk_buf *out)
{
    const kk_tool *tool = entry->tool;
    kk_buf_append_format(out, "# %s\n\n", entry->info.function);
    write_paragraph(tool->summary, out);
    write_account_line(account, out);
    if (tool->description != NULL && strcmp(tool->description, tool->summary) != 0) {
        write_paragraph(tool->description, out);
    }
    write_operation(entry, out);
    kk_buf_append_text(out, "In Lua: `");
    write_namespace(entry->info.plugin, account, out);
    kk_buf_append_format(out, "%s({...})`. On the command line: `kk call %s key=value ...",
                         entry->info.name, entry->info.function);
    if (is_named(account)) {
        kk_buf_append_format(out, " --account %s", account);
    }
    kk_buf_append_format(out, "`. As one word: `%s`.\n\n", entry->info.slug);
    write_parameters(entry, out);
    kk_buf_append_text(out, tool->result_notes != NULL ? "## Result\n\n" : "");
    write_paragraph(tool->result_notes, out);
    write_access(tool, out);
    if (tool->examples != NULL && tool->examples[0] != NULL) {
        kk_buf_append_text(out, "## Examples\n\n");
        for (size_t i = 0; tool->examples[i] != NULL; i++) {
            kk_docs_write_example(entry, tool->examples[i], 3, account, out);
        }
    }
    kk_buf_append_format(out,
                         "## Accounts\n\nWithout an account in the name the default account is "
                         "used; `integrations.%s` tells how to name another. Failures are on the "
                         "page `errors`.\n",
                         entry->info.plugin);
}

// ---- A plugin

static void write_signature(const kk_entry *entry, kk_buf *out)
{
    const kk_schema *schema = kk_entry_schema(entry);
    size_t count = kk_schema_property_count(schema);
    kk_buf_append_format(out, "%s(", entry->info.name);
    for (size_t i = 0; i < count; i++) {
        const kk_schema_property *property = kk_schema_property_at(schema, i);
        kk_buf_append_format(out, "%s%s%s", i > 0 ? ", " : "", property->name,
                             property->required ? "" : "?");
    }
    kk_buf_append_byte(out, ')');
}

static void write_functions(const kk_registry *registry, const kk_plugin *plugin, kk_buf *out)
{
    kk_buf_append_text(out, "## Functions\n\nA `?` marks a parameter that may be left out.\n\n"
                            "| Function | Operation | What it does |\n|---|---|---|\n");
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const kk_entry *entry = kk_registry_at(registry, i);
        if (entry->plugin != plugin) {
            continue;
        }
        kk_buf_append_text(out, "| `");
        write_signature(entry, out);
        kk_buf_append_format(out, "` | %s | ", entry->info.operation);
        kk_docs_write_cell(entry->info.summary, out);
        kk_buf_append_text(out, " |\n");
    }
    kk_buf_append_byte(out, '\n');
}

static void write_scheme(const kk_scheme *scheme, kk_buf *out)
{
    kk_buf_append_format(out, "- `%s`: ", scheme->name);
    for (size_t i = 0; scheme->fields != NULL && scheme->fields[i] != NULL; i++) {
        kk_buf_append_format(out, "%s`%s`", i > 0 ? " and " : "", scheme->fields[i]);
    }
    kk_buf_append_byte(out, '\n');
}

static void write_fields(const kk_credential *credential, kk_buf *out)
{
    kk_buf_append_text(out, "| Field | What it is | Secret | Default | Vendor's variable |\n"
                            "|---|---|---|---|---|\n");
    for (size_t i = 0; credential->fields != NULL && credential->fields[i] != NULL; i++) {
        const kk_field *field = credential->fields[i];
        kk_buf_append_format(out, "| `%s` | ", field->key);
        kk_docs_write_cell(field->label != NULL ? field->label : field->key, out);
        if (field->hint != NULL) {
            kk_buf_append_text(out, ": ");
            kk_docs_write_cell(field->hint, out);
        }
        kk_buf_append_format(out, " | %s | ", (field->flags & KK_FIELD_SECRET) ? "yes" : "no");
        kk_docs_write_cell(field->default_value != NULL ? field->default_value : "", out);
        kk_buf_append_text(out, " | ");
        kk_docs_write_cell(field->env != NULL ? field->env : "", out);
        kk_buf_append_text(out, " |\n");
    }
    kk_buf_append_byte(out, '\n');
}

static void write_credentials(const kk_manifest *manifest, kk_buf *out)
{
    for (size_t i = 0; manifest->credentials != NULL && manifest->credentials[i] != NULL; i++) {
        const kk_credential *credential = manifest->credentials[i];
        kk_buf_append_format(out, "## Credential: %s\n\n",
                             credential->title != NULL ? credential->title : credential->slot);
        kk_buf_append_text(out, "An account is complete with the fields of one of these schemes; "
                                "the first that is complete is used.\n\n");
        for (size_t k = 0; credential->schemes != NULL && credential->schemes[k] != NULL; k++) {
            write_scheme(credential->schemes[k], out);
        }
        kk_buf_append_byte(out, '\n');
        write_fields(credential, out);
    }
}

// Which accounts there are: names, never what they hold.
static void write_names(const kk_account_names *accounts, kk_buf *out)
{
    if (accounts == NULL) {
        return;
    }
    size_t shown = accounts->count < NAMES_SHOWN_MAX ? accounts->count : NAMES_SHOWN_MAX;
    kk_buf_append_text(out, shown == 0 ? "There is no account yet" : "The accounts are ");
    for (size_t i = 0; i < shown; i++) {
        kk_buf_append_format(out, "%s`%s`", i > 0 ? ", " : "", accounts->names[i]);
    }
    if (shown < accounts->count) {
        kk_buf_append_format(out, " and %zu more", accounts->count - shown);
    }
    kk_buf_append_text(out, ".\n\n");
}

// The account that examples name: one that exists, where that is known.
static const char *example_account(const kk_account_names *accounts)
{
    return accounts != NULL && accounts->count > 0 ? accounts->names[accounts->count - 1]
                                                   : "production";
}

static void write_account_forms(const char *id, const char *function, const char *account,
                                kk_buf *out)
{
    kk_buf_append_format(out,
                         "```lua\n"
                         "app.integrations.%s.%s({...})  -- the default account\n"
                         "app.integrations.%s.default.%s({...})  -- the same\n"
                         "app.integrations.%s.",
                         id, function, id, function, id);
    write_lua_account(account, out);
    kk_buf_append_format(out,
                         ".%s({...})  -- the account named %s\n"
                         "```\n\n"
                         "Every function takes the same arguments and gives the same results with "
                         "each of them. On the command line an account is named by `--account %s`. "
                         "An account that does not exist is an error; another one is never taken "
                         "in its place. A `-` in a name is written `_` in Lua.\n\n",
                         function, account, account);
}

static void write_accounts(const kk_manifest *manifest, const char *function,
                           const kk_account_names *accounts, kk_buf *out)
{
    const char *id = manifest->id;
    kk_buf_append_text(out, "## Several accounts\n\n");
    if (manifest->credentials == NULL || manifest->credentials[0] == NULL) {
        kk_buf_append_format(out, "%s needs no credential and has no accounts.\n", manifest->title);
        return;
    }
    write_names(accounts, out);
    const char *account = example_account(accounts);
    write_account_forms(id, function, account, out);
    kk_buf_append_format(out,
                         "The default is the account that the operator chose, or the only one "
                         "there is:\n\n"
                         "```sh\n"
                         "kk keyring list %s\n"
                         "kk keyring which %s\n"
                         "kk keyring default %s %s\n"
                         "```\n\n"
                         "Values of credentials are never shown by any of these.\n",
                         id, id, id, account);
}

void kk_docs_write_plugin(const kk_registry *registry, const kk_plugin *plugin, const char *account,
                          const kk_account_names *accounts, kk_buf *out)
{
    const kk_manifest *manifest = kk_plugin_manifest(plugin);
    kk_buf_append_format(out, "# %s\n\n", manifest->title);
    write_paragraph(manifest->summary, out);
    write_account_line(account, out);
    write_paragraph(manifest->description, out);
    kk_buf_append_text(out, "Namespace in Lua: `");
    write_namespace(manifest->id, account, out);
    out->len -= out->len > 0 ? 1 : 0;
    kk_buf_append_format(out,
                         "`. Version %s, category %s. A function's own page is "
                         "`integrations.%s.<function>`.\n\n",
                         manifest->version, manifest->category, manifest->id);
    write_functions(registry, plugin, out);
    const char *first =
        manifest->tools != NULL && manifest->tools[0] != NULL ? manifest->tools[0]->name : "f";
    write_accounts(manifest, first, accounts, out);
    kk_buf_append_byte(out, '\n');
    write_credentials(manifest, out);
}
