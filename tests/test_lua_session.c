// Sessions of scripts through the real worker: what they give, how they end, and what comes after.
#include "json.h"
#include "probe_host.h"
#include <kk/lua.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static kk_lua *lua;
static kk_lua_result *result;
static kk_error err;

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void open_with(kk_lua_options options)
{
    options.size = sizeof options;
    kk_lua_close(lua);
    lua = NULL;
    err = (kk_error){0};
    assert_ok(kk_lua_open(probe_host, &options, &lua, &err), &err);
}

static int set_up(void **state)
{
    lua = NULL;
    result = NULL;
    return kk_probe_set_up(state);
}

static int tear_down(void **state)
{
    kk_lua_result_free(result);
    kk_lua_close(lua);
    return kk_probe_tear_down(state);
}

static kk_code run_with(kk_lua_run_options options)
{
    options.size = sizeof options;
    kk_lua_result_free(result);
    err = (kk_error){0};
    return kk_lua_run(lua, &options, &result, &err);
}

static kk_code run(const char *code)
{
    return run_with((kk_lua_run_options){.code = code});
}

static void assert_result(size_t index, const char *wanted)
{
    assert_true(index < kk_lua_result_count(result));
    assert_string_equal(kk_lua_result_at(result, index, NULL), wanted);
}

// The raw JSON at a pointer of the envelope.
static const char *envelope(const char *pointer)
{
    static char out[512];
    kk_str value;
    const char *text = kk_lua_result_envelope(result, NULL);
    assert_non_null(text);
    assert_true(kk_json_find(kk_str_from(text), pointer, &value));
    snprintf(out, sizeof out, "%.*s", KK_STR_ARG(value));
    return out;
}

// ---- What a run gives

static void test_lua_session__output_results_and_calls_are_told(void **state)
{
    (void)state;
    open_with((kk_lua_options){0});
    assert_ok(run("print('one') print('t\\0wo') "
                  "return app.integrations.probe.echo({name = 'x'}).name, 2, {3}"),
              &err);
    size_t len = 0;
    assert_memory_equal(kk_lua_result_output(result, &len), "one\nt\0wo\n", 9);
    assert_int_equal(len, 9);
    assert_int_equal(kk_lua_result_count(result), 3);
    assert_result(0, "\"x\"");
    assert_result(1, "2");
    assert_string_equal(kk_lua_result_json_at(result, 2, NULL), "[3]");
    assert_null(kk_lua_result_failure(result));
    assert_int_equal(kk_lua_result_call_count(result), 1);
    const kk_lua_call *call = kk_lua_result_call_at(result, 0);
    assert_string_equal(call->function, "probe.echo");
    assert_int_equal(call->code, KK_OK);
    assert_true(call->duration_ms >= 0);
    assert_string_equal(envelope("/success"), "true");
    assert_string_equal(envelope("/error"), "null");
    assert_string_equal(envelope("/results/0"), "\"x\"");
    assert_string_equal(envelope("/calls/0/function"), "\"probe.echo\"");
    assert_string_equal(envelope("/meta/restarts"), "false");
    assert_false(kk_lua_result_restarts(result));
}

static void test_lua_session__globals_stay_for_the_next_run(void **state)
{
    (void)state;
    open_with((kk_lua_options){0});
    assert_ok(run("count = 1"), &err);
    assert_ok(run("count = count + 1 return count"), &err);
    assert_result(0, "2");
}

static void append(void *context, const char *bytes, size_t len)
{
    kk_buf_append(context, bytes, len);
}

static void test_lua_session__output_goes_to_the_sink(void **state)
{
    (void)state;
    kk_buf out = {.limit = 1024};
    open_with((kk_lua_options){0});
    assert_ok(run_with((kk_lua_run_options){
                  .code = "print(1) print(2)", .print = append, .print_context = &out}),
              &err);
    assert_string_equal(kk_buf_text(&out), "1\n2\n");
    assert_string_equal(kk_lua_result_output(result, NULL), "");
    kk_buf_clean(&out);
}

// ---- Failures

