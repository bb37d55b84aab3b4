// What is sent again, and when, by a transport from a script and a virtual clock.
#include "retry.h"
#include "retry_shared.h"
#include "secret.h"
#include "unit.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

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

static kk_header retry_after_field[1];

static kk_code script_send(kk_transport *base, const kk_request *request, kk_response *out,
                           kk_error *err)
{
    world *self = (world *)base;
    size_t at = self->sends < self->step_count ? self->sends : self->step_count - 1;
    const step *now = &self->steps[at];
    self->sent_ms[self->sends++ % 64] = kk_time_mono_ms(self->time);
    (void)kk_time_sleep_until(self->time, kk_time_mono_ms(self->time) + now->takes_ms, NULL);
    out->sent = now->code == KK_OK ? KK_SENT_YES : now->sent;
    if (kk_time_mono_ms(self->time) >= request->deadline_ms) {
        *err = (kk_error){.code = KK_ERR_TIMEOUT};
        return KK_ERR_TIMEOUT;
    }
    if (now->code != KK_OK) {
        *err = (kk_error){.code = now->code, .message = "as scripted"};
        return now->code;
    }
    out->status = now->status;
    out->body = KK_STR("");
    if (now->retry_after != NULL) {
        retry_after_field[0] = (kk_header){"retry-after", now->retry_after};
        out->headers = retry_after_field;
        out->header_count = 1;
    }
    return KK_OK;
}

static void script_clean(kk_transport *base, kk_response *response)
{
    ((world *)base)->cleaned += response->status != 0;
    *response = (kk_response){0};
}

static const kk_transport_table script_table = {"script", script_send, script_clean, NULL};

static void note(void *context, const kk_attempt *attempt)
{
    world *self = context;
    self->attempts[self->attempt_count++ % 64] = *attempt;
}

static void begin(world *self, bool is_shared)
{
    *self = (world){.base = {&script_table},
                    .time = kk_time_virtual(INT64_C(1795435200000)),
                    .shared = is_shared ? kk_retry_new(7) : NULL};
    self->request = (kk_request){.method = "GET",
                                 .url = "https://api.example/v1/x?secret=1",
                                 .deadline_ms = UINT64_MAX,
                                 .credential = {"Authorization", "tkn_CANARY"}};
    assert_non_null(self->time);
    // Slots of the tables that were never used are told from such that were used at time 0.
    (void)kk_time_sleep_until(self->time, 1000, NULL);
}

static void end(world *self)
{
    kk_retry_free(self->shared);
    kk_time_free(self->time);
}

static kk_code send_steps(world *self, const step *steps, size_t count)
{
    kk_retry_plan plan = {.transport = &self->base,
                          .time = self->time,
                          .shared = self->shared,
                          .is_limited = self->is_limited,
                          .note = note,
                          .context = self};
    self->steps = steps;
    self->step_count = count;
    self->sends = 0;
    self->attempt_count = 0;
    self->cleaned = 0;
    self->err = (kk_error){0};
    return kk_retry_send(&plan, &self->request, &self->response, &self->err);
}

static kk_code send_one(world *self, step only)
{
    return send_steps(self, &only, 1);
}

// ---- What is sent again

typedef struct policy_row {
    step step;
    int reads, puts, posts; // attempts that are made
} policy_row;

