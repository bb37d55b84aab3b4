// Limits of the Lua runtime, and every allocation that can fail.
#include "lua_fixture.h"
#include "unit.h"
#include <time.h>

static int open_lua(void **state)
{
    static lua_fixture lua;
    lua = (lua_fixture){0};
    *state = &lua;
    return lua_fixture_open(&lua, NULL) ? 0 : -1;
}

static int close_lua(void **state)
{
    lua_fixture_close(*state);
    return 0;
}

static void exceeds(lua_fixture *lua, const char *chunk, const script_limits *limits,
                    const char *text)
{
    assert_code(lua_fixture_run_limited(lua, kk_str_from(chunk), limits), KK_ERR_LIMIT_EXCEEDED);
    assert_string_equal(lua_fixture_error(lua, "text"), text);
    assert_code(lua_fixture_run(lua, "return 1"), KK_OK);
}

static void test_limits__end_a_run_with_the_line(void **state)
{
    lua_fixture *lua = *state;
    const script_limits cpu = {.cpu_ms = 50};
    const script_limits memory = {.memory_bytes = 1 << 20};
    const script_limits output = {.output_bytes = 100};
    exceeds(lua, "local x = 1\nwhile true do end", &cpu,
            "test:2: the script used more than its 50 ms of CPU time (limit_exceeded)");
    exceeds(lua, "local t = {}\nlocal n = 0\nwhile true do\n  n = n + 1\n  t[n] = {n}\nend",
            &memory, "test:5: the script needs more than its 1024 KiB of memory (limit_exceeded)");
    exceeds(lua, "\n\nfor i = 1, 100 do print('12345678') end", &output,
            "test:3: the script printed more than its limit (limit_exceeded)");
}

static void test_limits__keep_what_was_printed_up_to_the_limit(void **state)
{
    lua_fixture *lua = *state;
    const script_limits output = {.output_bytes = 10};
    const kk_str chunk = KK_STR("print('123456') print('123456')");
    assert_code(lua_fixture_run_limited(lua, chunk, &output), KK_ERR_LIMIT_EXCEEDED);
    assert_string_equal(kk_buf_text(&lua->printed), "123456\n123");
}

static void test_limits__of_a_run_cannot_be_above_the_ceiling(void **state)
{
    lua_fixture lua = {0};
    const script_limits ceilings = {.memory_bytes = 1 << 20, .cpu_ms = 50, .output_bytes = 10};
    const script_limits wanted = {.memory_bytes = 1 << 30, .cpu_ms = 1000000, .output_bytes = 1000};
    (void)state;
    assert_true(lua_fixture_open(&lua, &ceilings));
    exceeds(&lua, "while true do end", &wanted,
            "test:1: the script used more than its 50 ms of CPU time (limit_exceeded)");
    exceeds(&lua, "string.rep('x', 2e6)", &wanted,
            "test:1: the script needs more than its 1024 KiB of memory (limit_exceeded)");
    exceeds(&lua, "print('1234567890')", &wanted,
            "test:1: the script printed more than its limit (limit_exceeded)");
    lua_fixture_close(&lua);
}

static void test_limits__cpu_time_is_counted_anew_in_each_run(void **state)
{
    lua_fixture *lua = *state;
    const script_limits cpu = {.cpu_ms = 400};
    for (int i = 0; i < 8; i++) {
        const kk_str chunk = KK_STR("for i = 1, 2e6 do end");
        assert_code(lua_fixture_run_limited(lua, chunk, &cpu), KK_OK);
    }
}

static void test_limits__memory_comes_back_after_a_run(void **state)
{
    lua_fixture *lua = *state;
    const script_limits memory = {.memory_bytes = (size_t)4 << 20};
    for (int i = 0; i < 20; i++) {
        const kk_str chunk = KK_STR("local t = {} for i = 1, 2e4 do t[i] = {i} end return #t");
        assert_code(lua_fixture_run_limited(lua, chunk, &memory), KK_OK);
    }
}

static void test_limits__garbage_does_not_count(void **state)
{
    lua_fixture *lua = *state;
    const script_limits memory = {.memory_bytes = 1 << 20};
    const kk_str chunk = KK_STR("for i = 1, 300 do local s = string.rep('x', 1e5 + i) end");
    assert_code(lua_fixture_run_limited(lua, chunk, &memory), KK_OK);
    // Patterns that are no longer used are garbage, though Lua does not see how much they hold.
    const script_limits more = {.memory_bytes = (size_t)8 << 20};
    const kk_str patterns =
        KK_STR("local live = {} for i = 1, 20000 do live[i] = {} end\n"
               "for i = 1, 2000 do regex.match('x', '(?:b{1,40}){1,40}' .. i) end");
    assert_code(lua_fixture_run_limited(lua, patterns, &more), KK_OK);
}

