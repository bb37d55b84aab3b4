// An exchange as the entry of a tape, redacted.
#include "fail.h"
#include "secret.h"
#include "tape_write_private.h"
#include "url.h"
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

enum { BODY_DEPTH_MAX = KK_JSON_DEPTH_MAX - 16, NAME_MAX_LEN = 120 };

typedef struct entry_writer {
    kk_redactor *redactor;
    const kk_tape_exchange *exchange;
    kk_buf out;
    kk_buf redacted;    // JSON Pointers, each ended by a newline
    const char *prefix; // of the body that is being redacted
    kk_buf url;
} entry_writer;

void kk_tape_write_time(int64_t unix_ms, kk_buf *out)
{
    char text[32];
    struct tm parts;
    time_t seconds = (time_t)(unix_ms / 1000);
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    kk_buf_append_format(out, "%s.%03dZ", text, (int)(unix_ms % 1000));
}

static void note(void *context, const char *pointer)
{
    entry_writer *self = context;
    kk_buf_append_format(&self->redacted, "%s%s\n", self->prefix, pointer);
}

static void note_if(entry_writer *self, bool changed, const char *pointer)
{
    if (changed) {
        kk_buf_append_format(&self->redacted, "%s\n", pointer);
    }
}

static void write_member(kk_buf *out, const char *name, kk_str value)
{
    kk_json_write_string(out, kk_str_from(name));
    kk_buf_append_byte(out, ':');
    kk_json_write_string(out, value);
}

// ---- URL

// Whether [url] is [base] or lies below it; its length without a '/' at the end into *len.
static bool is_below(const char *url, const char *base, size_t *len)
{
    *len = base != NULL ? strlen(base) : 0;
    while (*len > 0 && base[*len - 1] == '/') {
        (*len)--;
    }
    return *len > 0 && strncmp(url, base, *len) == 0 &&
           (url[*len] == '/' || url[*len] == '?' || url[*len] == '\0');
}

// The URL with the plugin's public address in place of the account's own.
static void write_url(entry_writer *self)
{
    const kk_request *request = self->exchange->request;
    const kk_request_account *account = request->recorded;
    kk_buf mapped = {.limit = KK_TEXT_MAX};
    size_t own = 0;
    size_t public = 0;
    bool maps = account != NULL && account->public_url != NULL &&
                !is_below(request->url, account->public_url, &public) &&
                is_below(request->url, account->base_url, &own);
    if (maps) {
        kk_buf_append(&mapped, account->public_url, public);
    }
    kk_buf_append_text(&mapped, request->url + (maps ? own : 0));
    bool changed =
        kk_redact_url(self->redactor, KK_REDACT_REQUEST, kk_buf_view(&mapped), &self->url);
    note_if(self, changed, "/request/url");
    self->out.failed = self->out.failed == KK_OK ? mapped.failed : self->out.failed;
    kk_buf_clean(&mapped);
}

// One byte of a query as its pairs mean it.
static char decoded(kk_str text, size_t *at)
{
    unsigned value = 0;
    if (text.ptr[*at] == '+') {
        return ' ';
    }
    if (text.ptr[*at] != '%' || text.len - *at < 3) {
        return text.ptr[*at];
    }
    for (size_t i = 1; i <= 2; i++) {
        char lower = (char)(text.ptr[*at + i] | 0x20);
        bool letter = lower >= 'a' && lower <= 'f';
        if (!letter && (text.ptr[*at + i] < '0' || text.ptr[*at + i] > '9')) {
            return '%';
        }
        value = value * 16 + (unsigned)(letter ? lower - 'a' + 10 : text.ptr[*at + i] - '0');
    }
    *at += 2;
    return (char)value;
}

static void write_decoded(kk_buf *out, const char *name, kk_str text)
{
    kk_buf plain = {.limit = KK_TEXT_MAX};
    for (size_t at = 0; at < text.len; at++) {
        kk_buf_append_byte(&plain, decoded(text, &at));
    }
    write_member(out, name, kk_buf_view(&plain));
    kk_buf_clean(&plain);
}

