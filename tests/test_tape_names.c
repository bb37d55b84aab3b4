// The names of entries: each is one entry's.
#include "tape_names.h"
#include "unit.h"

static void assert_made(kk_tape_names *self, const char *name, const char *wanted)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    assert_true(kk_tape_names_make(self, name, &out));
    assert_string_equal(kk_buf_text(&out), wanted);
    kk_buf_clean(&out);
}

static void test_tape_names__a_name_twice_gets_a_number(void **state)
{
    (void)state;
    kk_tape_names self = {0};
    assert_made(&self, "get-a", "get-a");
    assert_made(&self, "get-b", "get-b");
    assert_made(&self, "get-a", "get-a-2");
    assert_made(&self, "get-a", "get-a-3");
    assert_made(&self, "get-b", "get-b-2");
    // A name that was made is a name as any other.
    assert_made(&self, "get-a-2", "get-a-2-2");
    kk_tape_names_clean(&self);
    assert_made(&self, "get-a", "get-a");
    kk_tape_names_clean(&self);
}

static void test_tape_names__what_the_tape_has_is_passed_over(void **state)
{
    (void)state;
    kk_tape_names self = {0};
    assert_true(kk_tape_names_take(&self, "get-a"));
    assert_true(kk_tape_names_take(&self, "get-a"));
    assert_true(kk_tape_names_take(&self, "get-a-3"));
    assert_made(&self, "get-a", "get-a-2");
    assert_true(kk_tape_names_take(&self, "get-a-4"));
    assert_made(&self, "get-a", "get-a-5");
    assert_true(kk_tape_names_take(&self, "get-b-2"));
    assert_made(&self, "get-b", "get-b");
    assert_made(&self, "get-b", "get-b-3");
    kk_tape_names_clean(&self);
}

static void test_tape_names__many(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    kk_tape_names self = {0};
    char name[32];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "get-%d", i);
        assert_made(&self, name, name);
    }
    for (int i = 0; i < MANY; i++) {
        char wanted[40];
        snprintf(name, sizeof name, "get-%d", i);
        snprintf(wanted, sizeof wanted, "get-%d-2", i);
        assert_made(&self, name, wanted);
    }
    for (int i = 3; i < MANY; i++) {
        snprintf(name, sizeof name, "get-0-%d", i);
        assert_made(&self, "get-0", name);
    }
    kk_tape_names_clean(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_names__a_name_twice_gets_a_number),
        cmocka_unit_test(test_tape_names__what_the_tape_has_is_passed_over),
        cmocka_unit_test(test_tape_names__many),
    };
    return cmocka_run_group_tests_name("tape_names", tests, NULL, NULL);
}
