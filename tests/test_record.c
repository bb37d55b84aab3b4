// Recording: what goes to a tape and what does not, merging, and refusing.
#include "json.h"
#include "recording.h"
#include <stdlib.h>
#include <sys/stat.h>

// ---- What an entry is

static void test_record__writes_an_entry(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.method = "POST",
                           .url = "http://127.0.0.1:4711/v1/rows?q=a%20b&token=t0p",
                           .request_header = {"X-Trace", "t-1"},
                           .sent = "{\"code\":\"c1\",\"n\":1.50}",
                           .status = 201,
                           .response_header = {"set-cookie", "a=b"},
                           .body = "{\"email\":\"ann@real.io\",\"n\":1.50}",
                           .secret = "the-real-secret-1"});
    // No object of a tape has a name twice: here two become one.
    record(&self, &(shape){.url = URL "/alike",
                           .body = "{\"the-real-secret-1\":1,\"The-Real-Secret-1\":2}"});
    save(&self);
    char *text = read_tape(&self);
    kk_str tape = kk_str_from(text);
    static const char *const wanted[][2] = {
        {"/log/_tape/base_url", "\"" URL "\""},
        {"/log/_tape/accounts/0/plugin", "\"shop\""},
        {"/log/_tape/accounts/0/scheme", "\"bearer\""},
        {"/log/_tape/accounts/0/default", "true"},
        {"/log/_tape/recorded_at", "\"2025-11-24T16:00:00.123Z\""},
        {"/log/entries/0/_id", "\"post-v1-rows\""},
        {"/log/entries/0/_account", "\"main\""},
        {"/log/entries/0/request/url", "\"" URL "/rows?q=a%20b&token={{REDACTED}}\""},
        {"/log/entries/0/request/queryString/0/value", "\"a b\""},
        {"/log/entries/0/request/headers/0/name", "\"authorization\""},
        {"/log/entries/0/request/headers/0/value", "\"Bearer {{ACCESS_TOKEN}}\""},
        {"/log/entries/0/request/headers/1/name", "\"content-type\""},
        {"/log/entries/0/request/postData/_json/code", "\"{{REDACTED}}\""},
        {"/log/entries/0/request/postData/_json/n", "1.50"},
        {"/log/entries/0/response/status", "201"},
        {"/log/entries/0/response/content/_json/email", "\"user-1@example.com\""},
        {"/log/entries/0/response/content/_json/n", "1.50"},
        {"/log/entries/0/_redacted/0", "\"/request/headers/0/value\""},
        {"/log/entries/0/_redacted/1", "\"/request/postData/_json/code\""},
        {"/log/entries/0/_redacted/2", "\"/request/url\""},
        {"/log/entries/0/_redacted/3", "\"/response/content/_json/email\""},
        {"/log/entries/0/timings/wait", "12"},
        {"/log/entries/1/response/content/text",
         "\"{\\\"{{ACCESS_TOKEN}}\\\":1,\\\"{{ACCESS_TOKEN}}\\\":2}\""},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        kk_str raw = {NULL, 0};
        if (!kk_json_find(tape, wanted[i][0], &raw) || !kk_str_is(raw, wanted[i][1])) {
            fail_msg("%s is %.*s, not %s", wanted[i][0], KK_STR_ARG(raw), wanted[i][1]);
        }
    }
    assert_null(strstr(text, "X-Trace"));
    assert_null(strstr(text, "set-cookie"));
    assert_null(strstr(text, "127.0.0.1"));
    free(text);
    end(&self);
}

static void test_record__what_an_answer_gave_joins_with_later_requests(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.url = URL "/before?q=sess-0123456789abcdef"});
    record(&self, &(shape){.url = URL "/login", .body = "{\"token\":\"sess-0123456789abcdef\"}"});
    record(&self, &(shape){.url = URL "/s/sess-0123456789abcdef?token=sess-0123456789abcdef"});
    save(&self);
    char *text = read_tape(&self);
    assert_null(strstr(text, "sess-"));
    assert_holds(text, URL "/before?q=REDACTED0000000000001");
    assert_holds(text, URL "/s/REDACTED0000000000001?token=REDACTED0000000000001");
    free(text);
    end(&self);
}

// ---- Refusing