static void write_query(kk_buf *out, kk_str url)
{
    const char *query = memchr(url.ptr, '?', url.len);
    kk_str rest = {query, query != NULL ? url.len - (size_t)(query - url.ptr) : 0};
    bool first = true;
    kk_buf_append_text(out, "\"queryString\":[");
    while (rest.len > 1) {
        rest = (kk_str){rest.ptr + 1, rest.len - 1};
        const char *end = memchr(rest.ptr, '&', rest.len);
        kk_str pair = {rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len};
        const char *equals = memchr(pair.ptr, '=', pair.len);
        size_t name = equals != NULL ? (size_t)(equals - pair.ptr) : pair.len;
        size_t value = equals != NULL ? name + 1 : name;
        if (pair.len > 0) {
            kk_buf_append_text(out, first ? "{" : ",{");
            write_decoded(out, "name", (kk_str){pair.ptr, name});
            kk_buf_append_byte(out, ',');
            write_decoded(out, "value", (kk_str){pair.ptr + value, pair.len - value});
            kk_buf_append_byte(out, '}');
            first = false;
        }
        rest = (kk_str){rest.ptr + pair.len, rest.len - pair.len};
    }
    kk_buf_append_text(out, "],");
}

// ---- Headers

typedef struct kept_header {
    char *name; // in lower case
    kk_str value;
    size_t number;
    bool is_credential;
} kept_header;

static int by_name(const void *left, const void *right)
{
    const kept_header *a = left;
    const kept_header *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : a->number < b->number ? -1 : 1;
}

static char *lower_copy(const char *name)
{
    char *copy = strdup(name);
    for (char *at = copy; at != NULL && *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at;
    }
    return copy;
}

// Those that are kept, sorted; the credential's with its placeholders.
static size_t keep_headers(const entry_writer *self, kk_redact_side side, kept_header *out)
{
    const kk_request *request = self->exchange->request;
    const kk_response *response = self->exchange->response;
    bool asks = side == KK_REDACT_REQUEST;
    const kk_header *list = asks ? request->headers : response->headers;
    size_t count = asks ? request->header_count : response->header_count;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kk_redact_keeps_header(side, list[i].name)) {
            out[kept] = (kept_header){.name = lower_copy(list[i].name),
                                      .value = kk_str_from(list[i].value),
                                      .number = kept};
            kept++;
        }
    }
    if (asks && request->credential.name != NULL && request->recorded != NULL) {
        out[kept] = (kept_header){.name = lower_copy(request->credential.name),
                                  .value = kk_str_from(request->recorded->shape),
                                  .number = kept,
                                  .is_credential = true};
        kept++;
    }
    return kept;
}

static void write_header(entry_writer *self, kk_redact_side side, const kept_header *header,
                         size_t index)
{
    kk_buf value = {.limit = KK_TEXT_MAX};
    char pointer[64];
    bool changed = header->is_credential;
    if (header->is_credential) {
        kk_buf_append_str(&value, header->value);
    } else {
        changed = kk_redact_header(self->redactor, side, header->name, header->value, &value);
    }
    (void)snprintf(pointer, sizeof pointer, "/%s/headers/%zu/value",
                   side == KK_REDACT_REQUEST ? "request" : "response", index);
    note_if(self, changed, pointer);
    kk_buf_append_text(&self->out, index > 0 ? ",{" : "{");
    write_member(&self->out, "name", kk_str_from(header->name));
    kk_buf_append_byte(&self->out, ',');
    write_member(&self->out, "value", kk_buf_view(&value));
    kk_buf_append_byte(&self->out, '}');
    kk_buf_clean(&value);
}

static void write_headers(entry_writer *self, kk_redact_side side)
{
    size_t most = self->exchange->request->header_count +
                  (self->exchange->failure == KK_OK ? self->exchange->response->header_count : 0);
    kept_header *list = calloc(most + 1, sizeof *list);
    size_t count = list != NULL ? keep_headers(self, side, list) : 0;
    bool good = list != NULL;
    for (size_t i = 0; i < count; i++) {
        good = good && list[i].name != NULL;
    }
    kk_buf_append_text(&self->out, "\"headers\":[");
    if (good && count > 1) {
        qsort(list, count, sizeof *list, by_name);
    }
    for (size_t i = 0; good && i < count; i++) {
        write_header(self, side, &list[i], i);
    }
    kk_buf_append_text(&self->out, "],");
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
    }
    free(list);
    self->out.failed = good ? self->out.failed : KK_ERR_INTERNAL;
}

// ---- Bodies

