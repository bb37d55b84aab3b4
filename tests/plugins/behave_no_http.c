// Uses a credential and cannot send.
#define SERVICES KK_SERVICE_CLOCK,
#define BODY return kk_call_write(call, "{}");
#include "behave.h"
