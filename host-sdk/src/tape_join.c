// The fakes of a new recording under the numbers that the same values had on the tape before.
//
// An answer gives a session, and later requests repeat it; the tape has a fake in all of these
// places.  A new recording makes new fakes, by which its requests would differ from those on the
// tape although nothing has changed.  What stands in an answer at the place of a fake of the old
// answer to the same request is the same value as far as a tape is concerned.
#include "fail.h"
#include "tape_write_private.h"
#include <stdio.h>
#include <stdlib.h>

// The most elements of an array that are looked at.
enum { ELEMENTS_MAX = 1000 };

typedef struct join {
    uint64_t first; // the highest number of the old tape; those of the recording are above it
    size_t count;
    uint64_t *numbers; // for first + 1 and on: the number on the old tape; 0 = none
    size_t found;
} join;

// ---- Comparing without the numbers

static void level_text(kk_str text, kk_buf *out)
{
    kk_buf canonical = {.limit = KK_TAPE_MAX};
    bool json = kk_tape_canonical(text, NULL, &canonical);
    kk_redact_level(json ? kk_buf_view(&canonical) : text, out);
    kk_buf_clean(&canonical);
}

bool kk_tape_same_level(kk_str a, kk_str b)
{
    if (kk_str_equals(a, b)) {
        return true;
    }
    kk_buf left = {.limit = KK_TAPE_MAX};
    kk_buf right = {.limit = KK_TAPE_MAX};
    level_text(a, &left);
    level_text(b, &right);
    bool same = left.failed == KK_OK && right.failed == KK_OK &&
                kk_str_equals(kk_buf_view(&left), kk_buf_view(&right));
    kk_buf_clean(&left);
    kk_buf_clean(&right);
    return same;
}

static bool same_request(const kk_tape_entry *old, const kk_tape_entry *fresh)
{
    const kk_tape_key *a = &old->key;
    const kk_tape_key *b = &fresh->key;
    return kk_str_equals(a->method, b->method) && a->form == b->form &&
           kk_tape_same_level(a->path, b->path) && kk_tape_same_level(a->query, b->query) &&
           kk_tape_same_level(a->body, b->body);
}

// ---- Pairs of numbers

static void pair_texts(join *self, kk_str old, kk_str fresh)
{
    size_t at = 0;
    size_t old_at = 0;
    uint64_t number = 0;
    uint64_t old_number = 0;
    if (!kk_tape_same_level(old, fresh)) {
        return;
    }
    while (kk_redact_next_fake(fresh, &at, &number) &&
           kk_redact_next_fake(old, &old_at, &old_number)) {
        bool is_new = number > self->first && number - self->first <= self->count;
        uint64_t *known = is_new ? &self->numbers[number - self->first - 1] : NULL;
        if (known != NULL && *known == 0 && old_number <= self->first) {
            *known = old_number;
            self->found++;
        }
    }
}

static void pair_values(join *self, kk_str old, kk_str fresh);

static void pair_members(join *self, kk_json_reader *reader, kk_str old)
{
    kk_str raw;
    kk_str there;
    while (kk_json_next(reader) == KK_JSON_NAME) {
        kk_buf name = {.limit = KK_TEXT_MAX};
        kk_buf pointer = {.limit = KK_TEXT_MAX};
        kk_json_unescape(reader->raw, &name);
        kk_json_write_segment(&pointer, kk_buf_view(&name));
        bool good = kk_json_finish_value(reader, kk_json_next(reader), &raw);
        if (good && kk_json_find(old, kk_buf_text(&pointer), &there)) {
            pair_values(self, there, raw);
        }
        kk_buf_clean(&pointer);
        kk_buf_clean(&name);
        if (!good) {
            return;
        }
    }
}

static bool next_element(kk_json_reader *reader, kk_str *out)
{
    kk_json_kind kind = kk_json_next(reader);
    return kind > KK_JSON_END && kind != KK_JSON_ARRAY_END &&
           kk_json_finish_value(reader, kind, out);
}

static void pair_elements(join *self, kk_json_reader *reader, kk_str old)
{
    kk_str raw;
    kk_str there;
    kk_json_reader *other = malloc(sizeof *other);
    if (other == NULL) {
        return;
    }
    kk_json_reader_init(other, old);
    (void)kk_json_next(other); // the array, as in the new text
    for (size_t i = 0;
         i < ELEMENTS_MAX && next_element(reader, &raw) && next_element(other, &there); i++) {
        pair_values(self, there, raw);
    }
    free(other);
}

