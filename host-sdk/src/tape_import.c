// A HAR file of a browser, Playwright or mitmproxy as a tape.
#include "tape_import.h"
#include "fail.h"
#include "tape_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct har_file {
    kk_str text;
    const char *path;
    kk_tape_har *list;
    size_t count;
    size_t capacity;
} har_file;

static kk_code fail_har(const char *path, const char *problem, kk_error *err)
{
    kk_fail(err, KK_ERR_TAPE_INVALID, "'%.200s' %s", path, problem);
    kk_fail_reason(err, "tape_invalid");
    return KK_ERR_TAPE_INVALID;
}

// ---- Reading

static int64_t started_of(kk_str raw)
{
    kk_str value;
    int64_t unix_ms = 0;
    kk_buf text = {.limit = KK_TEXT_MAX};
    if (kk_json_find(raw, "/startedDateTime", &value) && value.ptr[0] == '"') {
        kk_json_unescape(value, &text);
        if (!kk_tape_time(kk_buf_text(&text), &unix_ms) || unix_ms < 0) {
            unix_ms = 0;
        }
    }
    kk_buf_clean(&text);
    return unix_ms;
}

static bool add_har(har_file *self, kk_str raw)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 64 : self->capacity * 2;
        kk_tape_har *grown = realloc(self->list, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        self->list = grown;
        self->capacity = capacity;
    }
    self->list[self->count] =
        (kk_tape_har){.raw = raw, .number = self->count + 1, .started_ms = started_of(raw)};
    self->count++;
    return true;
}

static int by_start(const void *left, const void *right)
{
    const kk_tape_har *a = left;
    const kk_tape_har *b = right;
    if (a->started_ms != b->started_ms) {
        return a->started_ms < b->started_ms ? -1 : 1;
    }
    return a->number < b->number ? -1 : 1;
}

static kk_code read_har(har_file *self, kk_error *err)
{
    kk_error problem = {0};
    kk_str entries;
    if (kk_json_check(self->text, &problem) != KK_OK) {
        kk_fail(err, KK_ERR_TAPE_INVALID, "'%.200s' is no HAR file: %s", self->path,
                problem.message);
        kk_fail_reason(err, "tape_invalid");
        return KK_ERR_TAPE_INVALID;
    }
    if (!kk_json_find(self->text, "/log/entries", &entries) || entries.ptr[0] != '[') {
        kk_code code = fail_har(self->path, "is no HAR file: it has no array 'log.entries'", err);
        kk_fail_hint(err, "export the requests as HAR, with contents");
        return code;
    }
    kk_tape_walk walk = {.started = false};
    kk_str raw;
    while (kk_tape_walk_next(&walk, self->text, &raw)) {
        if (self->count == KK_TAPE_ENTRIES_MAX) {
            return fail_har(self->path, "has more than 200000 entries", err);
        }
        if (!add_har(self, raw)) {
            return kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", self->path);
        }
    }
    // The order in which requests were sent; some programs write them as answers came.
    if (self->count > 1) {
        qsort(self->list, self->count, sizeof *self->list, by_start);
    }
    return KK_OK;
}

// ---- Writing

static void write_head(const har_file *self, kk_buf *out)
{
    char when[40] = "1970-01-01T00:00:00Z";
    for (size_t i = 0; i < self->count; i++) {
        time_t seconds = (time_t)(self->list[i].started_ms / 1000);
        struct tm parts;
        if (seconds > 0 && gmtime_r(&seconds, &parts) != NULL) {
            strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
            break;
        }
    }
    kk_buf_append_format(out,
                         "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"kk\",\"version\":"
                         "\"1\"},\"pages\":[],\"_tape\":{\"format\":1,\"recorded_at\":\"%s\","
                         "\"redaction_policy\":1},\"entries\":[",
                         when);
}

// Whether an entry alone makes a tape that loads; else a note says why not.
static bool check_entry(kk_tape_importer *self, kk_str entry)
{
    kk_error problem = {0};
    kk_tape *tape = NULL;
    kk_buf alone = {.limit = KK_TAPE_MAX};
    const har_file none = {.count = 0};
    write_head(&none, &alone);
    kk_buf_append_str(&alone, entry);
    kk_buf_append_text(&alone, "]}}");
    kk_code code = alone.failed != KK_OK
                       ? KK_ERR_INTERNAL
                       : kk_tape_parse(kk_buf_view(&alone), "the entry", &tape, &problem);
    kk_tape_free(tape);
    kk_buf_clean(&alone);
    if (code != KK_OK) {
        kk_tape_import_note(self, "dropped", "", problem.message);
    }
    return code == KK_OK;
}

