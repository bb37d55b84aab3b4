// Threads between two barriers.
#include "crowd.h"
#include <stdlib.h>

static void *work(void *context)
{
    kk_bench_crowd *self = context;
    for (;;) {
        pthread_barrier_wait(&self->begin);
        if (atomic_load(&self->leaving)) {
            return NULL;
        }
        for (size_t i = 0; i < self->times; i++) {
            atomic_fetch_add(&self->failed, !self->work(self->context));
        }
        pthread_barrier_wait(&self->end);
    }
}

void kk_bench_crowd_start(kk_bench_crowd *self)
{
    pthread_barrier_init(&self->begin, NULL, (unsigned)self->count + 1);
    pthread_barrier_init(&self->end, NULL, (unsigned)self->count + 1);
    for (size_t i = 0; i < self->count; i++) {
        if (pthread_create(&self->threads[i], NULL, work, self) != 0) {
            abort();
        }
    }
}

bool kk_bench_crowd_run(void *crowd)
{
    kk_bench_crowd *self = crowd;
    pthread_barrier_wait(&self->begin);
    pthread_barrier_wait(&self->end);
    return atomic_load(&self->failed) == 0;
}

void kk_bench_crowd_stop(kk_bench_crowd *self)
{
    atomic_store(&self->leaving, true);
    pthread_barrier_wait(&self->begin);
    for (size_t i = 0; i < self->count; i++) {
        pthread_join(self->threads[i], NULL);
    }
    pthread_barrier_destroy(&self->begin);
    pthread_barrier_destroy(&self->end);
}
