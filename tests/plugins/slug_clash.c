// A plugin whose tool has the slug of a tool of another: demo_other_first.
#include <kk/plugin_util.h>
#define FIRST_NAME "other_first"
#define FIRST_SYMBOL KK_TOOL_SYMBOL(demo, other_first)
#define FIRST_ENTRY KK_TOOL_ENTRY(demo, other_first)

KK_TOOL(demo, other_first)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "null");
}

#include "base.h"
