// Takes a call whose time is over for a success.
#define BODY                                                                                       \
    return call->host->stopped(call) == KK_E_DEADLINE ? kk_call_write(call, "{}")                  \
                                                      : get(call, "https://api.example.com/");
#include "behave.h"
