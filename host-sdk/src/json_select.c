// Parts of a text chosen: fields kept, values masked.
#include "json_rewrite.h"

// ---- Projecting

// The most names in one field.  What lies deeper is not found.
enum { FIELD_DEPTH_MAX = 16 };

typedef enum verdict { LEAVE_OUT, KEEP, LOOK_INSIDE } verdict;

typedef struct projector {
    const kk_json_projection *wanted;
    bool at_root; // the projection falls on the value itself
    kk_str path[FIELD_DEPTH_MAX];
    kk_buf *out;
} projector;

// What one field says about the member [name] below the first [depth] names of the path.
static verdict judge_field(const projector *self, const char *field, size_t depth, kk_str name)
{
    for (size_t i = 0;; i++) {
        size_t len = strcspn(field, ".");
        bool last = field[len] == '\0';
        if (i == depth && last) {
            return kk_json_string_is(name, (kk_str){field, len}) ? KEEP : LEAVE_OUT;
        }
        kk_str here = i == depth ? name : self->path[i];
        if (last || !kk_json_string_is(here, (kk_str){field, len})) {
            return LEAVE_OUT;
        }
        if (i == depth) {
            return LOOK_INSIDE;
        }
        field += len + 1;
    }
}

static verdict judge_member(const projector *self, size_t depth, kk_str name)
{
    if (self->at_root && depth == 0 &&
        (kk_json_string_is(name, KK_STR("complete")) || kk_json_string_is(name, KK_STR("hint")))) {
        return KEEP;
    }
    verdict best = LEAVE_OUT;
    for (size_t i = 0; i < self->wanted->count && best != KEEP; i++) {
        verdict one = judge_field(self, self->wanted->fields[i], depth, name);
        best = one != LEAVE_OUT ? one : best;
    }
    return best;
}

static bool project_part(projector *self, kk_str value, size_t depth);

// Writes one member if it, or a part of it, is wanted.
static bool project_member(projector *self, kk_str name, kk_str value, size_t depth, bool first)
{
    verdict found = judge_member(self, depth, name);
    if (found == LEAVE_OUT) {
        return false;
    }
    size_t start = self->out->len;
    kk_buf_append(self->out, ",", first ? 0 : 1);
    kk_buf_append_str(self->out, name);
    kk_buf_append_byte(self->out, ':');
    if (found == KEEP) {
        kk_buf_append_str(self->out, value);
        return true;
    }
    self->path[depth] = name;
    if (!project_part(self, value, depth + 1)) {
        kk_json_cut(self->out, start);
        return false;
    }
    return true;
}

// Writes an object with the wanted members; false if none is.
static bool project_object(projector *self, kk_str object, size_t depth)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, object);
    kk_json_next(&reader);
    bool any = false;
    kk_buf_append_byte(self->out, '{');
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value;
        kk_json_finish_value(&reader, kk_json_next(&reader), &value);
        any = project_member(self, name, value, depth, !any) || any;
    }
    kk_buf_append_byte(self->out, '}');
    return any;
}

// Writes an array with each object in it projected; what is no object is copied.
static void project_rows(projector *self, kk_str rows, size_t depth)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, rows);
    const char *copied = rows.ptr;
    kk_json_next(&reader); // its '['
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) != KK_JSON_ARRAY_END) {
        kk_str element;
        kk_json_finish_value(&reader, kind, &element);
        if (kind == KK_JSON_OBJECT) {
            kk_buf_append(self->out, copied, (size_t)(element.ptr - copied));
            project_object(self, element, depth);
            copied = element.ptr + element.len;
        }
    }
    kk_buf_append(self->out, copied, (size_t)(rows.ptr + rows.len - copied));
}

static bool project_part(projector *self, kk_str value, size_t depth)
{
    if (depth == FIELD_DEPTH_MAX) {
        return false;
    }
    if (value.ptr[0] == '{') {
        return project_object(self, value, depth);
    }
    if (value.ptr[0] == '[') {
        project_rows(self, value, depth);
        return true;
    }
    return false;
}

