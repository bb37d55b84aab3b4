// The pipeline of a call, with a plugin that does whatever a test asks for.
#include "probe_host.h"
#include <stdlib.h>

// ---- Arguments and results

static void test_host__result_is_what_the_tool_wrote(void **state)
{
    (void)state;
    assert_ok(call("probe.echo", "{\"name\" : \"a\", \"rows\":[1e400, 18446744073709551616]}"),
              &last_err);
    assert_string_equal(kk_result_data(last_result, NULL),
                        "{\"name\":\"a\",\"rows\":[1e400, 18446744073709551616]}");
    assert_string_equal(envelope_at("/success"), "true");
    assert_string_equal(envelope_at("/error"), "null");
    assert_string_equal(envelope_at("/function"), "\"probe.echo\"");
    assert_string_equal(envelope_at("/meta/account"), "\"environment\"");
    assert_string_equal(envelope_at("/meta/policy"), "\"allow\"");
    assert_string_equal(envelope_at("/meta/attempts"), "[]");
}

static void test_host__arguments_are_checked_first(void **state)
{
    (void)state;
    assert_code(call("probe.echo", "{}"), KK_ERR_INVALID_ARGS);
    assert_code(call("probe.echo", "{\"name\":\"..\"}"), KK_ERR_INVALID_ARGS);
    assert_string_equal(last_err.argument, "/name");
    assert_holds(last_err.message, "nothing was sent");
    assert_code(call("probe.echo", "{\"name\":\"a\",\"nmae\":1}"), KK_ERR_INVALID_ARGS);
    assert_code(call("probe.echo", "{\"name\":\"a\",\"name\":\"b\"}"), KK_ERR_INVALID_ARGS);
    assert_code(call("probe.echo", "{\"name\":\"a\"} x"), KK_ERR_INVALID_ARGS);
    assert_code(call("probe.echo", "nonsense"), KK_ERR_INVALID_ARGS);
    assert_code(call("probe.ecko", "{}"), KK_ERR_UNKNOWN_FUNCTION);
    assert_holds(last_err.hint, "echo");
    assert_code(call("prob.echo", "{}"), KK_ERR_UNKNOWN_PLUGIN);
    assert_code(call(NULL, "{}"), KK_ERR_UNKNOWN_FUNCTION);
    assert_string_equal(envelope_at("/data"), "null");
    assert_int_equal(script.sends, 0);
}

static void test_host__fields_are_taken_out_and_applied(void **state)
{
    (void)state;
    assert_ok(call("probe.echo",
                   "{\"fields\":[\"a\"],\"name\":\"n\",\"rows\":[{\"a\":1,\"b\":2},{\"b\":3}]}"),
              &last_err);
    assert_string_equal(kk_result_data(last_result, NULL),
                        "{\"name\":\"n\",\"rows\":[{\"a\":1},{}]}");
    assert_code(call("probe.echo", "{\"fields\":\"a\",\"name\":\"n\"}"), KK_ERR_INVALID_ARGS);
}

static void test_host__secrets_in_the_output_are_masked(void **state)
{
    (void)state;
    assert_ok(call("probe.echo",
                   "{\"name\":\"n\",\"token\":\"s3cret\",\"rows\":[{\"token\":\"s3cret\"}]}"),
              &last_err);
    assert_null(strstr(kk_result_data(last_result, NULL), "s3cret"));
    assert_holds(kk_result_data(last_result, NULL), "\"rows\":[{\"token\":\"[masked]\"}]");
}

static void test_host__output_has_to_be_one_json_value(void **state)
{
    (void)state;
    const char *const bad[] = {
        "{\"times\":0,\"text\":\"\"}",
        "{\"times\":1,\"text\":\"nonsense\"}",
        "{\"times\":2,\"text\":\"{}\"}",
        "{\"times\":1,\"text\":\"{\\\"a\\\":\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_code(call("probe.say", bad[i]), KK_ERR_BAD_OUTPUT);
        assert_string_equal(kk_result_data(last_result, NULL), "null");
    }
    assert_ok(call("probe.say", "{\"times\":1,\"text\":\"7\"}"), &last_err);
    assert_string_equal(kk_result_data(last_result, NULL), "7");
}

static void test_host__output_has_a_limit(void **state)
{
    (void)state;
    kk_buf args = {.limit = KK_TEXT_MAX};
    kk_buf_append_text(&args, "{\"times\":2000,\"text\":\"");
    for (int i = 0; i < 50000; i++) {
        kk_buf_append_byte(&args, '1');
    }
    kk_buf_append_text(&args, "\"}");
    assert_code(call("probe.say", kk_buf_text(&args)), KK_ERR_TOO_LARGE);
    kk_buf_clean(&args);
}

// ---- Failures

