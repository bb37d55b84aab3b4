// Covering what a service repeats of a secret, where it stands and without a copy of it.
//
// A service may write a secret as it is, in hexadecimal or in base64, alone or behind other bytes,
// and around that JSON its escapes or a URL its percent signs.  What a form has to be is made from
// the value byte by byte, while the text is compared with it.
#include "account_private.h"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>

// ---- What a form of the value is, byte by byte

// In base64 the first characters stand for the bytes before the value too, and the last for those
// behind it: only those in between are compared.  Which they are depends on how many bytes are
// before it, of every three.
typedef enum form { FORM_PLAIN, FORM_HEX, FORM_BASE64, FORM_BASE64_1, FORM_BASE64_2, FORMS } form;

static size_t bits_before(form self)
{
    return (size_t)(self - FORM_BASE64) * 8;
}

static size_t form_length(form self, kk_str value)
{
    switch (self) {
    case FORM_PLAIN:
        return value.len;
    case FORM_HEX:
        return value.len * 2;
    default:
        return (bits_before(self) + value.len * 8) / 6 - (bits_before(self) + 5) / 6;
    }
}

static char form_at(form self, kk_str value, size_t index)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (self == FORM_PLAIN) {
        return value.ptr[index];
    }
    if (self == FORM_HEX) {
        unsigned char byte = (unsigned char)value.ptr[index / 2];
        return digits[index % 2 == 0 ? byte >> 4 : byte & 15];
    }
    size_t bit = ((bits_before(self) + 5) / 6 + index) * 6 - bits_before(self);
    unsigned pair = (unsigned)(unsigned char)value.ptr[bit / 8] << 8;
    pair |= bit / 8 + 1 < value.len ? (unsigned char)value.ptr[bit / 8 + 1] : 0U;
    return letters[pair >> (10 - bit % 8) & 63];
}

// Hexadecimal has digits in both cases, and base64 two alphabets.
static bool is_same(form self, char wanted, char byte)
{
    if (self == FORM_HEX) {
        return tolower((unsigned char)byte) == wanted;
    }
    return byte == wanted || (self >= FORM_BASE64 &&
                              ((wanted == '+' && byte == '-') || (wanted == '/' && byte == '_')));
}

// ---- What the text says

// As what a text is read: with so many layers of JSON's escapes, or with percent signs.
enum { LAYERS_MAX = 2, PERCENT = -1 };

static bool read_hex(const char *at, size_t count, unsigned *out)
{
    char digits[5] = "";
    memcpy(digits, at, count);
    return strspn(digits, "0123456789abcdefABCDEF") == count && sscanf(digits, "%x", out) == 1;
}

static size_t read_percent(const char *at, size_t left, char *out)
{
    unsigned value = 0;
    *out = *at;
    if (*at != '%' || left < 3 || !read_hex(at + 1, 2, &value)) {
        return 1;
    }
    *out = (char)value;
    return 3;
}

static size_t read_byte(int layers, const char *at, size_t left, char *out);

// XXXX of \uXXXX, of which [len] bytes were read.
static size_t read_unicode(int layers, const char *at, size_t left, size_t len, char *out)
{
    char digits[4];
    unsigned value = 0;
    for (size_t i = 0; i < sizeof digits; i++) {
        size_t taken = len < left ? read_byte(layers, at + len, left - len, &digits[i]) : 0;
        if (taken == 0) {
            return 0;
        }
        len += taken;
    }
    if (!read_hex(digits, sizeof digits, &value) || value == 0 || value > 0x7E) {
        return 0;
    }
    *out = (char)value;
    return len;
}

// The byte that is written at [at], and how long its writing is: itself, or an escape.
static size_t read_byte(int layers, const char *at, size_t left, char *out)
{
    if (layers == PERCENT) {
        return read_percent(at, left, out);
    }
    *out = *at;
    if (layers == 0) {
        return 1;
    }
    size_t first = read_byte(layers - 1, at, left, out);
    if (*out != '\\' || first >= left) {
        return first;
    }
    char byte = '\0';
    size_t both = first + read_byte(layers - 1, at + first, left - first, &byte);
    if (byte == '"' || byte == '\\' || byte == '/') {
        *out = byte;
        return both;
    }
    size_t whole = byte == 'u' ? read_unicode(layers - 1, at, left, both, out) : 0;
    return whole > 0 ? whole : first;
}

