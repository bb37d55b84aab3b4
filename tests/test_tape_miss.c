// What is said when no entry answers: the words and the same as JSON, beside the tapes, in
// fixtures/tapes/miss.
#include "error_json.h"
#include "tapes.h"

// A request that misses.  [first] is sent as often as it says before, and has to be answered.
typedef struct miss {
    const char *name; // NAME.expected
    const char *tape; // TAPE.har; NULL = NAME.har
    const char *method;
    const char *path;
    const char *body;
    const char *credential;
    unsigned answered;
} miss;

static const miss misses[] = {
    {.name = "no_entry", .method = "GET", .path = "/v1/organization"},
    {.name = "no_entry_empty", .method = "GET", .path = "/v1/organizations"},
    {.name = "no_entry_host", .method = "GET", .path = "/v1/organizations"},
    {.name = "exhausted", .method = "GET", .path = "/v1/organizations", .answered = 3},
    {.name = "out_of_order", .method = "GET", .path = "/v1/user"},
    {.name = "query_differs", .method = "GET", .path = "/v1/organizations?page=2&q=a%20b"},
    {.name = "body_differs",
     .method = "POST",
     .path = "/v1/organizations/acme/databases",
     .body = "{\"name\":\"db\",\"cluster_size\":\"PS_20\",\"replicas\":2,\"tags\":[\"x\",\"z\"]}"},
    {.name = "body_differs_text",
     .method = "POST",
     .path = "/v1/organizations/acme/databases",
     .body = "{\"name\":\"a\\u001b[31m\\u0085xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
             "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"},
    {.name = "auth_shape_differs",
     .method = "GET",
     .path = "/v1/organizations",
     .credential = "Bearer {{ACCESS_TOKEN}}"},
    {.name = "account_differs", .method = "GET", .path = "/v1/organizations"},
    {.name = "header_differs", .method = "GET", .path = "/v1/organizations"},
    {.name = "secret_in_body",
     .tape = "body_differs",
     .method = "POST",
     .path = "/v1/organizations/acme/databases",
     .body = "{\"name\":\"pscale_pw_CANARY0123456789\",\"cluster_size\":\"PS_20\"}"},
    {.name = "secret_in_query",
     .tape = "query_differs",
     .method = "GET",
     .path = "/v1/organizations?page=1&q=x%20pscale_tkn_CANARY0123456789"},
    {.name = "secret_in_path",
     .tape = "query_differs",
     .method = "GET",
     .path = "/v1/organizations/pscale%5Ftkn_CANARY0123456789/databases"},
};

static char *read_text(const char *path)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *room = kk_buf_reserve(&text, 4096);
    kk_buf_grow(&text, fread(room, 1, 4096, file));
    (void)fclose(file);
    return kk_buf_steal(&text);
}

static kk_code put(kk_tape *tape, const miss *one, kk_error *err)
{
    char url[256];
    (void)snprintf(url, sizeof url, HOST "%s", one->path);
    const kk_header headers[] = {{"content-type", "application/json"},
                                 {"x-private", "hidden-value"}};
    kk_request request = {.method = one->method,
                          .url = url,
                          .headers = headers,
                          .header_count = 2,
                          .body = kk_str_from(one->body),
                          .account = "main"};
    if (one->credential != NULL) {
        request.credential = (kk_header){"Authorization", one->credential};
    }
    kk_tape_answer answer;
    *err = (kk_error){0};
    return kk_tape_claim(tape, &request, &answer, err);
}

// The reason, the message, the hint, and all of them as JSON.
static void assert_said(const kk_error *err, const char *wanted)
{
    kk_buf said = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&said, "%s\n%s\n%s\n", err->reason, err->message, err->hint);
    kk_error_write(err, &said);
    kk_buf_append_text(&said, "\n");
    assert_string_equal(kk_buf_text(&said), wanted);
    assert_null(strstr(kk_buf_text(&said), "hidden-value"));
    assert_null(strstr(kk_buf_text(&said), "CANARY"));
    kk_buf_clean(&said);
}

