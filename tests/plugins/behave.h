// A plugin that obeys every rule of `kk plugin check`, with one tool; a file defines the one thing
// in which it differs, and includes this.
//
//     BODY       what the tool does
//     SUPPORT    definitions that it needs
//     OPEN       what open() does; CLOSE, what close() does
//     DESCRIBE   what kk_plugin_describe() does first
#ifndef KK_TEST_PLUGIN_BEHAVE_H
#define KK_TEST_PLUGIN_BEHAVE_H

#include <kk/plugin_util.h>
#include <stdlib.h>

#ifndef FLAGS
#define FLAGS KK_TOOL_READ_ONLY
#endif
#ifndef BODY
#define BODY return get(call, "https://api.example.com/things");
#endif
#ifndef OPEN
#define OPEN
#endif
#ifndef CLOSE
#define CLOSE
#endif
#ifndef DESCRIBE
#define DESCRIBE
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef SUMMARY
#define SUMMARY "Gets things."
#endif
#ifndef INPUT
#define INPUT                                                                                      \
    "{\"type\":\"object\",\"properties\":{\"word\":{\"type\":\"string\",\"description\":\"Which."  \
    "\"},"                                                                                         \
    "\"count\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9,\"description\":\"How many.\"}}," \
    "\"required\":[\"word\"],\"additionalProperties\":false}"
#endif
#ifndef OUTPUT
#define OUTPUT "{\"type\":\"object\"}"
#endif
#ifndef EXAMPLE_LUA
#define EXAMPLE_LUA "print(app.integrations.behave.tool({word = \"x\"}))"
#endif
#ifndef EXAMPLE_ARGS
#define EXAMPLE_ARGS "{\"word\":\"x\"}"
#endif
#ifndef EXAMPLES
#define EXAMPLES examples
#endif
#ifndef SERVICES
#define SERVICES KK_SERVICE_HTTP, KK_SERVICE_CLOCK,
#endif

struct kk_instance {
    int unused;
};

// Writes what a service answers, or a failure.
static inline kk_status get(const kk_call *call, const char *url)
{
    kk_http_request request;
    const kk_http_response *response = NULL;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = "GET";
    request.url = url;
    request.credential = "behave";
    kk_status status = kk_call_http(call)->send(call, &request, &response);
    if (status != KK_E_OK) {
        return status;
    }
    if (response->status != 200) {
        return kk_call_fail(call, KK_E_UPSTREAM, "the service did not answer 200");
    }
    return kk_call_write(call, "{\"got\":true}");
}

#ifdef SUPPORT
SUPPORT
#endif

KK_TOOL(behave, tool)
{
    (void)call;
    (void)self;
    (void)args;
    (void)args_len;
    BODY
}

static const kk_example example = {
    .struct_size = sizeof(kk_example),
    .title = "Get",
    .lua = EXAMPLE_LUA,
    .args = EXAMPLE_ARGS,
};
static const kk_example *const examples[] = {&example, NULL};

static const kk_tool tool = {
    .struct_size = sizeof(kk_tool),
    .flags = FLAGS,
    .name = "tool",
    .symbol = KK_TOOL_SYMBOL(behave, tool),
    .entry = KK_TOOL_ENTRY(behave, tool),
    .title = "Tool",
    .summary = SUMMARY,
    .description = "Gets things.",
    .input_schema = INPUT,
    .output_schema = OUTPUT,
    .examples = EXAMPLES,
    .credential = "behave",
};
static const kk_tool *const tools[] = {&tool, NULL};

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
    .header_format = "Bearer {token}",
};
static const kk_scheme *const schemes[] = {&scheme, NULL};
static const char *const origins[] = {"https://api.example.com", NULL};
static const kk_credential credential = {
    .struct_size = sizeof(kk_credential),
    .slot = "behave",
    .title = "Behave API",
    .fields = fields,
    .schemes = schemes,
    .origins = origins,
};
static const kk_credential *const credentials[] = {&credential, NULL};
static const char *const needs[] = {SERVICES NULL};

static kk_status open_behave(const kk_host_api *host, const char *config, size_t config_len,
                             kk_instance **out)
{
    (void)host;
    (void)config;
    (void)config_len;
    kk_instance *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return KK_E_NO_MEMORY;
    }
    *out = self;
    OPEN return KK_E_OK;
}

static void close_behave(kk_instance *self)
{
    CLOSE
    free(self);
}

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "behave",
    .title = "Behave",
    .summary = "A plugin for tests.",
    .category = "test",
    .version = VERSION,
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = 1,
    .tools = tools,
    .credentials = credentials,
    .needs = needs,
    .open = open_behave,
    .close = close_behave,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    DESCRIBE return &manifest;
}

#endif
