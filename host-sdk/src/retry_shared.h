// What the calls of a host share for the sake of the services they call: rates, breakers, the
// budget of retries and the random numbers.  The inside of retry.h.
#ifndef KK_RETRY_SHARED_H
#define KK_RETRY_SHARED_H

#include "breaker.h"
#include "rate.h"
#include "retry.h"

// How many credentials and how many origins are remembered; the one that was not used for longest
// makes room for another.
enum { KK_RETRY_SLOTS = 64 };

// The next number of a sequence that looks random; [state] moves on.  (SplitMix64.)
uint64_t kk_retry_random(uint64_t *state);

// All that follows takes the lock itself, and does nothing for a NULL [self].

// A seed for the jitter of one request.
uint64_t kk_retry_seed(kk_retry *self);

// When a request with [credential] may be sent; NULL for one without.
uint64_t kk_retry_take(kk_retry *self, const char *credential, uint64_t now_ms);
void kk_retry_give_back(kk_retry *self, const char *credential, uint64_t now_ms);
void kk_retry_slow_down(kk_retry *self, const char *credential, uint64_t now_ms, uint64_t wait_ms);

// The breaker of [origin], the front of [url] up to its path.
bool kk_retry_admits(kk_retry *self, const char *url, uint64_t now_ms, uint64_t *wait_ms);
void kk_retry_note(kk_retry *self, const char *url, uint64_t now_ms, kk_breaker_end end);

// Takes the cost of one retry from the budget; false if it is used up.
bool kk_retry_afford(kk_retry *self);

// A success or a time-out.
void kk_retry_earn(kk_retry *self);
void kk_retry_lose(kk_retry *self);

#endif
