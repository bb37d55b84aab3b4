// Taking turns: a lock that a waiter can give up.
#ifndef KK_TURN_H
#define KK_TURN_H

#include "cancel.h"
#include <pthread.h>

typedef struct kk_turn {
    pthread_mutex_t lock; // guards `taken`
    pthread_cond_t free;
    bool taken;
} kk_turn;

// Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_turn_init(kk_turn *self, kk_error *err);
void kk_turn_clean(kk_turn *self);

// Waits for the turn until the machine's monotonic clock reaches [deadline_ms] or [cancel] is
// raised.
// Errors: KK_ERR_TIMEOUT, KK_ERR_CANCELLED.  Threads: any.
KK_MUST_USE kk_code kk_turn_take(kk_turn *self, uint64_t deadline_ms, kk_cancel *cancel,
                                 kk_error *err);

// Gives the turn up, from whichever thread.
void kk_turn_give(kk_turn *self);

#endif
