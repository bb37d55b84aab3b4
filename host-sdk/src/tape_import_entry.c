// One exchange of a HAR file as an entry of a tape.
//
// Every program writes HAR in its own way.  Chrome keeps HTTP/2's pseudo headers and tells a
// failure as status 0 with `_error`; Playwright as -1 with `_failureText`, and may keep bodies in
// files beside; Firefox gives times with an offset and leaves out bodies that are gone; mitmproxy
// writes forms as `params` too, and Charles as nothing else.  Charles also writes exchanges that
// broke off, with whatever status had come, and says so in `_charlesStatus`; Slack has header
// fields as [name, value].
#include "fail.h"
#include "tape_import.h"
#include "tape_private.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

void kk_tape_import_note(kk_tape_importer *self, const char *kind, const char *pointer,
                         const char *text)
{
    const kk_tape_entry entry = {.number = self->har->number};
    kk_tape_notes_add(self->notes, kind, &entry, pointer, "%s", text);
}

static bool drop(kk_tape_importer *self, const char *pointer, const char *why)
{
    kk_tape_import_note(self, "dropped", pointer, why);
    return false;
}

// Appends the meaning of the string at [pointer].  False if there is none.
static bool take_text(kk_str raw, const char *pointer, kk_buf *out)
{
    kk_str value;
    if (!kk_json_find(raw, pointer, &value) || value.ptr[0] != '"') {
        return false;
    }
    kk_json_unescape(value, out);
    return true;
}

static double number_at(kk_str raw, const char *pointer, double missing)
{
    kk_str value;
    bool found = kk_json_find(raw, pointer, &value) &&
                 (value.ptr[0] == '-' || (value.ptr[0] >= '0' && value.ptr[0] <= '9'));
    return found ? strtod(value.ptr, NULL) : missing;
}

// ---- Headers

// The next header: {"name","value"}, or [name, value] as some write it.
static bool next_header(kk_json_reader *reader, kk_buf *name, kk_buf *value)
{
    kk_json_kind kind = kk_json_next(reader);
    kk_str raw;
    kk_buf_clear(name);
    kk_buf_clear(value);
    if (kind <= KK_JSON_END || kind == KK_JSON_ARRAY_END ||
        !kk_json_finish_value(reader, kind, &raw)) {
        return false;
    }
    bool pair = kind == KK_JSON_ARRAY;
    take_text(raw, pair ? "/0" : "/name", name);
    take_text(raw, pair ? "/1" : "/value", value);
    return true;
}

static bool begin_headers(kk_str raw, const char *pointer, kk_json_reader *reader)
{
    kk_str list;
    if (!kk_json_find(raw, pointer, &list)) {
        return false;
    }
    kk_json_reader_init(reader, list);
    return kk_json_next(reader) == KK_JSON_ARRAY;
}

