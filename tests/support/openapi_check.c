// Whether a JSON value is what an OpenAPI 3.0 schema describes.
#include "openapi_check.h"
#include <ctype.h>
#include <stdio.h>

#define WAY_MAX 512

static bool has_type(const cJSON *value, const char *type)
{
    if (strcmp(type, "integer") == 0) {
        return cJSON_IsNumber(value) && value->valuedouble == (double)(long long)value->valuedouble;
    }
    return (strcmp(type, "object") == 0 && cJSON_IsObject(value)) ||
           (strcmp(type, "array") == 0 && cJSON_IsArray(value)) ||
           (strcmp(type, "string") == 0 && cJSON_IsString(value)) ||
           (strcmp(type, "boolean") == 0 && cJSON_IsBool(value)) ||
           (strcmp(type, "number") == 0 && cJSON_IsNumber(value));
}

static void check_choice(const cJSON *choices, const cJSON *value, const char *at, kk_buf *faults)
{
    const cJSON *choice = NULL;
    cJSON_ArrayForEach(choice, choices)
    {
        if (cJSON_Compare(choice, value, true)) {
            return;
        }
    }
    if (choices != NULL) {
        kk_buf_append_format(faults, "%s is none of the values allowed\n", at);
    }
}

static void check_object(const cJSON *schema, const cJSON *value, const char *at, kk_buf *faults)
{
    const cJSON *name = NULL;
    cJSON_ArrayForEach(name, kk_json_get(schema, "required"))
    {
        if (kk_json_get(value, name->valuestring) == NULL) {
            kk_buf_append_format(faults, "%s/%s is missing\n", at, name->valuestring);
        }
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, value)
    {
        char way[WAY_MAX];
        snprintf(way, sizeof way, "%s/%s", at, member->string);
        const cJSON *own = kk_json_get(kk_json_get(schema, "properties"), member->string);
        const cJSON *other = kk_json_get(schema, "additionalProperties");
        if (own == NULL && (other == NULL || cJSON_IsFalse(other))) {
            kk_buf_append_format(faults, "%s is not in the description\n", way);
        }
        if (own != NULL || cJSON_IsObject(other)) {
            openapi_check(own != NULL ? own : other, member, way, faults);
        }
    }
}

void openapi_check(const cJSON *schema, const cJSON *value, const char *at, kk_buf *faults)
{
    const char *type = kk_json_text(schema, "type");
    if (cJSON_IsNull(value) && cJSON_IsTrue(kk_json_get(schema, "nullable"))) {
        return;
    }
    if (type != NULL && !has_type(value, type)) {
        kk_buf_append_format(faults, "%s is no %s\n", at, type);
        return;
    }
    check_choice(kk_json_get(schema, "enum"), value, at, faults);
    if (cJSON_IsObject(value)) {
        check_object(schema, value, at, faults);
    }
    int index = 0;
    const cJSON *element = NULL;
    const cJSON *items = kk_json_get(schema, "items");
    const cJSON *checked = items != NULL && cJSON_IsArray(value) ? value : NULL;
    cJSON_ArrayForEach(element, checked)
    {
        char way[WAY_MAX];
        snprintf(way, sizeof way, "%s/%d", at, index++);
        openapi_check(items, element, way, faults);
    }
}

const cJSON *openapi_answer_schema(const cJSON *description, const char *method, const char *path,
                                   int status)
{
    char lower[16] = "";
    char number[16];
    for (size_t i = 0; method[i] != '\0' && i + 1 < sizeof lower; ++i) {
        lower[i] = (char)tolower((unsigned char)method[i]);
    }
    snprintf(number, sizeof number, "%d", status);
    const char *const way[] = {
        "paths", path, lower, "responses", number, "content", "application/json", "schema"};
    const cJSON *found = description;
    for (size_t i = 0; i < sizeof way / sizeof *way; ++i) {
        found = kk_json_get(found, way[i]);
    }
    return found;
}
