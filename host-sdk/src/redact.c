// The redactor: what it knows, and the parts of a request or answer that are no JSON.
#include "fail.h"
#include "json.h"
#include "redact_private.h"
#include <stdlib.h>
#include <strings.h>

// ---- Known values

// Plain, base64 at three offsets in two alphabets, hexadecimal, with '+' for ' ', and the value
// with its own escapes taken off.
enum { FORMS_MAX = 1 + 6 + 1 + 1 + KK_REDACT_LAYERS };

struct kk_redact_value {
    kk_redact_value *next;
    kk_secret secret; // the value and its forms, for the secret of an account
    kk_buf learnt;    // the same for one from an answer, which was in ordinary memory anyway
    kk_str value;
    char *stand_in;
    kk_redact_pattern patterns[FORMS_MAX];
    size_t pattern_count;
};

static void free_value(kk_redact_value *self)
{
    kk_secret_clean(&self->secret);
    kk_wipe(self->learnt.ptr, self->learnt.len);
    kk_buf_clean(&self->learnt);
    free(self->stand_in);
    free(self);
}

kk_code kk_redactor_new(kk_redactor **out, kk_error *err)
{
    kk_redactor *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for redaction");
    }
    kk_code code = kk_secret_start(err);
    if (code != KK_OK) {
        free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

void kk_redactor_free(kk_redactor *self)
{
    for (size_t i = 0; self != NULL && i < KK_REDACT_BUCKETS; i++) {
        while (self->values[i] != NULL) {
            kk_redact_value *next = self->values[i]->next;
            free_value(self->values[i]);
            self->values[i] = next;
        }
    }
    free(self);
}

uint64_t kk_redactor_last_fake(const kk_redactor *self)
{
    return self->last_fake;
}

void kk_redactor_skip(kk_redactor *self, uint64_t last)
{
    self->last_fake = last > self->last_fake ? last : self->last_fake;
}

// The base64 characters that the value decides alone when [offset] bytes of a group stand before
// it.
static size_t write_base64(kk_str value, size_t offset, const char *alphabet, char *out)
{
    size_t skip = offset == 0 ? 0 : 3 - offset;
    size_t len = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = skip; i < value.len; i++) {
        bits = bits << 8 | (unsigned char)value.ptr[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            out[len++] = alphabet[bits >> held & 63];
        }
    }
    return len;
}

static size_t write_hex(kk_str value, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < value.len; i++) {
        out[2 * i] = digits[(unsigned char)value.ptr[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)value.ptr[i] & 15];
    }
    return 2 * value.len;
}

// The most bytes that all forms of a value need.
static size_t room_of(size_t len)
{
    return len + 6 * (len * 4 / 3 + 4) + 2 * len + len + KK_REDACT_LAYERS * len;
}

static void add_pattern(kk_redact_value *self, char *bytes, size_t len, bool any_case)
{
    if (len < 4) {
        return;
    }
    for (size_t i = 0; i < self->pattern_count; i++) {
        if (kk_str_equals(self->patterns[i].bytes, (kk_str){bytes, len})) {
            return;
        }
    }
    self->patterns[self->pattern_count++] =
        (kk_redact_pattern){.bytes = {bytes, len}, .any_case = any_case};
}

static char *add_base64(kk_redact_value *self, char *at)
{
    static const char standard[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char for_urls[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t offset = 0; offset < 3; offset++) {
        size_t len = write_base64(self->value, offset, standard, at);
        add_pattern(self, at, len, false);
        at += len;
        len = write_base64(self->value, offset, for_urls, at);
        add_pattern(self, at, len, false);
        at += len;
    }
    return at;
}

// Writes the forms behind the value; [at] has room for them.
static void make_patterns(kk_redact_value *self, char *at)
{
    add_pattern(self, (char *)self->value.ptr, self->value.len, true);
    at = add_base64(self, at);
    size_t len = write_hex(self->value, at);
    add_pattern(self, at, len, true);
    at += len;
    memcpy(at, self->value.ptr, self->value.len);
    for (size_t i = 0; i < self->value.len; i++) {
        at[i] = at[i] == ' ' ? '+' : at[i];
    }
    add_pattern(self, at, self->value.len, true);
    at += self->value.len;
    kk_str inner = self->value;
    for (int i = 0; i < KK_REDACT_LAYERS; i++) {
        len = kk_redact_unwrap(inner, at, NULL);
        if (len == inner.len || len < KK_REDACT_KNOWN_MIN) {
            break;
        }
        add_pattern(self, at, len, true);
        inner = (kk_str){at, len};
        at += len;
    }
}

// Room for a value and its forms: locked memory for the secret of an account.
static char *take_room(kk_redact_value *self, kk_str value, bool learnt)
{
    size_t room = value.len + room_of(value.len);
    char *memory = NULL;
    if (learnt) {
        self->learnt.limit = room;
        memory = kk_buf_reserve(&self->learnt, room);
        kk_buf_grow(&self->learnt, memory != NULL ? room : 0);
    } else if (kk_secret_make(&self->secret, room, NULL) == KK_OK) {
        memory = (char *)self->secret.ptr;
    }
    if (memory != NULL) {
        memcpy(memory, value.ptr, value.len);
        self->value = (kk_str){memory, value.len};
    }
    return memory;
}

static size_t bucket_of(kk_str value)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < value.len; i++) {
        hash = (hash ^ (unsigned char)value.ptr[i]) * 16777619U;
    }
    return (hash ^ hash >> 16) % KK_REDACT_BUCKETS;
}