// A header that names who asks.
static bool is_credential(const char *name)
{
    static const char *const names[] = {"authorization", "cookie",        "proxy-authorization",
                                        "x-api-key",     "api-key",       "x-auth-token",
                                        "x-csrf-token",  "x-access-token"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static kk_code know(kk_tape_importer *self, const char *field, kk_str value, kk_error *err)
{
    return value.len >= KK_REDACT_KNOWN_MIN ? kk_redactor_know(self->redactor, field, value, err)
                                            : KK_OK;
}

// What stands behind a word such as "Bearer ", or both halves of "id:token".
static kk_code know_authorization(kk_tape_importer *self, kk_str value, kk_error *err)
{
    const char *space = memchr(value.ptr, ' ', value.len);
    if (space != NULL) {
        size_t passed = (size_t)(space - value.ptr) + 1;
        return know(self, "access_token", (kk_str){space + 1, value.len - passed}, err);
    }
    const char *colon = memchr(value.ptr, ':', value.len);
    if (colon == NULL) {
        return know(self, "access_token", value, err);
    }
    size_t len = (size_t)(colon - value.ptr);
    kk_code code = know(self, "service_token_id", (kk_str){value.ptr, len}, err);
    return code == KK_OK
               ? know(self, "service_token", (kk_str){colon + 1, value.len - len - 1}, err)
               : code;
}

// "a=1; b=2": values that are long enough to be a session's.
static kk_code know_cookies(kk_tape_importer *self, kk_str rest, kk_error *err)
{
    enum { SESSION_MIN = 16 };
    kk_code code = KK_OK;
    while (rest.len > 0 && code == KK_OK) {
        const char *end = memchr(rest.ptr, ';', rest.len);
        kk_str one = {rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len};
        size_t passed = one.len + (end != NULL ? 1 : 0);
        rest = (kk_str){rest.ptr + passed, rest.len - passed};
        const char *equals = memchr(one.ptr, '=', one.len);
        size_t skip = equals != NULL ? (size_t)(equals - one.ptr) + 1 : one.len;
        kk_str value = {one.ptr + skip, one.len - skip};
        code = value.len >= SESSION_MIN ? know(self, "cookie", value, err) : KK_OK;
    }
    return code;
}

kk_code kk_tape_import_learn(kk_tape_importer *self, kk_error *err)
{
    kk_json_reader reader;
    kk_buf name = {.limit = KK_TAPE_MAX};
    kk_buf value = {.limit = KK_TAPE_MAX};
    kk_code code = KK_OK;
    bool more = begin_headers(self->har->raw, "/request/headers", &reader);
    while (code == KK_OK && more && next_header(&reader, &name, &value)) {
        kk_str text = kk_buf_view(&value);
        if (text.len == 0 || !is_credential(kk_buf_text(&name))) {
            continue;
        }
        if (strcasecmp(kk_buf_text(&name), "cookie") == 0) {
            code = know_cookies(self, text, err);
        } else if (strcasecmp(kk_buf_text(&name), "authorization") == 0) {
            code = know_authorization(self, text, err);
        } else {
            code = know(self, "secret", text, err);
        }
    }
    kk_buf_clean(&value);
    kk_buf_clean(&name);
    return code;
}

// The shape of a credential: placeholders in place of what follows the scheme's word.
static const char *shape_of(const char *value, char *out, size_t out_size)
{
    const char *space = strchr(value, ' ');
    enum { WORD_MAX = 12 };
    if (space != NULL && space - value <= WORD_MAX) {
        snprintf(out, out_size, "%.*s {{ACCESS_TOKEN}}", (int)(space - value), value);
        return out;
    }
    return strchr(value, ':') != NULL ? "{{SERVICE_TOKEN_ID}}:{{SERVICE_TOKEN}}"
                                      : "{{ACCESS_TOKEN}}";
}

static void write_header(kk_tape_importer *self, kk_redact_side side, kk_buf *name, kk_buf *value,
                         bool *first, kk_buf *out)
{
    char shape[64];
    kk_buf kept = {.limit = KK_TAPE_MAX};
    for (size_t i = 0; i < name->len; i++) {
        char byte = name->ptr[i];
        name->ptr[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
    }
    bool authorization = side == KK_REDACT_REQUEST && kk_str_is(kk_buf_view(name), "authorization");
    if (authorization) {
        kk_buf_append_text(&kept, shape_of(kk_buf_text(value), shape, sizeof shape));
    } else if (kk_redact_keeps_header(side, kk_buf_text(name))) {
        kk_redact_header(self->redactor, side, kk_buf_text(name), kk_buf_view(value), &kept);
    } else {
        return;
    }
    kk_buf_append_text(out, *first ? "{\"name\":" : ",{\"name\":");
    kk_json_write_string(out, kk_buf_view(name));
    kk_buf_append_text(out, ",\"value\":");
    kk_json_write_string(out, kk_buf_view(&kept));
    kk_buf_append_byte(out, '}');
    *first = false;
    kk_buf_clean(&kept);
}

// Writes the headers that a tape keeps; the value of content-type goes into [content_type] too.
static void write_headers(kk_tape_importer *self, kk_redact_side side, kk_buf *content_type,
                          kk_buf *out)
{
    kk_json_reader reader;
    kk_buf name = {.limit = KK_TAPE_MAX};
    kk_buf value = {.limit = KK_TAPE_MAX};
    bool first = true;
    bool more = begin_headers(self->har->raw,
                              side == KK_REDACT_REQUEST ? "/request/headers" : "/response/headers",
                              &reader);
    kk_buf_append_byte(out, '[');
    while (more && next_header(&reader, &name, &value)) {
        if (strcasecmp(kk_buf_text(&name), "content-type") == 0) {
            kk_buf_clear(content_type);
            kk_buf_append_str(content_type, kk_buf_view(&value));
        }
        if (name.len > 0 && name.ptr[0] != ':') {
            write_header(self, side, &name, &value, &first, out);
        }
    }
    kk_buf_append_byte(out, ']');
    kk_buf_clean(&value);
    kk_buf_clean(&name);
}

// ---- Bodies

static void note_pointer(void *context, const char *pointer)
{
    kk_tape_importer *self = context;
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&text, "%s%s", self->place, pointer);
    kk_buf_append_text(&self->redacted, self->redacted.len > 0 ? "," : "");
    kk_json_write_string(&self->redacted, kk_buf_view(&text));
    kk_buf_clean(&text);
}

// A JSON body that the strict loader takes: one value, no name twice, not too deep.
static bool is_json(kk_str body)
{
    enum { DEPTH_MAX = 256 };
    kk_json_reader reader;
    cJSON *tree = NULL;
    kk_json_kind kind;
    kk_json_reader_init(&reader, body);
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        if (reader.depth > DEPTH_MAX) {
            return false;
        }
    }
    bool good = kind == KK_JSON_END && kk_json_parse(body, "the body", &tree, NULL) == KK_OK;
    cJSON_Delete(tree);
    return good;
}

// Appends the members that say what the body is.
static void write_body(kk_tape_importer *self, kk_redact_side side, const char *media, kk_str body,
                       kk_buf *out)
{
    kk_buf clean = {.limit = KK_TAPE_MAX};
    bool json = strstr(media, "json") != NULL && is_json(body);
    self->place = side == KK_REDACT_REQUEST
                      ? (json ? "/request/postData/_json" : "/request/postData")
                      : (json ? "/response/content/_json" : "/response/content");
    kk_redact_body(self->redactor, side, media, body, &clean, note_pointer, self);
    if (json) {
        kk_buf_append_text(out, ",\"_json\":");
        kk_buf_append_str(out, kk_buf_view(&clean));
    } else if (kk_tape_is_text(kk_buf_view(&clean))) {
        kk_buf_append_text(out, ",\"text\":");
        kk_json_write_string(out, kk_buf_view(&clean));
    } else {
        bool answer = side == KK_REDACT_RESPONSE;
        kk_buf_append_text(out,
                           answer ? ",\"encoding\":\"base64\",\"text\":\"" : ",\"_base64\":\"");
        kk_tape_encode_base64(kk_buf_view(&clean), out);
        kk_buf_append_byte(out, '"');
    }
    kk_buf_clean(&clean);
}

static void append_encoded(kk_str text, kk_buf *out)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    for (size_t i = 0; i < text.len; i++) {
        bool kept = memchr(plain, text.ptr[i], sizeof plain - 1) != NULL;
        kk_buf_append_format(out, kept ? "%c" : "%%%02X", (unsigned char)text.ptr[i]);
    }
}

