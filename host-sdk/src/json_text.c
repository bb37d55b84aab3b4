// Whole texts checked, written without and with white space, searched and extended.
#include "fail.h"
#include "json_rewrite.h"
#include <assert.h>

kk_code kk_json_fail(const kk_json_reader *reader, kk_error *err)
{
    return kk_fail(err, KK_ERR_PROTOCOL, "not JSON at byte %zu: %s", reader->at, reader->problem);
}

void kk_json_cut(kk_buf *out, size_t len)
{
    if (out->ptr != NULL && len < out->len) {
        out->len = len;
        out->ptr[len] = '\0';
    }
}

kk_code kk_json_end_rewrite(const kk_json_reader *reader, kk_buf *out, size_t start, kk_error *err)
{
    if (reader->problem != NULL) {
        kk_json_cut(out, start);
        return kk_json_fail(reader, err);
    }
    return kk_buf_check(out, "the rewritten JSON", err);
}

kk_code kk_json_check(kk_str text, kk_error *err)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    kk_json_kind kind;
    do {
        kind = kk_json_next(&reader);
    } while (kind > KK_JSON_END);
    return kind == KK_JSON_END ? KK_OK : kk_json_fail(&reader, err);
}

// ---- White space

// Where a copy with other white space stands.
typedef struct layout {
    kk_buf *out;
    bool indented;
    bool fresh; // nothing precedes the next token inside its array, object or member
} layout;

static void break_line(const layout *self, size_t depth)
{
    if (!self->indented) {
        return;
    }
    kk_buf_append_byte(self->out, '\n');
    char *room = kk_buf_reserve(self->out, 2 * depth);
    if (room != NULL) {
        memset(room, ' ', 2 * depth);
        kk_buf_grow(self->out, 2 * depth);
    }
}

// Writes what stands before an element or a member, [depth] levels deep.
static void write_before(const layout *self, size_t depth)
{
    if (!self->fresh) {
        kk_buf_append_byte(self->out, ',');
    }
    if (depth > 0) {
        break_line(self, depth);
    }
}

static void write_token(layout *self, const kk_json_reader *reader, kk_json_kind kind,
                        bool after_name)
{
    bool opens = kind == KK_JSON_OBJECT || kind == KK_JSON_ARRAY;
    bool closes = kind == KK_JSON_OBJECT_END || kind == KK_JSON_ARRAY_END;
    if (closes && !self->fresh) {
        break_line(self, reader->depth);
    }
    if (!closes && !after_name) {
        write_before(self, opens ? reader->depth - 1 : reader->depth);
    }
    kk_buf_append_str(self->out, reader->raw);
    if (kind == KK_JSON_NAME) {
        kk_buf_append(self->out, ": ", self->indented ? 2 : 1);
    }
    self->fresh = opens;
}

static kk_code lay_out(kk_str text, bool indented, kk_buf *out, kk_error *err)
{
    size_t start = out->len;
    layout self = {.out = out, .indented = indented, .fresh = true};
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    kk_json_kind before = KK_JSON_END;
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        write_token(&self, &reader, kind, before == KK_JSON_NAME);
        before = kind;
    }
    return kk_json_end_rewrite(&reader, out, start, err);
}

kk_code kk_json_compact(kk_str text, kk_buf *out, kk_error *err)
{
    return lay_out(text, false, out, err);
}

kk_code kk_json_indent(kk_str text, kk_buf *out, kk_error *err)
{
    return lay_out(text, true, out, err);
}

// ---- Finding

bool kk_json_next_segment(const char **pointer, kk_str *segment)
{
    if (**pointer != '/') {
        return false;
    }
    const char *start = *pointer + 1;
    size_t len = strcspn(start, "/");
    *segment = (kk_str){start, len};
    *pointer = start + len;
    return true;
}

size_t kk_json_segment_index(kk_str segment)
{
    int64_t index;
    bool plain =
        segment.len > 0 && segment.ptr[0] != '-' && (segment.ptr[0] != '0' || segment.len == 1);
    return plain && kk_json_integer(segment, &index) ? (size_t)index : SIZE_MAX;
}

// Reads the value to its end and keeps in *child the raw bytes of the part that [segment] names, of
// several the last.
static void find_child(kk_json_reader *reader, kk_str segment, kk_str *child)
{
    size_t wanted = kk_json_segment_index(segment);
    bool object = kk_json_next(reader) == KK_JSON_OBJECT;
    size_t index = 0;
    kk_json_kind kind;
    while ((kind = kk_json_next(reader)) > KK_JSON_END) {
        bool found = !object && index++ == wanted;
        if (kind == KK_JSON_NAME) {
            found = kk_json_segment_is(reader->raw, segment);
            kind = kk_json_next(reader);
        }
        kk_str value;
        if (kk_json_finish_value(reader, kind, &value) && found) {
            *child = value;
        }
    }
}

