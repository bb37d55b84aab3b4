// JSON texts rewritten byte for byte.
#include "json_fixture.h"
#include <stdlib.h>

static void assert_fixture(const kk_buf *got, const char *name)
{
    kk_buf wanted = {.limit = TEXT_MAX};
    read_fixture(name, &wanted);
    assert_same(kk_buf_view(got), kk_buf_view(&wanted));
    kk_buf_clean(&wanted);
}

static size_t add_two(void *context, const kk_json_object *object, kk_json_member *added,
                      kk_buf *scratch)
{
    (void)object;
    size_t *calls = context;
    ++*calls;
    kk_json_write_string(scratch, KK_STR("x \"y\""));
    added[0] = (kk_json_member){"slug", kk_buf_view(scratch)};
    added[1] = (kk_json_member){"n", KK_STR("3")};
    return 2;
}

static void append_piece(void *context, kk_str piece)
{
    assert_true(piece.len > 0);
    kk_buf_append_str(context, piece);
}

// Appends the text with what add_two() adds to it.  Returns how often that was called.
static size_t extend(kk_str text, const char *rows, kk_buf *out)
{
    kk_json_additions added = {.text = {.limit = TEXT_MAX}};
    kk_error err = {0};
    size_t calls = 0;
    assert_ok(kk_json_extend(text, rows, add_two, &calls, &added, NULL, &err), &err);
    kk_json_merge(text, &added, append_piece, out);
    kk_json_additions_clean(&added);
    return calls;
}

static void test_json__rewriting_copies_every_byte_it_does_not_change(void **state)
{
    (void)state;
    kk_buf text = {.limit = TEXT_MAX};
    kk_buf out = {.limit = TEXT_MAX};
    kk_error err = {0};
    read_fixture("exact/input.json", &text);
    kk_str input = kk_buf_view(&text);
    assert_ok(kk_json_compact(input, &out, &err), &err);
    assert_fixture(&out, "exact/compact.json");
    kk_buf_clear(&out);
    assert_ok(kk_json_indent(input, &out, &err), &err);
    assert_fixture(&out, "exact/indented.json");
    kk_buf_clear(&out);
    assert_int_equal(extend(input, "/data", &out), 3);
    assert_fixture(&out, "exact/extended.json");
    kk_buf_clear(&out);
    static const char *const fields[] = {"id", "twice"};
    kk_json_projection projection = {"/data", fields, 2};
    assert_ok(kk_json_project(input, &projection, &out, &err), &err);
    assert_fixture(&out, "exact/projected.json");
    kk_buf_clear(&out);
    static const char *const pointers[] = {"/data/*/id", "/data/1/twice", "/nowhere", NULL};
    assert_ok(kk_json_mask(input, pointers, &out, &err), &err);
    assert_fixture(&out, "exact/masked.json");
    kk_buf_clean(&out);
    kk_buf_clean(&text);
}

static void test_json__a_rewrite_of_no_json_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    static const char *const fields[] = {"a"};
    static const char *const pointers[] = {"/a", NULL};
    kk_json_projection projection = {"/a", fields, 1};
    kk_str bad = KK_STR("{\"a\":[{\"a\":1}],\"b\":tru}");
    kk_buf out = {.limit = TEXT_MAX};
    kk_buf_append_text(&out, "before");
    assert_code(kk_json_compact(bad, &out, NULL), KK_ERR_PROTOCOL);
    assert_code(kk_json_indent(bad, &out, NULL), KK_ERR_PROTOCOL);
    assert_code(kk_json_project(bad, &projection, &out, NULL), KK_ERR_PROTOCOL);
    assert_code(kk_json_mask(bad, pointers, &out, NULL), KK_ERR_PROTOCOL);
    assert_string_equal(kk_buf_text(&out), "before");
    kk_buf_clean(&out);
    kk_buf small = {.limit = 3};
    assert_code(kk_json_compact(KK_STR("[1,2]"), &small, NULL), KK_ERR_TOO_LARGE);
    assert_code(kk_json_mask(KK_STR("{\"a\":1}"), pointers, &small, NULL), KK_ERR_TOO_LARGE);
    kk_buf_clean(&small);
}