static const policy_row policy[] = {
    {{.status = 200}, 1, 1, 1},
    {{.status = 204}, 1, 1, 1},
    {{.status = 400}, 1, 1, 1},
    {{.status = 401}, 1, 1, 1},
    {{.status = 403}, 1, 1, 1},
    {{.status = 404}, 1, 1, 1},
    {{.status = 408}, 4, 1, 1},
    {{.status = 409}, 1, 1, 1},
    {{.status = 410}, 1, 1, 1},
    {{.status = 422}, 1, 1, 1},
    {{.status = 425}, 4, 1, 1},
    {{.status = 429}, 4, 4, 4},
    {{.status = 429, .retry_after = "1"}, 4, 4, 4},
    {{.status = 500}, 2, 1, 1},
    {{.status = 501}, 1, 1, 1},
    {{.status = 502}, 4, 1, 1},
    {{.status = 503}, 4, 4, 1},
    {{.status = 503, .retry_after = "0.020"}, 4, 4, 4},
    {{.status = 503, .retry_after = "soon"}, 4, 4, 1},
    {{.status = 504}, 4, 1, 1},
    {{.code = KK_ERR_DNS, .sent = KK_SENT_NO}, 4, 4, 4},
    {{.code = KK_ERR_CONNECT, .sent = KK_SENT_NO}, 4, 4, 4},
    {{.code = KK_ERR_TLS, .sent = KK_SENT_NO}, 1, 1, 1},
    {{.code = KK_ERR_RESET, .sent = KK_SENT_NO}, 4, 4, 4},
    {{.code = KK_ERR_RESET, .sent = KK_SENT_MAYBE}, 4, 1, 1},
    {{.code = KK_ERR_TRUNCATED, .sent = KK_SENT_MAYBE}, 4, 1, 1},
    {{.code = KK_ERR_TRUNCATED, .sent = KK_SENT_YES}, 4, 1, 1},
    {{.code = KK_ERR_TIMEOUT, .sent = KK_SENT_MAYBE}, 1, 1, 1},
    {{.code = KK_ERR_TIMEOUT, .sent = KK_SENT_NO}, 1, 1, 1},
    {{.code = KK_ERR_PROTOCOL, .sent = KK_SENT_YES}, 1, 1, 1},
    {{.code = KK_ERR_TOO_LARGE, .sent = KK_SENT_YES}, 1, 1, 1},
    {{.code = KK_ERR_REDIRECT_REFUSED, .sent = KK_SENT_YES}, 1, 1, 1},
    {{.code = KK_ERR_DENIED, .sent = KK_SENT_NO}, 1, 1, 1},
    {{.code = KK_ERR_CANCELLED, .sent = KK_SENT_NO}, 1, 1, 1},
    {{.code = KK_ERR_REPLAY_MISS, .sent = KK_SENT_NO}, 1, 1, 1},
    {{.code = KK_ERR_INTERNAL, .sent = KK_SENT_NO}, 1, 1, 1},
};

static void check_row(const policy_row *row, const char *method, int attempts)
{
    world self;
    begin(&self, true);
    self.request.method = method;
    kk_code code = send_one(&self, row->step);
    if ((int)self.sends != attempts) {
        fail_msg("%s, status %u, failure %s: %zu attempts, not %d", method, row->step.status,
                 kk_code_name(row->step.code), self.sends, attempts);
    }
    assert_code(code, row->step.code);
    assert_code(self.err.code, row->step.code);
    assert_int_equal(self.response.status, row->step.status);
    assert_int_equal(self.attempt_count, self.sends);
    // Every answer but the one that is handed over is released.
    assert_int_equal(self.cleaned, row->step.code == KK_OK ? self.sends - 1 : 0);
    end(&self);
}

static void test_retry__policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policy / sizeof *policy; i++) {
        check_row(&policy[i], "GET", policy[i].reads);
        check_row(&policy[i], "HEAD", policy[i].reads);
        check_row(&policy[i], "PUT", policy[i].puts);
        check_row(&policy[i], "DELETE", policy[i].puts);
        check_row(&policy[i], "POST", policy[i].posts);
        check_row(&policy[i], "PATCH", policy[i].posts);
    }
}

static void test_retry__stops_at_the_first_answer_that_will_do(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    const step steps[] = {
        {.code = KK_ERR_RESET, .sent = KK_SENT_MAYBE}, {.status = 503}, {.status = 200}};
    assert_ok(send_steps(&self, steps, 3), &self.err);
    assert_int_equal(self.response.status, 200);
    assert_int_equal(self.attempt_count, 3);
    assert_code(self.attempts[0].code, KK_ERR_RESET);
    assert_int_equal(self.attempts[0].status, 0);
    assert_int_equal(self.attempts[0].delay_ms, 0);
    assert_int_equal(self.attempts[1].status, 503);
    assert_int_equal(self.attempts[2].status, 200);
    // A write that failed half way is sent once more, although the first failure was harmless.
    const step writes[] = {{.code = KK_ERR_CONNECT, .sent = KK_SENT_NO},
                           {.code = KK_ERR_RESET, .sent = KK_SENT_MAYBE},
                           {.status = 201}};
    self.request.method = "POST";
    assert_code(send_steps(&self, writes, 3), KK_ERR_RESET);
    assert_int_equal(self.sends, 2);
    end(&self);
}

// ---- When