static void test_host__failure_keeps_what_the_tool_said(void **state)
{
    (void)state;
    assert_code(call("probe.fail", "{\"code\":3,\"returned\":3,\"flags\":1,\"message\":\"taken\"}"),
                KK_ERR_CONFLICT);
    assert_string_equal(last_err.message, "taken");
    assert_string_equal(last_err.hint, "a hint");
    assert_string_equal(last_err.api_code, "teapot");
    assert_string_equal(last_err.argument, "/code");
    assert_int_equal(last_err.http_status, 418);
    assert_int_equal(last_err.retry_after_ms, 1500);
    assert_true(last_err.retryable);
    assert_string_equal(envelope_at("/error/code"), "\"conflict\"");
    assert_string_equal(envelope_at("/error/effect"), "\"none\"");
    assert_code(call("probe.fail", "{\"code\":8,\"returned\":8,\"flags\":3}"), KK_ERR_REJECTED);
    assert_int_equal(last_err.effect, KK_EFFECT_UNKNOWN);
    assert_false(last_err.retryable);
}

static void test_host__odd_returns_are_failures_too(void **state)
{
    (void)state;
    assert_code(call("probe.fail", "{\"code\":3,\"returned\":0}"), KK_ERR_INTERNAL);
    assert_code(call("probe.fail", "{\"code\":0,\"returned\":6}"), KK_ERR_RATE_LIMITED);
    assert_code(call("probe.fail", "{\"code\":0,\"returned\":4711}"), KK_ERR_INTERNAL);
    assert_holds(last_err.message, "4711");
    assert_code(call("probe.fail", "{\"code\":70000,\"returned\":70000}"), KK_ERR_INTERNAL);
    assert_holds(last_err.message, "70000");
}

static void test_host__failed_send_is_reported_in_full(void **state)
{
    (void)state;
    const char *args = "{\"method\":\"GET\",\"url\":\"https://probe.example/"
                       "x\",\"credential\":\"probe\",\"pass\":1}";
    kk_probe_stop_time();
    script.code = KK_ERR_RESET;
    script.sent = KK_SENT_MAYBE;
    assert_code(call("probe.fetch", args), KK_ERR_RESET);
    assert_string_equal(last_err.message, "the script says so");
    assert_true(last_err.retryable);
    assert_string_equal(envelope_at("/meta/attempts/0"),
                        "{\"status\":0,\"error\":\"reset\",\"delay_ms\":0}");
    assert_string_equal(envelope_at("/meta/attempts/3/error"), "\"reset\"");
    assert_int_equal(script.sends, 4);
    assert_code(call("probe.fetch",
                     "{\"method\":\"GET\",\"url\":\"https://probe.example/x\",\"credential\":"
                     "\"probe\",\"say\":\"lost it\"}"),
                KK_ERR_RESET);
    assert_string_equal(last_err.message, "lost it");
}

static void test_host__effect_is_what_the_transport_saw(void **state)
{
    (void)state;
    const char *args = "{\"method\":\"POST\",\"url\":\"https://probe.example/"
                       "x\",\"credential\":\"probe\",\"pass\":1}";
    script.code = KK_ERR_RESET;
    script.sent = KK_SENT_MAYBE;
    assert_code(call_approved("probe.post", args), KK_ERR_RESET);
    assert_int_equal(last_err.effect, KK_EFFECT_UNKNOWN);
    assert_false(last_err.retryable);
    script.code = KK_ERR_CONNECT;
    script.sent = KK_SENT_NO;
    kk_probe_stop_time();
    assert_code(call_approved("probe.post", args), KK_ERR_CONNECT);
    assert_int_equal(last_err.effect, KK_EFFECT_NONE);
    assert_true(last_err.retryable);
    script.code = KK_OK;
    script.sent = KK_SENT_YES;
    script.status = 201;
    script.body = "nonsense";
    assert_code(
        call_approved("probe.post",
                      "{\"method\":\"POST\",\"url\":\"https://probe.example/x\",\"credential\":"
                      "\"probe\",\"show\":\"body\"}"),
        KK_ERR_BAD_OUTPUT);
    assert_int_equal(last_err.effect, KK_EFFECT_DONE);
}

// ---- What a plugin may send

static void test_host__credential_is_added_and_never_shown(void **state)
{
    (void)state;
    script.body = "{\"echo\":\"Probe " KK_PROBE_TOKEN "\"}";
    assert_ok(
        call("probe.fetch",
             "{\"method\":\"GET\",\"url\":\"https://probe.example/x\",\"credential\":\"probe\","
             "\"show\":\"body\"}"),
        &last_err);
    assert_string_equal(script.credential, "X-Probe: Probe " KK_PROBE_TOKEN " {}");
    assert_null(strstr(kk_result_envelope(last_result, NULL), "CANARY"));
    assert_holds(kk_result_data(last_result, NULL), "****");
    assert_ok(call("probe.fetch", "{\"method\":\"GET\",\"url\":\"https://elsewhere.example/x\"}"),
              &last_err);
    assert_string_equal(script.credential, "-: -");
}

