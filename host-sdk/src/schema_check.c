// The checking of a value against a compiled schema, and what is said about the first fault.
#include "fail.h"
#include "schema_node.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_MAX = 40, SEGMENT_MAX = 255, POINTER_MAX = 4096 };

typedef struct checker {
    bool arguments;
    kk_buf pointer; // where the value stands
    kk_error *err;
} checker;

// ---- What is said

// A text of at most SHOWN_MAX bytes and "..." if more was there.
typedef struct shown {
    char text[SHOWN_MAX + 8];
} shown;

static shown show_text(kk_str text)
{
    shown out = {""};
    char whole[SHOWN_MAX + 1];
    size_t len = text.len < SHOWN_MAX ? text.len : SHOWN_MAX;
    memcpy(whole, text.ptr != NULL ? text.ptr : "", len);
    // The cut may not leave half of a character.
    while (len > 0 && text.len > len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    whole[len] = '\0';
    snprintf(out.text, sizeof out.text, "%s%s", whole, len < text.len ? "..." : "");
    return out;
}

// What was found.  The text of a string keeps the escapes in which it was sent.
static shown show_value(kk_str raw)
{
    switch (raw.ptr[0]) {
    case '{':
        return (shown){"an object"};
    case '[':
        return (shown){"an array"};
    default:
        return show_text(raw);
    }
}

// Names the value in the checker's terms: "argument 'limit'".
static void name_value(const checker *self, char *out, size_t out_size)
{
    const char *pointer = kk_buf_text(&self->pointer);
    if (*pointer == '\0') {
        snprintf(out, out_size, "%s", self->arguments ? "the arguments" : "the value");
        return;
    }
    shown place = show_text(kk_str_from(self->arguments ? pointer + 1 : pointer));
    snprintf(out, out_size, "%s '%s'", self->arguments ? "argument" : "the value at", place.text);
}

static kk_code report(const checker *self, const char *text)
{
    size_t len = strlen(text);
    const char *joint = len > 0 && text[len - 1] == '?' ? " " : "; ";
    kk_code code = kk_fail(self->err, KK_ERR_INVALID_ARGS, "%s%s%s", text,
                           self->arguments ? joint : "", self->arguments ? "nothing was sent" : "");
    kk_fail_argument(self->err, kk_buf_text(&self->pointer));
    return code;
}

// Reports "<the value> <what is wrong>".
static kk_code KK_PRINTF(2, 3) fault(const checker *self, const char *format, ...)
{
    char text[640];
    name_value(self, text, 128);
    size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, sizeof text - len, format, args);
    va_end(args);
    return report(self, text);
}

static void push_name(checker *self, const char *name)
{
    kk_json_write_segment(&self->pointer, kk_str_from(name));
}

static void pop_to(checker *self, size_t len)
{
    if (len < self->pointer.len) {
        self->pointer.len = len;
        self->pointer.ptr[len] = '\0';
    }
    self->pointer.failed = KK_OK;
}

// ---- Scalars

static unsigned types_of(kk_str raw)
{
    int64_t whole;
    switch (raw.ptr[0]) {
    case '{':
        return KK_TYPE_OBJECT;
    case '[':
        return KK_TYPE_ARRAY;
    case '"':
        return KK_TYPE_STRING;
    case 't':
    case 'f':
        return KK_TYPE_BOOLEAN;
    case 'n':
        return KK_TYPE_NULL;
    default:
        return kk_json_integer(raw, &whole) ? KK_TYPE_INTEGER | KK_TYPE_NUMBER : KK_TYPE_NUMBER;
    }
}

static void list_types(unsigned types, char *out, size_t out_size)
{
    static const char *const phrases[KK_TYPE_COUNT] = {
        "null", "true or false", "an integer", "a number", "a string", "an array", "an object"};
    size_t len = 0;
    for (size_t i = KK_TYPE_COUNT; i-- > 0;) {
        if ((types & (1U << i)) != 0) {
            len += (size_t)snprintf(out + len, out_size - len, "%s%s", len > 0 ? " or " : "",
                                    phrases[i]);
        }
    }
}

