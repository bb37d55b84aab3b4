// Threads that stay, as a host's workers do, and do the same work at the same time.
#ifndef KK_BENCH_CROWD_H
#define KK_BENCH_CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { KK_BENCH_CROWD_MAX = 64 };

typedef struct kk_bench_crowd {
    bool (*work)(void *context); // from all threads at once; false fails the round
    void *context;
    size_t times; // that each thread does the work in a round
    size_t count; // of threads, at most KK_BENCH_CROWD_MAX
    // The crowd's own, and zero at first:
    pthread_t threads[KK_BENCH_CROWD_MAX];
    pthread_barrier_t begin, end;
    atomic_bool leaving;
    atomic_int failed;
} kk_bench_crowd;

// Makes the threads, which wait for a round.  The crowd stays where it is until it is stopped.
void kk_bench_crowd_start(kk_bench_crowd *self);

// One round, as a side of kk_bench_pairs(); false once any work has failed.
bool kk_bench_crowd_run(void *crowd);

void kk_bench_crowd_stop(kk_bench_crowd *self);

#endif
