// Plugins of several ages through the whole host, with its worker: listed, called, and refused.
#include "scratch.h"
#include "unit.h"
#include <kk/host.h>

static kk_code open_host(const scratch *dir, const char *name, kk_host **out, kk_error *err)
{
    char from[512];
    snprintf(from, sizeof from, KK_TEST_PLUGINS "/%s.so", name);
    const char *files[] = {scratch_copy(dir, "skew.so", from), NULL};
    kk_host_options options = {.size = sizeof options,
                               .flags = KK_HOST_NO_SEARCH | KK_HOST_IGNORE_ENVIRONMENT,
                               .home = scratch_mkdir(dir, "home"),
                               .plugin_files = files};
    return kk_host_open(&options, out, err);
}

static void expect_data(kk_host *host, const char *data)
{
    kk_error err = {0};
    kk_result *result = NULL;
    kk_call_options call = {.size = sizeof call, .function = "skew.report"};
    assert_ok(kk_host_call(host, &call, &result, &err), &err);
    assert_string_equal(kk_result_data(result, NULL), data);
    kk_result_free(result);
}

static void expect_failure(kk_host *host)
{
    kk_error err = {0};
    kk_result *result = NULL;
    kk_call_options call = {.size = sizeof call, .function = "skew.fail"};
    assert_code(kk_host_call(host, &call, &result, &err), KK_ERR_CONFLICT);
    assert_holds(err.message, "it exists already");
    assert_string_equal(err.api_code, "exists");
    kk_result_free(result);
}

static void test_skew_host__each_plugin_is_called(void **state)
{
    static const char *const rows[][2] = {
        {"skew_1_0", "{\"built\":0,\"later\":0}"},
        {"skew_today", "{\"built\":0,\"later\":0}"},
        {"skew_next", "{\"built\":1,\"later\":0}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        scratch dir;
        scratch_init(&dir);
        kk_host *host = NULL;
        kk_error err = {0};
        assert_ok(open_host(&dir, rows[i][0], &host, &err), &err);
        expect_data(host, rows[i][1]);
        expect_failure(host);
        kk_host_close(host);
        scratch_clean(&dir);
    }
}

static void test_skew_host__one_for_later_hosts_is_refused(void **state)
{
    (void)state;
    scratch dir;
    scratch_init(&dir);
    kk_host *host = NULL;
    kk_error err = {0};
    assert_code(open_host(&dir, "skew_next_only", &host, &err), KK_ERR_PLUGIN_REFUSED);
    assert_null(host);
    assert_string_equal(err.reason, "version");
    assert_holds(err.message, "this one has 1.");
    scratch_clean(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skew_host__each_plugin_is_called),
        cmocka_unit_test(test_skew_host__one_for_later_hosts_is_refused),
    };
    return cmocka_run_group_tests_name("skew_host", tests, NULL, NULL);
}
