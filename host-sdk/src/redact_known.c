// Finding known values in all their forms.
//
// A text is looked at as it is, then with one layer of escapes taken off, and so on.  Every byte of
// a layer knows from where in the text it came, so that what is found is replaced in the text
// itself.
//
// A second time round two backslashes are two: what stands before a value may end in one that would
// otherwise take the first backslash of the value's own escapes with it.
#include "redact_private.h"
#include <stdlib.h>
#include <strings.h>

// ---- Taking escapes off

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The value of [count] hexadecimal digits, or -1.
static int hex_value(const char *at, size_t left, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = i < left ? hex_digit(at[i]) : -1;
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static size_t put_utf8(uint32_t point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xC0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xE0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (point >> 18 & 7));
    out[1] = (char)(0x80 | (point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

// \uXXXX, two of them for a character beyond the first plane.  All of these return how many bytes
// of the text they have taken, 0 for none.
static size_t unwrap_unicode(const char *at, size_t left, char *out, size_t *out_len)
{
    int first = hex_value(at + 2, left - 2, 4);
    if (first < 0) {
        return 0;
    }
    if (first >= 0xD800 && first < 0xDC00 && left >= 12 && at[6] == '\\' && at[7] == 'u') {
        int second = hex_value(at + 8, 4, 4);
        if (second >= 0xDC00 && second < 0xE000) {
            *out_len = put_utf8(
                0x10000 + ((uint32_t)(first - 0xD800) << 10) + (uint32_t)(second - 0xDC00), out);
            return 12;
        }
    }
    *out_len = put_utf8((uint32_t)first, out);
    return 6;
}

static size_t unwrap_backslash(const char *at, size_t left, bool paired, char *out, size_t *out_len)
{
    static const char letters[] = "bfnrt";
    static const char bytes[] = "\b\f\n\r\t";
    if (left < 2 || at[1] == '\0' || (at[1] == '\\' && !paired)) {
        return 0;
    }
    if (at[1] == 'u') {
        return unwrap_unicode(at, left, out, out_len);
    }
    *out_len = 1;
    if (at[1] == 'x' && hex_value(at + 2, left - 2, 2) >= 0) {
        out[0] = (char)hex_value(at + 2, left - 2, 2);
        return 4;
    }
    // Before anything else a backslash is only one: what follows may be in another escape.
    const char *letter = strchr(letters, at[1]);
    if (letter == NULL && strchr("\"\\/'", at[1]) == NULL) {
        return 0;
    }
    out[0] = letter != NULL ? bytes[letter - letters] : at[1];
    return 2;
}

// The number of &#65; or &#x41;.
static size_t unwrap_number(const char *at, size_t len, char *out, size_t *out_len)
{
    bool hex = len > 3 && (at[2] | 0x20) == 'x';
    uint32_t value = 0;
    size_t i = hex ? 3 : 2;
    if (i + 1 >= len) {
        return 0;
    }
    for (; i + 1 < len; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0 || (!hex && digit > 9) || value > 0x10FFFF) {
            return 0;
        }
        value = value * (hex ? 16 : 10) + (uint32_t)digit;
    }
    if (value > 0x10FFFF) {
        return 0;
    }
    *out_len = put_utf8(value, out);
    return *out_len <= len ? len : 0;
}

static size_t unwrap_reference(const char *at, size_t left, char *out, size_t *out_len)
{
    static const struct {
        const char *name;
        char byte;
    } names[] = {{"amp", '&'},    {"lt", '<'},   {"gt", '>'},    {"quot", '"'},   {"apos", '\''},
                 {"plus", '+'},   {"sol", '/'},  {"bsol", '\\'}, {"equals", '='}, {"colon", ':'},
                 {"period", '.'}, {"num", '#'},  {"semi", ';'},  {"comma", ','},  {"lowbar", '_'},
                 {"commat", '@'}, {"excl", '!'}, {"quest", '?'}, {"percnt", '%'}, {"dollar", '$'}};
    enum { LONGEST = 12 };
    const char *end = memchr(at, ';', left < LONGEST ? left : LONGEST);
    if (end == NULL) {
        return 0;
    }
    size_t len = (size_t)(end - at) + 1;
    if (at[1] == '#') {
        return unwrap_number(at, len, out, out_len);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (len == strlen(names[i].name) + 2 && memcmp(at + 1, names[i].name, len - 2) == 0) {
            out[0] = names[i].byte;
            *out_len = 1;
            return len;
        }
    }
    return 0;
}

static size_t unwrap_one(const char *at, size_t left, bool paired, char *out, size_t *out_len)
{
    if (at[0] == '%' && left >= 3 && hex_value(at + 1, 2, 2) >= 0) {
        out[0] = (char)hex_value(at + 1, 2, 2);
        *out_len = 1;
        return 3;
    }
    if (at[0] == '\\') {
        return unwrap_backslash(at, left, paired, out, out_len);
    }
    return at[0] == '&' ? unwrap_reference(at, left, out, out_len) : 0;
}

// With [paired] two backslashes stand for one.
static size_t unwrap(kk_str text, bool paired, char *out, uint32_t *from)
{
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        char bytes[4] = {text.ptr[at]};
        size_t count = 1;
        size_t taken = unwrap_one(text.ptr + at, text.len - at, paired, bytes, &count);
        if (taken == 0) {
            bytes[0] = text.ptr[at];
            taken = count = 1;
        }
        for (size_t i = 0; i < count; i++) {
            if (from != NULL) {
                from[len] = (uint32_t)at;
            }
            out[len++] = bytes[i];
        }
        at += taken;
    }
    if (from != NULL) {
        from[len] = (uint32_t)text.len;
    }
    return len;
}

size_t kk_redact_unwrap(kk_str text, char *out, uint32_t *from)
{
    return unwrap(text, true, out, from);
}

static bool may_be_wrapped(kk_str text)
{
    return memchr(text.ptr, '%', text.len) != NULL || memchr(text.ptr, '\\', text.len) != NULL ||
           memchr(text.ptr, '&', text.len) != NULL;
}

// ---- The set

// Of the first four bytes, letters without regard to case.
static uint32_t hash_of(const char *at)
{
    uint32_t first;
    memcpy(&first, at, sizeof first);
    return (first | 0x20202020U) * 2654435761U >> 16;
}

void kk_redact_set_add(kk_redact_known_set *self, kk_redact_pattern *pattern)
{
    uint32_t hash = hash_of(pattern->bytes.ptr);
    kk_redact_pattern **slot = &self->slots[hash & 0xFFF];
    self->seen[hash / 64] |= UINT64_C(1) << (hash % 64);
    // The longest first: of two that begin alike it is the one that is meant.
    while (*slot != NULL && (*slot)->bytes.len >= pattern->bytes.len) {
        slot = &(*slot)->next;
    }
    pattern->next = *slot;
    *slot = pattern;
    self->count++;
}

static const kk_redact_pattern *match_at(const kk_redact_known_set *self, const char *at,
                                         size_t left, uint32_t hash)
{
    const kk_redact_pattern *pattern = self->slots[hash & 0xFFF];
    for (; pattern != NULL; pattern = pattern->next) {
        kk_str bytes = pattern->bytes;
        bool equal = bytes.len <= left &&
                     (memcmp(at, bytes.ptr, bytes.len) == 0 ||
                      (pattern->any_case && strncasecmp(at, bytes.ptr, bytes.len) == 0));
        if (equal) {
            return pattern;
        }
    }
    return NULL;
}

// Finds the next pattern at or after *at, which it moves there.
static const kk_redact_pattern *next_match(const kk_redact_known_set *self, kk_str text, size_t *at)
{
    for (; *at + 4 <= text.len; (*at)++) {
        uint32_t hash = hash_of(text.ptr + *at);
        if ((self->seen[hash / 64] >> (hash % 64) & 1) == 0) {
            continue;
        }
        const kk_redact_pattern *found = match_at(self, text.ptr + *at, text.len - *at, hash);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

// ---- Replacing

// What was found, in bytes of the original text.
typedef struct span {
    size_t start;
    size_t end;
    const char *stand_in;
} span;

typedef struct finder {
    const kk_redact_known_set *set;
    kk_buf spans; // of span
    char *layer;  // the text without the escapes that were taken off so far
    size_t len;
    uint32_t *from; // where its bytes came from
    bool paired;    // two backslashes stand for one
} finder;

static void look(finder *self)
{
    kk_str text = {self->layer, self->len};
    size_t at = 0;
    const kk_redact_pattern *found;
    while ((found = next_match(self->set, text, &at)) != NULL) {
        span one = {self->from != NULL ? self->from[at] : at,
                    self->from != NULL ? self->from[at + found->bytes.len] : at + found->bytes.len,
                    found->stand_in};
        kk_buf_append(&self->spans, &one, sizeof one);
        at++; // what begins inside is found too
    }
}

// Takes one more layer off.  False if there is none, or no memory.
static bool peel(finder *self)
{
    kk_str text = {self->layer, self->len};
    if (!may_be_wrapped(text)) {
        return false;
    }
    char *layer = malloc(text.len + 1);
    uint32_t *from = malloc((text.len + 1) * sizeof *from);
    size_t len = 0;
    if (layer != NULL && from != NULL) {
        len = unwrap(text, self->paired, layer, from);
    } else {
        self->spans.failed = KK_ERR_INTERNAL;
    }
    bool more = self->spans.failed == KK_OK && len < text.len;
    for (size_t i = 0; more && self->from != NULL && i <= len; i++) {
        from[i] = self->from[from[i]];
    }
    if (!more) {
        kk_wipe(layer, layer != NULL ? len : 0);
        free(layer);
        free(from);
        return false;
    }
    if (self->from != NULL) {
        kk_wipe(self->layer, self->len);
        free(self->layer);
    }
    free(self->from);
    self->layer = layer;
    self->from = from;
    self->len = len;
    return true;
}

// What is found behind escapes.
static void find_behind(finder *self, kk_str text, bool paired)
{
    self->layer = (char *)text.ptr;
    self->len = text.len;
    self->paired = paired;
    for (int i = 0; i < KK_REDACT_LAYERS && peel(self); i++) {
        look(self);
    }
    if (self->from != NULL) {
        kk_wipe(self->layer, self->len);
        free(self->layer);
    }
    free(self->from);
    self->from = NULL;
}

// All that is found in a text, at most 4 GiB of it.
static void find_all(finder *self, kk_str text)
{
    self->layer = (char *)text.ptr;
    self->len = text.len;
    look(self);
    if (may_be_wrapped(text)) {
        find_behind(self, text, true);
        find_behind(self, text, false);
    }
}

static int by_start(const void *left, const void *right)
{
    const span *a = left;
    const span *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    return a->end == b->end ? 0 : a->end > b->end ? -1 : 1;
}

static void write_stand_in(const char *text, bool encode, kk_buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        if (encode && strchr("@/:?#[]", *text) != NULL) {
            const char encoded[] = {'%', digits[*text >> 4 & 15], digits[*text & 15]};
            kk_buf_append(out, encoded, sizeof encoded);
        } else {
            kk_buf_append_byte(out, *text);
        }
    }
}

// Writes the text with what was found replaced; what overlaps goes as one.
static void write_replaced(kk_str text, const span *spans, size_t count, bool percent, kk_buf *out)
{
    size_t done = 0;
    for (size_t i = 0; i < count;) {
        size_t end = spans[i].end;
        size_t next = i + 1;
        for (; next < count && spans[next].start < end; next++) {
            end = spans[next].end > end ? spans[next].end : end;
        }
        size_t len = end - spans[i].start;
        bool encode = percent && memchr(text.ptr + spans[i].start, '%', len) != NULL;
        kk_buf_append(out, text.ptr + done, spans[i].start - done);
        write_stand_in(spans[i].stand_in, encode, out);
        done = end;
        i = next;
    }
    kk_buf_append(out, text.ptr + done, text.len - done);
}

bool kk_redact_replace(const kk_redact_known_set *self, kk_str text, bool percent, kk_buf *out)
{
    if (self->count == 0 || text.len < 4) {
        return false;
    }
    finder found = {.set = self, .spans = {.limit = SIZE_MAX}};
    find_all(&found, text);
    size_t count = found.spans.len / sizeof(span);
    if (found.spans.failed != KK_OK) {
        out->failed = found.spans.failed;
    } else if (count > 0) {
        qsort(found.spans.ptr, count, sizeof(span), by_start);
        write_replaced(text, (const span *)(const void *)found.spans.ptr, count, percent, out);
    }
    kk_buf_clean(&found.spans);
    return count > 0;
}

bool kk_redact_holds(const kk_redact_known_set *self, kk_str text)
{
    if (self->count == 0 || text.len < 4) {
        return false;
    }
    finder found = {.set = self, .spans = {.limit = SIZE_MAX}};
    find_all(&found, text);
    bool holds = found.spans.len > 0 || found.spans.failed != KK_OK;
    kk_buf_clean(&found.spans);
    return holds;
}

bool kk_redact_holds_written(const kk_redact_known_set *self, kk_str raw)
{
    return memchr(raw.ptr, '\\', raw.len) != NULL && kk_redact_holds(self, raw);
}
