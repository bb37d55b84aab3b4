// Built with a header 1.99 whose structures are larger, for hosts from 1.0 on: must load.  What a
// host of today does not know points nowhere, and must not be touched.
#include <kk/plugin_util.h>

#define NOWHERE ((const void *)(uintptr_t)8)

typedef struct newer_tool {
    kk_tool known;
    const void *unknown[4];
} newer_tool;

typedef struct newer_manifest {
    kk_manifest known;
    const void *unknown[8];
} newer_manifest;

KK_TOOL(newer, greet)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "\"hello\"");
}

static const newer_tool greet = {
    .known = {.struct_size = sizeof(newer_tool),
              .name = "greet",
              .symbol = KK_TOOL_SYMBOL(newer, greet),
              .entry = KK_TOOL_ENTRY(newer, greet),
              .title = "Greet",
              .summary = "Greets.",
              .description = "Greets.",
              .input_schema = "{\"type\":\"object\"}"},
    .unknown = {NOWHERE, NOWHERE, NOWHERE, NOWHERE},
};
static const kk_tool *const tools[] = {&greet.known, NULL};

static const newer_manifest manifest = {
    .known = {.tag = {KK_ABI_MAGIC, sizeof(newer_manifest), 0x10063, 0x10000},
              .id = "newer",
              .title = "Newer",
              .summary = "From the future.",
              .category = "test",
              .version = "9.0.0",
              .license = "MIT",
              .tool_count = 1,
              .tools = tools},
    .unknown = {NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE},
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest.known;
}
