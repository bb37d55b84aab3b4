// Secrets in every place of an exchange, and what a recording makes of them.
#include "encodings.h"
#include "json.h"
#include "recording.h"
#include <stdlib.h>

// ---- The planted secrets

static const char *const secrets[] = SECRETS_BESIDE("pscale_tkn_CANARYaaaa1111bbbb2222");
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
    kk_buf out = {.limit = KK_TEXT_MAX};
    for (; *format != '\0'; format++) {
        if (*format == '@') {
            kk_json_write_string(&out, kk_str_from(text));
        } else {
            kk_buf_append_byte(&out, *format);
        }
    }
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

// Where a secret is planted, and where on the tape something has to stand in its place; NULL for
// what a tape does not keep.
typedef struct place {
    shape exchange;
    const char *kept;
} place;

#define POST_TO(path) .method = "POST", .url = URL path
#define FORM "application/x-www-form-urlencoded"
enum { PLACES = 24 };

// One exchange a place, all with the same secret in the same form.
static void plant(recorder *self, const char *secret, const char *text, const char *kept[PLACES])
{
    char *path = in_url(URL "/p/@/x", text);
    char *query = in_url(URL "/q?a=1&b=@&c=2", text);
    char *named = in_url(URL "/q?@=1", text);
    char *body = in_json("{\"a\":[{\"b\":{\"c\":[1,{\"d\":@}]}}]}", text);
    char *list = in_json("[@,@]", text);
    char *name = in_json("{@:1}", text);
    char *string = in_json("[@]", body);
    char *form = in_url("a=1&b=@", text);
    const place places[PLACES] = {
        {{.url = path}, "/request/url"},
        {{.url = query}, "/request/url"},
        {{.url = named}, "/request/url"},
        {{.url = URL "/request-header", .request_header = {"If-Match", text}},
         "/request/headers/2/value"},
        {{.url = URL "/lower-header", .request_header = {"if-none-match", text}},
         "/request/headers/2/value"},
        {{.url = URL "/dropped-header", .request_header = {"cookie", text}}, NULL},
        {{POST_TO("/request-json"), .sent = body}, "/request/postData"},
        {{POST_TO("/request-form"), .sent_type = FORM, .sent = form}, "/request/postData"},
        {{POST_TO("/request-text"), .sent_type = "text/plain", .sent = text}, "/request/postData"},
        {{.url = URL "/response-header", .response_header = {"ETag", text}},
         "/response/headers/1/value"},
        {{.url = URL "/twice",
          .response_header = {"etag", "\"v1\""},
          .second_header = {"ETAG", text}},
         "/response/headers/2/value"},
        {{.url = URL "/response-cookie", .response_header = {"set-cookie", text}}, NULL},
        {{.url = URL "/redirect", .status = 201, .response_header = {"location", path}},
         "/response/headers/1/value"},
        {{.url = URL "/redirect-query", .response_header = {"Location", query}}, NULL},
        {{.url = URL "/link", .response_header = {"link", text}}, "/response/headers/1/value"},
        {{.url = URL "/json", .body = body}, "/response/content"},
        {{.url = URL "/list", .body = list}, "/response/content"},
        {{.url = URL "/name", .body = name}, "/response/content"},
        {{.url = URL "/json-in-json", .body = string}, "/response/content"},
        {{.url = URL "/cut-json", .body = text}, "/response/content"},
        {{.url = URL "/error", .status = 422, .body = body}, "/response/content"},
        {{.url = URL "/html", .status = 502, .type = "text/html", .body = text},
         "/response/content"},
        {{.url = URL "/form", .type = FORM, .body = form}, "/response/content"},
        {{.url = URL "/failure", .failure = KK_ERR_RESET, .message = text, .hint = text},
         "/response/_error"},
    };
    for (size_t i = 0; i < PLACES; i++) {
        shape one = places[i].exchange;
        one.secret = secret;
        record(self, &one);
        kept[i] = places[i].kept;
    }
    char *made[] = {path, query, named, body, list, name, string, form};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        free(made[i]);
    }
}

