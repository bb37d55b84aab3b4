// One entry of a tape: a request and what answers it.
#include "fail.h"
#include "tape_private.h"
#include "url.h"
#include <stdlib.h>

#define STRING KK_TAPE_IS(KK_JSON_STRING)
#define NUMBER KK_TAPE_IS(KK_JSON_NUMBER)
#define ARRAY KK_TAPE_IS(KK_JSON_ARRAY)
#define OBJECT KK_TAPE_IS(KK_JSON_OBJECT)
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

typedef struct raw_pair {
    kk_str name;
    kk_str value;
} raw_pair;

typedef struct raw_request {
    kk_str where;
    kk_str method;
    kk_str url;
    kk_str query_where;
    kk_str query; // of queryString, in normal form
    kk_tape_headers headers;
    kk_tape_raw_body body;
} raw_request;

typedef struct raw_response {
    kk_str where;
    kk_str status;
    kk_str error;
    kk_tape_headers headers;
    kk_tape_raw_body content;
} raw_response;

typedef struct raw_entry {
    kk_str id;
    kk_str seq;
    kk_str repeat;
    kk_str optional;
    kk_str account;
    kk_str started;
    kk_str time;
    kk_tape_match match;
    kk_tape_raw_failure failure;
    kk_tape_texts redacted;
    raw_request request;
    raw_response response;
} raw_entry;

// ---- The copy of the query

static void encode(kk_buf *out, kk_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out, "%%%02X", (unsigned char)text.ptr[i]);
    }
}

// Reads queryString into the form that the query of the URL is compared in.
static kk_code read_query(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"name", STRING, offsetof(raw_pair, name), NULL},
        {"value", STRING, offsetof(raw_pair, value), NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
    };
    raw_request *request = (raw_request *)((char *)target - offsetof(raw_request, query));
    kk_buf joined = {.limit = KK_TAPE_MAX};
    kk_code code = KK_OK;
    request->query_where = self->reader.raw;
    while ((kind = kk_json_next(&self->reader)) != KK_JSON_ARRAY_END) {
        kk_str where = self->reader.raw;
        raw_pair raw = {0};
        kk_str name = {0};
        kk_str value = {0};
        code = kind == KK_JSON_OBJECT ? kk_tape_read_members(self, members, COUNT(members), &raw)
                                      : kk_tape_refuse(self, where, "a pair has to be an object");
        if (code == KK_OK && (raw.name.ptr == NULL || raw.value.ptr == NULL)) {
            code = kk_tape_refuse(self, where, "a pair needs 'name' and 'value'");
        }
        code = code == KK_OK ? kk_tape_take_bytes(self, raw.name, &name) : code;
        code = code == KK_OK ? kk_tape_take_bytes(self, raw.value, &value) : code;
        if (code != KK_OK) {
            break;
        }
        encode(&joined, name);
        kk_buf_append_byte(&joined, '=');
        encode(&joined, value);
        kk_buf_append_byte(&joined, '&');
    }
    kk_buf_clear(&self->scratch);
    kk_tape_pairs(kk_buf_view(&joined), &self->scratch);
    kk_buf_clean(&joined);
    request->query = kk_arena_keep(&self->tape->arena, &self->scratch);
    if (code == KK_OK && request->query.ptr == NULL) {
        code = kk_tape_no_memory(self);
    }
    return code;
}

// queryString may be missing or empty; a pair without '=' in the URL is one with an empty value in
// it.
static kk_code check_query(kk_tape_loader *self, const raw_request *raw, const kk_tape_key *key)
{
    if (raw->query.len == 0) {
        return KK_OK;
    }
    kk_buf with_equals = {.limit = KK_TAPE_MAX};
    size_t start = 0;
    for (size_t at = 0; at <= key->query.len; at++) {
        if (at == key->query.len || key->query.ptr[at] == '&') {
            kk_str one = {key->query.ptr + start, at - start};
            kk_buf_append_str(&with_equals, one);
            bool bare = one.len == 0 || memchr(one.ptr, '=', one.len) == NULL;
            kk_buf_append_text(&with_equals, bare ? "=" : "");
            kk_buf_append_text(&with_equals, at < key->query.len ? "&" : "");
            start = at + 1;
        }
    }
    bool same = kk_str_equals(kk_buf_view(&with_equals), raw->query);
    kk_buf_clean(&with_equals);
    return same ? KK_OK
                : kk_tape_refuse(self, raw->query_where,
                                 "'queryString' does not say what the query of 'url' says; 'url' "
                                 "is the source, so mend this or leave it empty");
}

// ---- The request

