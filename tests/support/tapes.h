// Tapes made from short texts, and requests to put to them.
#ifndef KK_TEST_TAPES_H
#define KK_TEST_TAPES_H

#include "buf.h"
#include "tape.h"
#include "unit.h"
#include <stdlib.h>

#define HOST "https://api.example.com"

// A tape whose log._tape holds [head] after the format, and whose entries are [entries].
static inline char *tape_text(const char *head, const char *entries)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(
        &text,
        "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"kk\",\"version\":\"1\"},"
        "\"pages\":[],\"_tape\":{\"format\":1%s%s},\n\"entries\":[\n%s]}}",
        head[0] != '\0' ? "," : "", head, entries);
    return kk_buf_steal(&text);
}

// The tape of such a text, which has to load.
static inline kk_tape *tape_of(const char *head, const char *entries)
{
    kk_error err = {0};
    kk_tape *tape = NULL;
    char *text = tape_text(head, entries);
    assert_ok(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err), &err);
    free(text);
    return tape;
}

// An entry as text: its members before the request, the request's after its method and URL, and the
// body of its answer as JSON text.
#define ENTRY(members, method, url, request, answer)                                               \
    "{" members "\"request\":{\"method\":\"" method "\",\"url\":\"" url "\"" request               \
    "},\"response\":{\"status\":200,\"content\":{\"mimeType\":\"application/json\",\"_json\":"     \
    "" answer "}}}"

#define JSON_BODY(json) ",\"postData\":{\"mimeType\":\"application/json\",\"_json\":" json "}"

// Puts a request to the tape.
static inline kk_code ask(kk_tape *tape, const char *method, const char *url, const char *body,
                          kk_tape_answer *answer, kk_error *err)
{
    static const kk_header json[] = {{"Content-Type", "application/json; charset=utf-8"}};
    kk_request request = {.method = method,
                          .url = url,
                          .headers = json,
                          .header_count = body != NULL ? 1 : 0,
                          .body = kk_str_from(body),
                          .plugin = "example",
                          .account = "main",
                          .deadline_ms = UINT64_MAX};
    *err = (kk_error){0};
    return kk_tape_claim(tape, &request, answer, err);
}

// Fails unless the tape answers a GET of [url] with [body].
static inline void assert_answer(kk_tape *tape, const char *url, const char *body)
{
    kk_error err;
    kk_tape_answer answer;
    assert_ok(ask(tape, "GET", url, NULL, &answer, &err), &err);
    assert_string_equal(answer.body.ptr, body);
    assert_int_equal(answer.body.len, strlen(body));
}

// Fails unless the request misses for [reason].
static inline void assert_miss(kk_tape *tape, const char *method, const char *url, const char *body,
                               const char *reason)
{
    kk_error err;
    kk_tape_answer answer;
    assert_code(ask(tape, method, url, body, &answer, &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, reason);
    assert_true(err.hint[0] != '\0');
    assert_null(strchr(err.message, '\n'));
}

#endif
