// A small well-formed plugin, "demo" with the tools "first" and "second".  A test plugin defines
// the one thing in which it differs, and includes this.
#ifndef KK_TEST_PLUGIN_BASE_H
#define KK_TEST_PLUGIN_BASE_H

#include <kk/plugin_util.h>

#ifndef ID
#define ID "demo"
#endif
#ifndef TITLE
#define TITLE "Demo"
#endif
#ifndef TAG
#define TAG KK_ABI_TAG_INIT
#endif
#ifndef TOOL_COUNT
#define TOOL_COUNT 2
#endif
#ifndef FIRST_NAME
#define FIRST_NAME "first"
#endif
#ifndef FIRST_SYMBOL
#define FIRST_SYMBOL KK_TOOL_SYMBOL(demo, first)
#endif
#ifndef FIRST_ENTRY
#define FIRST_ENTRY KK_TOOL_ENTRY(demo, first)
#endif
#ifndef FIRST_SCHEMA
#define FIRST_SCHEMA                                                                               \
    "{\"type\":\"object\",\"properties\":{\"word\":{\"type\":\"string\"}},"                        \
    "\"additionalProperties\":false}"
#endif
#ifndef SECOND_NAME
#define SECOND_NAME "second"
#endif
#ifndef SECOND_SYMBOL
#define SECOND_SYMBOL KK_TOOL_SYMBOL(demo, second)
#endif
#ifndef SECOND_ENTRY
#define SECOND_ENTRY KK_TOOL_ENTRY(demo, second)
#endif
#ifndef HEADER_FORMAT
#define HEADER_FORMAT "Bearer {token}"
#endif
#ifndef ORIGIN
#define ORIGIN "https://api.example.com"
#endif
#ifndef NEEDS
#define NEEDS KK_SERVICE_HTTP
#endif

KK_TOOL(demo, first)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "{\"from\":\"first\"}");
}

KK_TOOL(demo, second)
{
    (void)self;
    (void)args_len;
    return kk_call_write(call, args);
}

static const kk_example example = {
    .struct_size = sizeof(kk_example),
    .title = "Say a word",
    .lua = "print(app.integrations.demo.first({word = \"hello\"}))",
    .args = "{\"word\":\"hello\"}",
};
static const kk_example *const examples[] = {&example, NULL};

static const kk_tool first = {
    .struct_size = sizeof(kk_tool),
    .flags = KK_TOOL_READ_ONLY,
    .name = FIRST_NAME,
    .symbol = FIRST_SYMBOL,
    .entry = FIRST_ENTRY,
    .title = "First",
    .summary = "Tells where it comes from.",
    .description = "Tells where it comes from.",
    .input_schema = FIRST_SCHEMA,
    .examples = examples,
    .credential = "demo",
};
static const kk_tool second = {
    .struct_size = sizeof(kk_tool),
    .name = SECOND_NAME,
    .symbol = SECOND_SYMBOL,
    .entry = SECOND_ENTRY,
    .title = "Second",
    .summary = "Gives its arguments back.",
    .description = "Gives its arguments back.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"fields\":{\"type\":\"string\"}}}",
};
static const kk_tool *const tools[] = {&first, &second, NULL};

static const kk_field token = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_SECRET,
    .key = "token",
    .label = "Token",
    .hint = "The settings page shows it.",
};
static const kk_field *const fields[] = {&token, NULL};
static const char *const scheme_fields[] = {"token", NULL};
static const kk_scheme scheme = {
    .struct_size = sizeof(kk_scheme),
    .name = "bearer",
    .fields = scheme_fields,
    .header_name = "Authorization",
    .header_format = HEADER_FORMAT,
};
static const kk_scheme *const schemes[] = {&scheme, NULL};
static const char *const origins[] = {ORIGIN, NULL};
static const kk_credential credential = {
    .struct_size = sizeof(kk_credential),
    .slot = "demo",
    .title = "Demo API",
    .fields = fields,
    .schemes = schemes,
    .origins = origins,
};
static const kk_credential *const credentials[] = {&credential, NULL};
static const char *const needs[] = {NEEDS, NULL};

static const kk_manifest manifest = {
    .tag = TAG,
    .id = ID,
    .title = TITLE,
    .summary = "A plugin for tests.",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = TOOL_COUNT,
    .tools = tools,
    .credentials = credentials,
    .needs = needs,
};

#ifdef AFTER_MANIFEST
AFTER_MANIFEST
#endif
#ifndef DESCRIBED
#define DESCRIBED &manifest
#endif

#ifdef NO_DESCRIBE
KK_EXPORT const kk_manifest *kk_test_manifest(void);
KK_EXPORT const kk_manifest *kk_test_manifest(void)
{
    return DESCRIBED;
}
#else
KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return DESCRIBED;
}
#endif

#endif