static void test_retry__delays_are_random_parts_of_a_growing_span(void **state)
{
    (void)state;
    uint64_t longest[KK_RETRY_ATTEMPTS] = {0};
    static const uint64_t spans[] = {0, 250, 500, 1000};
    for (int i = 0; i < 200; i++) {
        world self;
        begin(&self, false);
        self.shared = kk_retry_new((uint64_t)i);
        (void)send_one(&self, (step){.status = 502});
        for (size_t n = 0; n < KK_RETRY_ATTEMPTS; n++) {
            uint64_t delay_ms = self.attempts[n].delay_ms;
            assert_in_range(delay_ms, 0, spans[n]);
            longest[n] = delay_ms > longest[n] ? delay_ms : longest[n];
        }
        end(&self);
    }
    for (size_t n = 1; n < KK_RETRY_ATTEMPTS; n++) {
        assert_true(longest[n] > spans[n] * 9 / 10);
    }
}

// Chi-square over 16 classes of equal width; 40 is exceeded by a uniform source once in 2 000.
static void test_retry__jitter_is_uniform(void **state)
{
    (void)state;
    enum { CLASSES = 16, DRAWS = 16000 };
    size_t counts[CLASSES] = {0};
    uint64_t random = 1;
    for (int i = 0; i < DRAWS; i++) {
        counts[kk_retry_random(&random) % 1000 * CLASSES / 1000]++;
    }
    double sum = 0;
    for (int i = 0; i < CLASSES; i++) {
        // How many of the thousand numbers fall into the class.
        int width = (1000 * (i + 1) + 15) / 16 - (1000 * i + 15) / 16;
        double expected = (double)width * DRAWS / 1000;
        double off = (double)counts[i] - expected;
        sum += off * off / expected;
    }
    if (sum >= 40) {
        fail_msg("chi-square is %f", sum);
    }
}

static void test_retry__retry_after_is_kept_to(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    const step steps[] = {{.status = 429, .retry_after = "20"}, {.status = 200}};
    assert_ok(send_steps(&self, steps, 2), &self.err);
    assert_in_range(self.attempts[1].delay_ms, 20000, 22000);
    assert_true(self.attempts[0].asks_to_wait);
    assert_int_equal(self.attempts[0].retry_after_ms, 20000);
    const step dated[] = {{.status = 503, .retry_after = "Mon, 23 Nov 2026 12:01:01 GMT"},
                          {.status = 200}};
    assert_ok(send_steps(&self, dated, 2), &self.err);
    // The clock began at 12:00:00, and has moved since by what the first request took.
    assert_in_range(self.attempts[1].delay_ms, 61000 - 23000, 66000 - 21000);
    end(&self);
}

static void test_retry__a_wait_that_is_too_long_is_not_begun(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    uint64_t before_ms = kk_time_mono_ms(self.time);
    assert_ok(send_one(&self, (step){.status = 429, .retry_after = "61"}), &self.err);
    assert_int_equal(self.sends, 1);
    assert_int_equal(self.response.status, 429);
    self.request.deadline_ms = before_ms + 5000;
    assert_ok(send_one(&self, (step){.status = 503, .retry_after = "5"}), &self.err);
    assert_int_equal(self.sends, 1);
    assert_int_equal(kk_time_mono_ms(self.time), before_ms);
    assert_ok(send_one(&self, (step){.status = 503, .retry_after = "1"}), &self.err);
    assert_in_range(self.sends, 2, 4);
    assert_true(kk_time_mono_ms(self.time) < before_ms + 5000);
    end(&self);
}

static void test_retry__deadline_covers_all_attempts(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    self.request.deadline_ms = kk_time_mono_ms(self.time) + 2500;
    assert_code(send_one(&self, (step){.status = 502, .takes_ms = 1000}), KK_ERR_TIMEOUT);
    assert_in_range(self.sends, 2, 3);
    assert_true(kk_time_mono_ms(self.time) <= 1000 + 2500 + 1000);
    // One that is over already is for the transport to tell.
    self.request.deadline_ms = 1;
    assert_code(send_one(&self, (step){.status = 200}), KK_ERR_TIMEOUT);
    assert_int_equal(self.sends, 1);
    end(&self);
}

// ---- Cancelling

static void *cancel_soon(void *token)
{
    usleep(50000);
    kk_cancel_raise(token);
    return NULL;
}

