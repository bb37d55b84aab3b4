// The parts of an exchange: headers, bodies, recorded failures, and how an entry is matched.
#include "fail.h"
#include "tape_private.h"
#include "utf8.h"
#include <string.h>

#define STRING KK_TAPE_IS(KK_JSON_STRING)
#define NUMBER KK_TAPE_IS(KK_JSON_NUMBER)
#define ARRAY KK_TAPE_IS(KK_JSON_ARRAY)
#define OBJECT KK_TAPE_IS(KK_JSON_OBJECT)
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

// ---- Headers

typedef struct raw_header {
    kk_str name;
    kk_str value;
} raw_header;

static bool is_token(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        if (!letter && strchr("!#$%&'*+-.^_`|~", *at) == NULL) {
            return false;
        }
    }
    return name[0] != '\0';
}

static kk_code take_header(kk_tape_loader *self, kk_str where, const raw_header *raw,
                           kk_header *out)
{
    if (raw->name.ptr == NULL || raw->value.ptr == NULL) {
        return kk_tape_refuse(self, where, "a header needs 'name' and 'value'");
    }
    kk_str name;
    kk_code code = kk_tape_take_bytes(self, raw->name, &name);
    if (code != KK_OK) {
        return code;
    }
    char *lower = (char *)name.ptr;
    for (size_t i = 0; i < name.len; i++) {
        lower[i] = lower[i] >= 'A' && lower[i] <= 'Z' ? (char)(lower[i] | 0x20) : lower[i];
    }
    if (strlen(lower) != name.len || !is_token(lower)) {
        return kk_tape_refuse(self, raw->name, "this is no name of a header");
    }
    out->name = lower;
    return kk_tape_take_text(self, raw->value, &out->value);
}

kk_code kk_tape_read_headers(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"name", STRING, offsetof(raw_header, name), NULL},
        {"value", STRING, offsetof(raw_header, value), NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
    };
    kk_tape_headers *headers = target;
    kk_header found[KK_HEADER_COUNT_MAX];
    size_t count = 0;
    headers->where = self->reader.raw;
    while ((kind = kk_json_next(&self->reader)) != KK_JSON_ARRAY_END) {
        kk_str where = self->reader.raw;
        if (kind != KK_JSON_OBJECT || count == KK_HEADER_COUNT_MAX) {
            return kk_tape_refuse(self, where, "headers are at most %d objects",
                                  KK_HEADER_COUNT_MAX);
        }
        raw_header raw = {0};
        kk_code code = kk_tape_read_members(self, members, COUNT(members), &raw);
        code = code == KK_OK ? take_header(self, where, &raw, &found[count++]) : code;
        if (code != KK_OK) {
            return code;
        }
    }
    headers->list = kk_arena_take(&self->tape->arena, (count + 1) * sizeof *headers->list);
    if (headers->list == NULL) {
        return kk_tape_no_memory(self);
    }
    memcpy(headers->list, found, count * sizeof *found);
    headers->count = count;
    return KK_OK;
}

// ---- Bodies

kk_code kk_tape_read_post_data(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"mimeType", STRING, offsetof(kk_tape_raw_body, mime_type), NULL},
        {"text", STRING, offsetof(kk_tape_raw_body, text), NULL},
        {"params", ARRAY, 0, kk_tape_read_empty},
        {"_json", KK_TAPE_IS_ANY, offsetof(kk_tape_raw_body, json), NULL},
        {"_base64", STRING, offsetof(kk_tape_raw_body, base64), NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
    };
    (void)kind;
    kk_tape_raw_body *raw = target;
    raw->where = self->reader.raw;
    return kk_tape_read_members(self, members, COUNT(members), raw);
}

