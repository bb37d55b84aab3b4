// planetscale.so against a service that fails: each failure becomes one record.
#include "planetscale.h"

// ---- Errors

typedef struct error_case {
    uint32_t status;
    const char *body;
    kk_status code;
    const char *message;
    const char *api_code; // NULL = none
} error_case;

static const error_case error_cases[] = {
    {404, "{\"code\":\"not_found\",\"message\":\"Not Found\"}", KK_E_NOT_FOUND, "Not Found",
     "not_found"},
    {403, "{\"code\":\"forbidden\",\"message\":\"no\\nway\\u0007\"}", KK_E_PERMISSION_DENIED,
     "no way ", "forbidden"},
    {401, "{\"error\":\"invalid_token\",\"error_description\":\"It expired\",\"state\":\"x\"}",
     KK_E_UNAUTHENTICATED, "It expired", "invalid_token"},
    {401, "{\"error\":\"invalid_token\"}", KK_E_UNAUTHENTICATED, "invalid_token", "invalid_token"},
    {409, "{\"code\":\"conflict\",\"message\":\"changed\"}", KK_E_CONFLICT, "changed", "conflict"},
    {422, "{\"code\":\"unprocessable\",\"message\":\"Name is taken\"}", KK_E_UPSTREAM,
     "Name is taken", "unprocessable"},
    {422,
     "{\"errors\":[{\"namespace\":\"q\",\"name\":\"per_page\",\"errors\":[\"is big\",\"is odd\"]},"
     "{\"name\":\"page\",\"errors\":[\"is far\"]}]}",
     KK_E_UPSTREAM, "per_page: is big, is odd; page: is far", NULL},
    {422, "{\"errors\":[\"plain\",7,null,{\"errors\":[1]}]}", KK_E_UPSTREAM, "plain", NULL},
    {400,
     "{\"message\":\"No such shard\",\"available\":{\"keyspaces\":[\"a\",\"b\"],"
     "\"shards\":[\"-80\"]}}",
     KK_E_UPSTREAM, "No such shard; available keyspaces: a, b; available shards: -80", NULL},
    {418, "{\"code\":\"teapot\"}", KK_E_UPSTREAM, "the service answered 418 without saying why",
     "teapot"},
    {404, "{}", KK_E_NOT_FOUND, "the service answered 404 without saying why", NULL},
    {404, "[]", KK_E_NOT_FOUND, "the service answered 404 without saying why", NULL},
    {404, "<html><title>x</title>", KK_E_NOT_FOUND,
     "the service answered 404 with an HTML page in place of JSON", NULL},
    {502, " \n<!DOCTYPE html>", KK_E_UNAVAILABLE,
     "the service answered 502 with an HTML page in place of JSON", NULL},
    {500, "", KK_E_UNAVAILABLE, "the service answered 500 with an empty body in place of JSON",
     NULL},
    {403, "no", KK_E_PERMISSION_DENIED, "the service answered 403 with a body that is not JSON",
     NULL},
    {500, "{\"code\":", KK_E_UNAVAILABLE, "the service answered 500 with a body that is not JSON",
     NULL},
    {422, "{\"code\":\"odd\",\"message\":\"a\\u0000b \\ud800c\",\"x\\u0000\":1}", KK_E_UPSTREAM,
     "a b \xEF\xBF\xBD"
     "c",
     "odd"},
    {404, "{\"message\":\"a\",\"message\":\"b\"}", KK_E_NOT_FOUND,
     "the service answered 404 with a body in which a name occurs twice", NULL},
    {503, "{\"code\":1,\"message\":{}}", KK_E_UNAVAILABLE,
     "the service answered 503 without saying why", NULL},
    {429, "{\"code\":\"slow_down\",\"message\":\"Too many\"}", KK_E_RATE_LIMITED, "Too many",
     "slow_down"},
    {302, "{\"message\":\"moved\"}", KK_E_PROTOCOL,
     "the service answered 302 with a redirect, which is not followed", NULL},
    {200, "<html>", KK_E_PROTOCOL, "the service answered 200 with an HTML page in place of JSON",
     NULL},
    {204, "", KK_E_PROTOCOL, "the service answered 204 with an empty body in place of JSON", NULL},
    {200, "{\"data\":[", KK_E_PROTOCOL, "the service answered 200 with a body that is not JSON",
     NULL},
    {200, "{\"data\":[]} x", KK_E_PROTOCOL, "with a body that is not JSON", NULL},
    {200, "{\"data\":null}", KK_E_PROTOCOL, "with a list whose 'data' is not an array", NULL},
    {200, "{\"data\":{}}", KK_E_PROTOCOL, "with a list whose 'data' is not an array", NULL},
    {200, "{}", KK_E_PROTOCOL, "with a list whose 'data' is not an array", NULL},
    {200, "[]", KK_E_PROTOCOL, "with JSON that is not an object", NULL},
    {200, "null", KK_E_PROTOCOL, "with JSON that is not an object", NULL},
};

