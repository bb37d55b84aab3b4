// Uses the processor for ever when it is described.
#include <stddef.h>

static void deed(void)
{
    for (volatile size_t i = 0;; i++) {
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
