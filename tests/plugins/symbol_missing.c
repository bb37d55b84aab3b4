// A tool's symbol is not exported.
#define FIRST_NAME "absent"
#define FIRST_SYMBOL "kk_tool_demo_absent"
#include "base.h"
