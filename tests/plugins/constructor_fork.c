// Makes a process when it is loaded.
#include <unistd.h>

__attribute__((constructor)) static void deed(void)
{
    if (fork() == 0) {
        _exit(0);
    }
}

#include "base.h"
