// Prints when it is described, to a stream that is written later.
#include <stdio.h>

static void deed(void)
{
    printf("hello\n");
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