static kk_code read_request(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"method", STRING, offsetof(raw_request, method), NULL},
        {"url", STRING, offsetof(raw_request, url), NULL},
        {"httpVersion", STRING, KK_TAPE_UNREAD, NULL},
        {"cookies", ARRAY, 0, kk_tape_read_empty},
        {"headers", ARRAY, offsetof(raw_request, headers), kk_tape_read_headers},
        {"queryString", ARRAY, offsetof(raw_request, query), read_query},
        {"postData", OBJECT, offsetof(raw_request, body), kk_tape_read_post_data},
        {"headersSize", NUMBER, KK_TAPE_UNREAD, NULL},
        {"bodySize", NUMBER, KK_TAPE_UNREAD, NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
    };
    (void)kind;
    raw_request *raw = target;
    raw->where = self->reader.raw;
    return kk_tape_read_members(self, members, COUNT(members), raw);
}

// The header that carries the credential: authorization, else the first whose value has a
// placeholder.
static kk_code find_credential(kk_tape_loader *self, const raw_request *raw, kk_header *out)
{
    const kk_tape_headers *headers = &raw->headers;
    for (size_t i = 0; i < headers->count; i++) {
        const kk_header *header = &headers->list[i];
        bool authorization = strcmp(header->name, "authorization") == 0;
        bool shape = kk_tape_is_shape(kk_str_from(header->value));
        if (authorization && !shape) {
            return kk_tape_refuse(self, headers->where,
                                  "the value of 'authorization' has to be made of placeholders, as "
                                  "in {{ACCESS_TOKEN}}; a tape holds no credential");
        }
        if (authorization || (shape && out->name == NULL)) {
            *out = *header;
        }
    }
    return KK_OK;
}

// The content type comes from the header, else from mimeType; where both are there they agree.
static kk_code find_content_type(kk_tape_loader *self, const raw_request *raw, const char **out)
{
    const char *header = kk_tape_header(raw->headers.list, raw->headers.count, "content-type");
    const char *mime_type = NULL;
    if (raw->body.mime_type.ptr != NULL) {
        kk_code code = kk_tape_take_text(self, raw->body.mime_type, &mime_type);
        if (code != KK_OK) {
            return code;
        }
    }
    if (header != NULL && mime_type != NULL && mime_type[0] != '\0' &&
        strcmp(header, mime_type) != 0) {
        return kk_tape_refuse(self, raw->body.mime_type,
                              "'mimeType' differs from the header content-type, which is the "
                              "source");
    }
    *out = header != NULL ? header : mime_type;
    return KK_OK;
}

// Whether a URL lies below log._tape.base_url, whose host then does not count.
static bool below_base(const kk_tape_loader *self, const char *text)
{
    kk_url base;
    kk_url url;
    if (self->base_url == NULL || kk_url_parse(self->base_url, &base, NULL) != KK_OK ||
        kk_url_parse(text, &url, NULL) != KK_OK || !kk_url_same_origin(&base, &url)) {
        return false;
    }
    while (base.path.len > 0 && base.path.ptr[base.path.len - 1] == '/') {
        base.path.len--;
    }
    return url.path.len >= base.path.len &&
           (base.path.len == 0 || memcmp(url.path.ptr, base.path.ptr, base.path.len) == 0) &&
           (url.path.len == base.path.len || url.path.ptr[base.path.len] == '/');
}

static kk_code make_key(kk_tape_loader *self, const raw_request *raw, kk_tape_source *source,
                        kk_tape_entry *entry)
{
    kk_error problem = {0};
    source->ignored = &entry->match.ignored;
    kk_code code = kk_tape_key_make(source, &self->tape->arena, &entry->key, &problem);
    if (code == KK_ERR_INVALID_ARGS) {
        return kk_tape_refuse(self, raw->url, "%s", problem.message);
    }
    if (code != KK_OK) {
        return kk_tape_no_memory(self);
    }
    entry->any_origin = below_base(self, source->url);
    return check_query(self, raw, &entry->key);
}

static kk_code take_request(kk_tape_loader *self, const raw_request *raw, kk_tape_entry *entry)
{
    if (raw->method.ptr == NULL || raw->url.ptr == NULL) {
        return kk_tape_refuse(self, raw->where, "a request needs 'method' and 'url'");
    }
    kk_tape_source source = {0};
    kk_code code = kk_tape_take_text(self, raw->method, &source.method);
    code = code == KK_OK ? kk_tape_check_method(self, raw->method, source.method) : code;
    code = code == KK_OK ? kk_tape_take_text(self, raw->url, &source.url) : code;
    code = code == KK_OK ? kk_tape_take_body(self, &raw->body, &source.body) : code;
    code = code == KK_OK ? find_content_type(self, raw, &source.content_type) : code;
    code = code == KK_OK ? find_credential(self, raw, &source.credential) : code;
    if (code != KK_OK) {
        return code;
    }
    entry->method = source.method;
    entry->url = source.url;
    entry->request_bytes = source.body.len;
    entry->headers = raw->headers.list;
    entry->header_count = raw->headers.count;
    return make_key(self, raw, &source, entry);
}

