// A tool names a symbol that is not made of the plugin's and its own name.
#define FIRST_SYMBOL "kk_tool_demo_frist"
#include "base.h"
