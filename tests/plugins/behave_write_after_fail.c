// Writes after it has failed.
#define BODY                                                                                       \
    kk_status status = kk_call_fail(call, KK_E_CONFLICT, "no");                                    \
    (void)kk_call_write(call, "{}");                                                               \
    return status;
#include "behave.h"
