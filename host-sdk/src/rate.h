// How often one credential may be used: a bucket that fills with time and gives one token a
// request.
//
// PlanetScale allows 600 requests a minute.  A bucket gives 8 a second after a burst of 20, so that
// no 60 seconds see more than 500.  A service that objects nevertheless (429) halves the speed,
// which grows back by a tenth of the full one a minute.
#ifndef KK_RATE_H
#define KK_RATE_H

#include <stdint.h>

#define KK_RATE_PER_SECOND 8.0
#define KK_RATE_BURST 20.0

// The caller sees to it that one thread at a time uses it.
typedef struct kk_rate {
    double tokens; // below zero: promised to requests that wait
    double per_second;
    uint64_t updated_ms;
    uint64_t held_until_ms; // by a service that asked for it
} kk_rate;

// A full bucket.  Times are of one clock that never goes back, here and below.
void kk_rate_init(kk_rate *self, uint64_t now_ms);

// Takes a token and says when it may be used: [now_ms], or later.  Who does not use it gives it
// back.
uint64_t kk_rate_take(kk_rate *self, uint64_t now_ms);
void kk_rate_give_back(kk_rate *self);

// The service said that it was too much, and to wait for [wait_ms] (0 = it did not say).
void kk_rate_slow_down(kk_rate *self, uint64_t now_ms, uint64_t wait_ms);

#endif
