// A tool points at the entry of another tool.
#define FIRST_ENTRY KK_TOOL_ENTRY(demo, second)
#include "base.h"
