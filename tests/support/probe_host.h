// A host with the probe plugins (tests/plugins/probe.c) and a transport that answers from a script.
#ifndef KK_TEST_PROBE_HOST_H
#define KK_TEST_PROBE_HOST_H

#include "transport.h"
#include "unit.h"
#include <kk/host.h>

// The secret that the account of every probe plugin holds.
#define KK_PROBE_TOKEN "tkn_CANARY0123456789"

// What the transport does next, and what it last saw.
typedef struct kk_script {
    kk_code code;
    kk_sent sent;
    unsigned status;
    const char *body;
    const char *message;     // of a failure; NULL for one that does not matter
    const char *retry_after; // a field of the answer, or NULL
    int failures;            // how many sends end with `code`; 0 = all
    int sends;
    char credential[128]; // the header as it came
    char method[16];
} kk_script;

extern kk_script script;
extern kk_host *probe_host;
extern kk_result *last_result; // of the last call
extern kk_error last_err;      // of the last call

// For cmocka_unit_test_setup_teardown().
int kk_probe_set_up(void **state);
int kk_probe_tear_down(void **state);

// Gives the host a clock that only moves when somebody sleeps, so that a retry takes no time.
void kk_probe_stop_time(void);

kk_code call_with(kk_call_options options);
kk_code call(const char *function, const char *args);
kk_code call_approved(const char *function, const char *args);

// The raw JSON at a pointer of the last call's envelope.  Valid until the next.
const char *envelope_at(const char *pointer);

#endif
