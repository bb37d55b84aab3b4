// Writes to standard output when it is described.
#include <unistd.h>

static void deed(void)
{
    if (write(1, "hello\n", 6) < 0) {
        _exit(1);
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