// A form whose pairs are there and whose text is not.
static bool take_params(kk_str post_data, kk_buf *out)
{
    kk_json_reader reader;
    kk_buf name = {.limit = KK_TAPE_MAX};
    kk_buf value = {.limit = KK_TAPE_MAX};
    bool more = begin_headers(post_data, "/params", &reader);
    size_t count = 0;
    while (more && next_header(&reader, &name, &value)) {
        kk_buf_append_text(out, count++ > 0 ? "&" : "");
        append_encoded(kk_buf_view(&name), out);
        kk_buf_append_byte(out, '=');
        append_encoded(kk_buf_view(&value), out);
    }
    kk_buf_clean(&value);
    kk_buf_clean(&name);
    return count > 0;
}

static bool has_body_length(kk_str raw)
{
    return number_at(raw, "/request/bodySize", 0) > 0;
}

static bool write_post_data(kk_tape_importer *self, const kk_buf *content_type, kk_buf *out)
{
    kk_str raw = self->har->raw;
    kk_str post_data;
    kk_buf body = {.limit = KK_TAPE_MAX};
    kk_buf media = {.limit = KK_TAPE_MAX};
    bool there = kk_json_find(raw, "/request/postData", &post_data) && post_data.ptr[0] == '{';
    if (!there) {
        return !has_body_length(raw) ||
               drop(self, "/request/postData", "the body of the request is missing");
    }
    take_text(post_data, "/mimeType", &media);
    if (content_type->len > 0) {
        kk_buf_clear(&media);
        kk_buf_append_str(&media, kk_buf_view(content_type));
    }
    bool found = take_text(post_data, "/text", &body) && body.len > 0;
    bool form = strstr(kk_buf_text(&media), "x-www-form-urlencoded") != NULL;
    bool good = found || (form && take_params(post_data, &body)) || !has_body_length(raw);
    if (!good) {
        drop(self, "/request/postData",
             "the body of the request is missing, or in a file beside the HAR file");
    } else if (body.len > 0) {
        kk_buf_append_text(out, ",\"postData\":{\"mimeType\":");
        kk_json_write_string(out, kk_buf_view(&media));
        write_body(self, KK_REDACT_REQUEST, kk_buf_text(&media), kk_buf_view(&body), out);
        kk_buf_append_byte(out, '}');
    }
    kk_buf_clean(&media);
    kk_buf_clean(&body);
    return good;
}

