// What an account is used for, the accounts of a tape, and values that come out of files.
#include "account_fixture.h"
#include "account_private.h"
#include "encodings.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN_A "tkn_CANARY_aaaa"

static void resolve_with(account_fixture *self, const char *variable, const char *value)
{
    assert_int_equal(setenv(variable, value, 1), 0);
    assert_ok(account_resolve(self, NULL), &self->err);
}

// ---- KK_CRED__..__FILE

static const char *const file_variable = "KK_CRED__VAULT__TOKEN__FILE";

// Gives the token by a file with these bytes.
static kk_code resolve_file(account_fixture *self, const void *bytes, size_t len)
{
    const char *path = scratch_write(&self->dir, "token", bytes, len);
    assert_int_equal(setenv(file_variable, path, 1), 0);
    return account_resolve(self, NULL);
}

static void assert_file_refused(account_fixture *self, kk_code code, const char *message)
{
    assert_code(code, KK_ERR_IO);
    assert_holds(self->err.message, file_variable);
    assert_holds(self->err.message, message);
}

static void test_account__file_gives_a_value_without_its_newline(void **state)
{
    static const char *const texts[] = {TOKEN_A, TOKEN_A "\n", TOKEN_A "\r\n", TOKEN_A "\n\n"};
    account_fixture *self = *state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ok(resolve_file(self, texts[i], strlen(texts[i])), &self->err);
        assert_string_equal(account_header(self), "Test " TOKEN_A);
        assert_string_equal(account_source(self, "token"),
                            "environment KK_CRED__VAULT__TOKEN__FILE");
    }
}

static void test_account__file_without_a_value_is_an_error(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "token", TOKEN_A);
    assert_file_refused(self, resolve_file(self, "", 0), "empty");
    // What was meant to override never gives way to what is stored.
    assert_file_refused(self, resolve_file(self, "\n", 1), "empty");
    assert_file_refused(self, resolve_file(self, "\r\n\n", 3), "empty");
}

static void test_account__file_holds_at_most_a_value(void **state)
{
    account_fixture *self = *state;
    char *bytes = malloc(KK_KEYRING_VALUE_MAX + 3);
    assert_non_null(bytes);
    memset(bytes, 'x', KK_KEYRING_VALUE_MAX + 3);
    assert_ok(resolve_file(self, bytes, KK_KEYRING_VALUE_MAX), &self->err);
    bytes[KK_KEYRING_VALUE_MAX] = '\n';
    assert_ok(resolve_file(self, bytes, KK_KEYRING_VALUE_MAX + 1), &self->err);
    bytes[KK_KEYRING_VALUE_MAX] = '\r';
    bytes[KK_KEYRING_VALUE_MAX + 1] = '\n';
    assert_ok(resolve_file(self, bytes, KK_KEYRING_VALUE_MAX + 2), &self->err);
    // The value is whole, and too long for a header all the same.
    kk_secret header = {0};
    assert_code(kk_account_render(self->account, &header, &self->err), KK_ERR_INVALID_ARGS);
    assert_holds(self->err.message, "8192");
    assert_null(header.ptr);
    memset(bytes, 'x', KK_KEYRING_VALUE_MAX + 3);
    assert_file_refused(self, resolve_file(self, bytes, KK_KEYRING_VALUE_MAX + 1), "65536");
    assert_file_refused(self, resolve_file(self, bytes, KK_KEYRING_VALUE_MAX + 3), "65536");
    free(bytes);
}

static void test_account__file_that_is_none_is_an_error(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv(file_variable, self->dir.dir, 1), 0);
    assert_code(account_resolve(self, NULL), KK_ERR_PERMS);
    assert_holds(self->err.message, "not a regular file");
    assert_int_equal(setenv(file_variable, "/dev/null", 1), 0);
    assert_code(account_resolve(self, NULL), KK_ERR_PERMS);
    assert_holds(self->err.message, "not a regular file");
    assert_ok(resolve_file(self, TOKEN_A, strlen(TOKEN_A)), &self->err);
    scratch_chmod(&self->dir, "token", 0666);
    assert_code(account_resolve(self, NULL), KK_ERR_PERMS);
    // Nobody writes to it: opening it must not wait for somebody who does.
    const char *pipe = scratch_path(&self->dir, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_int_equal(setenv(file_variable, pipe, 1), 0);
    alarm(10);
    assert_code(account_resolve(self, NULL), KK_ERR_PERMS);
    assert_holds(self->err.message, "not a regular file");
    alarm(0);
}

