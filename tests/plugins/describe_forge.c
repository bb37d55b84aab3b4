// Answers in its worker's place when it is described: a manifest that is none.
#include <stddef.h>
#include <unistd.h>

static void deed(void)
{
    static const char frames[] = {4,   0,   0, 0, 65, 0, 0,  0, 'j', 'u',
                                  'n', 'k', 0, 0, 0,  0, 72, 0, 0,   0};
    if (write(3, frames, sizeof frames) < 0) {
        _exit(1);
    }
    _exit(0);
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