// Over the real clock: a wait of a minute ends when the flag is raised.
static void test_retry__cancelling_ends_a_wait_at_once(void **state)
{
    (void)state;
    world self;
    pthread_t thread;
    begin(&self, true);
    kk_time_free(self.time);
    self.time = kk_time_real();
    self.request.cancel = kk_cancel_new();
    assert_non_null(self.request.cancel);
    uint64_t before_ms = kk_time_mono_ms(self.time);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, self.request.cancel), 0);
    assert_code(send_one(&self, (step){.status = 503, .retry_after = "50"}), KK_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_true(kk_time_mono_ms(self.time) - before_ms < 25000);
    assert_int_equal(self.sends, 1);
    assert_int_equal(self.cleaned, 1);
    assert_int_equal(self.response.status, 0);
    assert_string_equal(self.err.message, "GET api.example/v1/x: was cancelled while it waited to "
                                          "be sent again");
    kk_cancel_free(self.request.cancel);
    end(&self);
}

// ---- What calls share

static void test_retry__credential_has_one_rate(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    self.is_limited = true;
    uint64_t before_ms = kk_time_mono_ms(self.time);
    for (int i = 0; i < 20; i++) {
        assert_ok(send_one(&self, (step){.status = 200}), &self.err);
        assert_int_equal(self.attempts[0].delay_ms, 0);
    }
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    assert_in_range(self.attempts[0].delay_ms, 125, 126);
    // Another credential, an origin that the manifest does not list, and no credential at all.
    self.request.credential.value = "another";
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    assert_int_equal(self.attempts[0].delay_ms, 0);
    self.request.credential.value = "tkn_CANARY";
    self.is_limited = false;
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    assert_int_equal(self.attempts[0].delay_ms, 0);
    self.is_limited = true;
    self.request.credential = (kk_header){NULL, NULL};
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    assert_int_equal(self.attempts[0].delay_ms, 0);
    assert_in_range(kk_time_mono_ms(self.time) - before_ms, 125, 126);
    end(&self);
}

static void test_retry__rate_past_the_deadline_sends_nothing(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    self.is_limited = true;
    assert_ok(send_one(&self, (step){.status = 429, .retry_after = "300"}), &self.err);
    uint64_t before_ms = kk_time_mono_ms(self.time);
    self.request.deadline_ms = before_ms + 30000;
    for (int i = 0; i < 50; i++) {
        assert_code(send_one(&self, (step){.status = 200}), KK_ERR_RATE_LIMITED);
        assert_int_equal(self.sends, 0);
    }
    assert_int_equal(self.attempt_count, 0);
    assert_int_equal(self.response.sent, KK_SENT_NO);
    assert_int_equal(kk_time_mono_ms(self.time), before_ms);
    assert_true(self.err.retryable);
    assert_int_equal(self.err.retry_after_ms, 300000);
    assert_string_equal(self.err.hint, "try again in 301 s");
    assert_string_equal(self.err.message, "GET api.example/v1/x: the rate that kk keeps for this "
                                          "credential is used up; nothing was sent");
    // What was refused took no token: after the pause requests go at once.
    (void)kk_time_sleep_until(self.time, before_ms + 300000, NULL);
    self.request.deadline_ms = UINT64_MAX;
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    assert_int_equal(self.attempts[0].delay_ms, 0);
    end(&self);
}

static void test_retry__origin_that_only_fails_is_left_alone(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    const step refused = {.code = KK_ERR_CONNECT, .sent = KK_SENT_NO};
    assert_code(send_one(&self, refused), KK_ERR_CONNECT);
    assert_code(send_one(&self, refused), KK_ERR_CONNECT);
    assert_code(send_one(&self, refused),
                KK_ERR_CONNECT); // the tenth failure is its second attempt
    assert_int_equal(self.sends, 2);
    assert_code(send_one(&self, refused), KK_ERR_UNAVAILABLE);
    assert_int_equal(self.sends, 0);
    assert_string_equal(self.err.message, "GET api.example/v1/x: the service failed ten times in a "
                                          "row; nothing was sent");
    assert_in_range(self.err.retry_after_ms, 20000, 30000);
    // Another origin is not concerned; its name is compared without regard to case.
    self.request.url = "https://API.example:444/";
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    self.request.url = "https://API.example:443/";
    assert_code(send_one(&self, (step){.status = 200}), KK_ERR_UNAVAILABLE);
    (void)kk_time_sleep_until(self.time, kk_time_mono_ms(self.time) + 30000, NULL);
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    end(&self);
}

