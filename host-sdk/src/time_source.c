// The machine's clocks, and a clock that only moves when somebody sleeps.
#include "time_source.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct kk_time_source {
    bool is_virtual;
    int64_t unix_start_ms; // virtual: the wall clock when mono was zero
    atomic_uint_fast64_t mono_ms;
};

static kk_time_source real_time;

kk_time_source *kk_time_real(void)
{
    return &real_time;
}

kk_time_source *kk_time_virtual(int64_t unix_ms)
{
    kk_time_source *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->is_virtual = true;
    self->unix_start_ms = unix_ms;
    return self;
}

void kk_time_free(kk_time_source *self)
{
    if (self != &real_time) {
        free(self);
    }
}

static int64_t read_clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t kk_time_mono_ms(kk_time_source *self)
{
    return self->is_virtual ? atomic_load(&self->mono_ms)
                            : (uint64_t)read_clock_ms(CLOCK_MONOTONIC);
}

int64_t kk_time_unix_ms(kk_time_source *self)
{
    return self->is_virtual ? self->unix_start_ms + (int64_t)atomic_load(&self->mono_ms)
                            : read_clock_ms(CLOCK_REALTIME);
}

static bool sleep_virtual(kk_time_source *self, uint64_t until_ms, kk_cancel *cancel)
{
    if (kk_cancel_is_raised(cancel)) {
        return false;
    }
    uint_fast64_t now = atomic_load(&self->mono_ms);
    while (now < until_ms && !atomic_compare_exchange_weak(&self->mono_ms, &now, until_ms)) {
    }
    return true;
}

typedef struct sleeper {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool cancelled;
} sleeper;

static void wake_sleeper(void *context)
{
    sleeper *self = context;
    pthread_mutex_lock(&self->lock);
    self->cancelled = true;
    pthread_cond_signal(&self->woken);
    pthread_mutex_unlock(&self->lock);
}

static bool sleep_real(uint64_t until_ms, kk_cancel *cancel)
{
    sleeper self = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self.woken, &attributes);
    pthread_condattr_destroy(&attributes);

    kk_cancel_watch watch = {.wake = wake_sleeper, .context = &self};
    kk_cancel_watch_add(cancel, &watch);
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&self.lock);
    while (!self.cancelled &&
           pthread_cond_timedwait(&self.woken, &self.lock, &until) != ETIMEDOUT) {
    }
    bool slept = !self.cancelled;
    pthread_mutex_unlock(&self.lock);
    kk_cancel_watch_remove(cancel, &watch);
    pthread_cond_destroy(&self.woken);
    pthread_mutex_destroy(&self.lock);
    return slept;
}

bool kk_time_sleep_until(kk_time_source *self, uint64_t until_ms, kk_cancel *cancel)
{
    return self->is_virtual ? sleep_virtual(self, until_ms, cancel) : sleep_real(until_ms, cancel);
}
