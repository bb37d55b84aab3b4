// Lets an exception of C++ out.  The function that throws is linked to it: e2e/plugin_check.sh.
#define SUPPORT void throw_something(void);
#define BODY                                                                                       \
    throw_something();                                                                             \
    return kk_call_write(call, "{}");
#include "behave.h"
