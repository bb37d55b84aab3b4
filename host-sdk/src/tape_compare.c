// What differs between two tapes: by what they answer, not by how they are written.
#include "fail.h"
#include "tape_tools.h"
#include <stdlib.h>

// Which entry of the other tape each entry is paired with; SIZE_MAX = none.
typedef struct pairs {
    const kk_tape *a;
    const kk_tape *b;
    size_t *of_a;
    size_t *of_b;
    size_t *next;  // of b: the next with the same hash
    size_t *heads; // of b, by hash
    size_t mask;
    kk_tape_notes *notes;
} pairs;

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_key(const kk_tape_entry *one, const kk_tape_entry *other)
{
    const kk_tape_key *a = &one->key;
    const kk_tape_key *b = &other->key;
    bool origin = (one->any_origin && other->any_origin) ||
                  (a->secure == b->secure && a->port == b->port && kk_str_equals(a->host, b->host));
    return origin && kk_str_equals(a->method, b->method) && kk_str_equals(a->path, b->path) &&
           kk_str_equals(a->query, b->query) && a->form == b->form &&
           kk_str_equals(a->media, b->media) && kk_str_equals(a->body, b->body) &&
           kk_str_equals(a->shape_name, b->shape_name) && kk_str_equals(a->shape, b->shape) &&
           same_text(one->account, other->account);
}

static void pair(pairs *self, size_t a, size_t b)
{
    self->of_a[a] = b;
    self->of_b[b] = a;
}

static void pair_by_key(pairs *self)
{
    for (size_t i = self->b->entry_count; i-- > 0;) {
        size_t *head = &self->heads[self->b->entries[i].key.all & self->mask];
        self->next[i] = *head;
        *head = i;
    }
    for (size_t i = 0; i < self->a->entry_count; i++) {
        const kk_tape_entry *entry = &self->a->entries[i];
        size_t *link = &self->heads[entry->key.all & self->mask];
        while (*link != SIZE_MAX && !same_key(entry, &self->b->entries[*link])) {
            link = &self->next[*link];
        }
        if (*link != SIZE_MAX) {
            size_t found = *link;
            *link = self->next[found];
            pair(self, i, found);
        }
    }
}

static int by_id(const void *left, const void *right)
{
    const kk_tape_entry *a = *(const kk_tape_entry *const *)left;
    const kk_tape_entry *b = *(const kk_tape_entry *const *)right;
    return strcmp(a->id, b->id);
}

// Entries of the same name whose requests differ.
static bool pair_by_id(pairs *self)
{
    const kk_tape_entry **left = calloc(self->b->entry_count + 1, sizeof *left);
    if (left == NULL) {
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < self->b->entry_count; i++) {
        if (self->of_b[i] == SIZE_MAX && self->b->entries[i].id != NULL) {
            left[count++] = &self->b->entries[i];
        }
    }
    if (count > 1) {
        qsort(left, count, sizeof *left, by_id);
    }
    for (size_t i = 0; i < self->a->entry_count && count > 0; i++) {
        const kk_tape_entry *entry = &self->a->entries[i];
        if (self->of_a[i] != SIZE_MAX || entry->id == NULL) {
            continue;
        }
        const kk_tape_entry **found = bsearch(&entry, left, count, sizeof *left, by_id);
        if (found != NULL) {
            pair(self, i, (size_t)(*found - self->b->entries));
        }
    }
    free(left);
    return true;
}

// ---- What differs in a pair

static void note_values(pairs *self, const kk_tape_entry *entry, const char *pointer,
                        const char *before, const char *after)
{
    char a[96];
    char b[96];
    kk_tape_show(kk_str_from(before != NULL ? before : "(absent)"), a, sizeof a);
    kk_tape_show(kk_str_from(after != NULL ? after : "(absent)"), b, sizeof b);
    kk_tape_notes_add(self->notes, "changed", entry, pointer, "%s, now %s", a, b);
}

