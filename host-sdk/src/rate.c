// How often one credential may be used.
#include "rate.h"

// However often the service objects, some requests go through.
#define SLOWEST 0.5

void kk_rate_init(kk_rate *self, uint64_t now_ms)
{
    *self =
        (kk_rate){.tokens = KK_RATE_BURST, .per_second = KK_RATE_PER_SECOND, .updated_ms = now_ms};
}

static void refill(kk_rate *self, uint64_t now_ms)
{
    if (now_ms <= self->updated_ms) {
        return;
    }
    double seconds = (double)(now_ms - self->updated_ms) / 1000;
    double tokens = self->tokens + seconds * self->per_second;
    self->tokens = tokens < KK_RATE_BURST ? tokens : KK_RATE_BURST;
    double speed = self->per_second + KK_RATE_PER_SECOND / 10 * (seconds / 60);
    self->per_second = speed < KK_RATE_PER_SECOND ? speed : KK_RATE_PER_SECOND;
    self->updated_ms = now_ms;
}

uint64_t kk_rate_take(kk_rate *self, uint64_t now_ms)
{
    refill(self, now_ms);
    self->tokens -= 1;
    uint64_t at_ms = now_ms;
    if (self->tokens < 0) {
        at_ms += (uint64_t)(-self->tokens / self->per_second * 1000) + 1;
    }
    return at_ms < self->held_until_ms ? self->held_until_ms : at_ms;
}

void kk_rate_give_back(kk_rate *self)
{
    self->tokens = self->tokens + 1 < KK_RATE_BURST ? self->tokens + 1 : KK_RATE_BURST;
}

void kk_rate_slow_down(kk_rate *self, uint64_t now_ms, uint64_t wait_ms)
{
    refill(self, now_ms);
    double half = self->per_second / 2;
    self->per_second = half > SLOWEST ? half : SLOWEST;
    self->tokens = self->tokens < 0 ? self->tokens : 0;
    uint64_t until_ms = now_ms + wait_ms;
    self->held_until_ms = until_ms > self->held_until_ms ? until_ms : self->held_until_ms;
}
