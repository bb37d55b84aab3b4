// Changes how a signal is handled when it is described.
#include <signal.h>

static void deed(void)
{
    signal(SIGINT, SIG_IGN);
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