// Keeps a value with what takes its place, which the redactor then owns.
static bool keep(kk_redactor *self, kk_str value, char *stand_in, bool learnt, bool searched)
{
    kk_redact_value *kept = stand_in != NULL ? calloc(1, sizeof *kept) : NULL;
    char *memory = kept != NULL ? take_room(kept, value, learnt) : NULL;
    if (memory == NULL) {
        free(kept);
        free(stand_in);
        return false;
    }
    kept->stand_in = stand_in;
    kk_redact_value **bucket = &self->values[bucket_of(value)];
    kept->next = *bucket;
    *bucket = kept;
    if (searched) {
        make_patterns(kept, memory + value.len);
    }
    for (size_t i = 0; i < kept->pattern_count; i++) {
        kept->patterns[i].stand_in = stand_in;
        kk_redact_set_add(&self->known, &kept->patterns[i]);
    }
    return true;
}

static const kk_redact_value *find(const kk_redactor *self, kk_str value)
{
    const kk_redact_value *at = self->values[bucket_of(value)];
    while (at != NULL && !kk_str_equals(at->value, value)) {
        at = at->next;
    }
    return at;
}

kk_code kk_redactor_know(kk_redactor *self, const char *field, kk_str value, kk_error *err)
{
    char name[64] = "";
    kk_text_append_upper(name, sizeof name, field);
    if (value.len < KK_REDACT_KNOWN_MIN) {
        kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS,
                               "the value of '%s' is too short to be kept out of a recording: less "
                               "than %d bytes",
                               field, KK_REDACT_KNOWN_MIN);
        kk_fail_hint(err, "record with another account, or write the tape by hand");
        return code;
    }
    if (find(self, value) != NULL) {
        return KK_OK;
    }
    kk_buf stand_in = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&stand_in, "{{%s}}", name);
    char *text = kk_buf_steal(&stand_in);
    kk_buf_clean(&stand_in);
    return keep(self, value, text, false, true)
               ? KK_OK
               : kk_fail(err, KK_ERR_INTERNAL, "out of memory for redaction");
}

// Whether a value is unlike enough to words that looking for it elsewhere finds only itself.
static bool is_distinct(kk_str value)
{
    bool letter = false;
    bool digit = false;
    bool at = false;
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i];
        letter = letter || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        digit = digit || (byte >= '0' && byte <= '9');
        at = at || byte == '@';
    }
    return value.len >= 12 || (value.len >= 8 && letter && digit) ||
           (value.len >= KK_REDACT_KNOWN_MIN && at);
}

const char *kk_redactor_stand_in(kk_redactor *self, kk_str value, kk_redact_make_fn make)
{
    const kk_redact_value *known = find(self, value);
    if (known != NULL) {
        return known->stand_in;
    }
    kk_buf fake = {.limit = KK_TEXT_MAX};
    make(value, ++self->last_fake, &fake);
    char *text = kk_buf_steal(&fake);
    kk_buf_clean(&fake);
    bool searched = is_distinct(value) && self->learnt < KK_REDACT_LEARNT_MAX;
    self->learnt += searched;
    return keep(self, value, text, true, searched) ? text : NULL;
}

bool kk_redact_text(kk_redactor *self, kk_str text, bool percent, kk_buf *out)
{
    if (self != NULL && kk_redact_replace(&self->known, text, percent, out)) {
        return true;
    }
    kk_buf_append_str(out, text);
    return false;
}

// ---- Headers

