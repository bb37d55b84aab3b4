// Time, real or virtual.
//
// The live transport runs on the machine's clocks.  A replayed tape runs on virtual time: a sleep
// returns at once and moves the clock forward, so that waits cost nothing and every run is the
// same.
#ifndef KK_TIME_SOURCE_H
#define KK_TIME_SOURCE_H

#include "cancel.h"

typedef struct kk_time_source kk_time_source;

// The machine's own clocks.  Never freed.
kk_time_source *kk_time_real(void);

// A new virtual clock that starts at [unix_ms].  NULL if memory runs out.  Freed with
// kk_time_free().
kk_time_source *kk_time_virtual(int64_t unix_ms);

// Frees a virtual clock; harmless for NULL and for the real one.
void kk_time_free(kk_time_source *self);

// Milliseconds that never go back, and milliseconds since 1970-01-01 UTC.  Threads: any.
uint64_t kk_time_mono_ms(kk_time_source *self);
int64_t kk_time_unix_ms(kk_time_source *self);

// Sleeps until mono_ms reaches [until_ms] or [cancel] is raised, which may be NULL.  True if it
// slept to the end; false if it was cancelled.  Threads: any.
bool kk_time_sleep_until(kk_time_source *self, uint64_t until_ms, kk_cancel *cancel);

#endif
