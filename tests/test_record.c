// Recording: what goes to a tape and what does not, merging, and refusing.
#include "buf.h"
#include "encodings.h"
#include "json.h"
#include "scratch.h"
#include "tape.h"
#include "tape_file.h"
#include "tape_write.h"
#include "unit.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define URL "https://api.example.com/v1"

// ---- Recording without a network

typedef struct recorder {
    scratch dir;
    char tape[256];
    kk_tape_writer *writer;
    kk_error err;
} recorder;

static void open_writer(recorder *self)
{
    self->err = (kk_error){0};
    assert_ok(kk_tape_writer_open(self->tape, &self->writer, &self->err), &self->err);
}

static recorder start(void)
{
    recorder self = {.writer = NULL};
    scratch_init(&self.dir);
    snprintf(self.tape, sizeof self.tape, "%s", scratch_path(&self.dir, "x.har"));
    open_writer(&self);
    return self;
}

static void end(recorder *self)
{
    kk_tape_writer_free(self->writer);
    scratch_clean(&self->dir);
}

static kk_request_account account_of(const char *secret)
{
    kk_request_account account = {.scheme = "bearer",
                                  .is_default = true,
                                  .shape = "Bearer {{ACCESS_TOKEN}}",
                                  .base_url = "http://127.0.0.1:4711/v1",
                                  .public_url = URL};
    if (secret != NULL) {
        account.secrets[0] = (kk_request_secret){"access_token", kk_str_from(secret)};
        account.secret_count = 1;
    }
    return account;
}

// One exchange; what is not given is ordinary.
typedef struct shape {
    const char *method;
    const char *url;
    kk_header request_header;
    const char *sent_type;
    const char *sent;
    unsigned status;
    kk_header response_header;
    const char *type;
    const char *body;
    kk_code failure;
    const char *message;
    const char *hint;
    const char *account;
    const char *secret;
} shape;

static void record(recorder *self, const shape *one)
{
    kk_request_account account = account_of(one->secret);
    const kk_header sent[] = {
        {"content-type", one->sent_type != NULL ? one->sent_type : "application/json"},
        one->request_header};
    kk_header got[] = {{"content-type", one->type != NULL ? one->type : "application/json"},
                       one->response_header};
    kk_request request = {.method = one->method != NULL ? one->method : "GET",
                          .url = one->url,
                          .headers = sent,
                          .header_count = one->request_header.name != NULL ? 2 : 1,
                          .credential = {"Authorization", one->secret},
                          .body = kk_str_from(one->sent),
                          .plugin = "shop",
                          .account = one->account != NULL ? one->account : "main",
                          .recorded = &account};
    kk_response response = {.sent = one->failure == KK_OK ? KK_SENT_YES : KK_SENT_MAYBE,
                            .status = one->status != 0 ? one->status : 200,
                            .headers = got,
                            .header_count = one->response_header.name != NULL ? 2 : 1,
                            .body = kk_str_from(one->body != NULL ? one->body : "{}")};
    assert_ok(kk_tape_writer_learn(self->writer, &account, &self->err), &self->err);
    kk_tape_exchange exchange = {.seq = kk_tape_writer_begin(self->writer),
                                 .started_ms = 1764000000123,
                                 .wait_ms = 12,
                                 .request = &request,
                                 .response = &response,
                                 .failure = one->failure,
                                 .problem = one->message != NULL ? one->message : "",
                                 .hint = one->hint != NULL ? one->hint : ""};
    kk_tape_writer_add(self->writer, &exchange);
}

static void save(recorder *self)
{
    assert_ok(kk_tape_writer_save(self->writer, &self->err), &self->err);
}

// Ends this recording and begins the next into the same file.
static void save_and_reopen(recorder *self)
{
    save(self);
    kk_tape_writer_free(self->writer);
    open_writer(self);
}

static char *read_file(const char *path)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_error err = {0};
    assert_ok(kk_tape_file_read(path, &text, &err), &err);
    return kk_buf_steal(&text);
}

static char *read_tape(const recorder *self)
{
    return read_file(self->tape);
}

static bool exists(const recorder *self, const char *name)
{
    return access(scratch_path(&self->dir, name), F_OK) == 0;
}

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

// ---- The planted secrets

static const char *const secrets[] = {
    "pscale_tkn_CANARYaaaa1111bbbb2222",
    "pscale_pw_CANARYcccc3333dddd4444",
    "cnryid000001",
    "CANARY+slash/and=equals==",
    "CANARY%41percent%2541",
    "CANARY\"quote\\back",
    "CANARY<amp&amp;ersand>",
    "CANARY space and more",
    "CANARY:colon@at/path?q",
    "CANARY{brace}[bracket]",
    "CANARY~!*'();,|^`",
    "CANARY\\u0041escape",
};
enum { SECRETS = sizeof secrets / sizeof secrets[0] };

// What may be planted as it is: a header or a URL takes no raw control bytes or spaces.
static const char *planted(const char *secret, put_fn form, kk_buf *out)
{
    kk_buf_clear(out);
    form(kk_str_from(secret), out);
    return kk_buf_text(out);
}

static char *in_json(const char *format, const char *text)
{
    kk_buf quoted = {.limit = KK_TEXT_MAX};
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_json_write_string(&quoted, kk_str_from(text));
    const char *at = strchr(format, '@');
    kk_buf_append(&out, format, (size_t)(at - format));
    kk_buf_append_str(&out, kk_buf_view(&quoted));
    kk_buf_append_text(&out, at + 1);
    kk_buf_clean(&quoted);
    return kk_buf_steal(&out);
}

