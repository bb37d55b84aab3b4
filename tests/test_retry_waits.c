// When a request is sent again: after how long, not after how long, and what ends the wait.
#include "retry_script.h"
#include "unit.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// ---- How long

enum { DRAWS = 4000, CLASSES = 16 };

// The delays before attempt number [made] of a request that always ends as [only] does, each from
// another seed.
static void draw_delays(step only, unsigned made, uint64_t *delays, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        world self;
        begin(&self, false);
        self.shared = kk_retry_new(i);
        (void)send_one(&self, only);
        assert_int_equal(self.sends, KK_RETRY_ATTEMPTS);
        assert_int_equal(self.attempts[0].delay_ms, 0);
        delays[i] = self.attempts[made].delay_ms;
        end(&self);
    }
}

// Chi-square over 16 classes of the numbers from 0 to [span]; 40 is exceeded by a uniform source
// once in 2 000.
static void assert_uniform(const uint64_t *delays, size_t count, uint64_t span)
{
    size_t counts[CLASSES] = {0};
    size_t widths[CLASSES] = {0};
    double sum = 0;
    for (uint64_t number = 0; number <= span; number++) {
        widths[number * CLASSES / (span + 1)]++;
    }
    for (size_t i = 0; i < count; i++) {
        assert_in_range(delays[i], 0, span);
        counts[delays[i] * CLASSES / (span + 1)]++;
    }
    for (size_t i = 0; i < CLASSES; i++) {
        double expected = (double)(widths[i] * count) / (double)(span + 1);
        double off = (double)counts[i] - expected;
        sum += off * off / expected;
    }
    if (sum >= 40) {
        fail_msg("chi-square of the delays up to %d ms is %f", (int)span, sum);
    }
}

// Full jitter: any part of a span that doubles, and is four times as long after a 429.
static void test_retry_waits__delays_are_uniform_parts_of_a_growing_span(void **state)
{
    (void)state;
    static uint64_t delays[DRAWS];
    static const struct {
        step only;
        uint64_t base_ms;
    } rows[] = {{{.status = 502}, 250},
                {{.code = KK_ERR_RESET, .sent = KK_SENT_MAYBE}, 250},
                {{.status = 429}, 1000}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned made = 1; made < KK_RETRY_ATTEMPTS; made++) {
            draw_delays(rows[i].only, made, delays, DRAWS);
            assert_uniform(delays, DRAWS, rows[i].base_ms << (made - 1));
        }
    }
}

static void test_retry_waits__a_tenth_of_jitter_follows_retry_after(void **state)
{
    (void)state;
    static uint64_t delays[DRAWS];
    draw_delays((step){.status = 503, .retry_after = "18"}, 1, delays, DRAWS);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_in_range(delays[i], 18000, 19800);
        delays[i] -= 18000;
    }
    assert_uniform(delays, DRAWS, 1800);
}

// What we would have waited by ourselves, where that is longer than what was asked for.
static void test_retry_waits__short_retry_after_shortens_nothing(void **state)
{
    (void)state;
    static uint64_t delays[DRAWS];
    uint64_t longest_ms = 0;
    draw_delays((step){.status = 429, .retry_after = "0.1"}, 1, delays, DRAWS);
    for (size_t i = 0; i < DRAWS; i++) {
        assert_in_range(delays[i], 100, 1010);
        longest_ms = delays[i] > longest_ms ? delays[i] : longest_ms;
    }
    assert_true(longest_ms > 950);
}

static void test_retry_waits__retry_after_is_kept_to(void **state)
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

static void test_retry_waits__a_wait_that_is_too_long_is_not_begun(void **state)
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

static void test_retry_waits__deadline_covers_all_attempts(void **state)
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
static void test_retry_waits__cancelling_ends_a_wait_at_once(void **state)
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