kk_code kk_json_project(kk_str text, const kk_json_projection *projection, kk_buf *out,
                        kk_error *err)
{
    projector self = {.wanted = projection, .out = out};
    kk_str target = {NULL, 0};
    kk_code code = KK_OK;
    if (projection->rows != NULL) {
        code = kk_json_locate(text, projection->rows, &target, err);
    }
    if (code == KK_OK && (target.ptr == NULL || target.ptr[0] != '[')) {
        self.at_root = true;
        code = kk_json_locate(text, "", &target, err);
    }
    if (code != KK_OK) {
        return code;
    }
    kk_buf_append(out, text.ptr, (size_t)(target.ptr - text.ptr));
    if (!self.at_root) {
        project_rows(&self, target, 0);
    } else if (target.ptr[0] == '{') {
        project_object(&self, target, 0);
    } else {
        kk_buf_append_str(out, target);
    }
    const char *after = target.ptr + target.len;
    kk_buf_append(out, after, (size_t)(text.ptr + text.len - after));
    return kk_buf_check(out, "the rewritten JSON", err);
}

// ---- Masking

// One level of the way from the root to a value: a member's name, or an element's place.
typedef struct step {
    kk_str name; // NULL in an array
    size_t index;
} step;

static bool step_is(const step *here, kk_str segment)
{
    if (segment.len == 1 && segment.ptr[0] == '*') {
        return true;
    }
    if (here->name.ptr != NULL) {
        return kk_json_segment_is(here->name, segment);
    }
    return kk_json_segment_index(segment) == here->index;
}

// Whether one pointer names the value at the end of [path], one inside it, or neither.
static verdict judge_pointer(const char *pointer, const step *path, size_t depth)
{
    kk_str segment;
    for (size_t i = 0; i < depth; i++) {
        if (!kk_json_next_segment(&pointer, &segment) || !step_is(&path[i], segment)) {
            return LEAVE_OUT;
        }
    }
    return *pointer == '\0' ? KEEP : LOOK_INSIDE;
}

static verdict judge_value(const char *const *pointers, const step *path, size_t depth)
{
    verdict best = LEAVE_OUT;
    for (; *pointers != NULL && best != KEEP; pointers++) {
        verdict one = judge_pointer(*pointers, path, depth);
        best = one != LEAVE_OUT ? one : best;
    }
    return best;
}

// Copies the text read by [reader] up to its end, masking on the way.
static void mask_values(kk_json_reader *reader, const char *const *pointers, kk_buf *out)
{
    step path[KK_JSON_DEPTH_MAX];
    const char *copied = reader->text.ptr;
    kk_json_kind kind;
    while ((kind = kk_json_next(reader)) > KK_JSON_END) {
        if (kind == KK_JSON_NAME) {
            path[reader->depth - 1].name = reader->raw;
            continue;
        }
        if (kind == KK_JSON_OBJECT_END || kind == KK_JSON_ARRAY_END) {
            continue;
        }
        bool opens = kind == KK_JSON_OBJECT || kind == KK_JSON_ARRAY;
        size_t depth = opens ? reader->depth - 1 : reader->depth;
        if (depth > 0) {
            path[depth - 1].index++;
        }
        verdict found = judge_value(pointers, path, depth);
        if (opens && found == LOOK_INSIDE) {
            path[depth] = (step){.index = SIZE_MAX};
            continue;
        }
        kk_str value;
        if (kk_json_finish_value(reader, kind, &value) && found == KEEP) {
            kk_buf_append(out, copied, (size_t)(value.ptr - copied));
            kk_buf_append_text(out, "\"[masked]\"");
            copied = value.ptr + value.len;
        }
    }
    kk_buf_append(out, copied, (size_t)(reader->text.ptr + reader->text.len - copied));
}

kk_code kk_json_mask(kk_str text, const char *const *pointers, kk_buf *out, kk_error *err)
{
    size_t start = out->len;
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    mask_values(&reader, pointers, out);
    return kk_json_end_rewrite(&reader, out, start, err);
}
