// The library in which entry_elsewhere.c has its entry.
#include <kk/plugin_util.h>

KK_TOOL(demo, elsewhere)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "null");
}
