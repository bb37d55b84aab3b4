// A transport from a script and a clock that only moves when somebody sleeps.
#include "retry_script.h"
#include "secret.h"
#include "unit.h"

static kk_header retry_after_field[1];

static kk_code script_send(kk_transport *base, const kk_request *request, kk_response *out,
                           kk_error *err)
{
    world *self = (world *)base;
    size_t at = self->sends < self->step_count ? self->sends : self->step_count - 1;
    const step *now = &self->steps[at];
    self->sent_ms[self->sends++ % 64] = kk_time_mono_ms(self->time);
    (void)kk_time_sleep_until(self->time, kk_time_mono_ms(self->time) + now->takes_ms, NULL);
    out->sent = now->code == KK_OK ? KK_SENT_YES : now->sent;
    if (kk_time_mono_ms(self->time) >= request->deadline_ms) {
        *err = (kk_error){.code = KK_ERR_TIMEOUT};
        return KK_ERR_TIMEOUT;
    }
    if (now->code != KK_OK) {
        *err = (kk_error){.code = now->code, .message = "as scripted"};
        return now->code;
    }
    out->status = now->status;
    out->body = KK_STR("");
    if (now->retry_after != NULL) {
        retry_after_field[0] = (kk_header){"retry-after", now->retry_after};
        out->headers = retry_after_field;
        out->header_count = 1;
    }
    return KK_OK;
}

static void script_clean(kk_transport *base, kk_response *response)
{
    ((world *)base)->cleaned += response->status != 0;
    *response = (kk_response){0};
}

static const kk_transport_table script_table = {"script", script_send, script_clean, NULL};

static void note(void *context, const kk_attempt *attempt)
{
    world *self = context;
    self->attempts[self->attempt_count++ % 64] = *attempt;
}

void begin(world *self, bool is_shared)
{
    *self = (world){.base = {&script_table},
                    .time = kk_time_virtual(INT64_C(1795435200000)),
                    .shared = is_shared ? kk_retry_new(7) : NULL};
    self->request = (kk_request){.method = "GET",
                                 .url = "https://api.example/v1/x?secret=1",
                                 .deadline_ms = UINT64_MAX,
                                 .credential = {"Authorization", "tkn_CANARY"}};
    assert_non_null(self->time);
    // Slots of the tables that were never used are told from such that were used at time 0.
    (void)kk_time_sleep_until(self->time, 1000, NULL);
}

void end(world *self)
{
    kk_retry_free(self->shared);
    kk_time_free(self->time);
}

kk_code send_steps(world *self, const step *steps, size_t count)
{
    kk_retry_plan plan = {.transport = &self->base,
                          .time = self->time,
                          .shared = self->shared,
                          .is_limited = self->is_limited,
                          .note = note,
                          .context = self};
    self->steps = steps;
    self->step_count = count;
    self->sends = 0;
    self->attempt_count = 0;
    self->cleaned = 0;
    self->err = (kk_error){0};
    return kk_retry_send(&plan, &self->request, &self->response, &self->err);
}

kk_code send_one(world *self, step only)
{
    return send_steps(self, &only, 1);
}

int retry_set_up(void **state)
{
    (void)state;
    return kk_secret_start(NULL) == KK_OK ? 0 : -1;
}