static void test_lua_session__script_error_names_file_and_line(void **state)
{
    (void)state;
    open_with((kk_lua_options){0});
    assert_code(run_with((kk_lua_run_options){.code = "\n\nerror('odd')", .name = "report.lua"}),
                KK_ERR_SCRIPT_ERROR);
    assert_string_equal(err.message, "report.lua:3: odd");
    assert_int_equal(kk_lua_result_failure(result)->line, 3);
    assert_string_equal(envelope("/error/code"), "\"script_error\"");
    assert_string_equal(envelope("/error/line"), "3");
    assert_code(run("local function deep() error('odd') end\ndeep()"), KK_ERR_SCRIPT_ERROR);
    assert_holds(kk_lua_result_failure(result)->traceback, "deep");
    assert_code(run_with((kk_lua_run_options){.code = "x = = 1", .name = "report.lua"}),
                KK_ERR_SCRIPT_ERROR);
    assert_holds(err.message, "report.lua:1: ");
    assert_false(kk_lua_result_restarts(result));
}

static void test_lua_session__failed_call_keeps_every_member(void **state)
{
    (void)state;
    static const char code[] = "app.integrations.probe.fail({code = 5, flags = 1, returned = 5, "
                               "message = 'no tea'})";
    open_with((kk_lua_options){0});
    kk_code direct = call("probe.fail", "{\"code\":5,\"flags\":1,\"returned\":5,"
                                        "\"message\":\"no tea\"}");
    assert_code(run(code), direct);
    assert_string_equal(err.hint, last_err.hint);
    assert_string_equal(err.api_code, last_err.api_code);
    assert_string_equal(err.argument, last_err.argument);
    assert_int_equal(err.http_status, last_err.http_status);
    assert_int_equal(err.retryable, last_err.retryable);
    assert_int_equal(err.effect, last_err.effect);
    assert_holds(err.message, "no tea");
    assert_string_equal(kk_lua_result_failure(result)->function, "probe.fail");
    assert_int_equal(kk_lua_result_failure(result)->line, 1);
    assert_int_equal(kk_lua_result_call_at(result, 0)->code, direct);
}

static void test_lua_session__code_that_is_no_text_is_refused(void **state)
{
    (void)state;
    open_with((kk_lua_options){0});
    assert_code(run("\x1bLua\x54\x00"), KK_ERR_SCRIPT_ERROR);
    assert_code(run("return '\xff'"), KK_ERR_SCRIPT_ERROR);
    assert_holds(err.message, "not UTF-8");
    assert_code(run_with((kk_lua_run_options){0}), KK_ERR_USAGE);
    assert_ok(run(""), &err);
    assert_ok(run_with((kk_lua_run_options){.code = "return '\0'", .code_len = 10}), &err);
}

// ---- Writes

static bool say_yes(void *context, const char *function, const char *account, const char *args)
{
    (void)account;
    (void)args;
    assert_string_equal(function, "probe.post");
    ++*(int *)context;
    return true;
}

static void test_lua_session__writes_need_a_yes(void **state)
{
    (void)state;
    static const char code[] =
        "app.integrations.probe.post({method = 'POST', url = 'https://probe.test/x'})";
    int asked = 0;
    open_with((kk_lua_options){0});
    assert_code(run(code), KK_ERR_APPROVAL_REQUIRED);
    assert_int_equal(script.sends, 0);
    open_with((kk_lua_options){.approve = say_yes, .approve_context = &asked});
    assert_ok(run(code), &err);
    assert_int_equal(asked, 1);
    open_with((kk_lua_options){.flags = KK_LUA_APPROVED});
    assert_ok(run(code), &err);
    assert_int_equal(script.sends, 2);
    open_with((kk_lua_options){.flags = KK_LUA_DRY_RUN});
    assert_ok(run("return app.integrations.probe.post({method = 'POST', url = 'x'})"), &err);
    assert_result(0, "null");
    assert_int_equal(script.sends, 2);
    assert_string_equal(envelope("/meta/dry_run"), "true");
}

// ---- Limits

