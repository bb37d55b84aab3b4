// A plugin with a rich credential: several schemes, a default inside one, prefixes that begin
// alike, lengths.  What accounts and their fields are tested with.
#include <kk/plugin_util.h>

KK_TOOL(vault, list_things)
{
    (void)self;
    (void)args_len;
    return kk_call_write(call, args);
}

static const kk_tool list_things = {
    .struct_size = sizeof list_things,
    .flags = KK_TOOL_READ_ONLY,
    .name = "list_things",
    .symbol = KK_TOOL_SYMBOL(vault, list_things),
    .entry = KK_TOOL_ENTRY(vault, list_things),
    .title = "List things",
    .summary = "List what is in the vault",
    .description = "Lists what is in the vault.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"rows\":{\"type\":\"array\"}}}",
    .output_schema = "{\"type\":\"object\",\"properties\":{\"rows\":{\"type\":\"array\",\"items\":"
                     "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
                     "\"size\":{\"type\":\"integer\"}}}}}}",
    .rows = "/rows",
    .credential = "vault",
};
static const kk_tool *const tools[] = {&list_things, NULL};

#define FIELD(name, text, ...)                                                                     \
    static const kk_field name = {                                                                 \
        .struct_size = sizeof(kk_field), .key = #name, .label = #name, .hint = text, __VA_ARGS__};

FIELD(user, "who you are", .env = "VAULT_USER")
FIELD(password, "your own", .flags = KK_FIELD_SECRET, .env = "VAULT_PASSWORD", .length_min = 8)
FIELD(region, "where it is", .default_value = "eu")
FIELD(token, "begins with tkn_", .flags = KK_FIELD_SECRET, .prefix = "tkn_")
FIELD(live_token, "begins with tkn_live_", .flags = KK_FIELD_SECRET, .prefix = "tkn_live_",
      .length_min = 12, .length_max = 20)
FIELD(url, "the base", .flags = KK_FIELD_URL, .env = "VAULT_URL",
      .default_value = "https://vault.example/v1")
static const kk_field *const fields[] = {&user,       &password, &region, &token,
                                         &live_token, &url,      NULL};

#define SCHEME(id, text, format, ...)                                                              \
    static const char *const id##_fields[] = {__VA_ARGS__, NULL};                                  \
    static const kk_scheme id##_scheme = {.struct_size = sizeof(kk_scheme),                        \
                                          .name = text,                                            \
                                          .fields = id##_fields,                                   \
                                          .header_name = "X-Vault",                                \
                                          .header_format = format};

SCHEME(login, "login", "{user}/{password}@{region}", "user", "password", "region")
SCHEME(live, "live-token", "Live {live_token}", "live_token")
SCHEME(test, "test-token", "Test {token}", "token")
static const kk_scheme *const schemes[] = {&login_scheme, &live_scheme, &test_scheme, NULL};

static const char *const origins[] = {"https://vault.example", NULL};
static const kk_credential credential = {
    .struct_size = sizeof credential,
    .slot = "vault",
    .title = "Vault",
    .fields = fields,
    .schemes = schemes,
    .origins = origins,
};
static const kk_credential *const credentials[] = {&credential, NULL};
static const char *const needs[] = {KK_SERVICE_HTTP, NULL};

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "vault",
    .title = "Vault",
    .summary = "Keeps things",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = sizeof tools / sizeof *tools - 1,
    .tools = tools,
    .credentials = credentials,
    .needs = needs,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
