// Lists of remarks on a tape, and what there is to know of its entries.
#include "fail.h"
#include "tape_tools.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOTES_MAX = 100000 };

struct kk_tape_notes {
    kk_arena arena;
    kk_tape_note *list;
    size_t count;
    size_t capacity;
    bool failed;
};

kk_tape_notes *kk_tape_notes_new(void)
{
    return calloc(1, sizeof(kk_tape_notes));
}

void kk_tape_notes_free(kk_tape_notes *notes)
{
    if (notes != NULL) {
        kk_arena_clean(&notes->arena);
        free(notes->list);
        free(notes);
    }
}

size_t kk_tape_notes_count(const kk_tape_notes *notes)
{
    return notes->count;
}

const kk_tape_note *kk_tape_notes_at(const kk_tape_notes *notes, size_t index)
{
    return index < notes->count ? &notes->list[index] : NULL;
}

static bool make_room(kk_tape_notes *self)
{
    if (self->count < self->capacity) {
        return true;
    }
    size_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
    kk_tape_note *grown = realloc(self->list, capacity * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    self->list = grown;
    self->capacity = capacity;
    return true;
}

void kk_tape_notes_add(kk_tape_notes *self, const char *kind, const kk_tape_entry *entry,
                       const char *pointer, const char *format, ...)
{
    char text[512];
    char name[80] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (entry != NULL && entry->id != NULL) {
        kk_tape_show(kk_str_from(entry->id), name, sizeof name);
    } else if (entry != NULL) {
        snprintf(name, sizeof name, "#%zu", entry->number);
    }
    if (self->count == NOTES_MAX) {
        return;
    }
    kk_tape_note note = {.kind = kind,
                         .entry = kk_arena_copy(&self->arena, kk_str_from(name)),
                         .line = entry != NULL ? entry->line : 0,
                         .pointer = kk_arena_copy(&self->arena, kk_str_from(pointer)),
                         .text = kk_arena_copy(&self->arena, kk_str_from(text))};
    if (note.entry == NULL || note.pointer == NULL || note.text == NULL || !make_room(self)) {
        self->failed = true;
        return;
    }
    self->list[self->count++] = note;
}

kk_code kk_tape_notes_check(const kk_tape_notes *self, kk_error *err)
{
    return self->failed ? kk_fail(err, KK_ERR_INTERNAL, "out of memory for remarks on a tape")
                        : KK_OK;
}

// ---- Entries

size_t kk_tape_entry_count(const kk_tape *tape)
{
    return tape->entry_count;
}

bool kk_tape_entry_at(const kk_tape *tape, size_t index, kk_tape_entry_info *out)
{
    if (index >= tape->entry_count) {
        return false;
    }
    const kk_tape_entry *entry = &tape->entries[index];
    bool times = entry->repeat == KK_TAPE_TIMES;
    *out = (kk_tape_entry_info){
        .number = entry->number,
        .line = entry->line,
        .id = entry->id,
        .account = entry->account,
        .method = entry->method,
        .url = entry->url,
        .request_bytes = entry->request_bytes,
        .status = entry->answer.status,
        .failure = entry->answer.failure != KK_OK ? kk_code_name(entry->answer.failure) : NULL,
        .body = entry->answer.body.ptr,
        .body_len = entry->answer.body.len,
        .uses = times                           ? entry->times
                : entry->repeat == KK_TAPE_LAST ? 1
                                                : 0,
        .repeats = !times,
        .optional = entry->optional || entry->repeat == KK_TAPE_ANY,
        .started_ms = entry->started_ms,
        .took_ms = entry->answer.took_ms};
    return true;
}

// ---- The text of a tape

bool kk_tape_walk_next(kk_tape_walk *self, kk_str text, kk_str *entry)
{
    kk_str entries;
    if (!self->started) {
        self->started = true;
        if (!kk_json_find(text, "/log/entries", &entries)) {
            return false;
        }
        kk_json_reader_init(&self->reader, entries);
        if (kk_json_next(&self->reader) != KK_JSON_ARRAY) {
            return false;
        }
    }
    kk_json_kind kind = kk_json_next(&self->reader);
    return kind == KK_JSON_OBJECT && kk_json_finish_value(&self->reader, kind, entry);
}