static void test_lua_session__limits_are_checked(void **state)
{
    (void)state;
    open_with((kk_lua_options){
        .limits = &(kk_lua_limits){.size = sizeof(kk_lua_limits), .cpu_ms = 2000}});
    kk_lua_limits more = {.size = sizeof more, .cpu_ms = 2001};
    assert_code(run_with((kk_lua_run_options){.code = "return 1", .limits = &more}), KK_ERR_USAGE);
    assert_holds(err.message, "cpu_ms is 2001");
    more.cpu_ms = 2000;
    assert_ok(run_with((kk_lua_run_options){.code = "return 1", .limits = &more}), &err);
    kk_lua *other = NULL;
    kk_lua_limits wrong = {.size = sizeof wrong, .memory_bytes = 1};
    kk_lua_options options = {.size = sizeof options, .limits = &wrong};
    assert_code(kk_lua_open(probe_host, &options, &other, &err), KK_ERR_USAGE);
    wrong = (kk_lua_limits){.size = sizeof wrong, .depth = 1001};
    err = (kk_error){0};
    assert_code(kk_lua_open(probe_host, &options, &other, &err), KK_ERR_USAGE);
    assert_holds(err.message, "depth");
    assert_null(other);
}

static kk_lua_limits low(void)
{
    return (kk_lua_limits){
        .size = sizeof(kk_lua_limits), .cpu_ms = 300, .wall_ms = 3000, .calls = 5};
}

// Runs what goes over a limit, sees the code and the bound, and that the next script runs.
static void assert_limited(const char *code)
{
    double start = now_ms();
    assert_code(run(code), KK_ERR_LIMIT_EXCEEDED);
    if (now_ms() - start > 30000) {
        fail_msg("'%s' took %.0f ms", code, now_ms() - start);
    }
    assert_ok(run("return 'next'"), &err);
    assert_result(0, "\"next\"");
}

static void test_lua_session__what_goes_over_a_limit_ends_and_the_next_script_runs(void **state)
{
    (void)state;
    kk_lua_limits limits = low();
    open_with((kk_lua_options){.limits = &limits});
    static const char *const codes[] = {
        "while true do end",
        "while true do pcall(error) end",
        "for i = 1, math.huge do end",
        "return string.rep('x', 1e9)",
        "return string.rep('', 1e18)",
        "return ('x'):rep(200):find(('x*'):rep(50) .. 'y')",
        "xpcall(error, function() while true do end end)",
        "while true do xpcall(error, function(e) error(e) end) end",
        "table.move({}, 1, 2^53 // 1 | 0, 2)",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "for i = 1, 10 do pcall(app.integrations.probe.echo, {name = 'x'}) end",
        "coroutine.wrap(function() while true do end end)()",
        "while true do print('x') end",
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_limited(codes[i]);
    }
}

static void test_lua_session__kill_keeps_what_was_printed_and_drops_globals(void **state)
{
    (void)state;
    kk_lua_limits limits = low();
    open_with((kk_lua_options){.limits = &limits});
    assert_ok(run("kept = 1"), &err);
    assert_code(run("print('before') string.rep('', 1e18)"), KK_ERR_LIMIT_EXCEEDED);
    assert_string_equal(kk_lua_result_output(result, NULL), "before\n");
    assert_true(kk_lua_result_restarts(result));
    assert_string_equal(envelope("/meta/restarts"), "true");
    assert_ok(run("return kept"), &err);
    assert_result(0, "nil");
}

static void test_lua_session__output_over_its_limit_is_kept_up_to_it(void **state)
{
    (void)state;
    kk_lua_limits limits = low();
    limits.output_bytes = 100;
    open_with((kk_lua_options){.limits = &limits});
    assert_code(run("for i = 1, 100 do print('123456789') end"), KK_ERR_LIMIT_EXCEEDED);
    size_t len = 0;
    kk_lua_result_output(result, &len);
    assert_in_range(len, 90, 100);
}