static void test_account__token_in_place_of_a_path_is_not_repeated(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv(file_variable, TOKEN_A, 1), 0);
    assert_file_refused(self, account_resolve(self, NULL), "No such file");
    assert_null(strstr(self->err.message, "CANARY"));
    assert_null(strstr(self->err.hint, "CANARY"));
}

static void test_account__value_goes_before_a_file(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv(file_variable, "/nonexistent", 1), 0);
    resolve_with(self, "KK_CRED__VAULT__TOKEN", TOKEN_A);
    assert_string_equal(account_source(self, "token"), "environment KK_CRED__VAULT__TOKEN");
}

static void test_account__files_name_accounts_too(void **state)
{
    account_fixture *self = *state;
    const char *path = scratch_write(&self->dir, "token", TOKEN_A, strlen(TOKEN_A));
    resolve_with(self, "KK_CRED__VAULT__CI__TOKEN__FILE", path);
    assert_string_equal(kk_account_name(self->account), "ci");
    assert_string_equal(account_header(self), "Test " TOKEN_A);
}

// ---- The header

static void test_account__header_takes_no_byte_that_breaks_it(void **state)
{
    static const char *const values[] = {"tkn_CANARY\r", "tkn_CANARY\nX: y", "tkn_CANARY\x7F",
                                         "tkn_CANARY\xC3\xA9", "\ttkn_CANARY"};
    account_fixture *self = *state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        kk_secret header = {0};
        resolve_with(self, "KK_CRED__VAULT__TOKEN", values[i]);
        assert_code(kk_account_render(self->account, &header, &self->err), KK_ERR_INVALID_ARGS);
        assert_null(header.ptr);
        assert_holds(self->err.message, "'token'");
        assert_holds(self->err.hint, "KK_CRED__VAULT__TOKEN");
        assert_null(strstr(self->err.message, "CANARY"));
    }
    unsetenv("KK_CRED__VAULT__TOKEN");
    account_make_keyring(self);
    kk_keyring_value value = {"token", "tkn_\0x", 6};
    assert_ok(kk_keyring_set(self->keyring, "vault", "main", &value, 1, &self->err), &self->err);
    assert_ok(account_resolve(self, NULL), &self->err);
    kk_secret header = {0};
    assert_code(kk_account_render(self->account, &header, &self->err), KK_ERR_INVALID_ARGS);
    assert_holds(self->err.hint, "kk keyring set vault/main/token");
}

static void test_account__first_complete_scheme_is_used(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "token", TOKEN_A);
    account_store(self, "work", "live_token", "tkn_live_CANARY");
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_string_equal(kk_account_scheme(self->account)->name, "live-token");
    assert_string_equal(account_header(self), "Live tkn_live_CANARY");
}

// ---- Origins, configuration, redaction

static void test_account__credential_goes_to_its_origins_alone(void **state)
{
    account_fixture *self = *state;
    resolve_with(self, "KK_CRED__VAULT__TOKEN", TOKEN_A);
    assert_true(kk_account_allows(self->account, "https://vault.example/anything"));
    assert_true(kk_account_allows(self->account, "https://VAULT.example:443/"));
    assert_false(kk_account_allows(self->account, "http://vault.example/"));
    assert_false(kk_account_allows(self->account, "https://vault.example:444/"));
    assert_false(kk_account_allows(self->account, "https://vault.example.evil.example/"));
    assert_false(kk_account_allows(self->account, "https://user@vault.example/"));
    assert_false(kk_account_allows(self->account, "nonsense"));
    assert_false(kk_account_allows(self->account, ""));
    resolve_with(self, "KK_CRED__VAULT__URL", "http://127.0.0.1:8080/v1");
    assert_true(kk_account_allows(self->account, "http://127.0.0.1:8080/other"));
    assert_false(kk_account_allows(self->account, "http://127.0.0.1:8081/"));
    assert_true(kk_account_allows(self->account, "https://vault.example/"));
    resolve_with(self, "KK_CRED__VAULT__URL", "nonsense");
    assert_false(kk_account_allows(self->account, "nonsense"));
}

static void test_account__plugin_is_told_no_secret(void **state)
{
    account_fixture *self = *state;
    assert_int_equal(setenv("KK_CRED__VAULT__USER", "\"ann\"", 1), 0);
    resolve_with(self, "KK_CRED__VAULT__PASSWORD", "pw-CANARY");
    kk_buf config = {.limit = KK_TEXT_MAX};
    kk_account_write_config(self->account, &config);
    assert_string_equal(kk_buf_text(&config),
                        "{\"account\":\"environment\",\"scheme\":\"login\",\"fields\":{\"user\":"
                        "\"\\\"ann\\\"\",\"region\":\"eu\",\"url\":\"https://vault.example/v1\"}}");
    kk_buf_clean(&config);
}