kk_code kk_tape_read_content(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"size", NUMBER, KK_TAPE_UNREAD, NULL},
        {"compression", NUMBER, KK_TAPE_UNREAD, NULL},
        {"mimeType", STRING, offsetof(kk_tape_raw_body, mime_type), NULL},
        {"text", STRING, offsetof(kk_tape_raw_body, text), NULL},
        {"encoding", STRING, offsetof(kk_tape_raw_body, encoding), NULL},
        {"_json", KK_TAPE_IS_ANY, offsetof(kk_tape_raw_body, json), NULL},
        {"comment", STRING, KK_TAPE_UNREAD, NULL},
    };
    (void)kind;
    kk_tape_raw_body *raw = target;
    raw->where = self->reader.raw;
    return kk_tape_read_members(self, members, COUNT(members), raw);
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void kk_tape_encode_base64(kk_str bytes, kk_buf *out)
{
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t left = bytes.len - at;
        uint32_t bits = (uint32_t)(unsigned char)bytes.ptr[at] << 16;
        bits |= left > 1 ? (uint32_t)(unsigned char)bytes.ptr[at + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)(unsigned char)bytes.ptr[at + 2] : 0;
        const char four[] = {digits[bits >> 18], digits[bits >> 12 & 63],
                             left > 1 ? digits[bits >> 6 & 63] : '=',
                             left > 2 ? digits[bits & 63] : '='};
        kk_buf_append(out, four, sizeof four);
    }
}

bool kk_tape_is_text(kk_str body)
{
    for (size_t at = 0; at < body.len;) {
        size_t len = kk_utf8_length(body.ptr + at, body.len - at);
        if (len == 0 || body.ptr[at] == '\0') {
            return false;
        }
        at += len;
    }
    return true;
}

static int sextet(char byte)
{
    const char *at = byte != '\0' ? strchr(digits, byte) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

bool kk_tape_decode_base64(kk_str text, kk_buf *out)
{
    if (text.len % 4 != 0) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += 4) {
        const char *four = text.ptr + at;
        bool final = at + 4 == text.len;
        size_t pad = !final || four[3] != '=' ? 0 : four[2] == '=' ? 2 : 1;
        uint32_t bits = 0;
        for (size_t i = 0; i < 4; i++) {
            int value = i >= 4 - pad ? 0 : sextet(four[i]);
            if (value < 0) {
                return false;
            }
            bits = bits << 6 | (uint32_t)value;
        }
        if ((bits & ((1U << (8 * pad)) - 1)) != 0) {
            return false;
        }
        const char bytes[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        kk_buf_append(out, bytes, 3 - pad);
    }
    return true;
}

static kk_code take_base64(kk_tape_loader *self, kk_str raw, kk_str *out)
{
    kk_str text;
    kk_code code = kk_tape_take_bytes(self, raw, &text);
    if (code != KK_OK) {
        return code;
    }
    kk_buf_clear(&self->scratch);
    if (!kk_tape_decode_base64(text, &self->scratch)) {
        return kk_tape_refuse(self, raw, "this is not base64 in groups of four, padded with '='");
    }
    *out = kk_arena_keep(&self->tape->arena, &self->scratch);
    return out->ptr != NULL ? KK_OK : kk_tape_no_memory(self);
}

// Whether a text means the same JSON value as `_json`.
static bool agrees(kk_tape_loader *self, kk_str json, kk_str text)
{
    kk_buf first = {.limit = KK_TAPE_MAX};
    kk_buf_clear(&self->scratch);
    bool same = kk_tape_canonical(json, NULL, &first) &&
                kk_tape_canonical(text, NULL, &self->scratch) &&
                kk_str_equals(kk_buf_view(&first), kk_buf_view(&self->scratch));
    kk_buf_clean(&first);
    return same;
}

// `_json` decides; a `text` beside it is served as it is written, and has to mean the same.
static kk_code take_json(kk_tape_loader *self, const kk_tape_raw_body *raw, kk_str *out)
{
    if (raw->text.ptr != NULL) {
        kk_code code = kk_tape_take_bytes(self, raw->text, out);
        if (code == KK_OK && !agrees(self, raw->json, *out)) {
            code = kk_tape_refuse(self, raw->text,
                                  "'text' and '_json' are not the same value; '_json' is the "
                                  "source, so mend or remove 'text'");
        }
        return code;
    }
    kk_buf_clear(&self->scratch);
    kk_code code = kk_json_compact(raw->json, &self->scratch, self->err);
    if (code != KK_OK) {
        return code;
    }
    *out = kk_arena_keep(&self->tape->arena, &self->scratch);
    return out->ptr != NULL ? KK_OK : kk_tape_no_memory(self);
}

static kk_code take_form(kk_tape_loader *self, const kk_tape_raw_body *raw, kk_str *out)
{
    if (raw->encoding.ptr != NULL && !kk_json_string_is(raw->encoding, KK_STR("base64"))) {
        return kk_tape_refuse(self, raw->encoding, "the only encoding of a text is \"base64\"");
    }
    bool encoded = raw->encoding.ptr != NULL && raw->text.ptr != NULL;
    if (raw->json.ptr != NULL && (raw->base64.ptr != NULL || encoded)) {
        return kk_tape_refuse(self, raw->json, "a body is either JSON or base64");
    }
    if (raw->json.ptr != NULL) {
        return take_json(self, raw, out);
    }
    if (raw->base64.ptr != NULL) {
        bool other = raw->text.ptr != NULL && !kk_json_string_is(raw->text, KK_STR(""));
        return other ? kk_tape_refuse(self, raw->text, "'text' has to be \"\" beside '_base64'")
                     : take_base64(self, raw->base64, out);
    }
    if (raw->text.ptr != NULL) {
        return encoded ? take_base64(self, raw->text, out)
                       : kk_tape_take_bytes(self, raw->text, out);
    }
    return KK_OK;
}

kk_code kk_tape_take_body(kk_tape_loader *self, const kk_tape_raw_body *raw, kk_str *out)
{
    *out = (kk_str){NULL, 0};
    kk_code code = take_form(self, raw, out);
    if (code == KK_OK && out->len > KK_BODY_MAX) {
        return kk_tape_refuse(self, raw->where, "a body is longer than %zu bytes", KK_BODY_MAX);
    }
    return code;
}

// ---- `_match`

typedef struct raw_match {
    kk_tape_texts ignore_json;
    kk_tape_texts headers;
    kk_str body;
} raw_match;

kk_code kk_tape_read_match(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"ignore_json", ARRAY, offsetof(raw_match, ignore_json), kk_tape_read_texts},
        {"headers", ARRAY, offsetof(raw_match, headers), kk_tape_read_texts},
        {"body", STRING, offsetof(raw_match, body), NULL},
    };
    (void)kind;
    kk_str where = self->reader.raw;
    raw_match raw = {0};
    kk_code code = kk_tape_read_members(self, members, COUNT(members), &raw);
    if (code != KK_OK) {
        return code;
    }
    if (raw.body.ptr != NULL && !kk_json_string_is(raw.body, KK_STR("ignore"))) {
        return kk_tape_refuse(self, raw.body, "the only rule for a body is \"ignore\"");
    }
    for (size_t i = 0; i < raw.ignore_json.count; i++) {
        if (raw.ignore_json.list[i][0] != '/') {
            return kk_tape_refuse(self, where, "a JSON Pointer of 'ignore_json' begins with '/'");
        }
    }
    *(kk_tape_match *)target =
        (kk_tape_match){.ignored = {raw.ignore_json.list, raw.ignore_json.count},
                        .headers = raw.headers.list,
                        .header_count = raw.headers.count,
                        .body_ignored = raw.body.ptr != NULL};
    return KK_OK;
}

