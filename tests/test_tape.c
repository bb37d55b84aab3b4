// Finding the entry that answers a request: one test a rule.
#include "tapes.h"
#include <pthread.h>

static void test_tape__serves_json_as_it_stands_in_the_file(void **state)
{
    (void)state;
    kk_tape *tape = tape_of("", ENTRY("", "GET", HOST "/v1", "",
                                      "{ \"big\" : 123456789012345678901234567890,\n \"f\": 1.50, "
                                      "\"e\":1E2, \"s\":\"\\u0041\\/\\u0000\" }"));
    assert_answer(tape, HOST "/v1",
                  "{\"big\":123456789012345678901234567890,\"f\":1.50,\"e\":1E2,"
                  "\"s\":\"\\u0041\\/\\u0000\"}");
    kk_tape_free(tape);
}

static void test_tape__compares_method_origin_and_path(void **state)
{
    (void)state;
    kk_tape *tape = tape_of("", ENTRY("\"_repeat\":\"any\",", "GET",
                                      "HTTPS://API.example.com:443/a%2fb/%7ex", "", "1"));
    assert_answer(tape, HOST "/a%2Fb/~x", "1");
    assert_answer(tape, "https://api.EXAMPLE.com/a%2fb/%7Ex", "1");
    assert_miss(tape, "GET", HOST "/a/b/~x", NULL, "no_entry");
    assert_miss(tape, "POST", HOST "/a%2Fb/~x", NULL, "no_entry");
    assert_miss(tape, "GET", HOST ":8443/a%2Fb/~x", NULL, "no_entry");
    assert_miss(tape, "GET", "http://api.example.com/a%2Fb/~x", NULL, "no_entry");
    kk_tape_free(tape);
}

static void test_tape__base_url_frees_the_host_of_what_lies_below_it(void **state)
{
    (void)state;
    kk_tape *tape = tape_of("\"base_url\":\"" HOST "/v1\"",
                            ENTRY("\"_repeat\":\"any\",", "GET", HOST "/v1/o", "", "1") "," ENTRY(
                                "\"_repeat\":\"any\",", "GET", HOST "/v10/o", "", "2"));
    assert_answer(tape, HOST "/v1/o", "1");
    assert_answer(tape, "http://127.0.0.1:8080/v1/o", "1");
    assert_miss(tape, "GET", "http://127.0.0.1:8080/o", NULL, "no_entry");
    assert_miss(tape, "GET", "http://127.0.0.1:8080/api/v1/o", NULL, "no_entry");
    assert_answer(tape, HOST "/v10/o", "2");
    assert_miss(tape, "GET", "http://127.0.0.1:8080/v10/o", NULL, "no_entry");
    kk_tape_free(tape);
}

static void test_tape__compares_queries_as_pairs(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("", ENTRY("\"_repeat\":\"any\",", "GET", HOST "/?b=2&a=x+y&e=&p=%2F&b=1", "", "1"));
    assert_answer(tape, HOST "/?a=x%20y&b=2&b=1&e=&p=/", "1");
    assert_answer(tape, HOST "/?p=%2f&&b=2&e=&b=1&a=%78+y&", "1");
    assert_answer(tape, HOST "?e=&b=2&b=1&a=x+y&p=%2F", "1");
    const char *const others[] = {
        "/?a=x%20y&b=1&b=2&e=&p=/",  "/?a=x%20y&b=2&b=1&p=/",        "/?a=x%20y&b=2&b=1&e&p=/",
        "/?a=x%2By&b=2&b=1&e=&p=/",  "/?a=x%20y&b=2&b=1&e=&p=/&q=1", "/",
        "/?a=x%20y&b=2&b=1&e=0&p=/",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char url[128];
        (void)snprintf(url, sizeof url, HOST "%s", others[i]);
        assert_miss(tape, "GET", url, NULL, "query_differs");
    }
    kk_tape_free(tape);
}

