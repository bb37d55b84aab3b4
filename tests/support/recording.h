// A recording without a network: exchanges in one line each, and the tape that comes of them.
#ifndef KK_TEST_RECORDING_H
#define KK_TEST_RECORDING_H

#include "buf.h"
#include "scratch.h"
#include "tape.h"
#include "tape_file.h"
#include "tape_write.h"
#include "unit.h"
#include <unistd.h>

#define URL "https://api.example.com/v1"

typedef struct recorder {
    scratch dir;
    char tape[256];
    kk_tape_writer *writer;
    kk_error err;
} recorder;

static inline void open_writer(recorder *self)
{
    self->err = (kk_error){0};
    assert_ok(kk_tape_writer_open(self->tape, &self->writer, &self->err), &self->err);
}

static inline recorder start(void)
{
    recorder self = {.writer = NULL};
    scratch_init(&self.dir);
    snprintf(self.tape, sizeof self.tape, "%s", scratch_path(&self.dir, "x.har"));
    open_writer(&self);
    return self;
}

static inline void end(recorder *self)
{
    kk_tape_writer_free(self->writer);
    scratch_clean(&self->dir);
}

static inline kk_request_account account_of(const char *secret)
{
    kk_request_account account = {.scheme = "bearer",
                                  .is_default = true,
                                  .shape = "Bearer {{ACCESS_TOKEN}}",
                                  .base_url = "http://127.0.0.1:4711/v1",
                                  .public_url = URL};
    if (secret != NULL) {
        account.secrets[0] = (kk_request_secret){"access_token", kk_str_from(secret)};
        account.secret_count = 1;
    }
    return account;
}

// One exchange; what is not given is ordinary.
typedef struct shape {
    const char *method;
    const char *url;
    kk_header request_header;
    const char *sent_type;
    const char *sent;
    unsigned status;
    kk_header response_header;
    kk_header second_header; // of the response
    const char *type;
    const char *body;
    kk_code failure;
    const char *message;
    const char *hint;
    const char *account;
    const char *secret;
} shape;

static inline void record(recorder *self, const shape *one)
{
    kk_request_account account = account_of(one->secret);
    const kk_header sent[] = {
        {"content-type", one->sent_type != NULL ? one->sent_type : "application/json"},
        one->request_header};
    kk_header got[] = {{"content-type", one->type != NULL ? one->type : "application/json"},
                       one->response_header,
                       one->second_header};
    kk_request request = {.method = one->method != NULL ? one->method : "GET",
                          .url = one->url,
                          .headers = sent,
                          .header_count = one->request_header.name != NULL ? 2 : 1,
                          .credential = {"Authorization", one->secret},
                          .body = kk_str_from(one->sent),
                          .plugin = "shop",
                          .account = one->account != NULL ? one->account : "main",
                          .recorded = &account};
    kk_response response = {.sent = one->failure == KK_OK ? KK_SENT_YES : KK_SENT_MAYBE,
                            .status = one->status != 0 ? one->status : 200,
                            .headers = got,
                            .header_count = one->second_header.name != NULL     ? 3
                                            : one->response_header.name != NULL ? 2
                                                                                : 1,
                            .body = kk_str_from(one->body != NULL ? one->body : "{}")};
    assert_ok(kk_tape_writer_learn(self->writer, &account, &self->err), &self->err);
    kk_tape_exchange exchange = {.seq = kk_tape_writer_begin(self->writer),
                                 .started_ms = 1764000000123,
                                 .wait_ms = 12,
                                 .request = &request,
                                 .response = &response,
                                 .failure = one->failure,
                                 .problem = one->message != NULL ? one->message : "",
                                 .hint = one->hint != NULL ? one->hint : ""};
    kk_tape_writer_add(self->writer, &exchange);
}

static inline void save(recorder *self)
{
    assert_ok(kk_tape_writer_save(self->writer, &self->err), &self->err);
}

// Ends this recording and begins the next into the same file.
static inline void save_and_reopen(recorder *self)
{
    save(self);
    kk_tape_writer_free(self->writer);
    open_writer(self);
}

static inline char *read_file(const char *path)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_error err = {0};
    assert_ok(kk_tape_file_read(path, &text, &err), &err);
    return kk_buf_steal(&text);
}

static inline char *read_tape(const recorder *self)
{
    return read_file(self->tape);
}

static inline bool exists(const recorder *self, const char *name)
{
    return access(scratch_path(&self->dir, name), F_OK) == 0;
}

#endif
