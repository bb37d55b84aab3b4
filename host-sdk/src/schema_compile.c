// The compiler of schemas: one function a keyword.
#include "fail.h"
#include "schema_node.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct compiler {
    kk_buf pointer; // where in the schema
    size_t depth;
    kk_error *err;
} compiler;

static kk_code compile_node(compiler *self, kk_str raw, kk_schema_node **out);

static kk_code KK_PRINTF(2, 3) refuse(compiler *self, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *pointer = kk_buf_text(&self->pointer);
    kk_code code =
        kk_fail(self->err, KK_ERR_INVALID_ARGS, "the schema at '%.160s' %s", pointer, text);
    kk_fail_argument(self->err, pointer);
    return code;
}

static kk_code out_of_memory(compiler *self)
{
    return kk_fail(self->err, KK_ERR_INTERNAL, "out of memory for a schema");
}

static void pop_to(compiler *self, size_t len)
{
    if (len < self->pointer.len) {
        self->pointer.len = len;
        self->pointer.ptr[len] = '\0';
    }
}

// ---- Keeping texts

// Keeps what [buf] holds in *out, freeing what was there.
static kk_code keep(compiler *self, kk_buf *buf, char **out)
{
    char *text = kk_buf_steal(buf);
    kk_buf_clean(buf);
    if (text == NULL) {
        return out_of_memory(self);
    }
    free(*out);
    *out = text;
    return KK_OK;
}

static kk_code keep_raw(compiler *self, kk_str raw, char **out)
{
    kk_buf buf = {.limit = raw.len};
    kk_buf_append_str(&buf, raw);
    return keep(self, &buf, out);
}

static kk_code keep_string(compiler *self, kk_str raw, char **out)
{
    if (raw.ptr[0] != '"') {
        return refuse(self, "must be a string");
    }
    kk_buf buf = {.limit = raw.len};
    kk_json_unescape(raw, &buf);
    return keep(self, &buf, out);
}

static kk_code keep_compact(compiler *self, kk_str raw, char **out)
{
    kk_buf buf = {.limit = raw.len};
    kk_code code = kk_json_compact(raw, &buf, self->err);
    if (code != KK_OK) {
        kk_buf_clean(&buf);
        return code;
    }
    return keep(self, &buf, out);
}

static kk_code keep_number(compiler *self, kk_str raw, char **out)
{
    if (raw.ptr[0] != '-' && (raw.ptr[0] < '0' || raw.ptr[0] > '9')) {
        return refuse(self, "must be a number");
    }
    return keep_raw(self, raw, out);
}

static kk_code keep_count(compiler *self, kk_str raw, size_t *out)
{
    int64_t count;
    if (!kk_json_integer(raw, &count) || count < 0) {
        return refuse(self, "must be an integer of at least 0");
    }
    *out = (size_t)count;
    return KK_OK;
}

static kk_code keep_flag(compiler *self, kk_str raw, bool *out)
{
    if (!kk_str_is(raw, "true") && !kk_str_is(raw, "false")) {
        return refuse(self, "must be true or false");
    }
    *out = kk_str_is(raw, "true");
    return KK_OK;
}

// ---- Keywords

// Begins to read an array.
static kk_code open_list(compiler *self, kk_str raw, kk_json_reader *reader)
{
    kk_json_reader_init(reader, raw);
    if (kk_json_next(reader) != KK_JSON_ARRAY) {
        return refuse(self, "must be an array");
    }
    return KK_OK;
}

static bool next_element(kk_json_reader *reader, kk_str *raw)
{
    kk_json_kind kind = kk_json_next(reader);
    return kind != KK_JSON_ARRAY_END && kk_json_finish_value(reader, kind, raw);
}

static kk_code add_type(compiler *self, kk_schema_node *node, kk_str raw, kk_buf *text)
{
    for (size_t i = 0; raw.ptr[0] == '"' && i < KK_TYPE_COUNT; i++) {
        if (!kk_json_string_is(raw, kk_str_from(kk_schema_type_names[i]))) {
            continue;
        }
        if ((node->types & (1U << i)) != 0) {
            return refuse(self, "names '%s' twice", kk_schema_type_names[i]);
        }
        node->types |= 1U << i;
        kk_buf_append_format(text, "%s%s", text->len > 0 ? " | " : "", kk_schema_type_names[i]);
        return KK_OK;
    }
    return refuse(self, "names %.*s, which is no type", raw.len < 40 ? (int)raw.len : 40, raw.ptr);
}

