// What is said when no entry answers: the words, beside the tapes, in fixtures/tapes/miss.
#include "tapes.h"

// A request that misses.  [first] is sent as often as it says before, and has to be answered.
typedef struct miss {
    const char *name; // NAME.har and NAME.expected
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

static void test_miss__says_what_is_nearest_and_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof misses / sizeof misses[0]; i++) {
        const miss *one = &misses[i];
        char path[512];
        char said[2048];
        kk_error err = {0};
        kk_tape *tape = NULL;
        (void)snprintf(path, sizeof path, "%s/tapes/miss/%s.har", KK_FIXTURES, one->name);
        char *text = read_text(path);
        assert_ok(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err), &err);
        for (unsigned answered = 0; answered < one->answered; answered++) {
            assert_ok(put(tape, one, &err), &err);
        }
        assert_code(put(tape, one, &err), KK_ERR_REPLAY_MISS);
        (void)snprintf(said, sizeof said, "%s\n%s\n%s\n", err.reason, err.message, err.hint);
        free(text);
        (void)snprintf(path, sizeof path, "%s/tapes/miss/%s.expected", KK_FIXTURES, one->name);
        text = read_text(path);
        assert_string_equal(said, text);
        assert_null(strstr(said, "hidden-value"));
        free(text);
        kk_tape_free(tape);
    }
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
        cmocka_unit_test(test_miss__names_the_entry_that_differs_least),
        cmocka_unit_test(test_miss__counts_differences_only_so_far),
    };
    return cmocka_run_group_tests_name("tape_miss", tests, NULL, NULL);
}