static void test_tape__compares_json_bodies_as_values(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("", ENTRY("\"_repeat\":\"any\",", "POST", HOST "/",
                          JSON_BODY("{\"n\":1.0,\"s\":\"\\u0041/\",\"o\":{\"b\":[1,2],\"a\":null},"
                                    "\"big\":9007199254740993,\"z\":-0.0}"),
                          "1"));
    const char *const same[] = {
        "{\"z\":0,\"big\":9007199254740993,\"o\":{\"a\":null,\"b\":[1,2]},\"s\":\"A\\/\",\"n\":1}",
        "{\"n\":1e0,\"s\":\"A/\",\"o\":{\"b\":[10e-1,0.2E1],\"a\":null},"
        "\"big\":9007199254740993.0,\"z\":0e5}",
    };
    kk_error err;
    kk_tape_answer answer;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_ok(ask(tape, "POST", HOST "/", same[i], &answer, &err), &err);
    }
    const char *const others[] = {
        "{\"z\":0,\"big\":9007199254740992,\"o\":{\"a\":null,\"b\":[1,2]},\"s\":\"A/\",\"n\":1}",
        "{\"z\":0,\"big\":9007199254740993,\"o\":{\"a\":null,\"b\":[2,1]},\"s\":\"A/\",\"n\":1}",
        "{\"z\":0,\"big\":9007199254740993,\"o\":{\"b\":[1,2]},\"s\":\"A/\",\"n\":1}",
        "{\"z\":0,\"big\":9007199254740993,\"o\":{\"a\":null,\"b\":[1,2]},\"s\":\"A/\",\"n\":[]}",
        "{}",
        "null",
        "",
        "not json",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_miss(tape, "POST", HOST "/", others[i], "body_differs");
    }
    assert_miss(tape, "POST", HOST "/", NULL, "body_differs");
    kk_tape_free(tape);
}

static void test_tape__numbers_are_equal_as_decimals(void **state)
{
    (void)state;
    static const char *const groups[][4] = {
        {"1", "1.0", "1e0", "0.1e1"},
        {"1e400", "10e399", "1.0E+400", "1000e397"},
        {"-0.00012", "-1.2e-4", "-12E-5", "-0.120e-3"},
        {"100", "1e2", "1.00e2", "10000e-2"},
        {"0", "-0", "0.0", "0e9"},
        {"0.1", "1e-1", "0.10", "100e-3"},
        {"1e-400", "10e-401", "0.1e-399", "0.10e-399"},
        {"12345678901234567890123456789012345678901234567890e1",
         "123456789012345678901234567890123456789012345678900",
         "12345678901234567890123456789012345678901234567890.0e1",
         "1.234567890123456789012345678901234567890123456789e50"},
    };
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        char entry[512];
        (void)snprintf(entry, sizeof entry,
                       ENTRY("\"_repeat\":\"any\",", "POST", HOST "/", JSON_BODY("%s"), "1"),
                       groups[i][0]);
        kk_tape *tape = tape_of("", entry);
        for (size_t other = 0; other < sizeof groups / sizeof groups[0]; other++) {
            for (size_t j = 0; j < 4; j++) {
                kk_error err;
                kk_tape_answer answer;
                assert_code(ask(tape, "POST", HOST "/", groups[other][j], &answer, &err),
                            other == i ? KK_OK : KK_ERR_REPLAY_MISS);
            }
        }
        kk_tape_free(tape);
    }
}

static kk_code ask_typed(kk_tape *tape, const char *type, const char *body, kk_error *err)
{
    kk_header header = {"content-type", type};
    kk_request request = {.method = "POST",
                          .url = HOST "/",
                          .headers = &header,
                          .header_count = type != NULL ? 1 : 0,
                          .body = kk_str_from(body)};
    kk_tape_answer answer;
    *err = (kk_error){0};
    return kk_tape_claim(tape, &request, &answer, err);
}

