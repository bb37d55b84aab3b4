// Which account a call uses: the rules of account.h in their order, and every way they fail.
#include "account_fixture.h"
#include "account_private.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_A "tkn_CANARY_aaaa"
#define TOKEN_B "tkn_CANARY_bbbb"

// Resolves, and fails unless it is that account by that rule.
static void assert_account(account_fixture *self, const char *name, const char *account,
                           const char *rule)
{
    assert_ok(account_resolve(self, name), &self->err);
    assert_string_equal(kk_account_name(self->account), account);
    assert_holds(self->account->rule, rule);
}

// Resolves, and fails unless it fails so.  The message never holds a value.
static void assert_refused(account_fixture *self, const char *name, kk_code code,
                           const char *message, const char *hint)
{
    assert_code(account_resolve(self, name), code);
    assert_null(self->account);
    assert_holds(self->err.message, message);
    assert_holds(self->err.hint, hint);
    assert_null(strstr(self->err.message, "CANARY"));
    assert_null(strstr(self->err.hint, "CANARY"));
}

static void store_two(account_fixture *self)
{
    account_make_keyring(self);
    account_store(self, "staging", "token", TOKEN_B);
    account_store(self, "prod-eu", "token", TOKEN_A);
}

// ---- The rules, from the weakest

static void test_account__without_a_keyring_says_how_to_begin(void **state)
{
    assert_refused(*state, NULL, KK_ERR_NO_KEYRING, "no account of 'vault'", "kk keyring init");
    assert_refused(*state, "work", KK_ERR_NO_KEYRING, "no account of 'vault'",
                   "kk keyring set vault/work");
}

static void test_account__without_an_account_says_how_to_store_one(void **state)
{
    account_make_keyring(*state);
    assert_refused(*state, NULL, KK_ERR_ACCOUNT_UNKNOWN, "no account of 'vault' is stored",
                   "kk keyring set vault/main");
    assert_refused(*state, "work", KK_ERR_ACCOUNT_UNKNOWN, "no account 'work'",
                   "kk keyring set vault/work");
}

static void test_account__only_one_is_used(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "token", TOKEN_A);
    assert_ok(kk_keyring_set_default(self->keyring, "vault", NULL, &self->err), &self->err);
    assert_account(self, NULL, "work", "the only account");
    assert_string_equal(account_header(self), "Test " TOKEN_A);
    assert_string_equal(account_source(self, "token"), "keyring");
    assert_string_equal(account_source(self, "url"), "default");
    assert_string_equal(account_source(self, "password"), "");
}

static void test_account__several_without_a_default_are_ambiguous(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_ok(kk_keyring_set_default(self->keyring, "vault", NULL, &self->err), &self->err);
    assert_refused(self, NULL, KK_ERR_AMBIGUOUS, "2 accounts and no default: prod-eu, staging",
                   "KK_ACCOUNT_VAULT, or run: kk keyring default vault prod-eu");
    assert_refused(self, "default", KK_ERR_AMBIGUOUS, "prod-eu, staging", "--account");
}

static void test_account__each_rule_goes_before_the_next(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_account(self, NULL, "staging", "the default");
    account_choose_in_project(self, "prod-eu");
    assert_account(self, NULL, "prod-eu", ".kk.json");
    assert_account(self, "default", "prod-eu", ".kk.json");
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "staging", 1), 0);
    assert_account(self, NULL, "staging", "KK_ACCOUNT_VAULT");
    self->sources.preferred = "prod-eu";
    assert_account(self, NULL, "prod-eu", "named for the host");
    assert_account(self, "staging", "staging", "named in the call");
    // `default` in the call goes past the host's option.
    assert_account(self, "default", "staging", "KK_ACCOUNT_VAULT");
    self->sources.preferred = "default";
    assert_account(self, NULL, "staging", "KK_ACCOUNT_VAULT");
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "default", 1), 0);
    assert_account(self, NULL, "prod-eu", ".kk.json");
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "", 1), 0);
    assert_account(self, NULL, "prod-eu", ".kk.json");
    self->sources.use_environment = false;
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "staging", 1), 0);
    assert_account(self, NULL, "prod-eu", ".kk.json");
}