static kk_code read_type(compiler *self, kk_schema_node *node, kk_str raw)
{
    kk_buf text = {.limit = 256};
    kk_code code = KK_OK;
    if (raw.ptr[0] != '[') {
        code = add_type(self, node, raw, &text);
    } else {
        kk_json_reader reader;
        kk_str one;
        code = open_list(self, raw, &reader);
        while (code == KK_OK && next_element(&reader, &one)) {
            code = add_type(self, node, one, &text);
        }
        if (code == KK_OK && node->types == 0) {
            code = refuse(self, "must name at least one type");
        }
    }
    if (code != KK_OK) {
        kk_buf_clean(&text);
        return code;
    }
    return keep(self, &text, &node->type_text);
}

static kk_code add_member(compiler *self, kk_schema_node *node, kk_str name, kk_str raw)
{
    kk_schema_member *grown =
        realloc(node->members, (node->member_count + 1) * sizeof *node->members);
    if (grown == NULL) {
        return out_of_memory(self);
    }
    node->members = grown;
    kk_schema_member *member = &grown[node->member_count];
    *member = (kk_schema_member){0};
    node->member_count++;
    kk_code code = keep_string(self, name, &member->name);
    if (code != KK_OK) {
        return code;
    }
    size_t above = self->pointer.len;
    kk_json_write_segment(&self->pointer, kk_str_from(member->name));
    code = compile_node(self, raw, &member->node);
    if (code == KK_OK) {
        pop_to(self, above);
    }
    return code;
}

static kk_code read_properties(compiler *self, kk_schema_node *node, kk_str raw)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw);
    if (kk_json_next(&reader) != KK_JSON_OBJECT) {
        return refuse(self, "must be an object");
    }
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value;
        kk_json_finish_value(&reader, kk_json_next(&reader), &value);
        kk_code code = add_member(self, node, name, value);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

// Reads `required`, after all properties are known.
static kk_code read_required(compiler *self, kk_schema_node *node, kk_str raw)
{
    kk_json_reader reader;
    kk_code code = open_list(self, raw, &reader);
    kk_str one;
    while (code == KK_OK && next_element(&reader, &one)) {
        const kk_schema_member *found = one.ptr[0] == '"' ? kk_schema_member_raw(node, one) : NULL;
        if (found == NULL) {
            return refuse(self, "names a property that is not in 'properties': %.*s",
                          one.len < 80 ? (int)one.len : 80, one.ptr);
        }
        node->members[found - node->members].shown.required = true;
    }
    return code;
}

static kk_code read_additional(compiler *self, kk_schema_node *node, kk_str raw)
{
    if (raw.ptr[0] == '{') {
        node->open = true;
        return compile_node(self, raw, &node->additional);
    }
    kk_code code = keep_flag(self, raw, &node->open);
    node->closed = code == KK_OK && !node->open;
    return code;
}

static kk_code read_items(compiler *self, kk_schema_node *node, kk_str raw)
{
    return compile_node(self, raw, &node->items);
}