static void test_lua_session__calls_over_their_limit_are_not_made(void **state)
{
    (void)state;
    kk_lua_limits limits = low();
    limits.calls = 2;
    open_with((kk_lua_options){.limits = &limits});
    assert_code(run("for i = 1, 4 do app.integrations.probe.echo({name = 'x'}) end"),
                KK_ERR_LIMIT_EXCEEDED);
    assert_int_equal(kk_lua_result_call_count(result), 2);
    // Swallowed, and no further call: a failure nevertheless.
    assert_code(
        run("for i = 1, 3 do pcall(app.integrations.probe.echo, {name = 'x'}) end return 1"),
        KK_ERR_LIMIT_EXCEEDED);
    assert_int_equal(kk_lua_result_call_count(result), 2);
    assert_ok(run("app.integrations.probe.echo({name = 'x'})"), &err);
}

static void test_lua_session__wall_clock_ends_a_call_in_flight(void **state)
{
    (void)state;
    kk_lua_limits limits = low();
    limits.wall_ms = 300;
    open_with((kk_lua_options){.limits = &limits});
    double start = now_ms();
    assert_code(run("print('calling') app.integrations.probe.wait({})"), KK_ERR_LIMIT_EXCEEDED);
    assert_in_range((int)(now_ms() - start), 200, 3000);
    assert_string_equal(kk_lua_result_output(result, NULL), "calling\n");
    assert_int_equal(kk_lua_result_call_count(result), 1);
    assert_int_equal(kk_lua_result_call_at(result, 0)->code, KK_ERR_TIMEOUT);
    assert_false(kk_lua_result_wedged(result));
    assert_ok(run("return 1"), &err);
}

static void test_lua_session__result_larger_than_the_memory_is_a_failure_of_the_call(void **state)
{
    (void)state;
    kk_lua_limits limits = low();
    limits.memory_bytes = 1 << 20;
    open_with((kk_lua_options){.limits = &limits});
    assert_ok(run("local ok, e = pcall(app.integrations.probe.say, "
                  "{text = '                                ', times = 40000}) "
                  "return ok, e.code"),
              &err);
    assert_result(0, "false");
}

// ---- Cancelling, threads

static void *raise_soon(void *context)
{
    usleep(100000);
    kk_cancel_raise(context);
    return NULL;
}

static void test_lua_session__cancel_ends_scripts_and_calls(void **state)
{
    (void)state;
    static const char *const codes[] = {
        "while true do end", "string.rep('', 1e18)", "app.integrations.probe.wait({})",
        "while true do pcall(app.integrations.probe.doze, {ms = 20}) end"};
    open_with((kk_lua_options){0});
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        kk_cancel *cancel = kk_cancel_new();
        pthread_t thread;
        double start = now_ms();
        pthread_create(&thread, NULL, raise_soon, cancel);
        assert_code(run_with((kk_lua_run_options){.code = codes[i], .cancel = cancel}),
                    KK_ERR_CANCELLED);
        pthread_join(thread, NULL);
        assert_true(now_ms() - start < 5000);
        assert_true(kk_lua_result_restarts(result));
        kk_cancel_free(cancel);
        assert_ok(run("return 1"), &err);
    }
}

typedef struct worker_thread {
    kk_lua *session;
    int number;
    bool right;
} worker_thread;

static void *run_many(void *context)
{
    worker_thread *self = context;
    self->right = true;
    for (int i = 0; i < 20 && self->right; i++) {
        char code[160];
        char wanted[32];
        snprintf(code, sizeof code,
                 "return app.integrations.probe.echo({name = '%d'}).name * 100 + %d", self->number,
                 i);
        snprintf(wanted, sizeof wanted, "%d", self->number * 100 + i);
        kk_lua_run_options options = {.size = sizeof options, .code = code};
        kk_lua_result *own = NULL;
        kk_error why = {0};
        self->right = kk_lua_run(self->session, &options, &own, &why) == KK_OK &&
                      strcmp(kk_lua_result_at(own, 0, NULL), wanted) == 0;
        if (!self->right) {
            print_error("%s\n", why.message);
        }
        kk_lua_result_free(own);
    }
    return NULL;
}