static void test_account__unknown_names_get_near_ones_and_who_said_it(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_refused(self, "stagin", KK_ERR_ACCOUNT_UNKNOWN, "(named in the call)", "'staging'");
    assert_refused(self, "zzz", KK_ERR_ACCOUNT_UNKNOWN, "no account 'zzz'", "prod-eu, staging");
    assert_refused(self, "", KK_ERR_ACCOUNT_UNKNOWN, "no account ''", "prod-eu, staging");
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "stagin", 1), 0);
    assert_refused(self, NULL, KK_ERR_ACCOUNT_UNKNOWN, "(KK_ACCOUNT_VAULT)", "'staging'");
    assert_refused(self, "default", KK_ERR_ACCOUNT_UNKNOWN, "(KK_ACCOUNT_VAULT)", "'staging'");
    unsetenv("KK_ACCOUNT_VAULT");
    account_choose_in_project(self, "stagin");
    assert_refused(self, NULL, KK_ERR_ACCOUNT_UNKNOWN, ".kk.json", "'staging'");
}

static void test_account__hyphens_and_underscores_are_one(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_account(self, "prod_eu", "prod-eu", "named in the call");
    assert_string_equal(account_header(self), "Test " TOKEN_A);
    assert_account(self, "prod-eu", "prod-eu", "named in the call");
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "prod_eu", 1), 0);
    assert_account(self, NULL, "prod-eu", "KK_ACCOUNT_VAULT");
}

static void test_account__every_one_of_many_is_found(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    enum { MANY = 300 };
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "a%03d", i);
        account_store(self, name, "token", TOKEN_A);
    }
    assert_account(self, "a299", "a299", "named in the call");
    assert_refused(self, "b299", KK_ERR_ACCOUNT_UNKNOWN, "no account 'b299'", "'a299'");
    assert_ok(kk_keyring_set_default(self->keyring, "vault", NULL, &self->err), &self->err);
    assert_refused(self, NULL, KK_ERR_AMBIGUOUS, "300 accounts", "a000");
}

static void test_account__other_plugins_accounts_do_not_count(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    kk_keyring_value value = {"token", TOKEN_A, strlen(TOKEN_A)};
    assert_ok(kk_keyring_set(self->keyring, "vault_two", "work", &value, 1, &self->err),
              &self->err);
    assert_refused(self, NULL, KK_ERR_ACCOUNT_UNKNOWN, "no account of 'vault'", "vault/main");
    assert_int_equal(setenv("KK_CRED__VAULT_TWO__CI__TOKEN", TOKEN_A, 1), 0);
    assert_refused(self, NULL, KK_ERR_ACCOUNT_UNKNOWN, "no account of 'vault'", "vault/main");
}

static void test_account__without_fields_of_ours_is_incomplete(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "old", "gone", TOKEN_A);
    assert_account(self, NULL, "old", "the default");
    assert_null(kk_account_scheme(self->account));
    assert_code(kk_account_check_complete(self->account, &self->err), KK_ERR_CREDENTIAL_INCOMPLETE);
    assert_holds(self->err.message, "account 'old' of 'vault' lacks");
    assert_holds(self->err.hint, "kk keyring set vault/old/");
}

static void test_account__names_the_fields_of_the_nearest_scheme(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "user", "ann");
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_code(kk_account_check_complete(self->account, &self->err), KK_ERR_CREDENTIAL_INCOMPLETE);
    assert_holds(self->err.message, "lacks password");
    assert_null(strstr(self->err.message, "region"));
    kk_secret header = {0};
    assert_code(kk_account_render(self->account, &header, NULL), KK_ERR_CREDENTIAL_INCOMPLETE);
    assert_null(header.ptr);
    account_store(self, "work", "password", "pw-CANARY");
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_string_equal(account_header(self), "ann/pw-CANARY@eu");
}

