// Lua values from and to JSON, and as a reader sees them.
#include "lua_fixture.h"
#include "unit.h"

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

static void prints(lua_fixture *lua, const char *chunk, const char *expected)
{
    kk_code code = lua_fixture_run(lua, chunk);
    if (code != KK_OK) {
        fail_msg("%s\n%s", chunk, lua_fixture_error(lua, "text"));
    }
    assert_string_equal(kk_buf_text(&lua->printed), expected);
}

static void fails(lua_fixture *lua, const char *chunk, kk_code code, const char *text)
{
    assert_code(lua_fixture_run(lua, chunk), code);
    assert_string_equal(lua_fixture_error(lua, "text"), text);
}

// What a function's answer becomes: the fixture answers with [json], and the script sends it on.
static void comes_back(lua_fixture *lua, const char *json, const char *expected)
{
    lua->answer_json = json;
    prints(lua, "print(json.encode(app.integrations.planetscale.get_database()))", expected);
}

// ---- From JSON and back

static void test_values__come_back_as_they_were(void **state)
{
    static const char *const same[] = {"null",
                                       "true",
                                       "5",
                                       "-5",
                                       "1.0",
                                       "1.5",
                                       "0.1",
                                       "1e+300",
                                       "9007199254740993",
                                       "9223372036854775807",
                                       "-9223372036854775808",
                                       "\"\"",
                                       "\"text\"",
                                       "\"\\u0000\"",
                                       "\"\\n\\t\\\"\\\\\"",
                                       "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"",
                                       "[]",
                                       "{}",
                                       "[[]]",
                                       "[{}]",
                                       "{\"a\":[]}",
                                       "[1,2,3]",
                                       "[null]",
                                       "[null,1,null]",
                                       "{\"a\":{\"b\":{\"c\":[1,[2,[3]]]}}}",
                                       "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":2,\"c\":3},{}]"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char line[200];
        snprintf(line, sizeof line, "%s\n", same[i]);
        comes_back(*state, same[i], line);
    }
}

