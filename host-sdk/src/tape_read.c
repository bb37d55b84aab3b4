// Strict reading of a tape's text: grammar, names, kinds, and the place of what is refused.
#include "fail.h"
#include "tape_private.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

// ---- Refusing

size_t kk_tape_line(const kk_tape_loader *self, const char *where)
{
    size_t line = 1;
    const char *at = self->text.ptr;
    while (at < where && (at = memchr(at, '\n', (size_t)(where - at))) != NULL) {
        line++;
        at++;
    }
    return line;
}

// One open array or object on the way to a value.
typedef struct level {
    bool object;
    size_t index; // of the element that is being read, from 1
    kk_str name;  // of the member that is being read
} level;

typedef struct path {
    level levels[KK_JSON_DEPTH_MAX];
    size_t depth;
} path;

static void write_level(const level *one, kk_buf *out)
{
    if (!one->object) {
        kk_buf_append_format(out, "/%zu", one->index > 0 ? one->index - 1 : 0);
        return;
    }
    if (one->name.ptr == NULL) {
        return;
    }
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_json_unescape(one->name, &name);
    kk_buf_append_byte(out, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '~' || name.ptr[i] == '/') {
            kk_buf_append_text(out, name.ptr[i] == '~' ? "~0" : "~1");
        } else {
            kk_buf_append_byte(out, name.ptr[i]);
        }
    }
    kk_buf_clean(&name);
}

static void step(path *self, kk_json_kind kind, kk_str raw)
{
    if (kind == KK_JSON_OBJECT_END || kind == KK_JSON_ARRAY_END) {
        self->depth--;
        return;
    }
    level *top = self->depth > 0 ? &self->levels[self->depth - 1] : NULL;
    if (kind == KK_JSON_NAME) {
        assert(top != NULL);
        top->name = raw;
        return;
    }
    if (top != NULL && !top->object) {
        top->index++;
    }
    if (kind == KK_JSON_OBJECT || kind == KK_JSON_ARRAY) {
        self->levels[self->depth++] = (level){.object = kind == KK_JSON_OBJECT};
    }
}

// Appends the JSON Pointer of the value or name that begins at [where], found by reading the text
// up to it.
static void write_pointer(kk_str text, const char *where, kk_buf *out)
{
    path *way = calloc(1, sizeof *way);
    if (way == NULL) {
        return;
    }
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) != KK_JSON_ERROR && kind != KK_JSON_END) {
        bool found = reader.raw.ptr >= where;
        step(way, kind, reader.raw);
        if (found) {
            // The value's own level is open by now, but is no part of its own pointer.
            way->depth -= kind == KK_JSON_OBJECT || kind == KK_JSON_ARRAY ? 1 : 0;
            break;
        }
    }
    for (size_t i = 0; i < way->depth; i++) {
        write_level(&way->levels[i], out);
    }
    free(way);
}

kk_code kk_tape_refuse(kk_tape_loader *self, kk_str where, const char *format, ...)
{
    char problem[512];
    va_list args;
    va_start(args, format);
    vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    kk_buf pointer = {.limit = KK_TEXT_MAX};
    write_pointer(self->text, where.ptr, &pointer);
    const char *at = kk_buf_text(&pointer);
    kk_fail(self->err, KK_ERR_TAPE_INVALID, "'%s' line %zu: %.160s%s%s", self->tape->path,
            kk_tape_line(self, where.ptr), at, at[0] != '\0' ? ": " : "", problem);
    kk_fail_argument(self->err, at);
    kk_fail_reason(self->err, "tape_invalid");
    kk_buf_clean(&pointer);
    return KK_ERR_TAPE_INVALID;
}

kk_code kk_tape_no_memory(kk_tape_loader *self)
{
    return kk_fail(self->err, KK_ERR_INTERNAL, "out of memory for the tape '%s'", self->tape->path);
}

// ---- The whole text

// The names of the objects that are open, the innermost last.
typedef struct names {
    struct one {
        kk_str name; // without needless escapes
        const char *where;
    } * list;
    size_t count;
    size_t capacity;
    size_t starts[KK_JSON_DEPTH_MAX + 1];
} names;

