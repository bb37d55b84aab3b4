// Walking JSON, and redacting it by the names of its members.
#include "redact_private.h"
#include <stdlib.h>
#include <strings.h>

// How often JSON in a string of JSON is followed.
enum { INSIDE_MAX = 4 };

// ---- The walk

static size_t offset_of(const kk_redact_walk *self, kk_str raw)
{
    return (size_t)(raw.ptr - self->text.ptr);
}

static bool has_failed(const kk_redact_walk *self)
{
    return self->path.failed != KK_OK || self->plain.failed != KK_OK ||
           self->fresh.failed != KK_OK || (self->out != NULL && self->out->failed != KK_OK);
}

// Shows one token to the visitor.  The meaning of a name, as it is afterwards, is left in `plain`.
static void visit(kk_redact_walk *self, kk_redact_token *token)
{
    kk_buf_clear(&self->fresh);
    kk_buf_clear(&self->plain);
    if (token->kind != KK_JSON_NUMBER) {
        kk_json_unescape(token->raw, &self->plain);
        token->plain = kk_buf_view(&self->plain);
    }
    token->pointer = kk_buf_text(&self->path);
    if (!self->visit(self, token, &self->fresh)) {
        return;
    }
    self->changed = true;
    size_t at = offset_of(self, token->raw);
    if (self->out != NULL) {
        kk_buf_append(self->out, self->text.ptr + self->done, at - self->done);
        kk_buf_append_str(self->out, kk_buf_view(&self->fresh));
    }
    self->done = at + token->raw.len;
    if (token->kind == KK_JSON_NAME) {
        kk_buf_clear(&self->plain);
        kk_json_unescape(kk_buf_view(&self->fresh), &self->plain);
    }
}

static bool walk_value(kk_redact_walk *self, kk_json_kind kind, kk_redact_kind field,
                       kk_str object);

// A member's value stands under its own name, or under that of an object around it.
static bool walk_object(kk_redact_walk *self, kk_redact_kind outer)
{
    kk_str object = {self->reader.raw.ptr, 0};
    object.len = self->text.len - offset_of(self, object);
    size_t level = self->path.len;
    kk_json_kind kind;
    while ((kind = kk_json_next(&self->reader)) == KK_JSON_NAME) {
        kk_redact_token name = {.kind = kind, .raw = self->reader.raw, .object = object};
        visit(self, &name);
        kk_redact_kind field = self->wants_fields
                                   ? kk_redact_kind_of(self->side, kk_buf_view(&self->plain))
                                   : KK_REDACT_PLAIN;
        field = field == KK_REDACT_PLAIN ? outer : field;
        kk_json_write_segment(&self->path, kk_buf_view(&self->plain));
        if (!walk_value(self, kk_json_next(&self->reader), field, object)) {
            return false;
        }
        kk_buf_shrink(&self->path, level);
    }
    return kind == KK_JSON_OBJECT_END;
}

static bool walk_array(kk_redact_walk *self, kk_redact_kind field, kk_str object)
{
    size_t level = self->path.len;
    kk_json_kind kind;
    for (size_t i = 0; (kind = kk_json_next(&self->reader)) != KK_JSON_ARRAY_END; i++) {
        kk_buf_append_format(&self->path, "/%zu", i);
        if (!walk_value(self, kind, field, object)) {
            return false;
        }
        kk_buf_shrink(&self->path, level);
    }
    return true;
}

static bool walk_value(kk_redact_walk *self, kk_json_kind kind, kk_redact_kind field, kk_str object)
{
    if (kind == KK_JSON_ERROR || kind == KK_JSON_END || has_failed(self)) {
        return false;
    }
    if (kind == KK_JSON_OBJECT) {
        return walk_object(self, field == KK_REDACT_PERSON ? KK_REDACT_PLAIN : field);
    }
    if (kind == KK_JSON_ARRAY) {
        return walk_array(self, field, object);
    }
    if (kind == KK_JSON_STRING || kind == KK_JSON_NUMBER) {
        kk_redact_token token = {
            .kind = kind, .raw = self->reader.raw, .field = field, .object = object};
        visit(self, &token);
    }
    return true;
}