static void check_error(fake_host *host, const error_case *wanted)
{
    const char args[] = "{\"organization\":\"o\",\"page\":1,\"limit\":7}";
    kk_status status = call_once(host, "list_databases", args,
                                 (fake_answer){.status = wanted->status, .body = wanted->body});
    const fake_failure *failure = &host->failure;
    assert_status(host, status, wanted->code);
    assert_string_equal(host->output, "");
    assert_true(failure->recorded);
    assert_int_equal(failure->code, wanted->code);
    assert_int_equal(failure->http_status, wanted->status);
    assert_holds(failure->message, wanted->message);
    if (wanted->api_code == NULL) {
        assert_null(failure->api_code);
    } else {
        assert_string_equal(failure->api_code, wanted->api_code);
    }
    if (wanted->status == 403 || wanted->status == 404) {
        assert_holds(failure->hint, "the credential needs the access 'read_databases'");
    }
    bool retryable = wanted->status == 429 || wanted->status >= 500;
    assert_int_equal(failure->flags, retryable ? KK_TOOL_ERROR_RETRYABLE : 0);
}

static void test_planetscale_errors__every_error_becomes_one_record(void **state)
{
    (void)state;
    const char *const configs[] = {SERVICE_TOKEN_CONFIG, BEARER_CONFIG};
    for (size_t c = 0; c < 2; c++) {
        fake_host host;
        open_with(&host, configs[c]);
        for (size_t i = 0; i < sizeof error_cases / sizeof error_cases[0]; i++) {
            check_error(&host, &error_cases[i]);
        }
        fake_host_close(&host);
    }
}

static void test_planetscale_errors__an_object_that_is_none_is_protocol(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[]", "\"x\"", "1", "true"};
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(call_once(&host, "get_current_user", "{}",
                                   (fake_answer){.status = 200, .body = bodies[i]}),
                         KK_E_PROTOCOL);
        assert_holds(host.failure.message, "not an object");
    }
    fake_host_close(&host);
}

static void test_planetscale_errors__an_error_names_the_argument(void **state)
{
    (void)state;
    const fake_answer refusal = {
        .status = 422, .body = "{\"errors\":[{\"name\":\"per_page\",\"errors\":[\"x\"]}]}"};
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    call_once(&host, "list_databases", "{\"organization\":\"o\",\"limit\":7}", refusal);
    assert_string_equal(host.failure.argument, "/limit");
    call_once(&host, "list_databases", "{\"organization\":\"o\"}", refusal);
    assert_null(host.failure.argument);
    fake_host_close(&host);
}

static void test_planetscale_errors__a_long_message_is_cut_at_a_character(void **state)
{
    (void)state;
    char body[4096] = "{\"message\":\"a";
    for (int i = 0; i < 800; i++) {
        memcpy(body + strlen(body), "\xc3\xa9", 3);
    }
    memcpy(body + strlen(body), "\"}", 3);
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    call_once(&host, "get_current_user", "{}", (fake_answer){.status = 400, .body = body});
    size_t len = strlen(host.failure.message);
    assert_int_equal(len, 511);
    assert_memory_equal(host.failure.message + len - 2, "\xc3\xa9", 2);
    fake_host_close(&host);
}

static void test_planetscale_errors__retry_after_is_read_in_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t ms;
    } cases[] = {
        {"2", 2000},
        {"0.020", 20},
        {"1.5", 1500},
        {"86400", 86400000},
        {"86401", 0},
        {"99999999999999999999999", 0},
        {"Mon, 01 Jan 2026 00:00:00 GMT", 0},
        {"-1", 0},
        {"", 0},
        {"3s", 0},
        {"0.0009", 0},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        call_once(
            &host, "get_current_user", "{}",
            (fake_answer){.status = 429,
                          .body = "{}",
                          .headers = {{"retry-after", cases[i].value}, {"x-request-id", "r-1"}}});
        assert_int_equal(host.failure.retry_after_ms, cases[i].ms);
        assert_string_equal(host.failure.request_id, "r-1");
    }
    fake_host_close(&host);
}

