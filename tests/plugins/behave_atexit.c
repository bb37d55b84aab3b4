// Leaves a handler for the end of the process, which needs the plugin's code and data then.
#define SUPPORT                                                                                    \
    static int used;                                                                               \
    static void at_the_end(void)                                                                   \
    {                                                                                              \
        used = used > 0 ? 0 : 1;                                                                   \
    }
#define BODY                                                                                       \
    used++;                                                                                        \
    (void)atexit(at_the_end);                                                                      \
    return kk_call_write(call, "{}");
#include "behave.h"
