// Aborts when it is described.
#include <stdlib.h>

static void deed(void)
{
    abort();
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
