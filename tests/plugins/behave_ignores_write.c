// Does not look at what write() returned.
#define BODY                                                                                       \
    (void)kk_call_write(call, "{}");                                                               \
    return KK_E_OK;
#include "behave.h"
