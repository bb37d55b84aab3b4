// Recording beside the same work without it.
//
//     bench_record DIRECTORY
//
// DIRECTORY is empty and takes the tapes.  A GET to a server that takes 20 ms, by a transport that
// records, stands beside the same by one that does not; redacting an answer of 1 MB and scanning it
// beside a copy of it; and saving a tape of 10 000 entries of which none has changed beside reading
// the file and comparing it.
#include "api_data.h"
#include "bench.h"
#include "http_server.h"
#include "live_fixture.h"
#include "tape_file.h"
#include "tape_write.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ANSWER_ROWS = 100, BODY = 1 << 20, SECRETS = 20, ENTRIES = 10000 };

static char secrets[SECRETS][64];

static bool tell(const char *what, const kk_error *err)
{
    fprintf(stderr, "%s: %s; %s\n", what, err->message, err->hint);
    return false;
}

// As long as PlanetScale's, and as random as the known ones have to be to be found nowhere else.
static void make_secrets(void)
{
    uint64_t state = 42;
    for (size_t i = 0; i < SECRETS; i++) {
        char *at = secrets[i] + snprintf(secrets[i], sizeof secrets[i], "pscale_tkn_");
        for (size_t k = 0; k < 43; k++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            *at++ = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"[state >> 58];
        }
    }
}

// The database number [index] as the API writes it.
static void write_database(unsigned index, kk_buf *out)
{
    api_database database;
    api_database_at(api_organization_find("endless"), index, &database);
    api_database_write(&database, out);
}

static kk_request_account account_of(void)
{
    return (kk_request_account){.scheme = "bearer",
                                .is_default = true,
                                .shape = "Bearer {{ACCESS_TOKEN}}",
                                .public_url = API_BASE,
                                .secrets = {{"access_token", kk_str_from(secrets[0])}},
                                .secret_count = 1};
}

// ---- What recording costs a caller

static char url[128];

static void answer_late(void *context, const http_request *request, http_answer *out)
{
    unsigned rows = strcmp(request->path, "/many") == 0 ? ANSWER_ROWS : 1;
    (void)context;
    out->delay_ms = 20;
    http_answer_header(out, "Content-Type", "application/json");
    kk_buf_append_text(&out->body, "{\"data\":[");
    for (unsigned i = 0; i < rows; i++) {
        kk_buf_append_text(&out->body, i > 0 ? "," : "");
        write_database(i, &out->body);
    }
    kk_buf_append_text(&out->body, "]}");
}

static bool run_get(void *context)
{
    live_fixture *live = context;
    kk_request_account account = account_of();
    kk_request request = {.method = "GET",
                          .url = url,
                          .credential = {"Authorization", "Bearer token"},
                          .deadline_ms = live_now_ms() + 30000,
                          .plugin = "planetscale",
                          .account = "main",
                          .recorded = &account};
    kk_response response = {0};
    kk_error err = {0};
    kk_transport *transport = live->transport;
    kk_code code = transport->table->send(transport, &request, &response, &err);
    transport->table->response_clean(transport, &response);
    return code == KK_OK || tell(url, &err);
}

static bool bench_send(const char *title, const http_server *server, const char *path,
                       const char *tape)
{
    kk_error err = {0};
    kk_tape_writer *writer = NULL;
    snprintf(url, sizeof url, "%s%s", http_server_url(server), path);
    live_fixture *bare = live_fixture_open(NULL, NULL);
    live_fixture *recording = live_fixture_open(NULL, NULL);
    bool ok = kk_tape_writer_open(tape, &writer, &err) == KK_OK &&
              kk_transport_record_open(recording->transport, writer, &recording->transport, &err) ==
                  KK_OK;
    ok = ok ? kk_bench_pairs(title, (kk_bench_side){"record", run_get, recording},
                             (kk_bench_side){"live", run_get, bare}, 100)
            : tell(tape, &err);
    live_fixture_close(bare);
    live_fixture_close(recording);
    kk_tape_writer_free(writer);
    return ok;
}