static void test_record__what_looks_like_a_secret_is_not_written(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.url = URL "/a", .body = "{\"ok\":1}"});
    save_and_reopen(&self);
    char *before = read_tape(&self);
    record(&self,
           &(shape){.url = URL "/b", .body = "{\"note\":\"use pscale_pw_abcdefgh12345678 here\"}"});
    assert_code(kk_tape_writer_save(self.writer, &self.err), KK_ERR_TAPE_INVALID);
    assert_string_equal(self.err.reason, "redaction_unknown_secret");
    assert_string_equal(self.err.argument, "/log/entries/1/response/content/_json/note");
    assert_null(strstr(self.err.message, "pscale_pw_"));
    assert_holds(self.err.hint, "x.rejected.har");
    char *after = read_tape(&self);
    assert_string_equal(before, after);
    free(after);
    free(before);
    char *rejected = read_file(scratch_path(&self.dir, "x.rejected.har"));
    assert_null(strstr(rejected, "abcdefgh12345678"));
    assert_holds(rejected, KK_REDACT_SUSPECT);
    free(rejected);
    // Which is itself a tape.
    kk_tape *tape = NULL;
    self.err = (kk_error){0};
    assert_ok(kk_tape_load(scratch_path(&self.dir, "x.rejected.har"), &tape, &self.err), &self.err);
    kk_tape_free(tape);
    end(&self);
}

static void test_record__a_secret_too_short_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    recorder self = start();
    kk_request_account account = account_of("abc12");
    assert_code(kk_tape_writer_learn(self.writer, &account, &self.err), KK_ERR_INVALID_ARGS);
    assert_null(strstr(self.err.message, "abc12"));
    end(&self);
}

static void test_record__a_run_that_failed_leaves_the_tape(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.url = URL "/a"});
    kk_tape_writer_reject(self.writer);
    assert_code(kk_tape_writer_save(self.writer, &self.err), KK_ERR_TAPE_INVALID);
    assert_string_equal(self.err.reason, "rejected");
    assert_false(exists(&self, "x.har"));
    assert_true(exists(&self, "x.rejected.har"));
    end(&self);

    self = start();
    record(&self, &(shape){.url = URL "/a"});
    record(&self, &(shape){.url = URL "/b", .failure = KK_ERR_CANCELLED});
    assert_code(kk_tape_writer_save(self.writer, &self.err), KK_ERR_TAPE_INVALID);
    assert_false(exists(&self, "x.har"));
    end(&self);
}

static void test_record__a_second_recorder_is_refused(void **state)
{
    (void)state;
    recorder self = start();
    kk_tape_writer *other = NULL;
    assert_code(kk_tape_writer_open(self.tape, &other, &self.err), KK_ERR_LOCKED);
    assert_true(exists(&self, "x.har.lock"));
    kk_tape_writer_free(self.writer);
    assert_false(exists(&self, "x.har.lock"));
    open_writer(&self);
    end(&self);
}

// ---- Merging

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        count++;
    }
    return count;
}

static void record_three(recorder *self, const char *second)
{
    record(self, &(shape){.url = URL "/a", .body = "{\"v\":1,\"email\":\"ann@real.io\"}"});
    record(self, &(shape){.url = URL "/poll", .body = "{\"state\":\"pending\"}"});
    record(self, &(shape){.url = URL "/poll", .body = second});
}