bool kk_redact_walk_run(kk_redact_walk *self)
{
    self->path = self->plain = self->fresh = (kk_buf){.limit = SIZE_MAX};
    kk_json_reader_init(&self->reader, self->text);
    bool good = walk_value(self, kk_json_next(&self->reader), KK_REDACT_PLAIN, (kk_str){0}) &&
                kk_json_next(&self->reader) == KK_JSON_END && !has_failed(self);
    if (good && self->out != NULL) {
        kk_buf_append(self->out, self->text.ptr + self->done, self->text.len - self->done);
        good = self->out->failed == KK_OK;
    }
    kk_wipe(self->plain.ptr, self->plain.len);
    kk_buf_clean(&self->path);
    kk_buf_clean(&self->plain);
    kk_buf_clean(&self->fresh);
    return good;
}

// ---- Redacting

typedef struct editor {
    kk_redactor *redactor;
    kk_redact_note_fn note;
    void *context;
    bool only_known;
    int inside; // how many strings of JSON this is in
} editor;

static bool edit(const editor *how, kk_redact_side side, kk_str json, kk_buf *out, bool *changed);

// Whether the object has a mail address or a picture that is somebody's.
static bool is_somebodys(kk_redact_side side, kk_str object)
{
    kk_json_reader reader;
    kk_str raw;
    kk_buf plain = {.limit = SIZE_MAX};
    bool found = false;
    kk_json_reader_init(&reader, object);
    kk_json_next(&reader);
    while (!found && kk_json_next(&reader) == KK_JSON_NAME) {
        kk_buf_clear(&plain);
        kk_json_unescape(reader.raw, &plain);
        kk_redact_kind field = kk_redact_kind_of(side, kk_buf_view(&plain));
        kk_json_kind kind = kk_json_next(&reader);
        bool text = kind == KK_JSON_STRING;
        if (!kk_json_finish_value(&reader, kind, &raw)) {
            break;
        }
        if (text && (field == KK_REDACT_EMAIL || field == KK_REDACT_LINK)) {
            kk_buf_clear(&plain);
            kk_json_unescape(raw, &plain);
            found = !kk_redact_is_harmless(field, kk_buf_view(&plain)) ||
                    strncmp(kk_buf_text(&plain), "user-", 5) == 0 ||
                    strncmp(kk_buf_text(&plain), "https://example.com/redacted/", 29) == 0;
        }
    }
    kk_buf_clean(&plain);
    return found;
}

// What a string under a sensitive name becomes.
static bool edit_sensitive(const editor *how, kk_redact_side side, const kk_redact_token *token,
                           kk_buf *out)
{
    kk_buf known = {.limit = SIZE_MAX};
    bool changed = kk_redact_text(how->redactor, token->plain, false, &known);
    if (!kk_redact_is_harmless(token->field, kk_buf_view(&known))) {
        kk_redact_write_fake(how->redactor, side, token->field, token->plain, out);
        changed = true;
    } else if (changed) {
        kk_buf_append_str(out, kk_buf_view(&known));
    }
    kk_wipe(known.ptr, known.len);
    kk_buf_clean(&known);
    return changed;
}

static bool starts_url(kk_str text)
{
    size_t at = 0;
    while (at < text.len && at < 16 &&
           ((text.ptr[at] | 0x20) >= 'a' && (text.ptr[at] | 0x20) <= 'z')) {
        at++;
    }
    return at > 0 && kk_str_starts_with((kk_str){text.ptr + at, text.len - at}, "://");
}

static bool starts_json(kk_str text)
{
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL) {
        at++;
    }
    return at < text.len && (text.ptr[at] == '{' || text.ptr[at] == '[');
}

// What any other string becomes.
static bool edit_string(const editor *how, kk_redact_side side, kk_str plain, kk_buf *out)
{
    bool changed = false;
    if (!how->only_known && how->inside < INSIDE_MAX && starts_json(plain) &&
        kk_json_check(plain, NULL) == KK_OK) {
        editor inner = *how;
        inner.inside++;
        inner.note = NULL;
        if (edit(&inner, side, plain, out, &changed)) {
            return changed;
        }
    }
    return !how->only_known && starts_url(plain) ? kk_redact_url(how->redactor, side, plain, out)
                                                 : kk_redact_text(how->redactor, plain, false, out);
}

