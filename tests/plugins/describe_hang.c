// Waits for ever when it is described.
#include <unistd.h>

static void deed(void)
{
    for (;;) {
        pause();
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
