// The layout of a tape's file.
#include "tape_layout.h"
#include "fail.h"
#include "json.h"

enum {
    ENTRY_LEVEL = 3, // of an entry in {"log": {"entries": [...]}}
    LIST_MAX = 16    // the most plain values of an array that stands on one line
};

typedef struct writer {
    kk_json_reader reader;
    kk_buf *out;
    size_t level;
} writer;

// How the value that comes next is laid out.
typedef enum layout {
    IN_TAPE,  // a part of the tape itself
    IN_BODY,  // a part of a body, whose names mean nothing here
    OF_LINES, // an array whose elements are one line each
    ON_LINE
} layout;

static bool write_value(writer *self, kk_json_kind kind, layout how);

static void break_line(writer *self)
{
    kk_buf_append_byte(self->out, '\n');
    char *spaces = self->level > 0 ? kk_buf_reserve(self->out, self->level) : NULL;
    if (spaces != NULL) {
        memset(spaces, ' ', self->level);
        kk_buf_grow(self->out, self->level);
    }
}

static layout layout_of(kk_str raw_name, layout outer)
{
    if (outer != IN_TAPE) {
        return outer;
    }
    if (kk_json_string_is(raw_name, KK_STR("_json")) ||
        kk_json_string_is(raw_name, KK_STR("variables"))) {
        return IN_BODY;
    }
    if (kk_json_string_is(raw_name, KK_STR("headers")) ||
        kk_json_string_is(raw_name, KK_STR("queryString"))) {
        return OF_LINES;
    }
    return kk_json_string_is(raw_name, KK_STR("timings")) ? ON_LINE : IN_TAPE;
}

// Whether the array that was just opened holds a few plain values and nothing nested.
static bool is_short_list(const kk_json_reader *reader)
{
    kk_json_reader ahead = *reader;
    for (size_t i = 0; i <= LIST_MAX; i++) {
        kk_json_kind kind = kk_json_next(&ahead);
        if (kind == KK_JSON_ARRAY_END) {
            return true;
        }
        if (kind == KK_JSON_OBJECT || kind == KK_JSON_ARRAY || kind == KK_JSON_ERROR) {
            return false;
        }
    }
    return false;
}

// What stands before an element or a name: nothing before the first of a line, else a comma.
static void separate(writer *self, bool first, layout how)
{
    kk_buf_append_text(self->out, first ? "" : how == ON_LINE ? ", " : ",");
    if (how != ON_LINE) {
        break_line(self);
    }
}

static bool write_inside(writer *self, bool object, layout how)
{
    kk_json_kind end = object ? KK_JSON_OBJECT_END : KK_JSON_ARRAY_END;
    size_t count = 0;
    kk_json_kind kind;
    self->level++;
    while ((kind = kk_json_next(&self->reader)) != end) {
        layout inner = how == OF_LINES ? ON_LINE : how;
        if (kind == KK_JSON_ERROR || kind == KK_JSON_END) {
            return false;
        }
        separate(self, count++ == 0, how);
        if (object) {
            inner = layout_of(self->reader.raw, how);
            kk_buf_append_str(self->out, self->reader.raw);
            kk_buf_append_text(self->out, ": ");
            kind = kk_json_next(&self->reader);
        }
        if (!write_value(self, kind, inner)) {
            return false;
        }
    }
    self->level--;
    if (count > 0 && how != ON_LINE) {
        break_line(self);
    }
    return true;
}

static bool write_value(writer *self, kk_json_kind kind, layout how)
{
    if (kind == KK_JSON_ERROR || kind == KK_JSON_END || self->out->failed != KK_OK) {
        return false;
    }
    kk_buf_append_str(self->out, self->reader.raw);
    if (kind != KK_JSON_OBJECT && kind != KK_JSON_ARRAY) {
        return true;
    }
    bool object = kind == KK_JSON_OBJECT;
    // Only an array has lines for elements.
    bool line = object ? how == OF_LINES : is_short_list(&self->reader);
    if (!write_inside(self, object, line ? ON_LINE : how)) {
        return false;
    }
    kk_buf_append_byte(self->out, object ? '}' : ']');
    return true;
}

static kk_code lay_out(kk_str json, size_t level, kk_buf *out, kk_error *err)
{
    writer self = {.out = out, .level = level};
    kk_json_reader_init(&self.reader, json);
    bool good = write_value(&self, kk_json_next(&self.reader), IN_TAPE) &&
                kk_json_next(&self.reader) == KK_JSON_END;
    kk_code code = kk_buf_check(out, "the tape", err);
    if (code == KK_OK && !good) {
        code = kk_fail(err, KK_ERR_PROTOCOL, "what was to be laid out is not JSON");
    }
    return code;
}

kk_code kk_tape_layout(kk_str json, kk_buf *out, kk_error *err)
{
    kk_code code = lay_out(json, 0, out, err);
    if (code == KK_OK) {
        kk_buf_append_byte(out, '\n');
        code = kk_buf_check(out, "the tape", err);
    }
    return code;
}

kk_code kk_tape_layout_entry(kk_str json, kk_buf *out, kk_error *err)
{
    return lay_out(json, ENTRY_LEVEL, out, err);
}
