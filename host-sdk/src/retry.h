// Sends a request, and sends it again where that is safe and may help.
//
// It stands between the service kk.http/1 and the transport, so that it does the same over the
// network and over a tape.  Each attempt is one send() of the transport, and one entry of a tape.
//
// What is sent again, at most KK_RETRY_ATTEMPTS times in all:
//
//                                        GET, HEAD    PUT, DELETE    POST, PATCH
//     no connection, no such host        yes          yes            yes: nothing was sent
//     broken off, cut short              yes          no             no: it may have been done
//     429                                yes          yes            yes: it was turned away
//     503                                yes          yes            only with Retry-After
//     408, 425, 502, 504                 yes          no             no
//     500                                once         no             no
//     any other status or failure        no           no             no
//
// Among the others: TLS, since a server that is not proven is none the second time either, and a
// time-out, since a request has the whole time of its call.
//
// When: after full jitter, a random part of 250 ms (429: 1 s), which doubles with each attempt up
// to 10 s, and not before the service's own Retry-After, plus up to a tenth of it.  A wait over
// KK_RETRY_WAIT_MAX_MS, or one that would end after the request's deadline, is not begun: what the
// last attempt came to is the result.  Cancelling ends a wait at once.
//
// What calls share, where there is a service to be spared (kk_retry):
//
//     rate      a bucket for each credential (rate.h), at origins that the manifest lists
//     breaker   for each origin (breaker.h): failures of the network, time-outs of a request that
//               had a second or more, and statuses from 500
//     budget    500 points; a retry costs 5, a time-out 10, a success gives 1 back.  Without 5 of
//               them nothing is sent again
//
// A tape is no service: there kk_retry is NULL, all three are off, and the jitter is the same in
// every run, so that a thousand replays are alike.  The clock is virtual, and a wait costs nothing.
#ifndef KK_RETRY_H
#define KK_RETRY_H

#include "time_source.h"
#include "transport.h"

#define KK_RETRY_ATTEMPTS 4
#define KK_RETRY_WAIT_MAX_MS 60000

// What calls share.  Made once a host; threads: any.
typedef struct kk_retry kk_retry;

// [seed] is where the jitter begins.  NULL if memory runs out.  Freed with kk_retry_free(), which
// is harmless for NULL.
kk_retry *kk_retry_new(uint64_t seed);
void kk_retry_free(kk_retry *self);

// One attempt, as it is told when it has ended.
typedef struct kk_attempt {
    kk_code code;            // KK_OK, or why there is no answer
    unsigned status;         // of the answer, or 0
    kk_sent sent;            // how far it got
    uint64_t delay_ms;       // how long it was held back before it was sent
    bool asks_to_wait;       // the answer said for how long to stay away:
    uint64_t retry_after_ms; // this long
} kk_attempt;

typedef struct kk_retry_plan {
    kk_transport *transport;
    kk_time_source *time; // of the transport's deadlines
    kk_retry *shared;     // NULL under replay
    bool is_limited;      // the origin is one for which the rate of a credential is kept
    void (*note)(void *context, const kk_attempt *attempt); // after every attempt
    void *context;
} kk_retry_plan;

// As the transport's send(), and released by the transport's response_clean().  Errors: the
// transport's; and before anything was sent KK_ERR_RATE_LIMITED (the credential's rate would keep
// the request past its deadline), KK_ERR_UNAVAILABLE (the breaker is open), both with
// retry_after_ms, and KK_ERR_CANCELLED, also between two attempts.
KK_MUST_USE kk_code kk_retry_send(const kk_retry_plan *plan, const kk_request *request,
                                  kk_response *out, kk_error *err);

#endif
