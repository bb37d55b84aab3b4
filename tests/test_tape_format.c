// kk_tape_write_formatted: one form, the same answers.
#include "tape_file.h"
#include "tape_tools.h"
#include "tapes.h"

static char *formatted(const char *text)
{
    kk_error err = {0};
    kk_buf out = {.limit = KK_TAPE_MAX};
    assert_ok(kk_tape_write_formatted(kk_str_from(text), "x.har", &out, &err), &err);
    return kk_buf_steal(&out);
}

// Formats a tape with these entries; it has to answer the same, and a second time changes nothing.
static char *format_entries(const char *entries)
{
    kk_error err = {0};
    kk_tape *before = NULL;
    kk_tape *after = NULL;
    kk_tape_notes *notes = NULL;
    char *text = tape_text("", entries);
    char *once = formatted(text);
    char *twice = formatted(once);
    assert_string_equal(once, twice);
    assert_ok(kk_tape_parse(kk_str_from(text), "a.har", &before, &err), &err);
    assert_ok(kk_tape_parse(kk_str_from(once), "b.har", &after, &err), &err);
    assert_ok(kk_tape_diff(before, after, &notes, &err), &err);
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        fail_msg("%s %s", kk_tape_notes_at(notes, i)->pointer, kk_tape_notes_at(notes, i)->text);
    }
    kk_tape_notes_free(notes);
    kk_tape_free(after);
    kk_tape_free(before);
    free(twice);
    free(text);
    return once;
}

static void assert_formats_to(const char *entries, const char *part)
{
    char *text = format_entries(entries);
    assert_holds(text, part);
    free(text);
}

#define ANSWER "\"response\":{\"status\":200}"
#define REQUEST "\"request\":{\"method\":\"GET\",\"url\":\"" HOST "/\"}"

static void test_format__writes_what_har_wants(void **state)
{
    (void)state;
    char *text = format_entries("{" ANSWER "," REQUEST ",\"_id\":\"a\",\"_note\":{\"x\":1}}");
    assert_holds(text, "\"entries\": [\n   {\n    \"_id\": \"a\",\n    \"startedDateTime\": "
                       "\"1970-01-01T00:00:00.000Z\",\n    \"time\": 0,\n    \"request\": {\n     "
                       "\"method\": \"GET\",");
    assert_holds(text, "\"cookies\": [],\n     \"headers\": [],\n     \"queryString\": [],\n     "
                       "\"headersSize\": -1,\n     \"bodySize\": 0\n    },");
    assert_holds(text,
                 "\"content\": {\n      \"size\": 0,\n      \"mimeType\": \"\"\n     },\n     "
                 "\"redirectURL\": \"\",");
    assert_holds(text, "\"cache\": {},\n    \"timings\": {\"send\": 0, \"wait\": 0, \"receive\": "
                       "0},\n    \"_note\": {\n     \"x\": 1\n    }\n   }");
    free(text);
}

static void test_format__makes_copies_from_their_sources(void **state)
{
    (void)state;
    assert_formats_to("{\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                      "/?a=1+2&b=%C3%A9&c&a=%26\"}," ANSWER "}",
                      "\"queryString\": [\n      {\"name\": \"a\", \"value\": \"1 2\"},\n      "
                      "{\"name\": \"b\", \"value\": \"\xC3\xA9\"},\n      {\"name\": \"c\", "
                      "\"value\": \"\"},\n      {\"name\": \"a\", \"value\": \"&\"}\n     ]");
    // What is no UTF-8 has no copy.
    assert_formats_to("{\"request\":{\"method\":\"GET\",\"url\":\"" HOST "/?a=1&b=%FF\"}," ANSWER
                      "}",
                      "\"queryString\": [],");
    assert_formats_to(
        "{" REQUEST ",\"response\":{\"status\":200,\"headers\":[{\"name\":\"Content-"
        "Type\",\"value\":\"text/plain\"}],\"content\":{\"mimeType\":\"x\",\"size\":7,"
        "\"compression\":3,\"text\":\"abc\"}}}",
        "{\"name\": \"content-type\", \"value\": \"text/plain\"}\n     ],\n     "
        "\"content\": {\n      \"size\": 3,\n      \"mimeType\": \"text/plain\",\n     "
        " \"text\": \"abc\"\n     }");
    assert_formats_to("{\"time\":12.5,\"timings\":{\"send\":1,\"wait\":2,\"receive\":3}," REQUEST
                      "," ANSWER "}",
                      "\"timings\": {\"send\": 0, \"wait\": 12.5, \"receive\": 0}");
    assert_formats_to("{\"time\":6,\"timings\":{\"blocked\":-1,\"send\":1,\"wait\":2,\"receive\":"
                      "3,\"ssl\":9}," REQUEST "," ANSWER "}",
                      "\"timings\": {\"blocked\": -1, \"send\": 1, \"wait\": 2,");
}