// ---- The keyring's own failures

static void break_keyring(account_fixture *self)
{
    kk_keyring_forget(self->keyring);
    scratch_write(&self->dir, "home/keyring.kkr", "nonsense", 8);
    scratch_chmod(&self->dir, "home/keyring.kkr", 0600);
}

static void test_account__unreadable_keyring_is_never_empty(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    break_keyring(self);
    assert_int_equal(setenv("VAULT_USER", "ann", 1), 0);
    assert_int_equal(setenv("VAULT_PASSWORD", "pw-CANARY", 1), 0);
    kk_code code = account_resolve(self, NULL);
    assert_true(code == KK_ERR_FORMAT || code == KK_ERR_CORRUPT);
    assert_int_equal(account_resolve(self, "staging"), code);
}

static void test_account__environment_alone_opens_no_keyring(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    break_keyring(self);
    assert_int_equal(setenv("KK_CRED__VAULT__STAGING__TOKEN", TOKEN_A, 1), 0);
    assert_account(self, "staging", "staging", "named in the call");
    assert_int_equal(setenv("KK_CRED__VAULT__TOKEN", TOKEN_B, 1), 0);
    assert_account(self, NULL, "environment", "KK_CRED__ without an account");
    assert_string_equal(account_header(self), "Test " TOKEN_B);
}

static void test_account__unproven_listing_still_needs_the_key_for_values(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_int_equal(unlink(scratch_path(&self->dir, "home/config.json")), 0);
    kk_keyring_close(self->keyring);
    self->keyring = NULL;
    kk_keyring_options options = {.size = sizeof options,
                                  .flags = KK_KEYRING_IGNORE_ENVIRONMENT,
                                  .home = scratch_path(&self->dir, "home")};
    assert_ok(kk_keyring_open(&options, &self->keyring, &self->err), &self->err);
    self->sources.keyring = self->keyring;
    assert_code(account_resolve(self, "staging"), KK_ERR_NEED_KEY);
    assert_code(account_resolve(self, "stagin"), KK_ERR_ACCOUNT_UNKNOWN);
}

// ---- KK_CRED__

static void test_account__variables_of_an_account_override_it_whole(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_int_equal(setenv("KK_CRED__VAULT__PROD_EU__TOKEN", TOKEN_B, 1), 0);
    assert_account(self, "prod-eu", "prod-eu", "named in the call");
    assert_string_equal(account_header(self), "Test " TOKEN_B);
    assert_string_equal(account_source(self, "token"),
                        "environment KK_CRED__VAULT__PROD_EU__TOKEN");
    // The keyring, which would know how it is really written, is not opened.
    assert_account(self, "prod_eu", "prod_eu", "");
    assert_string_equal(account_header(self), "Test " TOKEN_B);
    assert_account(self, "staging", "staging", "");
    assert_string_equal(account_source(self, "token"), "keyring");
}

static void test_account__single_url_overrides_and_the_rest_is_stored(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_int_equal(setenv("KK_CRED__VAULT__STAGING__URL", "https://vault.example/v2", 1), 0);
    assert_account(self, NULL, "staging", "the default");
    assert_string_equal(account_source(self, "token"), "keyring");
    assert_string_equal(account_source(self, "url"), "environment KK_CRED__VAULT__STAGING__URL");
    unsetenv("KK_CRED__VAULT__STAGING__URL");
    assert_int_equal(setenv("KK_CRED__VAULT__URL", "https://vault.example/v2", 1), 0);
    assert_account(self, NULL, "staging", "the default");
    assert_string_equal(account_source(self, "url"), "environment KK_CRED__VAULT__URL");
    assert_account(self, "staging", "staging", "");
    assert_string_equal(account_source(self, "url"), "default");
    // It must not take what is stored to a server of its own.
    assert_int_equal(setenv("KK_CRED__VAULT__URL", "https://evil.example/", 1), 0);
    assert_refused(self, NULL, KK_ERR_PARTIAL, "KK_CRED__VAULT__URL", "store the URL");
    assert_int_equal(setenv("KK_CRED__VAULT__STAGING__URL", "https://evil.example/", 1), 0);
    assert_refused(self, "staging", KK_ERR_PARTIAL, "KK_CRED__VAULT__STAGING__URL", "");
}

