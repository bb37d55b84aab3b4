// The transport that answers from a tape.  It has no way to the network.
#include "fail.h"
#include "tape.h"
#include "transport.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct replay {
    kk_transport base;
    kk_tape *tape;
    kk_time_source *time;
} replay;

// Method, host and path of a request: never its query.
static kk_code fail_request(const kk_request *request, kk_code code, const char *problem,
                            kk_error *err)
{
    kk_url url = {0};
    if (kk_url_parse(request->url, &url, NULL) != KK_OK) {
        return kk_fail(err, code, "%s %s", request->method, problem);
    }
    return kk_fail(err, code, "%s %.*s%.*s %s", request->method, KK_STR_ARG(url.host),
                   KK_STR_ARG(url.path), problem);
}

static kk_code replay_failure(const kk_request *request, const kk_tape_answer *answer,
                              kk_response *out, kk_error *err)
{
    char problem[128];
    (void)snprintf(problem, sizeof problem, "failed as recorded: %s",
                   kk_code_meaning(answer->failure));
    out->sent = answer->failure_sent;
    return fail_request(request, answer->failure, problem, err);
}

static kk_code give(const kk_request *request, const kk_tape_answer *answer, kk_response *out,
                    kk_error *err)
{
    if (answer->failure != KK_OK) {
        return replay_failure(request, answer, out, err);
    }
    if (answer->status >= 300 && answer->status < 400) {
        out->sent = KK_SENT_YES;
        return fail_request(request, KK_ERR_REDIRECT_REFUSED,
                            "was answered with a redirect, which is not followed", err);
    }
    *out = (kk_response){.sent = KK_SENT_YES,
                         .status = answer->status,
                         .headers = (kk_header *)answer->headers,
                         .header_count = answer->header_count,
                         .body = answer->body};
    return KK_OK;
}

static kk_code send_request(kk_transport *base, const kk_request *request, kk_response *out,
                            kk_error *err)
{
    replay *self = (replay *)base;
    kk_tape_answer answer;
    if (kk_cancel_is_raised(request->cancel)) {
        out->sent = KK_SENT_NO;
        return fail_request(request, KK_ERR_CANCELLED, "was cancelled before it was sent", err);
    }
    if (request->deadline_ms <= kk_time_mono_ms(self->time)) {
        out->sent = KK_SENT_NO;
        return fail_request(request, KK_ERR_TIMEOUT, "had no time left before it was sent", err);
    }
    kk_code code = kk_tape_claim(self->tape, request, &answer, err);
    if (code != KK_OK) {
        out->sent = KK_SENT_NO;
        return code;
    }
    return give(request, &answer, out, err);
}

// A response points into the tape, and owns nothing.
static void clean(kk_transport *base, kk_response *response)
{
    (void)base;
    *response = (kk_response){0};
}

static void close_replay(kk_transport *base)
{
    free(base);
}

static const kk_transport_table table = {"replay", send_request, clean, close_replay};

kk_code kk_transport_replay_open(kk_tape *tape, kk_time_source *time, kk_transport **out,
                                 kk_error *err)
{
    replay *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for replaying '%s'",
                       kk_tape_path(tape));
    }
    *self = (replay){.base = {&table}, .tape = tape, .time = time};
    *out = &self->base;
    return KK_OK;
}
