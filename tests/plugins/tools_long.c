// Its list of tools goes on after tool_count.
#define TOOL_COUNT 1
#include "base.h"
