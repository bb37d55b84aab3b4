// Writing a tape the way kk tape fmt does: members in one order, copies made from their sources.
#include "fail.h"
#include "tape_layout.h"
#include "tape_tools.h"
#include "utf8.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PARTS_MAX = 20, BODY_DEPTH_MAX = 256 };

typedef struct maker {
    const kk_tape *tape;
    const kk_tape_entry **by_number; // of the tape's entries, in the order of the file
    const kk_tape_entry *entry;      // that is being written
    kk_buf *out;
} maker;

// One member of an object: written as it stands, by [write], or as [missing] where it is absent.
typedef struct part {
    const char *name;
    const char *missing;                    // or NULL: left out
    void (*write)(maker *self, kk_str raw); // raw.ptr NULL = absent; only called then if [always]
    bool always;
    bool dropped;
} part;

static void append_name(maker *self, kk_str raw_name)
{
    char last = self->out->len > 0 ? self->out->ptr[self->out->len - 1] : '{';
    kk_buf_append_text(self->out, last == '{' ? "" : ",");
    kk_buf_append_str(self->out, raw_name);
    kk_buf_append_byte(self->out, ':');
}

static void append_key(maker *self, const char *name)
{
    char quoted[40];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    append_name(self, kk_str_from(quoted));
}

static void append_text(maker *self, const char *text)
{
    kk_json_write_string(self->out, kk_str_from(text));
}

// The raw values of an object's members that are parts; the others are appended to [others].
static void collect(kk_str raw, const part *parts, size_t count, kk_str *values, kk_buf *others)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw);
    (void)kk_json_next(&reader);
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value = {NULL, 0};
        kk_json_finish_value(&reader, kk_json_next(&reader), &value);
        size_t i = 0;
        while (i < count && !kk_json_string_is(name, kk_str_from(parts[i].name))) {
            i++;
        }
        if (i < count) {
            values[i] = value;
            continue;
        }
        kk_buf_append_text(others, others->len > 0 ? "," : "");
        kk_buf_append_str(others, name);
        kk_buf_append_byte(others, ':');
        kk_buf_append_str(others, value);
    }
}

static void write_values(maker *self, const part *parts, size_t count, const kk_str *values,
                         const kk_buf *others)
{
    kk_buf_append_byte(self->out, '{');
    for (size_t i = 0; i < count; i++) {
        const part *one = &parts[i];
        if (one->dropped || (values[i].ptr == NULL && !one->always && one->missing == NULL)) {
            continue;
        }
        append_key(self, one->name);
        if (one->write != NULL) {
            one->write(self, values[i]);
        } else if (values[i].ptr != NULL) {
            kk_buf_append_str(self->out, values[i]);
        } else {
            kk_buf_append_text(self->out, one->missing);
        }
    }
    if (others->len > 0) {
        char last = self->out->ptr != NULL ? self->out->ptr[self->out->len - 1] : '{';
        kk_buf_append_text(self->out, last == '{' ? "" : ",");
        kk_buf_append_str(self->out, kk_buf_view(others));
    }
    kk_buf_append_byte(self->out, '}');
}

static void write_object(maker *self, kk_str raw, const part *parts, size_t count)
{
    kk_str values[PARTS_MAX] = {{NULL, 0}};
    kk_buf others = {.limit = KK_TAPE_MAX};
    collect(raw, parts, count, values, &others);
    write_values(self, parts, count, values, &others);
    kk_buf_clean(&others);
}

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

// ---- Headers and queries

