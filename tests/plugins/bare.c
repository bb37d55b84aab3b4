// A well-formed plugin without credentials.
#include <kk/plugin_util.h>

KK_TOOL(bare, echo)
{
    (void)self;
    (void)args_len;
    return kk_call_write(call, args);
}

static const kk_tool echo = {
    .struct_size = sizeof echo,
    .flags = KK_TOOL_READ_ONLY,
    .name = "echo",
    .symbol = KK_TOOL_SYMBOL(bare, echo),
    .entry = KK_TOOL_ENTRY(bare, echo),
    .title = "Echo",
    .summary = "Gives its arguments back",
    .description = "Gives its arguments back.",
    .input_schema = "{\"type\":\"object\"}",
};
static const kk_tool *const tools[] = {&echo, NULL};

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "bare",
    .title = "Bare",
    .summary = "Needs nothing",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = sizeof tools / sizeof *tools - 1,
    .tools = tools,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
