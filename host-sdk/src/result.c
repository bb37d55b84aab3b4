// What the caller of a function gets: the data, and the envelope around it.
#include "buf.h"
#include "error_json.h"
#include "host_private.h"
#include <stdlib.h>

const char *kk_result_data(const kk_result *result, size_t *len)
{
    const char *data = result->data != NULL ? result->data : "null";
    if (len != NULL) {
        *len = result->data != NULL ? result->data_len : 4;
    }
    return data;
}

bool kk_result_wedged(const kk_result *result)
{
    return result->wedged;
}

static void write_envelope(const kk_result *self, kk_buf *out)
{
    size_t len;
    const char *data = kk_result_data(self, &len);
    kk_buf_append_byte(out, '{');
    kk_json_write_member(out, "function", self->function);
    kk_buf_append_format(out, ",\"success\":%s,\"data\":", self->success ? "true" : "false");
    kk_buf_append(out, data, len);
    kk_buf_append_text(out, ",\"error\":");
    if (self->success) {
        kk_buf_append_text(out, "null");
    } else {
        kk_error_write(&self->error, out);
    }
    kk_buf_append_text(out, ",\"meta\":{");
    kk_json_write_member(out, "account", self->account);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "operation", self->operation);
    kk_buf_append_format(out, ",\"dry_run\":%s,", self->dry_run ? "true" : "false");
    kk_json_write_member(out, "transport", self->transport);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "policy", self->policy);
    kk_buf_append_format(out, ",\"attempts\":[%s]},\"duration_ms\":%llu.%03u}",
                         self->attempts != NULL ? self->attempts : "",
                         (unsigned long long)(self->duration_us / 1000),
                         (unsigned)(self->duration_us % 1000));
}

const char *kk_result_envelope(kk_result *result, size_t *len)
{
    if (result->envelope == NULL) {
        kk_buf text = {.limit = KK_OUTPUT_MAX + KK_TEXT_MAX};
        write_envelope(result, &text);
        result->envelope_len = text.len;
        result->envelope = kk_buf_steal(&text);
        kk_buf_clean(&text);
    }
    if (len != NULL) {
        *len = result->envelope_len;
    }
    return result->envelope;
}

void kk_result_free(kk_result *result)
{
    if (result == NULL) {
        return;
    }
    free(result->function);
    free(result->account);
    free(result->data);
    free(result->attempts);
    free(result->envelope);
    free(result);
}