static void test_json__extend_keeps_members_that_are_there(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *rows;
        const char *wanted;
    } cases[] = {
        {"{}", NULL, "{\"slug\":\"x \\\"y\\\"\",\"n\":3}"},
        {" { } ", NULL, " {\"slug\":\"x \\\"y\\\"\",\"n\":3 } "},
        {"{\"slug\":null}", NULL, "{\"slug\":null,\"n\":3}"},
        {"{\"sl\\u0075g\":1,\"n\":[ 2 ]}", NULL, "{\"sl\\u0075g\":1,\"n\":[ 2 ]}"},
        {"[{\"n\":1}]", NULL, "[{\"n\":1}]"},
        {"[{\"n\":1}]", "", "[{\"n\":1,\"slug\":\"x \\\"y\\\"\"}]"},
        {"{\"a\":{\"n\":1}}", "/a", "{\"a\":{\"n\":1}}"},
        {"{\"a\":[[{}],null,\"s\"]}", "/a", "{\"a\":[[{}],null,\"s\"]}"},
        {"{\"b\":[{}]}", "/a", "{\"b\":[{}]}"},
        {"7", NULL, "7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_buf out = {.limit = TEXT_MAX};
        extend(kk_str_from(cases[i].text), cases[i].rows, &out);
        assert_string_equal(kk_buf_text(&out), cases[i].wanted);
        kk_buf_clean(&out);
    }
}

static void test_json__extend_refuses_what_is_no_json(void **state)
{
    (void)state;
    static const char *const rows[] = {"/a", "/b", NULL};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kk_json_additions added = {.text = {.limit = TEXT_MAX}};
        size_t calls = 0;
        assert_code(kk_json_extend(KK_STR("{\"a\":[{\"a\":1}],\"b\":tru}"), rows[i], add_two,
                                   &calls, &added, NULL, NULL),
                    KK_ERR_PROTOCOL);
        kk_json_additions_clean(&added);
    }
    kk_json_additions small = {.text = {.limit = 3}};
    size_t calls = 0;
    assert_code(kk_json_extend(KK_STR("{}"), NULL, add_two, &calls, &small, NULL, NULL),
                KK_ERR_TOO_LARGE);
    kk_json_additions_clean(&small);
}

// A part of the text gets what goes into it, and no more.
static void test_json__merge_takes_the_additions_of_a_part(void **state)
{
    (void)state;
    kk_str text = KK_STR("{\"a\":[{\"n\":1}],\"a\":[{\"n\":2},[],{\"n\":3}],\"b\":{}}");
    kk_json_additions added = {.text = {.limit = TEXT_MAX}};
    kk_json_extent extent = {0};
    kk_error err = {0};
    size_t calls = 0;
    kk_buf out = {.limit = TEXT_MAX};
    assert_ok(kk_json_extend(text, "/a", add_two, &calls, &added, &extent, &err), &err);
    kk_json_merge(extent.rows, &added, append_piece, &out);
    assert_string_equal(kk_buf_text(&out), "{\"n\":2,\"slug\":\"x \\\"y\\\"\"},[],"
                                           "{\"n\":3,\"slug\":\"x \\\"y\\\"\"}");
    kk_buf_clear(&out);
    kk_str element = {extent.rows.ptr, strlen("{\"n\":2}")};
    kk_json_merge(element, &added, append_piece, &out);
    assert_string_equal(kk_buf_text(&out), "{\"n\":2,\"slug\":\"x \\\"y\\\"\"}");
    kk_buf_clear(&out);
    // A further walk over the text adds behind what is added already.
    assert_ok(kk_json_extend(text, NULL, add_two, &calls, &added, NULL, &err), &err);
    kk_str rest = {extent.rows.ptr + extent.rows.len,
                   (size_t)(text.ptr + text.len - extent.rows.ptr) - extent.rows.len};
    kk_json_merge(rest, &added, append_piece, &out);
    assert_string_equal(kk_buf_text(&out), "],\"b\":{},\"slug\":\"x \\\"y\\\"\",\"n\":3}");
    kk_json_additions_clean(&added);
    kk_buf_clean(&out);
}

