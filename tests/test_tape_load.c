// What a tape file may hold, and how each thing it may not is refused.
#include "json.h"
#include "tapes.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

// Fails unless the text is refused at [pointer] with [problem] in the message.
static void assert_refused(const char *text, const char *pointer, const char *problem)
{
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_code(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err), KK_ERR_TAPE_INVALID);
    assert_null(tape);
    assert_string_equal(err.argument, pointer);
    assert_string_equal(err.reason, "tape_invalid");
    assert_holds(err.message, problem);
    assert_holds(err.message, "'x.har' line ");
}

static void assert_entry_refused(const char *entry, const char *inside, const char *problem)
{
    char pointer[160];
    (void)snprintf(pointer, sizeof pointer, "/log/entries/0%s", inside);
    char *text = tape_text("", entry);
    assert_refused(text, pointer, problem);
    free(text);
}

static void assert_head_refused(const char *head, const char *inside, const char *problem)
{
    char pointer[160];
    (void)snprintf(pointer, sizeof pointer, "/log/_tape%s", inside);
    char *text = tape_text(head, "");
    assert_refused(text, pointer, problem);
    free(text);
}

static void test_load__refuses_what_it_does_not_know(void **state)
{
    (void)state;
    assert_entry_refused(ENTRY("", "GET", HOST "/", ",\"urll\":1", "1"), "/request/urll",
                         "no such member");
    assert_entry_refused(ENTRY("\"extra\":1,", "GET", HOST "/", "", "1"), "/extra",
                         "no such member");
    assert_head_refused("\"strict\":true", "/strict", "no such member");
    assert_refused("{\"log\":{},\"more\":1}", "/log", "needs 'version'");
    kk_tape_free(tape_of("\"_note\":{\"a\":[1]}",
                         ENTRY("\"_fromCache\":{},", "GET", HOST "/", ",\"_x\":1", "1")));
}

static void test_load__refuses_wrong_kinds(void **state)
{
    (void)state;
    assert_entry_refused("1", "", "entries are at most");
    assert_entry_refused("{\"request\":[]}", "/request", "'request' has to be an object");
    assert_entry_refused(ENTRY("\"_id\":1,", "GET", HOST "/", "", "1"), "/_id", "a string");
    assert_entry_refused(ENTRY("\"_optional\":1,", "GET", HOST "/", "", "1"), "/_optional",
                         "true or false");
    assert_entry_refused(ENTRY("\"_repeat\":\"all\",", "GET", HOST "/", "", "1"), "/_repeat",
                         "\"last\" or \"any\"");
    assert_entry_refused(ENTRY("\"_repeat\":0,", "GET", HOST "/", "", "1"), "/_repeat",
                         "integer from 1");
    assert_entry_refused(ENTRY("\"_repeat\":1.0,", "GET", HOST "/", "", "1"), "/_repeat",
                         "integer from 1");
    assert_entry_refused(ENTRY("\"_match\":{\"body\":\"any\"},", "GET", HOST "/", "", "1"),
                         "/_match/body", "\"ignore\"");
    assert_entry_refused(ENTRY("\"_redacted\":[1],", "GET", HOST "/", "", "1"), "/_redacted/0",
                         "strings");
    assert_refused("[]", "", "an object with the member 'log'");
    assert_refused("{}", "", "an object with the member 'log'");
    assert_refused("{\"log\":1}", "/log", "an object");
}

static void test_load__refuses_names_that_occur_twice(void **state)
{
    (void)state;
    assert_entry_refused(ENTRY("", "GET", HOST "/", ",\"url\":\"" HOST "/\"", "1"), "/request/url",
                         "occurs twice");
    assert_entry_refused(ENTRY("\"_x\":1,\"_x\":1,", "GET", HOST "/", "", "1"), "/_x",
                         "occurs twice");
    assert_entry_refused(ENTRY("", "GET", HOST "/", "", "{\"a\":{\"b\":1,\"c\":2,\"\\u0062\":3}}"),
                         "/response/content/_json/a/b", "occurs twice");
}

