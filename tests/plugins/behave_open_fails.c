// Cannot be opened.
#define OPEN                                                                                       \
    free(self);                                                                                    \
    *out = NULL;                                                                                   \
    return KK_E_UNAVAILABLE;
#define BODY return kk_call_write(call, "{}");
#include "behave.h"
