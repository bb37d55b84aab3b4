// One of two plugins that have the same names inside: built twice, with TWIN_ID.
#include <kk/plugin_util.h>
#include <stdio.h>

#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define ENTRY JOIN(kk_tool_, TWIN_ID, _count)

int twin_library_count(void);
const char *twin_name(void);

int twin_counter;

const char *twin_name(void)
{
    return TEXT(TWIN_ID);
}

KK_EXTERN_C KK_EXPORT kk_status ENTRY(kk_instance *, const kk_call *, const char *, size_t);
kk_status ENTRY(kk_instance *self, const kk_call *call, const char *args, size_t len)
{
    char text[128];
    (void)self;
    (void)args;
    (void)len;
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"own\":%d,\"library\":%d}", twin_name(),
             ++twin_counter, twin_library_count());
    return kk_call_write(call, text);
}

static const kk_tool count = {
    .struct_size = sizeof(kk_tool),
    .flags = KK_TOOL_READ_ONLY,
    .name = "count",
    .symbol = "kk_tool_" TEXT(TWIN_ID) "_count",
    .entry = ENTRY,
    .title = "Count",
    .summary = "Tells who it is, and how often it was called.",
    .description = "Tells who it is, and how often it was called.",
    .input_schema = "{\"type\":\"object\"}",
};
static const kk_tool *const tools[] = {&count, NULL};

const kk_manifest twin_manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = TEXT(TWIN_ID),
    .title = "Twin",
    .summary = "A plugin for tests.",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .tool_count = 1,
    .tools = tools,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &twin_manifest;
}
