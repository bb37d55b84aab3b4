// Ends the process, in order, when it is described.
#include <stdlib.h>

static void deed(void)
{
    exit(0);
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