static void test_miss__says_what_is_nearest_and_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misses / sizeof misses[0]; i++) {
        const miss *one = &misses[i];
        char path[512];
        kk_error err = {0};
        kk_tape *tape = NULL;
        (void)snprintf(path, sizeof path, "%s/tapes/miss/%s.har", KK_FIXTURES,
                       one->tape != NULL ? one->tape : one->name);
        char *text = read_text(path);
        assert_ok(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err), &err);
        for (unsigned answered = 0; answered < one->answered; answered++) {
            assert_ok(put(tape, one, &err), &err);
        }
        assert_code(put(tape, one, &err), KK_ERR_REPLAY_MISS);
        free(text);
        (void)snprintf(path, sizeof path, "%s/tapes/miss/%s.expected", KK_FIXTURES, one->name);
        text = read_text(path);
        assert_said(&err, text);
        free(text);
        kk_tape_free(tape);
    }
}

static void test_miss__says_what_is_wrong_with_the_tape(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_code(kk_tape_load("no-such-tape.har", &tape, &err), KK_ERR_TAPE_INVALID);
    assert_said(&err,
                "tape_missing\n"
                "the tape 'no-such-tape.har' does not exist\n"
                "\n"
                "{\"code\":\"tape_invalid\",\"message\":\"the tape 'no-such-tape.har' does not "
                "exist\",\"hint\":null,\"retryable\":false,\"http_status\":null,\"api_code\":null,"
                "\"argument\":null,\"effect\":\"none\",\"reason\":\"tape_missing\"}\n");
    err = (kk_error){0};
    assert_code(kk_tape_parse(KK_STR("{\n\"log\":[]}"), "x.har", &tape, &err), KK_ERR_TAPE_INVALID);
    assert_said(&err,
                "tape_invalid\n"
                "'x.har' line 2: /log: 'log' has to be an object\n"
                "\n"
                "{\"code\":\"tape_invalid\",\"message\":\"'x.har' line 2: /log: 'log' has to be an "
                "object\",\"hint\":null,\"retryable\":false,\"http_status\":null,\"api_code\":null,"
                "\"argument\":\"/log\",\"effect\":\"none\",\"reason\":\"tape_invalid\"}\n");
}

// A form and text are not shown, and a secret in them is not either.
static void test_miss__shows_no_secret_of_any_part(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "pscale_tkn_CANARY0123456789",
        "pscale_pw_CANARY0123456789",
        "pscale_oauth_CANARY0123456789",
        "pscale_api_CANARY0123456789",
        "pscale_app_CANARY.0123456789",
        "eyJhbGciCANARYJ9.eyJzdWIiCANARYwIn0.CANARYcm9sbHM",
        "AKIACANARYCANARY1234",
        "ASIACANARYCANARY1234",
        "Bearer CANARYabcdefghijklmnopqrstuvwxyz",
        "mysql://user:CANARYpassword@db.example/x",
        "-----BEGIN CANARY PRIVATE KEY-----",
        "CANARYq1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6",
    };
    // Where the secret goes: in the query, its name, the path, or only the body.
    static const char *const urls[][2] = {{"/a", NULL}, {"/a?q=", ""}, {"/a?", "=1"}, {"/", "/x"}};
    static const char *const bodies[][2] = {
        {"{\"b\":[[{\"c\":\"", "\"}]]}"}, {"a=", ""}, {"x ", " y"}};
    static const char *const types[] = {"application/json", "application/x-www-form-urlencoded",
                                        "text/plain"};
    kk_tape *tape =
        tape_of("", ENTRY("\"_repeat\":\"any\",", "POST", HOST "/a", JSON_BODY("{\"a\":1}"), "1"));
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        kk_buf encoded = {.limit = KK_TEXT_MAX};
        for (const char *at = secrets[i]; *at != '\0'; at++) {
            kk_buf_append_format(&encoded, "%%%02X", (unsigned char)*at);
        }
        for (size_t k = 0; k < 12; k++) {
            char url[512];
            char body[512];
            char said[2048];
            const char *const *place = urls[k / 3];
            const char *const *around = bodies[k % 3];
            (void)snprintf(url, sizeof url, HOST "%s%s%s", place[0],
                           place[1] != NULL ? kk_buf_text(&encoded) : "",
                           place[1] != NULL ? place[1] : "");
            (void)snprintf(body, sizeof body, "%s%s%s", around[0],
                           k % 3 == 1 ? kk_buf_text(&encoded) : secrets[i], around[1]);
            const kk_header type = {"content-type", types[k % 3]};
            kk_request request = {.method = "POST",
                                  .url = url,
                                  .headers = &type,
                                  .header_count = 1,
                                  .credential = {"Authorization", secrets[i]},
                                  .body = kk_str_from(body)};
            kk_error err = {0};
            kk_tape_answer answer;
            assert_code(kk_tape_claim(tape, &request, &answer, &err), KK_ERR_REPLAY_MISS);
            (void)snprintf(said, sizeof said, "%s %s %s %s", err.message, err.hint, err.argument,
                           err.reason);
            if (strstr(said, "CANARY") != NULL || strstr(said, kk_buf_text(&encoded)) != NULL) {
                fail_msg("'%s' is shown: %s", secrets[i], said);
            }
        }
        kk_buf_clean(&encoded);
    }
    kk_tape_free(tape);
}