static void test_account__half_an_override_is_partial(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    account_store(self, "staging", "password", "pw-CANARY");
    assert_int_equal(setenv("KK_CRED__VAULT__STAGING__USER", "ann", 1), 0);
    assert_refused(self, "staging", KK_ERR_PARTIAL, "KK_CRED__VAULT__STAGING__USER", "unset it");
    assert_refused(self, NULL, KK_ERR_PARTIAL, "KK_CRED__VAULT__STAGING__USER", "unset it");
    unsetenv("KK_CRED__VAULT__STAGING__USER");
    assert_int_equal(setenv("KK_CRED__VAULT__USER", "ann", 1), 0);
    assert_refused(self, NULL, KK_ERR_PARTIAL, "KK_CRED__VAULT__USER", "unset it");
    // The two-part form is only for calls that name no account.
    assert_account(self, "prod-eu", "prod-eu", "");
}

static void test_account__default_inside_a_scheme_needs_no_variable(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv("KK_CRED__VAULT__CI__USER", "ann", 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT__CI__PASSWORD", "pw-CANARY", 1), 0);
    assert_account(self, "ci", "ci", "named in the call");
    assert_string_equal(account_header(self), "ann/pw-CANARY@eu");
    assert_account(self, NULL, "ci", "the only account");
    assert_int_equal(setenv("KK_CRED__VAULT__CI__REGION", "us", 1), 0);
    assert_account(self, "ci", "ci", "");
    assert_string_equal(account_header(self), "ann/pw-CANARY@us");
}

static void test_account__names_in_variables_are_accounts(void **state)
{
    account_fixture *self = *state;
    store_two(self);
    assert_ok(kk_keyring_remove(self->keyring, "vault", "staging", NULL, &self->err), &self->err);
    assert_int_equal(setenv("KK_CRED__VAULT__CI__TOKEN", TOKEN_B, 1), 0);
    assert_refused(self, NULL, KK_ERR_AMBIGUOUS, "2 accounts and no default: prod-eu, ci",
                   "kk keyring default vault prod-eu");
    assert_refused(self, "cii", KK_ERR_ACCOUNT_UNKNOWN, "no account 'cii'", "'ci'");
    // The same account in both is one account.
    unsetenv("KK_CRED__VAULT__CI__TOKEN");
    assert_int_equal(setenv("KK_CRED__VAULT__PROD_EU__TOKEN", TOKEN_B, 1), 0);
    assert_account(self, NULL, "prod-eu", "the only account");
    assert_string_equal(account_header(self), "Test " TOKEN_B);
}

static void test_account__variables_that_give_nothing_make_no_account(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv("KK_CRED__VAULT__CI__TOKEN", "", 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT__CI__BOGUS", "x", 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT__DEFAULT__TOKEN", TOKEN_B, 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT__9__TOKEN", TOKEN_B, 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT____TOKEN", TOKEN_B, 1), 0);
    assert_int_equal(setenv("VAULT_USER", "ann", 1), 0);
    assert_int_equal(setenv("VAULT_PASSWORD", "pw-CANARY", 1), 0);
    assert_account(self, NULL, "environment", "the vendor's own variables");
    assert_string_equal(account_header(self), "ann/pw-CANARY@eu");
    assert_code(account_resolve(self, ""), KK_ERR_NO_KEYRING);
    assert_code(account_resolve(self, "CI"), KK_ERR_NO_KEYRING);
}