static bool push_name(kk_tape_loader *self, names *open, kk_str raw)
{
    if (open->count == open->capacity) {
        size_t capacity = open->capacity == 0 ? 64 : open->capacity * 2;
        void *grown = realloc(open->list, capacity * sizeof *open->list);
        if (grown == NULL) {
            return false;
        }
        open->list = grown;
        open->capacity = capacity;
    }
    const char *where = raw.ptr;
    if (memchr(raw.ptr, '\\', raw.len) != NULL) {
        kk_buf plain = {.limit = KK_TAPE_MAX};
        kk_buf_clear(&self->scratch);
        kk_json_unescape(raw, &self->scratch);
        kk_json_write_string(&plain, kk_buf_view(&self->scratch));
        raw = kk_arena_keep(&self->work, &plain);
        kk_buf_clean(&plain);
        if (raw.ptr == NULL || self->scratch.failed != KK_OK) {
            return false;
        }
    }
    assert(open->list != NULL);
    open->list[open->count++] = (struct one){raw, where};
    return true;
}

static int by_text(const void *left, const void *right)
{
    const struct one *a = left;
    const struct one *b = right;
    if (a->name.len != b->name.len) {
        return a->name.len < b->name.len ? -1 : 1;
    }
    int order = memcmp(a->name.ptr, b->name.ptr, a->name.len);
    if (order == 0 && a->where != b->where) {
        order = a->where < b->where ? -1 : 1;
    }
    return order;
}

// Where a name stands for the second time among the names from [start] on, or NULL.
static const char *find_twice(names *open, size_t start)
{
    if (open->list == NULL) {
        return NULL;
    }
    struct one *list = open->list + start;
    size_t count = open->count - start;
    if (count > 1) {
        qsort(list, count, sizeof *list, by_text);
    }
    for (size_t i = 1; i < count; i++) {
        if (kk_str_equals(list[i - 1].name, list[i].name)) {
            return list[i].where;
        }
    }
    return NULL;
}

static kk_code refuse_grammar(kk_tape_loader *self)
{
    const kk_json_reader *reader = &self->reader;
    kk_str where = {self->text.ptr + reader->at, 0};
    return kk_tape_refuse(self, where, "not JSON: %s (byte %zu)", reader->problem, reader->at);
}

static kk_code check_tokens(kk_tape_loader *self, names *open)
{
    kk_json_kind kind;
    while ((kind = kk_json_next(&self->reader)) != KK_JSON_END) {
        const char *twice = NULL;
        if (kind == KK_JSON_ERROR) {
            return refuse_grammar(self);
        }
        if (kind == KK_JSON_OBJECT) {
            open->starts[self->reader.depth] = open->count;
        } else if (kind == KK_JSON_NAME && !push_name(self, open, self->reader.raw)) {
            return kk_tape_no_memory(self);
        } else if (kind == KK_JSON_OBJECT_END) {
            size_t start = open->starts[self->reader.depth + 1];
            twice = find_twice(open, start);
            open->count = start;
        }
        if (twice != NULL) {
            return kk_tape_refuse(self, (kk_str){twice, 0}, "this name occurs twice in its object");
        }
    }
    return KK_OK;
}

kk_code kk_tape_check_text(kk_tape_loader *self)
{
    names *open = calloc(1, sizeof *open);
    if (open == NULL) {
        return kk_tape_no_memory(self);
    }
    kk_json_reader_init(&self->reader, self->text);
    kk_code code = check_tokens(self, open);
    free(open->list);
    free(open);
    return code;
}

// ---- Objects

static const char *kind_name(unsigned kinds)
{
    if (kinds & KK_TAPE_IS(KK_JSON_OBJECT)) {
        return "an object";
    }
    if (kinds & KK_TAPE_IS(KK_JSON_ARRAY)) {
        return "an array";
    }
    if (kinds & KK_TAPE_IS(KK_JSON_TRUE)) {
        return "true or false";
    }
    if (kinds & KK_TAPE_IS(KK_JSON_STRING)) {
        return kinds & KK_TAPE_IS(KK_JSON_NUMBER) ? "a number or a string" : "a string";
    }
    return "a number";
}

static kk_code read_member(kk_tape_loader *self, const kk_tape_member *member, void *target)
{
    kk_json_kind kind = kk_json_next(&self->reader);
    if ((member->kinds & KK_TAPE_IS(kind)) == 0) {
        return kk_tape_refuse(self, self->reader.raw, "'%s' has to be %s", member->name,
                              kind_name(member->kinds));
    }
    if (member->read != NULL) {
        return member->read(self, kind, (char *)target + member->at);
    }
    kk_str raw = {NULL, 0};
    kk_json_finish_value(&self->reader, kind, &raw);
    if (member->at != KK_TAPE_UNREAD) {
        *(kk_str *)((char *)target + member->at) = raw;
    }
    return KK_OK;
}

