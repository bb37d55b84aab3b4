// Writes nothing.
#define BODY                                                                                       \
    (void)call;                                                                                    \
    return KK_E_OK;
#include "behave.h"