// What stands at the same place.
static void pair_values(join *self, kk_str old, kk_str fresh)
{
    if (fresh.len == 0 || old.len == 0 || (fresh.ptr[0] != '{' && fresh.ptr[0] != '[')) {
        pair_texts(self, old, fresh);
        return;
    }
    kk_json_reader *reader = malloc(sizeof *reader);
    if (reader == NULL || old.ptr[0] != fresh.ptr[0]) {
        free(reader); // without memory they stay as they are
        return;
    }
    kk_json_reader_init(reader, fresh);
    if (kk_json_next(reader) == KK_JSON_OBJECT) {
        pair_members(self, reader, old);
    } else {
        pair_elements(self, reader, old);
    }
    free(reader);
}

static void pair_entries(join *self, const kk_tape_entry *old, const kk_tape_entry *fresh)
{
    pair_values(self, old->answer.body, fresh->answer.body);
    for (size_t i = 0; i < fresh->answer.header_count; i++) {
        const kk_header *header = &fresh->answer.headers[i];
        const char *there =
            kk_tape_header(old->answer.headers, old->answer.header_count, header->name);
        if (there != NULL) {
            pair_texts(self, kk_str_from(there), kk_str_from(header->value));
        }
    }
}

// Equal for requests that have the same path and query but for the numbers of fakes; never 0.
static uint64_t hash_of(const kk_tape_entry *entry)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_redact_level(entry->key.path, &text);
    kk_buf_append_byte(&text, '?');
    kk_redact_level(entry->key.query, &text);
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    }
    kk_buf_clean(&text);
    return hash != 0 ? hash : 1;
}

// Pairs a new entry with the first old one that was asked for in the same way and has no pair yet,
// whose hash is 0 from then on.
static void pair_one(join *self, const kk_tape *old, uint64_t *hashes, const kk_tape_entry *fresh)
{
    uint64_t hash = hash_of(fresh);
    for (size_t i = 0; i < old->entry_count; i++) {
        if (hashes[i] == hash && same_request(&old->entries[i], fresh)) {
            hashes[i] = 0;
            pair_entries(self, &old->entries[i], fresh);
            return;
        }
    }
}

static bool pair_all(join *self, const kk_tape *old, const kk_tape_entry *const *fresh,
                     size_t fresh_count)
{
    uint64_t *hashes = calloc(old->entry_count + 1, sizeof *hashes);
    if (hashes == NULL) {
        return false;
    }
    for (size_t i = 0; i < old->entry_count; i++) {
        hashes[i] = hash_of(&old->entries[i]);
    }
    for (size_t i = 0; i < fresh_count; i++) {
        pair_one(self, old, hashes, fresh[i]);
    }
    free(hashes);
    return true;
}

// ---- The entries anew

static uint64_t old_number(void *context, uint64_t number)
{
    const join *self = context;
    bool is_new = number > self->first && number - self->first <= self->count;
    uint64_t old = is_new ? self->numbers[number - self->first - 1] : 0;
    return old != 0 ? old : number;
}

static bool renumber(join *self, kk_tape_recorded *entry)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_redact_renumber((kk_str){entry->members, entry->members_len}, old_number, self, &text);
    bool good = text.failed == KK_OK;
    if (good) {
        free(entry->members);
        entry->members_len = text.len;
        entry->members = kk_buf_steal(&text);
    }
    kk_buf_clean(&text);
    return good && entry->members != NULL;
}

// Whether a request repeats what an answer gave: else the numbers do not matter.
static bool repeats(const join *self, const kk_tape_entry *fresh)
{
    const kk_str parts[] = {fresh->key.path, fresh->key.query, fresh->key.body};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        uint64_t number = 0;
        for (size_t at = 0; kk_redact_next_fake(parts[i], &at, &number);) {
            if (number > self->first && number - self->first <= self->count) {
                return true;
            }
        }
    }
    return false;
}

kk_code kk_tape_join(const kk_tape_merge *input, const kk_tape *old,
                     const kk_tape_entry *const *fresh, kk_tape_recorded *entries, bool *changed,
                     kk_error *err)
{
    join self = {.first = kk_redact_last_fake(input->old)};
    bool needed = false;
    *changed = false;
    self.count = input->last_fake > self.first ? (size_t)(input->last_fake - self.first) : 0;
    for (size_t i = 0; !needed && i < input->entry_count; i++) {
        needed = repeats(&self, fresh[i]);
    }
    if (!needed) {
        return KK_OK;
    }
    self.numbers = calloc(self.count + 1, sizeof *self.numbers);
    bool good = self.numbers != NULL && pair_all(&self, old, fresh, input->entry_count);
    for (size_t i = 0; good && self.found > 0 && i < input->entry_count; i++) {
        good = renumber(&self, &entries[i]);
    }
    *changed = self.found > 0;
    free(self.numbers);
    return good ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", input->path);
}
