// Takes a cancelled call for a success.
#define BODY                                                                                       \
    return call->host->stopped(call) == KK_E_CANCELLED ? kk_call_write(call, "{}")                 \
                                                       : get(call, "https://api.example.com/");
#include "behave.h"
