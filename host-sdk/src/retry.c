// Sends a request, and sends it again where that is safe and may help.
#include "retry.h"
#include "fail.h"
#include "retry_after.h"
#include "retry_shared.h"
#include "url.h"

#define BASE_MS UINT64_C(250)
#define BASE_THROTTLED_MS UINT64_C(1000)
#define CAP_MS UINT64_C(10000)

// A time-out speaks against the service only if the service had this long.
#define FAIR_TIME_MS 1000

// The longest that one answer keeps a credential's other requests back.
#define HOLD_MAX_MS UINT64_C(600000)

// One request on its way through its attempts.
typedef struct sending {
    const kk_retry_plan *plan;
    const kk_request *request;
    const char *limited;  // the credential whose rate is kept, or NULL
    uint64_t random;      // state of the jitter
    unsigned made;        // attempts that have ended
    unsigned failed_500;  // of them with status 500
    uint64_t started_ms;  // the attempt that is under way
    kk_attempt attempt;   // the last one
    kk_response response; // its answer
    kk_error err;         // or why there is none
} sending;

static uint64_t now_ms(const sending *self)
{
    return kk_time_mono_ms(self->plan->time);
}

// A failure whose message begins with method, host and path.
static kk_code fail_request(const kk_request *request, kk_code code, const char *problem,
                            kk_error *err)
{
    kk_url url = {0};
    if (kk_url_parse(request->url, &url, NULL) != KK_OK) {
        return kk_fail(err, code, "%s: %s", request->method, problem);
    }
    return kk_fail(err, code, "%s %.*s%.*s: %s", request->method, KK_STR_ARG(url.host),
                   KK_STR_ARG(url.path), problem);
}

// ---- Whether to send again

static bool is_one_of(const char *method, const char *a, const char *b)
{
    return strcmp(method, a) == 0 || strcmp(method, b) == 0;
}

static bool may_repeat_failure(const sending *self)
{
    switch (self->attempt.code) {
    case KK_ERR_DNS:
    case KK_ERR_CONNECT:
    case KK_ERR_RESET:
    case KK_ERR_TRUNCATED:
        // What reads may be read twice; what writes is repeated only if surely nothing was sent.
        return is_one_of(self->request->method, "GET", "HEAD") || self->attempt.sent == KK_SENT_NO;
    default:
        return false;
    }
}

static bool may_repeat_status(const sending *self)
{
    const char *method = self->request->method;
    bool reads = is_one_of(method, "GET", "HEAD");
    switch (self->attempt.status) {
    case 429:
        return true;
    case 503:
        return reads || is_one_of(method, "PUT", "DELETE") || self->attempt.asks_to_wait;
    case 408:
    case 425:
    case 502:
    case 504:
        return reads;
    case 500:
        return reads && self->failed_500 == 1;
    default:
        return false;
    }
}

static uint64_t jitter(sending *self, uint64_t most_ms)
{
    return kk_retry_random(&self->random) % (most_ms + 1);
}

// How long to wait before the next attempt, by the number of those that were made.
static uint64_t back_off(sending *self)
{
    uint64_t base_ms = self->attempt.status == 429 ? BASE_THROTTLED_MS : BASE_MS;
    uint64_t most_ms = base_ms << (self->made - 1);
    uint64_t delay_ms = jitter(self, most_ms < CAP_MS ? most_ms : CAP_MS);
    if (self->attempt.asks_to_wait) {
        uint64_t asked_ms = self->attempt.retry_after_ms;
        delay_ms = (delay_ms > asked_ms ? delay_ms : asked_ms) + jitter(self, asked_ms / 10);
    }
    return delay_ms;
}

// Whether a wait until [until_ms], which may be over by now, is worth beginning.
static bool is_in_time(const sending *self, uint64_t until_ms)
{
    return until_ms < self->request->deadline_ms && until_ms <= now_ms(self) + KK_RETRY_WAIT_MAX_MS;
}

static bool wants_another(const sending *self)
{
    if (self->made == KK_RETRY_ATTEMPTS) {
        return false;
    }
    return self->attempt.code == KK_OK ? may_repeat_status(self) : may_repeat_failure(self);
}

// ---- Waiting

typedef enum admission {
    ADMITTED = 0,
    TOO_LATE,   // the credential's rate or the wait would last too long
    BROKEN_OFF, // the origin's breaker is open
    CANCELLED
} admission;

// Waits for [delay_ms] and for the credential's rate, and asks the breaker.  *wait_ms is how long
// it would take from now if it is refused.
static admission admit(sending *self, uint64_t delay_ms, uint64_t *wait_ms)
{
    kk_retry *shared = self->plan->shared;
    uint64_t begun_ms = now_ms(self);
    uint64_t at_ms = begun_ms + delay_ms;
    if (!is_in_time(self, at_ms)) {
        *wait_ms = delay_ms;
        return delay_ms == 0 ? ADMITTED : TOO_LATE; // a deadline that is over is the transport's
    }
    uint64_t allowed_ms = kk_retry_take(shared, self->limited, begun_ms);
    at_ms = allowed_ms > at_ms ? allowed_ms : at_ms;
    admission result = ADMITTED;
    if (at_ms > begun_ms && !is_in_time(self, at_ms)) {
        *wait_ms = at_ms - begun_ms;
        result = TOO_LATE;
    } else if (at_ms > begun_ms &&
               !kk_time_sleep_until(self->plan->time, at_ms, self->request->cancel)) {
        result = CANCELLED;
    } else if (!kk_retry_admits(shared, self->request->url, now_ms(self), wait_ms)) {
        result = BROKEN_OFF;
    }
    if (result != ADMITTED) {
        kk_retry_give_back(shared, self->limited, now_ms(self));
    }
    self->attempt.delay_ms = now_ms(self) - begun_ms;
    return result;
}

