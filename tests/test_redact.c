// The redactor: what goes, what takes its place, and what the last look finds.
#include "redact.h"
#include "unit.h"
#include <stdlib.h>

#define TOKEN "pscale_tkn_CANARYservicetokenAAAA1111"
#define TOKEN_ID "cnryid000001"

static kk_redactor *redactor_of(void)
{
    kk_redactor *self = NULL;
    kk_error err = {0};
    assert_ok(kk_redactor_new(&self, &err), &err);
    assert_ok(kk_redactor_know(self, "service_token", KK_STR(TOKEN), &err), &err);
    assert_ok(kk_redactor_know(self, "service_token_id", KK_STR(TOKEN_ID), &err), &err);
    return self;
}

static void note(void *context, const char *pointer)
{
    kk_buf_append_format(context, "%s ", pointer);
}

// What becomes of a body, with a redactor of its own.
static void assert_body(kk_redact_side side, const char *media, const char *body,
                        const char *wanted, const char *pointers)
{
    kk_redactor *self = redactor_of();
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf notes = {.limit = KK_TEXT_MAX};
    bool changed = kk_redact_body(self, side, media, kk_str_from(body), &out, note, &notes);
    assert_int_equal(out.failed, KK_OK);
    assert_string_equal(kk_buf_text(&out), wanted);
    assert_int_equal(changed, strcmp(body, wanted) != 0);
    assert_string_equal(kk_buf_text(&notes), pointers);

    // Once more changes nothing, and so does a redactor that has never seen the values.
    kk_buf again = {.limit = KK_TEXT_MAX};
    assert_false(kk_redact_body(self, side, media, kk_buf_view(&out), &again, NULL, NULL));
    assert_string_equal(kk_buf_text(&again), wanted);
    kk_buf_clear(&again);
    assert_false(kk_redact_body(NULL, side, media, kk_buf_view(&out), &again, NULL, NULL));
    kk_buf_clean(&again);
    kk_buf_clean(&notes);
    kk_buf_clean(&out);
    kk_redactor_free(self);
}

#define JSON "application/json; charset=utf-8"
#define FORM "application/x-www-form-urlencoded"

static void test_redact__names_decide_at_any_depth(void **state)
{
    (void)state;
    assert_body(KK_REDACT_RESPONSE, JSON, "{\"a\": [ {\"Pass-Word\":\"hunter2\" , \"n\":1.50} ]}",
                "{\"a\": [ {\"Pass-Word\":\"REDACTED00000001\" , \"n\":1.50} ]}",
                "/a/0/Pass-Word ");
    assert_body(
        KK_REDACT_RESPONSE, JSON,
        "{\"connection_strings\":{\"general\":\"mysql://u:p@h/d\",\"port\":3306,\"on\":true,"
        "\"none\":null,\"empty\":\"\"}}",
        "{\"connection_strings\":{\"general\":\"REDACTED00000001\",\"port\":"
        "9007199254000002,\"on\":true,\"none\":null,\"empty\":\"\"}}",
        "/connection_strings/general /connection_strings/port ");
    assert_body(KK_REDACT_REQUEST, JSON,
                "{\"accessToken\":\"x1\",\"code\":\"c\",\"pin\":2,"
                "\"secret\":77}",
                "{\"accessToken\":\"{{REDACTED}}\",\"code\":\"{{REDACTED}}\",\"pin\":2,"
                "\"secret\":\"{{REDACTED}}\"}",
                "/accessToken /code /secret ");
    // PlanetScale's error code survives in an answer.
    assert_body(KK_REDACT_RESPONSE, JSON, "{\"code\":\"not_found\",\"message\":\"m\"}",
                "{\"code\":\"not_found\",\"message\":\"m\"}", "");
    assert_body(KK_REDACT_RESPONSE, "application/problem+json",
                "{\"ip_address\":\"10.1.2.3\",\"plain_text\":\"pscale_pw_abcdefghijkl\"}",
                "{\"ip_address\":\"10.1.2.3\",\"plain_text\":\"pscale_pw_REDACTED00000001\"}",
                "/plain_text ");
}

