// The bucket of a credential and the breaker of an origin, by a clock that the test moves.
#include "breaker.h"
#include "rate.h"
#include "unit.h"
#include <stdlib.h>

static void test_rate__burst_goes_at_once_and_the_rest_at_the_rate(void **state)
{
    (void)state;
    kk_rate rate;
    kk_rate_init(&rate, 1000);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kk_rate_take(&rate, 1000), 1000);
    }
    for (uint64_t i = 1; i <= 16; i++) {
        assert_in_range(kk_rate_take(&rate, 1000), 1000 + i * 125, 1001 + i * 125);
    }
}

static void test_rate__what_was_not_used_is_given_back(void **state)
{
    (void)state;
    kk_rate rate;
    kk_rate_init(&rate, 0);
    for (int i = 0; i < 100; i++) {
        (void)kk_rate_take(&rate, 0);
        kk_rate_give_back(&rate);
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kk_rate_take(&rate, 0), 0);
    }
    assert_true(kk_rate_take(&rate, 0) > 0);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

// Eight workers that send as fast as they may, for ten minutes.
static void test_rate__no_minute_sees_more_than_six_hundred(void **state)
{
    (void)state;
    enum { WORKERS = 8, SENDS_MAX = 10000 };
    static uint64_t sent_ms[SENDS_MAX];
    uint64_t free_ms[WORKERS] = {0};
    size_t count = 0;
    kk_rate rate;
    kk_rate_init(&rate, 0);
    for (;;) {
        size_t next = 0;
        for (size_t i = 1; i < WORKERS; i++) {
            next = free_ms[i] < free_ms[next] ? i : next;
        }
        if (free_ms[next] >= 600000) {
            break;
        }
        free_ms[next] = kk_rate_take(&rate, free_ms[next]);
        assert_true(count < SENDS_MAX);
        sent_ms[count++] = free_ms[next];
    }
    qsort(sent_ms, count, sizeof *sent_ms, compare);
    for (size_t first = 0, last = 0; last < count; last++) {
        while (sent_ms[last] - sent_ms[first] >= 60000) {
            first++;
        }
        assert_in_range(last - first + 1, 1, 500);
    }
    assert_in_range(count, 4800, 4900);
}

static void test_rate__objection_halves_the_rate_and_it_grows_back(void **state)
{
    (void)state;
    kk_rate rate;
    kk_rate_init(&rate, 0);
    kk_rate_slow_down(&rate, 0, 0);
    assert_in_range(kk_rate_take(&rate, 0), 250, 251);
    kk_rate_init(&rate, 0);
    for (int i = 0; i < 20; i++) {
        kk_rate_slow_down(&rate, 0, 0);
    }
    assert_in_range(kk_rate_take(&rate, 0), 2000, 2001); // never slower than one in two seconds
    // An hour later it is as if nothing had been, with no more than one burst saved.
    for (int i = 0; i < 20; i++) {
        assert_int_equal(kk_rate_take(&rate, 3600000), 3600000);
    }
    assert_in_range(kk_rate_take(&rate, 3600000), 3600125, 3600126);
}

static void test_rate__objection_holds_everybody_back(void **state)
{
    (void)state;
    kk_rate rate;
    kk_rate_init(&rate, 0);
    kk_rate_slow_down(&rate, 100, 5000);
    kk_rate_slow_down(&rate, 200, 10); // the longer one counts
    assert_int_equal(kk_rate_take(&rate, 300), 5100);
    assert_int_equal(kk_rate_take(&rate, 6000), 6000);
}

static void test_breaker__opens_after_ten_failures_in_a_row(void **state)
{
    (void)state;
    kk_breaker breaker = {0};
    uint64_t wait_ms = 0;
    for (int i = 0; i < 9; i++) {
        assert_true(kk_breaker_admits(&breaker, 0, &wait_ms));
        kk_breaker_note(&breaker, 0, KK_BREAKER_FAILURE);
    }
    kk_breaker_note(&breaker, 0, KK_BREAKER_SUCCESS); // no longer in a row
    for (int i = 0; i < 10; i++) {
        assert_true(kk_breaker_admits(&breaker, 1000, &wait_ms));
        kk_breaker_note(&breaker, 1000, KK_BREAKER_NEITHER);
        kk_breaker_note(&breaker, 1000, KK_BREAKER_FAILURE);
    }
    assert_false(kk_breaker_admits(&breaker, 2000, &wait_ms));
    assert_int_equal(wait_ms, 29000);
}

static kk_breaker open_breaker(void)
{
    kk_breaker breaker = {0};
    for (int i = 0; i < 10; i++) {
        kk_breaker_note(&breaker, 0, KK_BREAKER_FAILURE);
    }
    return breaker;
}

static void test_breaker__one_tries_for_all(void **state)
{
    (void)state;
    kk_breaker breaker = open_breaker();
    uint64_t wait_ms = 0;
    assert_true(kk_breaker_admits(&breaker, 30000, &wait_ms));
    assert_false(kk_breaker_admits(&breaker, 30000, &wait_ms));
    assert_int_equal(wait_ms, 1000);
    kk_breaker_note(&breaker, 30500, KK_BREAKER_FAILURE);
    assert_false(kk_breaker_admits(&breaker, 60000, &wait_ms));
    assert_int_equal(wait_ms, 500);
    assert_true(kk_breaker_admits(&breaker, 60500, &wait_ms));
    kk_breaker_note(&breaker, 60600, KK_BREAKER_NEITHER); // cancelled: the next one tries
    assert_true(kk_breaker_admits(&breaker, 60600, &wait_ms));
    kk_breaker_note(&breaker, 60700, KK_BREAKER_SUCCESS);
    for (int i = 0; i < 9; i++) {
        assert_true(kk_breaker_admits(&breaker, 60700, &wait_ms));
        kk_breaker_note(&breaker, 60700, KK_BREAKER_FAILURE);
    }
    assert_true(kk_breaker_admits(&breaker, 60700, &wait_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate__burst_goes_at_once_and_the_rest_at_the_rate),
        cmocka_unit_test(test_rate__what_was_not_used_is_given_back),
        cmocka_unit_test(test_rate__no_minute_sees_more_than_six_hundred),
        cmocka_unit_test(test_rate__objection_halves_the_rate_and_it_grows_back),
        cmocka_unit_test(test_rate__objection_holds_everybody_back),
        cmocka_unit_test(test_breaker__opens_after_ten_failures_in_a_row),
        cmocka_unit_test(test_breaker__one_tries_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
