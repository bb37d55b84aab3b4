// Schemas: each keyword, each refusal, and what is said about them.
#include "json.h"
#include "schema.h"
#include "unit.h"

static const char list_databases[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"organization\":{\"type\":\"string\",\"x-kk-segment\":true,"
    "\"description\":\"The organization's name.\"},"
    "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":20},"
    "\"page\":{\"type\":\"integer\",\"minimum\":1},"
    "\"state\":{\"type\":[\"string\",\"null\"],\"enum\":[\"ready\",\"asleep\",null]},"
    "\"fields\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true,"
    "\"minItems\":1,\"maxItems\":3}},"
    "\"required\":[\"organization\"],\"additionalProperties\":false}";

static kk_schema *compile(const char *text)
{
    kk_schema *schema = NULL;
    kk_error err = {0};
    assert_ok(kk_schema_compile(kk_str_from(text), &schema, &err), &err);
    return schema;
}

// Checks arguments against the schema above: NULL for accepted, else the whole message.
static void check_arguments(const char *value, const char *argument, const char *message)
{
    kk_schema *schema = compile(list_databases);
    kk_error err = {0};
    kk_code code = kk_schema_check(schema, kk_str_from(value), true, &err);
    kk_schema_free(schema);
    if (message == NULL) {
        assert_ok(code, &err);
        return;
    }
    assert_code(code, KK_ERR_INVALID_ARGS);
    assert_string_equal(err.message, message);
    assert_string_equal(err.argument, argument);
}

static void test_schema__arguments_that_fit_are_accepted(void **state)
{
    (void)state;
    check_arguments("{\"organization\":\"acme\"}", NULL, NULL);
    check_arguments(" { \"organization\" : \"a b%\\u00e4\" , \"limit\" : 100 } ", NULL, NULL);
    check_arguments("{\"organization\":\"acme\",\"limit\":1,\"state\":null}", NULL, NULL);
    check_arguments("{\"organization\":\"acme\",\"state\":\"re\\u0061dy\"}", NULL, NULL);
    check_arguments("{\"\\u006frganization\":\"acme\",\"fields\":[\"a\",\"b\"]}", NULL, NULL);
}

static void test_schema__the_first_fault_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        const char *argument;
        const char *message;
    } cases[] = {
        {"{\"organisation\":\"acme\"}", "/organisation",
         "unknown argument 'organisation'; did you mean 'organization'? nothing was sent"},
        {"{\"zzz\":1}", "/zzz",
         "unknown argument 'zzz'; known are 'organization', 'limit', 'page', 'state', 'fields'; "
         "nothing was sent"},
        {"{}", "/organization",
         "argument 'organization' is missing: The organization's name.; nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":101}", "/limit",
         "argument 'limit' must be at most 100, got 101; nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":0}", "/limit",
         "argument 'limit' must be at least 1, got 0; nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":\"5\"}", "/limit",
         "argument 'limit' must be an integer, got the string \"5\"; nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":1.0}", "/limit",
         "argument 'limit' must be an integer, got 1.0 (an integer has no point, no exponent and "
         "at most 64 bits); nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":1e1}", "/limit",
         "argument 'limit' must be an integer, got 1e1 (an integer has no point, no exponent and "
         "at most 64 bits); nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":9223372036854775808}", "/limit",
         "argument 'limit' must be an integer, got 9223372036854775808 (an integer has no point, "
         "no exponent and at most 64 bits); nothing was sent"},
        {"{\"organization\":\"a\",\"limit\":1,\"limit\":2}", "/limit",
         "argument 'limit' is given twice; nothing was sent"},
        {"{\"organization\":\"a\",\"state\":\"gone\"}", "/state",
         "argument 'state' must be one of [\"ready\",\"asleep\",null], got \"gone\"; nothing was "
         "sent"},
        {"{\"organization\":\"a\",\"state\":[]}", "/state",
         "argument 'state' must be a string or null, got an array; nothing was sent"},
        {"{\"organization\":\"a\",\"fields\":[\"x\",7]}", "/fields/1",
         "argument 'fields/1' must be a string, got 7; nothing was sent"},
        {"{\"organization\":\"a\",\"fields\":[\"x\",\"\\u0078\"]}", "/fields",
         "argument 'fields' must not hold the same element twice; nothing was sent"},
        {"{\"organization\":\"a\",\"fields\":[]}", "/fields",
         "argument 'fields' must have at least 1 elements, got 0; nothing was sent"},
        {"{\"organization\":\"a\",\"fields\":[\"1\",\"2\",\"3\",\"4\"]}", "/fields",
         "argument 'fields' must have at most 3 elements, got 4; nothing was sent"},
        {"{\"organization\":true}", "/organization",
         "argument 'organization' must be a string, got true; nothing was sent"},
        {"{\"organization\":\"a\\u0000b\"}", "/organization",
         "argument 'organization' must not hold \\u0000 or half of a surrogate pair; nothing was "
         "sent"},
        {"[]", "", "the arguments must be an object, got an array; nothing was sent"},
        {"{\"a\":1", "",
         "the arguments are not JSON at byte 6: a comma or '}' is missing; nothing was sent"},
        {"", "",
         "the arguments are not JSON at byte 0: the text ends where a value should be; nothing "
         "was sent"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_arguments(cases[i].value, cases[i].argument, cases[i].message);
    }
}

