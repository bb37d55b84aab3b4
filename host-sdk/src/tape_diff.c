// What differs between a request and an entry: normal forms compared part by part.
#include "redact.h"
#include "tape_private.h"
#include <stdio.h>

enum {
    SHOWN = sizeof((kk_tape_differences *)NULL)->shown / sizeof(kk_tape_difference),
    DEPTH_MAX = 32, // of objects and arrays that are compared member by member; deeper ones whole
    VALUE_MAX = 80
};

// ---- Showing a value

// The length of the UTF-8 sequence at the front of [text] if it is whole and may be shown, else 0.
static size_t showable(kk_str text)
{
    unsigned char lead = (unsigned char)text.ptr[0];
    if (lead < 0x80) {
        return lead >= 0x20 && lead != 0x7F ? 1 : 0;
    }
    size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (len == 0 || len > text.len || lead > 0xF4) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text.ptr[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    // U+0080 to U+009F steer terminals too.
    bool control = lead == 0xC2 && (unsigned char)text.ptr[1] < 0xA0;
    return control ? 0 : len;
}

void kk_tape_show(kk_str text, char *out, size_t out_size)
{
    size_t room = out_size - 1 < VALUE_MAX ? out_size - 1 : VALUE_MAX;
    size_t len = 0;
    if (kk_redact_is_suspect(text)) {
        text = KK_STR(KK_REDACT_SUSPECT);
    }
    while (text.len > 0) {
        size_t taken = showable(text);
        size_t needed = taken > 0 ? taken : 4;
        size_t reserve = text.len > (taken > 0 ? taken : 1) ? 3 : 0;
        if (len + needed + reserve > room) {
            break;
        }
        if (taken > 0) {
            memcpy(out + len, text.ptr, taken);
        } else {
            snprintf(out + len, 5, "\\x%02X", (unsigned char)text.ptr[0]);
            taken = 1;
        }
        len += needed;
        text = (kk_str){text.ptr + taken, text.len - taken};
    }
    out[len] = '\0';
    if (text.len > 0) {
        memcpy(out + len, "...", 4);
    }
}

// ---- Noting a difference

static void show_value(kk_str text, char *out, size_t out_size)
{
    if (text.ptr == NULL) {
        snprintf(out, out_size, "(absent)");
        return;
    }
    kk_tape_show(text, out, out_size);
}

static void note(kk_tape_differences *out, const char *pointer, kk_str tape, kk_str request)
{
    if (out->count < SHOWN) {
        kk_tape_difference *one = &out->shown[out->count];
        kk_tape_show(kk_str_from(pointer), one->pointer, sizeof one->pointer);
        show_value(tape, one->tape, sizeof one->tape);
        show_value(request, one->request, sizeof one->request);
    }
    out->count++;
}

static bool is_full(const kk_tape_differences *out)
{
    return out->count >= KK_TAPE_DIFFERENCES_MAX;
}

// ---- JSON

// A value that is read beside another one of the same kind.
typedef struct side {
    kk_json_reader reader;
    kk_str name;  // of the member, with its quotes; ptr NULL at the end or in an array
    kk_str value; // ptr NULL at the end
} side;

static void compare(kk_str tape, kk_str request, kk_buf *pointer, size_t depth,
                    kk_tape_differences *out);

static void advance(side *self)
{
    self->name = (kk_str){NULL, 0};
    self->value = (kk_str){NULL, 0};
    kk_json_kind kind = kk_json_next(&self->reader);
    if (kind == KK_JSON_NAME) {
        self->name = self->reader.raw;
        kind = kk_json_next(&self->reader);
    }
    if (kind != KK_JSON_OBJECT_END && kind != KK_JSON_ARRAY_END) {
        kk_json_finish_value(&self->reader, kind, &self->value);
    }
}

static void begin(side *self, kk_str text)
{
    kk_json_reader_init(&self->reader, text);
    (void)kk_json_next(&self->reader);
    advance(self);
}

// The order of members in the normal form; a side that has ended comes last.
static int order(kk_str a, kk_str b)
{
    if (a.ptr == NULL || b.ptr == NULL) {
        return a.ptr == b.ptr ? 0 : a.ptr == NULL ? 1 : -1;
    }
    size_t len = a.len < b.len ? a.len : b.len;
    int result = memcmp(a.ptr, b.ptr, len);
    if (result == 0 && a.len != b.len) {
        result = a.len < b.len ? -1 : 1;
    }
    return result;
}

static void append_segment(kk_buf *pointer, kk_str raw_name, size_t index)
{
    if (raw_name.ptr == NULL) {
        kk_buf_append_format(pointer, "/%zu", index);
        return;
    }
    kk_buf name = {.limit = KK_TAPE_MAX};
    kk_json_unescape(raw_name, &name);
    kk_buf_append_byte(pointer, '/');
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        if (byte == '~' || byte == '/') {
            kk_buf_append_text(pointer, byte == '~' ? "~0" : "~1");
        } else {
            kk_buf_append_byte(pointer, byte);
        }
    }
    kk_buf_clean(&name);
}

