// regex: PCRE2 as scripts see it.
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

// Each row: an expression, and what it shows as.
static void show_as(lua_fixture *lua, const char *const (*rows)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char chunk[300];
        snprintf(chunk, sizeof chunk, "return %s", rows[i][0]);
        if (lua_fixture_run(lua, chunk) != KK_OK) {
            fail_msg("%s\n%s", chunk, lua_fixture_error(lua, "text"));
        }
        assert_string_equal(lua_fixture_result(lua), rows[i][1]);
    }
}

#define SHOW_AS(rows) show_as(*state, rows, sizeof(rows) / sizeof *(rows))

static void test_regex__match_gives_the_groups(void **state)
{
    static const char *const rows[][2] = {
        {"regex.match('a1b2', '[a-z]\\\\d')", "{[0]: \"a1\"}"},
        {"regex.match('x', 'y')", "nil"},
        {"regex.match('2024-05', '(\\\\d+)-(\\\\d+)')",
         "{[0]: \"2024-05\", [1]: \"2024\", [2]: \"05\"}"},
        {"regex.match('b', '(a)?(b)')", "{[0]: \"b\", [2]: \"b\"}"},
        {"regex.match('k=v', '(?<key>\\\\w)=(?<value>\\\\w)').value", "\"v\""},
        {"regex.match('', '')", "{[0]: \"\"}"},
        {"regex.match(12345, '\\\\d{3}')[0]", "\"123\""}};
    SHOW_AS(rows);
}

static void test_regex__delimiters_and_flags_are_accepted(void **state)
{
    static const char *const rows[][2] = {
        {"regex.match('ABC', '/b/i')", "{[0]: \"B\"}"},
        {"regex.match('a/b', '#a/b#')", "{[0]: \"a/b\"}"},
        {"regex.match('a/b', '/a\\\\/b/')", "{[0]: \"a/b\"}"},
        {"regex.match('x\\ny', '/^y$/m')", "{[0]: \"y\"}"},
        {"regex.match('x\\ny', '~x.y~s')", "{[0]: \"x\\ny\"}"},
        {"regex.match('ab', '/a  b/x')", "{[0]: \"ab\"}"},
        {"regex.match('ba', '/a/A')", "nil"},
        {"regex.match('aaa', '/a+/U')", "{[0]: \"a\"}"},
        // Not delimited: a path, brackets, and a letter that is no flag.
        {"regex.match('/api/v1', '/api/v\\\\d')", "{[0]: \"/api/v1\"}"},
        {"regex.match('ab', '(a)(b)')[2]", "\"b\""},
        {"regex.match('a/q', 'a/q')", "{[0]: \"a/q\"}"},
        {"regex.match('//', '//')", "{[0]: \"//\"}"}};
    SHOW_AS(rows);
}

static void test_regex__characters_are_utf8(void **state)
{
    static const char *const rows[][2] = {
        {"regex.match('h\\u{e9}', 'h(.)$')[1]", "\"\xC3\xA9\""},
        {"regex.match('\\u{c9}', '/\\u{e9}/i')[0]", "\"\xC3\x89\""},
        {"regex.match('\\u{e9}', '\\\\w')", "nil"},
        {"regex.match('\\u{e9}', '/\\\\w/u')[0]", "\"\xC3\xA9\""},
        {"#regex.match_all('h\\u{e9}llo', '.')", "5"},
        {"regex.match('\\xff\\xfeok', 'ok')", "{[0]: \"ok\"}"},
        {"(regex.gsub('h\\u{e9}', '', '-'))", "\"-h-\xC3\xA9-\""}};
    SHOW_AS(rows);
}

static void test_regex__match_all_gives_a_list(void **state)
{
    static const char *const rows[][2] = {
        {"regex.match_all('a1b2', '([a-z])(\\\\d)')",
         "[\n  {[0]: \"a1\", [1]: \"a\", [2]: \"1\"},\n  {[0]: \"b2\", [1]: \"b\", [2]: "
         "\"2\"}\n]"},
        {"regex.match_all('x', 'y')", "[]"},
        {"#regex.match_all('abc', 'x*')", "4"},
        {"json.encode(regex.match_all('x', 'y'))", "\"[]\""}};
    SHOW_AS(rows);
}