// ---- `_failure`

// What each kind comes to.  [sent] is for a failure without a phase, or in one where the request
// was under way.
static const struct {
    const char *name;
    kk_code code;
    kk_sent sent;
} kinds[] = {
    {"dns", KK_ERR_DNS, KK_SENT_NO},
    {"connect", KK_ERR_CONNECT, KK_SENT_NO},
    {"tls", KK_ERR_TLS, KK_SENT_NO},
    {"reset", KK_ERR_RESET, KK_SENT_MAYBE},
    {"truncated", KK_ERR_TRUNCATED, KK_SENT_MAYBE},
    {"protocol", KK_ERR_PROTOCOL, KK_SENT_YES},
    {"timeout", KK_ERR_TIMEOUT, KK_SENT_MAYBE},
    {"cancelled", KK_ERR_CANCELLED, KK_SENT_MAYBE},
    {"too_large", KK_ERR_TOO_LARGE, KK_SENT_YES},
    {"redirect_refused", KK_ERR_REDIRECT_REFUSED, KK_SENT_YES},
    {"denied", KK_ERR_DENIED, KK_SENT_NO},
};

// The phases in order; nothing is sent in the first SENDING of them.
static const char *const phases[] = {"dns", "connect", "tls", "send", "wait", "receive"};
enum { SENDING = 3 };