static kk_code check_type(checker *self, const kk_schema_node *node, kk_str raw)
{
    unsigned types = types_of(raw);
    if (node->types == 0 || (node->types & types) != 0) {
        return KK_OK;
    }
    char wanted[128];
    list_types(node->types, wanted, sizeof wanted);
    bool string = types == KK_TYPE_STRING;
    bool number = types == KK_TYPE_NUMBER && (node->types & KK_TYPE_INTEGER) != 0;
    return fault(self, " must be %s, got %s%s%s", wanted, string ? "the string " : "",
                 show_value(raw).text,
                 number ? " (an integer has no point, no exponent and at most 64 bits)" : "");
}

static kk_code check_allowed(checker *self, const kk_schema_node *node, kk_str raw)
{
    if (node->allowed_count == 0) {
        return KK_OK;
    }
    kk_buf canonical = {.limit = 2 * KK_TEXT_MAX};
    kk_schema_write_canonical(raw, &canonical);
    bool found = false;
    for (size_t i = 0; i < node->allowed_count && !found; i++) {
        found = canonical.failed == KK_OK && kk_str_is(kk_buf_view(&canonical), node->allowed[i]);
    }
    kk_buf_clean(&canonical);
    if (found) {
        return KK_OK;
    }
    if (node->allowed_count == 1) {
        return fault(self, " must be %.200s, got %s", node->allowed[0], show_value(raw).text);
    }
    return fault(self, " must be one of %.200s, got %s", node->choices, show_value(raw).text);
}

static kk_code check_number(checker *self, const kk_schema_node *node, kk_str raw)
{
    if (node->minimum != NULL && kk_schema_compare(raw, kk_str_from(node->minimum)) < 0) {
        return fault(self, " must be at least %.40s, got %s", node->minimum, show_value(raw).text);
    }
    if (node->maximum != NULL && kk_schema_compare(raw, kk_str_from(node->maximum)) > 0) {
        return fault(self, " must be at most %.40s, got %s", node->maximum, show_value(raw).text);
    }
    return KK_OK;
}

static size_t count_characters(kk_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}

// Why a text cannot be one segment of a URL's path, or NULL.
static const char *judge_segment(kk_str text)
{
    if (text.len == 0) {
        return "must not be empty";
    }
    if (text.len > SEGMENT_MAX) {
        return "must have at most 255 bytes";
    }
    if (kk_str_is(text, ".") || kk_str_is(text, "..")) {
        return "must not be '.' or '..'";
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte == '/' || byte == '\\' || byte < 0x20 || byte == 0x7F) {
            return "must not hold '/', '\\' or control characters";
        }
    }
    return NULL;
}

static kk_code judge_string(checker *self, const kk_schema_node *node, kk_str raw, kk_str text)
{
    const char *problem = node->segment ? judge_segment(text) : NULL;
    if (problem != NULL) {
        return fault(self, " %s, got %s", problem, show_value(raw).text);
    }
    size_t count = count_characters(text);
    if (count < node->length_min) {
        return fault(self, " must have at least %zu characters, got %zu", node->length_min, count);
    }
    if (count > node->length_max) {
        return fault(self, " must have at most %zu characters, got %zu", node->length_max, count);
    }
    return KK_OK;
}

static kk_code check_string(checker *self, const kk_schema_node *node, kk_str raw)
{
    if (self->arguments && !kk_json_string_is_text(raw)) {
        return fault(self, " must not hold \\u0000 or half of a surrogate pair");
    }
    kk_buf text = {.limit = raw.len};
    kk_json_unescape(raw, &text);
    kk_code code = kk_buf_check(&text, "a string", self->err);
    if (code == KK_OK) {
        code = judge_string(self, node, raw, kk_buf_view(&text));
    }
    kk_buf_clean(&text);
    return code;
}

// ---- Arrays

static kk_code check_value(checker *self, const kk_schema_node *node, kk_str raw);