// ---- The response

static kk_code read_response(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"status", NUMBER, offsetof(raw_response, status), NULL},
        {"statusText", STRING, KK_TAPE_UNREAD, NULL},
        {"httpVersion", STRING, KK_TAPE_UNREAD, NULL},
        {"cookies", ARRAY, 0, kk_tape_read_empty},
        {"headers", ARRAY, offsetof(raw_response, headers), kk_tape_read_headers},
        {"content", OBJECT, offsetof(raw_response, content), kk_tape_read_content},
        {"redirectURL", STRING, KK_TAPE_UNREAD, NULL},
        {"headersSize", NUMBER, KK_TAPE_UNREAD, NULL},
        {"bodySize", NUMBER, KK_TAPE_UNREAD, NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
        {"_error", STRING, offsetof(raw_response, error), NULL},
    };
    (void)kind;
    raw_response *raw = target;
    raw->where = self->reader.raw;
    return kk_tape_read_members(self, members, COUNT(members), raw);
}

// Takes out what described the bytes on the wire: the body of a tape is decoded and whole.
static size_t drop_wire_headers(kk_header *list, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = list[i].name;
        if (strcmp(name, "content-encoding") != 0 && strcmp(name, "content-length") != 0 &&
            strcmp(name, "transfer-encoding") != 0) {
            list[kept++] = list[i];
        }
    }
    return kept;
}

static kk_code take_response(kk_tape_loader *self, const raw_entry *raw, kk_tape_answer *answer)
{
    const raw_response *response = &raw->response;
    int64_t status = 0;
    bool failed = raw->failure.where.ptr != NULL;
    if (response->status.ptr == NULL) {
        return kk_tape_refuse(self, response->where, "a response needs its 'status'");
    }
    kk_code code = kk_tape_take_integer(self, response->status, 0, 599, &status);
    if (code == KK_OK && status < 200 && !(failed && status == 0)) {
        code = kk_tape_refuse(self, response->status,
                              failed ? "the status beside a '_failure' is 0, or 200 to 599"
                                     : "a status is 200 to 599; 0 needs a '_failure'");
    }
    code = code == KK_OK ? kk_tape_take_body(self, &response->content, &answer->body) : code;
    if (code != KK_OK) {
        return code;
    }
    if (answer->body.ptr == NULL) {
        answer->body = (kk_str){"", 0};
    }
    if (failed && response->error.ptr != NULL) {
        code = kk_tape_take_text(self, response->error, &answer->message);
    }
    if (code == KK_OK && raw->time.ptr != NULL) {
        code = kk_tape_take_ms(self, raw->time, &answer->took_ms);
    }
    if (code != KK_OK) {
        return code;
    }
    answer->status = (unsigned)status;
    answer->headers = response->headers.list;
    answer->header_count = drop_wire_headers(response->headers.list, response->headers.count);
    return failed ? kk_tape_take_failure(self, &raw->failure, answer) : KK_OK;
}

// ---- The entry

static kk_code take_repeat(kk_tape_loader *self, kk_str raw, kk_tape_entry *entry)
{
    entry->times = 1;
    if (raw.ptr == NULL) {
        return KK_OK;
    }
    if (raw.ptr[0] != '"') {
        int64_t times = 1;
        kk_code code = kk_tape_take_integer(self, raw, 1, 1000000, &times);
        entry->times = (uint32_t)times;
        return code;
    }
    if (kk_json_string_is(raw, KK_STR("last"))) {
        entry->repeat = KK_TAPE_LAST;
        return KK_OK;
    }
    if (kk_json_string_is(raw, KK_STR("any"))) {
        entry->repeat = KK_TAPE_ANY;
        return KK_OK;
    }
    return kk_tape_refuse(self, raw, "'_repeat' is a number, \"last\" or \"any\"");
}

// An entry without `_seq` has that of the entry before it.
static kk_code take_order(kk_tape_loader *self, const raw_entry *raw, kk_tape_entry *entry)
{
    entry->seq = self->entry_count > 0 ? self->entries[self->entry_count - 1].seq : 0;
    if (raw->seq.ptr != NULL) {
        kk_code code = kk_tape_take_integer(self, raw->seq, 0, INT64_MAX, &entry->seq);
        if (code != KK_OK) {
            return code;
        }
    }
    entry->optional = raw->optional.ptr != NULL && raw->optional.ptr[0] == 't';
    return take_repeat(self, raw->repeat, entry);
}

