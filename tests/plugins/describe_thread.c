// Starts a thread when it is described.
#include <pthread.h>
#include <stddef.h>

static void *idle(void *context)
{
    return context;
}

static void deed(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, idle, NULL) == 0) {
        pthread_detach(thread);
    }
}

#define DESCRIBED (deed(), &manifest)
#include "base.h"
