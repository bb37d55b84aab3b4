// From arguments to a sent request: path, query and body.
#include "api.h"
#include <stdio.h>

enum { SEGMENT_MAX = 255, URL_MAX = 16 << 10 };

const char *ps_pointer(const char *name, char *out)
{
    snprintf(out, PS_POINTER_MAX, "/%s", name);
    return out;
}

bool ps_argument(const ps_call *self, const char *name, kk_str *raw)
{
    char pointer[PS_POINTER_MAX];
    ps_pointer(name, pointer);
    kk_str found;
    if (!kk_json_find(self->args, pointer, &found) || kk_str_is(found, "null")) {
        return false;
    }
    *raw = found;
    return true;
}

static void append_encoded(kk_buf *out, kk_str text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        if (memchr(unreserved, text.ptr[i], sizeof unreserved - 1) != NULL) {
            kk_buf_append_byte(out, text.ptr[i]);
            continue;
        }
        kk_buf_append_format(out, "%%%02X", (unsigned char)text.ptr[i]);
    }
}

// What is wrong with a text that is to be one segment of the path, or NULL.
static const char *segment_problem(kk_str text)
{
    if (text.len == 0 || text.len > SEGMENT_MAX) {
        return "is not 1 to 255 bytes long";
    }
    if (kk_str_is(text, ".") || kk_str_is(text, "..")) {
        return "is a dot segment";
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == 0x7F) {
            return "holds a control byte";
        }
        if (byte == '/' || byte == '\\') {
            return "holds a slash";
        }
    }
    return NULL;
}

static kk_status fail_argument(const ps_call *self, const char *name, const char *problem)
{
    char pointer[PS_POINTER_MAX];
    ps_pointer(name, pointer);
    return ps_fail(self, KK_E_INVALID_ARGS, pointer, "'%s' %s; nothing was sent", name, problem);
}

static kk_status append_segment(const ps_call *self, const char *name, kk_buf *url)
{
    kk_str raw;
    if (!ps_argument(self, name, &raw)) {
        return fail_argument(self, name, "is missing");
    }
    if (raw.ptr[0] != '"') {
        return fail_argument(self, name, "is not a string");
    }
    kk_buf text = {.limit = PS_OUTPUT_MAX};
    kk_json_unescape(raw, &text);
    const char *problem = segment_problem(kk_buf_view(&text));
    kk_status status = KK_E_OK;
    if (problem != NULL) {
        status = fail_argument(self, name, problem);
    } else {
        append_encoded(url, kk_buf_view(&text));
    }
    kk_buf_clean(&text);
    return status;
}

// Appends the path, each {name} replaced by the argument of that name.
static kk_status append_path(const ps_call *self, kk_buf *url)
{
    const char *rest = self->operation->path;
    for (const char *open = strchr(rest, '{'); open != NULL; open = strchr(rest, '{')) {
        kk_buf_append(url, rest, (size_t)(open - rest));
        const char *close = strchr(open, '}');
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(close - open - 1), open + 1);
        kk_status status = append_segment(self, name, url);
        if (status != KK_E_OK) {
            return status;
        }
        rest = close + 1;
    }
    kk_buf_append_text(url, rest);
    return KK_E_OK;
}

static const char *sent_name(const ps_parameter *parameter)
{
    return parameter->sent_as != NULL ? parameter->sent_as : parameter->name;
}

// The JSON text to send for a parameter: the caller's, or the default.  False if nothing is sent.
static bool find_value(const ps_call *self, const ps_parameter *parameter, kk_str *raw)
{
    if (ps_argument(self, parameter->name, raw)) {
        return true;
    }
    *raw = kk_str_from(parameter->value);
    return parameter->value != NULL;
}

// Whether an argument's JSON can stand in a query: a string, a number or a truth value.
static bool is_scalar(kk_str raw)
{
    return raw.len > 0 && raw.ptr[0] != '{' && raw.ptr[0] != '[';
}