static void test_retry__short_deadlines_do_not_speak_against_the_service(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    for (int i = 0; i < 20; i++) {
        self.request.deadline_ms = kk_time_mono_ms(self.time) + 500;
        assert_code(send_one(&self, (step){.status = 200, .takes_ms = 600}), KK_ERR_TIMEOUT);
    }
    for (int i = 0; i < 10; i++) {
        self.request.deadline_ms = kk_time_mono_ms(self.time) + 1000;
        assert_code(send_one(&self, (step){.status = 200, .takes_ms = 1000}), KK_ERR_TIMEOUT);
    }
    self.request.deadline_ms = UINT64_MAX;
    assert_code(send_one(&self, (step){.status = 200}), KK_ERR_UNAVAILABLE);
    end(&self);
}

// A service that answers each request with 408 and then 200 never opens a breaker; the budget is
// what ends the doubling of its load.
static void test_retry__budget_is_used_up_and_earned_back(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    const step steps[] = {{.status = 408}, {.status = 200}};
    size_t retried = 0;
    for (int i = 0; i < 300; i++) {
        assert_ok(send_steps(&self, steps, 2), &self.err);
        retried += self.sends == 2;
    }
    assert_in_range(retried, 120, 130); // 500 / (5 - 1), and no more
    assert_int_equal(self.response.status, 408);
    for (int i = 0; i < 5; i++) {
        assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    }
    assert_ok(send_steps(&self, steps, 2), &self.err);
    assert_int_equal(self.response.status, 200);
    end(&self);
}

// Where nothing is shared, a thousand requests are alike.
static void test_retry__over_a_tape_every_run_is_the_same(void **state)
{
    (void)state;
    world self;
    begin(&self, false);
    self.is_limited = true;
    uint64_t delays[KK_RETRY_ATTEMPTS] = {0};
    for (int i = 0; i < 1000; i++) {
        assert_ok(send_one(&self, (step){.status = 503, .retry_after = "0.5"}), &self.err);
        assert_int_equal(self.sends, KK_RETRY_ATTEMPTS);
        for (size_t n = 0; n < KK_RETRY_ATTEMPTS; n++) {
            delays[n] = i == 0 ? self.attempts[n].delay_ms : delays[n];
            assert_int_equal(self.attempts[n].delay_ms, delays[n]);
        }
    }
    assert_true(delays[1] >= 500);
    end(&self);
}

// More credentials and origins than are remembered.
static void test_retry__many_credentials_and_origins(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    self.is_limited = true;
    for (int i = 0; i < 1000; i++) {
        char value[32];
        char url[64];
        snprintf(value, sizeof value, "tkn %d", i);
        snprintf(url, sizeof url, "https://h%d.example/", i);
        self.request.credential.value = value;
        self.request.url = url;
        assert_ok(send_one(&self, (step){.status = 200}), &self.err);
        assert_int_equal(self.attempts[0].delay_ms, 0);
        (void)kk_time_sleep_until(self.time, kk_time_mono_ms(self.time) + 1, NULL);
    }
    end(&self);
}

static int start(void **state)
{
    (void)state;
    return kk_secret_start(NULL) == KK_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry__policy),
        cmocka_unit_test(test_retry__stops_at_the_first_answer_that_will_do),
        cmocka_unit_test(test_retry__delays_are_random_parts_of_a_growing_span),
        cmocka_unit_test(test_retry__jitter_is_uniform),
        cmocka_unit_test(test_retry__retry_after_is_kept_to),
        cmocka_unit_test(test_retry__a_wait_that_is_too_long_is_not_begun),
        cmocka_unit_test(test_retry__deadline_covers_all_attempts),
        cmocka_unit_test(test_retry__cancelling_ends_a_wait_at_once),
        cmocka_unit_test(test_retry__credential_has_one_rate),
        cmocka_unit_test(test_retry__rate_past_the_deadline_sends_nothing),
        cmocka_unit_test(test_retry__origin_that_only_fails_is_left_alone),
        cmocka_unit_test(test_retry__short_deadlines_do_not_speak_against_the_service),
        cmocka_unit_test(test_retry__budget_is_used_up_and_earned_back),
        cmocka_unit_test(test_retry__over_a_tape_every_run_is_the_same),
        cmocka_unit_test(test_retry__many_credentials_and_origins),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
