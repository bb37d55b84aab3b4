// What the tests of planetscale.so share: its configurations, and a call with one answer.
#ifndef KK_TEST_PLANETSCALE_H
#define KK_TEST_PLANETSCALE_H

#include "fake_host.h"
#include "unit.h"

#define BASE "http://127.0.0.1:8080/v1"

#define SERVICE_TOKEN_CONFIG                                                                       \
    "{\"account\":\"main\",\"scheme\":\"service-token\",\"fields\":{\"url\":\"" BASE "\"}}"
#define BEARER_CONFIG                                                                              \
    "{\"account\":\"main\",\"scheme\":\"bearer\",\"fields\":{\"url\":\"" BASE "/\"}}"

static inline void open_with(fake_host *host, const char *config)
{
    fake_host_open(host, KK_PLANETSCALE, config);
}

// Calls [tool] with one answer to come, and gives its status.
static inline kk_status call_once(fake_host *host, const char *tool, const char *args,
                                  fake_answer answer)
{
    host->script = &answer;
    host->script_len = 1;
    kk_status status = fake_host_call(host, tool, args);
    host->script = NULL;
    host->script_len = 0;
    return status;
}

#define assert_status(host, status, wanted)                                                        \
    do {                                                                                           \
        kk_status status_ = (status);                                                              \
        if (status_ != (wanted)) {                                                                 \
            fail_msg("status %d, wanted %d: %s", (int)status_, (int)(wanted),                      \
                     (host)->failure.message != NULL ? (host)->failure.message : "no message");    \
        }                                                                                          \
    } while (0)

#endif