// Whether a body can stand as a value in the tape, which allows no name twice and little less
// depth.
static bool fits_json(kk_str body)
{
    cJSON *tree = NULL;
    bool good = kk_json_parse(body, "a body", &tree, NULL) == KK_OK;
    cJSON_Delete(tree);
    kk_json_reader *reader = good ? malloc(sizeof *reader) : NULL;
    if (reader == NULL) {
        return false;
    }
    kk_json_reader_init(reader, body);
    while (good && kk_json_next(reader) != KK_JSON_END) {
        good = reader->depth < BODY_DEPTH_MAX;
    }
    free(reader);
    return good;
}

static void write_base64(kk_buf *out, kk_str bytes)
{
    kk_buf_append_byte(out, '"');
    kk_tape_encode_base64(bytes, out);
    kk_buf_append_byte(out, '"');
}

static bool is_json_media(const char *media)
{
    const char *end = media != NULL ? strchr(media, ';') : NULL;
    kk_str type = {media, media == NULL ? 0 : end != NULL ? (size_t)(end - media) : strlen(media)};
    while (type.len > 0 && type.ptr[type.len - 1] == ' ') {
        type.len--;
    }
    return (type.len == 16 && strncasecmp(type.ptr, "application/json", 16) == 0) ||
           (type.len > 5 && strncasecmp(type.ptr + type.len - 5, "+json", 5) == 0);
}

// ,"_json":... or ,"text":... and what belongs to it.
static void write_content(entry_writer *self, bool asks, bool json, kk_str body)
{
    kk_buf *out = &self->out;
    kk_buf compact = {.limit = KK_TAPE_MAX};
    if (json) {
        kk_buf_append_text(out, ",\"_json\":");
        kk_buf_append_str(out, body);
        // Exact bytes, where they are not those that the value is written with.
        bool same = kk_json_compact(body, &compact, NULL) == KK_OK &&
                    kk_str_equals(kk_buf_view(&compact), body);
        json = asks || same;
    }
    kk_buf_clean(&compact);
    if (json) {
        return;
    }
    if (kk_tape_is_text(body)) {
        kk_buf_append_text(out, ",\"text\":");
        kk_json_write_string(out, body);
    } else if (asks) {
        kk_buf_append_text(out, ",\"text\":\"\",\"_base64\":");
        write_base64(out, body);
    } else {
        kk_buf_append_text(out, ",\"encoding\":\"base64\",\"text\":");
        write_base64(out, body);
    }
}

// Redacts a body.  Its pointers are known only when it is: whether it can stand as a value, which
// is also what is returned of the redacted one.
static bool redact_body(entry_writer *self, bool asks, const char *media, kk_str body, kk_buf *out)
{
    bool json = is_json_media(media) && fits_json(body);
    self->prefix = asks ? (json ? "/request/postData/_json" : "/request/postData/text")
                        : (json ? "/response/content/_json" : "/response/content/text");
    if (is_json_media(media) && !json) {
        self->prefix = asks ? "/request/postData/text" : "/response/content/text";
        note_if(self,
                kk_redact_body(self->redactor, asks ? KK_REDACT_REQUEST : KK_REDACT_RESPONSE, media,
                               body, out, NULL, NULL),
                self->prefix);
        return false;
    }
    bool changed = kk_redact_body(self->redactor, asks ? KK_REDACT_REQUEST : KK_REDACT_RESPONSE,
                                  media, body, out, note, self);
    // Two names of one object may have become the same.
    return json && (!changed || fits_json(kk_buf_view(out)));
}

static void write_post_data(entry_writer *self)
{
    const kk_request *request = self->exchange->request;
    const char *media = kk_tape_header(request->headers, request->header_count, "content-type");
    kk_buf body = {.limit = KK_TAPE_MAX};
    if (request->body.ptr != NULL) {
        bool json = redact_body(self, true, media, request->body, &body);
        kk_buf_append_text(&self->out, "\"postData\":{");
        write_member(&self->out, "mimeType", kk_str_from(media != NULL ? media : ""));
        write_content(self, true, json, kk_buf_view(&body));
        kk_buf_append_text(&self->out, "},");
    }
    kk_buf_append_format(&self->out, "\"headersSize\":-1,\"bodySize\":%zu},", body.len);
    self->out.failed = self->out.failed == KK_OK ? body.failed : self->out.failed;
    kk_buf_clean(&body);
}

