// The JSON reader, its tokens, and the trees.
#include "json_fixture.h"
#include <stdlib.h>

static bool accepts(kk_str text)
{
    // A copy of exactly this size lets the sanitizer see a read past the end.
    char *copy = malloc(text.len + 1);
    assert_non_null(copy);
    char *start = copy + 1;
    memcpy(start, text.ptr, text.len);
    kk_code code = kk_json_check((kk_str){start, text.len}, NULL);
    free(copy);
    return code == KK_OK;
}

// ---- The reader

static void test_json__tokens_are_the_spans_of_the_text(void **state)
{
    (void)state;
    static const struct {
        kk_json_kind kind;
        const char *raw;
        size_t depth;
    } wanted[] = {
        {KK_JSON_OBJECT, "{", 1},     {KK_JSON_NAME, "\"a\\n\"", 1}, {KK_JSON_ARRAY, "[", 2},
        {KK_JSON_NUMBER, "-1.50", 2}, {KK_JSON_TRUE, "true", 2},     {KK_JSON_FALSE, "false", 2},
        {KK_JSON_NULL, "null", 2},    {KK_JSON_OBJECT, "{", 3},      {KK_JSON_OBJECT_END, "}", 2},
        {KK_JSON_ARRAY_END, "]", 1},  {KK_JSON_NAME, "\"\"", 1},     {KK_JSON_STRING, "\"x\"", 1},
        {KK_JSON_OBJECT_END, "}", 0}, {KK_JSON_END, "", 0},          {KK_JSON_END, "", 0},
    };
    kk_json_reader reader;
    kk_json_reader_init(&reader,
                        KK_STR(" {\"a\\n\" : [-1.50,true ,false,null,{ }], \"\":\"x\"}\r\n\t "));
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        assert_int_equal(kk_json_next(&reader), wanted[i].kind);
        assert_same(reader.raw, kk_str_from(wanted[i].raw));
        assert_int_equal(reader.depth, wanted[i].depth);
    }
}

static void test_json__what_is_not_json_is_refused_with_place_and_problem(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *problem;
    } cases[] = {
        {"", 0, "ends where a value"},
        {"  ", 2, "ends where a value"},
        {"1 2", 2, "something follows"},
        {"{}}", 2, "something follows"},
        {"null,", 4, "something follows"},
        {"[1 2]", 3, "comma or ']'"},
        {"[1,]", 3, "a value is missing"},
        {"[,1]", 1, "a value is missing"},
        {"[1}", 2, "comma or ']'"},
        {"{\"a\":1]", 6, "comma or '}'"},
        {"{\"a\":1,}", 7, "name in quotes"},
        {"{a:1}", 1, "name in quotes"},
        {"{1:1}", 1, "name in quotes"},
        {"{\"a\" 1}", 5, "':' is missing"},
        {"{\"a\":}", 5, "a value is missing"},
        {"nul", 0, "missing or unknown"},
        {"True", 0, "missing or unknown"},
        {"truely", 4, "something follows"},
        {"NaN", 0, "missing or unknown"},
        {"'a'", 0, "missing or unknown"},
        {"+1", 0, "missing or unknown"},
        {".5", 0, "missing or unknown"},
        {"-", 1, "a number"},
        {"01", 2, "a number"},
        {"-01", 3, "a number"},
        {"1.", 2, "a number"},
        {"1.e1", 2, "a number"},
        {"1e", 2, "a number"},
        {"1e+", 3, "a number"},
        {"-Infinity", 1, "a number"},
        {"0x10", 1, "something follows"},
        {"\"a", 2, "inside a string"},
        {"\"a\nb\"", 2, "control byte"},
        {"\"\x1f\"", 1, "control byte"},
        {"\"\\x\"", 1, "escape"},
        {"\"\\u12g4\"", 1, "escape"},
        {"\"\\u123", 1, "escape"},
        {"\"\\", 1, "escape"},
        {"\xef\xbb\xbf{}", 0, "missing or unknown"},
        {"{}/**/", 2, "something follows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_error err = {0};
        if (kk_json_check(kk_str_from(cases[i].text), &err) != KK_ERR_PROTOCOL) {
            fail_msg("'%s' was accepted", cases[i].text);
        }
        char place[64];
        snprintf(place, sizeof place, "not JSON at byte %zu: ", cases[i].at);
        assert_holds(err.message, place);
        assert_holds(err.message, cases[i].problem);
    }
    assert_false(accepts((kk_str){"1\0", 2}));
    assert_false(accepts((kk_str){"\"a\0b\"", 5}));
}

static void test_json__an_error_and_the_end_stay(void **state)
{
    (void)state;
    kk_json_reader reader;
    kk_json_reader_init(&reader, KK_STR("[1 2]"));
    kk_json_next(&reader);
    kk_json_next(&reader);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kk_json_next(&reader), KK_JSON_ERROR);
        assert_int_equal(reader.at, 3);
    }
}