// The names are written in lower case, as the loader reads them.
static void write_headers(maker *self, kk_str raw)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw.ptr != NULL ? raw : KK_STR("[]"));
    (void)kk_json_next(&reader); // the array opens
    kk_buf_append_byte(self->out, '[');
    bool first = true;
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) == KK_JSON_OBJECT) {
        kk_str header;
        kk_json_finish_value(&reader, kind, &header);
        kk_str name = {NULL, 0};
        size_t start = self->out->len + (first ? 0 : 1);
        kk_buf_append_text(self->out, first ? "" : ",");
        static const part parts[] = {{.name = "name"}, {.name = "value"}, {.name = "comment"}};
        write_object(self, header, parts, COUNT(parts));
        if (self->out->failed == KK_OK &&
            kk_json_find((kk_str){self->out->ptr + start, self->out->len - start}, "/name",
                         &name)) {
            char *at = (char *)name.ptr;
            for (size_t i = 1; memchr(name.ptr, '\\', name.len) == NULL && i < name.len; i++) {
                at[i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] | 0x20) : at[i];
            }
        }
        first = false;
    }
    kk_buf_append_byte(self->out, ']');
}

static int hex(char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = byte != '\0' ? strchr(digits, byte | 0x20) : NULL;
    return at != NULL && *at != '\0' ? (int)(at - digits) : -1;
}

// Appends what one side of a pair means.
static void decode(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool triplet = text.ptr[i] == '%' && text.len - i > 2 && hex(text.ptr[i + 1]) >= 0 &&
                       hex(text.ptr[i + 2]) >= 0;
        if (triplet) {
            unsigned high = (unsigned)hex(text.ptr[i + 1]);
            unsigned low = (unsigned)hex(text.ptr[i + 2]);
            kk_buf_append_byte(out, (char)(high << 4 | low));
            i += 2;
        } else {
            kk_buf_append_byte(out, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
        }
    }
}

static bool is_utf8(kk_str text)
{
    for (size_t at = 0; at < text.len;) {
        size_t len = kk_utf8_length(text.ptr + at, text.len - at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

static bool write_pair(maker *self, kk_str one, bool first)
{
    const char *equals = memchr(one.ptr, '=', one.len);
    kk_str sides[2] = {one, {"", 0}};
    if (equals != NULL) {
        sides[0].len = (size_t)(equals - one.ptr);
        sides[1] = (kk_str){equals + 1, one.len - sides[0].len - 1};
    }
    bool good = true;
    kk_buf_append_text(self->out, first ? "{\"name\":" : ",{\"name\":");
    for (size_t i = 0; i < 2; i++) {
        kk_buf plain = {.limit = KK_TAPE_MAX};
        decode(sides[i], &plain);
        good = good && is_utf8(kk_buf_view(&plain));
        kk_json_write_string(self->out, kk_buf_view(&plain));
        kk_buf_append_text(self->out, i == 0 ? ",\"value\":" : "}");
        kk_buf_clean(&plain);
    }
    return good;
}

// Made from the URL.  Empty where a byte of it is no UTF-8, which JSON cannot say.
static void write_query(maker *self, kk_str raw)
{
    (void)raw;
    const char *mark = strchr(self->entry->url, '?');
    kk_str rest = mark != NULL ? kk_str_from(mark + 1) : (kk_str){"", 0};
    size_t start = self->out->len;
    bool good = true;
    bool first = true;
    kk_buf_append_byte(self->out, '[');
    while (rest.len > 0 && good) {
        const char *end = memchr(rest.ptr, '&', rest.len);
        kk_str one = {rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len};
        size_t passed = one.len + (end != NULL ? 1 : 0);
        rest = (kk_str){rest.ptr + passed, rest.len - passed};
        if (one.len > 0) {
            good = write_pair(self, one, first);
            first = false;
        }
    }
    if (!good && self->out->failed == KK_OK) {
        kk_buf_shrink(self->out, start);
        kk_buf_append_byte(self->out, '[');
    }
    kk_buf_append_byte(self->out, ']');
}

// ---- Bodies

static bool is_shallow(kk_str json)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, json);
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        if (reader.depth > BODY_DEPTH_MAX) {
            return false;
        }
    }
    return kind == KK_JSON_END;
}