static const kk_tape_member *find_member(const kk_tape_member *members, size_t count, kk_str raw)
{
    for (size_t i = 0; i < count; i++) {
        if (kk_json_string_is(raw, kk_str_from(members[i].name))) {
            return &members[i];
        }
    }
    return NULL;
}

kk_code kk_tape_read_members(kk_tape_loader *self, const kk_tape_member *members, size_t count,
                             void *target)
{
    while (kk_json_next(&self->reader) == KK_JSON_NAME) {
        kk_str name = self->reader.raw;
        const kk_tape_member *member = find_member(members, count, name);
        kk_code code = KK_OK;
        if (member != NULL) {
            code = read_member(self, member, target);
        } else if (name.ptr[1] == '_') {
            kk_str raw;
            kk_json_finish_value(&self->reader, kk_json_next(&self->reader), &raw);
        } else {
            code = kk_tape_refuse(self, name, "a tape has no such member here");
        }
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

// ---- Values

kk_code kk_tape_take_bytes(kk_tape_loader *self, kk_str raw, kk_str *out)
{
    kk_str plain = {raw.ptr + 1, raw.len - 2};
    if (memchr(plain.ptr, '\\', plain.len) == NULL) {
        *out = (kk_str){kk_arena_copy(&self->tape->arena, plain), plain.len};
    } else {
        kk_buf_clear(&self->scratch);
        kk_json_unescape(raw, &self->scratch);
        *out = kk_arena_keep(&self->tape->arena, &self->scratch);
    }
    return out->ptr != NULL ? KK_OK : kk_tape_no_memory(self);
}

kk_code kk_tape_take_text(kk_tape_loader *self, kk_str raw, const char **out)
{
    kk_str text;
    kk_code code = kk_tape_take_bytes(self, raw, &text);
    if (code != KK_OK) {
        return code;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == 0x7F) {
            return kk_tape_refuse(self, raw, "a control byte is not allowed here");
        }
    }
    *out = text.ptr;
    return KK_OK;
}

kk_code kk_tape_take_integer(kk_tape_loader *self, kk_str raw, int64_t least, int64_t most,
                             int64_t *out)
{
    int64_t value;
    if (!kk_json_integer(raw, &value) || value < least || value > most) {
        return kk_tape_refuse(self, raw, "this has to be an integer from %lld to %lld",
                              (long long)least, (long long)most);
    }
    *out = value;
    return KK_OK;
}

kk_code kk_tape_check_method(kk_tape_loader *self, kk_str raw, const char *method)
{
    enum { METHOD_MAX = 32 };
    size_t len = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
    if (len == 0 || len > METHOD_MAX || method[len] != '\0') {
        return kk_tape_refuse(self, raw, "a method is written in capital letters, as in GET");
    }
    return KK_OK;
}

kk_code kk_tape_read_empty(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    (void)kind;
    (void)target;
    kk_str where = self->reader.raw;
    if (kk_json_next(&self->reader) != KK_JSON_ARRAY_END) {
        return kk_tape_refuse(self, where, "a tape keeps no cookies; leave this array empty");
    }
    return KK_OK;
}

kk_code kk_tape_read_texts(kk_tape_loader *self, kk_json_kind kind, void *target)
{
    kk_tape_texts *texts = target;
    const char *found[KK_TAPE_LIST_MAX];
    size_t count = 0;
    while ((kind = kk_json_next(&self->reader)) != KK_JSON_ARRAY_END) {
        kk_str raw = self->reader.raw;
        if (kind != KK_JSON_STRING || count == KK_TAPE_LIST_MAX) {
            return kk_tape_refuse(self, raw, "this has to be a list of at most %d strings",
                                  KK_TAPE_LIST_MAX);
        }
        kk_code code = kk_tape_take_text(self, raw, &found[count++]);
        if (code != KK_OK) {
            return code;
        }
    }
    texts->list = kk_arena_take(&self->tape->arena, (count + 1) * sizeof *texts->list);
    if (texts->list == NULL) {
        return kk_tape_no_memory(self);
    }
    memcpy(texts->list, found, count * sizeof *found);
    texts->count = count;
    return KK_OK;
}
