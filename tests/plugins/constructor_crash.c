// Writes to no memory when it is loaded.
#include <stddef.h>

__attribute__((constructor)) static void deed(void)
{
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

#include "base.h"
