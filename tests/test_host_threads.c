// Deadlines, cancellation and threads of a call.
#include "probe_host.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_host__deadline_ends_a_call_that_listens(void **state)
{
    (void)state;
    double start = now_ms();
    assert_code(
        call_with((kk_call_options){.function = "probe.wait", .args = "{}", .timeout_ms = 100}),
        KK_ERR_TIMEOUT);
    assert_holds(last_err.message, "'probe.wait' ended early");
    assert_false(kk_result_wedged(last_result));
    assert_code(call_with((kk_call_options){
                    .function = "probe.doze", .args = "{\"ms\":60000}", .timeout_ms = 100}),
                KK_ERR_TIMEOUT);
    assert_in_range((int)(now_ms() - start), 190, 2000);
    assert_ok(call("probe.doze", "{\"ms\":20}"), &last_err);
    assert_true(strtol(kk_result_data(last_result, NULL), NULL, 10) >= 20);
}

static void *raise_soon(void *context)
{
    usleep(50000);
    kk_cancel_raise(context);
    return NULL;
}

static void test_host__cancel_ends_a_call_that_listens(void **state)
{
    (void)state;
    const char *const functions[] = {"probe.wait", "probe.doze"};
    for (size_t i = 0; i < 2; i++) {
        kk_cancel *cancel = kk_cancel_new();
        pthread_t thread;
        pthread_create(&thread, NULL, raise_soon, cancel);
        assert_code(call_with((kk_call_options){
                        .function = functions[i], .args = "{\"ms\":20000}", .cancel = cancel}),
                    KK_ERR_CANCELLED);
        pthread_join(thread, NULL);
        assert_code(
            call_with((kk_call_options){.function = "probe.wait", .args = "{}", .cancel = cancel}),
            KK_ERR_CANCELLED);
        kk_cancel_free(cancel);
    }
}

static void *call_count(void *context)
{
    const char *function = context;
    kk_call_options options = {.size = sizeof options, .function = function, .args = "{}"};
    kk_result *own = NULL;
    kk_error own_err = {0};
    long most = kk_host_call(probe_host, &options, &own, &own_err) == KK_OK
                    ? strtol(kk_result_data(own, NULL), NULL, 10)
                    : 1000;
    kk_result_free(own);
    return (void *)most;
}

static long most_at_once(const char *function)
{
    pthread_t threads[8];
    long most = 0;
    for (size_t i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, call_count, (void *)function);
    }
    for (size_t i = 0; i < 8; i++) {
        void *value;
        pthread_join(threads[i], &value);
        most = (long)value > most ? (long)value : most;
    }
    return most;
}

static void test_host__calls_are_serialised_as_the_manifest_says(void **state)
{
    (void)state;
    assert_int_equal(most_at_once("probe_instance.count"), 1);
    assert_int_equal(most_at_once("probe_plugin.count"), 1);
}

static void *call_stuck(void *context)
{
    kk_call_options options = {
        .size = sizeof options, .function = "probe_plugin.stuck", .args = "{\"ms\":600}"};
    kk_result *own = NULL;
    kk_code code = kk_host_call(probe_host, &options, &own, context);
    kk_result_free(own);
    return (void *)(intptr_t)code;
}

static void test_host__waiting_for_a_turn_ends_with_the_time_or_the_cancel(void **state)
{
    (void)state;
    kk_cancel *cancel = kk_cancel_new();
    pthread_t first, canceller;
    kk_error first_err = {0};
    pthread_create(&first, NULL, call_stuck, &first_err);
    usleep(50000);
    assert_code(call_with((kk_call_options){
                    .function = "probe_plugin.count", .args = "{}", .timeout_ms = 50}),
                KK_ERR_TIMEOUT);
    assert_holds(last_err.message, "earlier call");
    assert_false(kk_result_wedged(last_result));
    pthread_create(&canceller, NULL, raise_soon, cancel);
    assert_code(call_with((kk_call_options){
                    .function = "probe_plugin.count", .args = "{}", .cancel = cancel}),
                KK_ERR_CANCELLED);
    assert_false(kk_result_wedged(last_result));
    void *code;
    pthread_join(canceller, NULL);
    pthread_join(first, &code);
    assert_null(code);
    assert_ok(call("probe_plugin.count", "{}"), &last_err);
    kk_cancel_free(cancel);
}

static void *call_echo(void *context)
{
    (void)context;
    long failures = 0;
    for (int i = 0; i < 100; i++) {
        kk_call_options options = {
            .size = sizeof options, .function = "probe.echo", .args = "{\"name\":\"n\"}"};
        kk_result *own = NULL;
        failures += kk_host_call(probe_host, &options, &own, NULL) != KK_OK ||
                    strcmp(kk_result_data(own, NULL), "{\"name\":\"n\"}") != 0;
        kk_result_free(own);
    }
    return (void *)failures;
}

static void test_host__many_threads_may_call(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, call_echo, NULL);
    }
    for (size_t i = 0; i < 8; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
}

static void test_host__undeclared_service_is_not_granted(void **state)
{
    (void)state;
    assert_ok(call("probe.whoami", "{}"), &last_err);
    assert_holds(kk_result_data(last_result, NULL), "\"undeclared\":null");
}

// The last: it leaves a thread that does not come back before the host is given up.
static void test_host__tool_that_never_comes_back_is_left_alone(void **state)
{
    (void)state;
    double start = now_ms();
    assert_code(call_with((kk_call_options){
                    .function = "probe.stuck", .args = "{\"ms\":4000}", .timeout_ms = 100}),
                KK_ERR_TIMEOUT);
    assert_true(kk_result_wedged(last_result));
    assert_in_range((int)(now_ms() - start), 2000, 3900);
    assert_code(call("probe.echo", "{\"name\":\"a\"}"), KK_ERR_TIMEOUT);
    assert_holds(last_err.message, "never ended");
    assert_ok(call("probe_plugin.echo", "{\"name\":\"a\"}"), &last_err);
    usleep(2500000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kk_probe_set_up, kk_probe_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_host__deadline_ends_a_call_that_listens),
        TEST(test_host__cancel_ends_a_call_that_listens),
        TEST(test_host__calls_are_serialised_as_the_manifest_says),
        TEST(test_host__waiting_for_a_turn_ends_with_the_time_or_the_cancel),
        TEST(test_host__many_threads_may_call),
        TEST(test_host__undeclared_service_is_not_granted),
        TEST(test_host__tool_that_never_comes_back_is_left_alone),
    };
    return cmocka_run_group_tests_name("host_threads", tests, NULL, NULL);
}