static void run_threads(bool shared)
{
    enum { COUNT = 4 };
    pthread_t threads[COUNT];
    worker_thread workers[COUNT];
    kk_lua_options options = {.size = sizeof options};
    open_with(options);
    for (int i = 0; i < COUNT; i++) {
        workers[i] = (worker_thread){.session = lua, .number = i};
        if (!shared) {
            assert_ok(kk_lua_open(probe_host, &options, &workers[i].session, &err), &err);
        }
        pthread_create(&threads[i], NULL, run_many, &workers[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        assert_true(workers[i].right);
        if (!shared) {
            kk_lua_close(workers[i].session);
        }
    }
}

static void test_lua_session__sessions_run_at_once_and_runs_of_one_take_turns(void **state)
{
    (void)state;
    run_threads(false);
    run_threads(true);
}

static void *run_long(void *context)
{
    (void)context;
    kk_lua_run_options options = {.size = sizeof options,
                                  .code = "app.integrations.probe.doze({ms = 400})"};
    kk_lua_result *own = NULL;
    kk_error why = {0};
    (void)!kk_lua_run(lua, &options, &own, &why);
    kk_lua_result_free(own);
    return NULL;
}

static void test_lua_session__waiting_for_a_turn_ends_with_the_time(void **state)
{
    (void)state;
    pthread_t thread;
    kk_lua_limits limits = {.size = sizeof limits, .wall_ms = 100};
    open_with((kk_lua_options){0});
    assert_ok(run("return 1"), &err);
    pthread_create(&thread, NULL, run_long, NULL);
    usleep(100000);
    assert_code(run_with((kk_lua_run_options){.code = "return 1", .limits = &limits}),
                KK_ERR_TIMEOUT);
    pthread_join(thread, NULL);
    assert_ok(run("return 1"), &err);
}

// ---- Completion

static void assert_completes(const char *text, const char *wanted)
{
    char **paths = kk_lua_complete(lua, text);
    assert_non_null(paths);
    kk_buf all = {.limit = 4096};
    for (size_t i = 0; paths[i] != NULL; i++) {
        kk_buf_append_format(&all, "%s%s", i > 0 ? " " : "", paths[i]);
    }
    assert_string_equal(kk_buf_text(&all), wanted);
    kk_buf_clean(&all);
    free(paths);
}

static void test_lua_session__completion_walks_the_namespaces(void **state)
{
    (void)state;
    open_with((kk_lua_options){0});
    assert_completes("ap", "app.");
    assert_completes("app.i", "app.integrations.");
    assert_completes("app.x", "");
    assert_completes("app.integrations.probe_p", "app.integrations.probe_plugin.");
    assert_completes("app.integrations.probe.ec", "app.integrations.probe.echo");
    assert_completes("app.integrations.probe.probe_ec", "app.integrations.probe.probe_echo");
    assert_completes("app.integrations.probe.def", "app.integrations.probe.default.");
    assert_completes("app.integrations.probe.default.ec", "app.integrations.probe.default.echo");
    assert_completes("lua_r", "lua_read_doc");
    assert_completes("zzz", "");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_lua_session__##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(output_results_and_calls_are_told),
        CASE(globals_stay_for_the_next_run),
        CASE(output_goes_to_the_sink),
        CASE(script_error_names_file_and_line),
        CASE(failed_call_keeps_every_member),
        CASE(code_that_is_no_text_is_refused),
        CASE(writes_need_a_yes),
        CASE(limits_are_checked),
        CASE(what_goes_over_a_limit_ends_and_the_next_script_runs),
        CASE(kill_keeps_what_was_printed_and_drops_globals),
        CASE(output_over_its_limit_is_kept_up_to_it),
        CASE(calls_over_their_limit_are_not_made),
        CASE(wall_clock_ends_a_call_in_flight),
        CASE(result_larger_than_the_memory_is_a_failure_of_the_call),
        CASE(cancel_ends_scripts_and_calls),
        CASE(sessions_run_at_once_and_runs_of_one_take_turns),
        CASE(waiting_for_a_turn_ends_with_the_time),
        CASE(completion_walks_the_namespaces),
    };
    return cmocka_run_group_tests_name("lua_session", tests, NULL, NULL);
}
