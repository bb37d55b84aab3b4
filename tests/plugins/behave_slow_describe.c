// Takes its time when it is described.
#include <time.h>
#define SUPPORT                                                                                    \
    static void be_slow(void)                                                                      \
    {                                                                                              \
        clock_t until = clock() + CLOCKS_PER_SEC / 4;                                              \
        while (clock() < until) {                                                                  \
        }                                                                                          \
    }
#define DESCRIBE be_slow();
#include "behave.h"