static void truncate_to(kk_buf *pointer, size_t len)
{
    if (pointer->ptr != NULL) {
        pointer->len = len;
        pointer->ptr[len] = '\0';
    }
}

static void compare_inside(kk_str tape, kk_str request, kk_buf *pointer, size_t depth,
                           kk_tape_differences *out)
{
    side a;
    side b;
    begin(&a, tape);
    begin(&b, request);
    for (size_t index = 0; (a.value.ptr != NULL || b.value.ptr != NULL) && !is_full(out); index++) {
        size_t outer = pointer->len;
        int which = tape.ptr[0] == '{'    ? order(a.name, b.name)
                    : a.value.ptr == NULL ? 1
                    : b.value.ptr == NULL ? -1
                                          : 0;
        append_segment(pointer, which <= 0 ? a.name : b.name, index);
        compare(which <= 0 ? a.value : (kk_str){NULL, 0}, which >= 0 ? b.value : (kk_str){NULL, 0},
                pointer, depth + 1, out);
        truncate_to(pointer, outer);
        if (which <= 0) {
            advance(&a);
        }
        if (which >= 0) {
            advance(&b);
        }
    }
}

static bool is_nested(kk_str value)
{
    return value.len > 0 && (value.ptr[0] == '{' || value.ptr[0] == '[');
}

static void compare(kk_str tape, kk_str request, kk_buf *pointer, size_t depth,
                    kk_tape_differences *out)
{
    bool both = tape.ptr != NULL && request.ptr != NULL;
    if (both && kk_str_equals(tape, request)) {
        return;
    }
    if (both && is_nested(tape) && is_nested(request) && tape.ptr[0] == request.ptr[0] &&
        depth < DEPTH_MAX) {
        compare_inside(tape, request, pointer, depth, out);
        return;
    }
    note(out, kk_buf_text(pointer), tape, request);
}

void kk_tape_diff_json(kk_str tape, kk_str request, kk_tape_differences *out)
{
    kk_buf pointer = {.limit = KK_TEXT_MAX};
    *out = (kk_tape_differences){0};
    compare(tape, request, &pointer, 0, out);
    kk_buf_clean(&pointer);
}

// ---- Pairs

// One pair of a normal form; ptr NULL at the end.
typedef struct one_pair {
    kk_str name;
    kk_str value; // ptr NULL where there is no '='
} one_pair;

static one_pair take_pair(kk_str *rest)
{
    if (rest->len == 0) {
        return (one_pair){{NULL, 0}, {NULL, 0}};
    }
    const char *end = memchr(rest->ptr, '&', rest->len);
    kk_str whole = {rest->ptr, end == NULL ? rest->len : (size_t)(end - rest->ptr)};
    size_t passed = whole.len + (end == NULL ? 0 : 1);
    *rest = (kk_str){rest->ptr + passed, rest->len - passed};
    const char *equals = memchr(whole.ptr, '=', whole.len);
    if (equals == NULL) {
        return (one_pair){whole, {"(no value)", 10}};
    }
    size_t name_len = (size_t)(equals - whole.ptr);
    return (one_pair){{whole.ptr, name_len}, {equals + 1, whole.len - name_len - 1}};
}

void kk_tape_diff_pairs(kk_str tape, kk_str request, kk_tape_differences *out)
{
    *out = (kk_tape_differences){0};
    one_pair a = take_pair(&tape);
    one_pair b = take_pair(&request);
    while ((a.name.ptr != NULL || b.name.ptr != NULL) && !is_full(out)) {
        int which = order(a.name, b.name);
        char name[96];
        kk_tape_show(which <= 0 ? a.name : b.name, name, sizeof name);
        if (which != 0 || !kk_str_equals(a.value, b.value)) {
            note(out, name, which <= 0 ? a.value : (kk_str){NULL, 0},
                 which >= 0 ? b.value : (kk_str){NULL, 0});
        }
        a = which <= 0 ? take_pair(&tape) : a;
        b = which >= 0 ? take_pair(&request) : b;
    }
}
