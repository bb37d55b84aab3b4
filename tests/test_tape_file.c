// The layout of a tape's file, and the replacing of the file.
#include "scratch.h"
#include "tape_file.h"
#include "tape_layout.h"
#include "unit.h"
#include <sys/stat.h>
#include <unistd.h>

static void assert_layout(const char *json, const char *wanted)
{
    kk_error err = {0};
    kk_buf out = {.limit = KK_TEXT_MAX};
    assert_ok(kk_tape_layout(kk_str_from(json), &out, &err), &err);
    assert_string_equal(kk_buf_text(&out), wanted);
    kk_buf_clean(&out);
}

static void test_layout__breaks_lines_where_a_reader_looks_for_them(void **state)
{
    (void)state;
    assert_layout("{}", "{}\n");
    assert_layout("[1,[],{}]", "[\n 1,\n [],\n {}\n]\n");
    assert_layout("[1,\"a\",null]", "[1, \"a\", null]\n");
    assert_layout("{\"a\":{\"b\" : 1.50,\"c\":\"\\u0041\"}}",
                  "{\n \"a\": {\n  \"b\": 1.50,\n  \"c\": \"\\u0041\"\n }\n}\n");
    assert_layout(
        "{\"headers\":[{\"name\":\"a\",\"value\":\"b\"},{\"name\":\"c\",\"value\":[1,2]}],"
        "\"queryString\":[],\"timings\":{\"send\":0,\"wait\":1}}",
        "{\n \"headers\": [\n  {\"name\": \"a\", \"value\": \"b\"},\n"
        "  {\"name\": \"c\", \"value\": [1, 2]}\n ],\n \"queryString\": [],\n"
        " \"timings\": {\"send\": 0, \"wait\": 1}\n}\n");
    // Inside a body these names mean nothing.
    assert_layout(
        "{\"_json\":{\"headers\":[{\"a\":1}],\"timings\":{\"b\":2}},\"_match\":{\"body\":"
        "\"ignore\"}}",
        "{\n \"_json\": {\n  \"headers\": [\n   {\n    \"a\": 1\n   }\n  ],\n"
        "  \"timings\": {\n   \"b\": 2\n  }\n },\n \"_match\": {\n  \"body\": \"ignore\"\n }\n}\n");
}

static void test_layout__keeps_the_tape_of_the_tree(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_buf out = {.limit = KK_TAPE_MAX};
    assert_ok(kk_tape_file_read(KK_FIXTURES "/tapes/planetscale.har", &text, &err), &err);
    assert_ok(kk_tape_layout(kk_buf_view(&text), &out, &err), &err);
    assert_true(kk_str_equals(kk_buf_view(&text), kk_buf_view(&out)));
    kk_buf_clean(&out);
    kk_buf_clean(&text);
}

static void test_layout__puts_an_entry_at_its_place(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_TEXT_MAX};
    assert_ok(kk_tape_layout_entry(KK_STR("{\"_id\":\"a\"}"), &out, &err), &err);
    assert_string_equal(kk_buf_text(&out), "{\n    \"_id\": \"a\"\n   }");
    kk_buf_clear(&out);
    assert_code(kk_tape_layout(KK_STR("{\"a\":1"), &out, &err), KK_ERR_PROTOCOL);
    kk_buf_clean(&out);
}

static void assert_file(const char *path, const char *wanted, mode_t mode)
{
    kk_error err = {0};
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    struct stat info;
    assert_ok(kk_tape_file_read(path, &text, &err), &err);
    assert_string_equal(kk_buf_text(&text), wanted);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, mode);
    kk_buf_clean(&text);
}

static void test_file__is_replaced_whole_and_keeps_its_mode(void **state)
{
    (void)state;
    kk_error err = {0};
    scratch folder;
    scratch_init(&folder);
    const char *path = scratch_path(&folder, "a.har");
    const char *link = scratch_path(&folder, "link.har");
    assert_ok(kk_tape_file_write(path, KK_STR("one"), &err), &err);
    assert_file(path, "one", 0600);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(symlink("a.har", link), 0);
    assert_ok(kk_tape_file_write(link, KK_STR("two"), &err), &err);
    assert_file(path, "two", 0644);
    struct stat info;
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    scratch_clean(&folder);
}

static void test_file__that_cannot_be_written_stays_as_it_is(void **state)
{
    (void)state;
    kk_error err = {0};
    scratch folder;
    scratch_init(&folder);
    const char *path = scratch_path(&folder, "none/a.har");
    assert_code(kk_tape_file_write(path, KK_STR("one"), &err), KK_ERR_IO);
    assert_holds(err.message, "none/a.har");
    path = scratch_path(&folder, "directory");
    assert_int_equal(mkdir(path, 0700), 0);
    err = (kk_error){0};
    assert_code(kk_tape_file_write(path, KK_STR("one"), &err), KK_ERR_IO);
    scratch_clean(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout__breaks_lines_where_a_reader_looks_for_them),
        cmocka_unit_test(test_layout__keeps_the_tape_of_the_tree),
        cmocka_unit_test(test_layout__puts_an_entry_at_its_place),
        cmocka_unit_test(test_file__is_replaced_whole_and_keeps_its_mode),
        cmocka_unit_test(test_file__that_cannot_be_written_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
