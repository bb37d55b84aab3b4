// Plugins that misbehave when they are loaded or described: each is refused with its own stage and
// message, this process goes on, and so does the good plugin beside it.
//
// Where the worker is not confined (sanitizers) what needs the confinement is skipped, and a crash
// may come as an exit.
#include "json.h"
#include "loader.h"
#include "loader_object.h"
#include "scratch.h"
#include "unit.h"
#include <dirent.h>
#include <kk/host.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef KK_WORKER_UNCONFINED
static const bool is_confined = false;
#else
static const bool is_confined = true;
#endif

static int setup(void **state)
{
    static scratch dir;
    scratch_init(&dir);
    *state = &dir;
    return 0;
}

static int teardown(void **state)
{
    scratch_clean(*state);
    return 0;
}

static const char *bring(void **state, const char *name)
{
    char from[512];
    char to[80];
    snprintf(from, sizeof from, KK_TEST_PLUGINS "/%s.so", name);
    snprintf(to, sizeof to, "%s.so", name);
    return scratch_copy(*state, to, from);
}

typedef struct defect {
    const char *name;
    const char *stage;
    const char *words;
    enum { ALWAYS, CONFINED, CRASH } needs; // CRASH: a sanitizer words it in its own way
} defect;

static const defect defects[] = {
    {"describe_crash", "describe", "crashed (signal 11, Segmentation fault) when it was asked",
     CRASH},
    {"describe_abort", "describe", "crashed (signal 6, Aborted) when it was asked", CRASH},
    {"describe_overflow", "describe", "crashed (signal 11, Segmentation fault)", CRASH},
    {"describe_exit", "describe", "ended the process, with status 0, when it was asked", ALWAYS},
    {"describe_exit_at_once", "describe", "ended the process, with status 7, when it was asked",
     ALWAYS},
    {"describe_close", "describe", "wrote to the host's own connection, or closed it", ALWAYS},
    {"describe_forge", "describe", "sent a manifest that is none", ALWAYS},
    {"describe_garbage", "describe", "wrote to the host's own connection", ALWAYS},
    {"describe_allocate", "describe", "crashed (signal 11", CONFINED},
    {"describe_fork", "describe", "tried to start a process or a thread when it was asked",
     CONFINED},
    {"describe_thread", "describe", "such as to start a thread, when it was asked", CONFINED},
    {"describe_exec", "describe", "tried to run a program", CONFINED},
    {"describe_write", "describe", "tried to write to standard output", CONFINED},
    {"describe_print", "describe", "tried to write to standard output", CONFINED},
    {"describe_open", "describe", "tried to open a file for writing", CONFINED},
    {"describe_socket", "describe", "tried to reach the network", CONFINED},
    {"describe_signal", "describe", "tried to change how a signal is handled", CONFINED},
    {"describe_umask", "describe", "tried to change the working directory or the mask", CONFINED},
    {"constructor_crash", "dlopen", "crashed (signal 11, Segmentation fault) when it was loaded",
     CRASH},
    {"constructor_exit", "dlopen", "ended the process, with status 3, when it was loaded", ALWAYS},
    {"constructor_fork", "dlopen", "tried to start a process or a thread when it was loaded",
     CONFINED},
    {"constructor_write", "dlopen", "tried to write to standard output", CONFINED},
};

static size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

// The good plugin from where it was built: a copy that is loaded must not be written to again.
static void load_good(void)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const kk_plugin_code *code = NULL;
    assert_ok(kk_plugin_load(KK_TEST_PLUGINS "/good.so", NULL, &plugin, &err), &err);
    assert_ok(kk_plugin_bind(plugin, &code, &err), &err);
    assert_non_null(code->entries[1]);
    kk_plugin_free(plugin);
}

static void expect_refusal(void **state, const defect *one)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const char *path = bring(state, one->name);
    kk_code code = kk_plugin_load(path, NULL, &plugin, &err);
    if (code != KK_ERR_PLUGIN_REFUSED) {
        fail_msg("%s: got %s (%s)", one->name, kk_code_name(code), err.message);
    }
    assert_holds(err.message, path);
    assert_string_equal(err.reason, one->stage);
    if (one->needs != CRASH || is_confined) {
        assert_holds(err.message, one->words);
    }
    load_good();
}

static void expect_refusals(void **state, bool confined)
{
    load_good();
    size_t before = count_descriptors();
    for (size_t i = 0; i < sizeof defects / sizeof defects[0]; i++) {
        if ((defects[i].needs == CONFINED) == confined) {
            expect_refusal(state, &defects[i]);
        }
    }
    assert_int_equal(count_descriptors(), before);
}

static void test_describe__each_misdeed_is_refused_at_its_stage(void **state)
{
    expect_refusals(state, false);
}

static void test_describe__what_is_forbidden_is_not_done(void **state)
{
    if (!is_confined) {
        skip();
    }
    // A sanitizer's run, which is not confined, may have left it.
    static const char unwanted[] = "/tmp/kk-test-describe-open";
    unlink(unwanted);
    expect_refusals(state, true);
    assert_int_not_equal(access(unwanted, F_OK), 0);
}