// How many bytes at [at] mean the value, or 0.
static size_t match(const char *at, size_t left, int layers, form wanted, kk_str value)
{
    size_t count = form_length(wanted, value);
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        char byte = '\0';
        size_t taken = len < left ? read_byte(layers, at + len, left - len, &byte) : 0;
        if (taken == 0 || !is_same(wanted, form_at(wanted, value, i), byte)) {
            return 0;
        }
        len += taken;
    }
    return len;
}

// How a character of a form may be written otherwise than by an escape: itself for none.
static char other_writing(form wanted, char byte)
{
    if (wanted == FORM_HEX) {
        return (char)toupper((unsigned char)byte);
    }
    bool dashed = wanted >= FORM_BASE64 && (byte == '+' || byte == '/');
    return !dashed ? byte : byte == '+' ? '-' : '_';
}

static char escape_of(int layers)
{
    return layers == PERCENT ? '%' : '\\';
}

// The bytes with which a form may begin, and where each of them comes next; NULL = nowhere.
enum { STARTS = 3 };

typedef struct starts {
    char bytes[STARTS];
    char *next[STARTS];
    size_t count;
} starts;

static void add_start(starts *self, char byte, char *text, size_t len)
{
    for (size_t i = 0; i < self->count; i++) {
        if (self->bytes[i] == byte) {
            return;
        }
    }
    self->bytes[self->count] = byte;
    self->next[self->count++] = memchr(text, byte, len);
}

// The next place from [at] on at which a form may begin, or NULL.
static char *next_start(starts *self, char *at, const char *end)
{
    char *nearest = NULL;
    for (size_t i = 0; i < self->count; i++) {
        if (self->next[i] != NULL && self->next[i] < at) {
            self->next[i] = memchr(at, self->bytes[i], (size_t)(end - at));
        }
        if (self->next[i] != NULL && (nearest == NULL || self->next[i] < nearest)) {
            nearest = self->next[i];
        }
    }
    return nearest;
}

static void hide_form(char *bytes, size_t len, int layers, form wanted, kk_str value)
{
    starts self = {.count = 0};
    char first = form_at(wanted, value, 0);
    char second = form_length(wanted, value) > 1 ? form_at(wanted, value, 1) : '\0';
    char escape = escape_of(layers);
    char *end = bytes + len;
    char *at = bytes;
    add_start(&self, first, bytes, len);
    add_start(&self, other_writing(wanted, first), bytes, len);
    if (layers != 0) {
        add_start(&self, escape, bytes, len);
    }
    while ((at = next_start(&self, at, end)) != NULL) {
        // Most places are none by their second byte alone.
        bool other = second != '\0' && *at != escape && at + 1 < end && at[1] != escape &&
                     !is_same(wanted, second, at[1]);
        size_t found = other ? 0 : match(at, (size_t)(end - at), layers, wanted, value);
        memset(at, '*', found);
        at += found > 0 ? found : 1;
    }
}

static void hide_plain(char *bytes, size_t len, kk_str value)
{
    char *at = bytes;
    while ((at = memmem(at, len - (size_t)(at - bytes), value.ptr, value.len)) != NULL) {
        memset(at, '*', value.len);
        at += value.len;
    }
}

// How many layers of JSON's escapes there may be.  A backslash that was escaped is the sign of the
// second: written twice, or by its number, 005C.
static int layers_of(const char *bytes, size_t len)
{
    if (memchr(bytes, '\\', len) == NULL) {
        return 0;
    }
    bool nested = memmem(bytes, len, "\\\\", 2) != NULL || memmem(bytes, len, "\\u005", 5) != NULL;
    return nested ? LAYERS_MAX : 1;
}

static void hide_value(char *bytes, size_t len, kk_str value)
{
    hide_plain(bytes, len, value);
    int layers = layers_of(bytes, len);
    for (int i = 1; i <= layers; i++) {
        hide_form(bytes, len, i, FORM_PLAIN, value);
    }
    if (memchr(bytes, '%', len) != NULL) {
        hide_form(bytes, len, PERCENT, FORM_PLAIN, value);
    }
    for (form other = FORM_HEX; other < FORMS; other++) {
        hide_form(bytes, len, layers > 0 ? 1 : 0, other, value);
    }
}

// ---- Whether a text may hold a form at all