// Behind so much more each time: a text that is long is looked through by steps first.
static void redact(account_fixture *self, const char *text, const char *wanted)
{
    for (int before = 0; before < 300; before++) {
        char bytes[512];
        char expected[512];
        snprintf(bytes, sizeof bytes, "%*s%s", before, "", text);
        snprintf(expected, sizeof expected, "%*s%s", before, "", wanted);
        kk_account_redact(self->account, bytes, strlen(bytes));
        assert_string_equal(bytes, expected);
    }
}

static void test_account__secrets_are_put_out_of_sight(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "token", "tkn_abc");
    account_store(self, "work", "live_token", "tkn_abcdef");
    account_store(self, "work", "password", "short");
    account_store(self, "work", "user", "not-a-secret");
    assert_ok(account_resolve(self, NULL), &self->err);
    redact(self, "x tkn_abc y", "x ******* y");
    redact(self, "tkn_abctkn_abc", "**************");
    redact(self, "", "");
    redact(self, "tkn_ab", "tkn_ab");
    redact(self, "a short not-a-secret", "a short not-a-secret");
    // Any byte may come as an escape, also one that needs none.
    redact(self, "x \\u0074kn\\u005Fabc y", "x ***************** y");
    redact(self, "tkn_\\u0061\\u0062\\u0063", "**********************");
    redact(self, "\\u0074kn_ab \\u0061", "\\u0074kn_ab \\u0061");
    redact(self, "\\u005cu0074kn_abc", "*****************");
    redact(self, "\\n tkn_ab\\u0063 \\u00", "\\n ************ \\u00");
    // One secret that begins another leaves no tail of it.
    redact(self, "<tkn_abcdef>", "<**********>");
}

// The characters of base64 that stand for neighbours too are left, and do not tell the secret.
static void test_account__secrets_are_put_out_of_sight_in_other_forms(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "token", "tkn_a/c\"<");
    assert_ok(account_resolve(self, NULL), &self->err);
    redact(self, "x tkn_a/c\"< y", "x ********* y");
    redact(self, "x tkn_a\\/c\\\"\\u003C y", "x **************** y");
    redact(self, "{\"a\":\"{\\\"b\\\":\\\"tkn_a/c\\\\\\\"<\\\"}\"}",
           "{\"a\":\"{\\\"b\\\":\\\"************\\\"}\"}");
    redact(self, "x tkn_a%2Fc%22%3c y", "x *************** y");
    redact(self, "%74%6B%6E%5F%61%2F%63%22%3C%4", "***************************%4");
    redact(self, "x 746b6E5f612f63223C y", "x ****************** y");
    redact(self, "x dGtuX2EvYyI8 y", "x ************ y");
    redact(self, "x dGtuX2EvYyI8IQ== y", "x ************IQ== y");
    redact(self, "x IXRrbl9hL2MiPA== y", "x IX***********A== y");
    redact(self, "x ISF0a25fYS9jIjw= y", "x ISF***********w= y");
    redact(self, "x dGtuX2EvYyI y 746b6e5f612f6322 y", "x dGtuX2EvYyI y 746b6e5f612f6322 y");
    redact(self, "x 746b6E5f612f\\u00363223C y", "x *********************** y");
    redact(self, "x dGtuX2\\u0045vYyI8 y", "x ***************** y");
}

// Both alphabets of base64 and digits of both cases, also within one form.
static void test_account__secrets_are_put_out_of_sight_however_a_form_is_mixed(void **state)
{
    account_fixture *self = *state;
    account_make_keyring(self);
    account_store(self, "work", "token", "tkn_?>?>");
    account_store(self, "work", "live_token", "\xAB\xCD\xEF\xFB\xFF\xFE\xAB\xCD\xEF");
    assert_ok(account_resolve(self, NULL), &self->err);
    redact(self, "x dGtuXz8+Pz4= y", "x **********4= y");
    redact(self, "x dGtuXz8-Pz4 y", "x **********4 y");
    redact(self, "x IXRrbl8/Pj8+ y", "x IX********** y");
    redact(self, "x IXRrbl8_Pj8- y", "x IX********** y");
    redact(self, "x IXRrbl8/Pj8- y", "x IX********** y");
    redact(self, "x IXRrbl8\\/Pj8+ y", "x IX*********** y");
    redact(self, "x ISF0a25fPz4_Pg y", "x ISF**********g y");
    redact(self, "x abcdeffbfffeabcdef y", "x ****************** y");
    redact(self, "x aBCdEFfBFFfeAbCDeF y", "x ****************** y");
    redact(self, "x q83v+//+q83v y", "x ************ y");
    redact(self, "x q83v-/_+q83v y", "x ************ y");
    redact(self, "x q83v+//-q83v y", "x ************ y");
    redact(self, "x q83v+__-q83v y", "x ************ y");
    redact(self, "x q83v-//-q83V y", "x q83v-//-q83V y");
}

