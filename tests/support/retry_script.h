// A transport from a script and a clock that only moves when somebody sleeps: what is sent again,
// and when, without a network.
#ifndef KK_TEST_RETRY_SCRIPT_H
#define KK_TEST_RETRY_SCRIPT_H

#include "retry.h"
#include "retry_shared.h"

// One answer of the script: a failure, or a status with at most one field.
typedef struct step {
    kk_code code;
    kk_sent sent;
    unsigned status;
    const char *retry_after;
    unsigned takes_ms;
} step;

// Everything of one test.
typedef struct world {
    kk_transport base;
    kk_time_source *time;
    kk_retry *shared;
    const step *steps; // the last one stays
    size_t step_count;
    size_t sends;
    size_t cleaned;
    uint64_t sent_ms[64];
    kk_attempt attempts[64];
    size_t attempt_count;
    kk_request request;
    bool is_limited;
    kk_response response;
    kk_error err;
} world;

// Begins a test with its clock at 1 s and a GET without a deadline; [is_shared] whether its calls
// share a rate, a breaker and a budget.  Ended with end().
void begin(world *self, bool is_shared);
void end(world *self);

// Sends the request while the transport plays [steps], or again and again [only].
kk_code send_steps(world *self, const step *steps, size_t count);
kk_code send_one(world *self, step only);

// For cmocka_run_group_tests().
int retry_set_up(void **state);

#endif
