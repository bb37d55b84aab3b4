// The `fields` argument that the host adds to every function.
#include "fields.h"
#include "fail.h"
#include "json.h"
#include <stdio.h>
#include <stdlib.h>

static kk_code fail_name(size_t index, kk_error *err)
{
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/fields/%zu", index);
    kk_fail_argument(err, pointer);
    return KK_ERR_INVALID_ARGS;
}

static kk_code add_name(kk_fields *self, kk_str raw, kk_error *err)
{
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_json_unescape(raw, &name);
    if (name.len > 0 && memchr(name.ptr, '\0', name.len) != NULL) {
        kk_buf_clean(&name);
        kk_fail(err, KK_ERR_INVALID_ARGS,
                "the name of a field holds a NUL, as none does; nothing was sent");
        return fail_name(self->count, err);
    }
    char **grown = realloc(self->names, (self->count + 1) * sizeof *grown);
    char *text = kk_buf_steal(&name);
    kk_buf_clean(&name);
    if (grown != NULL) {
        self->names = grown;
    }
    if (grown == NULL || text == NULL) {
        free(text);
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the fields");
    }
    self->names[self->count++] = text;
    return KK_OK;
}

static kk_code read_names(kk_fields *self, kk_str array, kk_error *err)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, array);
    kk_json_next(&reader);
    while (kk_json_next(&reader) == KK_JSON_STRING) {
        kk_code code = add_name(self, reader.raw, err);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

static kk_code check_names(const kk_fields *self, const kk_entry *entry, kk_error *err)
{
    const kk_schema *output = kk_plugin_output(entry->plugin, entry->index);
    for (size_t i = 0; output != NULL && i < self->count; i++) {
        char near[256];
        if (kk_schema_has_field(output, entry->tool->rows, self->names[i], near, sizeof near)) {
            continue;
        }
        kk_fail(err, KK_ERR_INVALID_ARGS,
                "the result of '%s' has no field '%.64s'; nothing was sent", entry->info.function,
                self->names[i]);
        if (near[0] != '\0') {
            kk_fail_hint(err, "did you mean %s?", near);
        } else {
            kk_fail_hint(err, "`kk docs %s` shows what it returns", entry->info.function);
        }
        return fail_name(i, err);
    }
    return KK_OK;
}

kk_code kk_fields_take(const kk_entry *entry, kk_str args, kk_buf *rest, kk_fields *out,
                       kk_error *err)
{
    kk_fields taken = {0};
    kk_str chosen = {0};
    kk_json_reader reader;
    kk_json_reader_init(&reader, args);
    kk_json_next(&reader);
    kk_buf_append_byte(rest, '{');
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value;
        if (!kk_json_finish_value(&reader, kk_json_next(&reader), &value)) {
            break;
        }
        if (entry->host_projects && kk_json_string_is(name, KK_STR("fields"))) {
            chosen = value;
            continue;
        }
        kk_buf_append_text(rest, rest->len > 1 ? "," : "");
        kk_buf_append_str(rest, name);
        kk_buf_append_byte(rest, ':');
        kk_buf_append_str(rest, value);
    }
    kk_buf_append_byte(rest, '}');
    kk_code code = kk_buf_check(rest, "the arguments", err);
    if (code == KK_OK && chosen.len > 0) {
        code = read_names(&taken, chosen, err);
    }
    // The schema of the output is compiled at the first question.
    if (code == KK_OK && taken.count > 0) {
        code = check_names(&taken, entry, err);
    }
    if (code != KK_OK) {
        kk_fields_clean(&taken);
        return code;
    }
    *out = taken;
    return KK_OK;
}

kk_code kk_fields_apply(const kk_fields *self, const kk_entry *entry, kk_str result, kk_buf *out,
                        kk_error *err)
{
    kk_json_projection projection = {.rows = entry->tool->rows,
                                     .fields = (const char *const *)self->names,
                                     .count = self->count};
    kk_error why = {0};
    if (self->count == 0) {
        kk_buf_append_str(out, result);
        return kk_buf_check(out, "the result", err);
    }
    if (kk_json_project(result, &projection, out, &why) == KK_OK) {
        return KK_OK;
    }
    return kk_fail(err, KK_ERR_BAD_OUTPUT, "the result's fields cannot be chosen: %s", why.message);
}

void kk_fields_clean(kk_fields *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->names[i]);
    }
    free(self->names);
    *self = (kk_fields){0};
}
