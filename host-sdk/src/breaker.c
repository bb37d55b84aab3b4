// Leaves an origin alone that does nothing but fail.
#include "breaker.h"

// How long to wait while another request tries.
#define TRYING_MS 1000

bool kk_breaker_admits(kk_breaker *self, uint64_t now_ms, uint64_t *wait_ms)
{
    if (self->failures < KK_BREAKER_FAILURES) {
        return true;
    }
    if (now_ms < self->open_until_ms || self->is_trying) {
        *wait_ms = now_ms < self->open_until_ms ? self->open_until_ms - now_ms : TRYING_MS;
        return false;
    }
    self->is_trying = true;
    return true;
}

void kk_breaker_note(kk_breaker *self, uint64_t now_ms, kk_breaker_end end)
{
    self->is_trying = false;
    if (end == KK_BREAKER_SUCCESS) {
        self->failures = 0;
    }
    if (end != KK_BREAKER_FAILURE) {
        return;
    }
    if (self->failures < KK_BREAKER_FAILURES) {
        self->failures++;
    }
    if (self->failures == KK_BREAKER_FAILURES) {
        self->open_until_ms = now_ms + KK_BREAKER_OPEN_MS;
    }
}
