// Redacting a tape that is there: what a recording would have left out or replaced.
//
// The text is cut only where something changes, so that all else keeps its bytes.
#include "fail.h"
#include "redact.h"
#include "tape_file.h"
#include "tape_tools.h"
#include <stdlib.h>

// A part of an entry and what takes its place.
typedef struct change {
    kk_str old; // in the file's text
    size_t start;
    size_t len; // of the new text, in `texts`
} change;

enum { CHANGES_MAX = 8 }; // an entry has so many places that are looked at

typedef struct redaction {
    kk_redactor *redactor;
    kk_tape_notes *notes;
    kk_str entry;
    change list[CHANGES_MAX];
    size_t count;
    kk_buf texts;
    kk_buf plain; // scratch
    size_t changed;
} redaction;

static void note(redaction *self, const char *pointer, const char *text)
{
    kk_buf whole = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&whole, "/log/entries/%zu%s", self->changed, pointer);
    kk_tape_notes_add(self->notes, "changed", NULL, kk_buf_text(&whole), "%s", text);
    kk_buf_clean(&whole);
}

static bool find(const redaction *self, const char *pointer, kk_str *raw)
{
    return kk_json_find(self->entry, pointer, raw);
}

// What was appended to `texts` since [start] takes the place of [old].
static void add_change(redaction *self, kk_str old, size_t start)
{
    self->list[self->count++] = (change){old, start, self->texts.len - start};
}

// What the string at [pointer] means, left in `plain`.
static bool take_plain(redaction *self, const char *pointer, kk_str *raw)
{
    kk_buf_clear(&self->plain);
    if (!find(self, pointer, raw) || raw->ptr[0] != '"') {
        return false;
    }
    kk_json_unescape(*raw, &self->plain);
    return true;
}

static void redact_url(redaction *self)
{
    kk_str raw;
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (take_plain(self, "/request/url", &raw) &&
        kk_redact_url(self->redactor, KK_REDACT_REQUEST, kk_buf_view(&self->plain), &out)) {
        size_t start = self->texts.len;
        kk_json_write_string(&self->texts, kk_buf_view(&out));
        add_change(self, raw, start);
        note(self, "/request/url", "its query has a secret");
        // The copy is made anew by 'kk tape fmt'.
        if (find(self, "/request/queryString", &raw)) {
            start = self->texts.len;
            kk_buf_append_text(&self->texts, "[]");
            add_change(self, raw, start);
        }
    }
    kk_buf_clean(&out);
}

// Appends one header as it may stay; false if it has to go.
static bool write_header(redaction *self, kk_redact_side side, kk_str raw, bool first,
                         bool *changed)
{
    kk_str name_raw;
    kk_str value_raw;
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_buf value = {.limit = KK_TEXT_MAX};
    kk_buf out = {.limit = KK_TEXT_MAX};
    bool keeps = kk_json_find(raw, "/name", &name_raw) && kk_json_find(raw, "/value", &value_raw);
    if (keeps) {
        kk_json_unescape(name_raw, &name);
        kk_json_unescape(value_raw, &value);
        bool shape = side == KK_REDACT_REQUEST && kk_tape_is_shape(kk_buf_view(&value));
        keeps = shape || kk_redact_keeps_header(side, kk_buf_text(&name));
        bool differs =
            keeps && !shape &&
            kk_redact_header(self->redactor, side, kk_buf_text(&name), kk_buf_view(&value), &out);
        *changed = *changed || differs || !keeps;
        kk_buf_append_text(&self->texts, keeps && !first ? ", " : "");
        if (keeps && differs) {
            kk_buf_append_text(&self->texts, "{\"name\": ");
            kk_buf_append_str(&self->texts, name_raw);
            kk_buf_append_text(&self->texts, ", \"value\": ");
            kk_json_write_string(&self->texts, kk_buf_view(&out));
            kk_buf_append_byte(&self->texts, '}');
        } else if (keeps) {
            kk_buf_append_str(&self->texts, raw);
        }
    }
    kk_buf_clean(&name);
    kk_buf_clean(&value);
    kk_buf_clean(&out);
    return keeps;
}

static void redact_headers(redaction *self, kk_redact_side side, const char *pointer)
{
    kk_str list;
    kk_str raw;
    bool changed = false;
    bool first = true;
    size_t start = self->texts.len;
    kk_json_reader *reader = malloc(sizeof *reader);
    if (reader == NULL || !find(self, pointer, &list)) {
        free(reader);
        return;
    }
    kk_json_reader_init(reader, list);
    (void)kk_json_next(reader);
    kk_buf_append_byte(&self->texts, '[');
    for (kk_json_kind kind; (kind = kk_json_next(reader)) == KK_JSON_OBJECT;) {
        if (!kk_json_finish_value(reader, kind, &raw)) {
            break;
        }
        first = !write_header(self, side, raw, first, &changed) && first;
    }
    kk_buf_append_byte(&self->texts, ']');
    free(reader);
    if (!changed) {
        kk_buf_shrink(&self->texts, start);
        return;
    }
    add_change(self, list, start);
    note(self, pointer, "has what no recording keeps");
}