static void test_miss__names_the_entry_that_differs_least(void **state)
{
    (void)state;
    kk_tape *tape = tape_of(
        "", ENTRY("\"_id\":\"far\",", "POST", HOST "/?a=1", JSON_BODY("{\"a\":1}"), "1") "," ENTRY(
                "\"_id\":\"two\",", "POST", HOST "/", JSON_BODY("{\"a\":1,\"b\":1}"),
                "1") "," ENTRY("\"_id\":\"one\",", "POST", HOST "/", JSON_BODY("{\"a\":1,\"b\":2}"),
                               "1"));
    kk_error err;
    kk_tape_answer answer;
    assert_code(ask(tape, "POST", HOST "/", "{\"a\":2,\"b\":2}", &answer, &err),
                KK_ERR_REPLAY_MISS);
    assert_holds(err.message, "nearest is entry 'one' (line 3): the body differs at /a (tape 1, "
                              "request 2)");
    assert_holds(err.message,
                 "; others: 'two' (line 3) in body (2 places), 'far' (line 3) in query "
                 "and body");
    kk_tape_free(tape);
}

static void test_miss__counts_differences_only_so_far(void **state)
{
    (void)state;
    kk_buf tape_body = {.limit = KK_TEXT_MAX};
    kk_buf body = {.limit = KK_TEXT_MAX};
    for (int i = 0; i < 200; i++) {
        kk_buf_append_format(&tape_body, "%s%d", i == 0 ? "[" : ",", i);
        kk_buf_append_format(&body, "%s%d", i == 0 ? "[" : ",", i + 1);
    }
    kk_buf_append_text(&tape_body, "]");
    kk_buf_append_text(&body, "]");
    kk_buf entry = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&entry, ENTRY("", "POST", HOST "/", JSON_BODY("%s"), "1"),
                         kk_buf_text(&tape_body));
    kk_tape *tape = tape_of("", kk_buf_text(&entry));
    kk_error err;
    kk_tape_answer answer;
    assert_code(ask(tape, "POST", HOST "/", kk_buf_text(&body), &answer, &err), KK_ERR_REPLAY_MISS);
    assert_holds(err.message, "/0 (tape 0, request 1), /1 (tape 1, request 2), /2 (tape 2, request "
                              "3) and 47 or more");
    kk_tape_free(tape);
    kk_buf_clean(&tape_body);
    kk_buf_clean(&body);
    kk_buf_clean(&entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_miss__says_what_is_nearest_and_what_to_do),
        cmocka_unit_test(test_miss__says_what_is_wrong_with_the_tape),
        cmocka_unit_test(test_miss__shows_no_secret_of_any_part),
        cmocka_unit_test(test_miss__names_the_entry_that_differs_least),
        cmocka_unit_test(test_miss__counts_differences_only_so_far),
    };
    return cmocka_run_group_tests_name("tape_miss", tests, NULL, NULL);
}
