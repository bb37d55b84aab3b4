// One of many plugins for bench_scan: two functions, compiled with SCAN_ID.
#include <kk/plugin_util.h>

#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

#define TOOL(tool)                                                                                 \
    KK_EXTERN_C KK_EXPORT kk_status JOIN(kk_tool_, SCAN_ID, _##tool)(                              \
        kk_instance *, const kk_call *, const char *, size_t);                                     \
    kk_status JOIN(kk_tool_, SCAN_ID, _##tool)(kk_instance * self, const kk_call *call,            \
                                               const char *args, size_t len)

#define ROW(tool)                                                                                  \
    static const kk_tool tool##_row = {                                                            \
        .struct_size = sizeof(kk_tool),                                                            \
        .flags = KK_TOOL_READ_ONLY,                                                                \
        .name = #tool,                                                                             \
        .symbol = "kk_tool_" TEXT(SCAN_ID) "_" #tool,                                              \
        .entry = JOIN(kk_tool_, SCAN_ID, _##tool),                                                 \
        .title = "A tool",                                                                         \
        .summary = "Gives its arguments back.",                                                    \
        .description = "Gives its arguments back, whatever they are.",                             \
        .input_schema = "{\"type\":\"object\",\"properties\":{\"organization\":{\"type\":"         \
                        "\"string\"},\"limit\":{\"type\":\"integer\",\"minimum\":1}}}",            \
    }

TOOL(echo)
{
    (void)self;
    return call->host->write(call, args, len);
}

TOOL(again)
{
    (void)self;
    return call->host->write(call, args, len);
}

ROW(echo);
ROW(again);
static const kk_tool *const tools[] = {&echo_row, &again_row, NULL};

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = TEXT(SCAN_ID),
    .title = "One of many",
    .summary = "A plugin for benchmarks.",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .tool_count = 2,
    .tools = tools,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