static void test_load__refuses_an_id_that_occurs_twice(void **state)
{
    (void)state;
    char *text = tape_text("", ENTRY("\"_id\":\"a\",", "GET", HOST "/", "",
                                     "1") ",\n" ENTRY("\"_id\":\"a\",", "GET", HOST "/", "", "1"));
    assert_refused(text, "/log/entries/1/_id",
                   "line 4: /log/entries/1/_id: the '_id' 'a' is there "
                   "twice, first on line 3");
    free(text);
}

static void test_load__refuses_incomplete_parts(void **state)
{
    (void)state;
    assert_entry_refused("{}", "", "needs 'request' and 'response'");
    assert_entry_refused("{\"request\":{\"method\":\"GET\"},\"response\":{\"status\":200}}",
                         "/request", "needs 'method' and 'url'");
    assert_entry_refused("{\"request\":{\"method\":\"GET\",\"url\":\"" HOST "\"},\"response\":{}}",
                         "/response", "needs its 'status'");
    assert_refused("{\"log\":{\"version\":\"1.2\",\"creator\":{},\"entries\":[]}}", "/log",
                   "a HAR file without it is no tape");
    assert_refused("{\"log\":{\"version\":\"2.0\",\"creator\":{},\"entries\":[],\"_tape\":{"
                   "\"format\":1}}}",
                   "/log/version", "1.2");
    assert_refused("{\"log\":{\"version\":\"1.2\",\"creator\":{},\"entries\":[],\"_tape\":{}}}",
                   "/log/_tape", "\"format\": 1");
    assert_refused("{\"log\":{\"version\":\"1.2\",\"creator\":{},\"entries\":[],\"_tape\":{"
                   "\"format\":2}}}",
                   "/log/_tape/format", "the only one known");
}

static void test_load__refuses_copies_that_contradict(void **state)
{
    (void)state;
    assert_entry_refused(ENTRY("", "POST", HOST "/",
                               ",\"postData\":{\"mimeType\":\"application/json\",\"_json\":{\"a\":"
                               "1},\"text\":\"{\\\"a\\\":2}\"}",
                               "1"),
                         "/request/postData/text", "'_json' is the source");
    assert_entry_refused(
        ENTRY("", "GET", HOST "/?a=1", ",\"queryString\":[{\"name\":\"a\",\"value\":\"2\"}]", "1"),
        "/request/queryString", "'url' is the source");
    assert_entry_refused(ENTRY("", "POST", HOST "/",
                               ",\"headers\":[{\"name\":\"content-type\",\"value\":\"text/plain\"}]"
                               ",\"postData\":{\"mimeType\":\"text/html\",\"text\":\"x\"}",
                               "1"),
                         "/request/postData/mimeType", "content-type");
    kk_tape_free(tape_of(
        "", ENTRY("", "POST", HOST "/?b=x+y&a&c=%2F",
                  ",\"queryString\":[{\"name\":\"a\",\"value\":\"\"},{\"name\":\"b\",\"value\":"
                  "\"x y\"},{\"name\":\"c\",\"value\":\"/\"}],\"postData\":{\"mimeType\":"
                  "\"application/json\",\"_json\":{\"b\":1.0,\"a\":\"\\u0041\"},\"text\":"
                  "\"{\\\"a\\\":\\\"A\\\",\\\"b\\\":1}\"}",
                  "1")));
}

static void test_load__refuses_places_for_secrets(void **state)
{
    (void)state;
    assert_entry_refused(ENTRY("", "GET", HOST "/", ",\"cookies\":[{\"name\":\"a\"}]", "1"),
                         "/request/cookies", "no cookies");
    assert_entry_refused(
        ENTRY("", "GET", HOST "/",
              ",\"headers\":[{\"name\":\"authorization\",\"value\":\"Bearer abc\"}]", "1"),
        "/request/headers", "placeholders");
    assert_entry_refused(ENTRY("", "GET", "https://u:p@api.example.com/", "", "1"), "/request/url",
                         "");
}

