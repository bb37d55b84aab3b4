// What a tool's return means: one code, and one record that says why.
#include "outcome.h"
#include "fail.h"
#include <stdio.h>

static const struct {
    kk_status status;
    kk_code code;
} statuses[] = {
    {KK_E_INVALID_ARGS, KK_ERR_INVALID_ARGS},
    {KK_E_NOT_FOUND, KK_ERR_NOT_FOUND},
    {KK_E_CONFLICT, KK_ERR_CONFLICT},
    {KK_E_UNAUTHENTICATED, KK_ERR_UNAUTHENTICATED},
    {KK_E_PERMISSION_DENIED, KK_ERR_PERMISSION_DENIED},
    {KK_E_RATE_LIMITED, KK_ERR_RATE_LIMITED},
    {KK_E_UNAVAILABLE, KK_ERR_UNAVAILABLE},
    {KK_E_UPSTREAM, KK_ERR_REJECTED},
    {KK_E_PROTOCOL, KK_ERR_PROTOCOL},
    {KK_E_TOO_LARGE, KK_ERR_TOO_LARGE},
    {KK_E_UNSUPPORTED, KK_ERR_REJECTED},
    {KK_E_NO_MEMORY, KK_ERR_INTERNAL},
    {KK_E_INTERNAL, KK_ERR_INTERNAL},
    {KK_E_CANCELLED, KK_ERR_CANCELLED},
    {KK_E_DEADLINE, KK_ERR_TIMEOUT},
    {KK_E_PRECONDITION, KK_ERR_REJECTED},
    {KK_E_BAD_OUTPUT, KK_ERR_BAD_OUTPUT},
    {KK_E_CONTRACT, KK_ERR_INTERNAL},
    {KK_E_NOT_GRANTED, KK_ERR_INTERNAL},
    {KK_E_ORIGIN_DENIED, KK_ERR_DENIED},
};

static kk_code code_of(kk_status status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i].status == status) {
            return statuses[i].code;
        }
    }
    return KK_ERR_INTERNAL;
}

kk_status kk_outcome_status(kk_code code)
{
    switch (code) {
    case KK_ERR_DNS:
    case KK_ERR_CONNECT:
    case KK_ERR_TLS:
    case KK_ERR_RESET:
    case KK_ERR_TRUNCATED:
    case KK_ERR_RATE_LIMITED:
    case KK_ERR_UNAVAILABLE:
        return KK_E_UNAVAILABLE;
    case KK_ERR_PROTOCOL:
    case KK_ERR_REDIRECT_REFUSED:
        return KK_E_PROTOCOL;
    case KK_ERR_TOO_LARGE:
        return KK_E_TOO_LARGE;
    case KK_ERR_TIMEOUT:
        return KK_E_DEADLINE;
    case KK_ERR_CANCELLED:
        return KK_E_CANCELLED;
    case KK_ERR_DENIED:
        return KK_E_ORIGIN_DENIED;
    default:
        return KK_E_INTERNAL;
    }
}

// Puts what the plugin said over what the host knows.
static void take_texts(kk_error *err, const kk_error *said)
{
    if (said->message[0] != '\0') {
        kk_text_set(err->message, sizeof err->message, said->message);
    }
    if (said->hint[0] != '\0') {
        kk_text_set(err->hint, sizeof err->hint, said->hint);
    }
    kk_text_set(err->argument, sizeof err->argument, said->argument);
    kk_text_set(err->api_code, sizeof err->api_code, said->api_code);
}

// The service said for how long to stay away, and the host has read it.
static void tell_wait(kk_job *job)
{
    kk_error *err = &job->error;
    if (job->retry_after_ms == 0) {
        return;
    }
    char hint[sizeof err->hint + 96];
    snprintf(hint, sizeof hint, "the service asks to wait %llu s before the next request%s%s",
             (unsigned long long)((job->retry_after_ms + 999) / 1000),
             err->hint[0] != '\0' ? "; " : "", err->hint);
    kk_text_set(err->hint, sizeof err->hint, hint);
    err->retry_after_ms = job->retry_after_ms;
}

static kk_code fail_as_recorded(kk_job *job)
{
    const kk_tool_error *failure = &job->failure;
    kk_code code = code_of(failure->code);
    kk_fail(&job->error, code, "%s", kk_code_meaning(code));
    if (failure->code >= KK_E_VENDOR) {
        snprintf(job->error.message, sizeof job->error.message, "the plugin failed with number %d",
                 (int)failure->code);
    }
    take_texts(&job->error, &job->failure_texts);
    job->error.http_status = (uint16_t)failure->http_status;
    job->error.retry_after_ms = failure->retry_after_ms;
    job->error.retryable = (failure->flags & KK_TOOL_ERROR_RETRYABLE) != 0;
    if (failure->http_status == job->last_status) {
        tell_wait(job);
    }
    return code;
}

// The plugin passes on what a request of its own came to: the host knows that better.
static kk_code fail_as_sent(kk_job *job)
{
    job->error = job->send_error;
    if (job->failed) {
        kk_error said = job->failure_texts;
        // A plugin cannot tell a request that was lost from one that never left, and warns of both.
        said.hint[0] = job->effect == KK_EFFECT_NONE ? '\0' : said.hint[0];
        take_texts(&job->error, &said);
    }
    return job->error.code;
}

static kk_code fail_plainly(kk_job *job, kk_status status)
{
    kk_code code = code_of(status);
    if (code == KK_ERR_TIMEOUT || code == KK_ERR_CANCELLED) {
        return kk_fail(&job->error, code, "'%s' ended early: %s", job->entry->info.function,
                       kk_code_meaning(code));
    }
    return kk_fail(&job->error, code, "%s returned status %d: %s", job->entry->tool->symbol,
                   (int)status, kk_code_meaning(code));
}

// An effect that may have happened makes a blind second try unsafe.  Of a request that failed the
// host knows itself how far it got; of one that was answered the plugin may know more.
static void judge_effect(kk_job *job, bool as_sent)
{
    bool partial = job->failed && (job->failure.flags & KK_TOOL_ERROR_PARTIAL_EFFECT) != 0;
    if (partial && !as_sent && job->effect == KK_EFFECT_NONE) {
        job->effect = KK_EFFECT_UNKNOWN;
    }
    job->error.effect = job->effect;
    if (job->effect != KK_EFFECT_NONE) {
        job->error.retryable = false;
    }
}

static kk_code check_success(kk_job *job)
{
    const char *symbol = job->entry->tool->symbol;
    if (job->failed) {
        return kk_fail(&job->error, KK_ERR_INTERNAL, "%s called fail() and returned 0", symbol);
    }
    if (job->wrote_too_much) {
        return kk_fail(&job->error, KK_ERR_TOO_LARGE, "%s wrote more than %zu bytes", symbol,
                       KK_OUTPUT_MAX);
    }
    return kk_buf_check(&job->output, "the tool's output", &job->error);
}

kk_code kk_outcome_conclude(kk_job *job, kk_status status)
{
    kk_code code;
    bool as_sent = job->send_failed && status == job->send_status &&
                   (!job->failed || job->failure.code == status);
    if (status == KK_E_OK) {
        code = check_success(job);
    } else if (as_sent) {
        code = fail_as_sent(job);
    } else if (job->failed) {
        code = fail_as_recorded(job);
    } else {
        code = fail_plainly(job, status);
    }
    if (code != KK_OK) {
        judge_effect(job, as_sent);
    }
    return code;
}
