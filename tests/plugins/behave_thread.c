// Leaves a thread running: one, so that the memory of it does not grow.
#include <pthread.h>
#include <unistd.h>
#define SUPPORT                                                                                    \
    static int started;                                                                            \
    static void *stay(void *context)                                                               \
    {                                                                                              \
        for (;;) {                                                                                 \
            pause();                                                                               \
        }                                                                                          \
        return context;                                                                            \
    }
#define OPEN                                                                                       \
    pthread_t thread;                                                                              \
    if (started++ == 0 && pthread_create(&thread, NULL, stay, NULL) == 0) {                        \
        pthread_detach(thread);                                                                    \
    }
#include "behave.h"