static kk_code add_allowed(compiler *self, kk_schema_node *node, kk_str raw)
{
    char **grown = realloc(node->allowed, (node->allowed_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return out_of_memory(self);
    }
    node->allowed = grown;
    grown[node->allowed_count++] = NULL;
    kk_buf canonical = {.limit = KK_TEXT_MAX};
    kk_schema_write_canonical(raw, &canonical);
    return keep(self, &canonical, &grown[node->allowed_count - 1]);
}

static kk_code read_enum(compiler *self, kk_schema_node *node, kk_str raw)
{
    if (node->allowed_count > 0) {
        return refuse(self, "cannot stand beside 'const'");
    }
    kk_json_reader reader;
    kk_str one;
    kk_code code = open_list(self, raw, &reader);
    while (code == KK_OK && next_element(&reader, &one)) {
        code = add_allowed(self, node, one);
    }
    if (code == KK_OK && node->allowed_count == 0) {
        return refuse(self, "must hold at least one value");
    }
    return code == KK_OK ? keep_compact(self, raw, &node->choices) : code;
}

static kk_code read_const(compiler *self, kk_schema_node *node, kk_str raw)
{
    if (node->allowed_count > 0) {
        return refuse(self, "cannot stand beside 'enum'");
    }
    return add_allowed(self, node, raw);
}

static kk_code read_default(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_compact(self, raw, &node->value);
}

static kk_code read_minimum(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_number(self, raw, &node->minimum);
}

static kk_code read_maximum(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_number(self, raw, &node->maximum);
}

static kk_code read_length_min(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_count(self, raw, &node->length_min);
}

static kk_code read_length_max(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_count(self, raw, &node->length_max);
}

static kk_code read_items_min(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_count(self, raw, &node->items_min);
}

static kk_code read_items_max(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_count(self, raw, &node->items_max);
}

static kk_code read_unique(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_flag(self, raw, &node->unique);
}

static kk_code read_segment(compiler *self, kk_schema_node *node, kk_str raw)
{
    kk_code code = keep_flag(self, raw, &node->segment);
    return code == KK_OK && !node->segment ? refuse(self, "can only be true") : code;
}

static kk_code read_description(compiler *self, kk_schema_node *node, kk_str raw)
{
    return keep_string(self, raw, &node->description);
}

static kk_code read_title(compiler *self, kk_schema_node *node, kk_str raw)
{
    (void)node;
    return raw.ptr[0] == '"' ? KK_OK : refuse(self, "must be a string");
}

typedef kk_code (*keyword_fn)(compiler *self, kk_schema_node *node, kk_str raw);
static const struct {
    const char *name;
    keyword_fn read;
} keywords[] = {
    {"type", read_type},
    {"properties", read_properties},
    {"additionalProperties", read_additional},
    {"items", read_items},
    {"enum", read_enum},
    {"const", read_const},
    {"default", read_default},
    {"minimum", read_minimum},
    {"maximum", read_maximum},
    {"minLength", read_length_min},
    {"maxLength", read_length_max},
    {"minItems", read_items_min},
    {"maxItems", read_items_max},
    {"uniqueItems", read_unique},
    {"x-kk-segment", read_segment},
    {"title", read_title},
    {"description", read_description},
};

// ---- Nodes

static kk_code read_keyword(compiler *self, kk_schema_node *node, kk_str name, kk_str raw,
                            kk_str *required)
{
    kk_buf text = {.limit = name.len};
    kk_json_unescape(name, &text);
    kk_json_write_segment(&self->pointer, kk_buf_view(&text));
    kk_buf_clean(&text);
    if (kk_json_string_is(name, KK_STR("required"))) {
        *required = raw;
        return KK_OK;
    }
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (kk_json_string_is(name, kk_str_from(keywords[i].name))) {
            return keywords[i].read(self, node, raw);
        }
    }
    return refuse(self, "is a keyword that kk does not check");
}

static kk_code read_keywords(compiler *self, kk_schema_node *node, kk_str raw)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw);
    if (kk_json_next(&reader) != KK_JSON_OBJECT) {
        return refuse(self, "must be an object");
    }
    kk_str required = {NULL, 0};
    size_t above = self->pointer.len;
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value;
        kk_json_finish_value(&reader, kk_json_next(&reader), &value);
        kk_code code = read_keyword(self, node, name, value, &required);
        if (code != KK_OK) {
            return code;
        }
        pop_to(self, above);
    }
    if (required.ptr == NULL) {
        return KK_OK;
    }
    kk_buf_append_text(&self->pointer, "/required");
    kk_code code = read_required(self, node, required);
    if (code == KK_OK) {
        pop_to(self, above);
    }
    return code;
}

static const char *first_type(const kk_schema_node *node)
{
    // The text names the types in their order; the bits do not.
    static const char none[] = "null";
    const char *text = node->type_text != NULL ? node->type_text : "";
    if (strncmp(text, none, strlen(none)) == 0 && strlen(text) > strlen(none)) {
        text += strlen("null | ");
    }
    for (size_t i = 0; i < KK_TYPE_COUNT; i++) {
        size_t len = strlen(kk_schema_type_names[i]);
        if (strncmp(text, kk_schema_type_names[i], len) == 0) {
            return kk_schema_type_names[i];
        }
    }
    return "any";
}