// The bytes of the answer, decoded.  False if its base64 is none.
static bool take_content(kk_tape_importer *self, kk_buf *body)
{
    kk_str raw = self->har->raw;
    kk_str value;
    kk_buf encoding = {.limit = KK_TAPE_MAX};
    kk_buf text = {.limit = KK_TAPE_MAX};
    bool found = take_text(raw, "/response/content/text", &text);
    take_text(raw, "/response/content/encoding", &encoding);
    bool good = true;
    if (found && strcasecmp(kk_buf_text(&encoding), "base64") == 0) {
        good = kk_tape_decode_base64(kk_buf_view(&text), body);
    } else if (found) {
        kk_buf_append_str(body, kk_buf_view(&text));
    } else if (number_at(raw, "/response/content/size", 0) > 0 ||
               kk_json_find(raw, "/response/content/_file", &value)) {
        kk_tape_import_note(self, "changed", "/response/content",
                            "the body of the answer is missing, or in a file beside the HAR file; "
                            "it is left empty");
    }
    kk_buf_clean(&text);
    kk_buf_clean(&encoding);
    return good || drop(self, "/response/content/text", "is not base64");
}

// ---- Failures

static const char *failure_kind(const char *text)
{
    static const struct {
        const char *part;
        const char *kind;
    } rows[] = {
        {"NAME_NOT_RESOLVED", "dns"},
        {"UNKNOWN_HOST", "dns"},
        {"CONNECTION_REFUSED", "connect"},
        {"ADDRESS_UNREACHABLE", "connect"},
        {"CONNECTION_FAILED", "connect"},
        {"INTERNET_DISCONNECTED", "connect"},
        {"ERR_CERT", "tls"},
        {"ERR_SSL", "tls"},
        {"SEC_ERROR", "tls"},
        {"TIMED_OUT", "timeout"},
        {"TIMEOUT", "timeout"},
        {"timed out", "timeout"},
        {"CONNECTION_RESET", "reset"},
        {"EMPTY_RESPONSE", "reset"},
        {"CONNECTION_CLOSED", "reset"},
        {"NET_RESET", "reset"},
        {"NET_INTERRUPT", "reset"},
        {"HTTP2_", "reset"},
        {"CONTENT_LENGTH", "truncated"},
        {"INCOMPLETE", "truncated"},
        {"CONTENT_DECODING", "protocol"},
        {"INVALID_", "protocol"},
        {"ABORTED", "cancelled"},
        {"cancelled", "cancelled"},
        {"Connection refused", "connect"},
        {"onnection reset", "reset"},
        {"ertificate", "tls"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(text, rows[i].part) != NULL) {
            return rows[i].kind;
        }
    }
    return NULL;
}

static bool take_failure(kk_tape_importer *self, const char **kind)
{
    kk_str raw = self->har->raw;
    kk_buf text = {.limit = KK_TAPE_MAX};
    bool told = take_text(raw, "/response/_failureText", &text) ||
                take_text(raw, "/response/_error", &text);
    *kind = failure_kind(kk_buf_text(&text));
    kk_buf_clean(&text);
    if (*kind == NULL) {
        drop(self, "/response/status",
             told ? "failed in a way that a tape has no kind for"
                  : "has no answer, and nothing says why: it was blocked, or still running");
    }
    return *kind != NULL;
}

// ---- The entry

static bool take_url(kk_tape_importer *self, kk_buf *out)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_url url;
    bool found = take_text(self->har->raw, "/request/url", &text);
    const char *fragment = text.len > 0 ? strchr(text.ptr, '#') : NULL;
    if (fragment != NULL) {
        kk_buf_shrink(&text, (size_t)(fragment - text.ptr));
    }
    self->place = "/request/url";
    if (found && kk_redact_url(self->redactor, KK_REDACT_REQUEST, kk_buf_view(&text), out)) {
        note_pointer(self, "");
    }
    kk_buf_clean(&text);
    return (found && kk_url_parse(kk_buf_text(out), &url, NULL) == KK_OK) ||
           drop(self, "/request/url", "is no URL that a tape can have: http or https");
}