static void test_host__echo_of_a_secret_is_hidden_as_json_writes_it_too(void **state)
{
    (void)state;
    const char *args = "{\"method\":\"GET\",\"url\":\"https://probe.example/"
                       "x\",\"credential\":\"probe\",\"show\":\"body\"}";
    static const char *const bodies[] = {
        "tkn/CANARY\\\"01<23", "tkn\\/CANARY\\\"01<23", "tkn\\u002fCANARY\\u002201\\u003C23",
        "\\u0074kn/CANARY\\\"01<2\\u0033", "\\\\tkn\\/CANARY\\\"01<23\\\\"};
    setenv("KK_CRED__PROBE__TOKEN", "tkn/CANARY\"01<23", 1);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"echo\":\"%s\",\"rest\":\"\\u00e9 tkn\\/\"}", bodies[i]);
        script.body = body;
        assert_ok(call("probe.fetch", args), &last_err);
        assert_null(strstr(kk_result_data(last_result, NULL), "CANARY"));
        assert_holds(kk_result_data(last_result, NULL), "\\u00e9 tkn\\/");
    }
    assert_string_equal(script.credential, "X-Probe: Probe tkn/CANARY\"01<23 {}");
}

static void test_host__failure_to_send_does_not_repeat_a_secret(void **state)
{
    (void)state;
    script.code = KK_ERR_REDIRECT_REFUSED;
    script.message = "answered 302, a redirect to " KK_PROBE_TOKEN ".evil.example";
    assert_code(call("probe.fetch",
                     "{\"method\":\"GET\",\"url\":\"https://probe.example/x\",\"credential\":"
                     "\"probe\",\"pass\":1}"),
                KK_ERR_REDIRECT_REFUSED);
    assert_holds(last_err.message, "****.evil.example");
    assert_null(strstr(kk_result_envelope(last_result, NULL), "CANARY"));
}

static void test_host__requests_that_break_the_contract_are_not_sent(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        int status;
    } cases[] = {
        {"\"method\":\"POST\",\"url\":\"https://probe.example/\"", KK_E_CONTRACT},
        {"\"method\":\"DELETE\",\"url\":\"https://probe.example/\"", KK_E_CONTRACT},
        {"\"method\":\"get\",\"url\":\"https://probe.example/\"", KK_E_CONTRACT},
        {"\"method\":\"GET \",\"url\":\"https://probe.example/\"", KK_E_CONTRACT},
        {"\"url\":\"https://probe.example/\"", KK_E_CONTRACT},
        {"\"method\":\"GET\"", KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"/x\"", KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/v1/../x\"", KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/v1/%2e%2E/x\"", KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://u:p@probe.example/\"", KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/\\r\\nX: y\"", KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"http://probe.example/\"", KK_E_ORIGIN_DENIED},
        {"\"method\":\"GET\",\"url\":\"http://127.0.0.1/\"", KK_E_ORIGIN_DENIED},
        {"\"method\":\"GET\",\"url\":\"https://probe.example.evil.example/"
         "\",\"credential\":\"probe\"",
         KK_E_ORIGIN_DENIED},
        {"\"method\":\"GET\",\"url\":\"https://probe.example:444/\",\"credential\":\"probe\"",
         KK_E_ORIGIN_DENIED},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/\",\"credential\":\"other\"",
         KK_E_NOT_GRANTED},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/"
         "\",\"header\":\"Authorization\",\"value\":\"x\"",
         KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/"
         "\",\"header\":\"x-probe\",\"value\":\"x\"",
         KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/"
         "\",\"header\":\"Cookie\",\"value\":\"x\"",
         KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/\",\"header\":\"A b\",\"value\":\"x\"",
         KK_E_CONTRACT},
        {"\"method\":\"GET\",\"url\":\"https://probe.example/"
         "\",\"header\":\"A\",\"value\":\"x\\r\\nB: y\"",
         KK_E_CONTRACT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char args[512], wanted[64];
        snprintf(args, sizeof args, "{%s}", cases[i].args);
        snprintf(wanted, sizeof wanted, "{\"sent\":%d,\"status\":0}", cases[i].status);
        assert_ok(call("probe.fetch", args), &last_err);
        assert_string_equal(kk_result_data(last_result, NULL), wanted);
    }
    assert_int_equal(script.sends, 0);
    assert_ok(
        call("probe.fetch",
             "{\"method\":\"GET\",\"url\":\"https://probe.example/\",\"header\":\"A\",\"value\":"
             "\"x\"}"),
        &last_err);
    assert_int_equal(script.sends, 1);
}

