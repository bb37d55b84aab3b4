// Tapes beside the least that the same bytes need.
//
// Loading, formatting and looking up in tapes of 10 to 10 000 entries.  The floors are copies: of
// the file for loading and formatting, of the request's body for a lookup.  The last rows compare a
// lookup in a large tape with one in a small tape: they tell whether it is flat.
#include "bench.h"
#include "tape.h"
#include "tape_tools.h"
#include <stdio.h>
#include <stdlib.h>

enum { BODY = 1024, LOOKUPS = 1000 };

typedef struct sized_tape {
    size_t count;
    kk_buf text;
    kk_tape *tape;
    char *copy;
    char bodies[LOOKUPS][BODY + 64];
} sized_tape;

static void write_body(char *out, size_t number)
{
    int len = snprintf(out, 64, "{\"number\":%zu,\"padding\":\"", number);
    memset(out + len, 'x', BODY);
    memcpy(out + len + BODY - 2, "\"}", 3);
}

static void make_text(sized_tape *self)
{
    char body[BODY + 64];
    self->text = (kk_buf){.limit = KK_TAPE_MAX};
    kk_buf_append_text(&self->text,
                       "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"kk\",\"version\":"
                       "\"1\"},\"_tape\":{\"format\":1},\"entries\":[");
    for (size_t i = 0; i < self->count; i++) {
        write_body(body, i);
        kk_buf_append_format(
            &self->text,
            "%s{\"_repeat\":\"any\",\"request\":{\"method\":\"POST\",\"url\":"
            "\"https://api.example.com/v1/things\",\"postData\":{\"mimeType\":\"application/json\","
            "\"_json\":%s}},\"response\":{\"status\":200,\"content\":{\"mimeType\":"
            "\"application/json\",\"_json\":%s}}}",
            i > 0 ? "," : "", body, body);
    }
    kk_buf_append_text(&self->text, "]}}");
    // Spread over the whole tape.
    for (size_t i = 0; i < LOOKUPS; i++) {
        write_body(self->bodies[i], i * 7919 % self->count);
    }
}

static bool prepare(sized_tape *self, size_t count)
{
    kk_error err = {0};
    self->count = count;
    make_text(self);
    self->copy = malloc(self->text.len);
    return self->copy != NULL &&
           kk_tape_parse(kk_buf_view(&self->text), "bench.har", &self->tape, &err) == KK_OK;
}

static void clean(sized_tape *self)
{
    kk_tape_free(self->tape);
    kk_buf_clean(&self->text);
    free(self->copy);
    free(self);
}

static bool run_load(void *context)
{
    sized_tape *self = context;
    kk_tape *tape = NULL;
    kk_error err = {0};
    bool good = kk_tape_parse(kk_buf_view(&self->text), "bench.har", &tape, &err) == KK_OK;
    kk_tape_free(tape);
    return good;
}

static bool run_format(void *context)
{
    sized_tape *self = context;
    kk_error err = {0};
    kk_buf out = {.limit = KK_TAPE_MAX};
    bool good = kk_tape_write_formatted(kk_buf_view(&self->text), "bench.har", &out, &err) == KK_OK;
    kk_buf_clean(&out);
    return good;
}

static bool run_copy(void *context)
{
    sized_tape *self = context;
    memcpy(self->copy, self->text.ptr, self->text.len);
    __asm__ volatile("" : : "r"(self->copy) : "memory");
    return true;
}

static bool run_lookups(void *context)
{
    static const kk_header json = {"content-type", "application/json"};
    sized_tape *self = context;
    for (size_t i = 0; i < LOOKUPS; i++) {
        kk_error err = {0};
        kk_tape_answer answer;
        kk_request request = {.method = "POST",
                              .url = "https://api.example.com/v1/things",
                              .headers = &json,
                              .header_count = 1,
                              .body = kk_str_from(self->bodies[i]),
                              .account = "main",
                              .deadline_ms = UINT64_MAX};
        if (kk_tape_claim(self->tape, &request, &answer, &err) != KK_OK) {
            fprintf(stderr, "%s\n", err.message);
            return false;
        }
    }
    return true;
}

static bool run_body_copies(void *context)
{
    sized_tape *self = context;
    char copy[BODY + 64];
    for (size_t i = 0; i < LOOKUPS; i++) {
        memcpy(copy, self->bodies[i], sizeof copy);
        __asm__ volatile("" : : "r"(copy) : "memory");
    }
    return true;
}

static bool run_miss(void *context)
{
    sized_tape *self = context;
    kk_error err = {0};
    kk_tape_answer answer;
    kk_request request = {.method = "POST",
                          .url = "https://api.example.com/v1/things",
                          .body = KK_STR("{\"number\":-1}"),
                          .headers = &(const kk_header){"content-type", "application/json"},
                          .header_count = 1,
                          .deadline_ms = UINT64_MAX};
    return kk_tape_claim(self->tape, &request, &answer, &err) == KK_ERR_REPLAY_MISS;
}

static bool bench_one(sized_tape *self)
{
    char title[96];
    size_t pairs = self->count > 1000 ? 20 : 200;
    snprintf(title, sizeof title, "tape of %zu entries, %zu KB: load", self->count,
             self->text.len / 1024);
    bool ok = kk_bench_pairs(title, (kk_bench_side){"kk", run_load, self},
                             (kk_bench_side){"memcpy", run_copy, self}, pairs);
    snprintf(title, sizeof title, "tape of %zu entries: fmt", self->count);
    ok = ok && kk_bench_pairs(title, (kk_bench_side){"kk", run_format, self},
                              (kk_bench_side){"memcpy", run_copy, self}, pairs);
    snprintf(title, sizeof title, "tape of %zu entries: 1 000 lookups, 1 KB JSON", self->count);
    ok = ok && kk_bench_pairs(title, (kk_bench_side){"kk", run_lookups, self},
                              (kk_bench_side){"memcpy of the bodies", run_body_copies, self}, 100);
    snprintf(title, sizeof title, "tape of %zu entries: one miss", self->count);
    return ok && kk_bench_pairs(title, (kk_bench_side){"kk", run_miss, self},
                                (kk_bench_side){"memcpy of the tape", run_copy, self}, 20);
}

int main(void)
{
    static const size_t counts[] = {10, 100, 1000, 10000};
    sized_tape *tapes[4] = {NULL};
    bool ok = true;
    for (size_t i = 0; ok && i < 4; i++) {
        tapes[i] = calloc(1, sizeof *tapes[i]);
        ok = tapes[i] != NULL && prepare(tapes[i], counts[i]) && bench_one(tapes[i]);
    }
    for (size_t i = 1; ok && i < 4; i++) {
        char title[96];
        snprintf(title, sizeof title, "1 000 lookups, %zu entries beside 10", counts[i]);
        ok = kk_bench_pairs(title, (kk_bench_side){"large", run_lookups, tapes[i]},
                            (kk_bench_side){"small", run_lookups, tapes[0]}, 100);
    }
    for (size_t i = 0; i < 4 && tapes[i] != NULL; i++) {
        clean(tapes[i]);
    }
    return ok ? 0 : 1;
}