static void test_describe__one_that_never_ends_is_stopped(void **state)
{
    const struct {
        const char *name;
        const char *stage;
        const char *words;
        kk_loader loader;
    } rows[] = {
        {"describe_hang",
         "describe",
         "did not come to an end within 400 ms when it was asked",
         {.describe.wall_ms = 400}},
        {"constructor_hang",
         "dlopen",
         "did not come to an end within 400 ms when it was loaded",
         {.describe.wall_ms = 400}},
        {"describe_spin",
         "describe",
         "used more than 200 ms of CPU time",
         {.describe.cpu_ms = 200}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kk_error err = {0};
        kk_plugin *plugin = NULL;
        assert_code(kk_plugin_load(bring(state, rows[i].name), &rows[i].loader, &plugin, &err),
                    KK_ERR_PLUGIN_REFUSED);
        assert_holds(err.message, rows[i].words);
        assert_string_equal(err.reason, rows[i].stage);
    }
    load_good();
}

static void test_describe__one_that_is_somebody_else_when_it_is_called_is_refused(void **state)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const kk_plugin_code *code = NULL;
    assert_ok(kk_plugin_load(bring(state, "describe_differs"), NULL, &plugin, &err), &err);
    assert_string_equal(kk_plugin_manifest(plugin)->title, "Demo");
    setenv("KK_TEST_SET", "1", 1);
    assert_code(kk_plugin_bind(plugin, &code, &err), KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, "describe");
    assert_holds(err.message, "does not say of itself what it said in the worker");
    assert_null(code);
    kk_plugin_free(plugin);
}

static void test_describe__a_file_that_was_replaced_is_not_called(void **state)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const kk_plugin_code *code = NULL;
    const char *path = bring(state, "good");
    assert_ok(kk_plugin_load(path, NULL, &plugin, &err), &err);
    char other[512];
    snprintf(other, sizeof other, "%s", bring(state, "other"));
    assert_int_equal(rename(other, path), 0);
    assert_code(kk_plugin_bind(plugin, &code, &err), KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, "path");
    assert_holds(err.hint, "open the host again");
    kk_plugin_free(plugin);
}

static void test_describe__a_worker_that_is_missing_is_said(void **state)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const kk_loader loader = {.describe.worker = "/nonexistent/kk-worker"};
    assert_code(kk_plugin_load(bring(state, "good"), &loader, &plugin, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "/nonexistent/kk-worker");
    assert_holds(err.message, "is not installed");
    assert_holds(err.hint, "kk_host_options.worker");
}

// ---- Through the host

static kk_host *open_host(void **state, const char *const *names)
{
    const char *files[8] = {NULL};
    for (size_t i = 0; names[i] != NULL; i++) {
        files[i] = strdup(bring(state, names[i]));
    }
    kk_host_options options = {.size = sizeof options,
                               .flags = KK_HOST_NO_SEARCH | KK_HOST_IGNORE_ENVIRONMENT,
                               .home = scratch_mkdir(*state, "home"),
                               .plugin_files = files};
    kk_host *host = NULL;
    kk_error err = {0};
    assert_ok(kk_host_open(&options, &host, &err), &err);
    for (size_t i = 0; names[i] != NULL; i++) {
        free((char *)files[i]);
    }
    return host;
}

static void expect_call(kk_host *host, const char *function, const char *args, const char *data)
{
    kk_error err = {0};
    kk_result *result = NULL;
    kk_call_options call = {.size = sizeof call, .function = function, .args = args};
    assert_ok(kk_host_call(host, &call, &result, &err), &err);
    assert_string_equal(kk_result_data(result, NULL), data);
    kk_result_free(result);
}

static void test_describe__twins_with_the_same_names_inside_stay_apart(void **state)
{
    const char *const names[] = {"twin_a", "twin_b", NULL};
    kk_host *host = open_host(state, names);
    expect_call(host, "twin_a.count", NULL, "{\"name\":\"twin_a\",\"own\":1,\"library\":1}");
    expect_call(host, "twin_b.count", NULL, "{\"name\":\"twin_b\",\"own\":1,\"library\":1}");
    expect_call(host, "twin_a.count", NULL, "{\"name\":\"twin_a\",\"own\":2,\"library\":2}");
    expect_call(host, "twin_b.count", NULL, "{\"name\":\"twin_b\",\"own\":2,\"library\":2}");
    kk_host_close(host);
}

// The threads that ran the calls end when the host closes, and the plugin's code runs once more.
static void test_describe__a_destructor_of_a_key_runs_after_the_calls(void **state)
{
    const char *const names[] = {"key_destructor", "twin_a", NULL};
    kk_host *host = open_host(state, names);
    char args[288];
    char mark[256];
    snprintf(mark, sizeof mark, "%s", scratch_path(*state, "mark"));
    snprintf(args, sizeof args, "{\"path\":\"%s\"}", mark);
    expect_call(host, "key_destructor.leave", args, "true");
    assert_int_not_equal(access(mark, F_OK), 0);
    kk_host_close(host);
    assert_int_equal(access(mark, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_describe__each_misdeed_is_refused_at_its_stage, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_describe__what_is_forbidden_is_not_done, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_describe__one_that_never_ends_is_stopped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_describe__one_that_is_somebody_else_when_it_is_called_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_describe__a_file_that_was_replaced_is_not_called,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_describe__a_worker_that_is_missing_is_said, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_describe__twins_with_the_same_names_inside_stay_apart,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_describe__a_destructor_of_a_key_runs_after_the_calls,
                                        setup, teardown),
    };
    return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