bool kk_redact_keeps_header(kk_redact_side side, const char *name)
{
    static const char *const of_request[] = {"accept",   "content-type",  "idempotency-key",
                                             "if-match", "if-none-match", NULL};
    static const char *const of_response[] = {"content-type", "retry-after",  "location", "link",
                                              "etag",         "x-request-id", NULL};
    const char *const *names = side == KK_REDACT_REQUEST ? of_request : of_response;
    for (; *names != NULL; names++) {
        if (strcasecmp(name, *names) == 0) {
            return true;
        }
    }
    return side == KK_REDACT_RESPONSE &&
           (strncasecmp(name, "ratelimit", 9) == 0 || strncasecmp(name, "x-ratelimit-", 12) == 0);
}

// The URLs in a link header stand between '<' and '>'.
static bool redact_link(kk_redactor *self, kk_str value, kk_buf *out)
{
    bool changed = false;
    while (value.len > 0) {
        bool url = value.ptr[0] == '<';
        const char *end = memchr(value.ptr + 1, url ? '>' : '<', value.len - 1);
        size_t len = end != NULL ? (size_t)(end - value.ptr) : value.len;
        if (url) {
            kk_buf_append_byte(out, '<');
            changed |=
                kk_redact_url(self, KK_REDACT_RESPONSE, (kk_str){value.ptr + 1, len - 1}, out);
        } else {
            changed |= kk_redact_text(self, (kk_str){value.ptr, len}, false, out);
        }
        value = (kk_str){value.ptr + len, value.len - len};
    }
    return changed;
}

bool kk_redact_header(kk_redactor *self, kk_redact_side side, const char *name, kk_str value,
                      kk_buf *out)
{
    static const kk_str request_id = {"00000000-0000-4000-8000-000000000000", 36};
    if (strcasecmp(name, "x-request-id") == 0) {
        kk_buf_append_str(out, request_id);
        return !kk_str_equals(value, request_id);
    }
    if (strcasecmp(name, "link") == 0) {
        return redact_link(self, value, out);
    }
    if (strcasecmp(name, "location") != 0) {
        return kk_redact_text(self, value, false, out);
    }
    const char *query = value.len > 0 ? memchr(value.ptr, '?', value.len) : NULL;
    kk_str rest = {value.ptr, query != NULL ? (size_t)(query - value.ptr) : value.len};
    return kk_redact_url(self, side, rest, out) || query != NULL;
}

// ---- Queries and forms

// A name as it is compared: without its escapes.
static kk_redact_kind kind_of_pair(kk_redact_side side, kk_str name)
{
    char plain[128];
    if (name.len >= sizeof plain) {
        return KK_REDACT_PLAIN;
    }
    return kk_redact_kind_of(side, (kk_str){plain, kk_redact_unwrap(name, plain, NULL)});
}

// Decodes a value as forms write it, to see what it is.
static void decode_value(kk_str value, kk_buf *out)
{
    char *room = kk_buf_reserve(out, value.len + 1);
    if (room == NULL) {
        return;
    }
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        char byte = value.ptr[i] == '+' ? ' ' : value.ptr[i];
        if (byte == '%' && value.len - i >= 3) {
            char one[4]; // three bytes, if they are no triplet
            bool taken = kk_redact_unwrap((kk_str){value.ptr + i, 3}, one, NULL) == 1;
            byte = taken ? one[0] : byte;
            i += taken ? 2 : 0;
        }
        room[len++] = byte;
    }
    kk_buf_grow(out, len);
}

// A pair in which known values are replaced already.
static bool redact_pair(kk_redactor *self, kk_redact_side side, kk_str pair, kk_buf *out)
{
    const char *equals = memchr(pair.ptr, '=', pair.len);
    kk_str name = {pair.ptr, equals != NULL ? (size_t)(equals - pair.ptr) : pair.len};
    kk_str value = {pair.ptr + name.len, pair.len - name.len};
    kk_redact_kind kind = value.len > 1 ? kind_of_pair(side, name) : KK_REDACT_PLAIN;
    bool signature = value.len > 1 && kk_redact_is_signature(name);
    if (kind == KK_REDACT_PERSON || (kind == KK_REDACT_PLAIN && !signature)) {
        kk_buf_append_str(out, pair);
        return false;
    }
    kk_buf plain = {.limit = SIZE_MAX};
    decode_value((kk_str){value.ptr + 1, value.len - 1}, &plain);
    bool harmless = kk_redact_is_harmless(kind, kk_buf_view(&plain));
    kk_buf_append(out, pair.ptr, name.len + 1);
    if (harmless) {
        kk_buf_append(out, value.ptr + 1, value.len - 1);
    } else if (signature) {
        kk_buf_append_text(out, KK_REDACTED);
    } else {
        kk_redact_write_fake(self, side, kind, kk_buf_view(&plain), out);
    }
    kk_wipe(plain.ptr, plain.len);
    kk_buf_clean(&plain);
    return !harmless;
}

