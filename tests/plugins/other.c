// A second well-formed plugin, of another name.
#include <kk/plugin_util.h>
#define ID "demo_other"
#define FIRST_SYMBOL KK_TOOL_SYMBOL(demo_other, first)
#define FIRST_ENTRY KK_TOOL_ENTRY(demo_other, first)
#define SECOND_NAME "second_thing"
#define SECOND_SYMBOL KK_TOOL_SYMBOL(demo_other, second_thing)
#define SECOND_ENTRY KK_TOOL_ENTRY(demo_other, second_thing)

KK_TOOL(demo_other, first)
{
    (void)self;
    (void)args;
    (void)args_len;
    return kk_call_write(call, "{\"from\":\"the other first\"}");
}

KK_TOOL(demo_other, second_thing)
{
    (void)self;
    (void)args_len;
    return kk_call_write(call, args);
}

#include "base.h"
