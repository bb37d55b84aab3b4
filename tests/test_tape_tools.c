// What the tools say of a tape, and what they take out of it.
#include "scratch.h"
#include "tape_file.h"
#include "tape_tools.h"
#include "tapes.h"

// The notes as text, one a line: "kind entry pointer text".
static char *notes_text(const kk_tape_notes *notes)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        const kk_tape_note *note = kk_tape_notes_at(notes, i);
        kk_buf_append_format(&text, "%s %s %s %s\n", note->kind, note->entry, note->pointer,
                             note->text);
    }
    assert_null(kk_tape_notes_at(notes, kk_tape_notes_count(notes)));
    return kk_buf_steal(&text);
}

static char *lint(const char *head, const char *entries)
{
    kk_error err = {0};
    scratch folder;
    kk_tape_notes *notes = NULL;
    scratch_init(&folder);
    char *text = tape_text(head, entries);
    const char *path = scratch_write(&folder, "a.har", text, strlen(text));
    assert_ok(kk_tape_lint(path, &notes, &err), &err);
    char *said = notes_text(notes);
    kk_tape_notes_free(notes);
    free(text);
    scratch_clean(&folder);
    return said;
}

static void assert_lint(const char *head, const char *entries, const char *line)
{
    char *said = lint(head, entries);
    assert_holds(said, line);
    free(said);
}

#define GET(members, path) ENTRY(members, "GET", HOST path, "", "1")

static void test_lint__finds_what_looks_like_a_secret(void **state)
{
    (void)state;
    char *said = lint(
        "", ENTRY("", "GET", HOST "/", "", "{\"a\":\"pscale_tkn_CANARYservicetokenAAAA1111\"}"));
    assert_holds(said, "error  /log/entries/0/response/content/_json/a looks like");
    assert_null(strstr(said, "CANARY"));
    free(said);
}

static void test_lint__finds_what_never_answers(void **state)
{
    (void)state;
    assert_lint("",
                GET("\"_id\":\"one\",\"_repeat\":\"any\",", "/a") "," GET("\"_id\":\"two\",", "/a"),
                "warning two /_repeat never answers: entry 1 (line 3)");
    assert_lint("\"accounts\":[{\"name\":\"main\"}]",
                GET("\"_id\":\"one\",\"_account\":\"other\",", "/a"),
                "warning one /_account never answers: log._tape.accounts has no 'other'");
    assert_lint("\"base_url\":\"https://elsewhere.example.com\"", GET("", "/a"),
                "warning  /log/_tape/base_url no entry's URL lies below it");
    char *said = lint("", GET("\"_repeat\":3,", "/a") "," GET("", "/a") "," GET("", "/b"));
    assert_null(strstr(said, "never"));
    free(said);
}

static void test_lint__finds_slips_of_the_hand(void **state)
{
    (void)state;
    assert_lint("", GET("\"_repaet\":2,", "/a"),
                "warning #1 /_repaet is passed over: a tape knows '_repeat'");
    assert_lint("", GET("\"_seq\":2,", "/a") "," GET("\"_seq\":1,", "/b"),
                "warning #2 /_seq stands behind");
    assert_lint("",
                ENTRY("", "GET", HOST "/", ",\"headers\":[{\"name\":\"x-y\",\"value\":\"\"}]", "1"),
                "warning #1 /request/headers the header 'x-y' is none that a recording keeps");
    assert_lint("", ENTRY("\"_match\":{\"headers\":[\"if-match\"]},", "GET", HOST "/", "", "1"),
                "warning #1 /_match/headers answers only requests without");
    assert_lint("", ENTRY("\"_match\":{\"ignore_json\":[\"/a\"]},", "GET", HOST "/", "", "1"),
                "warning #1 /_match/ignore_json has no use");
    assert_lint("", GET("", "/a"), "warning   is not as 'kk tape fmt' writes it");
}

