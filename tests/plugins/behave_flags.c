// A flag of a version to come.
#define FLAGS (KK_TOOL_READ_ONLY | UINT32_C(1) << 20)
#include "behave.h"