static void test_tape__compares_forms_as_pairs_and_other_bodies_as_bytes(void **state)
{
    (void)state;
    kk_error err;
    kk_tape *tape = tape_of(
        "", ENTRY("\"_repeat\":\"any\",", "POST", HOST "/",
                  ",\"postData\":{\"mimeType\":\"application/x-www-form-urlencoded\",\"text\":"
                  "\"b=1&a=x+y\"}",
                  "1"));
    const char *form = "application/x-www-form-urlencoded";
    assert_ok(ask_typed(tape, form, "a=x%20y&b=1", &err), &err);
    assert_code(ask_typed(tape, form, "a=x%20y&b=2", &err), KK_ERR_REPLAY_MISS);
    assert_holds(err.message, "the body differs at b (tape 1, request 2)");
    assert_code(ask_typed(tape, "text/plain", "b=1&a=x+y", &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "body_differs");
    assert_holds(err.message, "media type");
    kk_tape_free(tape);

    tape =
        tape_of("", ENTRY("\"_repeat\":\"any\",", "POST", HOST "/",
                          ",\"postData\":{\"mimeType\":\"text/plain\",\"_base64\":\"AGI9\"}", "1"));
    kk_header header = {"content-type", "Text/Plain"};
    kk_request request = {.method = "POST",
                          .url = HOST "/",
                          .headers = &header,
                          .header_count = 1,
                          .body = {"\0b=", 3}};
    kk_tape_answer answer;
    assert_ok(kk_tape_claim(tape, &request, &answer, &err), &err);
    assert_code(ask_typed(tape, "text/plain", "b=", &err), KK_ERR_REPLAY_MISS);
    assert_code(ask_typed(tape, NULL, "b=", &err), KK_ERR_REPLAY_MISS);
    kk_tape_free(tape);
}

// ---- Uses

static void test_tape__answers_in_sequence_and_is_then_exhausted(void **state)
{
    (void)state;
    kk_tape *tape = tape_of("", ENTRY("\"_seq\":3,", "GET", HOST "/a", "", "3") "," ENTRY(
                                    "\"_seq\":1,\"_repeat\":2,", "GET", HOST "/a", "",
                                    "1") "," ENTRY("\"_seq\":2,", "GET", HOST "/a", "", "2"));
    assert_answer(tape, HOST "/a", "1");
    assert_answer(tape, HOST "/a", "1");
    assert_answer(tape, HOST "/a", "2");
    assert_answer(tape, HOST "/a", "3");
    assert_miss(tape, "GET", HOST "/a", NULL, "exhausted");
    assert_miss(tape, "GET", HOST "/b", NULL, "no_entry");
    kk_tape_free(tape);
}

static void test_tape__last_goes_on_and_any_never_ends(void **state)
{
    (void)state;
    kk_tape *tape = tape_of(
        "", ENTRY("", "GET", HOST "/a", "", "1") "," ENTRY(
                "\"_repeat\":\"last\",", "GET", HOST "/a", "",
                "2") "," ENTRY("", "GET", HOST "/a", "", "3") "," ENTRY("\"_repeat\":\"any\",",
                                                                        "GET", HOST "/b", "", "4"));
    const char *const wanted[] = {"1", "2", "3", "2", "2", "2"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_answer(tape, HOST "/a", wanted[i]);
        assert_answer(tape, HOST "/b", "4");
    }
    kk_tape_free(tape);
}

static void test_tape__counts_what_was_never_used(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("", ENTRY("\"_id\":\"one\",", "GET", HOST "/a", "", "1") "," ENTRY(
                        "\"_id\":\"poll\",\"_repeat\":\"last\",", "GET", HOST "/b", "",
                        "1") "," ENTRY("", "GET", HOST "/c", "",
                                       "1") "," ENTRY("\"_optional\":true,", "GET", HOST "/d", "",
                                                      "1") "," ENTRY("\"_repeat\":\"any\",", "GET",
                                                                     HOST "/e", "", "1"));
    char names[64];
    assert_int_equal(kk_tape_unused(tape, names, sizeof names), 3);
    assert_string_equal(names, "one, poll, #3");
    assert_answer(tape, HOST "/b", "1");
    assert_answer(tape, HOST "/c", "1");
    assert_int_equal(kk_tape_unused(tape, names, sizeof names), 1);
    assert_string_equal(names, "one");
    assert_answer(tape, HOST "/a", "1");
    assert_int_equal(kk_tape_unused(tape, names, sizeof names), 0);
    assert_string_equal(names, "");
    assert_int_equal(kk_tape_unused(tape, NULL, 0), 0);
    kk_tape_free(tape);
}

static void test_tape__says_what_was_not_used_as_often_as_it_should(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_tape *tape = tape_of("", ENTRY("\"_id\":\"two\",\"_repeat\":2,", "GET", HOST "/a", "", "1"));
    assert_answer(tape, HOST "/a", "1");
    assert_code(kk_tape_check_used(tape, &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "unused");
    assert_holds(err.message, "1 entry of 'x.har' was not used: two");
    assert_holds(err.hint, "_optional");
    assert_answer(tape, HOST "/a", "1");
    err = (kk_error){0};
    assert_ok(kk_tape_check_used(tape, &err), &err);
    kk_tape_free(tape);
}

// What a recording replaced is replaced in the request too.  A secret under a name that tells
// nothing is no difference to be shown.
static void test_tape__compares_what_is_redacted(void **state)
{
    (void)state;
    kk_error err;
    kk_tape_answer answer;
    kk_tape *tape =
        tape_of("", ENTRY("\"_repeat\":\"any\",", "POST", HOST "/a?token=%7B%7BREDACTED%7D%7D",
                          JSON_BODY("{\"password\":\"{{REDACTED}}\",\"note\":\"x\"}"), "1"));
    assert_ok(ask(tape, "POST", HOST "/a?token=hush-hush-1",
                  "{\"password\":\"hunter2hunter2\",\"note\":\"x\"}", &answer, &err),
              &err);
    assert_ok(ask(tape, "POST", HOST "/a?token=hush-hush-2",
                  "{\"password\":\"another-one\",\"note\":\"x\"}", &answer, &err),
              &err);
    assert_code(ask(tape, "POST", HOST "/a?token=a",
                    "{\"password\":\"hunter2\",\"note\":\"pscale_tkn_hush45678901234567890\"}",
                    &answer, &err),
                KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "redaction_unknown_secret");
    assert_holds(err.message, "/note");
    assert_null(strstr(err.message, "hush"));
    assert_null(strstr(err.message, "hunter2"));
    kk_tape_free(tape);
}

static void test_tape__hands_its_variables_back(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("\"variables\":{\"name\":\"db-\\u00e9\",\"n\":1.50,\"o\":{\"a\":[1]}}", "");
    assert_string_equal(kk_tape_variable(tape, "name"), "db-\xC3\xA9");
    assert_string_equal(kk_tape_variable(tape, "n"), "1.50");
    assert_string_equal(kk_tape_variable(tape, "o"), "{\"a\":[1]}");
    assert_null(kk_tape_variable(tape, "other"));
    kk_tape_free(tape);
    tape = tape_of("", "");
    assert_null(kk_tape_variable(tape, "name"));
    kk_tape_free(tape);
}

static void test_tape__strict_order_holds_over_the_whole_tape(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("\"strict_order\":true",
                ENTRY("\"_seq\":1,\"_id\":\"a\",", "GET", HOST "/a", "", "1") "," ENTRY(
                    "\"_seq\":2,\"_optional\":true,", "GET", HOST "/o", "",
                    "1") "," ENTRY("\"_seq\":3,\"_id\":\"b\",\"_repeat\":2,", "GET", HOST "/b", "",
                                   "1") "," ENTRY("\"_seq\":4,\"_id\":\"c\",", "GET", HOST "/c", "",
                                                  "1") "," ENTRY("\"_seq\":5,\"_repeat\":\"any\",",
                                                                 "GET", HOST "/any", "", "1"));
    assert_answer(tape, HOST "/any", "1");
    assert_miss(tape, "GET", HOST "/b", NULL, "out_of_order");
    assert_answer(tape, HOST "/a", "1");
    assert_answer(tape, HOST "/b", "1");
    assert_miss(tape, "GET", HOST "/c", NULL, "out_of_order");
    assert_miss(tape, "GET", HOST "/o", NULL, "out_of_order");
    assert_answer(tape, HOST "/b", "1");
    assert_answer(tape, HOST "/c", "1");
    assert_miss(tape, "GET", HOST "/c", NULL, "exhausted");
    kk_tape_free(tape);
}

// ---- Rules of an entry

static void test_tape__match_ignores_members_of_a_body_or_all_of_it(void **state)
{
    (void)state;
    kk_error err;
    kk_tape_answer answer;
    kk_tape *tape = tape_of(
        "", ENTRY("\"_repeat\":\"any\",\"_match\":{\"ignore_json\":[\"/at\",\"/l/0/a~1b\"]},",
                  "POST", HOST "/", JSON_BODY("{\"at\":1,\"l\":[{\"a/b\":1,\"c\":1}]}"), "1"));
    assert_ok(ask(tape, "POST", HOST "/", "{\"l\":[{\"c\":1}],\"at\":{\"x\":2}}", &answer, &err),
              &err);
    assert_ok(ask(tape, "POST", HOST "/", "{\"l\":[{\"c\":1,\"a/b\":7}]}", &answer, &err), &err);
    assert_miss(tape, "POST", HOST "/", "{\"l\":[{\"c\":2}],\"at\":1}", "body_differs");
    kk_tape_free(tape);

    tape = tape_of("\"match\":{\"body\":\"ignore\"}",
                   ENTRY("\"_repeat\":\"any\",", "POST", HOST "/", JSON_BODY("1"), "1"));
    assert_ok(ask(tape, "POST", HOST "/", "2", &answer, &err), &err);
    assert_ok(ask(tape, "POST", HOST "/", NULL, &answer, &err), &err);
    kk_tape_free(tape);
}

static void test_tape__match_may_name_headers(void **state)
{
    (void)state;
    kk_tape *tape = tape_of(
        "", ENTRY("\"_repeat\":\"any\",\"_match\":{\"headers\":[\"If-Match\"]},", "GET", HOST "/",
                  ",\"headers\":[{\"name\":\"if-match\",\"value\":\"v1\"}]", "1"));
    kk_header header = {"IF-MATCH", "v1"};
    kk_request request = {.method = "GET", .url = HOST "/", .headers = &header, .header_count = 1};
    kk_error err = {0};
    kk_tape_answer answer;
    assert_ok(kk_tape_claim(tape, &request, &answer, &err), &err);
    header.value = "hidden-value";
    assert_code(kk_tape_claim(tape, &request, &answer, &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "header_differs");
    assert_holds(err.message, "'If-Match'");
    assert_null(strstr(err.message, "hidden"));
    assert_miss(tape, "GET", HOST "/", NULL, "header_differs");
    kk_tape_free(tape);
}

static void test_tape__account_of_an_entry_is_part_of_the_key(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("", ENTRY("\"_account\":\"other\",", "GET", HOST "/", "",
                          "1") "," ENTRY("\"_account\":\"main\",", "GET", HOST "/", "", "2"));
    assert_answer(tape, HOST "/", "2");
    assert_miss(tape, "GET", HOST "/", NULL, "exhausted");
    kk_tape_free(tape);
    tape = tape_of("", ENTRY("\"_account\":\"other\",", "GET", HOST "/", "", "1"));
    assert_miss(tape, "GET", HOST "/", NULL, "account_differs");
    kk_tape_free(tape);
}

// ---- Credentials

#define WITH_TOKEN                                                                                 \
    ",\"headers\":[{\"name\":\"Authorization\",\"value\":\"{{TOKEN_ID}}:{{TOKEN}}\"}]"

static kk_code ask_with(kk_tape *tape, const char *name, const char *value, kk_error *err)
{
    kk_request request = {.method = "GET", .url = HOST "/", .credential = {name, value}};
    kk_tape_answer answer;
    *err = (kk_error){0};
    return kk_tape_claim(tape, &request, &answer, err);
}

static void test_tape__compares_the_shape_of_the_credential(void **state)
{
    (void)state;
    kk_error err;
    kk_tape *tape = tape_of("", ENTRY("\"_repeat\":\"any\",", "GET", HOST "/", WITH_TOKEN, "1"));
    assert_ok(ask_with(tape, "Authorization", "{{TOKEN_ID}}:{{TOKEN}}", &err), &err);
    assert_code(ask_with(tape, "Authorization", "Bearer {{ACCESS_TOKEN}}", &err),
                KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "auth_shape_differs");
    assert_holds(err.message, "tape {{TOKEN_ID}}:{{TOKEN}}, request Bearer {{ACCESS_TOKEN}}");
    assert_code(ask_with(tape, NULL, NULL, &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "auth_shape_differs");
    assert_code(ask_with(tape, "X-Api-Key", "{{TOKEN_ID}}:{{TOKEN}}", &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "auth_shape_differs");
    kk_tape_free(tape);
}

static void test_tape__shows_no_literal_credential(void **state)
{
    (void)state;
    kk_error err;
    kk_tape *tape = tape_of("", ENTRY("\"_repeat\":\"any\",", "GET", HOST "/", WITH_TOKEN, "1"));
    const char *const literal[] = {"Bearer s3cr3t", "{{TOKEN_ID}}:s3cr3t-and-long-enough",
                                   "s3cr3t"};
    for (size_t i = 0; i < 3; i++) {
        assert_code(ask_with(tape, "authorization", literal[i], &err), KK_ERR_REPLAY_MISS);
        assert_string_equal(err.reason, "auth_shape_differs");
        assert_null(strstr(err.message, "s3cr3t"));
        assert_null(strstr(err.hint, "s3cr3t"));
    }
    kk_tape_free(tape);
}

static void test_tape__without_any_credential_none_is_compared(void **state)
{
    (void)state;
    kk_error err;
    kk_tape *tape = tape_of("", ENTRY("\"_repeat\":\"any\",", "GET", HOST "/", "", "1"));
    assert_null(kk_tape_shape(tape));
    assert_ok(ask_with(tape, "authorization", "Bearer {{ACCESS_TOKEN}}", &err), &err);
    assert_ok(ask_with(tape, NULL, NULL, &err), &err);
    kk_tape_free(tape);
}

static void test_tape__names_its_accounts(void **state)
{
    (void)state;
    kk_tape *tape = tape_of("", ENTRY("", "GET", HOST "/", WITH_TOKEN, "1"));
    assert_int_equal(kk_tape_account_count(tape), 1);
    const kk_tape_account *account = kk_tape_account_at(tape, 0);
    assert_string_equal(account->name, "main");
    assert_null(account->plugin);
    assert_null(account->scheme);
    assert_true(account->is_default);
    assert_string_equal(kk_tape_shape(tape), "{{TOKEN_ID}}:{{TOKEN}}");
    assert_null(kk_tape_account_at(tape, 1));
    kk_tape_free(tape);

    tape = tape_of("\"accounts\":[{\"plugin\":\"planetscale\",\"name\":\"work\",\"scheme\":"
                   "\"bearer\",\"default\":true},{\"name\":\"play\"}]",
                   "");
    assert_int_equal(kk_tape_account_count(tape), 2);
    account = kk_tape_account_at(tape, 0);
    assert_string_equal(account->plugin, "planetscale");
    assert_string_equal(account->name, "work");
    assert_string_equal(account->scheme, "bearer");
    assert_true(account->is_default);
    assert_false(kk_tape_account_at(tape, 1)->is_default);
    kk_tape_free(tape);
}

// ---- Many threads

enum { THREADS = 8, CLAIMS = 125 };

static void *claim_many(void *context)
{
    kk_tape *tape = context;
    size_t got = 0;
    for (int i = 0; i < CLAIMS; i++) {
        kk_error err;
        kk_tape_answer answer;
        got += ask(tape, "GET", HOST "/a", NULL, &answer, &err) == KK_OK ? 1 : 0;
    }
    return (void *)(uintptr_t)got;
}

static void test_tape__gives_every_use_to_one_thread(void **state)
{
    (void)state;
    kk_tape *tape = tape_of("", ENTRY("\"_repeat\":500,", "GET", HOST "/a", "", "1") "," ENTRY(
                                    "\"_repeat\":300,", "GET", HOST "/a", "", "2"));
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, claim_many, tape), 0);
    }
    size_t total = 0;
    for (size_t i = 0; i < THREADS; i++) {
        void *got = NULL;
        pthread_join(threads[i], &got);
        total += (uintptr_t)got;
    }
    assert_int_equal(total, 800);
    assert_miss(tape, "GET", HOST "/a", NULL, "exhausted");
    kk_tape_free(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape__serves_json_as_it_stands_in_the_file),
        cmocka_unit_test(test_tape__compares_method_origin_and_path),
        cmocka_unit_test(test_tape__base_url_frees_the_host_of_what_lies_below_it),
        cmocka_unit_test(test_tape__compares_queries_as_pairs),
        cmocka_unit_test(test_tape__compares_json_bodies_as_values),
        cmocka_unit_test(test_tape__numbers_are_equal_as_decimals),
        cmocka_unit_test(test_tape__compares_forms_as_pairs_and_other_bodies_as_bytes),
        cmocka_unit_test(test_tape__answers_in_sequence_and_is_then_exhausted),
        cmocka_unit_test(test_tape__last_goes_on_and_any_never_ends),
        cmocka_unit_test(test_tape__counts_what_was_never_used),
        cmocka_unit_test(test_tape__says_what_was_not_used_as_often_as_it_should),
        cmocka_unit_test(test_tape__hands_its_variables_back),
        cmocka_unit_test(test_tape__compares_what_is_redacted),
        cmocka_unit_test(test_tape__strict_order_holds_over_the_whole_tape),
        cmocka_unit_test(test_tape__match_ignores_members_of_a_body_or_all_of_it),
        cmocka_unit_test(test_tape__match_may_name_headers),
        cmocka_unit_test(test_tape__account_of_an_entry_is_part_of_the_key),
        cmocka_unit_test(test_tape__compares_the_shape_of_the_credential),
        cmocka_unit_test(test_tape__shows_no_literal_credential),
        cmocka_unit_test(test_tape__without_any_credential_none_is_compared),
        cmocka_unit_test(test_tape__names_its_accounts),
        cmocka_unit_test(test_tape__gives_every_use_to_one_thread),
    };
    return cmocka_run_group_tests_name("tape", tests, NULL, NULL);
}
