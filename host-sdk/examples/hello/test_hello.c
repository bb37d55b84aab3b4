// hello.so, called as a host calls it, and answered by tapes/hello.har: no network and no account.
//
// PLUGIN_FILE and TAPE_FILE are paths that CMakeLists.txt defines.
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <kk/host.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// What the tests share: a host with this one plugin, whose home is a directory of its own.
static kk_host *host;
static char home[] = "/tmp/test_hello.XXXXXX";

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static int open_host(void **state)
{
    (void)state;
    const char *const plugins[] = {PLUGIN_FILE, NULL};
    kk_error err = {0};
    if (mkdtemp(home) == NULL) {
        perror(home);
        return -1;
    }
    kk_host_options options = {.size = sizeof options,
                               .flags = KK_HOST_NO_SEARCH | KK_HOST_IGNORE_ENVIRONMENT,
                               .plugin_files = plugins,
                               .home = home,
                               .replay_file = TAPE_FILE};
    if (kk_host_open(&options, &host, &err) != KK_OK) {
        print_error("%s: %s; %s\n", kk_code_name(err.code), err.message, err.hint);
        return -1;
    }
    return 0;
}

static int close_host(void **state)
{
    (void)state;
    kk_host_close(host);
    return nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// Calls a function, which has to give exactly [expected].
static void expect_result(const char *function, const char *args, const char *expected)
{
    kk_error err = {0};
    kk_result *result = NULL;
    kk_call_options call = {.size = sizeof call, .function = function, .args = args};
    kk_code code = kk_host_call(host, &call, &result, &err);
    if (code != KK_OK) {
        print_error("%s: %s; %s\n", kk_code_name(code), err.message, err.hint);
    }
    assert_int_equal(code, KK_OK);
    assert_string_equal(kk_result_data(result, NULL), expected);
    kk_result_free(result);
}

// Calls a function, which has to fail with [expected] because of the argument at [argument].
static void expect_failure(const char *function, const char *args, kk_code expected,
                           const char *argument)
{
    kk_error err = {0};
    kk_result *result = NULL;
    kk_call_options call = {.size = sizeof call, .function = function, .args = args};
    assert_string_equal(kk_code_name(kk_host_call(host, &call, &result, &err)),
                        kk_code_name(expected));
    assert_string_equal(err.argument, argument);
    kk_result_free(result);
}

static void test_greet__greets_by_name(void **state)
{
    (void)state;
    expect_result("hello.greet", "{\"name\":\"Ada\"}", "{\"greeting\":\"Good day, Ada!\"}");
    expect_result("hello.greet", "{\"name\":\"a \\\"b\\\"\"}",
                  "{\"greeting\":\"Good day, a \\\"b\\\"!\"}");
}

static void test_greet__needs_a_name(void **state)
{
    (void)state;
    expect_failure("hello.greet", "{}", KK_ERR_INVALID_ARGS, "/name");
}

static void test_show_user__gives_the_service_s_answer(void **state)
{
    (void)state;
    expect_result("hello.show_user", "{\"id\":7}",
                  "{\"id\":7,\"name\":\"Ada Example\",\"city\":\"London\"}");
}

static void test_show_user__fails_where_there_is_none(void **state)
{
    (void)state;
    expect_failure("hello.show_user", "{\"id\":8}", KK_ERR_NOT_FOUND, "/id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greet__greets_by_name),
        cmocka_unit_test(test_greet__needs_a_name),
        cmocka_unit_test(test_show_user__gives_the_service_s_answer),
        cmocka_unit_test(test_show_user__fails_where_there_is_none),
    };
    return cmocka_run_group_tests(tests, open_host, close_host);
}
