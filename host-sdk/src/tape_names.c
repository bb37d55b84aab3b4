// The names that the entries of a tape have.
//
// A run that polls or pages gives thousands of entries the same name, so each name knows which
// number comes next.
#include "tape_names.h"
#include <stdlib.h>

static size_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    }
    return (size_t)(hash ^ hash >> 32);
}

// The slot that has the name, or the empty one where it belongs.
static kk_tape_name *slot_of(kk_tape_name *slots, size_t count, const char *name)
{
    size_t at = hash_of(name) & (count - 1);
    while (slots[at].text != NULL && strcmp(slots[at].text, name) != 0) {
        at = (at + 1) & (count - 1);
    }
    return &slots[at];
}

static bool grow(kk_tape_names *self)
{
    size_t count = self->slot_count == 0 ? 64 : self->slot_count * 2;
    kk_tape_name *slots = calloc(count, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (size_t i = 0; i < self->slot_count; i++) {
        if (self->slots[i].text != NULL) {
            *slot_of(slots, count, self->slots[i].text) = self->slots[i];
        }
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    return true;
}

bool kk_tape_names_take(kk_tape_names *self, const char *name)
{
    if (self->count * 2 >= self->slot_count && !grow(self)) {
        return false;
    }
    kk_tape_name *slot = slot_of(self->slots, self->slot_count, name);
    if (slot->text == NULL) {
        *slot = (kk_tape_name){kk_arena_copy(&self->arena, kk_str_from(name)), 2};
        self->count += slot->text != NULL;
    }
    return slot->text != NULL;
}

static kk_tape_name *find(const kk_tape_names *self, const char *name)
{
    kk_tape_name *slot = self->slot_count > 0 ? slot_of(self->slots, self->slot_count, name) : NULL;
    return slot != NULL && slot->text != NULL ? slot : NULL;
}

bool kk_tape_names_make(kk_tape_names *self, const char *name, kk_buf *out)
{
    kk_tape_name *base = find(self, name);
    kk_buf_append_text(out, name);
    while (base != NULL && find(self, kk_buf_text(out)) != NULL) {
        kk_buf_clear(out);
        kk_buf_append_format(out, "%s-%zu", name, base->next++);
    }
    return out->failed == KK_OK && kk_tape_names_take(self, kk_buf_text(out));
}

void kk_tape_names_clean(kk_tape_names *self)
{
    kk_arena_clean(&self->arena);
    free(self->slots);
    *self = (kk_tape_names){0};
}