static void test_json__only_utf8_is_accepted(void **state)
{
    (void)state;
    static const char *const good[] = {"\x7f",         "\xc2\x80",         "\xdf\xbf",
                                       "\xe0\xa0\x80", "\xed\x9f\xbf",     "\xee\x80\x80",
                                       "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x9f\xbf",
                                      "\xe0\xa0",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe4\xb8\x41",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf0\x9f\x98",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xfe",
                                      "\xff"};
    // Every place within the eight bytes that are looked at together.
    for (size_t before = 0; before < 17; before++) {
        for (size_t i = 0; i < sizeof good / sizeof *good + sizeof bad / sizeof *bad; i++) {
            bool is_good = i < sizeof good / sizeof *good;
            const char *part = is_good ? good[i] : bad[i - sizeof good / sizeof *good];
            char text[64];
            snprintf(text, sizeof text, "\"%.*s%szzzzzzzzz\"", (int)before, "aaaaaaaaaaaaaaaaaa",
                     part);
            assert_int_equal(accepts(kk_str_from(text)), is_good);
            snprintf(text, sizeof text, "\"%.*s%s\"", (int)before, "aaaaaaaaaaaaaaaaaa", part);
            assert_int_equal(accepts(kk_str_from(text)), is_good);
        }
    }
}

static void test_json__every_control_byte_is_found_at_every_place(void **state)
{
    (void)state;
    for (size_t at = 0; at < 16; at++) {
        for (int byte = 0; byte < 0x80; byte++) {
            char text[] = "\"aaaaaaaaaaaaaaaa\"";
            text[1 + at] = (char)byte;
            bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
            assert_int_equal(accepts((kk_str){text, sizeof text - 1}), plain);
        }
    }
}

static void test_json__1024_levels_are_accepted_and_1025_are_not(void **state)
{
    (void)state;
    for (size_t levels = 1000; levels <= 1025; levels++) {
        kk_buf text = {.limit = TEXT_MAX};
        for (size_t i = 0; i < levels; i++) {
            kk_buf_append_text(&text, i % 3 == 0 ? "{\"a\":" : "[");
        }
        kk_buf_append_text(&text, "1");
        for (size_t i = levels; i-- > 0;) {
            kk_buf_append_byte(&text, i % 3 == 0 ? '}' : ']');
        }
        kk_error err = {0};
        kk_buf out = {.limit = TEXT_MAX};
        kk_code code = kk_json_compact(kk_buf_view(&text), &out, &err);
        if (levels <= KK_JSON_DEPTH_MAX) {
            assert_ok(code, &err);
            assert_same(kk_buf_view(&out), kk_buf_view(&text));
        } else {
            assert_code(code, KK_ERR_PROTOCOL);
            assert_holds(err.message, "1024 levels");
            assert_int_equal(out.len, 0);
        }
        cJSON *tree = NULL;
        err = (kk_error){0};
        code = kk_json_parse(kk_buf_view(&text), "the text", &tree, &err);
        assert_code(code, levels <= 1000 ? KK_OK : KK_ERR_PROTOCOL);
        cJSON_Delete(tree);
        kk_buf_clean(&out);
        kk_buf_clean(&text);
    }
}

static void test_json__a_text_cut_anywhere_is_refused(void **state)
{
    (void)state;
    kk_buf text = {.limit = TEXT_MAX};
    read_fixture("exact/compact.json", &text);
    for (size_t len = 0; len < text.len; len++) {
        assert_false(accepts((kk_str){text.ptr, len}));
    }
    assert_true(accepts(kk_buf_view(&text)));
    kk_buf_append_byte(&text, 'x');
    assert_false(accepts(kk_buf_view(&text)));
    kk_buf_clean(&text);
}

// ---- Tokens