static void test_redact__people_go_and_nobody_stays(void **state)
{
    (void)state;
    assert_body(KK_REDACT_RESPONSE, JSON,
                "[{\"display_name\":\"Ann Real\",\"email\":\"ann@real.io\"},{\"email\":"
                "\"ann@real.io\",\"by\":\"ann@real.io\"},{\"display_name\":\"A thing\"}]",
                "[{\"display_name\":\"Person 1\",\"email\":\"user-2@example.com\"},{\"email\":"
                "\"user-2@example.com\",\"by\":\"user-2@example.com\"},"
                "{\"display_name\":\"A thing\"}]",
                "/0/display_name /0/email /1/email /1/by ");
    assert_body(KK_REDACT_RESPONSE, JSON,
                "{\"display_name\":\"Robin\",\"email\":\"robin@example.com\",\"avatar_url\":"
                "\"https://avatars.example.com/r.png\"}",
                "{\"display_name\":\"Robin\",\"email\":\"robin@example.com\",\"avatar_url\":"
                "\"https://avatars.example.com/r.png\"}",
                "");
    assert_body(KK_REDACT_RESPONSE, JSON,
                "{\"display_name\":\"Ann\",\"avatar_url\":\"https://cdn.real.io/a.png\"}",
                "{\"display_name\":\"Person 1\",\"avatar_url\":"
                "\"https://example.com/redacted/2\"}",
                "/display_name /avatar_url ");
}

static void test_redact__json_in_a_string_urls_and_forms(void **state)
{
    (void)state;
    assert_body(KK_REDACT_RESPONSE, JSON, "{\"log\":\"{\\\"token\\\":\\\"abcdefgh1\\\"}\"}",
                "{\"log\":\"{\\\"token\\\":\\\"REDACTED00000001\\\"}\"}", "/log ");
    assert_body(
        KK_REDACT_RESPONSE, JSON, "{\"to\":\"https://u:p@s3.io/k?X-Amz-Signature=abc&part=2\"}",
        "{\"to\":\"https://{{REDACTED}}@s3.io/k?X-Amz-Signature={{REDACTED}}&part=2\"}", "/to ");
    assert_body(KK_REDACT_REQUEST, FORM, "grant=x&client_secret=a%20b&device%5Fcode=1",
                "grant=x&client_secret={{REDACTED}}&device%5Fcode={{REDACTED}}", " ");
    // Three bytes that begin as an escape does, and are none.
    assert_body(KK_REDACT_REQUEST, FORM, "client_secret=%zzz", "client_secret={{REDACTED}}", " ");
    assert_body(KK_REDACT_REQUEST, "text/plain", "password=" TOKEN, "password={{SERVICE_TOKEN}}",
                " ");
    // What only claims to be JSON is text.
    assert_body(KK_REDACT_RESPONSE, JSON, "{\"token\":\"" TOKEN "\"",
                "{\"token\":\"{{SERVICE_TOKEN}}\"", " ");
}

// The hexadecimal form of the id, of which an escape takes the first two digits.
static void test_redact__a_value_across_an_escape_takes_the_whole_string(void **state)
{
    (void)state;
    assert_body(KK_REDACT_RESPONSE, JSON, "{\"a\":\"x\\u00636e7279696430303030303120\",\"b\":1}",
                "{\"a\":\"" KK_REDACT_SUSPECT "\",\"b\":1}", "/a ");
}