static void test_json__extend_tells_what_the_text_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *rows;
        kk_json_kind kind;
        const char *found;
        size_t row_count;
    } cases[] = {
        {"{\"a\":[{},[{}],1]}", "/a", KK_JSON_OBJECT, "{},[{}],1", 3},
        {"{\"a\":[]}", "/a", KK_JSON_OBJECT, "", 0},
        {"{\"a\":{}}", "/a", KK_JSON_OBJECT, NULL, 0},
        {"{\"b\":[{}]}", "/a", KK_JSON_OBJECT, NULL, 0},
        {"{\"a\":[{}],\"a\":null}", "/a", KK_JSON_OBJECT, NULL, 1},
        {"{\"a\":[{},{}],\"a\":[ {} ]}", "/a", KK_JSON_OBJECT, " {}", 1},
        {"{\"a\":{\"b\":[1,2]}}", "/a/b", KK_JSON_OBJECT, "1,2", 2},
        {"[1,2]", "", KK_JSON_ARRAY, "1,2", 2},
        {"[1,2]", NULL, KK_JSON_ARRAY, NULL, 0},
        {" null ", NULL, KK_JSON_NULL, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_json_additions added = {.text = {.limit = TEXT_MAX}};
        kk_json_extent extent = {0};
        kk_error err = {0};
        assert_ok(kk_json_extend(kk_str_from(cases[i].text), cases[i].rows, NULL, NULL, &added,
                                 &extent, &err),
                  &err);
        assert_int_equal(added.count, 0);
        assert_int_equal(extent.kind, cases[i].kind);
        assert_same(extent.rows, kk_str_from(cases[i].found));
        assert_int_equal(extent.rows.ptr == NULL, cases[i].found == NULL);
        assert_int_equal(extent.row_count, cases[i].row_count);
        kk_json_additions_clean(&added);
    }
}

static size_t add_too_much(void *context, const kk_json_object *object, kk_json_member *added,
                           kk_buf *scratch)
{
    (void)object;
    (void)added;
    kk_buf_append(scratch, context, KK_TEXT_MAX + 1);
    return 0;
}

static void test_json__extend_reports_a_scratch_that_is_full(void **state)
{
    (void)state;
    char *much = calloc(1, KK_TEXT_MAX + 1);
    assert_non_null(much);
    kk_json_additions added = {.text = {.limit = TEXT_MAX}};
    assert_code(kk_json_extend(KK_STR("{}"), NULL, add_too_much, much, &added, NULL, NULL),
                KK_ERR_TOO_LARGE);
    kk_json_additions_clean(&added);
    free(much);
}

static void test_json__project_reaches_into_objects_and_keeps_what_is_around(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *rows;
        const char *fields[3];
        const char *wanted;
    } cases[] = {
        {"{\"a\":1,\"b\":2}", NULL, {"b"}, "{\"b\":2}"},
        {"{\"a\":1,\"complete\":false,\"hint\":\"h\"}",
         NULL,
         {"b"},
         "{\"complete\":false,\"hint\":\"h\"}"},
        {"{\"d\":[{\"a\":1,\"hint\":2}],\"hint\":\"h\"}",
         "/d",
         {"a"},
         "{\"d\":[{\"a\":1}],\"hint\":\"h\"}"},
        {"{\"d\":{\"a\":1},\"a\":2}", "/d", {"a"}, "{\"a\":2}"},
        {"{\"r\":{\"slug\":\"x\",\"y\":1},\"n\":0}", NULL, {"r.slug"}, "{\"r\":{\"slug\":\"x\"}}"},
        {"{\"r\":{\"slug\":\"x\",\"y\":1}}",
         NULL,
         {"r.slug", "r"},
         "{\"r\":{\"slug\":\"x\",\"y\":1}}"},
        {"{\"n\":0,\"r\":null,\"z\":1}", NULL, {"r.slug", "z"}, "{\"z\":1}"},
        {"{\"n\":0,\"r\":{\"q\":1},\"z\":1}", NULL, {"n", "r.slug", "z"}, "{\"n\":0,\"z\":1}"},
        {"{\"r\":[{\"s\":1,\"t\":2},{\"t\":3}]}", NULL, {"r.s"}, "{\"r\":[{\"s\":1},{}]}"},
        {"{\"a\":{\"b\":{\"c\":1,\"d\":2}}}", NULL, {"a.b.c"}, "{\"a\":{\"b\":{\"c\":1}}}"},
        {"{\"\\u0061\":1}", NULL, {"a"}, "{\"\\u0061\":1}"},
        {"[{\"a\":1,\"b\":2}]", "", {"a"}, "[{\"a\":1}]"},
        {"[{\"a\":1,\"b\":2}]", NULL, {"a"}, "[{\"a\":1,\"b\":2}]"},
        {" {\"a\":1} ", NULL, {NULL}, " {} "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_json_projection projection = {cases[i].rows, cases[i].fields, 0};
        while (projection.count < 3 && cases[i].fields[projection.count] != NULL) {
            projection.count++;
        }
        kk_buf out = {.limit = TEXT_MAX};
        kk_error err = {0};
        assert_ok(kk_json_project(kk_str_from(cases[i].text), &projection, &out, &err), &err);
        assert_string_equal(kk_buf_text(&out), cases[i].wanted);
        kk_buf_clean(&out);
    }
}

