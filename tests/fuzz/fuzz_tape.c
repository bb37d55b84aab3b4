// The tape loader, the normal forms and the finding of an answer, on any bytes.
#include "fuzz.h"
#include "tape_tools.h"

static kk_buf new_buf(void)
{
    return (kk_buf){.limit = (size_t)1 << 26};
}

// A normal form is its own normal form.
static void check_canonical(kk_str text)
{
    kk_buf once = new_buf();
    kk_buf twice = new_buf();
    bool good = kk_tape_canonical(text, NULL, &once);
    REQUIRE(good == (kk_json_check(text, NULL) == KK_OK));
    if (good) {
        REQUIRE(kk_tape_canonical(kk_buf_view(&once), NULL, &twice));
        REQUIRE(kk_str_equals(kk_buf_view(&once), kk_buf_view(&twice)));
        kk_tape_differences found;
        kk_tape_diff_json(kk_buf_view(&once), kk_buf_view(&twice), &found);
        REQUIRE(found.count == 0);
        kk_tape_diff_json(kk_buf_view(&once), KK_STR("{\"a\":[1,2]}"), &found);
        REQUIRE((found.count == 0) == kk_str_is(kk_buf_view(&once), "{\"a\":[1,2]}"));
    }
    kk_buf_clear(&once);
    kk_buf_clear(&twice);
    kk_tape_pairs(text, &once);
    kk_tape_pairs(kk_buf_view(&once), &twice);
    REQUIRE(kk_str_equals(kk_buf_view(&once), kk_buf_view(&twice)));
    kk_buf_clean(&once);
    kk_buf_clean(&twice);
}

// What the first entry was recorded for, put to the tape again.
static void ask(kk_tape *tape, kk_str body)
{
    static const kk_header json = {"content-type", "application/json"};
    const kk_tape_key *key = &tape->entries[0].key;
    kk_buf url = new_buf();
    kk_buf_append_format(&url, "%s://%s%s%s:%u%s?%s", key->secure ? "https" : "http",
                         strchr(key->host.ptr, ':') != NULL ? "[" : "", key->host.ptr,
                         strchr(key->host.ptr, ':') != NULL ? "]" : "", key->port, key->path.ptr,
                         key->query.ptr);
    kk_request request = {.method = key->method.ptr,
                          .url = kk_buf_text(&url),
                          .headers = &json,
                          .header_count = 1,
                          .body = body,
                          .account = "main"};
    if (key->shape.len > 0) {
        request.credential = (kk_header){key->shape_name.ptr, key->shape.ptr};
    }
    kk_error err = {0};
    kk_tape_answer answer;
    kk_code code = kk_tape_claim(tape, &request, &answer, &err);
    REQUIRE(code == KK_OK || code == KK_ERR_REPLAY_MISS || code == KK_ERR_INVALID_ARGS);
    REQUIRE(code != KK_OK || answer.body.ptr[answer.body.len] == '\0');
    REQUIRE(code != KK_ERR_REPLAY_MISS || (err.reason[0] != '\0' && err.hint[0] != '\0'));
    kk_buf_clean(&url);
}

// A formatted tape loads, answers the same, and is formatted.
static void check_format(kk_str text, const kk_tape *before)
{
    kk_buf once = new_buf();
    kk_buf twice = new_buf();
    kk_error err = {0};
    kk_tape *after = NULL;
    kk_tape_notes *notes = NULL;
    REQUIRE(kk_tape_write_formatted(text, "x.har", &once, &err) == KK_OK);
    REQUIRE(kk_tape_parse(kk_buf_view(&once), "x.har", &after, &err) == KK_OK);
    REQUIRE(kk_tape_diff(before, after, &notes, &err) == KK_OK);
    REQUIRE(kk_tape_notes_count(notes) == 0);
    REQUIRE(kk_tape_recorded_ms(before) == kk_tape_recorded_ms(after));
    REQUIRE(kk_tape_write_formatted(kk_buf_view(&once), "x.har", &twice, &err) == KK_OK);
    REQUIRE(kk_str_equals(kk_buf_view(&once), kk_buf_view(&twice)));
    kk_tape_notes_free(notes);
    kk_tape_free(after);
    kk_buf_clean(&twice);
    kk_buf_clean(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_str text = {(const char *)data, size};
    kk_tape *tape = NULL;
    kk_error err = {0};
    check_canonical(text);
    kk_code code = kk_tape_parse(text, "x.har", &tape, &err);
    REQUIRE(code == KK_OK || code == KK_ERR_TAPE_INVALID || code == KK_ERR_INTERNAL);
    REQUIRE(code != KK_ERR_TAPE_INVALID || strcmp(err.reason, "tape_invalid") == 0);
    if (code == KK_OK) {
        check_format(text, tape);
    }
    if (code == KK_OK && tape->entry_count > 0) {
        ask(tape, (kk_str){NULL, 0});
        ask(tape, KK_STR("{\"a\":[1,{\"b\":2.50}]}"));
        char names[64];
        kk_tape_unused(tape, names, sizeof names);
    }
    kk_tape_free(tape);
    return 0;
}
