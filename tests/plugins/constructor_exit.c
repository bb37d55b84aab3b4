// Ends the process when it is loaded.
#include <stdlib.h>

__attribute__((constructor)) static void deed(void)
{
    exit(3);
}

#include "base.h"