static void test_json__mask_hides_every_value_at_a_pointer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pointers[3];
        const char *wanted;
    } cases[] = {
        {"{\"a\":{\"b\":1}}", {""}, "\"[masked]\""},
        {" 7 ", {""}, " \"[masked]\" "},
        {"{\"a\":{\"b\":[1,2]},\"b\":3}", {"/a/b"}, "{\"a\":{\"b\":\"[masked]\"},\"b\":3}"},
        {"[1,[2,3],{\"x\":4}]", {"/1/0", "/2/*"}, "[1,[\"[masked]\",3],{\"x\":\"[masked]\"}]"},
        {"[[{\"k\":1}],[{\"k\":2}]]",
         {"/*/*/k"},
         "[[{\"k\":\"[masked]\"}],[{\"k\":\"[masked]\"}]]"},
        {"{\"a/b\":1,\"c~d\":2,\"\":3}",
         {"/a~1b", "/c~0d", "/"},
         "{\"a/b\":\"[masked]\",\"c~d\":\"[masked]\",\"\":\"[masked]\"}"},
        {"{\"\\u0061\":1,\"a\":2}", {"/a"}, "{\"\\u0061\":\"[masked]\",\"a\":\"[masked]\"}"},
        {"{\"a\":1}", {"/a/b", "/01", "a"}, "{\"a\":1}"},
        {"{\"a\":1}", {NULL}, "{\"a\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *pointers[4] = {cases[i].pointers[0], cases[i].pointers[1], cases[i].pointers[2],
                                   NULL};
        kk_buf out = {.limit = TEXT_MAX};
        kk_error err = {0};
        assert_ok(kk_json_mask(kk_str_from(cases[i].text), pointers, &out, &err), &err);
        assert_string_equal(kk_buf_text(&out), cases[i].wanted);
        kk_buf_clean(&out);
    }
}

static void test_json__find_follows_a_pointer(void **state)
{
    (void)state;
    kk_str text = KK_STR(" {\"a\":[10,{\"b/c\":\"x\"}],\"a~\":1,\"d\":1,\"d\":{\"e\":2},\"\":0} ");
    static const struct {
        const char *pointer;
        const char *raw; // NULL: nothing there
    } cases[] = {
        {"/a/0", "10"},
        {"/a/1/b~1c", "\"x\""},
        {"/a~0", "1"},
        {"/d/e", "2"},
        {"/d", "{\"e\":2}"},
        {"/", "0"},
        {"", "{\"a\":[10,{\"b/c\":\"x\"}],\"a~\":1,\"d\":1,\"d\":{\"e\":2},\"\":0}"},
        {"/a/2", NULL},
        {"/a/-", NULL},
        {"/a/00", NULL},
        {"/a/b", NULL},
        {"/d/e/f", NULL},
        {"/x", NULL},
        {"a", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_str raw = KK_STR("untouched");
        bool found = kk_json_find(text, cases[i].pointer, &raw);
        assert_int_equal(found, cases[i].raw != NULL);
        assert_same(raw, kk_str_from(cases[i].raw != NULL ? cases[i].raw : "untouched"));
    }
    kk_str raw;
    assert_false(kk_json_find(KK_STR("{\"a\":1,}"), "/a", &raw));
    assert_false(kk_json_find(KK_STR("{\"a\":1}}"), "", &raw));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__rewriting_copies_every_byte_it_does_not_change),
        cmocka_unit_test(test_json__a_rewrite_of_no_json_leaves_the_buffer_as_it_was),
        cmocka_unit_test(test_json__extend_keeps_members_that_are_there),
        cmocka_unit_test(test_json__extend_refuses_what_is_no_json),
        cmocka_unit_test(test_json__merge_takes_the_additions_of_a_part),
        cmocka_unit_test(test_json__extend_tells_what_the_text_is),
        cmocka_unit_test(test_json__extend_reports_a_scratch_that_is_full),
        cmocka_unit_test(test_json__project_reaches_into_objects_and_keeps_what_is_around),
        cmocka_unit_test(test_json__mask_hides_every_value_at_a_pointer),
        cmocka_unit_test(test_json__find_follows_a_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