// What stands in the secret's place shows that it was there.
static void assert_replaced(const recorder *self, const char *secret, size_t form,
                            const char *const kept[PLACES])
{
    char *text = read_tape(self);
    kk_str raw = {NULL, 0};
    for (size_t i = 0; i < PLACES; i++) {
        char pointer[96];
        snprintf(pointer, sizeof pointer, "/log/entries/%zu%s", i, kept[i] != NULL ? kept[i] : "");
        if (!kk_json_find(kk_str_from(text), pointer, &raw)) {
            fail_msg("there is no %s", pointer);
        }
        if (kept[i] != NULL && memmem(raw.ptr, raw.len, "ACCESS_TOKEN", 12) == NULL) {
            fail_msg("'%s' in form %zu: %s is %.*s", secret, form, pointer, KK_STR_ARG(raw));
        }
    }
    free(text);
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

static void test_record_secrets__no_planted_secret_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < SECRETS; i++) {
        for (size_t k = 0; k < FORMS; k++) {
            recorder self = start();
            kk_buf text = {.limit = KK_TEXT_MAX};
            const char *kept[PLACES];
            planted(secrets[i], forms[k], &text);
            plant(&self, secrets[i], kk_buf_text(&text), kept);
            save(&self);
            assert_none(&self, "x.har", secrets[i]);
            assert_replaced(&self, secrets[i], k, kept);
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

// ---- The tape without the secrets is as good

// The requests of a session: what they hold of secrets, [secret] and [session] among them, is not
// on the tape.
typedef struct sent {
    const char *method;
    const char *path;
    const char *type;
    const char *body;
    const char *answer;
} sent;

enum { SESSION = 4 };

static void session_of(const char *session, sent out[SESSION], char texts[SESSION][160])
{
    snprintf(texts[0], sizeof texts[0], "/s/%s/rows?token=%s", session, session);
    snprintf(texts[1], sizeof texts[1], "{\"session\":\"%s\",\"n\":1.50}", session);
    const sent all[SESSION] = {
        {"POST", "/login?sig=abcdef&page=1", "application/json",
         "{\"password\":\"hunter2hunter2\",\"code\":\"c-1\",\"name\":\"x\"}",
         "{\"token\":\"sess-0123456789abcdef\",\"email\":\"ann@real.io\"}"},
        {"GET", texts[0], "application/json", NULL, "[]"},
        {"PUT", "/rows", "application/json", texts[1], "{}"},
        {"POST", "/form", FORM, "client_secret=s3cr3t-s3cr3t&b=2&a=1", "{}"},
    };
    memcpy(out, all, sizeof all);
}

static void record_session(recorder *self, const char *secret)
{
    sent all[SESSION];
    char texts[SESSION][160];
    session_of("sess-0123456789abcdef", all, texts);
    for (size_t i = 0; i < SESSION; i++) {
        char url[256];
        char answer[256];
        snprintf(url, sizeof url, URL "%s", all[i].path);
        // The service repeats the credential, too.
        snprintf(answer, sizeof answer, "{\"of\":\"%s\",\"answer\":%s}", secret, all[i].answer);
        record(self, &(shape){.method = all[i].method,
                              .url = url,
                              .request_header = {"if-match", "\"v1\""},
                              .sent_type = all[i].type,
                              .sent = all[i].body,
                              .body = answer,
                              .secret = secret});
    }
}

static kk_code claim(kk_tape *tape, const sent *one, const char *if_match, kk_error *err)
{
    char url[256];
    snprintf(url, sizeof url, URL "%s", one->path);
    const kk_header headers[] = {{"content-type", one->type}, {"If-Match", if_match}};
    kk_request request = {.method = one->method,
                          .url = url,
                          .headers = headers,
                          .header_count = 2,
                          .credential = {"authorization", "Bearer {{ACCESS_TOKEN}}"},
                          .body = kk_str_from(one->body),
                          .plugin = "shop",
                          .account = "main"};
    kk_tape_answer answer;
    *err = (kk_error){0};
    return kk_tape_claim(tape, &request, &answer, err);
}

// The tape with everything compared that can be.
static kk_tape *load_strict(recorder *self)
{
    kk_buf strict = {.limit = KK_TAPE_MAX};
    kk_tape *tape = NULL;
    char *text = read_tape(self);
    char *at = strstr(text, "\"format\": 1,");
    assert_non_null(at);
    kk_buf_append(&strict, text, (size_t)(at - text));
    kk_buf_append_text(&strict,
                       "\"strict_order\": true, \"match\": {\"headers\": [\"if-match\"]}, ");
    kk_buf_append_text(&strict, at);
    assert_ok(kk_tape_parse(kk_buf_view(&strict), "x.har", &tape, &self->err), &self->err);
    kk_buf_clean(&strict);
    free(text);
    return tape;
}

// What the tape's own answers gave is what a replayed caller sends on; what it was given by its
// user it sends as it is, and another password is as good.
static void test_record_secrets__a_redacted_tape_replays_with_everything_compared(void **state)
{
    (void)state;
    recorder self = start();
    record_session(&self, "the-real-secret-1");
    save(&self);
    kk_tape *tape = load_strict(&self);
    sent all[SESSION];
    char texts[SESSION][160];
    kk_error err;
    session_of("REDACTED0000000000001", all, texts);
    assert_code(claim(tape, &all[0], "\"v2\"", &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "header_differs");
    assert_code(claim(tape, &all[1], "\"v1\"", &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "out_of_order");
    all[0].body = "{\"name\":\"x\",\"code\":\"c-2\",\"password\":\"another-password\"}";
    for (size_t i = 0; i < SESSION; i++) {
        assert_ok(claim(tape, &all[i], "\"v1\"", &err), &err);
    }
    assert_ok(kk_tape_check_used(tape, &err), &err);
    kk_tape_free(tape);
    end(&self);
}

static void test_record_secrets__another_token_changes_nothing(void **state)
{
    (void)state;
    recorder self = start();
    record_session(&self, "the-real-secret-1");
    save_and_reopen(&self);
    char *before = read_tape(&self);
    record_session(&self, "a-rotated-and-longer-secret-2");
    save_and_reopen(&self);
    char *after = read_tape(&self);
    assert_string_equal(before, after);
    assert_holds(after, "\"of\": \"{{ACCESS_TOKEN}}\"");
    free(before);
    free(after);
    end(&self);
}

// Another session, an answer that has changed, and one request more: the fake is the old one in all
// of them, so that the tape still replays as a whole.
static void test_record_secrets__a_session_recorded_again_keeps_its_fake(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.url = URL "/me", .body = "{\"email\":\"ann@real.io\"}"});
    record(&self,
           &(shape){.url = URL "/login", .body = "{\"token\":\"sess-0123456789abcdef\",\"at\":1}"});
    record(&self, &(shape){.url = URL "/s/sess-0123456789abcdef/rows"});
    save_and_reopen(&self);
    record(&self,
           &(shape){.url = URL "/login", .body = "{\"at\":2,\"token\":\"sess-fedcba9876543210\"}"});
    record(&self, &(shape){.url = URL "/s/sess-fedcba9876543210/rows"});
    record(&self, &(shape){.url = URL "/s/sess-fedcba9876543210/more"});
    save(&self);
    char *text = read_tape(&self);
    assert_holds(text, "\"token\": \"REDACTED0000000000002\"");
    assert_holds(text, "\"at\": 2");
    assert_holds(text, URL "/s/REDACTED0000000000002/rows");
    assert_holds(text, URL "/s/REDACTED0000000000002/more");
    assert_null(strstr(text, "REDACTED0000000000003"));
    assert_null(strstr(text, "get-v1-s-redacted0000000000002-rows-2"));
    free(text);
    end(&self);
}

// Of several in a list each keeps its own, also where there are fewer or more than before.
static void test_record_secrets__sessions_of_a_list_keep_their_places(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.url = URL "/all",
                           .body = "[{\"token\":\"sess-1a1a1a1a1a1a\"},[],"
                                   "{\"token\":\"sess-2a2a2a2a2a2a\"}]"});
    record(&self, &(shape){.url = URL "/s/sess-2a2a2a2a2a2a/rows"});
    save_and_reopen(&self);
    record(&self, &(shape){.url = URL "/all",
                           .body = "[{\"token\":\"sess-1b1b1b1b1b1b\"},[1],"
                                   "{\"token\":\"sess-2b2b2b2b2b2b\"},"
                                   "{\"token\":\"sess-3b3b3b3b3b3b\"}]"});
    record(&self, &(shape){.url = URL "/s/sess-2b2b2b2b2b2b/rows"});
    record(&self, &(shape){.url = URL "/s/sess-3b3b3b3b3b3b/rows"});
    save_and_reopen(&self);
    record(&self, &(shape){.url = URL "/all", .body = "[{\"token\":\"sess-1c1c1c1c1c1c\"}]"});
    record(&self, &(shape){.url = URL "/s/sess-1c1c1c1c1c1c/rows"});
    save(&self);
    char *text = read_tape(&self);
    assert_holds(text, "\"token\": \"REDACTED000000001\"");
    assert_holds(text, URL "/s/REDACTED000000001/rows");
    assert_holds(text, URL "/s/REDACTED000000002/rows");
    assert_null(strstr(text, "-rows-2"));
    free(text);
    end(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_secrets__no_planted_secret_is_written),
        cmocka_unit_test(test_record_secrets__a_redacted_tape_replays_with_everything_compared),
        cmocka_unit_test(test_record_secrets__another_token_changes_nothing),
        cmocka_unit_test(test_record_secrets__a_session_recorded_again_keeps_its_fake),
        cmocka_unit_test(test_record_secrets__sessions_of_a_list_keep_their_places),
    };
    return cmocka_run_group_tests_name("record_secrets", tests, NULL, NULL);
}