static bool bench_sends(const char *tape)
{
    kk_error err = {0};
    http_server *server = NULL;
    http_server_options options = {.handler = answer_late};
    if (http_server_start(&options, &server, &err) != KK_OK) {
        return tell("the server", &err);
    }
    bool ok = bench_send("one GET of 2 KB, 20 ms server", server, "/one", tape) &&
              bench_send("one GET of 175 KB, 20 ms server", server, "/many", tape);
    http_server_stop(server);
    return ok;
}

// ---- Redacting an answer

typedef struct answer {
    kk_redactor *redactor;
    kk_buf body;
    kk_buf out;
    char *copy;
} answer;

// Rows as the API writes them, each secret in one of them; with [people] one in each.
static void make_body(answer *self, bool people)
{
    kk_buf *out = &self->body;
    kk_buf_append_text(out, "{\"data\":[");
    for (unsigned i = 0; out->len < BODY; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        write_database(i, out);
        if (i % 25 == 0 && i / 25 < SECRETS) {
            kk_buf_append_format(out, ",{\"note\":\"made with %s yesterday\"}", secrets[i / 25]);
        }
        if (people) {
            kk_buf_append_format(out,
                                 ",{\"display_name\":\"Person Number %u\","
                                 "\"email\":\"person.%u@company.io\",\"avatar_url\":"
                                 "\"https://pictures.company.io/%u.png\"}",
                                 i, i, i);
        }
    }
    kk_buf_append_text(out, "]}");
}

static bool answer_open(answer *self, bool people)
{
    kk_error err = {0};
    *self = (answer){.body = {.limit = 2 * BODY}, .out = {.limit = 2 * BODY}};
    make_body(self, people);
    self->copy = malloc(self->body.len);
    kk_code code = kk_redactor_new(&self->redactor, &err);
    for (size_t i = 0; code == KK_OK && i < SECRETS; i++) {
        code = kk_redactor_know(self->redactor, "service_token", kk_str_from(secrets[i]), &err);
    }
    return self->copy != NULL && (code == KK_OK || tell("the redactor", &err));
}

static void answer_close(answer *self)
{
    kk_redactor_free(self->redactor);
    kk_buf_clean(&self->body);
    kk_buf_clean(&self->out);
    free(self->copy);
}

static bool run_redact(void *context)
{
    answer *self = context;
    kk_buf_clear(&self->out);
    return kk_redact_body(self->redactor, KK_REDACT_RESPONSE, "application/json",
                          kk_buf_view(&self->body), &self->out, NULL, NULL) &&
           self->out.failed == KK_OK &&
           kk_redact_scan(self->redactor, kk_buf_view(&self->out), NULL, NULL) == 0;
}

static bool run_copy(void *context)
{
    answer *self = context;
    memcpy(self->copy, self->body.ptr, self->body.len);
    __asm__ volatile("" : : "r"(self->copy) : "memory");
    return true;
}

static bool bench_redact(const char *title, bool people)
{
    answer one;
    bool ok =
        answer_open(&one, people) && kk_bench_pairs(title, (kk_bench_side){"kk", run_redact, &one},
                                                    (kk_bench_side){"memcpy", run_copy, &one}, 100);
    answer_close(&one);
    return ok;
}

// ---- Saving what has not changed

typedef struct saved {
    const char *path;
    kk_tape_writer *writer;
    kk_buf bytes; // of the file, before
    struct stat there;
} saved;

