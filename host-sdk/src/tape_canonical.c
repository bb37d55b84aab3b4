// JSON in the form in which equal values are equal bytes.
#include "tape_private.h"
#include <stdio.h>
#include <stdlib.h>

// A member that was written: where it lies in the output, and its name.
typedef struct member {
    size_t at;
    size_t len;
    size_t name_len;
    const char *text; // valid only while members are sorted
} member;

typedef struct writer {
    kk_json_reader reader;
    kk_buf *out;
    kk_buf sorted;
    kk_buf text;    // a string's meaning
    kk_buf pointer; // of the value that is being written; kept only if something is ignored
    member *members;
    size_t count;
    size_t capacity;
    const kk_tape_ignored *ignored;
} writer;

static bool write_value(writer *self, kk_json_kind kind);

static void write_string(writer *self, kk_str raw)
{
    if (memchr(raw.ptr, '\\', raw.len) == NULL) {
        kk_buf_append_str(self->out, raw);
        return;
    }
    kk_buf_clear(&self->text);
    kk_json_unescape(raw, &self->text);
    kk_json_write_string(self->out, kk_buf_view(&self->text));
}

// ---- Numbers

// A number taken apart: 0.DIGITS times ten to the power of [point], without leading or trailing
// zeros.
typedef struct decimal {
    bool negative;
    kk_str whole;
    kk_str fraction;
    int64_t exponent;
    bool huge; // the exponent is beyond what is counted with
} decimal;

static decimal take_apart(kk_str raw)
{
    decimal number = {.negative = raw.ptr[0] == '-'};
    const char *end = raw.ptr + raw.len;
    const char *at = raw.ptr + (number.negative ? 1 : 0);
    number.whole.ptr = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    number.whole.len = (size_t)(at - number.whole.ptr);
    if (at < end && *at == '.') {
        number.fraction.ptr = ++at;
        while (at < end && *at >= '0' && *at <= '9') {
            at++;
        }
        number.fraction.len = (size_t)(at - number.fraction.ptr);
    }
    if (at == end) {
        return number;
    }
    bool negative = at[1] == '-';
    for (at += at[1] == '-' || at[1] == '+' ? 2 : 1; at < end; at++) {
        number.huge = number.huge || number.exponent > INT64_C(1000000000000);
        number.exponent = number.huge ? 0 : number.exponent * 10 + (*at - '0');
    }
    number.exponent = negative ? -number.exponent : number.exponent;
    return number;
}

// Appends the digits as a plain number while it stays short, else with an exponent.
static void write_digits(kk_buf *out, kk_str digits, int64_t point)
{
    enum { PLAIN_MAX = 40, ZEROS_MAX = 6 };
    if (point > 0 && point <= PLAIN_MAX && (int64_t)digits.len <= point) {
        kk_buf_append_str(out, digits);
        for (int64_t i = (int64_t)digits.len; i < point; i++) {
            kk_buf_append_byte(out, '0');
        }
        return;
    }
    if (point > 0 && point < (int64_t)digits.len) {
        kk_buf_append(out, digits.ptr, (size_t)point);
        kk_buf_append_byte(out, '.');
        kk_buf_append(out, digits.ptr + point, digits.len - (size_t)point);
        return;
    }
    if (point <= 0 && point > -ZEROS_MAX) {
        kk_buf_append_format(out, "0.%.*s", (int)-point, "000000");
        kk_buf_append_str(out, digits);
        return;
    }
    kk_buf_append(out, digits.ptr, 1);
    if (digits.len > 1) {
        kk_buf_append_byte(out, '.');
        kk_buf_append(out, digits.ptr + 1, digits.len - 1);
    }
    kk_buf_append_format(out, "e%lld", (long long)point - 1);
}

// The same decimal is written the same way: 1, 1.0 and 10e-1 are "1".
static void write_number(writer *self, kk_str raw)
{
    decimal number = take_apart(raw);
    if (number.huge) {
        kk_buf_append_str(self->out, raw);
        return;
    }
    kk_buf_clear(&self->text);
    kk_buf_append_str(&self->text, number.whole);
    kk_buf_append_str(&self->text, number.fraction);
    kk_str digits = kk_buf_view(&self->text);
    int64_t point = (int64_t)number.whole.len + number.exponent;
    while (digits.len > 0 && digits.ptr[0] == '0') {
        digits.ptr++;
        digits.len--;
        point--;
    }
    while (digits.len > 0 && digits.ptr[digits.len - 1] == '0') {
        digits.len--;
    }
    if (digits.len == 0) {
        kk_buf_append_byte(self->out, '0');
        return;
    }
    if (number.negative) {
        kk_buf_append_byte(self->out, '-');
    }
    write_digits(self->out, digits, point);
}

// ---- What is ignored

static size_t enter(writer *self, kk_str raw_name, size_t index)
{
    size_t outer = self->pointer.len;
    if (self->ignored == NULL) {
        return outer;
    }
    if (raw_name.ptr == NULL) {
        kk_buf_append_format(&self->pointer, "/%zu", index);
        return outer;
    }
    kk_buf_append_byte(&self->pointer, '/');
    kk_buf_clear(&self->text);
    kk_json_unescape(raw_name, &self->text);
    for (size_t i = 0; i < self->text.len; i++) {
        char byte = self->text.ptr[i];
        if (byte == '~' || byte == '/') {
            kk_buf_append_text(&self->pointer, byte == '~' ? "~0" : "~1");
        } else {
            kk_buf_append_byte(&self->pointer, byte);
        }
    }
    return outer;
}

static void leave(writer *self, size_t outer)
{
    if (self->ignored != NULL && self->pointer.failed == KK_OK) {
        self->pointer.len = outer;
        self->pointer.ptr[outer] = '\0';
    }
}

