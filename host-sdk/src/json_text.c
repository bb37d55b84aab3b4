// Whole texts checked, written without and with white space, searched and extended.
#include "fail.h"
#include "json_rewrite.h"
#include <assert.h>
#include <stdlib.h>

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

// A walk over the text that notes what goes where.
typedef struct extension {
    kk_json_extend_fn extend;
    void *context;
    kk_json_reader reader;
    kk_json_pair *pairs; // of the object at hand
    size_t count;
    size_t capacity;
    kk_buf scratch;
    kk_json_additions *out;
    kk_json_extent seen;
} extension;

// Room for one more element of [size] bytes in an array, or NULL if memory runs out.
static void *array_grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    size_t wanted = *capacity == 0 ? 64 : 2 * *capacity;
    void *grown = realloc(array, wanted * size);
    *capacity = grown != NULL ? wanted : *capacity;
    return grown;
}

static bool keep_pair(extension *self, kk_str name, kk_str value)
{
    kk_json_pair *pairs = array_grow(self->pairs, self->count, &self->capacity, sizeof *pairs);
    if (pairs == NULL) {
        self->out->text.failed = KK_ERR_INTERNAL;
        return false;
    }
    self->pairs = pairs;
    self->pairs[self->count++] = (kk_json_pair){name, value};
    return true;
}

// Notes that what was appended to the text since the last addition goes in front of [at].
static void keep_addition(kk_json_additions *self, const char *at)
{
    kk_json_addition *places =
        array_grow(self->places, self->count, &self->capacity, sizeof *places);
    if (places == NULL) {
        self->text.failed = KK_ERR_INTERNAL;
        return;
    }
    self->places = places;
    self->places[self->count++] = (kk_json_addition){at, self->text.len};
}

void kk_json_additions_clean(kk_json_additions *self)
{
    free(self->places);
    kk_buf_clean(&self->text);
    *self = (kk_json_additions){.text = self->text};
}

// Reads the members of the object that was just opened, to its end.
static void read_pairs(extension *self)
{
    self->count = 0;
    while (kk_json_next(&self->reader) == KK_JSON_NAME) {
        kk_str name = self->reader.raw;
        kk_str value;
        if (!kk_json_finish_value(&self->reader, kk_json_next(&self->reader), &value) ||
            !keep_pair(self, name, value)) {
            return;
        }
    }
}

// Adds the members behind the object's last one, or to the empty object that begins at [start].
static void write_added(extension *self, const kk_json_object *object, const char *start,
                        const kk_json_member *added, size_t count)
{
    kk_buf *text = &self->out->text;
    size_t before = text->len;
    bool first = object->count == 0;
    kk_str present;
    for (size_t i = 0; i < count; i++) {
        if (kk_json_object_get(object, added[i].name, &present)) {
            continue;
        }
        kk_buf_append(text, ",", first ? 0 : 1);
        kk_json_write_string(text, kk_str_from(added[i].name));
        kk_buf_append_byte(text, ':');
        kk_buf_append_str(text, added[i].value);
        first = false;
    }
    if (text->len > before) {
        const kk_str *last = object->count > 0 ? &object->pairs[object->count - 1].value : NULL;
        keep_addition(self->out, last != NULL ? last->ptr + last->len : start + 1);
    }
}

// Extends the object that was just opened.
static void extend_object(extension *self)
{
    const char *start = self->reader.raw.ptr;
    kk_str object_text;
    if (self->extend == NULL) {
        kk_json_finish_value(&self->reader, KK_JSON_OBJECT, &object_text);
        return;
    }
    read_pairs(self);
    if (self->reader.problem != NULL || self->out->text.failed != KK_OK) {
        return;
    }
    kk_json_member added[KK_JSON_ADDED_MAX];
    kk_json_object object = {self->pairs, self->count};
    kk_buf_clear(&self->scratch);
    size_t count = self->extend(self->context, &object, added, &self->scratch);
    assert(count <= KK_JSON_ADDED_MAX);
    if (self->scratch.failed != KK_OK) {
        self->out->text.failed = self->scratch.failed;
        return;
    }
    write_added(self, &object, start, added, count);
}