static void test_lint__has_nothing_to_say_of_the_tape_of_the_tree(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_tape_notes *notes = NULL;
    assert_ok(kk_tape_lint(KK_FIXTURES "/tapes/planetscale.har", &notes, &err), &err);
    char *said = notes_text(notes);
    assert_string_equal(said, "");
    free(said);
    kk_tape_notes_free(notes);
    assert_code(kk_tape_lint(KK_FIXTURES "/none.har", &notes, &err), KK_ERR_TAPE_INVALID);
    assert_string_equal(err.reason, "tape_missing");
}

// ---- diff

static char *diff(const char *before, const char *after)
{
    kk_error err = {0};
    kk_tape_notes *notes = NULL;
    kk_tape *a = tape_of("", before);
    kk_tape *b = tape_of("", after);
    assert_ok(kk_tape_diff(a, b, &notes, &err), &err);
    char *said = notes_text(notes);
    kk_tape_notes_free(notes);
    kk_tape_free(b);
    kk_tape_free(a);
    return said;
}

static void assert_diff(const char *before, const char *after, const char *wanted)
{
    char *said = diff(before, after);
    assert_string_equal(said, wanted);
    free(said);
}

static void test_diff__tells_what_is_answered_otherwise(void **state)
{
    (void)state;
    assert_diff(GET("", "/a") "," GET("\"time\":5,", "/b?x=1&y=2"),
                GET("", "/b?y=2&x=1") "," GET("\"_id\":\"n\",", "/a"), "");
    assert_diff(GET("", "/a"), GET("", "/a") "," GET("\"_id\":\"n\",", "/b"),
                "added n  GET https://api.example.com/b\n");
    assert_diff(GET("\"_id\":\"n\",", "/b") "," GET("", "/a"), GET("", "/a"),
                "removed n  GET https://api.example.com/b\n");
    assert_diff(ENTRY("\"_id\":\"n\",", "GET", HOST "/", "", "{\"a\":1,\"b\":[1]}"),
                ENTRY("\"_id\":\"n\",", "GET", HOST "/", "", "{\"a\":2,\"b\":[1,2]}"),
                "changed n /response/content/a 1, now 2\nchanged n /response/content/b/1 (absent), "
                "now 2\n");
    assert_diff(ENTRY("\"_id\":\"n\",", "POST", HOST "/", JSON_BODY("{\"a\":1}"), "1"),
                ENTRY("\"_id\":\"n\",", "POST", HOST "/", JSON_BODY("{\"a\":2}"), "1"),
                "changed n /request/postData/_json/a 1, now 2\n");
    assert_diff(GET("\"_repeat\":2,", "/a"), GET("\"_repeat\":\"last\",", "/a"),
                "changed #1 /_repeat 2, now \"last\"\n");
    assert_diff("{\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                "/\"},\"response\":{\"status\":200}}",
                "{\"_failure\":{\"kind\":\"dns\"},\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                "/\"},\"response\":{\"status\":0}}",
                "changed #1 /_failure (absent), now dns\nchanged #1 /response/status 200, now 0\n");
}

static void test_diff__pairs_sequences_in_their_order(void **state)
{
    (void)state;
    assert_diff(GET("", "/a") "," GET("", "/a") "," GET("", "/a"), GET("", "/a") "," GET("", "/a"),
                "removed #3  GET https://api.example.com/a\n");
}

// ---- prune

static void assert_pruned(const char *entries, const char *const *names, size_t wanted,
                          const char *left)
{
    kk_error err = {0};
    scratch folder;
    size_t count = 99;
    kk_tape *tape = NULL;
    scratch_init(&folder);
    char *text = tape_text("", entries);
    const char *path = scratch_write(&folder, "a.har", text, strlen(text));
    assert_ok(kk_tape_prune_file(path, names, true, &count, &err), &err);
    assert_int_equal(count, wanted);
    assert_ok(kk_tape_load(path, &tape, &err), &err);
    kk_buf ids = {.limit = KK_TEXT_MAX};
    kk_tape_entry_info entry;
    for (size_t i = 0; kk_tape_entry_at(tape, i, &entry); i++) {
        kk_buf_append_format(&ids, "%s ", entry.id);
    }
    assert_string_equal(kk_buf_text(&ids), left);
    kk_buf_clean(&ids);
    kk_tape_free(tape);
    free(text);
    scratch_clean(&folder);
}