static kk_code take_names(kk_tape_loader *self, const raw_entry *raw, kk_tape_entry *entry)
{
    kk_code code = KK_OK;
    if (raw->id.ptr != NULL) {
        code = kk_tape_take_text(self, raw->id, &entry->id);
    }
    if (code == KK_OK && raw->account.ptr != NULL) {
        code = kk_tape_take_text(self, raw->account, &entry->account);
    }
    if (code == KK_OK && entry->id != NULL && entry->id[0] == '\0') {
        code = kk_tape_refuse(self, raw->id, "an '_id' is not empty");
    }
    return code;
}

// Where virtual time begins if the tape does not say when it was recorded.
static kk_code take_started(kk_tape_loader *self, const raw_entry *raw, kk_tape_entry *entry)
{
    const char *text = NULL;
    if (raw->started.ptr == NULL) {
        return KK_OK;
    }
    kk_code code = kk_tape_take_text(self, raw->started, &text);
    if (code == KK_OK && !kk_tape_time(text, &entry->started_ms)) {
        code = kk_tape_refuse(self, raw->started, KK_TAPE_TIME_PROBLEM);
    }
    if (self->first_started_ms == 0) {
        self->first_started_ms = entry->started_ms;
    }
    return code;
}

// Counts lines from the last entry on, so that all entries together cost one pass.
static size_t next_line(kk_tape_loader *self, const char *where)
{
    const char *end = NULL;
    while (self->line_at < where &&
           (end = memchr(self->line_at, '\n', (size_t)(where - self->line_at))) != NULL) {
        self->line++;
        self->line_at = end + 1;
    }
    self->line_at = where;
    return self->line;
}

static kk_code append_entry(kk_tape_loader *self, const kk_tape_entry *entry)
{
    if (self->entry_count == self->entry_capacity) {
        size_t capacity = self->entry_capacity == 0 ? 16 : self->entry_capacity * 2;
        kk_tape_entry *grown = realloc(self->entries, capacity * sizeof *grown);
        if (grown == NULL) {
            return kk_tape_no_memory(self);
        }
        self->entries = grown;
        self->entry_capacity = capacity;
    }
    self->entries[self->entry_count++] = *entry;
    return KK_OK;
}

static kk_code take_entry(kk_tape_loader *self, kk_str where, const raw_entry *raw)
{
    if (raw->request.where.ptr == NULL || raw->response.where.ptr == NULL) {
        return kk_tape_refuse(self, where, "an entry needs 'request' and 'response'");
    }
    kk_tape_entry entry = {.number = self->entry_count + 1,
                           .line = next_line(self, where.ptr),
                           .id_where = raw->id.ptr,
                           .match = raw->match};
    kk_code code = take_names(self, raw, &entry);
    code = code == KK_OK ? take_started(self, raw, &entry) : code;
    code = code == KK_OK ? take_order(self, raw, &entry) : code;
    code = code == KK_OK ? take_request(self, &raw->request, &entry) : code;
    code = code == KK_OK ? take_response(self, raw, &entry.answer) : code;
    entry.answer.id = entry.id;
    return code == KK_OK ? append_entry(self, &entry) : code;
}

kk_code kk_tape_read_entry(kk_tape_loader *self)
{
    static const kk_tape_member members[] = {
        {"_id", STRING, offsetof(raw_entry, id), NULL},
        {"_seq", NUMBER, offsetof(raw_entry, seq), NULL},
        {"_repeat", NUMBER | STRING, offsetof(raw_entry, repeat), NULL},
        {"_optional", KK_TAPE_IS_BOOL, offsetof(raw_entry, optional), NULL},
        {"_match", OBJECT, offsetof(raw_entry, match), kk_tape_read_match},
        {"_account", STRING, offsetof(raw_entry, account), NULL},
        {"_failure", OBJECT, offsetof(raw_entry, failure), kk_tape_read_failure},
        {"_redacted", ARRAY, offsetof(raw_entry, redacted), kk_tape_read_texts},
        {"request", OBJECT, offsetof(raw_entry, request), read_request},
        {"response", OBJECT, offsetof(raw_entry, response), read_response},
        {"startedDateTime", STRING, offsetof(raw_entry, started), NULL},
        {"time", NUMBER, offsetof(raw_entry, time), NULL},
        {"cache", OBJECT, KK_TAPE_UNREAD, NULL},
        {"timings", OBJECT, KK_TAPE_UNREAD, NULL},
        {"pageref", STRING, KK_TAPE_UNREAD, NULL},
        {"serverIPAddress", STRING, KK_TAPE_UNREAD, NULL},
        {"connection", STRING, KK_TAPE_UNREAD, NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
    };
    kk_str where = self->reader.raw;
    raw_entry raw = {.match = self->match};
    kk_code code = kk_tape_read_members(self, members, COUNT(members), &raw);
    return code == KK_OK ? take_entry(self, where, &raw) : code;
}
