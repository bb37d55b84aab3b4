// What a tape keeps for the test that recorded it.
#include "fail.h"
#include "tape_private.h"

static kk_code take_variable(kk_tape_loader *self, kk_header *out)
{
    kk_str raw;
    kk_code code = kk_tape_take_text(self, self->reader.raw, &out->name);
    kk_json_kind kind = kk_json_next(&self->reader);
    kk_json_finish_value(&self->reader, kind, &raw);
    if (code != KK_OK) {
        return code;
    }
    if (kind == KK_JSON_STRING) {
        return kk_tape_take_text(self, raw, &out->value);
    }
    out->value = kk_arena_copy(&self->tape->arena, raw);
    return out->value != NULL ? KK_OK : kk_tape_no_memory(self);
}

kk_code kk_tape_read_variables(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    (void)kind;
    (void)target;
    kk_header found[KK_TAPE_LIST_MAX];
    size_t count = 0;
    while (kk_json_next(&self->reader) == KK_JSON_NAME) {
        if (count == KK_TAPE_LIST_MAX) {
            return kk_tape_refuse(self, self->reader.raw, "a tape has at most %d variables",
                                  KK_TAPE_LIST_MAX);
        }
        kk_code code = take_variable(self, &found[count++]);
        if (code != KK_OK) {
            return code;
        }
    }
    kk_header *list = kk_arena_take(&self->tape->arena, (count + 1) * sizeof *list);
    if (list == NULL) {
        return kk_tape_no_memory(self);
    }
    memcpy(list, found, count * sizeof *found);
    self->tape->variables = list;
    self->tape->variable_count = count;
    return KK_OK;
}

const char *kk_tape_variable(const kk_tape *self, const char *name)
{
    for (size_t i = 0; i < self->variable_count; i++) {
        if (strcmp(self->variables[i].name, name) == 0) {
            return self->variables[i].value;
        }
    }
    return NULL;
}
