// Says which header it was built with, and uses of its host what is there.  Built with headers of
// several ages; where its header has members that 1.0 lacks, they point nowhere.
//
// SKEW_MIN may be defined as the oldest host that it accepts.
#include <kk/plugin_util.h>
#include <stdio.h>

#ifndef SKEW_MIN
#define SKEW_MIN UINT32_C(0x10000)
#endif

#ifdef KK_TEST_GROWN
#define NOWHERE ((const char *)(uintptr_t)8)
#define TAIL .later = NOWHERE, .later_still = NOWHERE,

static unsigned ask_later(const kk_host_api *host)
{
    return KK_HAS(kk_host_api, host, later) ? host->later(host) : 0;
}
#else
#define TAIL

static unsigned ask_later(const kk_host_api *host)
{
    (void)host;
    return 0;
}
#endif

KK_TOOL(skew, report)
{
    char out[96];
    (void)self;
    (void)args;
    (void)args_len;
    snprintf(out, sizeof out, "{\"built\":%d,\"later\":%u}", KK_ABI_MINOR, ask_later(call->host));
    return kk_call_write(call, out);
}

KK_TOOL(skew, fail)
{
    (void)self;
    (void)args;
    (void)args_len;
    const kk_tool_error error = {.struct_size = sizeof error,
                                 .code = KK_E_CONFLICT,
                                 .message = "it exists already",
                                 .api_code = "exists",
                                 TAIL};
    return call->host->fail(call, &error);
}

#define ROW(tool)                                                                                  \
    static const kk_tool row_##tool = {.struct_size = sizeof(kk_tool),                             \
                                       .flags = KK_TOOL_READ_ONLY,                                 \
                                       .name = #tool,                                              \
                                       .symbol = KK_TOOL_SYMBOL(skew, tool),                       \
                                       .entry = KK_TOOL_ENTRY(skew, tool),                         \
                                       .title = "Skew",                                            \
                                       .summary = "Meets hosts of other ages.",                    \
                                       .description = "Meets hosts of other ages.",                \
                                       .input_schema = "{\"type\":\"object\"}",                    \
                                       TAIL}

ROW(report);
ROW(fail);
static const kk_tool *const tools[] = {&row_report, &row_fail, NULL};

static const kk_manifest manifest = {
    .tag = {KK_ABI_MAGIC, sizeof manifest, KK_ABI_VERSION, SKEW_MIN},
    .id = "skew",
    .title = "Skew",
    .summary = "Meets hosts of other ages.",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .tool_count = sizeof tools / sizeof tools[0] - 1,
    .tools = tools,
    TAIL};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