static void test_load__refuses_bad_values(void **state)
{
    (void)state;
    assert_entry_refused(ENTRY("", "GET", "ftp://x/", "", "1"), "/request/url", "");
    assert_entry_refused(ENTRY("", "GE\\nT", HOST "/", "", "1"), "/request/method", "control");
    assert_entry_refused(ENTRY("", "get", HOST "/", "", "1"), "/request/method", "capital");
    assert_entry_refused(ENTRY("", "G T", HOST "/", "", "1"), "/request/method", "capital");
    assert_entry_refused(ENTRY("", "", HOST "/", "", "1"), "/request/method", "capital");
    const char *const times[] = {"-1", "1e3", "86400001", "99999999999999999999", "0.5E9"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char entry[512];
        (void)snprintf(entry, sizeof entry,
                       "{\"time\":%s,\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                       "/\"},\"response\":{\"status\":200}}",
                       times[i]);
        assert_entry_refused(entry, "/time", "milliseconds");
    }
    assert_entry_refused(
        ENTRY("", "GET", HOST "/", ",\"headers\":[{\"name\":\"a b\",\"value\":\"\"}]", "1"),
        "/request/headers/0/name", "no name of a header");
    assert_entry_refused(
        ENTRY("", "GET", HOST "/", ",\"headers\":[{\"name\":\"a\",\"value\":\"\\u0000\"}]", "1"),
        "/request/headers/0/value", "control");
    const char *const base64[] = {"AAA", "AAA*", "A===", "AB==", "AA=A", "=AAA", "AA==AAAA"};
    for (size_t i = 0; i < sizeof base64 / sizeof base64[0]; i++) {
        char entry[512];
        (void)snprintf(entry, sizeof entry,
                       "{\"request\":{\"method\":\"GET\",\"url\":\"" HOST "/\"},\"response\":{"
                       "\"status\":200,\"content\":{\"encoding\":\"base64\",\"text\":\"%s\"}}}",
                       base64[i]);
        assert_entry_refused(entry, "/response/content/text", "base64");
    }
    const char *const statuses[] = {"0", "199", "600", "-1", "200.0"};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char entry[512];
        (void)snprintf(entry, sizeof entry,
                       "{\"request\":{\"method\":\"GET\",\"url\":\"" HOST "/\"},\"response\":{"
                       "\"status\":%s}}",
                       statuses[i]);
        assert_entry_refused(entry, "/response/status", "");
    }
}

static void test_load__refuses_bad_heads(void **state)
{
    (void)state;
    assert_head_refused("\"base_url\":\"nowhere\"", "/base_url", "");
    assert_head_refused("\"expires_days\":-1", "/expires_days", "integer");
    assert_head_refused("\"accounts\":[{\"plugin\":\"x\"}]", "/accounts/0", "'name'");
    assert_head_refused("\"accounts\":[{\"name\":\"a\"},{\"name\":\"a\"}]", "/accounts/1", "twice");
    assert_head_refused("\"accounts\":[{\"name\":\"a\",\"default\":true},{\"name\":\"b\","
                        "\"default\":true}]",
                        "/accounts/1", "both the default");
    const char *const times[] = {"2026-02-29T00:00:00Z", "2026-11-23", "2026-11-23T00:00:00",
                                 "2026-13-01T00:00:00Z", "", "2026-11-23T00:00:00.Z",
                                 // They have no form of four digits, or are before time began.
                                 "9999-12-31T23:30:00-01:00", "0026-11-23T00:00:00Z",
                                 "1970-01-01T00:00:00+00:01"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char head[128];
        (void)snprintf(head, sizeof head, "\"recorded_at\":\"%s\"", times[i]);
        assert_head_refused(head, "/recorded_at", "a time like");
    }
}

