// Timing in interleaved pairs.
#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static bool run_timed(const kk_bench_side *side, double *us)
{
    double start = now_us();
    bool ok = side->run(side->context);
    *us = now_us() - start;
    return ok;
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double quantile(double *values, size_t count, double at)
{
    qsort(values, count, sizeof *values, compare);
    return values[(size_t)((double)(count - 1) * at)];
}

static bool measure(kk_bench_side *sides, size_t pairs, double *us[2], double *ratios)
{
    for (size_t i = 0; i < pairs + pairs / 10; i++) {
        double pair[2];
        size_t first = i % 2;
        if (!run_timed(&sides[first], &pair[first]) ||
            !run_timed(&sides[1 - first], &pair[1 - first])) {
            return false;
        }
        size_t at = i < pairs / 10 ? 0 : i - pairs / 10;
        us[0][at] = pair[0];
        us[1][at] = pair[1];
        ratios[at] = pair[0] / pair[1];
    }
    return true;
}

// What the pairs of a benchmark took.
typedef struct samples {
    double *us[2];
    double *ratios;
} samples;

static bool take_samples(const char *title, kk_bench_side measured, kk_bench_side floor,
                         size_t pairs, samples *out)
{
    kk_bench_side sides[2] = {measured, floor};
    *out = (samples){{calloc(pairs, sizeof(double)), calloc(pairs, sizeof(double))},
                     calloc(pairs, sizeof(double))};
    bool ok = out->us[0] != NULL && out->us[1] != NULL && out->ratios != NULL &&
              measure(sides, pairs, out->us, out->ratios);
    if (!ok) {
        fprintf(stderr, "%s: a run failed\n", title);
    }
    return ok;
}

static void drop_samples(samples *self)
{
    free(self->us[0]);
    free(self->us[1]);
    free(self->ratios);
}

bool kk_bench_pairs(const char *title, kk_bench_side measured, kk_bench_side floor, size_t pairs)
{
    samples took;
    bool ok = take_samples(title, measured, floor, pairs, &took);
    if (ok) {
        printf("%-44s %9.0f us  %-28s %9.0f us  ratio %.2f (%.2f to %.2f)\n", title,
               quantile(took.us[0], pairs, 0.5), floor.name, quantile(took.us[1], pairs, 0.5),
               quantile(took.ratios, pairs, 0.5), quantile(took.ratios, pairs, 0.25),
               quantile(took.ratios, pairs, 0.75));
    }
    drop_samples(&took);
    return ok;
}

bool kk_bench_tail(const char *title, kk_bench_side measured, kk_bench_side floor, size_t pairs)
{
    samples took;
    bool ok = take_samples(title, measured, floor, pairs, &took);
    if (ok) {
        printf("%-44s %9.2f us  %-28s %9.2f us  median %.2f and %.2f us\n", title,
               quantile(took.us[0], pairs, 0.99), floor.name, quantile(took.us[1], pairs, 0.99),
               quantile(took.us[0], pairs, 0.5), quantile(took.us[1], pairs, 0.5));
    }
    drop_samples(&took);
    return ok;
}
