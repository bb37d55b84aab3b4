// Blocks a signal.
#include <signal.h>
#define OPEN                                                                                       \
    sigset_t mask;                                                                                 \
    sigemptyset(&mask);                                                                            \
    sigaddset(&mask, SIGUSR2);                                                                     \
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
#include "behave.h"
