// Takes a signal.
#include <signal.h>
#define OPEN signal(SIGUSR1, SIG_IGN);
#include "behave.h"
