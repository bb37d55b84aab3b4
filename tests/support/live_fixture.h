// A live transport under test, linked in, and requests in one line each.
#ifndef KK_TEST_LIVE_FIXTURE_H
#define KK_TEST_LIVE_FIXTURE_H

#include "transport.h"
#include <pthread.h>

typedef struct live_fixture {
    kk_live_host host;
    kk_transport *transport;
    kk_response response; // of the last request that was answered
    kk_error err;         // of the last request that was not
    kk_sent sent;         // of the last request
    pthread_mutex_t lock; // guards `log`
    char log[512];        // the last line that was logged
} live_fixture;

// Opens a transport whose host has what can be set in it: ca_file, resolve.  Either may be NULL.
// Fails the test if it does not open, or if stubs stand for libcurl's other libraries while
// KK_TEST_OVER_STUBS is not set, or the other way round.
live_fixture *live_fixture_open(const char *ca_file, const char *resolve);
void live_fixture_close(live_fixture *self);

// The time by the transport's clock.
uint64_t live_now_ms(void);

// Sends [method] to `http://127.0.0.1:PORT/PATH`, for which 10 s are allowed.  POST, PUT and PATCH
// have the body "{}".
kk_code live_send(live_fixture *self, const char *method, unsigned port, const char *path);

// Sends [request] as it is.
kk_code live_send_request(live_fixture *self, const kk_request *request);

// The value of the last answer's field, or NULL.
const char *live_header(const live_fixture *self, const char *name);

#endif
