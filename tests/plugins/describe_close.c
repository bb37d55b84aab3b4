// Closes every descriptor when it is described, and waits.
#include <unistd.h>

static void deed(void)
{
    for (int i = 0; i < 64; i++) {
        close(i);
    }
    for (;;) {
        pause();
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
