// Tapes beside the least that the same bytes need.
//
// Loading, formatting and looking up in tapes of 10 to 10 000 entries.  The floors are copies: of
// the file for loading and formatting, of the request's body for a lookup.  Further rows compare a
// lookup in a large tape with one in a small tape, which tells whether it is flat; and of the large
// tape tell the memory that it takes, the slowest lookups, and what one thread and eight replay.
#include "bench.h"
#include "crowd.h"
#include "tape.h"
#include "tape_tools.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { BODY = 1024, LOOKUPS = 1000, REPLAYS = 40 * LOOKUPS, CROWD_MAX = 8 };

typedef struct sized_tape {
    size_t count;
    kk_buf text;
    kk_tape *tape;
    char *copy;
    char bodies[LOOKUPS][BODY + 64];
    size_t next; // of the bodies, for single lookups
    kk_transport *replay;
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

static kk_request request_of(const char *body)
{
    static const kk_header json = {"content-type", "application/json"};
    return (kk_request){.method = "POST",
                        .url = "https://api.example.com/v1/things",
                        .headers = &json,
                        .header_count = 1,
                        .body = kk_str_from(body),
                        .account = "main",
                        .deadline_ms = UINT64_MAX};
}

static bool look_up(sized_tape *self, const char *body)
{
    kk_error err = {0};
    kk_tape_answer answer;
    kk_request request = request_of(body);
    bool good = kk_tape_claim(self->tape, &request, &answer, &err) == KK_OK;
    if (!good) {
        fprintf(stderr, "%s\n", err.message);
    }
    return good;
}

static bool run_lookups(void *context)
{
    sized_tape *self = context;
    bool good = true;
    for (size_t i = 0; good && i < LOOKUPS; i++) {
        good = look_up(self, self->bodies[i]);
    }
    return good;
}

static bool run_one_lookup(void *context)
{
    sized_tape *self = context;
    self->next = (self->next + 1) % LOOKUPS;
    return look_up(self, self->bodies[self->next]);
}

static void copy_body(const char *body)
{
    char copy[BODY + 64];
    memcpy(copy, body, sizeof copy);
    __asm__ volatile("" : : "r"(copy) : "memory");
}

static bool run_body_copies(void *context)
{
    sized_tape *self = context;
    for (size_t i = 0; i < LOOKUPS; i++) {
        copy_body(self->bodies[i]);
    }
    return true;
}

static bool run_one_body_copy(void *context)
{
    sized_tape *self = context;
    copy_body(self->bodies[self->next]);
    return true;
}

static bool run_miss(void *context)
{
    sized_tape *self = context;
    kk_error err = {0};
    kk_tape_answer answer;
    kk_request request = request_of("{\"number\":-1}");
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

// ---- Threads

static bool run_replays(void *context)
{
    sized_tape *self = context;
    bool good = true;
    for (size_t i = 0; good && i < LOOKUPS; i++) {
        kk_error err = {0};
        kk_response response = {0};
        kk_request request = request_of(self->bodies[i]);
        good = self->replay->table->send(self->replay, &request, &response, &err) == KK_OK &&
               response.body.len > BODY;
        self->replay->table->response_clean(self->replay, &response);
    }
    return good;
}

static bool bench_crowd(sized_tape *tape, size_t count)
{
    size_t times = REPLAYS / LOOKUPS / count;
    kk_bench_crowd replays = {.work = run_replays, .context = tape, .times = times, .count = count};
    kk_bench_crowd copies = {
        .work = run_body_copies, .context = tape, .times = times, .count = count};
    char title[96];
    snprintf(title, sizeof title, "%d replays of 1 KB, %zu thread%s", REPLAYS, count,
             count > 1 ? "s" : "");
    kk_bench_crowd_start(&replays);
    kk_bench_crowd_start(&copies);
    bool ok =
        kk_bench_pairs(title, (kk_bench_side){"kk", kk_bench_crowd_run, &replays},
                       (kk_bench_side){"memcpy of the bodies", kk_bench_crowd_run, &copies}, 30);
    kk_bench_crowd_stop(&replays);
    kk_bench_crowd_stop(&copies);
    return ok;
}

static bool bench_replay(sized_tape *tape)
{
    kk_error err = {0};
    kk_time_source *time = kk_time_virtual(kk_tape_recorded_ms(tape->tape));
    bool ok = time != NULL && kk_transport_replay_open(tape->tape, time, (kk_replay_delay){0, 0},
                                                       &tape->replay, &err) == KK_OK;
    ok = ok && bench_crowd(tape, 1) && bench_crowd(tape, CROWD_MAX);
    if (tape->replay != NULL) {
        tape->replay->table->close(tape->replay);
    }
    kk_time_free(time);
    return ok;
}

// ---- One tape alone

static size_t memory_in_use(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

static bool bench_memory(const sized_tape *self)
{
    kk_tape *tape = NULL;
    kk_error err = {0};
    size_t before = memory_in_use();
    bool ok = kk_tape_parse(kk_buf_view(&self->text), "bench.har", &tape, &err) == KK_OK;
    size_t taken = memory_in_use() - before;
    char title[96];
    snprintf(title, sizeof title, "tape of %zu entries: memory", self->count);
    if (ok) {
        printf("%-44s %9zu KB  %-28s %9zu KB  ratio %.2f\n", title, taken / 1024, "the file",
               self->text.len / 1024, (double)taken / (double)self->text.len);
    }
    kk_tape_free(tape);
    return ok;
}

static bool bench_tail(sized_tape *self)
{
    char title[96];
    snprintf(title, sizeof title, "tape of %zu entries: 99 of 100 lookups within", self->count);
    return kk_bench_tail(title, (kk_bench_side){"kk", run_one_lookup, self},
                         (kk_bench_side){"memcpy of the body", run_one_body_copy, self}, 20000);
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
    ok = ok && bench_tail(tapes[3]) && bench_memory(tapes[3]) && bench_replay(tapes[3]);
    for (size_t i = 0; i < 4 && tapes[i] != NULL; i++) {
        clean(tapes[i]);
    }
    return ok ? 0 : 1;
}
