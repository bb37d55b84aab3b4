// Takes memory for ever when it is described.
#include <stdlib.h>
#include <string.h>

static void deed(void)
{
    for (;;) {
        memset(malloc(1 << 20), 1, 1 << 20);
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