static kk_code fail_cancelled(const sending *self, kk_error *err)
{
    return fail_request(self->request, KK_ERR_CANCELLED,
                        self->made == 0 ? "was cancelled before it was sent"
                                        : "was cancelled while it waited to be sent again",
                        err);
}

// The first attempt was not admitted: nothing was sent.
static kk_code fail_admission(const sending *self, admission refused, uint64_t wait_ms,
                              kk_error *err)
{
    if (refused == CANCELLED) {
        return fail_cancelled(self, err);
    }
    kk_code code = refused == TOO_LATE ? KK_ERR_RATE_LIMITED : KK_ERR_UNAVAILABLE;
    fail_request(self->request, code,
                 refused == TOO_LATE
                     ? "the rate that kk keeps for this credential is used up; nothing was sent"
                     : "the service failed ten times in a row; nothing was sent",
                 err);
    kk_fail_hint(err, "try again in %llu s", (unsigned long long)wait_ms / 1000 + 1);
    if (err != NULL) {
        err->retry_after_ms = wait_ms;
        err->retryable = true;
    }
    return code;
}

// ---- One attempt

static kk_breaker_end judge(const sending *self)
{
    switch (self->attempt.code) {
    case KK_OK:
        return self->attempt.status >= 500 ? KK_BREAKER_FAILURE : KK_BREAKER_SUCCESS;
    case KK_ERR_DNS:
    case KK_ERR_CONNECT:
    case KK_ERR_TLS:
    case KK_ERR_RESET:
    case KK_ERR_TRUNCATED:
        return KK_BREAKER_FAILURE;
    case KK_ERR_TIMEOUT:
        return now_ms(self) - self->started_ms >= FAIR_TIME_MS ? KK_BREAKER_FAILURE
                                                               : KK_BREAKER_NEITHER;
    default:
        return KK_BREAKER_NEITHER;
    }
}

// Tells everybody who keeps count.
static void account_for(sending *self)
{
    kk_retry *shared = self->plan->shared;
    kk_attempt *attempt = &self->attempt;
    kk_retry_note(shared, self->request->url, now_ms(self), judge(self));
    if (attempt->code == KK_OK && attempt->status < 400) {
        kk_retry_earn(shared);
    } else if (attempt->code == KK_ERR_TIMEOUT) {
        kk_retry_lose(shared);
    }
    if (attempt->status == 429) {
        uint64_t asked_ms = attempt->retry_after_ms;
        kk_retry_slow_down(shared, self->limited, now_ms(self),
                           asked_ms < HOLD_MAX_MS ? asked_ms : HOLD_MAX_MS);
    }
    self->plan->note(self->plan->context, attempt);
}

static void try_once(sending *self)
{
    kk_transport *transport = self->plan->transport;
    kk_attempt *attempt = &self->attempt;
    self->err = (kk_error){0};
    self->response = (kk_response){0};
    self->started_ms = now_ms(self);
    attempt->code = transport->table->send(transport, self->request, &self->response, &self->err);
    attempt->sent = self->response.sent;
    attempt->status = attempt->code == KK_OK ? self->response.status : 0;
    attempt->retry_after_ms = 0;
    attempt->asks_to_wait =
        (attempt->status == 429 || attempt->status == 503) &&
        kk_retry_after(self->response.headers, self->response.header_count,
                       kk_time_unix_ms(self->plan->time), &attempt->retry_after_ms);
    self->made++;
    self->failed_500 += attempt->status == 500;
    account_for(self);
}

// ---- All of them

// Waits for the next attempt.  KK_OK and *goes_on tell what is next; the answer of the last attempt
// is kept until there is another.
static kk_code wait_for_next(sending *self, bool *goes_on, kk_error *err)
{
    kk_transport *transport = self->plan->transport;
    uint64_t wait_ms = 0;
    *goes_on = false;
    if (!wants_another(self)) {
        return KK_OK;
    }
    uint64_t delay_ms = back_off(self);
    if (!is_in_time(self, now_ms(self) + delay_ms) || !kk_retry_afford(self->plan->shared)) {
        return KK_OK;
    }
    admission result = admit(self, delay_ms, &wait_ms);
    if (result == CANCELLED) {
        transport->table->response_clean(transport, &self->response);
        return fail_cancelled(self, err);
    }
    *goes_on = result == ADMITTED;
    if (*goes_on) {
        transport->table->response_clean(transport, &self->response);
    }
    return KK_OK;
}

kk_code kk_retry_send(const kk_retry_plan *plan, const kk_request *request, kk_response *out,
                      kk_error *err)
{
    sending self = {.plan = plan,
                    .request = request,
                    .limited = plan->is_limited ? request->credential.value : NULL,
                    .random = kk_retry_seed(plan->shared)};
    uint64_t wait_ms = 0;
    *out = (kk_response){.sent = KK_SENT_NO};
    admission first = admit(&self, 0, &wait_ms);
    if (first != ADMITTED) {
        return fail_admission(&self, first, wait_ms, err);
    }
    for (bool goes_on = true; goes_on;) {
        try_once(&self);
        kk_code code = wait_for_next(&self, &goes_on, err);
        if (code != KK_OK) {
            return code;
        }
    }
    if (self.attempt.code != KK_OK && err != NULL && err->code == KK_OK) {
        *err = self.err;
    }
    *out = self.response;
    return self.attempt.code;
}