static bool redact_pairs(kk_redactor *self, kk_redact_side side, kk_str query, kk_buf *out)
{
    bool changed = false;
    while (query.len > 0) {
        const char *end = memchr(query.ptr, '&', query.len);
        size_t len = end != NULL ? (size_t)(end - query.ptr) : query.len;
        changed |= redact_pair(self, side, (kk_str){query.ptr, len}, out);
        if (end != NULL) {
            kk_buf_append_byte(out, '&');
            len++;
        }
        query = (kk_str){query.ptr + len, query.len - len};
    }
    return changed;
}

bool kk_redact_query(kk_redactor *self, kk_redact_side side, kk_str query, kk_buf *out)
{
    kk_buf known = {.limit = SIZE_MAX};
    bool changed = kk_redact_text(self, query, true, &known);
    changed = redact_pairs(self, side, kk_buf_view(&known), out) || changed;
    out->failed = out->failed == KK_OK ? known.failed : out->failed;
    kk_buf_clean(&known);
    return changed;
}

// ---- URLs

// The user information at the front of what stands behind "://", with its '@', or 0.
static size_t user_length(kk_str rest)
{
    size_t authority = 0;
    size_t user = 0;
    for (; authority < rest.len && strchr("/?# \"'<>", rest.ptr[authority]) == NULL; authority++) {
        user = rest.ptr[authority] == '@' ? authority + 1 : user;
    }
    return user;
}

// A URL in which known values are replaced already.
static bool redact_parts(kk_redactor *self, kk_redact_side side, kk_str url, kk_buf *out)
{
    static const char hidden[] = KK_REDACTED "@";
    bool changed = false;
    const char *scheme = url.len > 0 ? memmem(url.ptr, url.len, "://", 3) : NULL;
    if (scheme != NULL) {
        size_t start = (size_t)(scheme - url.ptr) + 3;
        kk_str rest = {url.ptr + start, url.len - start};
        size_t user = user_length(rest);
        kk_buf_append(out, url.ptr, start);
        kk_buf_append_text(out, user > 0 ? hidden : "");
        changed = user > 0 && !kk_str_equals((kk_str){rest.ptr, user}, kk_str_from(hidden));
        url = (kk_str){rest.ptr + user, rest.len - user};
    }
    const char *query = url.len > 0 ? memchr(url.ptr, '?', url.len) : NULL;
    size_t path = query != NULL ? (size_t)(query - url.ptr) : url.len;
    kk_buf_append(out, url.ptr, path);
    if (query == NULL) {
        return changed;
    }
    kk_buf_append_byte(out, '?');
    return redact_pairs(self, side, (kk_str){query + 1, url.len - path - 1}, out) || changed;
}

bool kk_redact_url(kk_redactor *self, kk_redact_side side, kk_str url, kk_buf *out)
{
    kk_buf known = {.limit = SIZE_MAX};
    bool changed = kk_redact_text(self, url, true, &known);
    changed = redact_parts(self, side, kk_buf_view(&known), out) || changed;
    out->failed = out->failed == KK_OK ? known.failed : out->failed;
    kk_buf_clean(&known);
    return changed;
}

// ---- Bodies

static bool is_media(const char *media, const char *wanted)
{
    size_t len = strlen(wanted);
    return media != NULL && strncasecmp(media, wanted, len) == 0 &&
           (media[len] == '\0' || media[len] == ';' || media[len] == ' ');
}

static bool is_json(const char *media)
{
    const char *suffix = media != NULL ? strcasestr(media, "+json") : NULL;
    return is_media(media, "application/json") ||
           (suffix != NULL && (suffix[5] == '\0' || suffix[5] == ';' || suffix[5] == ' '));
}

bool kk_redact_body(kk_redactor *self, kk_redact_side side, const char *media, kk_str body,
                    kk_buf *out, kk_redact_note_fn note, void *context)
{
    bool changed = false;
    if (is_json(media) && kk_redact_json(self, side, body, out, &changed, note, context)) {
        return changed;
    }
    changed = is_media(media, "application/x-www-form-urlencoded")
                  ? kk_redact_query(self, side, body, out)
                  : kk_redact_text(self, body, false, out);
    if (changed && note != NULL) {
        note(context, "");
    }
    return changed;
}
