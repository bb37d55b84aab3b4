// HAR files as other programs write them, and the tapes that are made of them: fixtures/tapes/har.
#include "scratch.h"
#include "tape_file.h"
#include "tape_import.h"
#include "unit.h"
#include <stdlib.h>
#include <unistd.h>

static kk_buf read_fixture(const char *name, const char *extension)
{
    char path[512];
    kk_error err = {0};
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    (void)snprintf(path, sizeof path, "%s/tapes/har/%s%s", KK_FIXTURES, name, extension);
    assert_ok(kk_tape_file_read(path, &text, &err), &err);
    return text;
}

static void assert_notes(const kk_tape_notes *notes, const char *name)
{
    kk_buf wanted = read_fixture(name, ".notes");
    kk_buf said = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        const kk_tape_note *note = kk_tape_notes_at(notes, i);
        kk_buf_append_format(&said, "%s.har: %s: entry %s %s %s\n", name, note->kind, note->entry,
                             note->pointer, note->text);
    }
    assert_string_equal(kk_buf_text(&said), kk_buf_text(&wanted));
    kk_buf_clean(&said);
    kk_buf_clean(&wanted);
}

static void assert_import(const char *name)
{
    kk_error err = {0};
    kk_buf har = read_fixture(name, ".har");
    kk_buf wanted = read_fixture(name, ".tape");
    kk_buf out = {.limit = KK_TAPE_MAX};
    kk_tape_notes *notes = kk_tape_notes_new();
    assert_non_null(strstr(kk_buf_text(&har), "CANARY"));
    assert_ok(kk_tape_import_text(kk_buf_view(&har), name, &out, notes, &err), &err);
    assert_string_equal(kk_buf_text(&out), kk_buf_text(&wanted));
    assert_null(strstr(kk_buf_text(&out), "CANARY"));
    assert_null(strstr(kk_buf_text(&out), "cnryid"));
    assert_null(strstr(kk_buf_text(&out), "corp-internal"));
    assert_null(strstr(kk_buf_text(&out), "Ada"));
    assert_notes(notes, name);
    kk_tape_notes_free(notes);
    kk_buf_clean(&out);
    kk_buf_clean(&wanted);
    kk_buf_clean(&har);
}

static void test_import__reads_what_chrome_writes(void **state)
{
    (void)state;
    assert_import("chrome");
}

static void test_import__reads_what_firefox_writes(void **state)
{
    (void)state;
    assert_import("firefox");
}

static void test_import__reads_what_playwright_writes(void **state)
{
    (void)state;
    assert_import("playwright");
}

static void test_import__reads_what_mitmproxy_writes(void **state)
{
    (void)state;
    assert_import("mitmproxy");
}

// These two are made by hand, shaped after what the programs write, and not made by them.
static void test_import__reads_what_is_shaped_after_charles(void **state)
{
    (void)state;
    assert_import("charles");
}

static void test_import__reads_headers_written_as_slack_does(void **state)
{
    (void)state;
    assert_import("slack");
}

static void assert_refused(const char *text, const char *part)
{
    kk_error err = {0};
    kk_buf out = {.limit = KK_TAPE_MAX};
    kk_tape_notes *notes = kk_tape_notes_new();
    assert_code(kk_tape_import_text(kk_str_from(text), "x.har", &out, notes, &err),
                KK_ERR_TAPE_INVALID);
    assert_holds(err.message, part);
    kk_tape_notes_free(notes);
    kk_buf_clean(&out);
}

static void test_import__refuses_what_is_no_har_file(void **state)
{
    (void)state;
    assert_refused("PK\x03\x04", "is no HAR file");
    assert_refused("{\"log\":{}}", "no array 'log.entries'");
    assert_refused("[]", "no array 'log.entries'");
    assert_refused("{\"log\":{\"entries\":[]}}", "no entry that a tape can hold");
    assert_refused("{\"log\":{\"entries\":[{},7]}}", "no entry that a tape can hold");
    assert_refused("{\"log\":{\"entries\":[{\"request\":{\"method\":\"GET\",\"url\":\"\"},"
                   "\"response\":{\"status\":200}}]}}",
                   "no entry that a tape can hold");
}

// What nobody knew to be a secret and looks like one does not get into the file.
static void test_import__masks_what_looks_like_a_secret(void **state)
{
    (void)state;
    static const char har[] =
        "{\"log\":{\"entries\":[{\"request\":{\"method\":\"get\",\"url\":\"https://a.example.com/"
        "\"},"
        "\"response\":{\"status\":200,\"content\":{\"mimeType\":\"application/json\",\"text\":"
        "\"{\\\"note\\\":\\\"pscale_tkn_CANARYnobodyKnowsThis1234\\\"}\"}}}]}}";
    kk_error err = {0};
    kk_buf out = {.limit = KK_TAPE_MAX};
    kk_tape_notes *notes = kk_tape_notes_new();
    assert_ok(kk_tape_import_text(kk_str_from(har), "x.har", &out, notes, &err), &err);
    assert_null(strstr(kk_buf_text(&out), "CANARY"));
    assert_holds(kk_buf_text(&out), "{{SUSPECTED_SECRET}}");
    kk_tape_notes_free(notes);
    kk_buf_clean(&out);
}

static void test_import__writes_a_file_and_replaces_none_unasked(void **state)
{
    (void)state;
    kk_error err = {0};
    scratch folder;
    kk_tape_notes *notes = NULL;
    kk_tape *tape = NULL;
    scratch_init(&folder);
    const char *from = KK_FIXTURES "/tapes/har/chrome.har";
    const char *to = scratch_path(&folder, "a.har");
    assert_ok(kk_tape_import_file(from, to, false, false, &notes, &err), &err);
    kk_tape_notes_free(notes);
    assert_int_not_equal(access(to, F_OK), 0);
    assert_ok(kk_tape_import_file(from, to, true, false, &notes, &err), &err);
    kk_tape_notes_free(notes);
    assert_ok(kk_tape_load(to, &tape, &err), &err);
    assert_int_equal(kk_tape_entry_count(tape), 2);
    kk_tape_free(tape);
    assert_code(kk_tape_import_file(from, to, true, false, &notes, &err), KK_ERR_USAGE);
    err = (kk_error){0};
    assert_ok(kk_tape_import_file(from, to, true, true, &notes, &err), &err);
    kk_tape_notes_free(notes);
    scratch_clean(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import__reads_what_chrome_writes),
        cmocka_unit_test(test_import__reads_what_firefox_writes),
        cmocka_unit_test(test_import__reads_what_playwright_writes),
        cmocka_unit_test(test_import__reads_what_mitmproxy_writes),
        cmocka_unit_test(test_import__reads_what_is_shaped_after_charles),
        cmocka_unit_test(test_import__reads_headers_written_as_slack_does),
        cmocka_unit_test(test_import__refuses_what_is_no_har_file),
        cmocka_unit_test(test_import__masks_what_looks_like_a_secret),
        cmocka_unit_test(test_import__writes_a_file_and_replaces_none_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
