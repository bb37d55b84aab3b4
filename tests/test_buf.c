// Buffers, failure records and near names.
#include "buf.h"
#include "fail.h"
#include "near.h"
#include "unit.h"
#include <stdlib.h>

static void test_buf__room_that_nobody_wrote_to_holds_no_text(void **state)
{
    (void)state;
    kk_buf buf = {.limit = 1 << 20};
    char *room = kk_buf_reserve(&buf, 1000);
    assert_non_null(room);
    memset(room, 'x', 1000);
    kk_buf_grow(&buf, 3);
    assert_string_equal(kk_buf_text(&buf), "xxx");
    kk_buf_clean(&buf);
    buf = (kk_buf){.limit = 1 << 20};
    assert_non_null(kk_buf_reserve(&buf, 1000));
    assert_string_equal(kk_buf_text(&buf), "");
    assert_non_null(kk_buf_reserve(&buf, 100000));
    assert_string_equal(kk_buf_text(&buf), "");
    kk_buf_clean(&buf);
}

static void test_buf__append_past_the_limit_changes_nothing(void **state)
{
    (void)state;
    kk_buf buf = {.limit = 4};
    kk_buf_append_text(&buf, "abc");
    kk_buf_append_text(&buf, "de");
    assert_string_equal(kk_buf_text(&buf), "abc");
    kk_buf_append_byte(&buf, 'd');
    assert_string_equal(kk_buf_text(&buf), "abc");
    kk_error err = {0};
    assert_code(kk_buf_check(&buf, "the text", &err), KK_ERR_TOO_LARGE);
    assert_string_equal(err.message, "the text is longer than 4 bytes");
    kk_buf_clean(&buf);
}

static void test_buf__steal_gives_text_and_leaves_nothing(void **state)
{
    (void)state;
    kk_buf buf = {.limit = KK_TEXT_MAX};
    for (int i = 0; i < 1000; i++) {
        kk_buf_append_format(&buf, "%d,", i);
    }
    char *text = kk_buf_steal(&buf);
    assert_non_null(text);
    assert_int_equal(strlen(text), 3890);
    assert_int_equal(buf.len, 0);
    free(text);
    text = kk_buf_steal(&buf);
    assert_string_equal(text, "");
    free(text);
    kk_buf_clean(&buf);
}

static void test_error__first_failure_stands(void **state)
{
    (void)state;
    kk_error err = {0};
    assert_code(kk_fail(&err, KK_ERR_TIMEOUT, "first %d", 1), KK_ERR_TIMEOUT);
    assert_code(kk_fail(&err, KK_ERR_IO, "second"), KK_ERR_IO);
    assert_string_equal(err.message, "first 1");
    assert_int_equal(err.code, KK_ERR_TIMEOUT);
    assert_code(kk_fail(NULL, KK_ERR_IO, "nobody listens"), KK_ERR_IO);
}

static void test_error__text_is_one_line_and_cut_at_a_character(void **state)
{
    (void)state;
    char out[8];
    kk_text_set(out, sizeof out,
                "a\nb\x7f"
                "c");
    assert_string_equal(out, "a b c");
    kk_text_set(out, sizeof out, "12345\xe2\x82\xac");
    assert_string_equal(out, "12345");
    kk_text_set(out, sizeof out,
                "1234\xe2\x82\xac"
                "5");
    assert_string_equal(out, "1234\xe2\x82\xac");
}

static void test_error__every_code_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < KK_CODE_COUNT; a++) {
        assert_true(strlen(kk_code_name((kk_code)a)) > 0);
        assert_true(strlen(kk_code_meaning((kk_code)a)) > 0);
        assert_in_range(kk_code_exit_status((kk_code)a), a == KK_OK ? 0 : 1, a == KK_OK ? 0 : 7);
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(kk_code_name((kk_code)a), kk_code_name((kk_code)b));
        }
    }
    assert_string_equal(kk_code_name((kk_code)9999), "internal");
}

static void test_error__a_name_is_appended_as_in_a_variable(void **state)
{
    (void)state;
    char name[16] = "KK_";
    kk_text_append_upper(name, sizeof name, "my-app_2");
    assert_string_equal(name, "KK_MY_APP_2");
    kk_text_append_upper(name, sizeof name, "much_too_long");
    assert_string_equal(name, "KK_MY_APP_2MUCH");
}

static void test_near__names_the_nearest_first(void **state)
{
    (void)state;
    const char *const names[] = {"get_branch", "list_branches", "list_databases", "create_database",
                                 "get_database"};
    char out[128];
    assert_int_equal(kk_near("list_databse", names, 5, out, sizeof out), 2);
    assert_memory_equal(out, "'list_databases', ", 18);
    assert_int_equal(kk_near("database", names, 5, out, sizeof out), 3);
    const char *const fields[] = {"kind", "name", "state"};
    assert_int_equal(kk_near("nmae", fields, 3, out, sizeof out), 1);
    assert_string_equal(out, "'name'");
    assert_int_equal(kk_near("zzz", names, 5, out, sizeof out), 0);
    assert_string_equal(out, "");
    assert_int_equal(kk_near("", names, 5, out, sizeof out), 0);
}

static void test_near__hints_before_what_follows(void **state)
{
    (void)state;
    const char *const names[] = {"kind", "name"};
    kk_error err = {0};
    kk_fail(&err, KK_ERR_USAGE, "no");
    kk_fail_near(&err, "zzz", names, 2);
    assert_string_equal(err.hint, "");
    kk_fail_near(&err, "nmae", names, 2);
    kk_fail_hint(&err, "too late");
    assert_string_equal(err.hint, "did you mean 'name'?");
    kk_fail_near(NULL, "nmae", names, 2);
}

static void test_buf__shrinks_even_where_nothing_was_appended(void **state)
{
    (void)state;
    kk_buf buf = {.limit = 8};
    kk_buf_shrink(&buf, 0);
    assert_int_equal(buf.len, 0);
    kk_buf_append_text(&buf, "abc");
    kk_buf_shrink(&buf, 1);
    assert_string_equal(kk_buf_text(&buf), "a");
    kk_buf_clean(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf__room_that_nobody_wrote_to_holds_no_text),
        cmocka_unit_test(test_buf__append_past_the_limit_changes_nothing),
        cmocka_unit_test(test_buf__steal_gives_text_and_leaves_nothing),
        cmocka_unit_test(test_buf__shrinks_even_where_nothing_was_appended),
        cmocka_unit_test(test_error__first_failure_stands),
        cmocka_unit_test(test_error__text_is_one_line_and_cut_at_a_character),
        cmocka_unit_test(test_error__every_code_has_a_name_of_its_own),
        cmocka_unit_test(test_error__a_name_is_appended_as_in_a_variable),
        cmocka_unit_test(test_near__names_the_nearest_first),
        cmocka_unit_test(test_near__hints_before_what_follows),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