// Of HTTP's methods a tool that writes has six.
static void test_host__other_methods_are_not_sent(void **state)
{
    (void)state;
    static const char *const methods[] = {"OPTIONS",  "TRACE", "CONNECT",
                                          "PROPFIND", "post",  "POST /x HTTP/1.1\\r\\nX: y\\r\\n"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char args[256], wanted[64];
        snprintf(args, sizeof args, "{\"method\":\"%s\",\"url\":\"https://probe.example/\"}",
                 methods[i]);
        snprintf(wanted, sizeof wanted, "{\"sent\":%d,\"status\":0}", KK_E_CONTRACT);
        assert_ok(call_approved("probe.post", args), &last_err);
        assert_string_equal(kk_result_data(last_result, NULL), wanted);
    }
    assert_int_equal(script.sends, 0);
}

// ---- Policy

static bool answer_yes(void *context, const char *function, const char *account, const char *args)
{
    ++*(int *)context;
    return strcmp(function, "probe.post") == 0 && strcmp(account, "environment") == 0 &&
           args[0] == '{';
}

static bool answer_no(void *context, const char *function, const char *account, const char *args)
{
    (void)function;
    (void)account;
    (void)args;
    ++*(int *)context;
    return false;
}

static void test_host__write_needs_a_yes(void **state)
{
    (void)state;
    const char *args =
        "{\"method\":\"POST\",\"url\":\"https://probe.example/\",\"credential\":\"probe\"}";
    int asked = 0;
    assert_code(call("probe.post", args), KK_ERR_APPROVAL_REQUIRED);
    assert_string_equal(envelope_at("/meta/policy"), "\"ask\"");
    assert_code(call_with((kk_call_options){.function = "probe.post",
                                            .args = args,
                                            .approve = answer_no,
                                            .approve_context = &asked}),
                KK_ERR_APPROVAL_REQUIRED);
    // A no that comes of a cancellation is told as that.
    kk_cancel *cancel = kk_cancel_new();
    kk_cancel_raise(cancel);
    assert_code(call_with((kk_call_options){.function = "probe.post",
                                            .args = args,
                                            .cancel = cancel,
                                            .approve = answer_no,
                                            .approve_context = &asked}),
                KK_ERR_CANCELLED);
    assert_holds(last_err.message, "nothing was sent");
    kk_cancel_free(cancel);
    assert_int_equal(script.sends, 0);
    assert_ok(call_with((kk_call_options){.function = "probe.post",
                                          .args = args,
                                          .approve = answer_yes,
                                          .approve_context = &asked}),
              &last_err);
    assert_int_equal(asked, 3);
    assert_ok(call_approved("probe.post", args), &last_err);
    assert_int_equal(script.sends, 2);
    assert_string_equal(envelope_at("/meta/policy"), "\"allow\"");
}

static void test_host__dry_run_stops_before_anything_is_sent(void **state)
{
    (void)state;
    int asked = 0;
    assert_ok(call_with((kk_call_options){.function = "probe.post",
                                          .args = "{}",
                                          .flags = KK_CALL_DRY_RUN,
                                          .approve = answer_yes,
                                          .approve_context = &asked}),
              &last_err);
    assert_string_equal(envelope_at("/meta/policy"), "\"ask\"");
    assert_string_equal(envelope_at("/meta/dry_run"), "true");
    assert_string_equal(envelope_at("/data"), "null");
    assert_int_equal(asked, 0);
    assert_int_equal(script.sends, 0);
    assert_code(call_with((kk_call_options){
                    .function = "probe.echo", .args = "{}", .flags = KK_CALL_DRY_RUN}),
                KK_ERR_INVALID_ARGS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kk_probe_set_up, kk_probe_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_host__result_is_what_the_tool_wrote),
        TEST(test_host__arguments_are_checked_first),
        TEST(test_host__fields_are_taken_out_and_applied),
        TEST(test_host__secrets_in_the_output_are_masked),
        TEST(test_host__output_has_to_be_one_json_value),
        TEST(test_host__output_has_a_limit),
        TEST(test_host__failure_keeps_what_the_tool_said),
        TEST(test_host__odd_returns_are_failures_too),
        TEST(test_host__failed_send_is_reported_in_full),
        TEST(test_host__effect_is_what_the_transport_saw),
        TEST(test_host__credential_is_added_and_never_shown),
        TEST(test_host__echo_of_a_secret_is_hidden_as_json_writes_it_too),
        TEST(test_host__failure_to_send_does_not_repeat_a_secret),
        TEST(test_host__requests_that_break_the_contract_are_not_sent),
        TEST(test_host__other_methods_are_not_sent),
        TEST(test_host__write_needs_a_yes),
        TEST(test_host__dry_run_stops_before_anything_is_sent),
    };
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
