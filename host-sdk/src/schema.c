// Compiled schemas: their life, their published properties, and the comparing of values.
#include "near.h"
#include "schema_node.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>

const char *const kk_schema_type_names[KK_TYPE_COUNT] = {"null",   "boolean", "integer", "number",
                                                         "string", "array",   "object"};

void kk_schema_node_free(kk_schema_node *node)
{
    if (node == NULL) {
        return;
    }
    for (size_t i = 0; i < node->member_count; i++) {
        free(node->members[i].name);
        kk_schema_node_free(node->members[i].node);
    }
    for (size_t i = 0; i < node->allowed_count; i++) {
        free(node->allowed[i]);
    }
    kk_schema_node_free(node->additional);
    kk_schema_node_free(node->items);
    free(node->members);
    free(node->allowed);
    free(node->type_text);
    free(node->description);
    free(node->value);
    free(node->choices);
    free(node->minimum);
    free(node->maximum);
    free(node);
}

void kk_schema_free(kk_schema *self)
{
    if (self != NULL) {
        kk_schema_node_free(self->root);
        free(self);
    }
}

// ---- Properties

size_t kk_schema_property_count(const kk_schema *self)
{
    return self != NULL ? self->root->member_count : 0;
}

const kk_schema_property *kk_schema_property_at(const kk_schema *self, size_t index)
{
    return index < self->root->member_count ? &self->root->members[index].shown : NULL;
}

static const kk_schema_member *find_member(const kk_schema_node *node, kk_str name)
{
    for (size_t i = 0; i < node->member_count; i++) {
        if (kk_str_is(name, node->members[i].name)) {
            return &node->members[i];
        }
    }
    return NULL;
}

const kk_schema_property *kk_schema_property_find(const kk_schema *self, const char *name)
{
    const kk_schema_member *member =
        self != NULL ? find_member(self->root, kk_str_from(name)) : NULL;
    return member != NULL ? &member->shown : NULL;
}

const kk_schema_member *kk_schema_member_raw(const kk_schema_node *node, kk_str raw)
{
    for (size_t i = 0; i < node->member_count; i++) {
        if (kk_json_string_is(raw, kk_str_from(node->members[i].name))) {
            return &node->members[i];
        }
    }
    return NULL;
}

void kk_schema_near(const kk_schema_node *node, const char *wanted, char *out, size_t out_size)
{
    out[0] = '\0';
    const char **names = calloc(node->member_count + 1, sizeof *names);
    if (names == NULL) {
        return; // near names are a courtesy
    }
    for (size_t i = 0; i < node->member_count; i++) {
        names[i] = node->members[i].name;
    }
    kk_near(wanted, names, node->member_count, out, out_size);
    free(names);
}

// ---- Field paths

// The schema of what the name reaches below [node], or NULL.
static const kk_schema_node *step_into(const kk_schema_node *node, kk_str name)
{
    const kk_schema_member *member = find_member(node, name);
    return member != NULL ? member->node : node->additional;
}

static const kk_schema_node *follow_pointer(const kk_schema_node *node, const char *at)
{
    while (node != NULL && *at == '/') {
        size_t len = strcspn(at + 1, "/");
        node = node->items != NULL ? node->items : step_into(node, (kk_str){at + 1, len});
        at += 1 + len;
    }
    return node;
}

// Whether anything may stand below [node], so that no field can be called unknown.
static bool is_undescribed(const kk_schema_node *node)
{
    bool object = node->types == 0 || (node->types & KK_TYPE_OBJECT) != 0;
    return object && node->member_count == 0 && node->additional == NULL && !node->closed;
}

static void note_near(const kk_schema_node *node, kk_str wanted, char *names, size_t names_size)
{
    char text[128] = "";
    if (names != NULL && names_size > 0) {
        if (wanted.len < sizeof text) {
            memcpy(text, wanted.ptr, wanted.len);
        }
        kk_schema_near(node, text, names, names_size);
    }
}

bool kk_schema_has_field(const kk_schema *self, const char *at, const char *field, char *names,
                         size_t names_size)
{
    const kk_schema_node *node = follow_pointer(self->root, at != NULL ? at : "");
    if (names != NULL && names_size > 0) {
        names[0] = '\0';
    }
    while (node != NULL) {
        while (node->items != NULL) {
            node = node->items;
        }
        if (is_undescribed(node)) {
            return true;
        }
        kk_str name = {field, strcspn(field, ".")};
        const kk_schema_node *below = step_into(node, name);
        if (below == NULL) {
            note_near(node, name, names, names_size);
            return false;
        }
        if (field[name.len] == '\0') {
            return true;
        }
        field += name.len + 1;
        node = below;
    }
    return false;
}

// ---- Comparing

// A raw number as double, read as in the C locale whatever the program's is.
static double read_double(kk_str raw)
{
    kk_buf text = {.limit = raw.len};
    kk_buf_append_str(&text, raw);
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = c != (locale_t)0 ? strtod_l(kk_buf_text(&text), NULL, c) : (double)NAN;
    if (c != (locale_t)0) {
        freelocale(c);
    }
    kk_buf_clean(&text);
    return value;
}

int kk_schema_compare(kk_str a, kk_str b)
{
    int64_t whole_a;
    int64_t whole_b;
    if (kk_json_integer(a, &whole_a) && kk_json_integer(b, &whole_b)) {
        return (whole_a > whole_b) - (whole_a < whole_b);
    }
    double real_a = read_double(a);
    double real_b = read_double(b);
    return (real_a > real_b) - (real_a < real_b);
}

static void write_number(kk_str raw, kk_buf *out)
{
    int64_t whole;
    if (kk_json_integer(raw, &whole)) {
        kk_buf_append_format(out, "%lld", (long long)whole);
        return;
    }
    double real = read_double(raw);
    if (real > -9e15 && real < 9e15 && real == (double)(int64_t)real) {
        kk_buf_append_format(out, "%lld", (long long)real);
        return;
    }
    kk_buf_append_format(out, "%.17g", real);
}

static void write_token(const kk_json_reader *reader, kk_json_kind kind, kk_buf *out)
{
    if (kind == KK_JSON_NUMBER) {
        write_number(reader->raw, out);
    } else if (kind != KK_JSON_STRING && kind != KK_JSON_NAME) {
        kk_buf_append_str(out, reader->raw);
    } else if (memchr(reader->raw.ptr, '\\', reader->raw.len) == NULL ||
               !kk_json_string_is_text(reader->raw)) {
        kk_buf_append_str(out, reader->raw);
    } else {
        kk_buf meaning = {.limit = reader->raw.len};
        kk_json_unescape(reader->raw, &meaning);
        kk_json_write_string(out, kk_buf_view(&meaning));
        kk_buf_clean(&meaning);
    }
}

void kk_schema_write_canonical(kk_str raw, kk_buf *out)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw);
    kk_json_kind kind;
    bool first = true;
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        // Every token is set apart, which no one has to read: only equality matters.
        kk_buf_append(out, " ", first ? 0 : 1);
        write_token(&reader, kind, out);
        first = false;
    }
}
