// Keeps the call, and writes to it on a thread.
#include <pthread.h>
#define SUPPORT                                                                                    \
    static void *write_late(void *context)                                                         \
    {                                                                                              \
        const kk_call *call = context;                                                             \
        (void)kk_call_write(call, "1");                                                            \
        return NULL;                                                                               \
    }
#define BODY                                                                                       \
    pthread_t thread;                                                                              \
    if (pthread_create(&thread, NULL, write_late, (void *)call) == 0) {                            \
        pthread_join(thread, NULL);                                                                \
    }                                                                                              \
    return kk_call_write(call, "{}");
#include "behave.h"
