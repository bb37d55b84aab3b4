// Writes to no memory when it is described.
#include <stddef.h>

static void deed(void)
{
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