// What is compared to find equal elements.
typedef struct element {
    size_t start; // in the buffer of canonical forms
    size_t len;
    const char *base;
} element;

static int compare_elements(const void *a, const void *b)
{
    const element *one = a;
    const element *other = b;
    if (one->len != other->len) {
        return one->len < other->len ? -1 : 1;
    }
    return memcmp(one->base + one->start, other->base + other->start, one->len);
}

// Writes the canonical forms of all elements, one after the other.
static void write_elements(kk_str array, kk_buf *forms, element *elements)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, array);
    kk_json_next(&reader);
    kk_json_kind kind;
    for (size_t i = 0; (kind = kk_json_next(&reader)) != KK_JSON_ARRAY_END; i++) {
        kk_str raw;
        kk_json_finish_value(&reader, kind, &raw);
        elements[i].start = forms->len;
        kk_schema_write_canonical(raw, forms);
        elements[i].len = forms->len - elements[i].start;
    }
}

static kk_code check_unique(checker *self, kk_str array, size_t count)
{
    kk_buf forms = {.limit = 16 * (array.len + 1)};
    element *elements = calloc(count + 1, sizeof *elements);
    bool twice = false;
    if (elements != NULL) {
        write_elements(array, &forms, elements);
        for (size_t i = 0; i < count; i++) {
            elements[i].base = kk_buf_text(&forms);
        }
        qsort(elements, count, sizeof *elements, compare_elements);
    }
    bool compared = elements != NULL && forms.failed == KK_OK;
    for (size_t i = 1; compared && i < count && !twice; i++) {
        twice = compare_elements(&elements[i - 1], &elements[i]) == 0;
    }
    free(elements);
    kk_buf_clean(&forms);
    if (!compared) {
        return kk_fail(self->err, KK_ERR_INTERNAL, "out of memory for an array");
    }
    return twice ? fault(self, " must not hold the same element twice") : KK_OK;
}

static kk_code check_items(checker *self, const kk_schema_node *node, kk_str array, size_t *count)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, array);
    kk_json_next(&reader);
    kk_json_kind kind;
    size_t above = self->pointer.len;
    for (; (kind = kk_json_next(&reader)) != KK_JSON_ARRAY_END; (*count)++) {
        kk_str raw;
        kk_json_finish_value(&reader, kind, &raw);
        if (node->items == NULL) {
            continue;
        }
        kk_buf_append_format(&self->pointer, "/%zu", *count);
        kk_code code = check_value(self, node->items, raw);
        if (code != KK_OK) {
            return code;
        }
        pop_to(self, above);
    }
    return KK_OK;
}

static kk_code check_array(checker *self, const kk_schema_node *node, kk_str raw)
{
    size_t count = 0;
    kk_code code = check_items(self, node, raw, &count);
    if (code != KK_OK) {
        return code;
    }
    if (count < node->items_min) {
        return fault(self, " must have at least %zu elements, got %zu", node->items_min, count);
    }
    if (count > node->items_max) {
        return fault(self, " must have at most %zu elements, got %zu", node->items_max, count);
    }
    return node->unique ? check_unique(self, raw, count) : KK_OK;
}

// ---- Objects

static kk_code report_unknown(checker *self, const kk_schema_node *node, const char *name)
{
    const char *what = self->arguments ? "argument" : "member";
    char names[256];
    kk_schema_near(node, name, names, sizeof names);
    shown place = show_text(kk_str_from(self->pointer.len > 0 ? self->pointer.ptr + 1 : ""));
    char text[640];
    if (names[0] != '\0') {
        snprintf(text, sizeof text, "unknown %s '%s'; did you mean %s?", what, place.text, names);
        return report(self, text);
    }
    size_t len = (size_t)snprintf(text, sizeof text, "unknown %s '%s'; %s", what, place.text,
                                  node->member_count > 0 ? "known are" : "none is known");
    for (size_t i = 0; i < node->member_count && len + 80 < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s '%.64s'", i > 0 ? "," : "",
                                node->members[i].name);
    }
    return report(self, text);
}