static void test_redact__what_an_answer_gave_is_known_from_then_on(void **state)
{
    (void)state;
    kk_redactor *self = redactor_of();
    kk_buf out = {.limit = KK_TEXT_MAX};
    assert_true(kk_redact_body(self, KK_REDACT_RESPONSE, JSON,
                               KK_STR("{\"plain_text\":\"pscale_pw_0123456789ab\",\"email\":"
                                      "\"ann@real.io\"}"),
                               &out, NULL, NULL));
    kk_buf_clear(&out);
    assert_true(kk_redact_url(
        self, KK_REDACT_REQUEST,
        KK_STR("https://h/p/pscale_pw_0123456789ab/ann%40real.io?q=ann@real.io"), &out));
    assert_string_equal(kk_buf_text(&out), "https://h/p/pscale_pw_REDACTED0000"
                                           "0001/user-2%40example.com?q=user-2@example.com");
    kk_buf_clear(&out);
    assert_true(kk_redact_known(self, KK_STR("{\"pscale_pw_0123456789ab\":[1,\"x\"]}"), &out));
    assert_string_equal(kk_buf_text(&out), "{\"pscale_pw_REDACTED00000001\":[1,\"x\"]}");
    assert_int_equal(kk_redact_last_fake(KK_STR("a user-7@example.com REDACTED00000012 "
                                                "9007199254000031 00000000-0000-4000-8000-"
                                                "000000000009 https://example.com/redacted/4")),
                     31);
    kk_buf_clear(&out);
    kk_redact_level(KK_STR("{\"a\":\"user-7@example.com\",\"b\":9007199254000031,\"c\":7}"), &out);
    assert_string_equal(kk_buf_text(&out), "{\"a\":\"user-0@example.com\",\"b\":0,\"c\":7}");
    kk_buf_clean(&out);
    kk_redactor_free(self);
}

static uint64_t plus_ten(void *context, uint64_t number)
{
    *(uint64_t *)context += number;
    return number + 10;
}

static void test_redact__fakes_get_other_numbers_in_the_same_form(void **state)
{
    (void)state;
    uint64_t sum = 0;
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_redact_renumber(KK_STR("user-7@example.com REDACTED00000012x 9007199254000031 Person 5, "
                              "00000000-0000-4000-8000-000000000009 pscale_tkn_REDACTED00000001 "
                              "https://example.com/redacted/4 user@example.com 17"),
                       plus_ten, &sum, &out);
    assert_string_equal(kk_buf_text(&out),
                        "user-17@example.com REDACTED00000022x 9007199254000041 Person 15, "
                        "00000000-0000-4000-8000-000000000019 pscale_tkn_REDACTED00000011 "
                        "https://example.com/redacted/14 user@example.com 17");
    assert_int_equal(sum, 7 + 12 + 31 + 5 + 9 + 1 + 4);
    kk_buf_clean(&out);
}

static void test_redact__headers_are_kept_by_a_list(void **state)
{
    (void)state;
    assert_true(kk_redact_keeps_header(KK_REDACT_REQUEST, "Content-Type"));
    assert_true(kk_redact_keeps_header(KK_REDACT_RESPONSE, "X-RateLimit-Remaining"));
    static const char *const gone[] = {
        "authorization", "cookie",    "set-cookie", "proxy-authenticate", "server", "via",
        "cf-ray",        "x-api-key", NULL};
    for (const char *const *name = gone; *name != NULL; name++) {
        assert_false(kk_redact_keeps_header(KK_REDACT_REQUEST, *name));
        assert_false(kk_redact_keeps_header(KK_REDACT_RESPONSE, *name));
    }
    static const char *const cases[][3] = {
        {"Location", "https://h/x?a=1", "https://h/x"},
        {"x-request-id", "9f1c", "00000000-0000-4000-8000-000000000000"},
        {"link", "<https://h/x?page=2&token=abc>; rel=\"next\", <https://h/y>; rel=prev",
         "<https://h/x?page=2&token=REDACTED00000001>; rel=\"next\", <https://h/y>; rel=prev"},
        {"etag", "\"" TOKEN "\"", "\"{{SERVICE_TOKEN}}\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kk_redactor *self = redactor_of();
        kk_buf out = {.limit = KK_TEXT_MAX};
        assert_true(kk_redact_header(self, KK_REDACT_RESPONSE, cases[i][0],
                                     kk_str_from(cases[i][1]), &out));
        assert_string_equal(kk_buf_text(&out), cases[i][2]);
        kk_buf_clean(&out);
        kk_redactor_free(self);
    }
}

// ---- The forms of a known value

typedef void (*encoder)(kk_str text, kk_buf *out);

static void plain(kk_str text, kk_buf *out)
{
    kk_buf_append_str(out, text);
}

static void percent(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out, i % 2 == 0 ? "%%%02x" : "%%%02X", (unsigned char)text.ptr[i]);
    }
}