static void note_differences(pairs *self, const kk_tape_entry *entry, const char *place,
                             const kk_tape_differences *found)
{
    enum { SHOWN = sizeof found->shown / sizeof found->shown[0] };
    for (size_t i = 0; i < found->count && i < SHOWN; i++) {
        const kk_tape_difference *one = &found->shown[i];
        kk_buf pointer = {.limit = KK_TEXT_MAX};
        kk_buf_append_format(&pointer, "%s%s", place, one->pointer);
        kk_tape_notes_add(self->notes, "changed", entry, kk_buf_text(&pointer), "%s, now %s",
                          one->tape, one->request);
        kk_buf_clean(&pointer);
    }
    if (found->count > SHOWN) {
        kk_tape_notes_add(self->notes, "changed", entry, place, "and %zu%s more places",
                          found->count - SHOWN,
                          found->count >= KK_TAPE_DIFFERENCES_MAX ? " or" : "");
    }
}

static void compare_bodies(pairs *self, const kk_tape_entry *entry, kk_str before, kk_str after,
                           const char *place)
{
    kk_buf a = {.limit = KK_TAPE_MAX};
    kk_buf b = {.limit = KK_TAPE_MAX};
    kk_tape_differences found;
    if (kk_str_equals(before, after)) {
        return;
    }
    if (kk_tape_canonical(before, NULL, &a) && kk_tape_canonical(after, NULL, &b)) {
        kk_tape_diff_json(kk_buf_view(&a), kk_buf_view(&b), &found);
        note_differences(self, entry, place, &found);
        if (found.count == 0) {
            kk_tape_notes_add(self->notes, "changed", entry, place,
                              "the same value, written otherwise");
        }
    } else {
        kk_tape_notes_add(self->notes, "changed", entry, place, "%zu bytes, now %zu", before.len,
                          after.len);
    }
    kk_buf_clean(&b);
    kk_buf_clean(&a);
}

static void compare_headers(pairs *self, const kk_tape_entry *a, const kk_tape_entry *b)
{
    const kk_tape_answer *one = &a->answer;
    const kk_tape_answer *other = &b->answer;
    for (size_t i = 0; i < one->header_count; i++) {
        const char *name = one->headers[i].name;
        const char *now = kk_tape_header(other->headers, other->header_count, name);
        const char *before = kk_tape_header(one->headers, one->header_count, name);
        if (!same_text(before, now)) {
            note_values(self, b, "/response/headers", one->headers[i].value, now);
        }
    }
    for (size_t i = 0; i < other->header_count; i++) {
        if (kk_tape_header(one->headers, one->header_count, other->headers[i].name) == NULL) {
            note_values(self, b, "/response/headers", NULL, other->headers[i].name);
        }
    }
}

static void compare_key(pairs *self, const kk_tape_entry *a, const kk_tape_entry *b)
{
    kk_tape_differences found;
    if (!kk_str_equals(a->key.method, b->key.method)) {
        note_values(self, b, "/request/method", a->method, b->method);
    }
    if (strcmp(a->url, b->url) != 0 && !same_key(a, b)) {
        note_values(self, b, "/request/url", a->url, b->url);
    }
    if (a->key.form == b->key.form && a->key.form == KK_TAPE_JSON) {
        kk_tape_diff_json(a->key.body, b->key.body, &found);
        note_differences(self, b, "/request/postData/_json", &found);
    } else if (a->key.form != b->key.form || !kk_str_equals(a->key.body, b->key.body)) {
        compare_bodies(self, b, a->key.body, b->key.body, "/request/postData");
    }
    if (!kk_str_equals(a->key.shape, b->key.shape)) {
        note_values(self, b, "/request/headers/authorization", a->key.shape.ptr, b->key.shape.ptr);
    }
}

static const char *repeat_text(const kk_tape_entry *entry, char *out, size_t out_size)
{
    kk_buf text = {.limit = 32};
    if (entry->repeat == KK_TAPE_TIMES) {
        kk_buf_append_format(&text, "%u", (unsigned)entry->times);
    } else {
        kk_buf_append_text(&text, entry->repeat == KK_TAPE_LAST ? "\"last\"" : "\"any\"");
    }
    kk_text_set(out, out_size, kk_buf_text(&text));
    kk_buf_clean(&text);
    return out;
}