static void test_prune__takes_out_what_is_named_or_never_answers(void **state)
{
    (void)state;
    const char *entries = GET("\"_id\":\"a\",\"_repeat\":\"any\",",
                              "/a") "," GET("\"_id\":\"b\",", "/a") "," GET("\"_id\":\"c\",", "/c");
    assert_pruned(entries, NULL, 1, "a c ");
    assert_pruned(entries, (const char *const[]){"c", "#1", "c", NULL}, 2, "b ");
    assert_pruned(GET("\"_id\":\"a\",", "/a"), NULL, 0, "a ");
    // The order stays that of the tape, though an entry that gave it is gone.
    assert_pruned(GET("\"_id\":\"a\",\"_seq\":9,", "/a") "," GET("\"_id\":\"b\",", "/b") "," GET(
                      "\"_id\":\"c\",\"_seq\":5,", "/c"),
                  (const char *const[]){"a", NULL}, 1, "c b ");
}

static void test_prune__refuses_a_name_that_there_is_not(void **state)
{
    (void)state;
    kk_error err = {0};
    scratch folder;
    size_t count = 0;
    scratch_init(&folder);
    char *text = tape_text("", GET("\"_id\":\"a\",", "/a"));
    const char *path = scratch_write(&folder, "a.har", text, strlen(text));
    assert_code(kk_tape_prune_file(path, (const char *const[]){"z", NULL}, true, &count, &err),
                KK_ERR_USAGE);
    assert_holds(err.message, "no entry 'z'");
    kk_buf now = {.limit = KK_TAPE_FILE_LIMIT};
    assert_ok(kk_tape_file_read(path, &now, &err), &err);
    assert_string_equal(kk_buf_text(&now), text);
    kk_buf_clean(&now);
    free(text);
    scratch_clean(&folder);
}

// ---- age

static void test_age__counts_from_the_oldest_entry(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_tape_age age;
    kk_tape *tape = tape_of("\"recorded_at\":\"2020-01-02T00:00:00Z\",\"expires_days\":30",
                            GET("\"startedDateTime\":\"2020-01-01T00:00:00Z\",", "/a"));
    assert_code(kk_tape_check_age(tape, 0, &age, &err), KK_ERR_TAPE_INVALID);
    assert_string_equal(err.reason, "expired");
    assert_int_equal(age.oldest_ms, INT64_C(1577836800000));
    assert_int_equal(age.limit_days, 30);
    assert_true(age.days > 2000);
    err = (kk_error){0};
    assert_ok(kk_tape_check_age(tape, 99999, &age, &err), &err);
    kk_tape_free(tape);
    tape = tape_of("\"recorded_at\":\"2020-01-02T00:00:00Z\"", "");
    assert_ok(kk_tape_check_age(tape, 0, &age, &err), &err);
    assert_code(kk_tape_check_age(tape, 1, &age, &err), KK_ERR_TAPE_INVALID);
    kk_tape_free(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lint__finds_what_looks_like_a_secret),
        cmocka_unit_test(test_lint__finds_what_never_answers),
        cmocka_unit_test(test_lint__finds_slips_of_the_hand),
        cmocka_unit_test(test_lint__has_nothing_to_say_of_the_tape_of_the_tree),
        cmocka_unit_test(test_diff__tells_what_is_answered_otherwise),
        cmocka_unit_test(test_diff__pairs_sequences_in_their_order),
        cmocka_unit_test(test_prune__takes_out_what_is_named_or_never_answers),
        cmocka_unit_test(test_prune__refuses_a_name_that_there_is_not),
        cmocka_unit_test(test_age__counts_from_the_oldest_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
