// The transport that records: it sends by another, and keeps a redacted copy.
#include "fail.h"
#include "tape_write.h"
#include <stdlib.h>

typedef struct record {
    kk_transport base;
    kk_transport *inner;
    kk_tape_writer *writer;
} record;

static kk_code send_request(kk_transport *base, const kk_request *request, kk_response *out,
                            kk_error *err)
{
    record *self = (record *)base;
    kk_error problem = {0};
    out->sent = KK_SENT_NO;
    // A secret that cannot be kept out of the tape must not be sent: an answer might repeat it.
    if (request->recorded != NULL) {
        kk_code code = kk_tape_writer_learn(self->writer, request->recorded, err);
        if (code != KK_OK) {
            return code;
        }
    }
    kk_tape_exchange exchange = {
        .seq = kk_tape_writer_begin(self->writer),
        .started_ms = kk_time_unix_ms(kk_time_real()),
        .request = request,
        .response = out,
    };
    uint64_t start_ms = kk_time_mono_ms(kk_time_real());
    exchange.failure = self->inner->table->send(self->inner, request, out, &problem);
    exchange.wait_ms = kk_time_mono_ms(kk_time_real()) - start_ms;
    exchange.problem = problem.message;
    exchange.hint = problem.hint;
    kk_tape_writer_add(self->writer, &exchange);
    if (exchange.failure != KK_OK && err != NULL) {
        *err = problem;
    }
    return exchange.failure;
}

static void clean(kk_transport *base, kk_response *response)
{
    record *self = (record *)base;
    self->inner->table->response_clean(self->inner, response);
}

static void close_record(kk_transport *base)
{
    record *self = (record *)base;
    self->inner->table->close(self->inner);
    free(self);
}

static const kk_transport_table table = {"record", send_request, clean, close_record};

kk_code kk_transport_record_open(kk_transport *inner, kk_tape_writer *writer, kk_transport **out,
                                 kk_error *err)
{
    record *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for recording");
    }
    *self = (record){.base = {&table}, .inner = inner, .writer = writer};
    *out = &self->base;
    return KK_OK;
}
