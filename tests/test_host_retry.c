// Retries and limits as the caller of a function sees them, by a scripted transport and a clock
// that only moves when somebody sleeps.
#include "host_private.h"
#include "probe_host.h"

#define TARGET "\"url\":\"https://probe.example/x\",\"credential\":\"probe\",\"pass\":1"
#define GET "{\"method\":\"GET\"," TARGET "}"
#define REFUSE "{\"method\":\"GET\",\"refuse\":6," TARGET "}"
#define POST "{\"method\":\"POST\"," TARGET "}"

static int set_up(void **state)
{
    int result = kk_probe_set_up(state);
    if (result == 0) {
        kk_probe_stop_time();
    }
    return result;
}

static void test_host_retry__a_read_that_was_reset_is_sent_again(void **state)
{
    (void)state;
    script.code = KK_ERR_RESET;
    script.sent = KK_SENT_MAYBE;
    script.failures = 2;
    assert_ok(call("probe.fetch", GET), &last_err);
    assert_int_equal(script.sends, 3);
    assert_string_equal(envelope_at("/meta/attempts/0/error"), "\"reset\"");
    assert_string_equal(envelope_at("/meta/attempts/1/status"), "0");
    assert_string_equal(envelope_at("/meta/attempts/2/status"), "200");
    assert_string_equal(envelope_at("/meta/attempts/2/error"), "null");
}

static void test_host_retry__a_write_that_may_have_happened_is_not(void **state)
{
    (void)state;
    script.code = KK_ERR_RESET;
    script.sent = KK_SENT_MAYBE;
    assert_code(call_approved("probe.post", POST), KK_ERR_RESET);
    assert_int_equal(script.sends, 1);
    assert_string_equal(envelope_at("/error/effect"), "\"unknown\"");
    script.sends = 0;
    script.sent = KK_SENT_NO;
    script.code = KK_ERR_CONNECT;
    script.failures = 1;
    script.status = 201;
    assert_ok(call_approved("probe.post", POST), &last_err);
    assert_int_equal(script.sends, 2);
}

// A write that was turned away, sent again, and lost then.
static void test_host_retry__effect_is_that_of_all_attempts(void **state)
{
    (void)state;
    script.status = 429;
    assert_ok(call_approved("probe.post", POST), &last_err);
    assert_int_equal(script.sends, 4);
    // 503 with Retry-After may be sent again, but whether it did something is not known.
    script.status = 503;
    script.retry_after = "0.5";
    assert_ok(call_approved("probe.post",
                            "{\"method\":\"POST\",\"url\":\"https://probe.example/x\","
                            "\"credential\":\"probe\"}"),
              &last_err);
    assert_int_equal(script.sends, 8);
}

static void test_host_retry__wait_is_told_with_the_error(void **state)
{
    (void)state;
    script.status = 429;
    script.retry_after = "120";
    assert_code(call("probe.fetch", REFUSE), KK_ERR_RATE_LIMITED);
    assert_int_equal(script.sends, 1);
    assert_int_equal(last_err.retry_after_ms, 120000);
    assert_string_equal(last_err.hint,
                        "the service asks to wait 120 s before the next request; a hint");
    // The next call is held back by our own limit, and says how long.
    assert_code(call("probe.fetch", GET), KK_ERR_RATE_LIMITED);
    assert_int_equal(script.sends, 1);
    assert_string_equal(envelope_at("/meta/attempts"), "[]");
    assert_string_equal(envelope_at("/error/retryable"), "true");
    assert_string_equal(envelope_at("/error/effect"), "\"none\"");
    assert_string_equal(envelope_at("/error/hint"), "\"try again in 121 s\"");
}

static void test_host_retry__only_origins_of_the_manifest_are_limited(void **state)
{
    (void)state;
    const char *elsewhere = "{\"method\":\"GET\",\"url\":\"https://elsewhere.example/x\"}";
    for (int i = 0; i < 30; i++) {
        assert_ok(call("probe.fetch", elsewhere), &last_err);
        assert_string_equal(envelope_at("/meta/attempts/0/delay_ms"), "0");
    }
    for (int i = 0; i < 20; i++) {
        assert_ok(call("probe.fetch", GET), &last_err);
        assert_string_equal(envelope_at("/meta/attempts/0/delay_ms"), "0");
    }
    assert_ok(call("probe.fetch", GET), &last_err);
    assert_string_equal(envelope_at("/meta/attempts/0/delay_ms"), "126");
}

static void test_host_retry__dead_service_is_left_alone(void **state)
{
    (void)state;
    script.code = KK_ERR_CONNECT;
    for (int i = 0; i < 3; i++) {
        assert_code(call("probe.fetch", GET), KK_ERR_CONNECT);
    }
    assert_int_equal(script.sends, 10);
    assert_code(call("probe.fetch", GET), KK_ERR_UNAVAILABLE);
    assert_int_equal(script.sends, 10);
    assert_string_equal(envelope_at("/meta/attempts"), "[]");
    assert_holds(last_err.message, "ten times in a row");
    assert_true(last_err.retryable);
    (void)kk_time_sleep_until(probe_host->time, kk_time_mono_ms(probe_host->time) + 30000, NULL);
    script.code = KK_OK;
    assert_ok(call("probe.fetch", GET), &last_err);
}

static void test_host_retry__deadline_of_the_call_ends_the_retries(void **state)
{
    (void)state;
    script.status = 503;
    script.retry_after = "10";
    assert_ok(
        call_with((kk_call_options){.function = "probe.fetch", .args = GET, .timeout_ms = 25000}),
        &last_err);
    assert_int_equal(script.sends, 3);
    assert_true(kk_time_mono_ms(probe_host->time) < 25000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, kk_probe_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_host_retry__a_read_that_was_reset_is_sent_again),
        TEST(test_host_retry__a_write_that_may_have_happened_is_not),
        TEST(test_host_retry__effect_is_that_of_all_attempts),
        TEST(test_host_retry__wait_is_told_with_the_error),
        TEST(test_host_retry__only_origins_of_the_manifest_are_limited),
        TEST(test_host_retry__dead_service_is_left_alone),
        TEST(test_host_retry__deadline_of_the_call_ends_the_retries),
    };
    return cmocka_run_group_tests_name("host_retry", tests, NULL, NULL);
}