static void test_load__knows_when_it_was_recorded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_ms;
    } times[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
        {"2000-02-29T12:34:56.789Z", INT64_C(951827696789)},
        {"2026-11-23T01:00:00+01:00", INT64_C(1795392000000)},
        {"2026-11-22T23:30:00.1234-00:30", INT64_C(1795392000123)},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char head[128];
        (void)snprintf(head, sizeof head, "\"recorded_at\":\"%s\"", times[i].text);
        kk_tape *tape = tape_of(head, "");
        assert_int_equal(kk_tape_recorded_ms(tape), times[i].unix_ms);
        kk_tape_free(tape);
    }
    kk_tape *tape = tape_of(
        "", ENTRY("\"startedDateTime\":\"2000-02-29T12:34:56.789Z\",", "GET", HOST "/", "", "1"));
    assert_int_equal(kk_tape_recorded_ms(tape), INT64_C(951827696789));
    assert_string_equal(kk_tape_path(tape), "x.har");
    kk_tape_free(tape);
}

static void test_load__takes_bodies_in_every_form(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        kk_str body;
    } rows[] = {
        {"", {"", 0}},
        {"\"text\":\"a\\u0000\\n\"", {"a\0\n", 3}},
        {"\"text\":\"\"", {"", 0}},
        {"\"encoding\":\"base64\",\"text\":\"AP8K\"", {"\0\xFF\n", 3}},
        {"\"encoding\":\"base64\",\"text\":\"AP8=\"", {"\0\xFF", 2}},
        {"\"encoding\":\"base64\",\"text\":\"\"", {"", 0}},
        {"\"_json\": [ 1 , null ] ", {"[1,null]", 8}},
        {"\"_json\":[1,2],\"text\":\"[ 1, 2.0 ]\"", {"[ 1, 2.0 ]", 10}},
        {"\"_json\":null", {"null", 4}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char entry[512];
        (void)snprintf(entry, sizeof entry,
                       "{\"request\":{\"method\":\"GET\",\"url\":\"" HOST "/\"},\"response\":{"
                       "\"status\":200,\"content\":{%s}}}",
                       rows[i].content);
        kk_tape *tape = tape_of("", entry);
        kk_error err;
        kk_tape_answer answer;
        assert_ok(ask(tape, "GET", HOST "/", NULL, &answer, &err), &err);
        assert_int_equal(answer.body.len, rows[i].body.len);
        assert_memory_equal(answer.body.ptr, rows[i].body.ptr, rows[i].body.len + 1);
        kk_tape_free(tape);
    }
}

static void test_load__gives_headers_in_lower_case_without_those_of_the_wire(void **state)
{
    (void)state;
    kk_tape *tape =
        tape_of("", "{\"request\":{\"method\":\"GET\",\"url\":\"" HOST "/\"},\"response\":{"
                    "\"status\":204,\"headers\":[{\"name\":\"X-A\",\"value\":\"1\"},{\"name\":"
                    "\"Content-Length\",\"value\":\"9\"},{\"name\":\"x-a\",\"value\":\"2\"}]}}");
    kk_error err;
    kk_tape_answer answer;
    assert_ok(ask(tape, "GET", HOST "/", NULL, &answer, &err), &err);
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.header_count, 2);
    assert_string_equal(answer.headers[0].name, "x-a");
    assert_string_equal(answer.headers[1].value, "2");
    kk_tape_free(tape);
}

static void test_load__reads_the_head_wherever_it_stands(void **state)
{
    (void)state;
    const char *text = "\xEF\xBB\xBF{\"log\":{\"entries\":[" ENTRY(
        "", "GET", HOST "/v1/a", "", "1") "],\"_tape\":{\"base_url\":\"" HOST
                                          "/v1\",\"format\":1},\"version\":\"1.2\","
                                          "\"creator\":{}}}";
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_ok(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err), &err);
    assert_answer(tape, "http://localhost:1/v1/a", "1");
    kk_tape_free(tape);
}