static void compare_pair(pairs *self, const kk_tape_entry *a, const kk_tape_entry *b)
{
    char before[32];
    char after[32];
    compare_key(self, a, b);
    if (!same_text(a->account, b->account)) {
        note_values(self, b, "/_account", a->account, b->account);
    }
    if (a->repeat != b->repeat || a->times != b->times) {
        note_values(self, b, "/_repeat", repeat_text(a, before, sizeof before),
                    repeat_text(b, after, sizeof after));
    }
    if (a->optional != b->optional) {
        note_values(self, b, "/_optional", a->optional ? "true" : "false",
                    b->optional ? "true" : "false");
    }
    if (a->answer.failure != b->answer.failure) {
        note_values(self, b, "/_failure",
                    a->answer.failure != KK_OK ? kk_code_name(a->answer.failure) : NULL,
                    b->answer.failure != KK_OK ? kk_code_name(b->answer.failure) : NULL);
    }
    if (a->answer.status != b->answer.status) {
        kk_tape_notes_add(self->notes, "changed", b, "/response/status", "%u, now %u",
                          a->answer.status, b->answer.status);
    }
    compare_headers(self, a, b);
    compare_bodies(self, b, a->answer.body, b->answer.body, "/response/content");
}

static void note_alone(pairs *self, const char *kind, const kk_tape_entry *entry)
{
    char url[96];
    kk_tape_show(kk_str_from(entry->url), url, sizeof url);
    kk_tape_notes_add(self->notes, kind, entry, "", "%s %s", entry->method, url);
}

static void compare(pairs *self)
{
    for (size_t i = 0; i < self->a->entry_count; i++) {
        if (self->of_a[i] == SIZE_MAX) {
            note_alone(self, "removed", &self->a->entries[i]);
        } else {
            compare_pair(self, &self->a->entries[i], &self->b->entries[self->of_a[i]]);
        }
    }
    for (size_t i = 0; i < self->b->entry_count; i++) {
        if (self->of_b[i] == SIZE_MAX) {
            note_alone(self, "added", &self->b->entries[i]);
        }
    }
    if (self->a->strict_order != self->b->strict_order) {
        kk_tape_notes_add(self->notes, "changed", NULL, "/log/_tape/strict_order", "%s, now %s",
                          self->a->strict_order ? "true" : "false",
                          self->b->strict_order ? "true" : "false");
    }
}

static size_t *list_of_none(size_t count)
{
    size_t *list = malloc((count + 1) * sizeof *list);
    for (size_t i = 0; list != NULL && i <= count; i++) {
        list[i] = SIZE_MAX;
    }
    return list;
}

kk_code kk_tape_diff(const kk_tape *a, const kk_tape *b, kk_tape_notes **out, kk_error *err)
{
    pairs self = {.a = a,
                  .b = b,
                  .of_a = list_of_none(a->entry_count),
                  .of_b = list_of_none(b->entry_count),
                  .next = list_of_none(b->entry_count),
                  .heads = list_of_none(b->bucket_count),
                  .mask = b->bucket_count - 1,
                  .notes = kk_tape_notes_new()};
    bool memory = self.of_a != NULL && self.of_b != NULL && self.next != NULL &&
                  self.heads != NULL && self.notes != NULL;
    if (memory) {
        pair_by_key(&self);
        memory = pair_by_id(&self);
    }
    kk_code code = memory ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory for two tapes");
    if (code == KK_OK) {
        compare(&self);
        code = kk_tape_notes_check(self.notes, err);
    }
    free(self.heads);
    free(self.next);
    free(self.of_b);
    free(self.of_a);
    if (code != KK_OK) {
        kk_tape_notes_free(self.notes);
        return code;
    }
    *out = self.notes;
    return KK_OK;
}