static void test_limits__results_that_are_too_long_are_one(void **state)
{
    lua_fixture *lua = *state;
    exceeds(lua, "return string.rep('x', 9e6)", NULL, "the results are too long (limit_exceeded)");
}

static void test_limits__an_error_that_is_too_long_is_one(void **state)
{
    lua_fixture *lua = *state;
    exceeds(lua,
            "local _, e = pcall(app.integrations.planetscale.get_database, print)\n"
            "e.traceback = string.rep('x', 9e6)\n"
            "error(e)",
            NULL, "the error is too long (limit_exceeded)");
}

// A failure that says a limit is reached is the limit of somebody outside, such as the number of
// calls: it is not caught either.
static void test_limits__outside_hold_too(void **state)
{
    lua_fixture *lua = *state;
    lua->answer = SCRIPT_FAILURE;
    lua->answer_json = "{\"code\":\"limit_exceeded\",\"message\":\"more than 10 calls\"}";
    exceeds(lua, "while true do pcall(app.integrations.planetscale.get_database) end", NULL,
            "test:1: more than 10 calls (limit_exceeded)");
}

// ---- Every allocation fails once

// Everything that allocates in its own way: the bridge, errors, patterns, coroutines, output.
static const char busy[] =
    "local r = app.integrations.planetscale.get_database({organization = 'a', list = {1, 2.5}})\n"
    "print(r, json.encode(r), json.decode('{\"a\":[1,\"\\\\u00e9\"]}'))\n"
    "local _, e = pcall(app.integrations.planetscale.get_database, print)\n"
    "print(e .. '', e.code, lua_read_doc('x'))\n"
    "print(regex.gsub('a1b2', '/([a-z])(?<n>\\\\d)/i', function(m) return m.n end))\n"
    "print(#regex.match_all('a1b2', '\\\\d'), pcall(regex.match, 'x', '('))\n"
    "local co = coroutine.wrap(function() local x <close> = setmetatable({}, {__close = print}) "
    "coroutine.yield(1) error('x') end)\n"
    "co() pcall(co) load('return 1')()\n"
    "for k in pairs(app.integrations.planetscale) do dump(k) end\n"
    "pcall(function() return app.integrations.planetscale.nothing end)\n"
    "return {1, {2}}, 'x'";

// Opens, runs and closes with the nth allocation and all that follow it failing.  True once none
// failed.
static bool run_with_failure(size_t nth)
{
    lua_fixture lua = {.countdown = nth + 1, .answer_json = "{\"a\":[1,\"x\\u00e9\",{}]}"};
    kk_code code = KK_ERR_LIMIT_EXCEEDED;
    if (lua_fixture_open(&lua, NULL)) {
        code = lua_fixture_run(&lua, busy);
    }
    bool reached = lua.countdown == 1;
    if (code != KK_OK) {
        assert_true(reached);
        assert_code(code, KK_ERR_LIMIT_EXCEEDED);
    }
    if (lua.runtime != NULL) {
        lua.countdown = 0;
        assert_code(lua_fixture_run(&lua, "return 1"), KK_OK);
    }
    lua_fixture_close(&lua); // which checks that nothing is left
    return !reached;
}

static void test_limits__every_allocation_may_fail(void **state)
{
    (void)state;
    size_t nth = 1;
    while (!run_with_failure(nth)) {
        nth++;
    }
    assert_true(nth > 500);
    print_message("%zu allocations\n", nth);
}

// Once, and then there is memory again.
static void test_limits__a_single_failed_allocation_is_survived(void **state)
{
    (void)state;
    lua_fixture counted = {.answer_json = "{}"};
    assert_true(lua_fixture_open(&counted, NULL));
    assert_code(lua_fixture_run(&counted, busy), KK_OK);
    size_t total = counted.allocations;
    lua_fixture_close(&counted);
    for (size_t nth = 1; nth < total; nth++) {
        lua_fixture lua = {.answer_json = "{}", .once = nth};
        if (lua_fixture_open(&lua, NULL)) {
            kk_code code = lua_fixture_run(&lua, busy);
            assert_true(code == KK_OK || code == KK_ERR_LIMIT_EXCEEDED);
        }
        lua_fixture_close(&lua);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_limits__end_a_run_with_the_line),
        TEST(test_limits__keep_what_was_printed_up_to_the_limit),
        TEST(test_limits__of_a_run_cannot_be_above_the_ceiling),
        TEST(test_limits__cpu_time_is_counted_anew_in_each_run),
        TEST(test_limits__memory_comes_back_after_a_run),
        TEST(test_limits__garbage_does_not_count),
        TEST(test_limits__results_that_are_too_long_are_one),
        TEST(test_limits__an_error_that_is_too_long_is_one),
        TEST(test_limits__outside_hold_too),
        TEST(test_limits__every_allocation_may_fail),
        TEST(test_limits__a_single_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