static void test_account__names_of_any_length_keep_their_variables_apart(void **state)
{
    account_fixture *self = *state;
    char name[64], variable[256];
    memset(name, 'a', 63);
    name[63] = '\0';
    snprintf(variable, sizeof variable, "KK_CRED__VAULT__");
    memset(variable + strlen("KK_CRED__VAULT__"), 'A', 63);
    snprintf(variable + strlen("KK_CRED__VAULT__") + 63, 32, "__TOKEN");
    assert_int_equal(setenv(variable, TOKEN_A, 1), 0);
    assert_account(self, name, name, "named in the call");
    assert_account(self, NULL, name, "the only account");
    char longer[65];
    memset(longer, 'a', 64);
    longer[64] = '\0';
    assert_code(account_resolve(self, longer), KK_ERR_ACCOUNT_UNKNOWN);
}

// ---- The vendor's own variables

static void test_account__vendors_variables_come_last(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv("VAULT_USER", "ann", 1), 0);
    assert_int_equal(setenv("VAULT_PASSWORD", "pw-CANARY", 1), 0);
    assert_int_equal(setenv("VAULT_URL", "https://other.example", 1), 0);
    assert_account(self, NULL, "environment", "the vendor's own variables");
    assert_string_equal(account_source(self, "user"), "environment VAULT_USER");
    assert_true(kk_account_allows(self->account, "https://other.example/x"));
    assert_code(account_resolve(self, "environment"), KK_ERR_NO_KEYRING);
    assert_code(account_resolve(self, "work"), KK_ERR_NO_KEYRING);
    self->sources.use_environment = false;
    assert_code(account_resolve(self, NULL), KK_ERR_NO_KEYRING);
    self->sources.use_environment = true;
    account_make_keyring(self);
    assert_account(self, NULL, "environment", "the vendor's own variables");
    account_store(self, "work", "token", TOKEN_A);
    assert_account(self, NULL, "work", "the default");
}

static void test_account__half_of_the_vendors_variables_is_partial(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv("VAULT_USER", "ann", 1), 0);
    assert_refused(self, NULL, KK_ERR_PARTIAL, "VAULT_USER is set and VAULT_PASSWORD is not",
                   "kk keyring set vault/main");
    unsetenv("VAULT_USER");
    assert_int_equal(setenv("VAULT_PASSWORD", "pw-CANARY", 1), 0);
    assert_refused(self, NULL, KK_ERR_PARTIAL, "VAULT_PASSWORD is set and VAULT_USER is not", "");
    // A URL alone is no part of a credential.
    unsetenv("VAULT_PASSWORD");
    assert_int_equal(setenv("VAULT_URL", "https://other.example", 1), 0);
    assert_refused(self, NULL, KK_ERR_NO_KEYRING, "no account of 'vault'", "kk keyring init");
}

static void test_account__named_environment_is_an_account_like_others(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv("KK_CRED__VAULT__ENVIRONMENT__TOKEN", TOKEN_A, 1), 0);
    assert_account(self, "environment", "environment", "named in the call");
    assert_account(self, NULL, "environment", "the only account");
    assert_string_equal(account_header(self), "Test " TOKEN_A);
}

// ---- Nothing to choose

static void test_account__function_without_a_credential_needs_none(void **state)
{
    account_fixture *self = *state;
    self->sources.optional = true;
    assert_account(self, NULL, "none", "the function needs no credential");
    assert_null(kk_account_scheme(self->account));
    assert_string_equal(account_source(self, "url"), "default");
    // One that is named has to be there, and one that is there is used.
    assert_refused(self, "work", KK_ERR_NO_KEYRING, "no account of 'vault'", "");
    account_make_keyring(self);
    assert_account(self, NULL, "none", "the function needs no credential");
    account_store(self, "work", "token", TOKEN_A);
    assert_account(self, NULL, "work", "the default");
    account_use_tape(self, "[]", NULL);
    assert_account(self, NULL, "none", "the function needs no credential");
    assert_refused(self, "work", KK_ERR_ACCOUNT_UNKNOWN, "work", "");
}