// xorshift64*: the same texts in every run.
static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 40) % below;
}

static void put_noise(kk_buf *out)
{
    static const char bytes[] = "\\\\%%\"/u20ACt_+=kn";
    kk_buf_append_format(out, "%*s", pick(2) * 300, "");
    for (unsigned i = pick(12); i > 0; i--) {
        kk_buf_append_byte(out, bytes[pick(sizeof bytes - 1)]);
    }
}

// In whatever text a form stands, it is covered, and the text stays as long as it was.
static void test_account__secrets_are_put_out_of_sight_in_any_text(void **state)
{
    (void)state;
    static const char *const values[] = {"tkn_CANARY01", "t/kn\"CA\\NA", "100%41%2541",
                                         "+/+/==%%",     "\\u0074kn_x",  "uuuuuu"};
    static const put_fn put[] = {put_plain, put_percent, put_hex, put_base64, put_json};
    for (seed = 1; seed < 20000; seed++) {
        uint64_t round = seed;
        size_t which = pick(6);
        kk_str value = kk_str_from(values[which]);
        kk_buf form = {.limit = KK_TEXT_MAX};
        kk_buf text = {.limit = KK_TEXT_MAX};
        put_fn chosen = put[pick(which < 5 ? 5 : 4)]; // \u00C3 is another character
        chosen(value, &form);
        // The last character of base64 may stand for what is behind.
        size_t len = form.len - (chosen == put_base64 && value.len % 3 != 0 ? 1 : 0);
        put_noise(&text);
        kk_buf_append_str(&text, kk_buf_view(&form));
        put_noise(&text);
        size_t before = text.len;
        kk_account_hide(text.ptr, text.len, &value, 1);
        assert_int_equal(text.len, before);
        if (memmem(text.ptr, text.len, form.ptr, len) != NULL) {
            fail_msg("seed %u: %s is in %s", (unsigned)round, kk_buf_text(&form),
                     kk_buf_text(&text));
        }
        kk_buf_clean(&text);
        kk_buf_clean(&form);
        seed = round;
    }
}

// ---- A tape's accounts

#define TWO                                                                                        \
    "[{\"name\":\"a-b\",\"scheme\":\"test-token\"},{\"name\":\"a_b\",\"plugin\":\"vault\","        \
    "\"scheme\":\"login\"},{\"name\":\"else\",\"plugin\":\"other\",\"default\":true}]"

static void test_account__tape_without_accounts_has_main(void **state)
{
    account_fixture *self = *state;
    account_use_tape(self, NULL, "Live {{LIVE_TOKEN}}");
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_string_equal(kk_account_name(self->account), "main");
    assert_string_equal(self->account->rule, "the tape's default");
    assert_string_equal(account_header(self), "Live {{LIVE_TOKEN}}");
    assert_string_equal(account_source(self, "live_token"), "tape");
    assert_string_equal(account_source(self, "token"), "");
    account_use_tape(self, NULL, "{{USER}}/{{PASSWORD}}@{{REGION}}");
    assert_ok(account_resolve(self, "main"), &self->err);
    assert_string_equal(account_header(self), "{{USER}}/{{PASSWORD}}@{{REGION}}");
    // Without any authorization it does not matter which.
    account_use_tape(self, NULL, NULL);
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_string_equal(kk_account_scheme(self->account)->name, "login");
}