// Extends the elements of the array that was just opened.
static void extend_elements(extension *self)
{
    kk_json_extent *seen = &self->seen;
    seen->rows = (kk_str){self->reader.raw.ptr + 1, 0};
    seen->row_count = 0;
    kk_json_kind kind;
    while ((kind = kk_json_next(&self->reader)) > KK_JSON_END && kind != KK_JSON_ARRAY_END) {
        kk_str element;
        if (kind == KK_JSON_OBJECT) {
            extend_object(self);
        } else {
            kk_json_finish_value(&self->reader, kind, &element);
        }
        seen->rows.len = (size_t)(self->reader.text.ptr + self->reader.at - seen->rows.ptr);
        seen->row_count++;
    }
}

// Reads the value that begins with [kind], and extends what the pointer leads to.  Each step of the
// pointer is one level of this function.
static void extend_at(extension *self, kk_json_kind kind, const char *pointer)
{
    kk_str segment, value;
    bool inner = kk_json_next_segment(&pointer, &segment);
    if (!inner && kind == KK_JSON_ARRAY) {
        extend_elements(self);
        return;
    }
    self->seen.rows = (kk_str){NULL, 0};
    if (!inner || (kind != KK_JSON_OBJECT && kind != KK_JSON_ARRAY)) {
        kk_json_finish_value(&self->reader, kind, &value);
        return;
    }
    bool object = kind == KK_JSON_OBJECT;
    size_t wanted = kk_json_segment_index(segment);
    for (size_t index = 0; (kind = kk_json_next(&self->reader)) > KK_JSON_END; index++) {
        if (kind == KK_JSON_OBJECT_END || kind == KK_JSON_ARRAY_END) {
            return;
        }
        bool found = object ? kk_json_segment_is(self->reader.raw, segment) : index == wanted;
        kind = object ? kk_json_next(&self->reader) : kind;
        if (found) {
            extend_at(self, kind, pointer);
        } else {
            kk_json_finish_value(&self->reader, kind, &value);
        }
    }
}

kk_code kk_json_extend(kk_str text, const char *rows, kk_json_extend_fn extend, void *context,
                       kk_json_additions *out, kk_json_extent *extent, kk_error *err)
{
    extension self = {
        .extend = extend, .context = context, .scratch = {.limit = KK_TEXT_MAX}, .out = out};
    kk_json_reader_init(&self.reader, text);
    kk_json_kind kind = kk_json_next(&self.reader);
    kk_str value;
    self.seen.kind = kind;
    if (rows != NULL) {
        extend_at(&self, kind, rows);
    } else if (kind == KK_JSON_OBJECT) {
        extend_object(&self);
    } else {
        kk_json_finish_value(&self.reader, kind, &value);
    }
    kk_code code = kk_buf_check(&out->text, "the rewritten JSON", err);
    if (code == KK_OK && kk_json_next(&self.reader) != KK_JSON_END) {
        code = kk_json_fail(&self.reader, err);
    }
    if (extent != NULL) {
        *extent = self.seen;
    }
    free(self.pairs);
    kk_buf_clean(&self.scratch);
    return code;
}

static void take_piece(const char *start, const char *end, kk_json_piece_fn take, void *context)
{
    if (end > start) {
        take(context, (kk_str){start, (size_t)(end - start)});
    }
}

void kk_json_merge(kk_str part, const kk_json_additions *added, kk_json_piece_fn take,
                   void *context)
{
    const char *taken = part.ptr;
    const char *end = part.ptr + part.len;
    size_t from = 0;
    for (size_t i = 0; i < added->count; i++) {
        const kk_json_addition *place = &added->places[i];
        if (place->at >= taken && place->at <= end) {
            take_piece(taken, place->at, take, context);
            take_piece(added->text.ptr + from, added->text.ptr + place->end, take, context);
            taken = place->at;
        }
        from = place->end;
    }
    take_piece(taken, end, take, context);
}