static kk_code read_root(kk_str text, kk_str *raw, kk_error *err)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    kk_str value;
    if (!kk_json_finish_value(&reader, kk_json_next(&reader), &value) ||
        kk_json_next(&reader) != KK_JSON_END) {
        return kk_json_fail(&reader, err);
    }
    *raw = value;
    return KK_OK;
}

kk_code kk_json_locate(kk_str text, const char *pointer, kk_str *raw, kk_error *err)
{
    if (*pointer != '/') {
        kk_code code = read_root(text, raw, err);
        if (code == KK_OK && *pointer != '\0') {
            *raw = (kk_str){NULL, 0};
        }
        return code;
    }
    kk_str value = text;
    kk_str segment;
    while (value.ptr != NULL && kk_json_next_segment(&pointer, &segment)) {
        kk_json_reader reader;
        kk_json_reader_init(&reader, value);
        value = (kk_str){NULL, 0};
        find_child(&reader, segment, &value);
        if (reader.problem != NULL) {
            return kk_json_fail(&reader, err);
        }
    }
    *raw = value;
    return KK_OK;
}

bool kk_json_find(kk_str text, const char *pointer, kk_str *raw)
{
    kk_str found;
    if (kk_json_locate(text, pointer, &found, NULL) != KK_OK || found.ptr == NULL) {
        return false;
    }
    *raw = found;
    return true;
}

// ---- Extending

typedef struct extension {
    kk_json_extend_fn extend;
    void *context;
    kk_buf scratch;
    kk_buf *out;
} extension;

// Drops from [added] the members whose names the object has.  Returns where further members go: the
// end of the last value, or the inside of an empty object.
static size_t drop_present(kk_str object, kk_json_member *added, size_t count, bool *empty)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, object);
    kk_json_next(&reader);
    size_t end = reader.at;
    *empty = true;
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        for (size_t i = 0; i < count; i++) {
            if (added[i].name != NULL &&
                kk_json_string_is(reader.raw, kk_str_from(added[i].name))) {
                added[i].name = NULL;
            }
        }
        kk_str value;
        kk_json_finish_value(&reader, kk_json_next(&reader), &value);
        end = reader.at;
        *empty = false;
    }
    return end;
}

static void extend_object(extension *self, kk_str object)
{
    kk_json_member added[KK_JSON_ADDED_MAX];
    kk_buf_clear(&self->scratch);
    size_t count = self->extend(self->context, object, added, &self->scratch);
    assert(count <= KK_JSON_ADDED_MAX);
    if (self->scratch.failed != KK_OK) {
        self->out->failed = self->scratch.failed;
        return;
    }
    bool empty;
    size_t end = drop_present(object, added, count, &empty);
    kk_buf_append(self->out, object.ptr, end);
    for (size_t i = 0; i < count; i++) {
        if (added[i].name == NULL) {
            continue;
        }
        kk_buf_append(self->out, ",", empty ? 0 : 1);
        kk_json_write_string(self->out, kk_str_from(added[i].name));
        kk_buf_append_byte(self->out, ':');
        kk_buf_append_str(self->out, added[i].value);
        empty = false;
    }
    kk_buf_append(self->out, object.ptr + end, object.len - end);
}

static void extend_rows(extension *self, kk_str rows)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, rows);
    const char *copied = rows.ptr;
    kk_json_kind kind = kk_json_next(&reader); // its '['
    while ((kind = kk_json_next(&reader)) != KK_JSON_ARRAY_END) {
        kk_str element;
        kk_json_finish_value(&reader, kind, &element);
        if (kind == KK_JSON_OBJECT) {
            kk_buf_append(self->out, copied, (size_t)(element.ptr - copied));
            extend_object(self, element);
            copied = element.ptr + element.len;
        }
    }
    kk_buf_append(self->out, copied, (size_t)(rows.ptr + rows.len - copied));
}

kk_code kk_json_extend(kk_str text, const char *rows, kk_json_extend_fn extend, void *context,
                       kk_buf *out, kk_error *err)
{
    kk_str target;
    kk_code code = kk_json_locate(text, rows != NULL ? rows : "", &target, err);
    if (code != KK_OK) {
        return code;
    }
    char wanted = rows != NULL ? '[' : '{';
    if (target.ptr == NULL || target.ptr[0] != wanted) {
        kk_buf_append_str(out, text);
        return kk_buf_check(out, "the rewritten JSON", err);
    }
    extension self = {.extend = extend, .context = context, .out = out};
    self.scratch.limit = KK_TEXT_MAX;
    kk_buf_append(out, text.ptr, (size_t)(target.ptr - text.ptr));
    if (rows != NULL) {
        extend_rows(&self, target);
    } else {
        extend_object(&self, target);
    }
    const char *after = target.ptr + target.len;
    kk_buf_append(out, after, (size_t)(text.ptr + text.len - after));
    kk_buf_clean(&self.scratch);
    return kk_buf_check(out, "the rewritten JSON", err);
}