static void test_account__tape_reads_neither_environment_nor_project(void **state)
{
    account_fixture *self = *state;
    account_choose_in_project(self, "nope");
    assert_int_equal(setenv("KK_ACCOUNT_VAULT", "nope", 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT__MAIN__TOKEN", TOKEN_A, 1), 0);
    assert_int_equal(setenv("KK_CRED__VAULT__TOKEN", TOKEN_A, 1), 0);
    assert_int_equal(setenv("VAULT_USER", "ann", 1), 0);
    account_use_tape(self, NULL, "Test {{TOKEN}}");
    assert_ok(account_resolve(self, "default"), &self->err);
    assert_string_equal(account_header(self), "Test {{TOKEN}}");
    assert_ok(account_resolve(self, "main"), &self->err);
    assert_string_equal(account_header(self), "Test {{TOKEN}}");
    self->sources.preferred = "main";
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_string_equal(self->account->rule, "named for the host");
}

static void test_account__tape_names_exact_before_alike(void **state)
{
    account_fixture *self = *state;
    account_use_tape(self, TWO, NULL);
    assert_ok(account_resolve(self, "a-b"), &self->err);
    assert_string_equal(account_header(self), "Test {{TOKEN}}");
    assert_ok(account_resolve(self, "a_b"), &self->err);
    assert_string_equal(account_header(self), "{{USER}}/{{PASSWORD}}@{{REGION}}");
    account_use_tape(self, "[{\"name\":\"a-b\",\"scheme\":\"test-token\"}]", NULL);
    assert_ok(account_resolve(self, "a_b"), &self->err);
    assert_string_equal(kk_account_name(self->account), "a-b");
    assert_ok(account_resolve(self, NULL), &self->err);
    assert_string_equal(self->account->rule, "the tape's only account");
}

static void test_account__tape_failures_speak_of_the_tape(void **state)
{
    account_fixture *self = *state;
    account_use_tape(self, TWO, NULL);
    assert_code(account_resolve(self, NULL), KK_ERR_AMBIGUOUS);
    assert_holds(self->err.message, "a-b, a_b");
    assert_holds(self->err.hint, "--account");
    assert_null(strstr(self->err.hint, "keyring"));
    assert_null(strstr(self->err.hint, "KK_ACCOUNT"));
    assert_code(account_resolve(self, "else"), KK_ERR_ACCOUNT_UNKNOWN);
    assert_holds(self->err.hint, "a-b, a_b");
    account_use_tape(self, "[]", NULL);
    assert_code(account_resolve(self, NULL), KK_ERR_ACCOUNT_UNKNOWN);
    assert_holds(self->err.message, "tape");
    assert_code(account_resolve(self, "main"), KK_ERR_ACCOUNT_UNKNOWN);
    assert_null(strstr(self->err.hint, "keyring"));
    account_use_tape(self, "[{\"name\":\"main\",\"scheme\":\"nope\"}]", NULL);
    assert_code(account_resolve(self, NULL), KK_ERR_TAPE_INVALID);
    assert_holds(self->err.message, "'nope'");
}

static void test_account__tape_lists_its_accounts(void **state)
{
    account_fixture *self = *state;
    kk_account_names names = {0};
    account_use_tape(self, TWO, NULL);
    assert_int_equal(setenv("KK_CRED__VAULT__CI__TOKEN", TOKEN_A, 1), 0);
    assert_ok(kk_account_list(&self->sources, self->plugin, &names, &self->err), &self->err);
    assert_int_equal(names.count, 2);
    kk_account_names_clean(&names);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, account_set_up, account_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_account__file_gives_a_value_without_its_newline),
        TEST(test_account__file_without_a_value_is_an_error),
        TEST(test_account__file_holds_at_most_a_value),
        TEST(test_account__file_that_is_none_is_an_error),
        TEST(test_account__token_in_place_of_a_path_is_not_repeated),
        TEST(test_account__value_goes_before_a_file),
        TEST(test_account__files_name_accounts_too),
        TEST(test_account__header_takes_no_byte_that_breaks_it),
        TEST(test_account__first_complete_scheme_is_used),
        TEST(test_account__credential_goes_to_its_origins_alone),
        TEST(test_account__plugin_is_told_no_secret),
        TEST(test_account__secrets_are_put_out_of_sight),
        TEST(test_account__secrets_are_put_out_of_sight_in_other_forms),
        TEST(test_account__secrets_are_put_out_of_sight_however_a_form_is_mixed),
        cmocka_unit_test(test_account__secrets_are_put_out_of_sight_in_any_text),
        TEST(test_account__tape_without_accounts_has_main),
        TEST(test_account__tape_reads_neither_environment_nor_project),
        TEST(test_account__tape_names_exact_before_alike),
        TEST(test_account__tape_failures_speak_of_the_tape),
        TEST(test_account__tape_lists_its_accounts),
    };
    return cmocka_run_group_tests_name("account_use", tests, NULL, NULL);
}
