// Calls itself for ever when it is described.
#include <stddef.h>

static size_t dig(const volatile char *above, size_t depth)
{
    volatile char here[4096];
    here[0] = above[0];
    here[1] = (char)depth;
    return depth == (size_t)-1 ? 0 : dig(here, depth + 1) + (size_t)here[1];
}

static size_t deed(void)
{
    const volatile char first[1] = {1};
    return dig(first, 0);
}

#define DESCRIBED (deed() == 0 ? NULL : &manifest)
#include "base.h"