static void test_values__change_only_where_it_is_said(void **state)
{
    static const char *const rows[][2] = {
        {" [ 1 , 2 ] ", "[1,2]"},
        {"{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}"}, // sorted
        {"{\"a\":null,\"b\":1}", "{\"b\":1}"},      // a null member is absent
        {"{\"a\":1,\"a\":2}", "{\"a\":2}"},         // the last one
        {"{\"a\":1,\"a\":null}", "{\"a\":1}"},      // of those that are there
        {"\"\\u00e9\\/\\ud83d\\ude00\"", "\"\xC3\xA9/\xF0\x9F\x98\x80\""},
        {"\"\\ud800\"", "\"\xEF\xBF\xBD\""}, // a lone surrogate
        {"1e2", "100.0"},                    // a float
        {"-0", "0"},
        {"-0.0", "-0.0"},
        {"9223372036854775808", "9.223372036854776e+18"}, // no integer of Lua
        {"123456789012345678901234567890123456789012345678901234567890123456789012345678901.5",
         "1.2345678901234567e+80"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[200];
        snprintf(line, sizeof line, "%s\n", rows[i][1]);
        comes_back(*state, rows[i][0], line);
    }
}

static void test_values__keep_their_types(void **state)
{
    lua_fixture *lua = *state;
    lua->answer_json = "{\"i\":3,\"f\":3.0,\"big\":9007199254740993,\"huge\":1e400,\"n\":null,"
                       "\"list\":[null,false]}";
    prints(lua,
           "local r = app.integrations.planetscale.get_database()\n"
           "print(math.type(r.i), math.type(r.f), r.big + 1, r.huge == math.huge, r.n)\n"
           "print(r.list[1] == json.null, r.list[2], #r.list)",
           "integer\tfloat\t9007199254740994\ttrue\tnil\ntrue\tfalse\t2\n");
}

static void test_values__an_empty_list_stays_a_list(void **state)
{
    prints(*state,
           "local t = json.decode('{\"list\":[],\"map\":{},\"one\":[1]}')\n"
           "t.one[1] = nil\n"
           "print(json.encode(t))\n"
           "t.list[1] = 'x'\n"
           "t.map.a = 1\n"
           "print(json.encode(t))\n"
           "print(json.encode({}), json.encode(json.array()), json.encode(json.array({1})))\n"
           "print(getmetatable(t.list), getmetatable(t.map))\n"
           "print(json.encode(setmetatable(t.list, {})))",
           "{\"list\":[],\"map\":{},\"one\":[]}\n{\"list\":[\"x\"],\"map\":{\"a\":1},\"one\":[]}\n"
           "{}\t[]\t[1]\nnil\tnil\n[\"x\"]\n");
}

static void test_values__decode_can_keep_null(void **state)
{
    prints(*state,
           "local t = json.decode('{\"a\":null,\"b\":[null]}', {null = true})\n"
           "print(json.encode(t), t.a == json.null, t.b[1] == json.null)\n"
           "print(tostring(json.null), type(json.null), json.null and 'true')",
           "{\"a\":null,\"b\":[null]}\ttrue\ttrue\nnull\tuserdata\ttrue\n");
}

static void test_values__a_large_object_is_read_whole(void **state)
{
    prints(*state,
           "local parts = {}\n"
           "for i = 1, 3000 do parts[i] = string.format('\"k%d\":%d', i, i) end\n"
           "local t = json.decode('{' .. table.concat(parts, ',') .. '}')\n"
           "local sum = 0\n"
           "for _, v in pairs(t) do sum = sum + v end\n"
           "for i = 1, 3000 do parts[i] = tostring(i) end\n"
           "local list = json.decode('[' .. table.concat(parts, ',') .. ']')\n"
           "print(sum, #list, list[3000])",
           "4501500\t3000\t3000\n");
}

static void test_values__text_that_is_not_json_is_placed(void **state)
{
    lua_fixture *lua = *state;
    fails(lua, "\njson.decode('[1, 2')", KK_ERR_SCRIPT_ERROR,
          "test:2: json.decode: a comma or ']' is missing, at byte 6");
    fails(lua, "json.decode('')", KK_ERR_SCRIPT_ERROR,
          "test:1: json.decode: the text ends where a value should be, at byte 1");
    fails(lua, "json.decode('\\xff')", KK_ERR_SCRIPT_ERROR,
          "test:1: json.decode: a value is missing or unknown, at byte 1");
    fails(lua, "json.decode('\"\\xff\"')", KK_ERR_SCRIPT_ERROR,
          "test:1: json.decode: a string holds bytes that are not UTF-8, at byte 2");
    fails(lua, "json.decode({})", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #1 to 'decode' (string expected, got table)");
    fails(lua, "json.decode('1', {nul = true})", KK_ERR_SCRIPT_ERROR,
          "test:1: the only option is 'null'");
}

static void test_values__what_has_no_json_form_is_placed(void **state)
{
    static const char *const rows[][2] = {
        {"0/0", "JSON has neither nan nor infinity"},
        {"{a = {1, math.huge}}", "JSON has neither nan nor infinity, at /a/1"},
        {"{1, nil, 3}", "the integer keys do not go from 1 without a gap; json.null fills a gap"},
        {"{[0] = 1}", "the integer keys do not go from 1 without a gap; json.null fills a gap"},
        {"{1, a = 2}", "the keys are neither only strings nor a list from 1"},
        {"{[true] = 2}", "the keys are neither only strings nor a list from 1"},
        {"{a = {b = print}}", "a function has no JSON form, at /a/b"},
        {"{coroutine.create(print)}", "a thread has no JSON form, at /0"},
        {"{a = '\\xff'}", "the string is not UTF-8, at /a"},
        {"app", "a namespace has no JSON form"},
        {"(function() local t = {} t.a = {t} return t end)()", "the table holds itself, at /a/0"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char chunk[200];
        char text[300];
        snprintf(chunk, sizeof chunk, "return json.encode(%s)", rows[i][0]);
        snprintf(text, sizeof text, "test:1: json.encode: %s", rows[i][1]);
        fails(*state, chunk, KK_ERR_SCRIPT_ERROR, text);
    }
}

static void test_values__encode_can_indent(void **state)
{
    prints(*state, "print(json.encode({b = {1, {}}, a = json.array()}, {indent = true}))",
           "{\n  \"a\": [],\n  \"b\": [\n    1,\n    {}\n  ]\n}\n");
    fails(*state, "json.encode({}, {pretty = true})", KK_ERR_SCRIPT_ERROR,
          "test:1: the only option is 'indent'");
}

static void test_values__nesting_ends_at_the_limit(void **state)
{
    lua_fixture *lua = *state;
    const char *nested = "local t = 1 for i = 1, %d do t = {t} end return #json.encode(t)";
    char chunk[200];
    script_limits limits = {.depth = 50};
    snprintf(chunk, sizeof chunk, "%.*s50%s", (int)(strstr(nested, "%d") - nested), nested,
             strstr(nested, "%d") + 2);
    assert_int_equal(lua_fixture_run_limited(lua, kk_str_from(chunk), &limits), KK_OK);
    snprintf(chunk, sizeof chunk, "%.*s51%s", (int)(strstr(nested, "%d") - nested), nested,
             strstr(nested, "%d") + 2);
    assert_code(lua_fixture_run_limited(lua, kk_str_from(chunk), &limits), KK_ERR_LIMIT_EXCEEDED);
    assert_holds(lua_fixture_error(lua, "text"), "nested more than 50 levels deep");
    // What comes from outside may be as deep as JSON may be at all.
    prints(lua,
           "local t, depth = json.decode(string.rep('[', 1024) .. string.rep(']', 1024)), 0\n"
           "while t do t, depth = t[1], depth + 1 end print(depth)",
           "1024\n");
}

static void test_values__shared_tables_are_no_cycles(void **state)
{
    prints(*state, "local s = {1} print(json.encode({s, s, a = nil}))", "[[1],[1]]\n");
}

// ---- For a reader

static void test_show__tables_print_as_json(void **state)
{
    prints(*state,
           "print({})\nprint(json.array())\nprint({1, 2, 'x', true, json.null})\n"
           "print({b = 1, a = 'x'})\n"
           "print({rows = {{id = 1}, {id = 2}}, n = 1.0})",
           "{}\n[]\n[1, 2, \"x\", true, null]\n{\"a\": \"x\", \"b\": 1}\n"
           "{\n  \"n\": 1.0,\n  \"rows\": [\n    {\"id\": 1},\n    {\"id\": 2}\n  ]\n}\n");
    prints(*state,
           "local t = {a = {1, {b = {}}}, c = {{}, 'x'}}\n"
           "print(json.encode(json.decode(tostring(t))) == json.encode(t))",
           "true\n");
}

static void test_show__long_lines_are_broken(void **state)
{
    prints(*state, "print({string.rep('a', 40), string.rep('b', 40)})",
           "[\n  \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\n  "
           "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"\n]\n");
}

static void test_show__what_json_lacks_is_marked(void **state)
{
    prints(*state,
           "local t = {} t.self = t\nprint(t)\n"
           "local s = {1}\nprint({s, s})\n"
           "print({1, 2, x = 3, [-1] = 4, [7] = 5, [true] = 6})\n"
           "print({f = print, co = coroutine.create(print), inf = 1/0})",
           "{\n  \"self\": <cycle>\n}\n[\n  [1],\n  [1]\n]\n"
           "{[-1]: 4, [1]: 1, [2]: 2, [7]: 5, \"x\": 3, [true]: 6}\n"
           "{\"co\": <thread>, \"f\": <function>, \"inf\": inf}\n");
}

static void test_show__print_and_dump_and_tostring(void **state)
{
    prints(*state,
           "print()\nprint('a', 1, nil, true, 1.0)\nprint('raw \\xff bytes')\n"
           "print(tostring({1}), tostring('x'), tostring(nil), tostring(print))\n"
           "print(dump('x') .. 'y')\ndump({1})\ndump(nil)\n"
           "print(setmetatable({}, {__tostring = function() return 'mine' end}))",
           "\na\t1\tnil\ttrue\t1.0\nraw \xff bytes\n[1]\tx\tnil\t<function>\n\"x\"\nxy\n[1]\nnil\n"
           "mine\n");
    fails(*state, "tostring()", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #1 to 'tostring' (value expected)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values__come_back_as_they_were),
        TEST(test_values__change_only_where_it_is_said),
        TEST(test_values__keep_their_types),
        TEST(test_values__an_empty_list_stays_a_list),
        TEST(test_values__decode_can_keep_null),
        TEST(test_values__a_large_object_is_read_whole),
        TEST(test_values__text_that_is_not_json_is_placed),
        TEST(test_values__what_has_no_json_form_is_placed),
        TEST(test_values__encode_can_indent),
        TEST(test_values__nesting_ends_at_the_limit),
        TEST(test_values__shared_tables_are_no_cycles),
        TEST(test_show__tables_print_as_json),
        TEST(test_show__long_lines_are_broken),
        TEST(test_show__what_json_lacks_is_marked),
        TEST(test_show__print_and_dump_and_tostring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