static void test_schema__a_segment_cannot_leave_its_place(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "\"\"",       "\".\"",        "\"..\"",    "\"a/b\"",       "\"a\\/b\"",
        "\"a\\\\b\"", "\"\\u002e.\"", "\"a\\nb\"", "\"a\\u007fb\"", "\"\\u001f\"",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"organization\":%s}", refused[i]);
        kk_schema *schema = compile(list_databases);
        kk_error err = {0};
        if (kk_schema_check(schema, kk_str_from(text), true, &err) != KK_ERR_INVALID_ARGS) {
            fail_msg("%s was accepted", refused[i]);
        }
        assert_holds(err.message, "argument 'organization' must ");
        kk_schema_free(schema);
    }
    char text[400] = "{\"organization\":\"";
    size_t start = strlen(text);
    memset(text + start, 'a', 255);
    memcpy(text + start + 255, "\"}", 3);
    check_arguments(text, NULL, NULL);
    memcpy(text + start + 255, "a\"}", 4);
    check_arguments(text, "/organization",
                    "argument 'organization' must have at most 255 bytes, got "
                    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...; nothing was sent");
}

static void test_schema__each_keyword_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *value;
        const char *message; // NULL: it fits
    } cases[] = {
        {"{}", "[1,{\"a\":null}]", NULL},
        {"{\"type\":\"null\"}", "null", NULL},
        {"{\"type\":\"null\"}", "0", "the value must be null, got 0"},
        {"{\"type\":\"boolean\"}", "false", NULL},
        {"{\"type\":\"boolean\"}", "\"false\"",
         "the value must be true or false, got the string \"false\""},
        {"{\"type\":\"number\"}", "-1.5e3", NULL},
        {"{\"type\":\"number\"}", "7", NULL},
        {"{\"type\":\"integer\"}", "-9223372036854775808", NULL},
        {"{\"type\":\"number\",\"minimum\":0.5}", "0.25",
         "the value must be at least 0.5, got 0.25"},
        {"{\"type\":\"number\",\"maximum\":9007199254740992}", "9007199254740993",
         "the value must be at most 9007199254740992, got 9007199254740993"},
        {"{\"minimum\":5}", "\"text\"", NULL},
        {"{\"minLength\":2}", "\"\\u00e4\"", "the value must have at least 2 characters, got 1"},
        {"{\"minLength\":2}", "\"\xc3\xa4\xf0\x9f\x98\x80\"", NULL},
        {"{\"maxLength\":1}", "\"ab\"", "the value must have at most 1 characters, got 2"},
        {"{\"maxLength\":1}", "\"\\ud83d\\ude00\"", NULL},
        {"{\"const\":1}", "1.0", NULL},
        {"{\"const\":\"a\"}", "\"b\"", "the value must be \"a\", got \"b\""},
        {"{\"enum\":[1,[2,{\"a\":3}]]}", "[ 2.0 , {\"\\u0061\" : 3} ]", NULL},
        {"{\"enum\":[1,2]}", "3", "the value must be one of [1,2], got 3"},
        {"{\"uniqueItems\":true}", "[1,2,1e0]", "the value must not hold the same element twice"},
        {"{\"uniqueItems\":true}", "[1,\"1\",[1],{\"a\":1}]", NULL},
        {"{\"uniqueItems\":false}", "[1,1]", NULL},
        {"{\"items\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}}", "[[1],[2,\"x\"]]",
         "the value at '/1/1' must be an integer, got the string \"x\""},
        {"{\"properties\":{\"a/b\":{\"type\":\"null\"}}}", "{\"a/b\":1}",
         "the value at '/a~1b' must be null, got 1"},
        {"{\"properties\":{\"a\":{}}}", "{\"b\":1}", NULL},
        {"{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"b\":1}",
         "unknown member 'b'; known are 'a'"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"b\":1}",
         "the value at '/b' must be a string, got 1"},
        {"{\"properties\":{\"a\":{}},\"required\":[\"a\"]}", "{}", "the value at '/a' is missing"},
        {"{\"title\":\"T\",\"description\":\"D\",\"default\":1}", "2", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_schema *schema = compile(cases[i].schema);
        kk_error err = {0};
        kk_code code = kk_schema_check(schema, kk_str_from(cases[i].value), false, &err);
        if (cases[i].message == NULL) {
            assert_ok(code, &err);
        } else {
            assert_code(code, KK_ERR_INVALID_ARGS);
            assert_string_equal(err.message, cases[i].message);
        }
        kk_schema_free(schema);
    }
}

