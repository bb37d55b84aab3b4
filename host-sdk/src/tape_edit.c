// Changing tapes in their files: format and prune.
#include "fail.h"
#include "tape_file.h"
#include "tape_tools.h"
#include <stdio.h>
#include <stdlib.h>

// Writes the file unless it has these bytes already.
static kk_code save(const char *path, kk_str old, kk_str text, bool write, bool *changed,
                    kk_error *err)
{
    *changed = !kk_str_equals(old, text);
    return *changed && write ? kk_tape_file_write(path, text, err) : KK_OK;
}

kk_code kk_tape_format_file(const char *path, bool write, bool *changed, kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_buf formatted = {.limit = KK_TAPE_MAX};
    kk_code code = kk_tape_file_read(path, &text, err);
    if (code == KK_OK) {
        code = kk_tape_write_formatted(kk_buf_view(&text), path, &formatted, err);
    }
    if (code == KK_OK) {
        code = save(path, kk_buf_view(&text), kk_buf_view(&formatted), write, changed, err);
    }
    kk_buf_clean(&formatted);
    kk_buf_clean(&text);
    return code;
}

// ---- Prune

typedef struct pruner {
    const kk_tape *tape;
    bool *drop; // by number, from 1
    size_t count;
    bool has_order; // some entry has a `_seq`
} pruner;

static bool is_named(const kk_tape_entry *entry, const char *name)
{
    char number[32];
    snprintf(number, sizeof number, "#%zu", entry->number);
    return entry->id != NULL && strcmp(entry->id, name) == 0 ? true : strcmp(number, name) == 0;
}

static kk_code choose_named(pruner *self, const char *const *names, kk_error *err)
{
    for (; *names != NULL; names++) {
        bool found = false;
        for (size_t i = 0; i < self->tape->entry_count; i++) {
            const kk_tape_entry *entry = &self->tape->entries[i];
            if (is_named(entry, *names)) {
                self->count += self->drop[entry->number] ? 0 : 1;
                self->drop[entry->number] = true;
                found = true;
            }
        }
        if (!found) {
            kk_fail(err, KK_ERR_USAGE, "'%.160s' has no entry '%.64s'", self->tape->path, *names);
            kk_fail_hint(err, "entries are named by their '_id', or '#3' for the third; 'kk tape "
                              "show' lists them");
            return KK_ERR_USAGE;
        }
    }
    return KK_OK;
}

static void choose_hidden(pruner *self)
{
    for (size_t i = 0; i < self->tape->entry_count; i++) {
        const kk_tape_entry *entry = &self->tape->entries[i];
        if (kk_tape_hidden_by(self->tape, entry) != NULL) {
            self->drop[entry->number] = true;
            self->count++;
        }
    }
}

static int64_t seq_of(const kk_tape *tape, size_t number)
{
    for (size_t i = 0; i < tape->entry_count; i++) {
        if (tape->entries[i].number == number) {
            return tape->entries[i].seq;
        }
    }
    return 0;
}

// The kept entries.  One without a `_seq` had that of the entry before it, which may be gone.
static void write_kept(const pruner *self, kk_str entries_of, kk_buf *out)
{
    kk_tape_walk walk = {.started = false};
    kk_str raw;
    bool first = true;
    kk_buf_append_byte(out, '[');
    for (size_t number = 1; kk_tape_walk_next(&walk, entries_of, &raw); number++) {
        kk_str seq;
        if (self->drop[number]) {
            continue;
        }
        kk_buf_append_text(out, first ? "" : ",");
        first = false;
        if (self->has_order && !kk_json_find(raw, "/_seq", &seq)) {
            kk_buf_append_format(out, "{\"_seq\":%lld,", (long long)seq_of(self->tape, number));
            raw = (kk_str){raw.ptr + 1, raw.len - 1};
        }
        kk_buf_append_str(out, raw);
    }
    kk_buf_append_byte(out, ']');
}