// Whether [text] is JSON that `_json` can stand for: it comes back byte for byte.
static bool can_be_json(kk_str text)
{
    kk_buf compact = {.limit = KK_TAPE_MAX};
    cJSON *tree = NULL;
    bool same = text.len > 0 && is_shallow(text) &&
                kk_json_compact(text, &compact, NULL) == KK_OK &&
                kk_str_equals(kk_buf_view(&compact), text) &&
                kk_json_parse(text, "the body", &tree, NULL) == KK_OK;
    cJSON_Delete(tree);
    kk_buf_clean(&compact);
    return same;
}

static bool says_json(kk_str raw_mime, const char *header)
{
    kk_buf plain = {.limit = KK_TAPE_MAX};
    if (header != NULL) {
        kk_buf_append_text(&plain, header);
    } else if (raw_mime.ptr != NULL) {
        kk_json_unescape(raw_mime, &plain);
    }
    bool json = strstr(kk_buf_text(&plain), "json") != NULL;
    kk_buf_clean(&plain);
    return json;
}

enum { MIME, SIZE, ENCODING, TEXT, JSON, BASE64, COMMENT, PARAMS, COMPRESSION, BODY_PARTS };

// Leaves one of `text` and `_json` where both would say the same bytes: `_json`, which can be read.
static void choose(kk_str values[BODY_PARTS], const char *content_type, kk_buf *meaning)
{
    kk_buf compact = {.limit = KK_TAPE_MAX};
    if (values[TEXT].ptr == NULL || values[ENCODING].ptr != NULL || values[BASE64].ptr != NULL) {
        return;
    }
    kk_json_unescape(values[TEXT], meaning);
    if (values[JSON].ptr != NULL) {
        bool same = kk_json_compact(values[JSON], &compact, NULL) == KK_OK &&
                    kk_str_equals(kk_buf_view(&compact), kk_buf_view(meaning));
        values[TEXT] = same ? (kk_str){NULL, 0} : values[TEXT];
    } else if (says_json(values[MIME], content_type) && can_be_json(kk_buf_view(meaning))) {
        values[JSON] = kk_buf_view(meaning);
        values[TEXT] = (kk_str){NULL, 0};
    }
    kk_buf_clean(&compact);
}

static void write_body(maker *self, kk_str raw, bool answer)
{
    static const part parts[] = {[MIME] = {.name = "mimeType", .missing = "\"\""},
                                 [SIZE] = {.name = "size"},
                                 [ENCODING] = {.name = "encoding"},
                                 [TEXT] = {.name = "text"},
                                 [JSON] = {.name = "_json"},
                                 [BASE64] = {.name = "_base64"},
                                 [COMMENT] = {.name = "comment"},
                                 [PARAMS] = {.name = "params", .dropped = true},
                                 [COMPRESSION] = {.name = "compression", .dropped = true}};
    const kk_tape_entry *entry = self->entry;
    const char *type =
        answer ? kk_tape_header(entry->answer.headers, entry->answer.header_count, "content-type")
               : kk_tape_header(entry->headers, entry->header_count, "content-type");
    kk_str values[BODY_PARTS] = {{NULL, 0}};
    kk_buf others = {.limit = KK_TAPE_MAX};
    kk_buf meaning = {.limit = KK_TAPE_MAX};
    kk_buf mime = {.limit = KK_TAPE_MAX};
    char size[32];
    collect(raw.ptr != NULL ? raw : KK_STR("{}"), parts, BODY_PARTS, values, &others);
    choose(values, type, &meaning);
    if (type != NULL) {
        kk_json_write_string(&mime, kk_str_from(type));
        values[MIME] = kk_buf_view(&mime);
    }
    snprintf(size, sizeof size, "%zu", entry->answer.body.len);
    values[SIZE] = answer ? kk_str_from(size) : (kk_str){NULL, 0};
    // HAR wants a text in postData.
    if (!answer && values[TEXT].ptr == NULL && values[BASE64].ptr != NULL) {
        values[TEXT] = KK_STR("\"\"");
    }
    // HAR's order: the size comes first.
    part ordered[BODY_PARTS];
    memcpy(ordered, parts, sizeof parts);
    if (answer) {
        ordered[0] = parts[SIZE];
        ordered[1] = parts[MIME];
        kk_str first = values[MIME];
        values[MIME] = values[SIZE];
        values[SIZE] = first;
    }
    write_values(self, ordered, BODY_PARTS, values, &others);
    kk_buf_clean(&mime);
    kk_buf_clean(&meaning);
    kk_buf_clean(&others);
}