static void add_exchange(kk_tape_writer *writer, unsigned index)
{
    char address[160];
    kk_request_account account = account_of();
    kk_buf body = {.limit = BODY};
    kk_header json = {"content-type", "application/json"};
    snprintf(address, sizeof address, API_BASE "/organizations/acme/databases/database-%05u",
             index);
    write_database(index, &body);
    kk_request request = {.method = "GET",
                          .url = address,
                          .credential = {"Authorization", "Bearer token"},
                          .plugin = "planetscale",
                          .account = "main",
                          .recorded = &account};
    kk_response response = {.sent = KK_SENT_YES,
                            .status = 200,
                            .headers = &json,
                            .header_count = 1,
                            .body = kk_buf_view(&body)};
    kk_tape_exchange exchange = {.seq = kk_tape_writer_begin(writer),
                                 .started_ms = 1764000000000 + index,
                                 .wait_ms = 20,
                                 .request = &request,
                                 .response = &response,
                                 .problem = "",
                                 .hint = ""};
    kk_tape_writer_add(writer, &exchange);
    kk_buf_clean(&body);
}

static bool record_all(saved *self)
{
    kk_error err = {0};
    if (kk_tape_writer_open(self->path, &self->writer, &err) != KK_OK) {
        return tell(self->path, &err);
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        add_exchange(self->writer, i);
    }
    return true;
}

static bool run_save(void *context)
{
    saved *self = context;
    kk_error err = {0};
    return kk_tape_writer_save(self->writer, &err) == KK_OK || tell(self->path, &err);
}

static bool run_compare(void *context)
{
    saved *self = context;
    kk_error err = {0};
    kk_buf now = {.limit = KK_TAPE_FILE_LIMIT};
    bool same = kk_tape_file_read(self->path, &now, &err) == KK_OK &&
                kk_str_equals(kk_buf_view(&now), kk_buf_view(&self->bytes));
    kk_buf_clean(&now);
    return same;
}

// The first recording makes the tape, the second has the same to say.
static bool saved_open(saved *self, const char *path)
{
    kk_error err = {0};
    *self = (saved){.path = path, .bytes = {.limit = KK_TAPE_FILE_LIMIT}};
    bool ok = record_all(self) && run_save(self);
    kk_tape_writer_free(self->writer);
    self->writer = NULL;
    return ok && kk_tape_file_read(path, &self->bytes, &err) == KK_OK &&
           stat(path, &self->there) == 0 && record_all(self);
}

static bool is_untouched(const saved *self)
{
    struct stat now;
    return stat(self->path, &now) == 0 && now.st_ino == self->there.st_ino &&
           now.st_size == self->there.st_size && now.st_mtim.tv_sec == self->there.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == self->there.st_mtim.tv_nsec;
}

static bool bench_save(const char *path)
{
    saved tape;
    char title[96];
    bool ok = saved_open(&tape, path);
    snprintf(title, sizeof title, "tape of %d entries, %zu KB: save unchanged", ENTRIES,
             tape.bytes.len / 1024);
    ok = ok && kk_bench_pairs(title, (kk_bench_side){"kk", run_save, &tape},
                              (kk_bench_side){"read and compare", run_compare, &tape}, 20);
    if (ok) {
        bool same = run_compare(&tape);
        printf("%-44s %s, %s\n", "the same tape afterwards",
               same ? "no byte changed" : "other bytes",
               is_untouched(&tape) ? "the file was not written" : "the file was written");
        ok = same;
    }
    kk_tape_writer_free(tape.writer);
    kk_buf_clean(&tape.bytes);
    return ok;
}

int main(int argc, char **argv)
{
    char sent[600], unchanged[600];
    if (argc != 2) {
        fprintf(stderr, "usage: bench_record DIRECTORY\n");
        return 2;
    }
    snprintf(sent, sizeof sent, "%s/sent.har", argv[1]);
    snprintf(unchanged, sizeof unchanged, "%s/unchanged.har", argv[1]);
    signal(SIGPIPE, SIG_IGN);
    make_secrets();
    bool ok = bench_redact("redact and scan 1 MB, 20 secrets", false) &&
              bench_redact("the same with a person in each row", true) && bench_sends(sent) &&
              bench_save(unchanged);
    return ok ? 0 : 1;
}
