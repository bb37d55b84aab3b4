// Returns a number that is no status.
#define BODY                                                                                       \
    (void)call;                                                                                    \
    return 40;
#include "behave.h"
