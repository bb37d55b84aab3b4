// Arguments from the words of a command line.
#include "args.h"
#include "unit.h"
#include <stdlib.h>

static const char schema_text[] = "{\"type\":\"object\",\"properties\":{"
                                  "\"zip\":{\"type\":\"string\"},"
                                  "\"count\":{\"type\":\"integer\"},"
                                  "\"ratio\":{\"type\":\"number\"},"
                                  "\"all\":{\"type\":\"boolean\"},"
                                  "\"note\":{\"type\":[\"string\",\"null\"]},"
                                  "\"where\":{\"type\":\"object\"},"
                                  "\"fields\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
                                  "\"ids\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}}}";

static int compile_schema(void **state)
{
    kk_schema *schema = NULL;
    kk_error err = {0};
    assert_ok(kk_schema_compile(kk_str_from(schema_text), &schema, &err), &err);
    kk_entry *entry = calloc(1, sizeof *entry);
    assert_non_null(entry);
    entry->info.function = "shelf.find";
    entry->schema = schema;
    *state = entry;
    return 0;
}

static int free_schema(void **state)
{
    kk_entry *entry = *state;
    kk_schema_free((kk_schema *)(uintptr_t)entry->schema);
    free(entry);
    return 0;
}

typedef const char *const *words;

static size_t count_of(words list)
{
    size_t count = 0;
    while (list[count] != NULL) {
        count++;
    }
    return count;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_WORDS ((const char *const[]){NULL})

static void assert_read(void **state, const char *json, words list, const char *wanted)
{
    char *args = NULL;
    kk_error err = {0};
    assert_ok(kk_args_read(*state, json, list, count_of(list), &args, &err), &err);
    assert_string_equal(args, wanted);
    free(args);
}

static void assert_refused(void **state, const char *json, words list, const char *part)
{
    char *args = NULL;
    kk_error err = {0};
    assert_code(kk_args_read(*state, json, list, count_of(list), &args, &err), KK_ERR_INVALID_ARGS);
    assert_null(args);
    assert_holds(err.message, part);
    assert_holds(err.message, "nothing was sent");
}

static void test_args__nothing_is_an_empty_object(void **state)
{
    assert_read(state, NULL, NO_WORDS, "{}");
    assert_read(state, " { } ", NO_WORDS, "{}");
}

static void test_args__type_comes_from_the_schema_not_from_the_looks(void **state)
{
    assert_read(state, NULL, WORDS("zip=01234"), "{\"zip\":\"01234\"}");
    assert_read(state, NULL, WORDS("zip=true"), "{\"zip\":\"true\"}");
    assert_read(state, NULL, WORDS("zip=null"), "{\"zip\":\"null\"}");
    assert_read(state, NULL, WORDS("zip="), "{\"zip\":\"\"}");
    assert_read(state, NULL, WORDS("zip=a=b \"c\""), "{\"zip\":\"a=b \\\"c\\\"\"}");
    assert_read(state, NULL, WORDS("note=null"), "{\"note\":\"null\"}");
    assert_read(state, NULL, WORDS("count=-7", "ratio=1.10", "all=true"),
                "{\"count\":-7,\"ratio\":1.10,\"all\":true}");
}

static void test_args__numbers_keep_their_digits(void **state)
{
    assert_read(state, NULL, WORDS("count=99999999999999999999"),
                "{\"count\":99999999999999999999}");
    assert_read(state, NULL, WORDS("ratio=1e400"), "{\"ratio\":1e400}");
}

static void test_args__values_of_a_wrong_type_are_refused(void **state)
{
    assert_refused(state, NULL, WORDS("count=abc"), "'count' takes an integer, not 'abc'");
    assert_refused(state, NULL, WORDS("count=1.0"), "takes an integer");
    assert_refused(state, NULL, WORDS("count=1e3"), "takes an integer");
    assert_refused(state, NULL, WORDS("count=012"), "takes an integer");
    assert_refused(state, NULL, WORDS("count= 5"), "takes an integer");
    assert_refused(state, NULL, WORDS("count=-"), "takes an integer");
    assert_refused(state, NULL, WORDS("count="), "takes an integer");
    assert_refused(state, NULL, WORDS("ratio=0x10"), "takes a number");
    assert_refused(state, NULL, WORDS("ratio=1 2"), "takes a number");
    assert_refused(state, NULL, WORDS("ratio=1.5 "), "takes a number");
    assert_refused(state, NULL, WORDS("all=True"), "takes true or false");
    assert_refused(state, NULL, WORDS("where=[]"), "takes a JSON object");
    assert_refused(state, NULL, WORDS("ids=1,x"), "takes an integer, not 'x'");
    assert_refused(state, NULL, WORDS("fields=[a"), "takes a JSON array");
}

static void test_args__refusal_points_at_the_argument(void **state)
{
    char *args = NULL;
    kk_error err = {0};
    assert_code(kk_args_read(*state, NULL, WORDS("count=x"), 1, &args, &err), KK_ERR_INVALID_ARGS);
    assert_string_equal(err.argument, "/count");
}

static void test_args__lists_are_written_with_commas_or_as_json(void **state)
{
    assert_read(state, NULL, WORDS("fields=name,region.slug"),
                "{\"fields\":[\"name\",\"region.slug\"]}");
    assert_read(state, NULL, WORDS("fields=1,true"), "{\"fields\":[\"1\",\"true\"]}");
    assert_read(state, NULL, WORDS("fields=[\"a,b\"]"), "{\"fields\":[\"a,b\"]}");
    assert_read(state, NULL, WORDS("fields="), "{\"fields\":[]}");
    assert_read(state, NULL, WORDS("ids=1,2"), "{\"ids\":[1,2]}");
    assert_read(state, NULL, WORDS("where={\"a\":[1]}"), "{\"where\":{\"a\":[1]}}");
}

static void test_args__words_join_the_object(void **state)
{
    assert_read(state, "{\"zip\": \"1\", \"n\": 1.10}", WORDS("count=2"),
                "{\"zip\":\"1\",\"n\":1.10,\"count\":2}");
    assert_read(state, "{\"where\":{\"count\":1}}", WORDS("count=2"),
                "{\"where\":{\"count\":1},\"count\":2}");
}

static void test_args__key_given_twice_is_refused(void **state)
{
    assert_refused(state, "{\"c\\u006funt\":1}", WORDS("count=2"), "'count' is given twice");
    assert_refused(state, NULL, WORDS("count=1", "zip=a", "count=2"), "'count' is given twice");
}

static void test_args__what_is_no_object_and_no_pair_is_refused(void **state)
{
    assert_refused(state, "[1]", NO_WORDS, "not a JSON object");
    assert_refused(state, "\"{\"", NO_WORDS, "not a JSON object");
    assert_refused(state, "{\"a\":1} x", NO_WORDS, "are not JSON");
    assert_refused(state, "", NO_WORDS, "are not JSON");
    assert_refused(state, NULL, WORDS("acme"), "'acme' is not written key=value");
    assert_refused(state, NULL, WORDS("=acme"), "not written key=value");
}

static void test_args__what_is_not_utf8_is_refused_not_changed(void **state)
{
    assert_refused(state, NULL, WORDS("zip=\xff\xfe"), "'zip' holds bytes that are not UTF-8");
    assert_refused(state, NULL, WORDS("zip=cut \xe2\x82"), "not UTF-8");
    assert_refused(state, NULL, WORDS("fields=name,\xff"), "not UTF-8");
    assert_refused(state, NULL, WORDS("\xffzip=1"), "not UTF-8");
    assert_read(state, NULL, WORDS("zip=\xe2\x82\xac"), "{\"zip\":\"\xe2\x82\xac\"}");
}

static void test_args__number_of_words_is_bounded(void **state)
{
    enum { COUNT = 1001, SIZE = 16 };
    char(*texts)[SIZE] = calloc(COUNT, sizeof *texts);
    const char **list = calloc(COUNT + 1, sizeof *list);
    assert_true(texts != NULL && list != NULL);
    for (int i = 0; i < COUNT; i++) {
        snprintf(texts[i], SIZE, "key%d=1", i);
        list[i] = texts[i];
    }
    assert_refused(state, NULL, list, "there are 1001 arguments");
    list[COUNT - 1] = NULL;
    char *args = NULL;
    kk_error err = {0};
    assert_ok(kk_args_read(*state, NULL, list, COUNT - 1, &args, &err), &err);
    free(args);
    free(list);
    free(texts);
}

static void test_args__unknown_key_is_left_to_the_check(void **state)
{
    assert_read(state, NULL, WORDS("other=5"), "{\"other\":\"5\"}");
    char word[200];
    memset(word, 'k', sizeof word);
    memcpy(word + sizeof word - 3, "=1", 3);
    char *args = NULL;
    kk_error err = {0};
    assert_ok(kk_args_read(*state, NULL, WORDS(word), 1, &args, &err), &err);
    assert_holds(args, "k\":\"1\"}");
    free(args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_args__nothing_is_an_empty_object),
        cmocka_unit_test(test_args__type_comes_from_the_schema_not_from_the_looks),
        cmocka_unit_test(test_args__numbers_keep_their_digits),
        cmocka_unit_test(test_args__values_of_a_wrong_type_are_refused),
        cmocka_unit_test(test_args__refusal_points_at_the_argument),
        cmocka_unit_test(test_args__lists_are_written_with_commas_or_as_json),
        cmocka_unit_test(test_args__words_join_the_object),
        cmocka_unit_test(test_args__key_given_twice_is_refused),
        cmocka_unit_test(test_args__what_is_no_object_and_no_pair_is_refused),
        cmocka_unit_test(test_args__what_is_not_utf8_is_refused_not_changed),
        cmocka_unit_test(test_args__number_of_words_is_bounded),
        cmocka_unit_test(test_args__unknown_key_is_left_to_the_check),
    };
    return cmocka_run_group_tests_name("args", tests, compile_schema, free_schema);
}
