// Fails, and then says that it went well.
#define BODY                                                                                       \
    kk_call_fail(call, KK_E_CONFLICT, "no");                                                       \
    return KK_E_OK;
#include "behave.h"
