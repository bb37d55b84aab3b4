// Taking turns: a lock that a waiter can give up.
#include "turn.h"
#include "fail.h"
#include "time_source.h"
#include <time.h>

kk_code kk_turn_init(kk_turn *self, kk_error *err)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&self->lock, NULL) != 0) {
        return kk_fail(err, KK_ERR_INTERNAL, "no mutex could be made");
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&self->free, &attributes);
    pthread_condattr_destroy(&attributes);
    if (failed != 0) {
        pthread_mutex_destroy(&self->lock);
        return kk_fail(err, KK_ERR_INTERNAL, "no condition variable could be made");
    }
    self->taken = false;
    return KK_OK;
}

void kk_turn_clean(kk_turn *self)
{
    pthread_cond_destroy(&self->free);
    pthread_mutex_destroy(&self->lock);
}

static void wake(void *context)
{
    kk_turn *self = context;
    pthread_mutex_lock(&self->lock);
    pthread_cond_broadcast(&self->free);
    pthread_mutex_unlock(&self->lock);
}

kk_code kk_turn_take(kk_turn *self, uint64_t deadline_ms, kk_cancel *cancel, kk_error *err)
{
    kk_cancel_watch watch = {.wake = wake, .context = self};
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                             .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    bool late = false;
    kk_cancel_watch_add(cancel, &watch);
    pthread_mutex_lock(&self->lock);
    while (self->taken && !late && !kk_cancel_is_raised(cancel)) {
        late = pthread_cond_timedwait(&self->free, &self->lock, &until) != 0;
    }
    bool got = !self->taken;
    self->taken = true;
    pthread_mutex_unlock(&self->lock);
    kk_cancel_watch_remove(cancel, &watch);
    if (got) {
        return KK_OK;
    }
    return late
               ? kk_fail(err, KK_ERR_TIMEOUT, "an earlier call took all the time that this one had")
               : kk_fail(err, KK_ERR_CANCELLED, "cancelled while an earlier call ran");
}

void kk_turn_give(kk_turn *self)
{
    pthread_mutex_lock(&self->lock);
    self->taken = false;
    pthread_cond_signal(&self->free);
    pthread_mutex_unlock(&self->lock);
}