static void write_request(entry_writer *self)
{
    write_url(self);
    kk_buf_append_text(&self->out, "\"request\":{");
    write_member(&self->out, "method", kk_str_from(self->exchange->request->method));
    kk_buf_append_byte(&self->out, ',');
    write_member(&self->out, "url", kk_buf_view(&self->url));
    kk_buf_append_text(&self->out, ",\"httpVersion\":\"HTTP/1.1\",\"cookies\":[],");
    write_headers(self, KK_REDACT_REQUEST);
    write_query(&self->out, kk_buf_view(&self->url));
    write_post_data(self);
}

static void write_answer(entry_writer *self)
{
    const kk_response *response = self->exchange->response;
    const char *media = kk_tape_header(response->headers, response->header_count, "content-type");
    kk_buf body = {.limit = KK_TAPE_MAX};
    write_headers(self, KK_REDACT_RESPONSE);
    bool json = redact_body(self, false, media, response->body, &body);
    kk_buf_append_format(&self->out, "\"content\":{\"size\":%zu,", body.len);
    write_member(&self->out, "mimeType", kk_str_from(media != NULL ? media : ""));
    if (body.len > 0) {
        write_content(self, false, json, kk_buf_view(&body));
    }
    kk_buf_append_format(&self->out, "},\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":%zu",
                         body.len);
    self->out.failed = self->out.failed == KK_OK ? body.failed : self->out.failed;
    kk_wipe(body.ptr, body.len);
    kk_buf_clean(&body);
}

// ---- Failures

static const struct {
    kk_code code;
    const char *kind;
} kinds[] = {
    {KK_ERR_DNS, "dns"},
    {KK_ERR_CONNECT, "connect"},
    {KK_ERR_TLS, "tls"},
    {KK_ERR_RESET, "reset"},
    {KK_ERR_TIMEOUT, "timeout"},
    {KK_ERR_TRUNCATED, "truncated"},
    {KK_ERR_PROTOCOL, "protocol"},
    {KK_ERR_REDIRECT_REFUSED, "redirect_refused"},
    {KK_ERR_TOO_LARGE, "too_large"},
    {KK_ERR_DENIED, "denied"},
};

static const char *kind_of(kk_code code)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].code == code) {
            return kinds[i].kind;
        }
    }
    return NULL;
}

bool kk_tape_can_hold(kk_code failure)
{
    return failure == KK_OK || kind_of(failure) != NULL;
}

static void write_failure(entry_writer *self)
{
    const kk_tape_exchange *exchange = self->exchange;
    kk_buf problem = {.limit = KK_TEXT_MAX};
    (void)kk_redact_body(self->redactor, KK_REDACT_RESPONSE, NULL, kk_str_from(exchange->problem),
                         &problem, NULL, NULL);
    kk_buf_append_text(&self->out, "\"headers\":[],\"content\":{\"size\":0,\"mimeType\":"
                                   "\"x-unknown\"},\"redirectURL\":\"\",\"headersSize\":-1,"
                                   "\"bodySize\":-1,");
    write_member(&self->out, "_error", kk_buf_view(&problem));
    kk_buf_clean(&problem);
}

static void write_failure_kind(entry_writer *self)
{
    static const char *const sent[] = {
        [KK_SENT_NO] = "no", [KK_SENT_MAYBE] = "maybe", [KK_SENT_YES] = "yes"};
    const kk_tape_exchange *exchange = self->exchange;
    kk_buf hint = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&self->out, "\"_failure\":{\"kind\":\"%s\",\"sent\":\"%s\"",
                         kind_of(exchange->failure), sent[exchange->response->sent]);
    if (exchange->hint[0] != '\0') {
        (void)kk_redact_body(self->redactor, KK_REDACT_RESPONSE, NULL, kk_str_from(exchange->hint),
                             &hint, NULL, NULL);
        kk_buf_append_byte(&self->out, ',');
        write_member(&self->out, "hint", kk_buf_view(&hint));
    }
    kk_buf_append_text(&self->out, "},");
    kk_buf_clean(&hint);
}

// ---- The entry

