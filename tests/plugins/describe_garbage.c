// Writes what is no frame to its worker's connection when it is described.
#include <string.h>
#include <unistd.h>

static void deed(void)
{
    char bytes[64];
    memset(bytes, 0xFF, sizeof bytes);
    if (write(3, bytes, sizeof bytes) < 0) {
        _exit(1);
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
