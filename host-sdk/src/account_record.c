// What a recording has to know of an account.
#include "account_private.h"
#include "fail.h"
#include <string.h>

// The header's format with {{FIELD}} in place of {field}.
static void write_shape(const char *format, kk_buf *out)
{
    for (const char *at = format; *at != '\0'; at++) {
        const char *end = strchr(at, '}');
        if (*at == '{' && at[1] != '{' && end != NULL) {
            char name[64] = "";
            char key[64] = "";
            size_t len = (size_t)(end - at - 1);
            memcpy(key, at + 1, len < sizeof key ? len : 0);
            kk_text_append_upper(name, sizeof name, key);
            kk_buf_append_format(out, "{{%s}}", name);
            at = end;
            continue;
        }
        at += at[0] == at[1] && (*at == '{' || *at == '}');
        kk_buf_append_byte(out, *at);
    }
}

static void add_secrets(const kk_account *self, kk_request_account *out)
{
    for (size_t i = 0; i < self->field_count && out->secret_count < KK_REQUEST_SECRETS_MAX; i++) {
        const kk_field *field = self->credential->fields[i];
        kk_str value = kk_secret_view(&self->values[i].value);
        if ((field->flags & KK_FIELD_SECRET) != 0 && value.len > 0) {
            out->secrets[out->secret_count++] = (kk_request_secret){field->key, value};
        }
        if ((field->flags & KK_FIELD_URL) != 0 && out->base_url == NULL && value.len > 0) {
            out->base_url = value.ptr;
            out->public_url = field->default_value;
        }
    }
}

void kk_account_fill_recorded(const kk_account *self, kk_buf *shape, kk_request_account *out)
{
    const kk_scheme *scheme = kk_account_scheme(self);
    *out = (kk_request_account){.is_default = !self->is_named};
    if (self->credential == NULL) {
        return;
    }
    add_secrets(self, out);
    if (scheme != NULL) {
        write_shape(scheme->header_format, shape);
        out->scheme = scheme->name;
    }
    out->shape = kk_buf_text(shape);
}