static void append_query_value(kk_str raw, kk_buf *url)
{
    if (raw.ptr[0] != '"') {
        append_encoded(url, raw);
        return;
    }
    kk_buf text = {.limit = PS_OUTPUT_MAX};
    kk_json_unescape(raw, &text);
    append_encoded(url, kk_buf_view(&text));
    kk_buf_clean(&text);
}

static kk_status append_query(const ps_call *self, int64_t page, int64_t per_page, kk_buf *url)
{
    char separator = '?';
    for (const ps_parameter *p = self->operation->parameters; p->name != NULL; p++) {
        const char *name = sent_name(p);
        int64_t number = strcmp(name, "page") == 0       ? page
                         : strcmp(name, "per_page") == 0 ? per_page
                                                         : 0;
        kk_str raw = {0};
        if (number == 0 && !find_value(self, p, &raw)) {
            continue;
        }
        kk_buf_append_format(url, "%c%s=", separator, name);
        separator = '&';
        if (number != 0) {
            kk_buf_append_format(url, "%lld", (long long)number);
            continue;
        }
        if (!is_scalar(raw)) {
            return fail_argument(self, p->name, "is neither text nor a number");
        }
        append_query_value(raw, url);
    }
    return KK_E_OK;
}

// Writes the body of a POST: the JSON of each argument as the caller wrote it.
static void append_body(const ps_call *self, kk_buf *body)
{
    char separator = '{';
    for (const ps_parameter *p = self->operation->parameters; p->name != NULL; p++) {
        kk_str raw;
        if (!find_value(self, p, &raw)) {
            continue;
        }
        kk_buf_append_byte(body, separator);
        separator = ',';
        kk_json_write_string(body, kk_str_from(sent_name(p)));
        kk_buf_append_byte(body, ':');
        kk_buf_append_str(body, raw);
    }
    kk_buf_append_text(body, separator == '{' ? "{}" : "}");
}

static kk_status send_url(const ps_call *self, const kk_buf *url, const kk_buf *body,
                          const kk_http_response **response)
{
    kk_error err = {0};
    if (kk_buf_check(url, "the URL", &err) != KK_OK ||
        kk_buf_check(body, "the request's body", &err) != KK_OK) {
        return ps_fail_error(self, &err);
    }
    const kk_http *http = kk_call_http(self->call);
    if (http == NULL) {
        return ps_fail(self, KK_E_NOT_GRANTED, NULL, "the host did not grant " KK_SERVICE_HTTP);
    }
    const kk_header headers[] = {{"Accept", "application/json"},
                                 {"Content-Type", "application/json"}};
    kk_http_request request = {
        .struct_size = sizeof request,
        .method = self->operation->method,
        .url = kk_buf_text(url),
        .credential = self->operation->tool->credential,
        .headers = headers,
        .header_count = body->len > 0 ? 2 : 1,
        .body = body->len > 0 ? body->ptr : NULL,
        .body_len = body->len,
    };
    kk_status status = http->send(self->call, &request, response);
    return status == KK_E_OK ? KK_E_OK : ps_fail_send(self, status);
}

kk_status ps_send(const ps_call *self, int64_t page, int64_t per_page,
                  const kk_http_response **response)
{
    kk_buf url = {.limit = URL_MAX};
    kk_buf body = {.limit = PS_OUTPUT_MAX};
    bool is_get = strcmp(self->operation->method, "GET") == 0;
    kk_buf_append_text(&url, self->self != NULL ? self->self->base_url : PS_DEFAULT_URL);
    kk_status status = append_path(self, &url);
    if (status != KK_E_OK) {
        goto done;
    }
    if (is_get) {
        status = append_query(self, page, per_page, &url);
    } else {
        append_body(self, &body);
    }
    if (status == KK_E_OK) {
        status = send_url(self, &url, &body, response);
    }

done:
    kk_buf_clean(&url);
    kk_buf_clean(&body);
    return status;
}