// [_json] or, without it, [text]; the copy beside a changed source goes with it.
static void redact_body(redaction *self, kk_redact_side side, const char *json, const char *text,
                        const char *media_at)
{
    kk_str raw;
    kk_str copy;
    kk_buf media = {.limit = KK_TEXT_MAX};
    kk_buf out = {.limit = KK_TAPE_MAX};
    if (take_plain(self, media_at, &raw)) {
        kk_buf_append_str(&media, kk_buf_view(&self->plain));
    }
    size_t start = self->texts.len;
    if (find(self, json, &raw)) {
        if (kk_redact_body(self->redactor, side, "application/json", raw, &out, NULL, NULL)) {
            kk_buf_append_str(&self->texts, kk_buf_view(&out));
            add_change(self, raw, start);
            note(self, json, "has a secret");
            if (find(self, text, &copy)) {
                kk_buf compact = {.limit = KK_TAPE_MAX};
                start = self->texts.len;
                (void)!kk_json_compact(kk_buf_view(&out), &compact, NULL);
                kk_json_write_string(&self->texts, kk_buf_view(&compact));
                add_change(self, copy, start);
                kk_buf_clean(&compact);
            }
        }
    } else if (take_plain(self, text, &raw) &&
               kk_redact_body(self->redactor, side, kk_buf_text(&media), kk_buf_view(&self->plain),
                              &out, NULL, NULL)) {
        kk_json_write_string(&self->texts, kk_buf_view(&out));
        add_change(self, raw, start);
        note(self, text, "has a secret");
    }
    kk_buf_clean(&media);
    kk_buf_clean(&out);
}

static int by_place(const void *left, const void *right)
{
    const change *a = left;
    const change *b = right;
    return a->old.ptr < b->old.ptr ? -1 : a->old.ptr > b->old.ptr;
}

// Looks at one entry; *done is how far the file's text was copied.
static void redact_entry(redaction *self, const char **done, kk_buf *out)
{
    self->count = 0;
    kk_buf_clear(&self->texts);
    redact_url(self);
    redact_headers(self, KK_REDACT_REQUEST, "/request/headers");
    redact_headers(self, KK_REDACT_RESPONSE, "/response/headers");
    redact_body(self, KK_REDACT_REQUEST, "/request/postData/_json", "/request/postData/text",
                "/request/postData/mimeType");
    redact_body(self, KK_REDACT_RESPONSE, "/response/content/_json", "/response/content/text",
                "/response/content/mimeType");
    qsort(self->list, self->count, sizeof *self->list, by_place);
    for (size_t i = 0; i < self->count; i++) {
        const change *one = &self->list[i];
        kk_buf_append(out, *done, (size_t)(one->old.ptr - *done));
        kk_buf_append(out, self->texts.ptr + one->start, one->len);
        *done = one->old.ptr + one->old.len;
    }
    out->failed = out->failed == KK_OK ? self->texts.failed : out->failed;
}

static void note_secret(void *context, const char *pointer, const char *what)
{
    kk_tape_notes_add(context, "error", NULL, pointer, "looks like %s", what);
}

static kk_code run(redaction *self, kk_str text, const char *path, kk_buf *out, kk_error *err)
{
    kk_tape *tape = NULL;
    kk_tape_walk walk = {.started = false};
    const char *done = text.ptr;
    kk_code code = kk_tape_parse(text, path, &tape, err);
    kk_tape_free(tape);
    code = code == KK_OK ? kk_redactor_new(&self->redactor, err) : code;
    if (code != KK_OK) {
        return code;
    }
    kk_redactor_skip(self->redactor, kk_redact_last_fake(text));
    while (kk_tape_walk_next(&walk, text, &self->entry)) {
        redact_entry(self, &done, out);
        self->changed++;
    }
    kk_buf_append(out, done, text.len - (size_t)(done - text.ptr));
    code = kk_buf_check(out, "the tape", err);
    if (code == KK_OK) {
        kk_redact_scan(NULL, kk_buf_view(out), note_secret, self->notes);
        code = kk_tape_parse(kk_buf_view(out), path, &tape, err);
        kk_tape_free(code == KK_OK ? tape : NULL);
    }
    return code == KK_OK ? kk_tape_notes_check(self->notes, err) : code;
}

kk_code kk_tape_redact_file(const char *path, bool write, kk_tape_notes **out, kk_error *err)
{
    redaction self = {.notes = kk_tape_notes_new(),
                      .texts = {.limit = KK_TAPE_MAX},
                      .plain = {.limit = KK_TAPE_MAX}};
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    kk_buf redacted = {.limit = KK_TAPE_MAX};
    kk_code code = self.notes != NULL ? kk_tape_file_read(path, &text, err)
                                      : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    code = code == KK_OK ? run(&self, kk_buf_view(&text), path, &redacted, err) : code;
    bool changed = !kk_str_equals(kk_buf_view(&text), kk_buf_view(&redacted));
    if (code == KK_OK && write && changed) {
        code = kk_tape_file_write(path, kk_buf_view(&redacted), err);
    }
    if (code == KK_OK) {
        *out = self.notes;
    } else {
        kk_tape_notes_free(self.notes);
    }
    kk_redactor_free(self.redactor);
    kk_buf_clean(&self.texts);
    kk_buf_clean(&self.plain);
    kk_buf_clean(&text);
    kk_buf_clean(&redacted);
    return code;
}