// Nearly no text does, which shows without all of it being read.  A form without escapes begins
// with so many known pairs of neighbours in a row that looking at the last pair of each row of the
// text meets one of them.  A form with escapes has a first one.
enum { PAIRS = 4096, ROW_MAX = 31 };

// A text that is shorter is sooner searched than its pairs are looked at.
enum { LOOKED_AT_MIN = 256 };

// Tells much of the values: to be wiped.
typedef struct known {
    bool pairs[PAIRS];         // the first [row] of each form, by their number
    bool bytes[UCHAR_MAX + 1]; // of the values
    size_t row;                // at most so many pairs as the shortest form has
} known;

// Sixteen pairs share a number.  One that is taken for another costs time, no more.
static size_t number_of(char first, char second)
{
    return ((unsigned char)first | (size_t)(unsigned char)second << 8) % PAIRS;
}

static bool is_known(const known *self, const char *pair)
{
    return self->pairs[number_of(pair[0], pair[1])];
}

static void know_form(known *self, form wanted, kk_str value)
{
    char first = form_at(wanted, value, 0);
    for (size_t i = 1; i <= self->row; i++) {
        char second = form_at(wanted, value, i);
        self->pairs[number_of(first, second)] = true;
        self->pairs[number_of(first, other_writing(wanted, second))] = true;
        self->pairs[number_of(other_writing(wanted, first), second)] = true;
        self->pairs[number_of(other_writing(wanted, first), other_writing(wanted, second))] = true;
        first = second;
    }
}

static void know_value(known *self, kk_str value)
{
    for (form each = FORM_PLAIN; each < FORMS; each++) {
        know_form(self, each, value);
    }
    for (size_t i = 0; i < value.len; i++) {
        self->bytes[(unsigned char)value.ptr[i]] = true;
    }
}

// The shortest form of a value is the value.
static void know_values(known *self, const kk_str *values, size_t count)
{
    *self = (known){.row = ROW_MAX};
    for (size_t i = 0; i < count; i++) {
        self->row = values[i].len <= self->row ? values[i].len - 1 : self->row;
    }
    for (size_t i = 0; i < count; i++) {
        know_value(self, values[i]);
    }
}

// How many known pairs are in a row with the one at [at].
static size_t row_length(const known *self, const char *bytes, size_t len, size_t at)
{
    size_t first = at;
    size_t end = at + 1;
    while (first > 0 && is_known(self, bytes + first - 1)) {
        first--;
    }
    while (end + 1 < len && is_known(self, bytes + end)) {
        end++;
    }
    return end - first;
}

static bool has_row(const known *self, const char *bytes, size_t len)
{
    for (size_t at = self->row - 1; at + 1 < len; at += self->row) {
        if (is_known(self, bytes + at) && row_length(self, bytes, len, at) >= self->row) {
            return true;
        }
    }
    return false;
}

static bool is_encoded(char byte)
{
    return isalnum((unsigned char)byte) || strchr("+/-_", byte) != NULL;
}

// Whether the escape at [at] may be the first in a form.  What is before it is itself, so that it
// is read from here on: as a byte of a value, or under one layer as a character of the other forms.
static bool may_escape(const known *self, const char *at, size_t left)
{
    for (int layers = PERCENT; layers <= LAYERS_MAX; layers++) {
        char byte = '\0';
        read_byte(layers, at, left, &byte);
        if (self->bytes[(unsigned char)byte] || (layers == 1 && is_encoded(byte))) {
            return true;
        }
    }
    return false;
}

static bool has_escape(const known *self, const char *bytes, size_t len, char sign)
{
    const char *end = bytes + len;
    const char *at = bytes;
    while ((at = memchr(at, sign, (size_t)(end - at))) != NULL) {
        if (may_escape(self, at, (size_t)(end - at))) {
            return true;
        }
        at++;
    }
    return false;
}

static bool may_hold(const char *bytes, size_t len, const kk_str *values, size_t count)
{
    known self;
    know_values(&self, values, count);
    bool may = has_row(&self, bytes, len) || has_escape(&self, bytes, len, '\\') ||
               has_escape(&self, bytes, len, '%');
    kk_wipe(&self, sizeof self);
    return may;
}

void kk_account_hide(char *bytes, size_t len, const kk_str *values, size_t count)
{
    if (count == 0 || (len >= LOOKED_AT_MIN && !may_hold(bytes, len, values, count))) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        hide_value(bytes, len, values[i]);
    }
}
