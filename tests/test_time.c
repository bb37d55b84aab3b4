// Cancellation and time.
#include "cancel.h"
#include "time_source.h"
#include "unit.h"
#include <pthread.h>

static void count_wake(void *context)
{
    ++*(int *)context;
}

static void test_cancel__wakes_each_watcher_once(void **state)
{
    (void)state;
    kk_cancel *cancel = kk_cancel_new();
    int first = 0, removed = 0, late = 0;
    kk_cancel_watch watches[] = {{.wake = count_wake, .context = &first},
                                 {.wake = count_wake, .context = &removed},
                                 {.wake = count_wake, .context = &late}};
    kk_cancel_watch_add(cancel, &watches[0]);
    kk_cancel_watch_add(cancel, &watches[1]);
    kk_cancel_watch_remove(cancel, &watches[1]);
    assert_false(kk_cancel_is_raised(cancel));
    kk_cancel_raise(cancel);
    kk_cancel_raise(cancel);
    kk_cancel_watch_add(cancel, &watches[2]);
    assert_true(kk_cancel_is_raised(cancel));
    assert_int_equal(first, 1);
    assert_int_equal(removed, 0);
    assert_int_equal(late, 1);
    kk_cancel_watch_remove(cancel, &watches[0]);
    kk_cancel_watch_remove(cancel, &watches[2]);
    kk_cancel_free(cancel);
    kk_cancel_free(NULL);
    assert_false(kk_cancel_is_raised(NULL));
}

static void test_time__virtual_sleep_moves_the_clock_and_costs_nothing(void **state)
{
    (void)state;
    kk_time_source *time = kk_time_virtual(1000);
    assert_true(kk_time_sleep_until(time, 3600 * 1000, NULL));
    assert_int_equal(kk_time_mono_ms(time), 3600 * 1000);
    assert_int_equal(kk_time_unix_ms(time), 3601 * 1000);
    assert_true(kk_time_sleep_until(time, 5, NULL));
    assert_int_equal(kk_time_mono_ms(time), 3600 * 1000);
    kk_time_free(time);
    kk_time_free(kk_time_real());
}

static void *raise_soon(void *context)
{
    kk_time_sleep_until(kk_time_real(), kk_time_mono_ms(kk_time_real()) + 20, NULL);
    kk_cancel_raise(context);
    return NULL;
}

static void test_time__real_sleep_ends_at_its_time_or_when_cancelled(void **state)
{
    (void)state;
    kk_time_source *time = kk_time_real();
    uint64_t start = kk_time_mono_ms(time);
    assert_true(kk_time_sleep_until(time, start + 20, NULL));
    assert_true(kk_time_mono_ms(time) >= start + 20);

    kk_cancel *cancel = kk_cancel_new();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, cancel), 0);
    assert_false(kk_time_sleep_until(time, kk_time_mono_ms(time) + 3600 * 1000, cancel));
    pthread_join(thread, NULL);
    assert_false(kk_time_sleep_until(time, kk_time_mono_ms(time) + 3600 * 1000, cancel));
    kk_cancel_free(cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel__wakes_each_watcher_once),
        cmocka_unit_test(test_time__virtual_sleep_moves_the_clock_and_costs_nothing),
        cmocka_unit_test(test_time__real_sleep_ends_at_its_time_or_when_cancelled),
    };
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
