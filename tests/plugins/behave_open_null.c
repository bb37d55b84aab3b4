// Opens, and has nothing to give.
#define OPEN                                                                                       \
    free(self);                                                                                    \
    *out = NULL;
#define BODY return kk_call_write(call, self == NULL ? "{}" : "null");
#include "behave.h"
