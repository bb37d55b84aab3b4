// The transport that answers from a tape.  It has no way to the network.
#include "fail.h"
#include "redact.h"
#include "tape.h"
#include "transport.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct replay {
    kk_transport base;
    kk_tape *tape;
    kk_time_source *time;
    kk_replay_delay delay;
} replay;

// ---- Delays

static bool take_whole(const char **at, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9' && value <= most; (*at)++) {
        value = value * 10 + (uint64_t)(**at - '0');
    }
    *out = value;
    return *at > start && value <= most;
}

// "x0.1": a factor, in thousandths.
static bool take_factor(const char *at, uint32_t *permille)
{
    enum { FACTOR_MAX = 1000 };
    uint64_t whole = 0;
    if (!take_whole(&at, FACTOR_MAX, &whole)) {
        return false;
    }
    uint32_t value = (uint32_t)whole * 1000;
    if (*at == '.') {
        uint32_t unit = 100;
        const char *start = ++at;
        for (; *at >= '0' && *at <= '9'; at++, unit /= 10) {
            value += (uint32_t)(*at - '0') * unit;
        }
        if (at == start) {
            return false;
        }
    }
    *permille = value;
    return *at == '\0';
}

kk_code kk_replay_delay_parse(const char *text, kk_replay_delay *out, kk_error *err)
{
    enum { FIXED_MAX_MS = 86400000 };
    kk_replay_delay delay = {0};
    const char *at = text;
    uint64_t ms = 0;
    bool good = true;
    if (strcmp(text, "recorded") == 0) {
        delay.permille = 1000;
    } else if (text[0] == 'x') {
        good = take_factor(text + 1, &delay.permille);
    } else if (text[0] >= '0' && text[0] <= '9') {
        good = take_whole(&at, FIXED_MAX_MS, &ms) && strcmp(at, "ms") == 0;
        delay.fixed_ms = (uint32_t)ms;
    } else {
        good = strcmp(text, "off") == 0;
    }
    if (!good) {
        kk_fail(err, KK_ERR_USAGE, "'%.32s' is no delay of a replay", text);
        kk_fail_hint(err,
                     "it is one of: off, recorded, a factor such as x0.1, or milliseconds such "
                     "as 250ms");
        return KK_ERR_USAGE;
    }
    *out = delay;
    return KK_OK;
}

static uint64_t delay_of(const replay *self, const kk_tape_answer *answer)
{
    return self->delay.fixed_ms + answer->took_ms * self->delay.permille / 1000;
}

// ---- Answers

// Method, host and path of a request: never its query, nor a path that holds a secret.
static kk_code fail_request(const kk_request *request, kk_code code, const char *problem,
                            kk_error *err)
{
    kk_url url = {0};
    if (kk_url_parse(request->url, &url, NULL) != KK_OK) {
        return kk_fail(err, code, "%s %s", request->method, problem);
    }
    kk_str path = kk_redact_is_suspect(url.path) ? KK_STR("/" KK_REDACT_SUSPECT) : url.path;
    return kk_fail(err, code, "%s %.*s%.*s %s", request->method, KK_STR_ARG(url.host),
                   KK_STR_ARG(path), problem);
}

// Where the tape keeps how the failure was told, it is told the same way.
static kk_code replay_failure(const kk_request *request, const kk_tape_answer *answer,
                              kk_response *out, kk_error *err)
{
    char problem[128];
    out->sent = answer->failure_sent;
    if (answer->message != NULL) {
        kk_fail(err, answer->failure, "%s", answer->message);
    } else {
        (void)snprintf(problem, sizeof problem, "failed as recorded: %s",
                       kk_code_meaning(answer->failure));
        fail_request(request, answer->failure, problem, err);
    }
    if (answer->hint != NULL) {
        kk_fail_hint(err, "%s", answer->hint);
    }
    return answer->failure;
}

// Lets the time pass that the exchange took.  The request is on its way by then.
static kk_code wait_for(replay *self, const kk_request *request, const kk_tape_answer *answer,
                        kk_response *out, kk_error *err)
{
    uint64_t delay_ms = delay_of(self, answer);
    uint64_t now_ms = kk_time_mono_ms(self->time);
    if (delay_ms == 0) {
        return KK_OK;
    }
    bool late = request->deadline_ms <= now_ms || request->deadline_ms - now_ms < delay_ms;
    uint64_t until_ms = late ? request->deadline_ms : now_ms + delay_ms;
    out->sent = KK_SENT_MAYBE;
    if (!kk_time_sleep_until(self->time, until_ms, request->cancel)) {
        return fail_request(request, KK_ERR_CANCELLED, "was cancelled while it waited", err);
    }
    return late ? fail_request(request, KK_ERR_TIMEOUT,
                               "took longer, when it was recorded, than it may", err)
                : KK_OK;
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
    code = wait_for(self, request, &answer, out, err);
    return code == KK_OK ? give(request, &answer, out, err) : code;
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

kk_code kk_transport_replay_open(kk_tape *tape, kk_time_source *time, kk_replay_delay delay,
                                 kk_transport **out, kk_error *err)
{
    replay *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for replaying '%s'",
                       kk_tape_path(tape));
    }
    *self = (replay){.base = {&table}, .tape = tape, .time = time, .delay = delay};
    *out = &self->base;
    return KK_OK;
}