kk_code kk_tape_read_failure(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    static const kk_tape_member members[] = {
        {"kind", STRING, offsetof(kk_tape_raw_failure, kind), NULL},
        {"phase", STRING, offsetof(kk_tape_raw_failure, phase), NULL},
        {"sent", STRING, offsetof(kk_tape_raw_failure, sent), NULL},
        {"hint", STRING, offsetof(kk_tape_raw_failure, hint), NULL},
        {"curl_code", NUMBER, offsetof(kk_tape_raw_failure, curl_code), NULL},
        {"after_bytes", NUMBER, offsetof(kk_tape_raw_failure, after_bytes), NULL},
    };
    (void)kind;
    kk_tape_raw_failure *raw = target;
    raw->where = self->reader.raw;
    return kk_tape_read_members(self, members, COUNT(members), raw);
}

static kk_code refuse_kind(kk_tape_loader *self, kk_str raw)
{
    return kk_tape_refuse(self, raw,
                          "unknown kind of failure; the kinds are dns, connect, tls, reset, "
                          "truncated, protocol, timeout, cancelled, too_large, redirect_refused, "
                          "denied");
}

// Whether the failure came before anything was sent, by its phase.
static kk_code take_phase(kk_tape_loader *self, kk_str raw, bool *early)
{
    *early = false;
    for (size_t i = 0; raw.ptr != NULL && i < COUNT(phases); i++) {
        if (kk_json_string_is(raw, kk_str_from(phases[i]))) {
            *early = i < SENDING;
            return KK_OK;
        }
    }
    return raw.ptr == NULL ? KK_OK
                           : kk_tape_refuse(self, raw,
                                            "unknown phase; the phases are dns, connect, tls, "
                                            "send, wait, receive");
}

// `sent` says what kind and phase leave open: HTTP/2 lets a server refuse a stream unread.
static kk_code take_sent(kk_tape_loader *self, kk_str raw, kk_tape_answer *answer)
{
    static const char *const names[] = {
        [KK_SENT_NO] = "no", [KK_SENT_MAYBE] = "maybe", [KK_SENT_YES] = "yes"};
    if (raw.ptr == NULL) {
        return KK_OK;
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        if (kk_json_string_is(raw, kk_str_from(names[i]))) {
            bool possible = answer->status == 0 || i == KK_SENT_YES;
            answer->failure_sent = (kk_sent)i;
            return possible ? KK_OK
                            : kk_tape_refuse(self, raw, "with a status, the request was sent");
        }
    }
    return kk_tape_refuse(self, raw, "'sent' is \"no\", \"maybe\" or \"yes\"");
}

static kk_code check_numbers(kk_tape_loader *self, const kk_tape_raw_failure *raw)
{
    int64_t ignored;
    kk_code code = KK_OK;
    if (raw->curl_code.ptr != NULL) {
        code = kk_tape_take_integer(self, raw->curl_code, 0, 1000, &ignored);
    }
    if (code == KK_OK && raw->after_bytes.ptr != NULL) {
        code = kk_tape_take_integer(self, raw->after_bytes, 0, INT64_MAX, &ignored);
    }
    return code;
}

kk_code kk_tape_take_failure(kk_tape_loader *self, const kk_tape_raw_failure *raw,
                             kk_tape_answer *answer)
{
    bool early;
    kk_code code = take_phase(self, raw->phase, &early);
    code = code == KK_OK ? check_numbers(self, raw) : code;
    if (code != KK_OK) {
        return code;
    }
    if (raw->kind.ptr == NULL) {
        return kk_tape_refuse(self, raw->where, "a failure needs its 'kind'");
    }
    size_t found = 0;
    while (found < COUNT(kinds) && !kk_json_string_is(raw->kind, kk_str_from(kinds[found].name))) {
        found++;
    }
    if (found == COUNT(kinds)) {
        return refuse_kind(self, raw->kind);
    }
    answer->failure = kinds[found].code;
    answer->failure_sent = early                ? KK_SENT_NO
                           : answer->status > 0 ? KK_SENT_YES
                                                : kinds[found].sent;
    if (early && (kinds[found].sent == KK_SENT_YES || answer->status > 0)) {
        return kk_tape_refuse(self, raw->phase, "this failure cannot come before anything is sent");
    }
    if (kinds[found].sent == KK_SENT_NO && answer->status > 0) {
        return kk_tape_refuse(self, raw->kind, "after this failure there is no status; it is 0");
    }
    code = take_sent(self, raw->sent, answer);
    return code == KK_OK && raw->hint.ptr != NULL
               ? kk_tape_take_text(self, raw->hint, &answer->hint)
               : code;
}