static void test_regex__gsub_replaces(void **state)
{
    static const char *const rows[][2] = {
        {"(regex.gsub('a-b-c', '-', '+'))", "\"a+b+c\""},
        {"select(2, regex.gsub('a-b-c', '-', '+'))", "2"},
        {"(regex.gsub('a-b-c', '-', '+', 1))", "\"a+b-c\""},
        {"(regex.gsub('a-b-c', '-', '+', 0))", "\"a-b-c\""},
        {"(regex.gsub('ab', '(a)(b)', '$2$1${1}\\\\2'))", "\"baab\""},
        {"(regex.gsub('ab', '(?<n>a)', '<${n}>'))", "\"<a>b\""},
        {"(regex.gsub('a', 'a', '$ $x \\\\n 5$'))", "\"$ $x \\\\n 5$\""},
        {"(regex.gsub('b', '(a)?b', '[$1]'))", "\"[]\""},
        {"(regex.gsub('abc', 'b', function(m) return m[0]:upper() end))", "\"aBc\""},
        {"(regex.gsub('abc', '.', function(m) return m[0] == 'b' and 1 end))", "\"a1c\""},
        {"(regex.gsub('a1b2', '[a-z](\\\\d)', function(m) regex.gsub('z9z9z9', '[a-z](\\\\d)', '') "
         "return '<' .. m[1] .. '>' end))",
         "\"<1><2>\""}};
    SHOW_AS(rows);
}

static void fails(lua_fixture *lua, const char *chunk, kk_code code, const char *text)
{
    assert_code(lua_fixture_run(lua, chunk), code);
    assert_string_equal(lua_fixture_error(lua, "text"), text);
}

static void test_regex__bad_patterns_are_told(void **state)
{
    lua_fixture *lua = *state;
    fails(lua, "regex.match('x', '(')", KK_ERR_SCRIPT_ERROR,
          "test:1: regex: the pattern is not understood: missing closing parenthesis, at byte 2");
    fails(lua, "regex.match('x', '\\xff')", KK_ERR_SCRIPT_ERROR,
          "test:1: regex: the pattern is not understood: UTF-8 error: illegal byte (0xfe or 0xff), "
          "at byte 1");
    fails(lua, "regex.match({}, 'x')", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #1 to 'match' (string expected, got table)");
    fails(lua, "regex.match('x', 5)", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #2 to 'match' (string expected, got number)");
    fails(lua, "regex.gsub('a', 'a', '$1')", KK_ERR_SCRIPT_ERROR,
          "test:1: regex.gsub: the replacement names the group '1', which the pattern lacks");
    fails(lua, "regex.gsub('a', 'a', function() return {} end)", KK_ERR_SCRIPT_ERROR,
          "test:1: regex.gsub: the function gave a table instead of a string");
    fails(lua, "regex.gsub('a', 'a')", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #3 to 'gsub' (string or function expected, got no value)");
}

static void test_regex__a_catastrophic_pattern_ends(void **state)
{
    fails(*state, "regex.match(string.rep('a', 50) .. 'b', '(a+)+$')", KK_ERR_LIMIT_EXCEEDED,
          "test:1: regex: the pattern tries too many ways to match this text (limit_exceeded); a "
          "repetition inside a repetition, as in (a+)+, is the usual cause");
}

static void test_regex__hundreds_of_patterns_work(void **state)
{
    static const char *const rows[][2] = {
        {"(function() local n = 0 for i = 1, 300 do n = n + #regex.match_all('a' .. i, 'a' .. i) "
         "end return n end)()",
         "300"}};
    SHOW_AS(rows);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_regex__match_gives_the_groups),
        TEST(test_regex__delimiters_and_flags_are_accepted),
        TEST(test_regex__characters_are_utf8),
        TEST(test_regex__match_all_gives_a_list),
        TEST(test_regex__gsub_replaces),
        TEST(test_regex__bad_patterns_are_told),
        TEST(test_regex__a_catastrophic_pattern_ends),
        TEST(test_regex__hundreds_of_patterns_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