static void test_load__a_cut_tape_never_loads(void **state)
{
    (void)state;
    char *text = tape_text("\"base_url\":\"" HOST "\",\"accounts\":[{\"name\":\"a\"}]",
                           ENTRY("\"_id\":\"\\u0061\",", "POST", HOST "/?a=1",
                                 JSON_BODY("{\"b\":[1,2.5],\"\\u0061\":\"x\"}"),
                                 "{\"ok\":true,\"t\":\"\\ud83d\\ude00 \xC3\xA4\"}"));
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char *cut = malloc(i + 1); // its own block, so that a read past the end is seen
        assert_non_null(cut);
        memcpy(cut, text, i);
        kk_error err = {0};
        kk_tape *tape = NULL;
        assert_code(kk_tape_parse((kk_str){cut, i}, "x.har", &tape, &err), KK_ERR_TAPE_INVALID);
        assert_holds(err.message, "not JSON");
        free(cut);
    }
    free(text);
}

// A body that is as deep as JSON may be, inside a tape, is too deep; half of that is not.
static void test_load__refuses_what_is_too_deep(void **state)
{
    (void)state;
    for (size_t depth = KK_JSON_DEPTH_MAX / 2; depth <= KK_JSON_DEPTH_MAX;
         depth += KK_JSON_DEPTH_MAX / 2) {
        kk_buf body = {.limit = KK_TAPE_MAX};
        kk_buf entry = {.limit = KK_TAPE_MAX};
        for (size_t i = 0; i < depth * 2; i++) {
            kk_buf_append_byte(&body, i < depth ? '[' : ']');
        }
        kk_buf_append_format(&entry, ENTRY("", "GET", HOST "/", "", "%s"), kk_buf_text(&body));
        char *text = tape_text("", kk_buf_text(&entry));
        kk_error err = {0};
        kk_tape *tape = NULL;
        assert_code(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err),
                    depth < KK_JSON_DEPTH_MAX ? KK_OK : KK_ERR_TAPE_INVALID);
        assert_true(tape != NULL || strstr(err.message, "deep") != NULL);
        kk_tape_free(tape);
        free(text);
        kk_buf_clean(&entry);
        kk_buf_clean(&body);
    }
}

// What a tape claims about sizes is nobody's to believe: no memory is taken for it.
static void test_load__believes_no_size(void **state)
{
    (void)state;
    kk_tape *tape = tape_of(
        "", "{\"request\":{\"method\":\"GET\",\"url\":\"" HOST
            "/\",\"headersSize\":1073741824,\"bodySize\":1073741824},\"response\":{\"status\":200,"
            "\"headersSize\":1073741824,\"bodySize\":9007199254740991,\"headers\":[{\"name\":"
            "\"content-length\",\"value\":\"1073741824\"}],\"content\":{\"size\":1073741824,"
            "\"compression\":-1073741824,\"text\":\"ok\"}}}");
    assert_answer(tape, HOST "/", "ok");
    kk_tape_free(tape);
}

static void test_load__says_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/kk-tape-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/t.har", dir);
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_code(kk_tape_load(path, &tape, &err), KK_ERR_TAPE_INVALID);
    assert_string_equal(err.reason, "tape_missing");
    assert_holds(err.message, path);

    err = (kk_error){0};
    assert_code(kk_tape_load(dir, &tape, &err), KK_ERR_TAPE_INVALID);
    assert_string_equal(err.reason, "tape_invalid");
    assert_holds(err.message, "regular file");

    err = (kk_error){0};
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_code(kk_tape_load(path, &tape, &err), KK_ERR_TAPE_INVALID);
    assert_int_equal(unlink(path), 0);

    char *text = tape_text("", ENTRY("", "GET", HOST "/", "", "1"));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    free(text);
    err = (kk_error){0};
    assert_ok(kk_tape_load(path, &tape, &err), &err);
    assert_string_equal(kk_tape_path(tape), path);
    assert_answer(tape, HOST "/", "1");
    kk_tape_free(tape);

    err = (kk_error){0};
    assert_int_equal(truncate(path, (off_t)KK_TAPE_MAX + 1), 0);
    assert_code(kk_tape_load(path, &tape, &err), KK_ERR_TAPE_INVALID);
    assert_holds(err.message, "longer than");
    unlink(path);
    rmdir(dir);
    kk_tape_free(NULL);
}

