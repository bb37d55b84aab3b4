// What may be stored as a field, and how an account may be called.
#include "field_check.h"
#include "unit.h"

static kk_plugin *vault;
static kk_plugin *other;

static int load(void **state)
{
    (void)state;
    kk_error err = {0};
    assert_ok(kk_plugin_load(KK_TEST_PLUGINS "/vault.so", NULL, &vault, &err), &err);
    assert_ok(kk_plugin_load(KK_TEST_PLUGINS "/bare.so", NULL, &other, &err), &err);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    kk_plugin_free(vault);
    kk_plugin_free(other);
    return 0;
}

static void assert_good(const char *key, const char *value)
{
    kk_error err = {0};
    assert_ok(kk_field_check(vault, key, kk_str_from(value), &err), &err);
}

static void assert_bad(const char *key, const char *value, const char *message, const char *hint)
{
    kk_error err = {0};
    assert_code(kk_field_check(vault, key, kk_str_from(value), &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.message, message);
    assert_holds(err.hint, hint);
    assert_null(strstr(err.message, "CANARY"));
    assert_null(strstr(err.hint, "CANARY"));
}

static void test_field_check__values_of_the_right_form_pass(void **state)
{
    (void)state;
    assert_good("user", "ann");
    assert_good("password", "12345678");
    assert_good("token", "tkn_x");
    assert_good("live_token", "tkn_live_123");
    assert_good("url", "https://vault.example:8443/v1");
    assert_good("url", "http://127.0.0.1:1/");
}

static void test_field_check__unknown_fields_get_near_names(void **state)
{
    (void)state;
    assert_bad("tokn", "CANARY", "no credential field 'tokn'", "'token'");
    assert_bad("zzz", "CANARY", "no credential field 'zzz'", "user, password, region");
    assert_bad("", "CANARY", "no credential field of that name", "user, password, region");
    kk_error err = {0};
    assert_code(kk_field_check(other, "token", KK_STR("CANARY"), &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.hint, "needs no credential");
    // Name and value may be swapped.
    assert_bad("tkn_CANARY", "token", "no credential field of that name", "");
}

static void test_field_check__value_of_another_field_is_sent_there(void **state)
{
    (void)state;
    assert_bad("password", "tkn_CANARY", "looks like a value of 'token'", "'token'");
    assert_bad("user", "tkn_live_CANARY", "looks like a value of 'live_token'", "'live_token'");
    // The longer of two prefixes says whose value it is.
    assert_bad("token", "tkn_live_CANARY", "looks like a value of 'live_token'", "'live_token'");
    assert_bad("live_token", "tkn_CANARY", "looks like a value of 'token'", "'token'");
}

static void test_field_check__form_is_told_without_the_value(void **state)
{
    (void)state;
    assert_bad("token", "CANARY", "does not begin with 'tkn_'", "begins with tkn_");
    assert_bad("password", "CANARY", "6 bytes long; it has at least 8", "");
    assert_bad("live_token", "tkn_live_CA", "11 bytes long; it has 12 to 20", "");
    assert_bad("live_token", "tkn_live_CANARY012345678", "24 bytes long; it has 12 to 20", "");
    assert_bad("user", "CANARY\n", "byte at 6", "");
    assert_bad("user", "CANARY\xC3\xA9", "byte at 6", "");
    assert_bad("user", "", "empty", "");
    kk_error err = {0};
    assert_code(kk_field_check(vault, "user", (kk_str){"a\0b", 3}, &err), KK_ERR_INVALID_ARGS);
}

static void test_field_check__url_has_to_be_safe(void **state)
{
    (void)state;
    assert_bad("url", "CANARY", "the value of 'url'", "");
    assert_bad("url", "ftp://CANARY.example", "the value of 'url'", "");
    assert_bad("url", "http://vault.example/", "plain http", "");
    assert_bad("url", "https://user:CANARY@vault.example/", "user name or password", "");
    assert_bad("url", "https://vault.example/ CANARY", "the value of 'url'", "");
}

static void assert_name(const char *name, kk_code code, const char *message)
{
    kk_error err = {0};
    assert_code(kk_account_name_check(vault, name, &err), code);
    assert_holds(err.message, message);
    assert_true((code == KK_OK) == (err.hint[0] == '\0'));
}

static void test_field_check__account_names_keep_the_grammar(void **state)
{
    (void)state;
    char longest[65];
    memset(longest, 'a', 63);
    longest[63] = '\0';
    assert_name(longest, KK_OK, "");
    longest[63] = 'a';
    longest[64] = '\0';
    assert_name(longest, KK_ERR_INVALID_ARGS, "is not a name");
    assert_name("main", KK_OK, "");
    assert_name("prod-eu_2", KK_OK, "");
    static const char *const bad[] = {"",    "Main", "9a",  "-a",       "a-", "_a",  "a_",  "a__b",
                                      "a b", "a.b",  "a/b", "\xC3\xA9", "..", "a\n", "a-_b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_name(bad[i], KK_ERR_INVALID_ARGS, "is not a name");
    }
}

static void test_field_check__account_names_mean_nothing_else(void **state)
{
    (void)state;
    // In Lua app.integrations.vault.list_things could not be both.
    static const char *const taken[] = {
        "default",           "environment",       "list_things",      "list-things",
        "vault_list_things", "vault-list-things", "vault_list-things"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        assert_name(taken[i], KK_ERR_INVALID_ARGS, "means something else");
    }
    assert_name("list-thing", KK_OK, "");
    assert_name("none", KK_OK, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_field_check__values_of_the_right_form_pass),
        cmocka_unit_test(test_field_check__unknown_fields_get_near_names),
        cmocka_unit_test(test_field_check__value_of_another_field_is_sent_there),
        cmocka_unit_test(test_field_check__form_is_told_without_the_value),
        cmocka_unit_test(test_field_check__url_has_to_be_safe),
        cmocka_unit_test(test_field_check__account_names_keep_the_grammar),
        cmocka_unit_test(test_field_check__account_names_mean_nothing_else),
    };
    return cmocka_run_group_tests_name("field_check", tests, load, unload);
}
