// Waits for ever when it is loaded.
#include <unistd.h>

__attribute__((constructor)) static void deed(void)
{
    for (;;) {
        pause();
    }
}

#include "base.h"