static char *in_url(const char *format, const char *text)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    const char *at = strchr(format, '@');
    kk_buf_append(&out, format, (size_t)(at - format));
    for (; *text != '\0'; text++) {
        bool plain = strchr(" #\\?/&+%<>\"{}|^`[]", *text) == NULL;
        kk_buf_append_format(&out, plain ? "%c" : "%%%02X", (unsigned char)*text);
    }
    kk_buf_append_text(&out, at + 1);
    return kk_buf_steal(&out);
}

// One exchange a place, all with the same secret in the same form.
static void plant(recorder *self, const char *secret, const char *text)
{
    char *path = in_url(URL "/p/@/x", text);
    char *query = in_url(URL "/q?a=1&b=@&c=2", text);
    char *named = in_url(URL "/q?@=1", text);
    char *body = in_json("{\"a\":[{\"b\":{\"c\":[1,{\"d\":@}]}}]}", text);
    char *list = in_json("[@,@]", text);
    char *name = in_json("{@:1}", text);
    char *string = in_json("[@]", body);
    char *form = in_url("a=1&b=@", text);
    const shape places[] = {
        {.url = path},
        {.url = query},
        {.url = named},
        {.url = URL "/request-header", .request_header = {"if-match", text}},
        {.url = URL "/dropped-header", .request_header = {"cookie", text}},
        {.method = "POST", .url = URL "/request-json", .sent = body},
        {.method = "POST",
         .url = URL "/request-form",
         .sent_type = "application/x-www-form-urlencoded",
         .sent = form},
        {.method = "POST", .url = URL "/request-text", .sent_type = "text/plain", .sent = text},
        {.url = URL "/response-header", .response_header = {"etag", text}},
        {.url = URL "/response-cookie", .response_header = {"set-cookie", text}},
        {.url = URL "/redirect", .response_header = {"location", path}},
        {.url = URL "/link", .response_header = {"link", text}},
        {.url = URL "/json", .body = body},
        {.url = URL "/list", .body = list},
        {.url = URL "/name", .body = name},
        {.url = URL "/json-in-json", .body = string},
        {.url = URL "/cut-json", .body = text},
        {.url = URL "/error", .status = 422, .body = body},
        {.url = URL "/html", .status = 502, .type = "text/html", .body = text},
        {.url = URL "/form", .type = "application/x-www-form-urlencoded", .body = form},
        {.url = URL "/failure", .failure = KK_ERR_RESET, .message = text, .hint = text},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        shape one = places[i];
        one.secret = secret;
        record(self, &one);
    }
    char *made[] = {path, query, named, body, list, name, string, form};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        free(made[i]);
    }
}

static void assert_none(const recorder *self, const char *name, const char *secret)
{
    char path[300];
    snprintf(path, sizeof path, "%s", scratch_path(&self->dir, name));
    char *text = read_file(path);
    kk_buf form = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < FORMS; i++) {
        planted(secret, forms[i], &form);
        // Its last and first characters may stand for bytes before and behind it, too.
        size_t len = form.len > 8 ? form.len - 4 : form.len;
        if (memmem(text, strlen(text), form.ptr + (form.len > 8 ? 4 : 0), len - 2) != NULL) {
            fail_msg("'%s' is in %s: %s", secret, name, kk_buf_text(&form));
        }
    }
    assert_null(strcasestr(text, "canary"));
    assert_null(strcasestr(text, "cnryid"));
    kk_buf_clean(&form);
    free(text);
}

static void test_record__no_planted_secret_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < SECRETS; i++) {
        for (size_t k = 0; k < FORMS; k++) {
            recorder self = start();
            kk_buf text = {.limit = KK_TEXT_MAX};
            planted(secrets[i], forms[k], &text);
            plant(&self, secrets[i], kk_buf_text(&text));
            save(&self);
            assert_none(&self, "x.har", secrets[i]);
            // The same of a run that failed.
            kk_tape_writer_reject(self.writer);
            assert_code(kk_tape_writer_save(self.writer, &self.err), KK_ERR_TAPE_INVALID);
            assert_none(&self, "x.rejected.har", secrets[i]);
            assert_null(strstr(self.err.message, "CANARY"));
            kk_buf_clean(&text);
            end(&self);
        }
    }
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
    kk_buf_append_text(&edited, at + strlen("\"_id\": \"get-v1-a\","));
    assert_ok(kk_tape_file_write(self.tape, kk_buf_view(&edited), &self.err), &self.err);
    kk_tape_writer_free(self.writer);
    free(text);

    open_writer(&self);
    record_three(&self, "{\"state\":\"failed\"}");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record__writes_an_entry),
        cmocka_unit_test(test_record__what_an_answer_gave_joins_with_later_requests),
        cmocka_unit_test(test_record__no_planted_secret_is_written),
        cmocka_unit_test(test_record__what_looks_like_a_secret_is_not_written),
        cmocka_unit_test(test_record__a_secret_too_short_is_refused_before_it_is_sent),
        cmocka_unit_test(test_record__a_run_that_failed_leaves_the_tape),
        cmocka_unit_test(test_record__a_second_recorder_is_refused),
        cmocka_unit_test(test_record__nothing_new_changes_no_byte),
        cmocka_unit_test(test_record__what_changed_takes_the_place_and_keeps_the_rules),
        cmocka_unit_test(test_record__failures_replay_as_they_were),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
