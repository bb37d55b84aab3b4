// One instance for all accounts.
#define SUPPORT static kk_instance the_one;
#define OPEN                                                                                       \
    free(self);                                                                                    \
    *out = &the_one;
#define CLOSE self = NULL;
#include "behave.h"
