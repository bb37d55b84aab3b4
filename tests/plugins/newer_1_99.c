// Built with a header 1.99 whose structures are larger, for hosts from 1.0 on: must load.  What a
// host of today does not know lies in pages that cannot be read.
#include <kk/plugin_util.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

// Each ends its known part with a page, and has one more.
typedef struct newer_tool {
    char before[PAGE - sizeof(kk_tool)];
    kk_tool known;
    char unknown[PAGE];
} newer_tool;

typedef struct newer_manifest {
    char before[PAGE - sizeof(kk_manifest)];
    kk_manifest known;
    char unknown[PAGE];
} newer_manifest;

KK_TOOL(newer, greet)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "\"hello\"");
}

static _Alignas(PAGE) newer_tool greet = {
    .known = {.struct_size = sizeof(kk_tool) + PAGE,
              .name = "greet",
              .symbol = KK_TOOL_SYMBOL(newer, greet),
              .entry = KK_TOOL_ENTRY(newer, greet),
              .title = "Greet",
              .summary = "Greets.",
              .description = "Greets.",
              .input_schema = "{\"type\":\"object\"}"},
};
static const kk_tool *const tools[] = {&greet.known, NULL};

static _Alignas(PAGE) newer_manifest manifest = {
    .known = {.tag = {KK_ABI_MAGIC, sizeof(kk_manifest) + PAGE, 0x10063, 0x10000},
              .id = "newer",
              .title = "Newer",
              .summary = "From the future.",
              .category = "test",
              .version = "9.0.0",
              .license = "MIT",
              .tool_count = 1,
              .tools = tools},
};

static void protect_tails(int protection)
{
    if (mprotect(greet.unknown, PAGE, protection) != 0 ||
        mprotect(manifest.unknown, PAGE, protection) != 0) {
        abort();
    }
}

// The leak detector reads all that is global when the process ends.
static void open_tails(void)
{
    protect_tails(PROT_READ);
}

// A machine with larger pages has nothing to close: the tails are then only never looked at.
__attribute__((constructor)) static void close_tails(void)
{
    if (sysconf(_SC_PAGESIZE) == PAGE) {
        protect_tails(PROT_NONE);
        atexit(open_tails);
    }
}

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest.known;
}
