// Timing in interleaved pairs: what is measured and its floor take turns, so that both see the same
// machine, and the figure is the median of the pairs' ratios.
#ifndef KK_BENCH_H
#define KK_BENCH_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kk_bench_side {
    const char *name;
    bool (*run)(void *context); // false ends the benchmark
    void *context;
} kk_bench_side;

// Runs both sides [pairs] times after a tenth of it to warm up, and prints one row: the medians in
// microseconds, the median ratio and the middle half of the ratios.  False if a run failed.
bool kk_bench_pairs(const char *title, kk_bench_side measured, kk_bench_side floor, size_t pairs);

// The same for work that is short and now and then long: prints the 99th percentiles of single runs
// and the medians.
bool kk_bench_tail(const char *title, kk_bench_side measured, kk_bench_side floor, size_t pairs);

#endif
