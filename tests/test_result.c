// The `fields` argument, and the envelope around what comes back.
#include "fields.h"
#include "host_private.h"
#include "json.h"
#include "unit.h"
#include <stdlib.h>

// ---- fields

static int load(void **state)
{
    static const char *const files[] = {KK_TEST_PLUGINS "/vault.so", KK_TEST_PLUGINS "/good.so",
                                        NULL};
    kk_registry *registry = NULL;
    kk_error err = {0};
    assert_ok(kk_registry_load(files, false, NULL, NULL, NULL, &registry, &err), &err);
    *state = registry;
    return 0;
}

static int unload(void **state)
{
    kk_registry_free(*state);
    return 0;
}

static const kk_entry *entry_of(void **state, const char *function)
{
    const kk_entry *entry = NULL;
    kk_error err = {0};
    assert_ok(kk_registry_find(*state, function, &entry, &err), &err);
    return entry;
}

static void assert_taken(const kk_entry *entry, const char *args, const char *rest, size_t count)
{
    kk_buf left = {.limit = KK_TEXT_MAX};
    kk_fields fields = {0};
    kk_error err = {0};
    assert_ok(kk_fields_take(entry, kk_str_from(args), &left, &fields, &err), &err);
    assert_string_equal(kk_buf_text(&left), rest);
    assert_int_equal(fields.count, count);
    kk_fields_clean(&fields);
    kk_buf_clean(&left);
}

static void test_fields__are_taken_out_wherever_they_stand(void **state)
{
    const kk_entry *entry = entry_of(state, "vault.list_things");
    assert_taken(entry, "{}", "{}", 0);
    assert_taken(entry, " { \"rows\" : [ 1e400 ] } ", "{\"rows\":[ 1e400 ]}", 0);
    assert_taken(entry, "{\"fields\":[\"name\"],\"rows\":[]}", "{\"rows\":[]}", 1);
    assert_taken(entry, "{\"rows\":[],\"fields\":[\"name\",\"size\"]}", "{\"rows\":[]}", 2);
    assert_taken(entry, "{\"fi\\u0065lds\":[\"name\"]}", "{}", 1);
    assert_taken(entry, "{\"fields\":[]}", "{}", 0);
    // Only the outermost member is the host's.
    assert_taken(entry, "{\"rows\":[{\"fields\":[\"x\"]}]}", "{\"rows\":[{\"fields\":[\"x\"]}]}",
                 0);
}

static void test_fields__of_the_plugin_stay(void **state)
{
    const kk_entry *entry = entry_of(state, "demo.second");
    assert_taken(entry, "{\"fields\":\"x\"}", "{\"fields\":\"x\"}", 0);
}

static void assert_name_refused(const kk_entry *entry, const char *args, const char *pointer,
                                const char *message, const char *hint)
{
    kk_buf left = {.limit = KK_TEXT_MAX};
    kk_fields fields = {0};
    kk_error err = {0};
    assert_code(kk_fields_take(entry, kk_str_from(args), &left, &fields, &err),
                KK_ERR_INVALID_ARGS);
    assert_string_equal(err.argument, pointer);
    assert_holds(err.message, message);
    assert_holds(err.message, "nothing was sent");
    assert_holds(err.hint, hint);
    assert_int_equal(fields.count, 0);
    kk_buf_clean(&left);
}

static void test_fields__have_to_be_some_of_the_result(void **state)
{
    const kk_entry *entry = entry_of(state, "vault.list_things");
    assert_name_refused(entry, "{\"fields\":[\"name\",\"sise\"]}", "/fields/1", "'sise'", "'size'");
    assert_name_refused(entry, "{\"fields\":[\"\"]}", "/fields/0", "''", "");
    // A name is compared whole, not up to its first NUL.
    assert_name_refused(entry, "{\"fields\":[\"name\\u0000x\"]}", "/fields/0", "NUL", "");
}

static void assert_applied(const kk_entry *entry, const char *args, const char *result,
                           const char *wanted)
{
    kk_buf left = {.limit = KK_TEXT_MAX};
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_fields fields = {0};
    kk_error err = {0};
    assert_ok(kk_fields_take(entry, kk_str_from(args), &left, &fields, &err), &err);
    assert_ok(kk_fields_apply(&fields, entry, kk_str_from(result), &out, &err), &err);
    assert_string_equal(kk_buf_text(&out), wanted);
    kk_fields_clean(&fields);
    kk_buf_clean(&out);
    kk_buf_clean(&left);
}

