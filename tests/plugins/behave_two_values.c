// Writes two values.
#define BODY return kk_call_write(call, "{}{}");
#include "behave.h"