// Names the elements in the type's text: "array of string | null".
static kk_code describe_items(compiler *self, kk_schema_node *node)
{
    const char *array = node->type_text != NULL ? strstr(node->type_text, "array") : NULL;
    if (array == NULL || node->items == NULL || node->items->type_text == NULL) {
        return KK_OK;
    }
    bool several = strchr(node->items->type_text, '|') != NULL;
    const char *after = array + strlen("array");
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf_append(&text, node->type_text, (size_t)(after - node->type_text));
    kk_buf_append_format(&text, " of %s%s%s%s", several ? "(" : "", node->items->type_text,
                         several ? ")" : "", after);
    return keep(self, &text, &node->type_text);
}

static kk_code check_ranges(compiler *self, const kk_schema_node *node)
{
    if (node->minimum != NULL && node->maximum != NULL &&
        kk_schema_compare(kk_str_from(node->minimum), kk_str_from(node->maximum)) > 0) {
        return refuse(self, "has a 'minimum' above its 'maximum'");
    }
    if (node->length_min > node->length_max) {
        return refuse(self, "has a 'minLength' above its 'maxLength'");
    }
    if (node->items_min > node->items_max) {
        return refuse(self, "has a 'minItems' above its 'maxItems'");
    }
    if (node->segment && (node->types & KK_TYPE_STRING) == 0) {
        return refuse(self, "has 'x-kk-segment' and is no string");
    }
    return KK_OK;
}

static kk_code check_default(compiler *self, const kk_schema_node *node)
{
    if (node->value == NULL) {
        return KK_OK;
    }
    kk_error problem = {0};
    kk_code code = kk_schema_node_check(node, kk_str_from(node->value), false, &problem);
    return code == KK_OK ? KK_OK
                         : refuse(self, "has a default that does not fit: %s", problem.message);
}

// Fills what is published of each property.
static void show_members(kk_schema_node *node)
{
    for (size_t i = 0; i < node->member_count; i++) {
        kk_schema_member *member = &node->members[i];
        const kk_schema_node *of = member->node;
        bool array = strcmp(first_type(of), "array") == 0;
        member->shown.name = member->name;
        member->shown.type = of->type_text != NULL ? of->type_text : "any";
        member->shown.description = of->description != NULL ? of->description : "";
        member->shown.value = of->value;
        member->shown.choices = of->choices;
        member->shown.scalar = first_type(of);
        member->shown.item_scalar = array && of->items != NULL ? first_type(of->items) : NULL;
    }
}

static kk_code finish_node(compiler *self, kk_schema_node *node)
{
    kk_code code = describe_items(self, node);
    if (code == KK_OK) {
        code = check_ranges(self, node);
    }
    if (code == KK_OK) {
        code = check_default(self, node);
    }
    show_members(node);
    return code;
}

static kk_code compile_node(compiler *self, kk_str raw, kk_schema_node **out)
{
    if (self->depth == KK_SCHEMA_DEPTH_MAX) {
        return refuse(self, "is nested more than 32 levels deep");
    }
    kk_schema_node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        return out_of_memory(self);
    }
    node->length_max = SIZE_MAX;
    node->items_max = SIZE_MAX;
    self->depth++;
    kk_code code = read_keywords(self, node, raw);
    self->depth--;
    if (code == KK_OK) {
        code = finish_node(self, node);
    }
    if (code != KK_OK) {
        kk_schema_node_free(node);
        return code;
    }
    *out = node;
    return KK_OK;
}

// Checks what holds for the whole text: grammar, and no name twice in one object.
static kk_code check_text(kk_str text, kk_str *root, kk_error *err)
{
    kk_error problem = {0};
    cJSON *tree = NULL;
    if (kk_json_parse(text, "the schema", &tree, &problem) != KK_OK) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "%s", problem.message);
    }
    cJSON_Delete(tree);
    return kk_json_find(text, "", root) ? KK_OK : KK_ERR_INVALID_ARGS;
}

kk_code kk_schema_compile(kk_str text, kk_schema **out, kk_error *err)
{
    kk_str root;
    kk_code code = check_text(text, &root, err);
    if (code != KK_OK) {
        return code;
    }
    kk_schema *schema = calloc(1, sizeof *schema);
    compiler self = {.pointer = {.limit = KK_TEXT_MAX}, .err = err};
    code = schema != NULL ? compile_node(&self, root, &schema->root) : out_of_memory(&self);
    kk_buf_clean(&self.pointer);
    if (code != KK_OK) {
        kk_schema_free(schema);
        return code;
    }
    *out = schema;
    return KK_OK;
}
