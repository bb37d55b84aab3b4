// A failure as JSON.
#include "error_json.h"
#include "json.h"

void kk_json_write_member(kk_buf *out, const char *name, const char *text)
{
    kk_buf_append_format(out, "\"%s\":", name);
    if (text == NULL || text[0] == '\0') {
        kk_buf_append_text(out, "null");
        return;
    }
    kk_json_write_string(out, kk_str_from(text));
}

void kk_error_write(const kk_error *err, kk_buf *out)
{
    kk_buf_append_byte(out, '{');
    kk_json_write_member(out, "code", kk_code_name(err->code));
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "message", err->message);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "hint", err->hint);
    kk_buf_append_format(out,
                         ",\"retryable\":%s,\"http_status\":", err->retryable ? "true" : "false");
    kk_buf_append_format(out, err->http_status > 0 ? "%u," : "null,", (unsigned)err->http_status);
    kk_json_write_member(out, "api_code", err->api_code);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "argument", err->argument);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "effect", kk_effect_name(err->effect));
    if (err->retry_after_ms > 0) {
        kk_buf_append_format(out, ",\"retry_after_ms\":%llu",
                             (unsigned long long)err->retry_after_ms);
    }
    if (err->reason[0] != '\0') {
        kk_buf_append_byte(out, ',');
        kk_json_write_member(out, "reason", err->reason);
    }
    kk_buf_append_byte(out, '}');
}
