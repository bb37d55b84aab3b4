// Values made up from a JSON Schema.
#include "check_private.h"
#include "json.h"
#include <stdio.h>

enum { DEPTH_MAX = 12, EXTRA_CHARACTERS = 24, EXTRA_ITEMS = 3 };

static void make(kk_check *self, const cJSON *schema, int depth, size_t salt, kk_buf *out);

static double number_of(const cJSON *schema, const char *name, double otherwise)
{
    const cJSON *found = kk_json_get(schema, name);
    return cJSON_IsNumber(found) ? found->valuedouble : otherwise;
}

static bool flips(kk_check *self, unsigned one_in)
{
    return kk_check_random(self, one_in) == 0;
}

// A size between the two that the schema names; mostly small.
static size_t size_between(kk_check *self, const cJSON *schema, const char *least, const char *most,
                           size_t extra)
{
    double low = number_of(schema, least, 0);
    double high = number_of(schema, most, low + (double)extra);
    if (!flips(self, 8) && high > low + (double)extra) {
        high = low + (double)extra;
    }
    return (size_t)low + (size_t)kk_check_random(self, (uint64_t)(high - low) + 1);
}

// Pieces of one character each: what a service's names look like, and what breaks naive code.
static void make_string(kk_check *self, const cJSON *schema, size_t salt, kk_buf *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char *const odd[] = {
        " ", "%", "?", "#", "&", "=", "+", "'", ":", "\"", "\n", "\xC3\xA9", "\xE2\x82\xAC", "<"};
    bool segment = cJSON_IsTrue(kk_json_get(schema, "x-kk-segment"));
    size_t length = size_between(self, schema, "minLength", "maxLength", EXTRA_CHARACTERS);
    length = segment && length == 0 ? 1 : length;
    length = segment && length > 120 ? 120 : length;
    bool wild = !flips(self, 3);
    kk_buf text = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < length; i++) {
        size_t kind = (size_t)kk_check_random(self, wild ? 4 : 64);
        if (kind == 0 && !(segment && length < 3)) {
            const char *piece = odd[kk_check_random(self, sizeof odd / sizeof odd[0])];
            kk_buf_append_text(&text, segment && piece[0] == '\n' ? "~" : piece);
        } else {
            kk_buf_append_byte(
                &text,
                plain[(kk_check_random(self, sizeof plain - 1) + salt) % (sizeof plain - 1)]);
        }
    }
    kk_json_write_string(out, kk_buf_view(&text));
    kk_buf_clean(&text);
}

static void make_integer(kk_check *self, const cJSON *schema, kk_buf *out)
{
    double low = number_of(schema, "minimum", -3);
    double high = number_of(schema, "maximum", low + 1000);
    low = kk_json_get(schema, "minimum") == NULL && high < low ? high - 1000 : low;
    double span = high - low > 1e9 ? 1e9 : high - low;
    double value = flips(self, 4)   ? low
                   : flips(self, 4) ? high
                                    : low + (double)kk_check_random(self, (uint64_t)span + 1);
    kk_buf_append_format(out, "%.0f", value);
}

static void make_number(kk_check *self, const cJSON *schema, kk_buf *out)
{
    double low = number_of(schema, "minimum", -1);
    double high = number_of(schema, "maximum", low + 10);
    kk_buf_append_format(out, "%.17g",
                         low + (high - low) * (double)kk_check_random(self, 1001) / 1000.0);
}

static void make_array(kk_check *self, const cJSON *schema, int depth, kk_buf *out)
{
    size_t count = size_between(self, schema, "minItems", "maxItems", EXTRA_ITEMS);
    kk_buf_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        make(self, kk_json_get(schema, "items"), depth + 1, i, out);
    }
    kk_buf_append_byte(out, ']');
}

static bool is_required(const cJSON *schema, const char *name)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, kk_json_get(schema, "required"))
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
            return true;
        }
    }
    return false;
}

static void make_object(kk_check *self, const cJSON *schema, int depth, kk_buf *out)
{
    const cJSON *property = NULL;
    size_t start = out->len;
    cJSON_ArrayForEach(property, kk_json_get(schema, "properties"))
    {
        if (!is_required(schema, property->string) && (depth > DEPTH_MAX || flips(self, 2))) {
            continue;
        }
        kk_buf_append_byte(out, out->len == start ? '{' : ',');
        kk_json_write_string(out, kk_str_from(property->string));
        kk_buf_append_byte(out, ':');
        make(self, property, depth + 1, 0, out);
    }
    kk_buf_append_text(out, out->len == start ? "{}" : "}");
}

// One of the names in `type`.
static const char *choose_type(kk_check *self, const cJSON *schema)
{
    const cJSON *type = kk_json_get(schema, "type");
    if (cJSON_IsArray(type) && cJSON_GetArraySize(type) > 0) {
        type = cJSON_GetArrayItem(type,
                                  (int)kk_check_random(self, (uint64_t)cJSON_GetArraySize(type)));
    }
    return cJSON_IsString(type) ? type->valuestring : "boolean";
}

// Writes the const, or one of the enum's values.
static bool make_choice(kk_check *self, const cJSON *schema, kk_buf *out)
{
    const cJSON *chosen = kk_json_get(schema, "const");
    const cJSON *choices = kk_json_get(schema, "enum");
    if (chosen == NULL && cJSON_GetArraySize(choices) > 0) {
        chosen = cJSON_GetArrayItem(
            choices, (int)kk_check_random(self, (uint64_t)cJSON_GetArraySize(choices)));
    }
    if (chosen != NULL) {
        kk_json_print(chosen, out);
    }
    return chosen != NULL;
}

static void make(kk_check *self, const cJSON *schema, int depth, size_t salt, kk_buf *out)
{
    if (schema == NULL || make_choice(self, schema, out)) {
        kk_buf_append_text(out, schema == NULL ? "1" : "");
        return;
    }
    const char *type = choose_type(self, schema);
    if (strcmp(type, "string") == 0) {
        make_string(self, schema, salt, out);
    } else if (strcmp(type, "integer") == 0) {
        make_integer(self, schema, out);
    } else if (strcmp(type, "number") == 0) {
        make_number(self, schema, out);
    } else if (strcmp(type, "array") == 0) {
        make_array(self, schema, depth, out);
    } else if (strcmp(type, "object") == 0) {
        make_object(self, schema, depth, out);
    } else if (strcmp(type, "null") == 0) {
        kk_buf_append_text(out, "null");
    } else {
        kk_buf_append_text(out, flips(self, 2) ? "true" : "false");
    }
}

void kk_check_make_value(kk_check *self, const char *text, kk_buf *out)
{
    cJSON *schema = NULL;
    if (kk_json_parse(kk_str_from(text), "the schema", &schema, NULL) == KK_OK) {
        make(self, schema, 0, 0, out);
    } else {
        kk_buf_append_text(out, "{}");
    }
    cJSON_Delete(schema);
}