static void test_planetscale_errors__html_is_known_by_its_type(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    call_once(&host, "get_current_user", "{}",
              (fake_answer){.status = 404,
                            .body = "Not here",
                            .headers = {{"content-type", "text/html; charset=utf-8"}}});
    assert_holds(host.failure.message, "an HTML page");
    assert_holds(host.failure.hint, "'read_user'");
    assert_holds(host.failure.hint, "the account's url may be wrong");
    fake_host_close(&host);
}

static void test_planetscale_errors__the_hint_on_401_fits_the_scheme(void **state)
{
    (void)state;
    const fake_answer refusal = {.status = 401, .body = "{}"};
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    call_once(&host, "get_current_user", "{}", refusal);
    assert_holds(host.failure.hint, "service_token_id and service_token belong together");
    fake_host_close(&host);
    open_with(&host, BEARER_CONFIG);
    call_once(&host, "get_current_user", "{}", refusal);
    assert_holds(host.failure.hint, "the access token may have expired");
    fake_host_close(&host);
}

// ---- Lost writes

static const char new_database[] = "{\"organization\":\"o\",\"name\":\"n\"}";

static void test_planetscale_errors__a_lost_write_may_have_happened(void **state)
{
    (void)state;
    static const fake_answer lost[] = {
        {.failure = KK_E_UNAVAILABLE}, {.failure = KK_E_PROTOCOL},  {.failure = KK_E_DEADLINE},
        {.failure = KK_E_CANCELLED},   {.failure = KK_E_TOO_LARGE},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        assert_int_equal(call_once(&host, "create_database", new_database, lost[i]),
                         lost[i].failure);
        assert_int_equal(host.failure.flags, KK_TOOL_ERROR_PARTIAL_EFFECT);
        assert_null(host.failure.message);
        assert_holds(host.failure.hint, "get_database");
        assert_int_equal(host.request_count, 1);
    }
    fake_host_close(&host);
}

static void test_planetscale_errors__an_unclear_answer_to_a_write_may_be_an_effect(void **state)
{
    (void)state;
    static const fake_answer answers[] = {
        {.status = 500, .body = "{}"},
        {.status = 502, .body = "<html>"},
        {.status = 201, .body = ""},
        {.status = 201, .body = "[]"},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_int_not_equal(call_once(&host, "create_database", new_database, answers[i]),
                             KK_E_OK);
        assert_int_equal(host.failure.flags, KK_TOOL_ERROR_PARTIAL_EFFECT);
        assert_holds(host.failure.hint, "get_database");
    }
    assert_int_equal(call_once(&host, "create_database", new_database,
                               (fake_answer){.status = 422, .body = "{}"}),
                     KK_E_UPSTREAM);
    assert_int_equal(host.failure.flags, 0);
    fake_host_close(&host);
}

static void test_planetscale_errors__what_was_never_sent_is_left_to_the_host(void **state)
{
    (void)state;
    static const kk_status refused[] = {KK_E_CONTRACT, KK_E_NOT_GRANTED, KK_E_ORIGIN_DENIED};
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_int_equal(
            call_once(&host, "create_database", new_database, (fake_answer){.failure = refused[i]}),
            refused[i]);
        assert_false(host.failure.recorded);
    }
    assert_int_equal(
        call_once(&host, "get_current_user", "{}", (fake_answer){.failure = KK_E_UNAVAILABLE}),
        KK_E_UNAVAILABLE);
    assert_false(host.failure.recorded);
    fake_host_close(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planetscale_errors__every_error_becomes_one_record),
        cmocka_unit_test(test_planetscale_errors__an_object_that_is_none_is_protocol),
        cmocka_unit_test(test_planetscale_errors__an_error_names_the_argument),
        cmocka_unit_test(test_planetscale_errors__a_long_message_is_cut_at_a_character),
        cmocka_unit_test(test_planetscale_errors__retry_after_is_read_in_seconds),
        cmocka_unit_test(test_planetscale_errors__html_is_known_by_its_type),
        cmocka_unit_test(test_planetscale_errors__the_hint_on_401_fits_the_scheme),
        cmocka_unit_test(test_planetscale_errors__a_lost_write_may_have_happened),
        cmocka_unit_test(test_planetscale_errors__an_unclear_answer_to_a_write_may_be_an_effect),
        cmocka_unit_test(test_planetscale_errors__what_was_never_sent_is_left_to_the_host),
    };
    return cmocka_run_group_tests_name("planetscale_errors", tests, NULL, NULL);
}
