// Has an entry point that no manifest names.
#define SUPPORT                                                                                    \
    KK_TOOL(behave, other)                                                                         \
    {                                                                                              \
        (void)self;                                                                                \
        (void)args;                                                                                \
        (void)args_len;                                                                            \
        return kk_call_write(call, "1");                                                           \
    }
#include "behave.h"