static kk_code write_entries(kk_tape_importer *self, const har_file *har, kk_buf *out,
                             kk_error *err)
{
    kk_buf entry = {.limit = KK_TAPE_MAX};
    kk_buf masked = {.limit = KK_TAPE_MAX};
    kk_code code = KK_OK;
    for (size_t i = 0; i < har->count && code == KK_OK; i++) {
        self->har = &har->list[i];
        code = kk_tape_import_learn(self, err);
    }
    for (size_t i = 0; i < har->count && code == KK_OK; i++) {
        self->har = &har->list[i];
        self->seq++;
        kk_buf_clear(&entry);
        kk_buf_clear(&masked);
        bool good = kk_tape_import_entry(self, &entry);
        code = kk_buf_check(&entry, "an entry", err);
        if (code == KK_OK && good) {
            kk_redact_mask(self->redactor, kk_buf_view(&entry), &masked);
            good = check_entry(self, kk_buf_view(&masked));
        }
        if (code == KK_OK && good) {
            kk_buf_append_text(out, out->ptr[out->len - 1] == '[' ? "" : ",");
            kk_buf_append_str(out, kk_buf_view(&masked));
        }
    }
    kk_buf_clean(&masked);
    kk_buf_clean(&entry);
    return code;
}

static void note_secret(void *context, const char *pointer, const char *what)
{
    kk_buf *out = context;
    if (out->len == 0) {
        kk_buf_append_format(out, "%.160s looks like %.60s", pointer, what);
    }
}

// The last look at what is about to be written.
static kk_code check_clean(kk_tape_importer *self, kk_str text, const char *path, kk_error *err)
{
    kk_buf found = {.limit = KK_TEXT_MAX};
    size_t count = kk_redact_scan(self->redactor, text, note_secret, &found);
    if (count > 0) {
        kk_fail(err, KK_ERR_TAPE_INVALID, "nothing is written: in the tape of '%.160s', %s", path,
                kk_buf_text(&found));
        kk_fail_reason(err, "secret_found");
        kk_fail_hint(err, "remove it from the HAR file");
    }
    kk_buf_clean(&found);
    return count > 0 ? KK_ERR_TAPE_INVALID : KK_OK;
}

static kk_code make_tape(kk_tape_importer *self, har_file *har, kk_buf *out, kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_code code = read_har(har, err);
    if (code == KK_OK) {
        write_head(har, &text);
        size_t empty = text.len;
        code = write_entries(self, har, &text, err);
        if (code == KK_OK && text.len == empty) {
            code = fail_har(har->path, "has no entry that a tape can hold", err);
        }
    }
    kk_buf_append_text(&text, "]}}");
    code = code == KK_OK ? kk_buf_check(&text, "the tape", err) : code;
    code = code == KK_OK ? kk_tape_write_formatted(kk_buf_view(&text), har->path, out, err) : code;
    code = code == KK_OK ? check_clean(self, kk_buf_view(out), har->path, err) : code;
    kk_buf_clean(&text);
    return code;
}

kk_code kk_tape_import_text(kk_str text, const char *path, kk_buf *out, kk_tape_notes *notes,
                            kk_error *err)
{
    if (kk_str_starts_with(text, "\xEF\xBB\xBF")) {
        text = (kk_str){text.ptr + 3, text.len - 3};
    }
    har_file har = {.text = text, .path = path};
    kk_tape_importer self = {.notes = notes, .redacted = {.limit = KK_TAPE_MAX}};
    kk_code code = kk_redactor_new(&self.redactor, err);
    code = code == KK_OK ? make_tape(&self, &har, out, err) : code;
    code = code == KK_OK ? kk_tape_notes_check(notes, err) : code;
    kk_buf_clean(&self.redacted);
    kk_redactor_free(self.redactor);
    free(har.list);
    return code;
}

static kk_code check_target(const char *to, bool replace, kk_error *err)
{
    if (replace || access(to, F_OK) != 0) {
        return KK_OK;
    }
    kk_fail(err, KK_ERR_USAGE, "'%.200s' exists", to);
    kk_fail_hint(err, "choose another name, or replace it with --yes");
    return KK_ERR_USAGE;
}

kk_code kk_tape_import_file(const char *from, const char *to, bool write, bool replace,
                            kk_tape_notes **out, kk_error *err)
{
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_buf tape = {.limit = KK_TAPE_MAX};
    kk_tape_notes *notes = kk_tape_notes_new();
    kk_code code =
        notes != NULL ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory for '%s'", from);
    code = code == KK_OK ? check_target(to, replace, err) : code;
    code = code == KK_OK ? kk_tape_file_read(from, &text, err) : code;
    if (code == KK_OK) {
        code = kk_tape_import_text(kk_buf_view(&text), from, &tape, notes, err);
    }
    if (code == KK_OK && write) {
        code = kk_tape_file_write(to, kk_buf_view(&tape), err);
    }
    kk_buf_clean(&tape);
    kk_buf_clean(&text);
    if (code != KK_OK) {
        kk_tape_notes_free(notes);
        return code;
    }
    *out = notes;
    return KK_OK;
}
