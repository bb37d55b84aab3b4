// Makes a process when it is described.
#include <unistd.h>

static void deed(void)
{
    if (fork() == 0) {
        _exit(0);
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
