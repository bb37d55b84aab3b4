// Its list of tools ends before tool_count.
#define TOOL_COUNT 3
#include "base.h"