static void json(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool escape = i % 3 == 0 || text.ptr[i] == '\\' || text.ptr[i] == '"';
        kk_buf_append_format(out, escape ? "\\u%04x" : "%c", (unsigned char)text.ptr[i]);
    }
}

static void html(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out,
                             i % 3 == 0   ? "&#%d;"
                             : i % 3 == 1 ? "&#x%x;"
                                          : "%c",
                             (unsigned char)text.ptr[i]);
    }
}

static void hex(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out, i % 2 == 0 ? "%02x" : "%02X", (unsigned char)text.ptr[i]);
    }
}

static void upper(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        kk_buf_append_byte(out, byte >= 'a' && byte <= 'z' ? (char)(byte & ~0x20) : byte);
    }
}

static void base64(kk_str text, size_t before, const char *alphabet, kk_buf *out)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < before + text.len + 2; i++) {
        bits = bits << 8 |
               (unsigned char)(i < before || i - before >= text.len ? 'k' : text.ptr[i - before]);
        for (held += 8; held >= 6;) {
            held -= 6;
            kk_buf_append_byte(out, alphabet[bits >> held & 63]);
        }
    }
}
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
static void base64_0(kk_str text, kk_buf *out)
{
    base64(text, 0, LETTERS "+/", out);
}
static void base64_1(kk_str text, kk_buf *out)
{
    base64(text, 1, LETTERS "-_", out);
}
static void base64_2(kk_str text, kk_buf *out)
{
    base64(text, 5, LETTERS "+/", out);
}

static const encoder encoders[] = {plain, percent,  json,     html,    hex,
                                   upper, base64_0, base64_1, base64_2};
enum { ENCODERS = sizeof encoders / sizeof encoders[0] };

// Secrets of all kinds of bytes that a header may hold.
static const char *const secrets[] = {
    TOKEN,           TOKEN_ID,          "abc123",       "a+b/c=d==",        "p%41ss%2541word",
    "quo\"te\\back", "<amp&amp;value>", "sp ace d out", "user:pass@host/?", "~!*'();[]{}|^`",
    "\\u0041bc%def", "00000000",
};
enum { SECRETS = sizeof secrets / sizeof secrets[0] };

// Each form, and each form escaped once more.
static void assert_gone(kk_redactor *self, const char *secret)
{
    kk_buf form = {.limit = KK_TEXT_MAX};
    kk_buf out = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < ENCODERS; i++) {
        for (size_t k = 0; k < 4; k++) {
            kk_buf once = {.limit = KK_TEXT_MAX};
            kk_buf_clear(&form);
            kk_buf_clear(&out);
            encoders[i](kk_str_from(secret), &once);
            encoders[k](kk_buf_view(&once), &form);
            kk_buf_append_text(&out, "before ");
            kk_buf_append_str(&out, kk_buf_view(&form));
            kk_buf_append_text(&out, " after");
            kk_buf redacted = {.limit = KK_TEXT_MAX};
            if (!kk_redact_body(self, KK_REDACT_RESPONSE, "text/plain", kk_buf_view(&out),
                                &redacted, NULL, NULL)) {
                fail_msg("'%s' survives as '%s' (%zu in %zu)", secret, kk_buf_text(&out), i, k);
            }
            assert_null(memmem(redacted.ptr, redacted.len, form.ptr, form.len));
            assert_int_equal(strncmp(redacted.ptr, "before ", 7), 0);
            assert_holds(redacted.ptr, " after");
            assert_holds(redacted.ptr, "{{FIELD}}");
            kk_buf_clean(&redacted);
            kk_buf_clean(&once);
        }
    }
    kk_buf_clean(&form);
    kk_buf_clean(&out);
}