static bool edit_number(const editor *how, kk_redact_side side, const kk_redact_token *token,
                        kk_buf *out)
{
    if (token->field != KK_REDACT_PLAIN && token->field != KK_REDACT_PERSON && !how->only_known) {
        kk_redact_write_number(how->redactor, side, token->raw, out);
        return !kk_str_equals(kk_buf_view(out), token->raw);
    }
    kk_buf plain = {.limit = SIZE_MAX};
    bool changed = kk_redact_text(how->redactor, token->raw, false, &plain);
    if (changed && strspn(kk_buf_text(&plain), "0123456789") == plain.len) {
        kk_buf_append_str(out, kk_buf_view(&plain));
    } else if (changed) {
        kk_json_write_string(out, kk_buf_view(&plain));
    }
    kk_buf_clean(&plain);
    return changed;
}

static bool is_sensitive(const editor *how, kk_redact_side side, const kk_redact_token *token)
{
    if (how->only_known || token->kind != KK_JSON_STRING || token->field == KK_REDACT_PLAIN) {
        return false;
    }
    return token->field != KK_REDACT_PERSON || is_somebodys(side, token->object);
}

static bool edit_token(kk_redact_walk *walk, const kk_redact_token *token, kk_buf *fresh)
{
    const editor *how = walk->context;
    if (token->kind == KK_JSON_NUMBER) {
        bool changed = edit_number(how, walk->side, token, fresh);
        if (changed && how->note != NULL) {
            how->note(how->context, token->pointer);
        }
        return changed;
    }
    kk_buf plain = {.limit = SIZE_MAX};
    bool changed = is_sensitive(how, walk->side, token)
                       ? edit_sensitive(how, walk->side, token, &plain)
                       : (token->kind == KK_JSON_NAME
                              ? kk_redact_text(how->redactor, token->plain, false, &plain)
                              : edit_string(how, walk->side, token->plain, &plain));
    if (changed) {
        kk_json_write_string(fresh, kk_buf_view(&plain));
    }
    kk_str written = changed ? kk_buf_view(fresh) : token->raw;
    if (how->redactor != NULL && kk_redact_holds_written(&how->redactor->known, written)) {
        kk_buf_clear(fresh);
        kk_json_write_string(fresh, kk_str_from(KK_REDACT_SUSPECT));
        changed = true;
    }
    if (changed && how->note != NULL) {
        how->note(how->context, token->pointer);
    }
    fresh->failed = fresh->failed == KK_OK ? plain.failed : fresh->failed;
    kk_wipe(plain.ptr, plain.len);
    kk_buf_clean(&plain);
    return changed;
}

static bool edit(const editor *how, kk_redact_side side, kk_str json, kk_buf *out, bool *changed)
{
    size_t start = out->len;
    kk_redact_walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL) {
        out->failed = KK_ERR_INTERNAL;
        return false;
    }
    walk->text = json;
    walk->side = side;
    walk->visit = edit_token;
    walk->context = (void *)how;
    walk->wants_fields = !how->only_known;
    walk->out = out;
    bool good = kk_redact_walk_run(walk);
    *changed = walk->changed;
    if (!good && out->failed == KK_OK && out->len > start) {
        kk_buf_shrink(out, start);
    }
    free(walk);
    return good;
}

bool kk_redact_json(kk_redactor *self, kk_redact_side side, kk_str json, kk_buf *out, bool *changed,
                    kk_redact_note_fn note, void *context)
{
    editor how = {.redactor = self, .note = note, .context = context};
    // Checked first, so that nothing is learnt from what is no JSON.
    return kk_json_check(json, NULL) == KK_OK && edit(&how, side, json, out, changed);
}

bool kk_redact_known(kk_redactor *self, kk_str json, kk_buf *out)
{
    editor how = {.redactor = self, .only_known = true};
    bool changed = false;
    if (edit(&how, KK_REDACT_RESPONSE, json, out, &changed)) {
        return changed;
    }
    kk_buf_append_str(out, json);
    return false;
}