static void write_response(entry_writer *self)
{
    bool failed = self->exchange->failure != KK_OK;
    kk_buf_append_format(&self->out,
                         "\"response\":{\"status\":%u,\"statusText\":\"\",\"httpVersion\":"
                         "\"HTTP/1.1\",\"cookies\":[],",
                         failed ? 0 : self->exchange->response->status);
    if (failed) {
        write_failure(self);
    } else {
        write_answer(self);
    }
    kk_buf_append_format(&self->out,
                         "},\"cache\":{},\"timings\":{\"send\":0,\"wait\":%llu,\"receive\":0}",
                         (unsigned long long)self->exchange->wait_ms);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

// The pointers of what was replaced, sorted.
static void write_redacted(entry_writer *self, kk_buf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < self->redacted.len; i++) {
        count += self->redacted.ptr[i] == '\n';
    }
    char **list = count > 0 ? calloc(count, sizeof *list) : NULL;
    if (list == NULL) {
        return;
    }
    char *at = self->redacted.ptr;
    for (size_t i = 0; i < count; i++) {
        list[i] = at;
        at = strchr(at, '\n');
        *at++ = '\0';
    }
    qsort(list, count, sizeof *list, by_text);
    kk_buf_append_text(out, "\"_redacted\":[");
    for (size_t i = 0; i < count; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        kk_json_write_string(out, kk_str_from(list[i]));
    }
    kk_buf_append_text(out, "],");
    free(list);
}

static void write_head(entry_writer *self, kk_buf *out)
{
    const kk_tape_exchange *exchange = self->exchange;
    if (exchange->request->recorded != NULL) {
        write_member(out, "_account", kk_str_from(exchange->request->account));
        kk_buf_append_byte(out, ',');
    }
    write_redacted(self, out);
    kk_buf_append_text(out, "\"startedDateTime\":\"");
    kk_tape_write_time(exchange->started_ms, out);
    kk_buf_append_format(out, "\",\"time\":%llu,", (unsigned long long)exchange->wait_ms);
}

// A name for the entry: get-organizations-acme-databases.
static char *make_name(const entry_writer *self)
{
    kk_url url = {0};
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_str text = {0};
    if (kk_url_parse(kk_buf_text(&self->url), &url, NULL) == KK_OK) {
        text = url.path;
    }
    bool gap = true;
    for (const char *at = self->exchange->request->method; *at != '\0'; at++) {
        kk_buf_append_byte(&name, (char)(*at | 0x20));
    }
    for (size_t i = 0; i < text.len && name.len < NAME_MAX_LEN; i++) {
        char lower = (char)(text.ptr[i] | 0x20);
        bool word = (lower >= 'a' && lower <= 'z') || (text.ptr[i] >= '0' && text.ptr[i] <= '9');
        gap = gap || !word;
        if (word) {
            kk_buf_append_text(&name, gap ? "-" : "");
            kk_buf_append_byte(&name,
                               text.ptr[i] >= 'A' && text.ptr[i] <= 'Z' ? lower : text.ptr[i]);
            gap = false;
        }
    }
    char *made = kk_buf_steal(&name);
    kk_buf_clean(&name);
    return made;
}

kk_code kk_tape_write_entry(kk_redactor *redactor, const kk_tape_exchange *exchange,
                            kk_tape_recorded *out, kk_error *err)
{
    entry_writer self = {.redactor = redactor,
                         .exchange = exchange,
                         .out = {.limit = KK_TAPE_MAX},
                         .redacted = {.limit = KK_TAPE_MAX},
                         .url = {.limit = KK_TEXT_MAX}};
    kk_buf whole = {.limit = KK_TAPE_MAX};
    if (exchange->failure != KK_OK) {
        write_failure_kind(&self);
    }
    write_request(&self);
    write_response(&self);
    write_head(&self, &whole);
    kk_buf_append_str(&whole, kk_buf_view(&self.out));
    kk_code code = kk_buf_check(&self.out, "a recorded exchange", err);
    code = code == KK_OK ? kk_buf_check(&self.url, "a recorded URL", err) : code;
    code = code == KK_OK ? kk_buf_check(&whole, "a recorded exchange", err) : code;
    if (code == KK_OK) {
        *out = (kk_tape_recorded){.seq = exchange->seq, .name = make_name(&self)};
        out->members_len = whole.len;
        out->members = kk_buf_steal(&whole);
        code = out->name != NULL && out->members != NULL
                   ? KK_OK
                   : kk_fail(err, KK_ERR_INTERNAL, "out of memory for a recording");
    }
    kk_buf_clean(&self.out);
    kk_buf_clean(&self.redacted);
    kk_buf_clean(&self.url);
    kk_buf_clean(&whole);
    return code;
}