static kk_code report_missing(checker *self, const kk_schema_member *member)
{
    push_name(self, member->name);
    const char *description = member->node->description;
    if (description == NULL) {
        return fault(self, " is missing");
    }
    char cut[200];
    kk_text_set(cut, sizeof cut, description);
    return fault(self, " is missing: %s", cut);
}

// A member whose name the schema does not have.
static kk_code check_other(checker *self, const kk_schema_node *node, const char *name, kk_str raw,
                           bool closed)
{
    if (closed) {
        return report_unknown(self, node, name);
    }
    return node->additional != NULL ? check_value(self, node->additional, raw) : KK_OK;
}

static kk_code check_member(checker *self, const kk_schema_node *node, kk_str name, kk_str raw,
                            bool *seen)
{
    const kk_schema_member *member = kk_schema_member_raw(node, name);
    bool closed = node->closed || (self->arguments && self->pointer.len == 0 && !node->open);
    kk_buf text = {.limit = name.len};
    kk_json_unescape(name, &text);
    kk_json_write_segment(&self->pointer, kk_buf_view(&text));
    kk_code code = KK_OK;
    if (member == NULL) {
        code = check_other(self, node, kk_buf_text(&text), raw, closed);
    } else if (seen[member - node->members]) {
        code = fault(self, " is given twice");
    } else {
        seen[member - node->members] = true;
        code = check_value(self, member->node, raw);
    }
    kk_buf_clean(&text);
    return code;
}

static kk_code check_members(checker *self, const kk_schema_node *node, kk_str object, bool *seen)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, object);
    kk_json_next(&reader);
    size_t above = self->pointer.len;
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str raw;
        kk_json_finish_value(&reader, kk_json_next(&reader), &raw);
        kk_code code = check_member(self, node, name, raw, seen);
        if (code != KK_OK) {
            return code;
        }
        pop_to(self, above);
    }
    for (size_t i = 0; i < node->member_count; i++) {
        if (node->members[i].shown.required && !seen[i]) {
            return report_missing(self, &node->members[i]);
        }
    }
    return KK_OK;
}

static kk_code check_object(checker *self, const kk_schema_node *node, kk_str raw)
{
    bool *seen = calloc(node->member_count + 1, sizeof *seen);
    if (seen == NULL) {
        return kk_fail(self->err, KK_ERR_INTERNAL, "out of memory for the arguments");
    }
    kk_code code = check_members(self, node, raw, seen);
    free(seen);
    return code;
}

// ---- Values

static kk_code check_value(checker *self, const kk_schema_node *node, kk_str raw)
{
    kk_code code = check_type(self, node, raw);
    if (code == KK_OK) {
        code = check_allowed(self, node, raw);
    }
    if (code != KK_OK) {
        return code;
    }
    switch (raw.ptr[0]) {
    case '{':
        return check_object(self, node, raw);
    case '[':
        return check_array(self, node, raw);
    case '"':
        return check_string(self, node, raw);
    case 't':
    case 'f':
    case 'n':
        return KK_OK;
    default:
        return check_number(self, node, raw);
    }
}

kk_code kk_schema_node_check(const kk_schema_node *node, kk_str raw, bool arguments, kk_error *err)
{
    checker self = {.arguments = arguments, .pointer = {.limit = POINTER_MAX}, .err = err};
    kk_code code = check_value(&self, node, raw);
    kk_buf_clean(&self.pointer);
    return code;
}

kk_code kk_schema_check(const kk_schema *self, kk_str value, bool arguments, kk_error *err)
{
    kk_error problem = {0};
    kk_str raw;
    if (kk_json_check(value, &problem) != KK_OK || !kk_json_find(value, "", &raw)) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "%s %s%s",
                       arguments ? "the arguments are" : "the value is", problem.message,
                       arguments ? "; nothing was sent" : "");
    }
    return kk_schema_node_check(self->root, raw, arguments, err);
}