#define CONTENT(members)                                                                           \
    "{" REQUEST ",\"response\":{\"status\":200,\"content\":{\"mimeType\":\"application/"           \
    "json\"," members "}}}"

static void test_format__keeps_the_bytes_of_bodies(void **state)
{
    (void)state;
    // One of two that say the same bytes is enough.
    char *text = format_entries(CONTENT("\"text\":\"{\\\"a\\\":1.50}\",\"_json\":{\"a\" : 1.50}"));
    assert_null(strstr(text, "\"text\""));
    assert_holds(text, "\"_json\": {\n       \"a\": 1.50\n      }");
    free(text);
    assert_formats_to(CONTENT("\"text\":\"{\\\"a\\\":\\\"\\\\u0041\\\"}\""),
                      "\"_json\": {\n       \"a\": \"\\u0041\"\n      }");
    // White space would be lost, a name twice refused, a deep one too deep.
    assert_formats_to(CONTENT("\"text\":\"{ \\\"a\\\":1}\""), "\"text\": \"{ \\\"a\\\":1}\"");
    assert_formats_to(CONTENT("\"text\":\"{ \\\"a\\\":1}\",\"_json\":{\"a\":1}"),
                      "\"text\": \"{ \\\"a\\\":1}\"");
    assert_formats_to(CONTENT("\"text\":\"{\\\"a\\\":1,\\\"a\\\":2}\""), "\"text\":");
    assert_formats_to(CONTENT("\"text\":\"{\\\"a\\\"\""), "\"text\":");
    assert_formats_to(CONTENT("\"encoding\":\"base64\",\"text\":\"e30=\""),
                      "\"encoding\": \"base64\",\n      \"text\": \"e30=\"");
    assert_formats_to("{\"request\":{\"method\":\"POST\",\"url\":\"" HOST
                      "/\",\"postData\":{\"_base64\":\"AAE=\"}}," ANSWER "}",
                      "\"text\": \"\",\n      \"_base64\": \"AAE=\"\n     },\n     "
                      "\"headersSize\": -1,\n     \"bodySize\": 2");
}

static void test_format__says_what_is_wrong_with_a_tape(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_buf out = {.limit = KK_TAPE_MAX};
    assert_code(kk_tape_write_formatted(KK_STR("{\"log\":{}}"), "x.har", &out, &err),
                KK_ERR_TAPE_INVALID);
    assert_int_equal(out.len, 0);
    kk_buf_clean(&out);
}

static void test_format__keeps_the_tape_of_the_tree(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    assert_ok(kk_tape_file_read(KK_FIXTURES "/tapes/planetscale.har", &text, &err), &err);
    char *out = formatted(kk_buf_text(&text));
    assert_true(strcmp(kk_buf_text(&text), out) == 0);
    free(out);
    kk_buf_clean(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format__writes_what_har_wants),
        cmocka_unit_test(test_format__makes_copies_from_their_sources),
        cmocka_unit_test(test_format__keeps_the_bytes_of_bodies),
        cmocka_unit_test(test_format__says_what_is_wrong_with_a_tape),
        cmocka_unit_test(test_format__keeps_the_tape_of_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