// Behind backslashes, of which the last would take the first of an escaped value with it.
static void test_redact__backslashes_before_a_value_hide_nothing(void **state)
{
    (void)state;
    kk_redactor *self = redactor_of();
    for (int count = 0; count < 40; count++) {
        kk_buf text = {.limit = KK_TEXT_MAX};
        kk_buf out = {.limit = KK_TEXT_MAX};
        for (int i = 0; i < count; i++) {
            kk_buf_append_byte(&text, '\\');
        }
        json(kk_str_from(TOKEN_ID), &text);
        assert_true(kk_redact_body(self, KK_REDACT_RESPONSE, "text/plain", kk_buf_view(&text), &out,
                                   NULL, NULL));
        assert_holds(kk_buf_text(&out), "{{SERVICE_TOKEN_ID}}");
        assert_null(strstr(kk_buf_text(&out), "u0063"));
        kk_buf_clean(&text);
        kk_buf_clean(&out);
    }
    kk_redactor_free(self);
}

static void test_redact__finds_a_value_in_every_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < SECRETS; i++) {
        kk_redactor *self = NULL;
        kk_error err = {0};
        assert_ok(kk_redactor_new(&self, &err), &err);
        assert_ok(kk_redactor_know(self, "field", kk_str_from(secrets[i]), &err), &err);
        assert_gone(self, secrets[i]);
        kk_redactor_free(self);
    }
}

static void test_redact__a_value_that_begins_another_leaves_no_tail(void **state)
{
    (void)state;
    kk_redactor *self = NULL;
    kk_error err = {0};
    assert_ok(kk_redactor_new(&self, &err), &err);
    assert_ok(kk_redactor_know(self, "short", KK_STR("abcdef"), &err), &err);
    assert_ok(kk_redactor_know(self, "long", KK_STR("abcdefghij"), &err), &err);
    assert_ok(kk_redactor_know(self, "other", KK_STR("hijklmn"), &err), &err);
    assert_ok(kk_redactor_know(self, "other", KK_STR("hijklmn"), &err), &err);
    kk_buf out = {.limit = KK_TEXT_MAX};
    assert_true(kk_redact_body(self, KK_REDACT_RESPONSE, NULL,
                               KK_STR("1abcdefghij2 abcdefg abcdefghijklmn."), &out, NULL, NULL));
    assert_string_equal(kk_buf_text(&out), "1{{LONG}}2 {{SHORT}}g {{LONG}}.");
    kk_buf_clean(&out);
    assert_code(kk_redactor_know(self, "tiny", KK_STR("hunt2"), &err), KK_ERR_INVALID_ARGS);
    assert_null(strstr(err.message, "hunt2"));
    assert_true(err.hint[0] != '\0');
    kk_redactor_free(self);
}

// ---- The scan

static void count_found(void *context, const char *pointer, const char *what)
{
    kk_buf_append_format(context, "%s: %s\n", pointer, what);
}

static void test_redact_scan__finds_what_only_a_secret_looks_like(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"pscale_pw_abcdefgh12", "PlanetScale"},
        {"x pscale_oauth_REDACTED0000x", "PlanetScale"},
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "JSON web token"},
        {"-----BEGIN RSA PRIVATE KEY-----", "PEM"},
        {"id AKIAIOSFODNN7EXAMPLE.", "AWS"},
        {"Bearer abcdefghijklmnopqrstu", "bearer"},
        {"mysql://user:pass@host/db", "URL"},
        {"mysql%3A%2F%2Fuser%3Apass%40host", "URL"},
        {"q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6", "key"},
        {"9f86d081884c7d659a2feaa0c55ad015", "key"},
        {TOKEN_ID, "known"},
        {"Y25yeWlkMDAwMDAx", "known"},
    };
    kk_redactor *self = redactor_of();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kk_buf text = {.limit = KK_TEXT_MAX};
        kk_buf found = {.limit = KK_TEXT_MAX};
        kk_buf_append_format(&text, "{\"a\":[0,\"%s\"]}", cases[i][0]);
        assert_int_equal(kk_redact_scan(self, kk_buf_view(&text), count_found, &found), 1);
        assert_holds(kk_buf_text(&found), "/a/1: ");
        assert_holds(kk_buf_text(&found), cases[i][1]);
        assert_null(strstr(kk_buf_text(&found), cases[i][0]));
        kk_buf_clear(&found);
        kk_redact_mask(self, kk_buf_view(&text), &found);
        assert_string_equal(kk_buf_text(&found), "{\"a\":[0,\"" KK_REDACT_SUSPECT "\"]}");
        kk_buf_clean(&found);
        kk_buf_clean(&text);
    }
    kk_redactor_free(self);
}

