// Writes what is not JSON.
#define BODY return kk_call_write(call, "{'a':1}");
#include "behave.h"