static void test_fields__choose_within_the_rows(void **state)
{
    const kk_entry *entry = entry_of(state, "vault.list_things");
    const char *result = "{\"rows\":[{\"name\":\"a\",\"size\":1},{\"size\":2}],\"page\":1}";
    assert_applied(entry, "{}", result, result);
    assert_applied(entry, "{\"fields\":[\"name\"]}", result,
                   "{\"rows\":[{\"name\":\"a\"},{}],\"page\":1}");
}

// ---- The envelope

static void assert_envelope(kk_result *result, const char *wanted)
{
    size_t len = 0;
    kk_error err = {0};
    const char *text = kk_result_envelope(result, &len);
    assert_string_equal(text, wanted);
    assert_int_equal(len, strlen(wanted));
    assert_ok(kk_json_check(kk_str_from(text), &err), &err);
    // It is made once.
    assert_ptr_equal(kk_result_envelope(result, NULL), text);
}

static kk_result *new_result(const char *function)
{
    kk_result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    result->function = strdup(function);
    result->transport = "live";
    return result;
}

static void test_result__success_has_data_and_no_error(void **state)
{
    (void)state;
    kk_result *result = new_result("a.b");
    result->success = true;
    result->account = strdup("main");
    result->operation = "read";
    result->policy = "allow";
    result->data = strdup("{\"n\":1e400}");
    result->data_len = strlen(result->data);
    result->attempts = strdup("{\"status\":200}");
    result->duration_us = 1005;
    assert_envelope(result, "{\"function\":\"a.b\",\"success\":true,\"data\":{\"n\":1e400},"
                            "\"error\":null,\"meta\":{\"account\":\"main\",\"operation\":\"read\","
                            "\"dry_run\":false,\"transport\":\"live\",\"policy\":\"allow\","
                            "\"attempts\":[{\"status\":200}]},\"duration_ms\":1.005}");
    kk_result_free(result);
    kk_result_free(NULL);
}

static void test_result__failure_has_an_error_and_null_data(void **state)
{
    (void)state;
    kk_result *result = new_result("a\"b\n\xFF");
    result->error = (kk_error){.code = KK_ERR_RATE_LIMITED,
                               .effect = KK_EFFECT_UNKNOWN,
                               .retryable = true,
                               .http_status = 429,
                               .retry_after_ms = 1500};
    snprintf(result->error.message, sizeof result->error.message, "wait \"now\"");
    snprintf(result->error.reason, sizeof result->error.reason, "why");
    assert_string_equal(kk_result_data(result, NULL), "null");
    assert_envelope(
        result,
        "{\"function\":\"a\\\"b\\n\xEF\xBF\xBD\",\"success\":false,\"data\":null,\"error\":{"
        "\"code\":"
        "\"rate_limited\",\"message\":\"wait \\\"now\\\"\",\"hint\":null,\"retryable\":true,"
        "\"http_status\":429,\"api_code\":null,\"argument\":null,\"effect\":\"unknown\","
        "\"retry_after_ms\":1500,\"reason\":\"why\"},\"meta\":{\"account\":null,\"operation\":null,"
        "\"dry_run\":false,\"transport\":\"live\",\"policy\":null,\"attempts\":[]},"
        "\"duration_ms\":0.000}");
    kk_result_free(result);
}

static void test_result__policy_has_three_words(void **state)
{
    (void)state;
    assert_int_equal(kk_policy_decide(true, false), KK_POLICY_ALLOW);
    assert_int_equal(kk_policy_decide(true, true), KK_POLICY_ALLOW);
    assert_int_equal(kk_policy_decide(false, true), KK_POLICY_ALLOW);
    assert_int_equal(kk_policy_decide(false, false), KK_POLICY_ASK);
    assert_string_equal(kk_policy_name(KK_POLICY_ALLOW), "allow");
    assert_string_equal(kk_policy_name(KK_POLICY_ASK), "ask");
    assert_string_equal(kk_policy_name(KK_POLICY_DENY), "deny");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields__are_taken_out_wherever_they_stand),
        cmocka_unit_test(test_fields__of_the_plugin_stay),
        cmocka_unit_test(test_fields__have_to_be_some_of_the_result),
        cmocka_unit_test(test_fields__choose_within_the_rows),
        cmocka_unit_test(test_result__success_has_data_and_no_error),
        cmocka_unit_test(test_result__failure_has_an_error_and_null_data),
        cmocka_unit_test(test_result__policy_has_three_words),
    };
    return cmocka_run_group_tests_name("result", tests, load, unload);
}