static void test_account__plugin_without_credentials_needs_none(void **state)
{
    account_fixture *self = *state;
    kk_plugin *other = NULL;
    assert_ok(kk_plugin_load(KK_TEST_PLUGINS "/bare.so", NULL, &other, &self->err), &self->err);
    assert_null(kk_plugin_manifest(other)->credentials);
    kk_plugin *vault = self->plugin;
    self->plugin = other;
    assert_account(self, "whatever", "none", "needs no credential");
    assert_null(kk_account_scheme(self->account));
    assert_ok(kk_account_check_complete(self->account, &self->err), &self->err);
    assert_false(kk_account_allows(self->account, "https://vault.example/"));
    kk_account_info *info = NULL;
    assert_ok(kk_account_describe(self->account, &info, &self->err), &self->err);
    assert_int_equal(info->field_count, 0);
    kk_account_info_free(info);
    kk_account_names names = {0};
    assert_ok(kk_account_list(&self->sources, other, &names, &self->err), &self->err);
    assert_int_equal(names.count, 0);
    kk_account_names_clean(&names);
    self->plugin = vault;
    kk_plugin_free(other);
}

static void test_account__names_can_be_listed_without_the_key(void **state)
{
    account_fixture *self = *state;
    kk_account_names names = {0};
    assert_ok(kk_account_list(&self->sources, self->plugin, &names, &self->err), &self->err);
    assert_int_equal(names.count, 0);
    assert_false(names.keyring_exists);
    store_two(self);
    assert_int_equal(setenv("KK_CRED__VAULT__CI__TOKEN", TOKEN_B, 1), 0);
    assert_ok(kk_account_list(&self->sources, self->plugin, &names, &self->err), &self->err);
    assert_int_equal(names.count, 3);
    assert_int_equal(names.stored_count, 2);
    assert_string_equal(names.names[0], "prod-eu");
    assert_string_equal(names.names[1], "staging");
    assert_string_equal(names.names[2], "ci");
    assert_string_equal(names.stored_default, "staging");
    assert_int_equal(kk_account_names_find(&names, "prod_eu"), 0);
    assert_int_equal(kk_account_names_find(&names, "nope"), 3);
    kk_account_names_clean(&names);
    break_keyring(self);
    assert_true(kk_account_list(&self->sources, self->plugin, &names, &self->err) != KK_OK);
    assert_int_equal(names.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, account_set_up, account_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_account__without_a_keyring_says_how_to_begin),
        TEST(test_account__without_an_account_says_how_to_store_one),
        TEST(test_account__only_one_is_used),
        TEST(test_account__several_without_a_default_are_ambiguous),
        TEST(test_account__each_rule_goes_before_the_next),
        TEST(test_account__unknown_names_get_near_ones_and_who_said_it),
        TEST(test_account__hyphens_and_underscores_are_one),
        TEST(test_account__every_one_of_many_is_found),
        TEST(test_account__other_plugins_accounts_do_not_count),
        TEST(test_account__without_fields_of_ours_is_incomplete),
        TEST(test_account__names_the_fields_of_the_nearest_scheme),
        TEST(test_account__unreadable_keyring_is_never_empty),
        TEST(test_account__environment_alone_opens_no_keyring),
        TEST(test_account__unproven_listing_still_needs_the_key_for_values),
        TEST(test_account__variables_of_an_account_override_it_whole),
        TEST(test_account__single_url_overrides_and_the_rest_is_stored),
        TEST(test_account__half_an_override_is_partial),
        TEST(test_account__default_inside_a_scheme_needs_no_variable),
        TEST(test_account__names_in_variables_are_accounts),
        TEST(test_account__variables_that_give_nothing_make_no_account),
        TEST(test_account__names_of_any_length_keep_their_variables_apart),
        TEST(test_account__vendors_variables_come_last),
        TEST(test_account__half_of_the_vendors_variables_is_partial),
        TEST(test_account__named_environment_is_an_account_like_others),
        TEST(test_account__function_without_a_credential_needs_none),
        TEST(test_account__plugin_without_credentials_needs_none),
        TEST(test_account__names_can_be_listed_without_the_key),
    };
    return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
