// A tool's entry is in a library that the plugin needs, not in the plugin.
#include <kk/plugin_util.h>
#define FIRST_NAME "elsewhere"
#define FIRST_SYMBOL KK_TOOL_SYMBOL(demo, elsewhere)
#define FIRST_ENTRY KK_TOOL_ENTRY(demo, elsewhere)
KK_TOOL_DECLARE(demo, elsewhere);
#include "base.h"