// A tag of an answer may be random, and may not be a token.
static void test_redact_scan__looks_for_tokens_in_tags_too(void **state)
{
    (void)state;
    static const char json[] =
        "{\"headers\":[{\"name\":\"etag\",\"value\":\"W/"
        "\\\"9f86d081884c7d659a2feaa0c55ad015\\\"\"},"
        "{\"name\":\"etag\",\"value\":\"W/\\\"9f2c-pscale_tkn_CANARYnobodyKnows1234\\\"\"}]}";
    kk_buf masked = {.limit = KK_TEXT_MAX};
    assert_int_equal(kk_redact_scan(NULL, kk_str_from(json), NULL, NULL), 1);
    kk_redact_mask(NULL, kk_str_from(json), &masked);
    assert_null(strstr(kk_buf_text(&masked), "CANARY"));
    assert_holds(kk_buf_text(&masked), "9f86d081884c7d659a2feaa0c55ad015");
    kk_buf_clean(&masked);
}

static void test_redact_scan__lets_ordinary_text_through(void **state)
{
    (void)state;
    static const char text[] =
        "{\"headers\":[{\"name\":\"ETag\",\"value\":\"\\\"9f86d081884c7d659a2feaa0c55ad015\\\"\"},"
        "{\"name\":\"authorization\",\"value\":\"Bearer {{ACCESS_TOKEN}}\"}],"
        "\"id\":\"3f2504e0-4f89-41d3-9a0c-0305e82c3301\",\"t\":\"2026-11-23T00:00:00.000Z\","
        "\"pscale_tkn\":\"pscale_tkn_REDACTED00000001\",\"u\":\"https://{{REDACTED}}@h/p\","
        "\"name\":\"get-v1-organizations-fault-html-502-databases-2\",\"r\":"
        "\"REDACTED00000000000000000000000000000000000001\","
        "\"long\":\"app.integrations.planetscale.list_databases_of_an_organization\","
        "\"camel\":\"ThisIsAnIdentifierThatIsVeryLongButNoKey\",\"zero\":"
        "\"00000000000000000000000000000000\"}";
    kk_buf found = {.limit = KK_TEXT_MAX};
    assert_int_equal(kk_redact_scan(NULL, kk_str_from(text), count_found, &found), 0);
    assert_int_equal(kk_redact_scan(NULL, KK_STR("not JSON"), count_found, &found), 1);
    kk_buf_clean(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redact__names_decide_at_any_depth),
        cmocka_unit_test(test_redact__people_go_and_nobody_stays),
        cmocka_unit_test(test_redact__json_in_a_string_urls_and_forms),
        cmocka_unit_test(test_redact__a_value_across_an_escape_takes_the_whole_string),
        cmocka_unit_test(test_redact__what_an_answer_gave_is_known_from_then_on),
        cmocka_unit_test(test_redact__fakes_get_other_numbers_in_the_same_form),
        cmocka_unit_test(test_redact__headers_are_kept_by_a_list),
        cmocka_unit_test(test_redact__finds_a_value_in_every_form),
        cmocka_unit_test(test_redact__backslashes_before_a_value_hide_nothing),
        cmocka_unit_test(test_redact__a_value_that_begins_another_leaves_no_tail),
        cmocka_unit_test(test_redact_scan__finds_what_only_a_secret_looks_like),
        cmocka_unit_test(test_redact_scan__looks_for_tokens_in_tags_too),
        cmocka_unit_test(test_redact_scan__lets_ordinary_text_through),
    };
    return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
