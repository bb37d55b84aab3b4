// The normal form of a request: what has to be equal for an entry to answer it.
#include "fail.h"
#include "redact.h"
#include "tape_private.h"
#include "url.h"
#include <stdlib.h>
#include <strings.h>

// ---- Percent-encoding

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The byte that a percent-triplet at [at] stands for, or -1 if there is none.
static int triplet(kk_str text, size_t at)
{
    if (text.ptr[at] != '%' || text.len - at < 3) {
        return -1;
    }
    int high = hex_digit(text.ptr[at + 1]);
    int low = hex_digit(text.ptr[at + 2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

// Appends one byte, as a triplet unless it is unreserved.
static void encode(kk_buf *out, unsigned char byte)
{
    if (is_unreserved(byte)) {
        kk_buf_append_byte(out, (char)byte);
        return;
    }
    const char digits[] = "0123456789ABCDEF";
    const char text[] = {'%', digits[byte >> 4], digits[byte & 15]};
    kk_buf_append(out, text, sizeof text);
}

// A path keeps its reserved bytes as they are written: %2F is no '/'.
static void write_path(kk_str path, kk_buf *out)
{
    if (path.len == 0) {
        kk_buf_append_byte(out, '/');
    }
    for (size_t at = 0; at < path.len; at++) {
        int byte = triplet(path, at);
        if (byte < 0) {
            kk_buf_append_byte(out, path.ptr[at]);
            continue;
        }
        encode(out, (unsigned char)byte);
        at += 2;
    }
}

// ---- Pairs

// A pair in the buffer that is being written: `name`, `name=` or `name=value`.
typedef struct pair {
    kk_str name;
    kk_str whole;
    size_t number;
} pair;

static int by_name(const void *left, const void *right)
{
    const pair *a = left;
    const pair *b = right;
    size_t len = a->name.len < b->name.len ? a->name.len : b->name.len;
    int order = len == 0 ? 0 : memcmp(a->name.ptr, b->name.ptr, len);
    if (order == 0 && a->name.len != b->name.len) {
        order = a->name.len < b->name.len ? -1 : 1;
    }
    if (order == 0) {
        order = a->number < b->number ? -1 : 1;
    }
    return order;
}

// Decodes one pair and encodes it again; the first '=' stays.
static void write_pair(kk_str text, kk_buf *out)
{
    bool in_name = true;
    for (size_t at = 0; at < text.len; at++) {
        int byte = triplet(text, at);
        if (byte >= 0) {
            encode(out, (unsigned char)byte);
            at += 2;
        } else if (text.ptr[at] == '=' && in_name) {
            in_name = false;
            kk_buf_append_byte(out, '=');
        } else {
            encode(out, text.ptr[at] == '+' ? ' ' : (unsigned char)text.ptr[at]);
        }
    }
}

// The text up to the next '&', taken from the front of [rest].
static kk_str take_pair(kk_str *rest)
{
    const char *end = memchr(rest->ptr, '&', rest->len);
    kk_str taken = {rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
    size_t passed = taken.len + (end == NULL ? 0 : 1);
    rest->ptr += passed;
    rest->len -= passed;
    return taken;
}

static size_t count_pairs(kk_str text)
{
    size_t count = 0;
    while (text.len > 0) {
        take_pair(&text);
        count++;
    }
    return count;
}

static size_t split_pairs(kk_str text, pair *pairs)
{
    size_t count = 0;
    while (text.len > 0) {
        kk_str whole = take_pair(&text);
        const char *equals = memchr(whole.ptr, '=', whole.len);
        kk_str name = {whole.ptr, equals == NULL ? whole.len : (size_t)(equals - whole.ptr)};
        pairs[count] = (pair){.name = name, .whole = whole, .number = count};
        count++;
    }
    return count;
}

void kk_tape_pairs(kk_str text, kk_buf *out)
{
    kk_buf plain = {.limit = out->limit};
    while (text.len > 0) {
        kk_str one = take_pair(&text);
        if (one.len > 0) {
            kk_buf_append_text(&plain, plain.len > 0 ? "&" : "");
            write_pair(one, &plain);
        }
    }
    size_t most = count_pairs(kk_buf_view(&plain));
    pair *pairs = most > 0 ? malloc(most * sizeof *pairs) : NULL;
    if (plain.failed != KK_OK || (most > 0 && pairs == NULL)) {
        out->failed = KK_ERR_INTERNAL;
        goto done;
    }
    size_t count = most > 0 ? split_pairs(kk_buf_view(&plain), pairs) : 0;
    if (count > 1) {
        qsort(pairs, count, sizeof *pairs, by_name);
    }
    for (size_t i = 0; i < count; i++) {
        kk_buf_append_text(out, i > 0 ? "&" : "");
        kk_buf_append_str(out, pairs[i].whole);
    }

done:
    free(pairs);
    kk_buf_clean(&plain);
}

// ---- Headers

const char *kk_tape_header(const kk_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(headers[i].name, name) == 0) {
            return headers[i].value;
        }
    }
    return NULL;
}

// The length of a {{FIELD}} at the front of [text], or 0.
static size_t placeholder_length(kk_str text)
{
    if (!kk_str_starts_with(text, "{{")) {
        return 0;
    }
    size_t at = 2;
    while (at < text.len && ((text.ptr[at] >= 'A' && text.ptr[at] <= 'Z') ||
                             (text.ptr[at] >= '0' && text.ptr[at] <= '9') || text.ptr[at] == '_')) {
        at++;
    }
    bool closed = at > 2 && text.len - at >= 2 && memcmp(text.ptr + at, "}}", 2) == 0;
    return closed ? at + 2 : 0;
}

bool kk_tape_is_shape(kk_str value)
{
    enum { LITERAL_MAX = 16 }; // what a format puts around its fields is short, a credential is not
    size_t fields = 0;
    size_t literal = 0;
    while (value.len > 0) {
        size_t len = placeholder_length(value);
        literal = len > 0 ? 0 : literal + 1;
        fields += len > 0 ? 1 : 0;
        len = len > 0 ? len : 1;
        value = (kk_str){value.ptr + len, value.len - len};
        if (literal > LITERAL_MAX) {
            return false;
        }
    }
    return fields > 0;
}

static void append_lower(kk_buf *out, kk_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        kk_buf_append_byte(out, byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte);
    }
}

static kk_str trimmed(kk_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

// "application/json; charset=utf-8" is the media type "application/json".
static void write_media(const char *content_type, kk_buf *out)
{
    kk_str text = kk_str_from(content_type);
    const char *end = text.len > 0 ? memchr(text.ptr, ';', text.len) : NULL;
    text.len = end != NULL ? (size_t)(end - text.ptr) : text.len;
    append_lower(out, trimmed(text));
}

static bool is_json(kk_str media)
{
    return kk_str_is(media, "application/json") ||
           (media.len > 5 && memcmp(media.ptr + media.len - 5, "+json", 5) == 0);
}

// ---- The key

typedef struct maker {
    const kk_tape_source *source;
    kk_arena *arena;
    kk_buf buf;
    bool failed;
} maker;

// Keeps what was written, and begins anew.
static kk_str keep(maker *self)
{
    kk_str kept = kk_arena_keep(self->arena, &self->buf);
    self->failed = self->failed || kept.ptr == NULL;
    return kept;
}

static void make_place(maker *self, const kk_url *url, kk_tape_key *out)
{
    for (const char *at = self->source->method; *at != '\0'; at++) {
        kk_buf_append_byte(&self->buf, *at >= 'a' && *at <= 'z' ? (char)(*at & ~0x20) : *at);
    }
    out->method = keep(self);
    out->secure = url->secure;
    out->port = url->port;
    append_lower(&self->buf, url->host);
    out->host = keep(self);
    write_path(url->path, &self->buf);
    out->path = keep(self);
    kk_tape_pairs(url->query, &self->buf);
    out->query = keep(self);
}

static kk_str redact_body(maker *self, kk_str media)
{
    kk_str body = self->source->body;
    bool replaced =
        kk_redact_body(NULL, KK_REDACT_REQUEST, media.ptr, body, &self->buf, NULL, NULL);
    if (replaced || self->buf.failed != KK_OK) {
        return keep(self);
    }
    kk_buf_clear(&self->buf);
    return body;
}

static void make_body(maker *self, kk_tape_key *out)
{
    if (self->source->body.ptr == NULL) {
        return;
    }
    if (self->source->content_type != NULL) {
        write_media(self->source->content_type, &self->buf);
    }
    out->media = keep(self);
    if (out->media.ptr == NULL) {
        return; // out of memory, which the maker remembers
    }
    kk_str body = redact_body(self, out->media);
    out->whole = body;
    if (body.ptr == NULL) {
        return;
    }
    out->form = KK_TAPE_BYTES;
    if (is_json(out->media) && kk_tape_canonical(body, self->source->ignored, &self->buf)) {
        out->form = KK_TAPE_JSON;
    } else if (kk_str_is(out->media, "application/x-www-form-urlencoded")) {
        out->form = KK_TAPE_PAIRS;
        kk_tape_pairs(body, &self->buf);
    } else {
        kk_buf_clear(&self->buf);
        kk_buf_append_str(&self->buf, body);
    }
    out->body = keep(self);
}

static void make_shape(maker *self, kk_tape_key *out)
{
    const kk_header *credential = &self->source->credential;
    if (credential->name == NULL) {
        return;
    }
    append_lower(&self->buf, kk_str_from(credential->name));
    out->shape_name = keep(self);
    kk_str value = trimmed(kk_str_from(credential->value));
    kk_buf_append_str(&self->buf,
                      kk_tape_is_shape(value) ? value : KK_STR("(a literal credential)"));
    out->shape = keep(self);
}

// FNV-1a over the bytes and their number, so that bytes cannot move from one part to the next.
static uint64_t hash_more(uint64_t hash, kk_str part)
{
    const uint64_t prime = UINT64_C(1099511628211);
    for (size_t i = 0; i < part.len; i++) {
        hash = (hash ^ (unsigned char)part.ptr[i]) * prime;
    }
    return (hash ^ part.len) * prime;
}

kk_code kk_tape_key_make(const kk_tape_source *source, kk_arena *arena, kk_tape_key *out,
                         kk_error *err)
{
    kk_url url;
    kk_code code = kk_url_parse(source->url, &url, err);
    if (code != KK_OK) {
        return code;
    }
    maker self = {.source = source, .arena = arena, .buf = {.limit = KK_TAPE_MAX}};
    kk_tape_key key = {0};
    if (kk_redact_url(NULL, KK_REDACT_REQUEST, kk_str_from(source->url), &self.buf)) {
        kk_str redacted = keep(&self);
        code = redacted.ptr != NULL ? kk_url_parse(redacted.ptr, &url, err) : KK_OK;
    }
    kk_buf_clear(&self.buf);
    if (code != KK_OK) {
        kk_buf_clean(&self.buf);
        return code;
    }
    make_place(&self, &url, &key);
    make_body(&self, &key);
    make_shape(&self, &key);
    kk_buf_clean(&self.buf);
    if (self.failed) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for a request");
    }
    key.place = hash_more(UINT64_C(14695981039346656037), key.method);
    key.place = hash_more(hash_more(key.place, key.path), key.query);
    key.all = hash_more(key.place ^ (uint64_t)key.form, key.body);
    *out = key;
    return KK_OK;
}