static void test_record__nothing_new_changes_no_byte(void **state)
{
    (void)state;
    recorder self = start();
    struct stat before;
    struct stat after;
    record_three(&self, "{\"state\":\"ready\"}");
    save_and_reopen(&self);
    assert_int_equal(stat(self.tape, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0600);
    save_and_reopen(&self);
    record_three(&self, "{\"state\":\"ready\"}");
    save_and_reopen(&self);
    // In another order the fakes have other numbers, and still nothing is new.
    record(&self, &(shape){.url = URL "/poll", .body = "{\"state\":\"pending\"}"});
    record(&self, &(shape){.url = URL "/a", .body = "{\"email\":\"ann@real.io\",\"v\":1}"});
    save(&self);
    assert_int_equal(stat(self.tape, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    end(&self);
}

static void test_record__what_changed_takes_the_place_and_keeps_the_rules(void **state)
{
    (void)state;
    recorder self = start();
    record_three(&self, "{\"state\":\"ready\"}");
    save(&self);
    char *text = read_tape(&self);
    // By hand: a name, a rule and white space of somebody's own.
    kk_buf edited = {.limit = KK_TAPE_MAX};
    char *at = strstr(text, "\"_id\": \"get-v1-a\",");
    assert_non_null(at);
    kk_buf_append(&edited, text, (size_t)(at - text));
    kk_buf_append_text(&edited, "\"_id\":   \"mine\", \"_optional\": true, \"comment\": \"why\",");
    kk_buf_append_text(&edited, "\"_repeat\": \"any\",");
    kk_buf_append_text(&edited, at + strlen("\"_id\": \"get-v1-a\","));
    assert_ok(kk_tape_file_write(self.tape, kk_buf_view(&edited), &self.err), &self.err);
    kk_tape_writer_free(self.writer);
    free(text);

    open_writer(&self);
    record_three(&self, "{\"state\":\"failed\"}");
    record(&self, &(shape){.url = URL "/a", .body = "{\"v\":1,\"email\":\"ann@real.io\"}"});
    record(&self, &(shape){.url = URL "/new", .account = "other"});
    save_and_reopen(&self);
    text = read_tape(&self);
    // The first entry has its bytes, the third its place, the fourth is behind them.
    at = strstr(edited.ptr, "\"_id\":   \"mine\"");
    assert_non_null(memmem(text, strlen(text), at, (size_t)(strstr(at, "get-v1-poll") - at)));
    assert_int_equal(count_of(text, "\"_id\""), 4);
    assert_int_equal(count_of(text, "\"ready\""), 0);
    assert_int_equal(count_of(text, "\"failed\""), 1);
    assert_holds(text, "\"get-v1-poll-2\"");
    assert_holds(text, "\"other\"");
    assert_int_equal(count_of(text, "\"default\": true"), 1);
    free(text);

    record(&self, &(shape){.url = URL "/a", .body = "{\"v\":2}"});
    save(&self);
    text = read_tape(&self);
    assert_holds(text, "\"mine\"");
    assert_holds(text, "\"why\"");
    assert_holds(text, "\"_optional\": true");
    assert_int_equal(count_of(text, "ann@real.io") + count_of(text, "user-1@example.com"), 0);
    free(text);
    kk_buf_clean(&edited);
    end(&self);
}

static void test_record__failures_replay_as_they_were(void **state)
{
    (void)state;
    static const kk_code codes[] = {KK_ERR_DNS,      KK_ERR_CONNECT,   KK_ERR_TLS,
                                    KK_ERR_RESET,    KK_ERR_TIMEOUT,   KK_ERR_TRUNCATED,
                                    KK_ERR_PROTOCOL, KK_ERR_TOO_LARGE, KK_ERR_REDIRECT_REFUSED};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        recorder self = start();
        record(&self, &(shape){.url = URL "/a",
                               .failure = codes[i],
                               .message = "GET h/a: broke",
                               .hint = "mend it"});
        save(&self);
        kk_tape *tape = NULL;
        kk_tape_answer answer;
        const kk_header type[] = {{"content-type", "application/json"}};
        kk_request request = {.method = "GET",
                              .url = URL "/a",
                              .headers = type,
                              .header_count = 1,
                              .credential = {"authorization", "Bearer {{ACCESS_TOKEN}}"},
                              .plugin = "shop",
                              .account = "main"};
        assert_ok(kk_tape_load(self.tape, &tape, &self.err), &self.err);
        assert_ok(kk_tape_claim(tape, &request, &answer, &self.err), &self.err);
        assert_code(answer.failure, codes[i]);
        assert_int_equal(answer.failure_sent, KK_SENT_MAYBE);
        kk_tape_free(tape);
        end(&self);
    }
    // What never left is no exchange.
    recorder self = start();
    record(&self, &(shape){.url = URL "/a", .failure = KK_ERR_INTERNAL});
    save(&self);
    assert_false(exists(&self, "x.har"));
    end(&self);
}

// Entries of one name by the thousand: the pages of a list.
static void test_record__every_page_of_a_long_list_has_a_name(void **state)
{
    (void)state;
    enum { PAGES = 10000 };
    recorder self = start();
    for (int i = 1; i <= PAGES; i++) {
        char url[64];
        snprintf(url, sizeof url, URL "/rows?page=%d", i);
        record(&self, &(shape){.url = url});
    }
    save(&self);
    char *text = read_tape(&self);
    // That none is there twice, the loader has seen to.
    assert_holds(text, "\"get-v1-rows\"");
    assert_holds(text, "\"get-v1-rows-2\"");
    assert_holds(text, "\"get-v1-rows-10000\"");
    assert_null(strstr(text, "\"get-v1-rows-10001\""));
    free(text);
    end(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__writes_an_entry),
        cmocka_unit_test(test_record__what_an_answer_gave_joins_with_later_requests),
        cmocka_unit_test(test_record__what_looks_like_a_secret_is_not_written),
        cmocka_unit_test(test_record__a_secret_too_short_is_refused_before_it_is_sent),
        cmocka_unit_test(test_record__a_run_that_failed_leaves_the_tape),
        cmocka_unit_test(test_record__a_second_recorder_is_refused),
        cmocka_unit_test(test_record__nothing_new_changes_no_byte),
        cmocka_unit_test(test_record__what_changed_takes_the_place_and_keeps_the_rules),
        cmocka_unit_test(test_record__failures_replay_as_they_were),
        cmocka_unit_test(test_record__every_page_of_a_long_list_has_a_name),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
