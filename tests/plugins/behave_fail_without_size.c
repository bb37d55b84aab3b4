// A record of a failure without its size.
#define BODY                                                                                       \
    kk_tool_error error = {.code = KK_E_CONFLICT};                                                 \
    call->host->fail(call, &error);                                                                \
    return KK_E_CONFLICT;
#include "behave.h"
