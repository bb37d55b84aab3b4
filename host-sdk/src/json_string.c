// What the raw tokens of JSON mean, and the writing of strings.
#include "json.h"
#include "utf8.h"

enum { REPLACEMENT = 0xFFFD };

static uint32_t hex4(const char *at)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        char byte = at[i];
        uint32_t digit = (uint32_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high_half(uint32_t unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_half(uint32_t unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

// Resolves the escape that begins at [at], with [left] bytes up to the closing quote, and gives its
// length in *len.  A lone surrogate comes back as itself.
static uint32_t resolve_escape(const char *at, size_t left, size_t *len)
{
    static const char letters[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";
    *len = 2;
    if (at[1] != 'u') {
        const char *letter = strchr(letters, at[1]);
        return (unsigned char)(letter != NULL ? meanings[letter - letters] : at[1]);
    }
    *len = 6;
    uint32_t unit = hex4(at + 2);
    if (!is_high_half(unit) || left < 12 || at[6] != '\\' || at[7] != 'u') {
        return unit;
    }
    uint32_t low = hex4(at + 8);
    if (!is_low_half(low)) {
        return unit;
    }
    *len = 12;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static size_t encode(uint32_t character, char out[4])
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t len = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)((0xF00 >> len & 0xF0) | character);
    return len;
}

static kk_str inside_quotes(kk_str raw)
{
    return (kk_str){raw.ptr + 1, raw.len - 2};
}

// Takes one byte from the front of [text], in which `~0` and `~1` are one byte if it is a segment
// of a JSON Pointer; false unless it is [wanted].
static bool take_byte(kk_str *text, bool segment, char wanted)
{
    if (text->len == 0) {
        return false;
    }
    char byte = text->ptr[0];
    size_t len = 1;
    if (segment && byte == '~' && text->len > 1) {
        byte = text->ptr[1] == '1' ? '/' : '~';
        len = 2;
    }
    text->ptr += len;
    text->len -= len;
    return byte == wanted;
}

static bool take_bytes(kk_str *text, bool segment, const char *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!take_byte(text, segment, wanted[i])) {
            return false;
        }
    }
    return true;
}

static bool means(kk_str body, kk_str text, bool segment)
{
    size_t len = 0;
    for (size_t at = 0; at < body.len; at += len) {
        char bytes[4] = {body.ptr[at]};
        size_t count = len = 1;
        if (body.ptr[at] == '\\') {
            uint32_t character = resolve_escape(body.ptr + at, body.len - at, &len);
            if (is_high_half(character) || is_low_half(character)) {
                return false;
            }
            count = encode(character, bytes);
        }
        if (!take_bytes(&text, segment, bytes, count)) {
            return false;
        }
    }
    return text.len == 0;
}

// A look that settles it for most names: an escape is longer than what it means, and most names
// differ in their first byte.
static inline bool may_mean(kk_str body, kk_str text)
{
    return body.len >= text.len &&
           (text.len == 0 || body.ptr[0] == '\\' || body.ptr[0] == text.ptr[0]);
}

static bool string_means(kk_str body, kk_str text)
{
    if (memchr(body.ptr, '\\', body.len) == NULL) {
        return kk_str_equals(body, text);
    }
    return means(body, text, false);
}

bool kk_json_string_is(kk_str raw, kk_str text)
{
    kk_str body = inside_quotes(raw);
    return may_mean(body, text) && string_means(body, text);
}

bool kk_json_object_get(const kk_json_object *object, const char *name, kk_str *raw)
{
    kk_str wanted = kk_str_from(name);
    for (size_t i = object->count; i > 0; i--) {
        const kk_json_pair *pair = &object->pairs[i - 1];
        kk_str body = inside_quotes(pair->name);
        if (may_mean(body, wanted) && string_means(body, wanted)) {
            *raw = pair->value;
            return true;
        }
    }
    return false;
}

bool kk_json_segment_is(kk_str raw, kk_str segment)
{
    return means(inside_quotes(raw), segment, true);
}

// Of what does not fit, as much as does: a message shows how it begins.
static void append_cut(kk_buf *out, kk_str text)
{
    size_t room = out->limit - out->len;
    if (text.len <= room) {
        kk_buf_append_str(out, text);
        return;
    }
    kk_buf_append(out, text.ptr, room);
    kk_buf_append_byte(out, text.ptr[room]);
}

void kk_json_write_segment(kk_buf *out, kk_str name)
{
    kk_buf_append_byte(out, '/');
    for (size_t done = 0; done < name.len && out->failed == KK_OK;) {
        size_t at = done;
        while (at < name.len && name.ptr[at] != '~' && name.ptr[at] != '/') {
            at++;
        }
        append_cut(out, (kk_str){name.ptr + done, at - done});
        if (at < name.len) {
            kk_buf_append_text(out, name.ptr[at++] == '~' ? "~0" : "~1");
        }
        done = at;
    }
}

void kk_json_unescape(kk_str raw, kk_buf *out)
{
    kk_str body = inside_quotes(raw);
    while (body.len > 0) {
        const char *escape = memchr(body.ptr, '\\', body.len);
        size_t plain = escape != NULL ? (size_t)(escape - body.ptr) : body.len;
        kk_buf_append(out, body.ptr, plain);
        size_t len = 0;
        if (escape != NULL) {
            uint32_t character = resolve_escape(escape, body.len - plain, &len);
            bool lone = is_high_half(character) || is_low_half(character);
            char bytes[4];
            kk_buf_append(out, bytes, encode(lone ? REPLACEMENT : character, bytes));
        }
        body.ptr += plain + len;
        body.len -= plain + len;
    }
}

bool kk_json_string_is_text(kk_str raw)
{
    kk_str body = inside_quotes(raw);
    size_t len = 0;
    for (size_t at = 0; at < body.len; at += len) {
        const char *escape = memchr(body.ptr + at, '\\', body.len - at);
        if (escape == NULL) {
            return true;
        }
        at = (size_t)(escape - body.ptr);
        uint32_t character = resolve_escape(escape, body.len - at, &len);
        if (character == 0 || is_high_half(character) || is_low_half(character)) {
            return false;
        }
    }
    return true;
}

// Appends one byte that may not stand in a string as it is.
static void write_escaped(kk_buf *out, char byte)
{
    static const char meanings[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *meaning = byte != '\0' ? strchr(meanings, byte) : NULL;
    if (meaning != NULL) {
        kk_buf_append_byte(out, '\\');
        kk_buf_append_byte(out, letters[meaning - meanings]);
        return;
    }
    kk_buf_append_format(out, "\\u%04x", (unsigned)byte);
}

void kk_json_write_string(kk_buf *out, kk_str text)
{
    kk_buf_append_byte(out, '"');
    size_t start = 0;
    size_t at = 0;
    while (at < text.len) {
        unsigned char byte = (unsigned char)text.ptr[at];
        size_t len = byte < 0x80 ? 1 : kk_utf8_length(text.ptr + at, text.len - at);
        if (len == 0 || byte < 0x20 || byte == '"' || byte == '\\') {
            kk_buf_append(out, text.ptr + start, at - start);
            if (len == 0) {
                kk_buf_append_text(out, "\xEF\xBF\xBD");
            } else {
                write_escaped(out, (char)byte);
            }
            start = at + 1;
            len = 1;
        }
        at += len;
    }
    if (at > start) {
        kk_buf_append(out, text.ptr + start, at - start);
    }
    kk_buf_append_byte(out, '"');
}

bool kk_json_integer(kk_str raw, int64_t *out)
{
    bool negative = raw.len > 0 && raw.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t value = 0;
    if (at == raw.len) {
        return false;
    }
    for (; at < raw.len; at++) {
        if (raw.ptr[at] < '0' || raw.ptr[at] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(raw.ptr[at] - '0');
        if (value > (limit - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}
