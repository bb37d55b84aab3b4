// Exports a function that no manifest names.
#define SUPPORT                                                                                    \
    KK_EXPORT int behave_helper(void);                                                             \
    KK_EXPORT int behave_helper(void)                                                              \
    {                                                                                              \
        return 1;                                                                                  \
    }
#include "behave.h"