static bool is_ignored(const writer *self)
{
    for (size_t i = 0; self->ignored != NULL && i < self->ignored->count; i++) {
        if (kk_str_is(kk_buf_view(&self->pointer), self->ignored->pointers[i])) {
            return true;
        }
    }
    return false;
}

// ---- Objects and arrays

static bool push(writer *self, member written)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 32 : self->capacity * 2;
        member *grown = realloc(self->members, capacity * sizeof *grown);
        if (grown == NULL) {
            self->out->failed = KK_ERR_INTERNAL;
            return false;
        }
        self->members = grown;
        self->capacity = capacity;
    }
    self->members[self->count++] = written;
    return true;
}

static int by_name(const void *left, const void *right)
{
    const member *a = left;
    const member *b = right;
    size_t len = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->text, b->text, len);
    if (order == 0 && a->name_len != b->name_len) {
        order = a->name_len < b->name_len ? -1 : 1;
    }
    if (order == 0) {
        order = a->at < b->at ? -1 : 1;
    }
    return order;
}

// Puts the members from [first] on, which lie in the output from [start] to its end, in the order
// of their names.
static void sort_members(writer *self, size_t first, size_t start)
{
    size_t count = self->count - first;
    if (count < 2) {
        return;
    }
    member *members = self->members + first;
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        members[i].text = self->out->ptr + members[i].at;
        sorted = sorted && (i == 0 || by_name(&members[i - 1], &members[i]) < 0);
    }
    if (sorted) {
        return;
    }
    qsort(members, count, sizeof *members, by_name);
    kk_buf_clear(&self->sorted);
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            kk_buf_append_byte(&self->sorted, ',');
        }
        kk_buf_append(&self->sorted, members[i].text, members[i].len);
    }
    if (self->sorted.failed != KK_OK) {
        self->out->failed = self->sorted.failed;
        return;
    }
    memcpy(self->out->ptr + start, self->sorted.ptr, self->sorted.len);
}

static bool write_member(writer *self, bool comma)
{
    if (comma) {
        kk_buf_append_byte(self->out, ',');
    }
    member written = {.at = self->out->len};
    write_string(self, self->reader.raw);
    written.name_len = self->out->len - written.at;
    kk_buf_append_byte(self->out, ':');
    if (!write_value(self, kk_json_next(&self->reader)) || self->out->failed != KK_OK) {
        return false;
    }
    written.len = self->out->len - written.at;
    return push(self, written);
}

static bool pass_over(writer *self, kk_json_kind kind)
{
    kk_str raw;
    return kk_json_finish_value(&self->reader, kind, &raw);
}

static bool write_object(writer *self)
{
    size_t first = self->count;
    kk_buf_append_byte(self->out, '{');
    size_t start = self->out->len;
    kk_json_kind kind;
    while ((kind = kk_json_next(&self->reader)) == KK_JSON_NAME) {
        size_t outer = enter(self, self->reader.raw, 0);
        bool good = is_ignored(self) ? pass_over(self, kk_json_next(&self->reader))
                                     : write_member(self, self->count > first);
        leave(self, outer);
        if (!good) {
            return false;
        }
    }
    if (kind != KK_JSON_OBJECT_END) {
        return false;
    }
    sort_members(self, first, start);
    self->count = first;
    kk_buf_append_byte(self->out, '}');
    return true;
}

static bool write_array(writer *self)
{
    kk_buf_append_byte(self->out, '[');
    size_t written = 0;
    for (size_t index = 0;; index++) {
        kk_json_kind kind = kk_json_next(&self->reader);
        if (kind == KK_JSON_ARRAY_END) {
            kk_buf_append_byte(self->out, ']');
            return true;
        }
        size_t outer = enter(self, (kk_str){NULL, 0}, index);
        bool ignored = is_ignored(self);
        if (!ignored && written++ > 0) {
            kk_buf_append_byte(self->out, ',');
        }
        bool good = ignored ? pass_over(self, kind) : write_value(self, kind);
        leave(self, outer);
        if (!good) {
            return false;
        }
    }
}

static bool write_value(writer *self, kk_json_kind kind)
{
    switch (kind) {
    case KK_JSON_OBJECT:
        return write_object(self);
    case KK_JSON_ARRAY:
        return write_array(self);
    case KK_JSON_STRING:
        write_string(self, self->reader.raw);
        return true;
    case KK_JSON_NUMBER:
        write_number(self, self->reader.raw);
        return true;
    case KK_JSON_TRUE:
    case KK_JSON_FALSE:
    case KK_JSON_NULL:
        kk_buf_append_str(self->out, self->reader.raw);
        return true;
    default:
        return false;
    }
}

bool kk_tape_canonical(kk_str text, const kk_tape_ignored *ignored, kk_buf *out)
{
    writer self = {.out = out,
                   .sorted = {.limit = KK_TAPE_MAX},
                   .text = {.limit = KK_TAPE_MAX},
                   .pointer = {.limit = KK_TAPE_MAX},
                   .ignored = ignored != NULL && ignored->count > 0 ? ignored : NULL};
    kk_json_reader_init(&self.reader, text);
    bool good =
        write_value(&self, kk_json_next(&self.reader)) && kk_json_next(&self.reader) == KK_JSON_END;
    if (self.text.failed != KK_OK || self.pointer.failed != KK_OK) {
        out->failed = KK_ERR_INTERNAL;
    }
    free(self.members);
    kk_buf_clean(&self.sorted);
    kk_buf_clean(&self.text);
    kk_buf_clean(&self.pointer);
    return good;
}
