// Leaves an origin alone that does nothing but fail.
//
// After KK_BREAKER_FAILURES failures in a row it is open for KK_BREAKER_OPEN_MS: nothing is sent.
// Then one request may try; its success closes the breaker, and its failure opens it again.
#ifndef KK_BREAKER_H
#define KK_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define KK_BREAKER_FAILURES 10
#define KK_BREAKER_OPEN_MS 30000

// The caller sees to it that one thread at a time uses it.  One that is all zero is closed.
typedef struct kk_breaker {
    unsigned failures; // in a row
    uint64_t open_until_ms;
    bool is_trying; // the one request after a pause is under way
} kk_breaker;

// Whether a request may be sent; it is to be followed by kk_breaker_note() then.  If not, *wait_ms
// says when it may be asked again.
bool kk_breaker_admits(kk_breaker *self, uint64_t now_ms, uint64_t *wait_ms);

// How an admitted request ended.
typedef enum kk_breaker_end {
    KK_BREAKER_SUCCESS,
    KK_BREAKER_FAILURE,
    KK_BREAKER_NEITHER // it was given up for a reason of our own
} kk_breaker_end;

void kk_breaker_note(kk_breaker *self, uint64_t now_ms, kk_breaker_end end);

#endif