static bool take_method(kk_tape_importer *self, kk_buf *out)
{
    take_text(self->har->raw, "/request/method", out);
    for (size_t i = 0; i < out->len; i++) {
        char byte = out->ptr[i];
        out->ptr[i] = byte >= 'a' && byte <= 'z' ? (char)(byte & ~0x20) : byte;
    }
    bool good = out->len > 0 && strspn(out->ptr, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == out->len &&
                !kk_str_is(kk_buf_view(out), "CONNECT");
    return good || drop(self, "/request/method", "is no method that a tape can have");
}

// What Charles calls anything but complete may be the beginning of an answer.
static bool is_whole(kk_tape_importer *self)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    bool whole = !take_text(self->har->raw, "/response/_charlesStatus", &text) ||
                 strcasecmp(kk_buf_text(&text), "COMPLETE") == 0;
    kk_buf_clean(&text);
    return whole || drop(self, "/response/_charlesStatus",
                         "is not COMPLETE: the exchange broke off, and nothing says how");
}

static bool check_status(kk_tape_importer *self, int status, const char **kind)
{
    if (!is_whole(self)) {
        return false;
    }
    if (status == 0 || status == -1) {
        return take_failure(self, kind);
    }
    if (status == 304) {
        return drop(self, "/response/status", "304: the answer was in a cache");
    }
    return (status >= 200 && status <= 599) ||
           drop(self, "/response/status", "is not from 200 to 599");
}

static void write_time(int64_t unix_ms, kk_buf *out)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    char text[40] = "1970-01-01T00:00:00";
    if (gmtime_r(&seconds, &parts) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    }
    kk_buf_append_format(out, "\"%s.%03dZ\"", text, (int)(unix_ms % 1000));
}

static bool write_request(kk_tape_importer *self, kk_buf *out)
{
    kk_buf method = {.limit = KK_TAPE_MAX};
    kk_buf url = {.limit = KK_TAPE_MAX};
    kk_buf content_type = {.limit = KK_TAPE_MAX};
    bool good = take_method(self, &method) && take_url(self, &url);
    if (good) {
        kk_buf_append_text(out, "\"request\":{\"method\":");
        kk_json_write_string(out, kk_buf_view(&method));
        kk_buf_append_text(out, ",\"url\":");
        kk_json_write_string(out, kk_buf_view(&url));
        kk_buf_append_text(out, ",\"headers\":");
        write_headers(self, KK_REDACT_REQUEST, &content_type, out);
        good = write_post_data(self, &content_type, out);
        kk_buf_append_byte(out, '}');
    }
    kk_buf_clean(&content_type);
    kk_buf_clean(&url);
    kk_buf_clean(&method);
    return good;
}

static bool write_response(kk_tape_importer *self, int status, kk_buf *out)
{
    kk_buf content_type = {.limit = KK_TAPE_MAX};
    kk_buf body = {.limit = KK_TAPE_MAX};
    bool good = take_content(self, &body);
    kk_buf_append_format(out, ",\"response\":{\"status\":%d,\"headers\":", status);
    write_headers(self, KK_REDACT_RESPONSE, &content_type, out);
    if (content_type.len == 0) {
        take_text(self->har->raw, "/response/content/mimeType", &content_type);
    }
    kk_buf_append_text(out, ",\"content\":{\"mimeType\":");
    kk_json_write_string(out, kk_buf_view(&content_type));
    if (body.len > 0) {
        write_body(self, KK_REDACT_RESPONSE, kk_buf_text(&content_type), kk_buf_view(&body), out);
    }
    kk_buf_append_text(out, "}}");
    kk_buf_clean(&body);
    kk_buf_clean(&content_type);
    return good;
}

bool kk_tape_import_entry(kk_tape_importer *self, kk_buf *out)
{
    enum { DAY_MS = 86400000 };
    const char *kind = NULL;
    double number = number_at(self->har->raw, "/response/status", -2);
    double took = number_at(self->har->raw, "/time", 0);
    int status = number >= -1 && number < 1000 ? (int)number : 1000;
    kk_buf_clear(&self->redacted);
    if (!check_status(self, status, &kind)) {
        return false;
    }
    kk_buf_append_format(out, "{\"_seq\":%zu,\"startedDateTime\":", self->seq);
    write_time(self->har->started_ms, out);
    took = took > 0 && took < DAY_MS ? took : 0;
    kk_buf_append_format(out, ",\"time\":%d,", (int)(took + 0.5));
    if (kind != NULL) {
        kk_buf_append_format(out, "\"_failure\":{\"kind\":\"%s\"},", kind);
    }
    bool good = write_request(self, out) && write_response(self, kind != NULL ? 0 : status, out);
    if (good && self->redacted.len > 0) {
        kk_buf_append_text(out, ",\"_redacted\":[");
        kk_buf_append_str(out, kk_buf_view(&self->redacted));
        kk_buf_append_byte(out, ']');
    }
    kk_buf_append_byte(out, '}');
    return good;
}