static void test_json__strings_mean_what_their_escapes_say(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        const char *meaning;
        bool text;
    } cases[] = {
        {"\"\"", "", true},
        {"\"plain\"", "plain", true},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", true},
        {"\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac", true},
        {"\"\\uD83D\\uDE00!\"", "\xf0\x9f\x98\x80!", true},
        {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", true},
        {"\"a\\ud800b\"",
         "a\xef\xbf\xbd"
         "b",
         false},
        {"\"\\ude00\"", "\xef\xbf\xbd", false},
        {"\"\\ud800\\u0041\"",
         "\xef\xbf\xbd"
         "A",
         false},
        {"\"\\ud800\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_str raw = kk_str_from(cases[i].raw);
        kk_buf out = {.limit = 100};
        kk_json_unescape(raw, &out);
        assert_string_equal(kk_buf_text(&out), cases[i].meaning);
        assert_int_equal(kk_json_string_is_text(raw), cases[i].text);
        assert_int_equal(kk_json_string_is(raw, kk_str_from(cases[i].meaning)), cases[i].text);
        assert_false(kk_json_string_is(raw, KK_STR("plain and more")));
        assert_false(kk_json_string_is(raw, KK_STR("\"")));
        kk_buf_clean(&out);
    }
    kk_buf out = {.limit = 100};
    kk_json_unescape(KK_STR("\"a\\u0000b\""), &out);
    assert_same(kk_buf_view(&out), KK_STR("a\0b"));
    assert_true(kk_json_string_is(KK_STR("\"a\\u0000b\""), KK_STR("a\0b")));
    assert_false(kk_json_string_is(KK_STR("\"a\\u0000b\""), KK_STR("a")));
    assert_false(kk_json_string_is_text(KK_STR("\"a\\u0000b\"")));
    kk_buf_clean(&out);
}

static void test_json__written_strings_can_be_read(void **state)
{
    (void)state;
    kk_buf out = {.limit = 200};
    kk_json_write_string(&out, KK_STR("a\"\\\b\f\n\r\t\0\x1f\x7f/\xc3\xa4\xff\xed\xa0\x80z"));
    assert_string_equal(kk_buf_text(&out),
                        "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\x7f/\xc3\xa4\xef\xbf\xbd"
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    assert_true(accepts(kk_buf_view(&out)));
    kk_buf_clear(&out);
    kk_json_write_string(&out, (kk_str){NULL, 0});
    assert_string_equal(kk_buf_text(&out), "\"\"");
    kk_buf_clear(&out);
    kk_json_write_segment(&out, KK_STR("a~b/c"));
    assert_string_equal(kk_buf_text(&out), "/a~0b~1c");
    assert_true(kk_json_segment_is(KK_STR("\"a~b\\/c\""), KK_STR("a~0b~1c")));
    assert_false(kk_json_segment_is(KK_STR("\"a~b\""), KK_STR("a~0b~1c")));
    kk_buf_clean(&out);
}

static void test_json__integers_are_exact_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        bool is;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-7", true, -7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"", false, 0},
        {"-", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 77;
        assert_int_equal(kk_json_integer(kk_str_from(cases[i].raw), &value), cases[i].is);
        assert_true(value == (cases[i].is ? cases[i].value : 77));
    }
}

// ---- Trees

static void test_json__parse_refuses_what_a_tree_would_change(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}", "the tape has the member 'c' twice"},
        {"[\"a\\u0000b\"]", "the tape cannot be used: a string holds \\u0000"},
        {"{\"a\\u0000b\":1}", "a string holds \\u0000"},
        {"[\"\\ud800\"]", "half of a surrogate pair"},
        {"[1e400]", "a number is out of range"},
        {"[1111111111111111111111111111111111111111111111111111111111111111]", "63 characters"},
        {"[1,]", "the tape is not JSON at byte 3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *tree = NULL;
        kk_error err = {0};
        assert_code(kk_json_parse(kk_str_from(cases[i].text), "the tape", &tree, &err),
                    KK_ERR_PROTOCOL);
        assert_holds(err.message, cases[i].message);
        assert_null(tree);
    }
}

static void test_json__parse_and_print_agree_with_compact(void **state)
{
    (void)state;
    static const char ordinary[] =
        "{ \"s\": \"a\\\"b\", \"n\": [0, -1, 2.5, 900719925474099], \"t\": true, \"f\": false,\n"
        "\"z\": null, \"o\": {\"\": {}}, \"e\": [] }";
    cJSON *tree = NULL;
    kk_error err = {0};
    assert_ok(kk_json_parse(kk_str_from(ordinary), "the text", &tree, &err), &err);
    kk_buf printed = {.limit = TEXT_MAX};
    kk_buf compact = {.limit = TEXT_MAX};
    kk_json_print(tree, &printed);
    assert_ok(kk_json_compact(kk_str_from(ordinary), &compact, &err), &err);
    assert_same(kk_buf_view(&printed), kk_buf_view(&compact));
    assert_string_equal(kk_json_text(tree, "s"), "a\"b");
    assert_null(kk_json_text(tree, "n"));
    assert_null(kk_json_text(tree, "S"));
    assert_true(cJSON_IsTrue(kk_json_get(tree, "t")));
    assert_null(kk_json_get(NULL, "t"));
    assert_null(kk_json_get(kk_json_get(tree, "n"), "t"));
    kk_buf_clean(&compact);
    kk_buf_clean(&printed);
    cJSON_Delete(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__tokens_are_the_spans_of_the_text),
        cmocka_unit_test(test_json__what_is_not_json_is_refused_with_place_and_problem),
        cmocka_unit_test(test_json__an_error_and_the_end_stay),
        cmocka_unit_test(test_json__only_utf8_is_accepted),
        cmocka_unit_test(test_json__every_control_byte_is_found_at_every_place),
        cmocka_unit_test(test_json__1024_levels_are_accepted_and_1025_are_not),
        cmocka_unit_test(test_json__a_text_cut_anywhere_is_refused),
        cmocka_unit_test(test_json__strings_mean_what_their_escapes_say),
        cmocka_unit_test(test_json__written_strings_can_be_read),
        cmocka_unit_test(test_json__integers_are_exact_or_none),
        cmocka_unit_test(test_json__parse_refuses_what_a_tree_would_change),
        cmocka_unit_test(test_json__parse_and_print_agree_with_compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
