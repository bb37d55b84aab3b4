// Writes to standard output when it is loaded.
#include <unistd.h>

__attribute__((constructor)) static void deed(void)
{
    if (write(1, "hello\n", 6) < 0) {
        _exit(1);
    }
}

#include "base.h"