static void write_post_data(maker *self, kk_str raw)
{
    write_body(self, raw, false);
}

static void write_content(maker *self, kk_str raw)
{
    write_body(self, raw, true);
}

static void write_body_size(maker *self, kk_str raw)
{
    (void)raw;
    kk_buf_append_format(self->out, "%zu", self->entry->request_bytes);
}

// ---- Request, response, entry

static void write_empty(maker *self, kk_str raw)
{
    (void)raw;
    kk_buf_append_text(self->out, "[]");
}

static void write_request(maker *self, kk_str raw)
{
    static const part parts[] = {
        {.name = "method"},
        {.name = "url"},
        {.name = "httpVersion", .missing = "\"HTTP/1.1\""},
        {.name = "cookies", .write = write_empty, .always = true},
        {.name = "headers", .write = write_headers, .always = true},
        {.name = "queryString", .write = write_query, .always = true},
        {.name = "postData", .write = write_post_data},
        {.name = "headersSize", .missing = "-1"},
        {.name = "bodySize", .write = write_body_size, .always = true},
        {.name = "comment"},
    };
    write_object(self, raw, parts, COUNT(parts));
}

static void write_location(maker *self, kk_str raw)
{
    (void)raw;
    const kk_tape_answer *answer = &self->entry->answer;
    const char *location = kk_tape_header(answer->headers, answer->header_count, "location");
    append_text(self, location != NULL ? location : "");
}

static void write_response(maker *self, kk_str raw)
{
    static const part parts[] = {
        {.name = "status"},
        {.name = "statusText", .missing = "\"\""},
        {.name = "httpVersion", .missing = "\"HTTP/1.1\""},
        {.name = "cookies", .write = write_empty, .always = true},
        {.name = "headers", .write = write_headers, .always = true},
        {.name = "content", .write = write_content, .always = true},
        {.name = "redirectURL", .write = write_location, .always = true},
        {.name = "headersSize", .missing = "-1"},
        {.name = "bodySize", .missing = "-1"},
        {.name = "_error"},
        {.name = "comment"},
    };
    write_object(self, raw, parts, COUNT(parts));
}

static void write_started(maker *self, kk_str raw)
{
    if (raw.ptr != NULL) {
        kk_buf_append_str(self->out, raw);
        return;
    }
    time_t seconds = (time_t)(self->tape->recorded_ms / 1000);
    struct tm parts;
    char text[40] = "1970-01-01T00:00:00.000Z";
    if (gmtime_r(&seconds, &parts) != NULL) {
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    }
    append_text(self, text);
}

static double number_at(kk_str object, const char *pointer)
{
    kk_str raw;
    double value =
        object.ptr != NULL && kk_json_find(object, pointer, &raw) ? strtod(raw.ptr, NULL) : 0;
    return value > 0 ? value : 0;
}

// What the parts of an exchange add up to; `ssl` is a part of `connect`.
static double total(kk_str timings)
{
    return number_at(timings, "/blocked") + number_at(timings, "/dns") +
           number_at(timings, "/connect") + number_at(timings, "/send") +
           number_at(timings, "/wait") + number_at(timings, "/receive");
}

enum { TIME = 12, TIMINGS = 16 };

