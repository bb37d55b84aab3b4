// Writes arrays in arrays, a hundred thousand deep.
#define BODY                                                                                       \
    for (int i = 0; i < 100000; i++) {                                                             \
        (void)kk_call_write(call, "[");                                                            \
    }                                                                                              \
    for (int i = 0; i < 100000; i++) {                                                             \
        (void)kk_call_write(call, "]");                                                            \
    }                                                                                              \
    return KK_E_OK;
#include "behave.h"
