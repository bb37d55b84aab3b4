// Ends the process on the spot when it is described.
#include <unistd.h>

static void deed(void)
{
    _exit(7);
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