static void test_load__refuses_a_body_that_no_answer_may_have(void **state)
{
    (void)state;
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_buf_append_text(&text,
                       "{\"log\":{\"version\":\"1.2\",\"creator\":{},\"_tape\":{\"format\":1}"
                       ",\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                       "/\"},\"response\":{\"status\":200,\"content\":{\"text\":\"");
    char *room = kk_buf_reserve(&text, KK_BODY_MAX + 1);
    assert_non_null(room);
    memset(room, 'x', KK_BODY_MAX + 1);
    kk_buf_grow(&text, KK_BODY_MAX + 1);
    kk_buf_append_text(&text, "\"}}}]}}");
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_code(kk_tape_parse(kk_buf_view(&text), "x.har", &tape, &err), KK_ERR_TAPE_INVALID);
    assert_string_equal(err.argument, "/log/entries/0/response/content");
    kk_buf_clean(&text);
}

// The first block of docs/tapes.md is a tape that loads and answers.
static void test_load__takes_the_tape_of_the_manual(void **state)
{
    (void)state;
    kk_buf page = {.limit = KK_TEXT_MAX};
    FILE *file = fopen(KK_FIXTURES "/../host-sdk/docs/tapes.md", "re");
    assert_non_null(file);
    kk_buf_grow(&page, fread(kk_buf_reserve(&page, 65536), 1, 65536, file));
    (void)fclose(file);
    const char *block = strstr(kk_buf_text(&page), "```json\n");
    assert_non_null(block);
    block += strlen("```json\n");
    const char *end = strstr(block, "```");
    assert_non_null(end);
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_ok(kk_tape_parse((kk_str){block, (size_t)(end - block)}, "tapes.md", &tape, &err), &err);
    kk_request request = {.method = "GET",
                          .url = "http://127.0.0.1:8080/v1/databases?page=1",
                          .credential = {"Authorization", "Bearer {{ACCESS_TOKEN}}"}};
    kk_tape_answer answer;
    assert_ok(kk_tape_claim(tape, &request, &answer, &err), &err);
    assert_string_equal(answer.body.ptr, "{\"data\":[{\"name\":\"orders\"}]}");
    kk_tape_free(tape);
    kk_buf_clean(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load__refuses_what_it_does_not_know),
        cmocka_unit_test(test_load__refuses_wrong_kinds),
        cmocka_unit_test(test_load__refuses_names_that_occur_twice),
        cmocka_unit_test(test_load__refuses_an_id_that_occurs_twice),
        cmocka_unit_test(test_load__refuses_incomplete_parts),
        cmocka_unit_test(test_load__refuses_copies_that_contradict),
        cmocka_unit_test(test_load__refuses_places_for_secrets),
        cmocka_unit_test(test_load__refuses_bad_values),
        cmocka_unit_test(test_load__refuses_bad_heads),
        cmocka_unit_test(test_load__knows_when_it_was_recorded),
        cmocka_unit_test(test_load__takes_bodies_in_every_form),
        cmocka_unit_test(test_load__gives_headers_in_lower_case_without_those_of_the_wire),
        cmocka_unit_test(test_load__reads_the_head_wherever_it_stands),
        cmocka_unit_test(test_load__a_cut_tape_never_loads),
        cmocka_unit_test(test_load__refuses_what_is_too_deep),
        cmocka_unit_test(test_load__believes_no_size),
        cmocka_unit_test(test_load__says_what_is_wrong_with_a_file),
        cmocka_unit_test(test_load__takes_the_tape_of_the_manual),
        cmocka_unit_test(test_load__refuses_a_body_that_no_answer_may_have),
    };
    return cmocka_run_group_tests_name("tape_load", tests, NULL, NULL);
}
