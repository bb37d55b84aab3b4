// What is sent again, and what calls share so that a service is spared.
#include "retry_script.h"
#include "unit.h"

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

// A service that asks for a day is asked again after ten minutes.
static void test_retry__one_answer_holds_back_for_ten_minutes_at_most(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    self.is_limited = true;
    assert_ok(send_one(&self, (step){.status = 429, .retry_after = "86400"}), &self.err);
    assert_int_equal(self.attempts[0].retry_after_ms, 86400000);
    assert_code(send_one(&self, (step){.status = 200}), KK_ERR_RATE_LIMITED);
    assert_int_equal(self.sends, 0);
    assert_int_equal(self.err.retry_after_ms, 600000);
    (void)kk_time_sleep_until(self.time, kk_time_mono_ms(self.time) + 600000, NULL);
    assert_ok(send_one(&self, (step){.status = 200}), &self.err);
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
    for (int i = 0; i < 100; i++) { // which earns nothing while nothing was spent
        assert_ok(send_one(&self, (step){.status = 200}), &self.err);
    }
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

// A time-out costs twice what a retry does, also where it does not speak against the service.
static void test_retry__time_outs_use_the_budget_up(void **state)
{
    (void)state;
    world self;
    begin(&self, true);
    for (int i = 0; i < 49; i++) {
        self.request.deadline_ms = kk_time_mono_ms(self.time) + 500;
        assert_code(send_one(&self, (step){.status = 200, .takes_ms = 600}), KK_ERR_TIMEOUT);
    }
    self.request.deadline_ms = UINT64_MAX;
    // Ten points are left: for two retries, of which each earns one.
    const step steps[] = {{.status = 408}, {.status = 200}};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(send_steps(&self, steps, 2), &self.err);
        assert_int_equal(self.sends, i < 2 ? 2 : 1);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry__policy),
        cmocka_unit_test(test_retry__stops_at_the_first_answer_that_will_do),
        cmocka_unit_test(test_retry__credential_has_one_rate),
        cmocka_unit_test(test_retry__rate_past_the_deadline_sends_nothing),
        cmocka_unit_test(test_retry__one_answer_holds_back_for_ten_minutes_at_most),
        cmocka_unit_test(test_retry__origin_that_only_fails_is_left_alone),
        cmocka_unit_test(test_retry__short_deadlines_do_not_speak_against_the_service),
        cmocka_unit_test(test_retry__budget_is_used_up_and_earned_back),
        cmocka_unit_test(test_retry__time_outs_use_the_budget_up),
        cmocka_unit_test(test_retry__over_a_tape_every_run_is_the_same),
        cmocka_unit_test(test_retry__many_credentials_and_origins),
    };
    return cmocka_run_group_tests(tests, retry_set_up, NULL);
}