static void test_schema__arguments_are_closed_unless_the_schema_opens_them(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_schema *schema = compile("{\"type\":\"object\"}");
    assert_code(kk_schema_check(schema, KK_STR("{\"a\":1}"), true, &err), KK_ERR_INVALID_ARGS);
    assert_string_equal(err.message, "unknown argument 'a'; none is known; nothing was sent");
    kk_schema_free(schema);
    schema = compile("{\"type\":\"object\",\"additionalProperties\":true}");
    err = (kk_error){0};
    assert_ok(kk_schema_check(schema, KK_STR("{\"a\":1}"), true, &err), &err);
    kk_schema_free(schema);
}

static void test_schema__what_kk_does_not_check_refuses_the_schema(void **state)
{
    (void)state;
    static const struct {
        const char *schema;
        const char *argument;
        const char *message;
    } cases[] = {
        {"{\"pattern\":\"x\"}", "/pattern", "is a keyword that kk does not check"},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", "/properties/a/$ref", "does not check"},
        {"{\"items\":{\"oneOf\":[]}}", "/items/oneOf", "does not check"},
        {"[]", "", "must be an object"},
        {"{\"properties\":{\"a\":true}}", "/properties/a", "must be an object"},
        {"{\"properties\":[]}", "/properties", "must be an object"},
        {"{\"type\":\"int\"}", "/type", "names \"int\", which is no type"},
        {"{\"type\":[]}", "/type", "at least one type"},
        {"{\"type\":[\"null\",\"null\"]}", "/type", "twice"},
        {"{\"type\":7}", "/type", "which is no type"},
        {"{\"required\":[\"a\"]}", "/required", "not in 'properties': \"a\""},
        {"{\"required\":\"a\"}", "/required", "must be an array"},
        {"{\"enum\":[]}", "/enum", "at least one value"},
        {"{\"enum\":[1],\"const\":1}", "/const", "beside 'enum'"},
        {"{\"minimum\":\"1\"}", "/minimum", "must be a number"},
        {"{\"minimum\":2,\"maximum\":1}", "", "above its 'maximum'"},
        {"{\"minLength\":-1}", "/minLength", "at least 0"},
        {"{\"maxLength\":1.5}", "/maxLength", "at least 0"},
        {"{\"minLength\":2,\"maxLength\":1}", "", "above its 'maxLength'"},
        {"{\"minItems\":2,\"maxItems\":1}", "", "above its 'maxItems'"},
        {"{\"uniqueItems\":1}", "/uniqueItems", "true or false"},
        {"{\"additionalProperties\":1}", "/additionalProperties", "true or false"},
        {"{\"x-kk-segment\":false,\"type\":\"string\"}", "/x-kk-segment", "can only be true"},
        {"{\"x-kk-segment\":true,\"type\":\"integer\"}", "", "is no string"},
        {"{\"title\":1}", "/title", "must be a string"},
        {"{\"description\":1}", "/description", "must be a string"},
        {"{\"properties\":{\"a\":{\"type\":\"integer\",\"default\":\"x\"}}}", "/properties/a",
         "a default that does not fit: the value must be an integer"},
        {"{\"type\":\"null\",\"type\":\"null\"}", "", "'type' twice"},
        {"{\"type\":", "", "not JSON at byte 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_schema *schema = NULL;
        kk_error err = {0};
        if (kk_schema_compile(kk_str_from(cases[i].schema), &schema, &err) != KK_ERR_INVALID_ARGS) {
            fail_msg("%s was accepted", cases[i].schema);
        }
        assert_null(schema);
        assert_holds(err.message, cases[i].message);
        assert_string_equal(err.argument, cases[i].argument);
    }
}

static void test_schema__schemas_nest_32_levels(void **state)
{
    (void)state;
    for (size_t levels = 32; levels <= 33; levels++) {
        kk_buf text = {.limit = KK_TEXT_MAX};
        for (size_t i = 1; i < levels; i++) {
            kk_buf_append_text(&text, "{\"items\":");
        }
        kk_buf_append_text(&text, "{}");
        for (size_t i = 1; i < levels; i++) {
            kk_buf_append_byte(&text, '}');
        }
        kk_schema *schema = NULL;
        kk_error err = {0};
        kk_code code = kk_schema_compile(kk_buf_view(&text), &schema, &err);
        assert_code(code, levels == 32 ? KK_OK : KK_ERR_INVALID_ARGS);
        kk_schema_free(schema);
        kk_buf_clean(&text);
    }
}

static void test_schema__properties_are_published_in_their_order(void **state)
{
    (void)state;
    static const char *const names[] = {"organization", "limit", "page", "state", "fields"};
    kk_schema *schema = compile(list_databases);
    assert_int_equal(kk_schema_property_count(schema), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(kk_schema_property_at(schema, i)->name, names[i]);
    }
    assert_null(kk_schema_property_at(schema, 5));
    assert_null(kk_schema_property_find(schema, "Limit"));
    const kk_schema_property *organization = kk_schema_property_find(schema, "organization");
    assert_true(organization->required);
    assert_string_equal(organization->type, "string");
    assert_string_equal(organization->description, "The organization's name.");
    assert_null(organization->value);
    const kk_schema_property *limit = kk_schema_property_find(schema, "limit");
    assert_false(limit->required);
    assert_string_equal(limit->value, "20");
    assert_string_equal(limit->scalar, "integer");
    assert_string_equal(limit->description, "");
    const kk_schema_property *status = kk_schema_property_find(schema, "state");
    assert_string_equal(status->type, "string | null");
    assert_string_equal(status->scalar, "string");
    assert_string_equal(status->choices, "[\"ready\",\"asleep\",null]");
    const kk_schema_property *fields = kk_schema_property_find(schema, "fields");
    assert_string_equal(fields->type, "array of string");
    assert_string_equal(fields->scalar, "array");
    assert_string_equal(fields->item_scalar, "string");
    assert_null(status->item_scalar);
    kk_schema_free(schema);
    schema = compile("{\"properties\":{\"a\":{\"type\":[\"null\",\"integer\"]},\"b\":{}}}");
    assert_string_equal(kk_schema_property_at(schema, 0)->scalar, "integer");
    assert_string_equal(kk_schema_property_at(schema, 1)->type, "any");
    kk_schema_free(schema);
}

static void test_schema__field_paths_are_known_or_have_near_names(void **state)
{
    (void)state;
    kk_schema *schema = compile(
        "{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"region\":{\"type\":\"object\","
        "\"properties\":{\"slug\":{\"type\":\"string\"}}},\"extra\":{\"type\":\"object\"}}}}}}");
    char names[64] = "x";
    assert_true(kk_schema_has_field(schema, "/data", "name", names, sizeof names));
    assert_string_equal(names, "");
    assert_true(kk_schema_has_field(schema, "/data", "region.slug", names, sizeof names));
    assert_true(kk_schema_has_field(schema, "/data/0", "region", NULL, 0));
    assert_true(kk_schema_has_field(schema, NULL, "data.name", NULL, 0));
    assert_true(kk_schema_has_field(schema, "/data", "extra.anything", NULL, 0));
    assert_false(kk_schema_has_field(schema, "/data", "name.x", NULL, 0));
    assert_false(kk_schema_has_field(schema, "/nowhere", "name", NULL, 0));
    assert_false(kk_schema_has_field(schema, "", "name", NULL, 0));
    assert_false(kk_schema_has_field(schema, "/data", "nane", names, sizeof names));
    assert_string_equal(names, "'name'");
    assert_false(kk_schema_has_field(schema, "/data", "region.slugs", names, sizeof names));
    assert_string_equal(names, "'slug'");
    kk_schema_free(schema);
}

static void test_schema__large_arguments_are_handled(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    kk_buf text = {.limit = 2 * LARGE};
    kk_buf_append_text(&text, "{\"organization\":\"a\",\"");
    for (size_t i = 0; i < LARGE; i++) {
        kk_buf_append_byte(&text, 'n');
    }
    kk_buf_append_text(&text, "\":1}");
    kk_schema *schema = compile(list_databases);
    kk_error err = {0};
    assert_code(kk_schema_check(schema, kk_buf_view(&text), true, &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.message, "unknown argument 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...'");
    assert_holds(err.message, "; nothing was sent");
    kk_schema_free(schema);
    kk_buf_clear(&text);
    kk_buf_append_byte(&text, '[');
    for (size_t i = 0; i < 100000; i++) {
        kk_buf_append_format(&text, "%zu,", i);
    }
    kk_buf_append_text(&text, "99999]");
    schema = compile("{\"uniqueItems\":true}");
    err = (kk_error){0};
    assert_code(kk_schema_check(schema, kk_buf_view(&text), false, &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.message, "the same element twice");
    kk_schema_free(schema);
    kk_buf_clean(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema__arguments_that_fit_are_accepted),
        cmocka_unit_test(test_schema__the_first_fault_is_told_with_its_place),
        cmocka_unit_test(test_schema__a_segment_cannot_leave_its_place),
        cmocka_unit_test(test_schema__each_keyword_is_checked),
        cmocka_unit_test(test_schema__arguments_are_closed_unless_the_schema_opens_them),
        cmocka_unit_test(test_schema__what_kk_does_not_check_refuses_the_schema),
        cmocka_unit_test(test_schema__schemas_nest_32_levels),
        cmocka_unit_test(test_schema__properties_are_published_in_their_order),
        cmocka_unit_test(test_schema__field_paths_are_known_or_have_near_names),
        cmocka_unit_test(test_schema__large_arguments_are_handled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