static kk_code rewrite(pruner *self, kk_str text, kk_buf *out, kk_error *err)
{
    kk_str entries;
    kk_buf kept = {.limit = KK_TAPE_MAX};
    if (!kk_json_find(text, "/log/entries", &entries)) {
        return kk_fail(err, KK_ERR_INTERNAL, "'%s' has lost its entries", self->tape->path);
    }
    for (size_t i = 0; i < self->tape->entry_count; i++) {
        self->has_order = self->has_order || self->tape->entries[i].seq != 0;
    }
    kk_buf_append(&kept, text.ptr, (size_t)(entries.ptr - text.ptr));
    write_kept(self, text, &kept);
    const char *end = entries.ptr + entries.len;
    kk_buf_append(&kept, end, (size_t)(text.ptr + text.len - end));
    kk_code code = kk_buf_check(&kept, "the tape", err);
    if (code == KK_OK) {
        code = kk_tape_write_formatted(kk_buf_view(&kept), self->tape->path, out, err);
    }
    kk_buf_clean(&kept);
    return code;
}

static kk_code prune(pruner *self, kk_str text, const char *const *names, kk_buf *out,
                     kk_error *err)
{
    kk_code code = KK_OK;
    self->drop = calloc(self->tape->entry_count + 2, sizeof *self->drop);
    if (self->drop == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", self->tape->path);
    }
    if (names != NULL && names[0] != NULL) {
        code = choose_named(self, names, err);
    } else {
        choose_hidden(self);
    }
    if (code == KK_OK && self->count > 0) {
        code = rewrite(self, text, out, err);
    }
    free(self->drop);
    return code;
}

kk_code kk_tape_prune_file(const char *path, const char *const *names, bool write, size_t *count,
                           kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_buf out = {.limit = KK_TAPE_MAX};
    kk_tape *tape = NULL;
    bool changed = false;
    kk_code code = kk_tape_file_read(path, &text, err);
    if (code == KK_OK) {
        code = kk_tape_parse(kk_buf_view(&text), path, &tape, err);
    }
    if (code != KK_OK) {
        goto done;
    }
    kk_str whole = kk_buf_view(&text);
    if (kk_str_starts_with(whole, "\xEF\xBB\xBF")) {
        whole = (kk_str){whole.ptr + 3, whole.len - 3};
    }
    pruner self = {.tape = tape};
    code = prune(&self, whole, names, &out, err);
    if (code == KK_OK && self.count > 0) {
        code = save(path, whole, kk_buf_view(&out), write, &changed, err);
    }
    if (code == KK_OK) {
        *count = self.count;
    }

done:
    kk_tape_free(tape);
    kk_buf_clean(&out);
    kk_buf_clean(&text);
    return code;
}

// ---- Age

kk_code kk_tape_check_age(const kk_tape *tape, uint32_t fail_after_days, kk_tape_age *out,
                          kk_error *err)
{
    int64_t now_ms = kk_time_unix_ms(kk_time_real());
    int64_t oldest_ms = tape->recorded_ms;
    for (size_t i = 0; i < tape->entry_count; i++) {
        int64_t started_ms = tape->entries[i].started_ms;
        oldest_ms =
            started_ms > 0 && (oldest_ms == 0 || started_ms < oldest_ms) ? started_ms : oldest_ms;
    }
    const int64_t day_ms = INT64_C(86400000);
    uint32_t limit = fail_after_days > 0 ? fail_after_days : tape->expires_days;
    *out = (kk_tape_age){.recorded_ms = tape->recorded_ms,
                         .oldest_ms = oldest_ms,
                         .days = now_ms > oldest_ms ? (now_ms - oldest_ms) / day_ms : 0,
                         .limit_days = limit};
    if (limit == 0 || out->days <= (int64_t)limit) {
        return KK_OK;
    }
    kk_fail(err, KK_ERR_TAPE_INVALID, "the oldest entry of '%.200s' is %lld days old, more than %u",
            tape->path, (long long)out->days, (unsigned)limit);
    kk_fail_reason(err, "expired");
    kk_fail_hint(err, "record the tape again, to see whether the service still answers so");
    return KK_ERR_TAPE_INVALID;
}