static void write_entry(maker *self, kk_str raw)
{
    static const part parts[] = {
        {.name = "_id"},
        {.name = "_seq"},
        {.name = "_repeat"},
        {.name = "_account"},
        {.name = "_optional"},
        {.name = "_match"},
        {.name = "_failure"},
        {.name = "_redacted"},
        {.name = "comment"},
        {.name = "pageref"},
        {.name = "startedDateTime", .write = write_started, .always = true},
        {.name = "connection"},
        [TIME] = {.name = "time", .missing = "0"},
        {.name = "request", .write = write_request},
        {.name = "response", .write = write_response},
        {.name = "cache", .missing = "{}"},
        [TIMINGS] = {.name = "timings"},
        {.name = "serverIPAddress"},
    };
    kk_str values[PARTS_MAX] = {{NULL, 0}};
    kk_buf others = {.limit = KK_TAPE_MAX};
    kk_buf timings = {.limit = KK_TAPE_MAX};
    collect(raw, parts, COUNT(parts), values, &others);
    double whole = total(values[TIMINGS]);
    double time = values[TIME].ptr != NULL ? strtod(values[TIME].ptr, NULL) : 0;
    if (values[TIMINGS].ptr == NULL || fabs(whole - time) >= 1) {
        kk_str wait = values[TIME].ptr != NULL ? values[TIME] : KK_STR("0");
        kk_buf_append_format(&timings, "{\"send\":0,\"wait\":%.*s,\"receive\":0}",
                             KK_STR_ARG(wait));
        values[TIMINGS] = kk_buf_view(&timings);
    }
    write_values(self, parts, COUNT(parts), values, &others);
    kk_buf_clean(&timings);
    kk_buf_clean(&others);
}

// ---- The log

static void write_entries(maker *self, kk_str raw)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw);
    (void)kk_json_next(&reader); // the array opens
    kk_buf_append_byte(self->out, '[');
    kk_json_kind kind;
    for (size_t i = 0; (kind = kk_json_next(&reader)) == KK_JSON_OBJECT; i++) {
        kk_str entry;
        kk_json_finish_value(&reader, kind, &entry);
        kk_buf_append_text(self->out, i > 0 ? "," : "");
        self->entry = self->by_number[i];
        write_entry(self, entry);
    }
    kk_buf_append_byte(self->out, ']');
}

static void write_head(maker *self, kk_str raw)
{
    static const part parts[] = {
        {.name = "format"},       {.name = "base_url"},         {.name = "recorded_at"},
        {.name = "expires_days"}, {.name = "redaction_policy"}, {.name = "strict_order"},
        {.name = "match"},        {.name = "accounts"},         {.name = "variables"},
    };
    write_object(self, raw, parts, COUNT(parts));
}

static void write_log(maker *self, kk_str raw)
{
    static const part parts[] = {
        {.name = "version"},
        {.name = "creator"},
        {.name = "browser"},
        {.name = "pages", .missing = "[]"},
        {.name = "comment"},
        {.name = "_tape", .write = write_head},
        {.name = "entries", .write = write_entries},
    };
    write_object(self, raw, parts, COUNT(parts));
}

static kk_code write_all(maker *self, kk_str text, kk_error *err)
{
    static const part parts[] = {{.name = "log", .write = write_log}};
    size_t count = self->tape->entry_count;
    self->by_number = calloc(count + 1, sizeof *self->by_number);
    if (self->by_number == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the tape '%s'", self->tape->path);
    }
    for (size_t i = 0; i < count; i++) {
        self->by_number[self->tape->entries[i].number - 1] = &self->tape->entries[i];
    }
    write_object(self, text, parts, COUNT(parts));
    free(self->by_number);
    return kk_buf_check(self->out, "the tape", err);
}

kk_code kk_tape_write_formatted(kk_str text, const char *name, kk_buf *out, kk_error *err)
{
    kk_tape *tape = NULL;
    kk_buf compact = {.limit = KK_TAPE_MAX};
    kk_code code = kk_tape_parse(text, name, &tape, err);
    if (code != KK_OK) {
        return code;
    }
    if (kk_str_starts_with(text, "\xEF\xBB\xBF")) {
        text = (kk_str){text.ptr + 3, text.len - 3};
    }
    maker self = {.tape = tape, .out = &compact};
    code = write_all(&self, text, err);
    if (code == KK_OK) {
        code = kk_tape_layout(kk_buf_view(&compact), out, err);
    }
    kk_buf_clean(&compact);
    kk_tape_free(tape);
    return code;
}
