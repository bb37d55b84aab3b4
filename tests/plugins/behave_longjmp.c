// Jumps out of the function, to where it once was when it was opened.
#include <setjmp.h>
#include <string.h>
#define SUPPORT                                                                                    \
    static jmp_buf place;                                                                          \
    static __attribute__((noinline)) int remember(void)                                            \
    {                                                                                              \
        volatile char deep[1 << 16];                                                               \
        deep[0] = 1;                                                                               \
        deep[sizeof deep - 1] = deep[0];                                                           \
        return setjmp(place) + deep[sizeof deep - 1];                                              \
    }
#define OPEN (void)remember();
#define BODY longjmp(place, 1);
#include "behave.h"
