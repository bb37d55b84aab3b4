// Leaves a child process.
#include <unistd.h>
#define OPEN                                                                                       \
    if (fork() == 0) {                                                                             \
        _exit(0);                                                                                  \
    }
#include "behave.h"