// The credential is held back for 50 s; who waits for it has sent nothing.
static void test_retry_waits__cancelling_ends_a_wait_for_the_rate(void **state)
{
    (void)state;
    world self;
    pthread_t thread;
    begin(&self, true);
    kk_time_free(self.time);
    self.time = kk_time_real();
    self.is_limited = true;
    uint64_t before_ms = kk_time_mono_ms(self.time);
    self.request.deadline_ms = before_ms + 20000;
    assert_ok(send_one(&self, (step){.status = 429, .retry_after = "50"}), &self.err);
    self.request.deadline_ms = UINT64_MAX;
    self.request.cancel = kk_cancel_new();
    assert_non_null(self.request.cancel);
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, self.request.cancel), 0);
    assert_code(send_one(&self, (step){.status = 200}), KK_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_true(kk_time_mono_ms(self.time) - before_ms < 25000);
    assert_int_equal(self.sends, 0);
    assert_int_equal(self.attempt_count, 0);
    assert_int_equal(self.response.sent, KK_SENT_NO);
    assert_string_equal(self.err.message, "GET api.example/v1/x: was cancelled before it was sent");
    kk_cancel_free(self.request.cancel);
    end(&self);
}

// ---- Many at once

enum { WORKERS = 8, SENDS_MAX = 10000 };

// A service that is asked by eight threads for ten minutes, and fails now and then.
typedef struct crowd {
    kk_transport base;
    kk_retry_plan plan;
    atomic_size_t sends;
    uint64_t sent_ms[SENDS_MAX];
} crowd;

static kk_code crowd_send(kk_transport *base, const kk_request *request, kk_response *out,
                          kk_error *err)
{
    crowd *self = (crowd *)base;
    size_t at = atomic_fetch_add(&self->sends, 1);
    (void)request, (void)err;
    if (at < SENDS_MAX) {
        self->sent_ms[at] = kk_time_mono_ms(self->plan.time);
    }
    *out =
        (kk_response){.sent = KK_SENT_YES, .status = at % 5 == 4 ? 502 : 200, .body = KK_STR("")};
    return KK_OK;
}

static void crowd_clean(kk_transport *base, kk_response *response)
{
    (void)base;
    *response = (kk_response){0};
}

static const kk_transport_table crowd_table = {"crowd", crowd_send, crowd_clean, NULL};

static void note_nothing(void *context, const kk_attempt *attempt)
{
    (void)context, (void)attempt;
}

static void *send_for_ten_minutes(void *context)
{
    crowd *self = context;
    size_t failed = 0;
    while (kk_time_mono_ms(self->plan.time) < 600000) {
        kk_request request = {.method = "GET",
                              .url = "https://api.example/v1/x",
                              .deadline_ms = UINT64_MAX,
                              .credential = {"Authorization", "tkn_CANARY"}};
        kk_response response = {0};
        kk_error err = {0};
        failed += kk_retry_send(&self->plan, &request, &response, &err) != KK_OK;
    }
    return (void *)failed;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

// The bucket gives 500 a minute at most; each worker may still hold one that it was given earlier.
static void test_retry_waits__eight_workers_keep_one_rate(void **state)
{
    (void)state;
    static crowd self;
    pthread_t threads[WORKERS];
    self = (crowd){.base = {&crowd_table}};
    self.plan = (kk_retry_plan){.transport = &self.base,
                                .time = kk_time_virtual(0),
                                .shared = kk_retry_new(1),
                                .is_limited = true,
                                .note = note_nothing};
    for (size_t i = 0; i < WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_for_ten_minutes, &self), 0);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    size_t count = atomic_load(&self.sends);
    assert_in_range(count, 4000, 4900);
    qsort(self.sent_ms, count, sizeof *self.sent_ms, compare);
    for (size_t first = 0, last = 0; last < count; last++) {
        while (self.sent_ms[last] - self.sent_ms[first] >= 60000) {
            first++;
        }
        assert_in_range(last - first + 1, 1, 500 + WORKERS);
    }
    kk_retry_free(self.plan.shared);
    kk_time_free(self.plan.time);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_waits__delays_are_uniform_parts_of_a_growing_span),
        cmocka_unit_test(test_retry_waits__a_tenth_of_jitter_follows_retry_after),
        cmocka_unit_test(test_retry_waits__short_retry_after_shortens_nothing),
        cmocka_unit_test(test_retry_waits__retry_after_is_kept_to),
        cmocka_unit_test(test_retry_waits__a_wait_that_is_too_long_is_not_begun),
        cmocka_unit_test(test_retry_waits__deadline_covers_all_attempts),
        cmocka_unit_test(test_retry_waits__cancelling_ends_a_wait_at_once),
        cmocka_unit_test(test_retry_waits__cancelling_ends_a_wait_for_the_rate),
        cmocka_unit_test(test_retry_waits__eight_workers_keep_one_rate),
    };
    return cmocka_run_group_tests_name("retry_waits", tests, retry_set_up, NULL);
}
