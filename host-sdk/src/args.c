// "key=value" words, read by the types that the schema gives the keys.
#include "args.h"
#include "fail.h"
#include "json.h"
#include "utf8.h"

// The most bytes of arguments.
#define ARGS_MAX ((size_t)16 << 20)

// The most words: every one is compared with those before it.
enum { WORDS_MAX = 1000 };

// How much of a key and of a value a message repeats.
enum { KEY_SHOWN = 63, VALUE_SHOWN = 40 };

static kk_code refuse(kk_str key, kk_str value, const char *wanted, kk_error *err)
{
    char pointer[KEY_SHOWN + 2] = "/";
    size_t len = key.len < KEY_SHOWN ? key.len : KEY_SHOWN;
    memcpy(pointer + 1, key.ptr, len);
    pointer[1 + len] = '\0';
    int shown = value.len < VALUE_SHOWN ? (int)value.len : VALUE_SHOWN;
    kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS,
                           "the argument '%s' takes %s, not '%.*s'; nothing was sent", pointer + 1,
                           wanted, shown, value.ptr != NULL ? value.ptr : "");
    kk_fail_argument(err, pointer);
    return code;
}

// Whether [value] is one JSON value of the kind that begins with [first] and nothing else, not even
// white space around it.
static bool is_whole(kk_str value, kk_json_kind first)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, value);
    kk_str raw;
    kk_json_kind kind = kk_json_next(&reader);
    if (kind != first || !kk_json_finish_value(&reader, kind, &raw) || raw.len != value.len) {
        return false;
    }
    return kk_json_next(&reader) == KK_JSON_END;
}

// A number is copied as it is written, whatever its size.
static bool is_integer(kk_str value)
{
    size_t digits = 0;
    for (size_t i = value.len > 0 && value.ptr[0] == '-' ? 1 : 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return false;
        }
        digits++;
    }
    return digits > 0 && is_whole(value, KK_JSON_NUMBER);
}

static kk_code append_scalar(kk_str key, const char *type, kk_str value, kk_buf *out, kk_error *err)
{
    const char *wanted = NULL;
    if (strcmp(type, "integer") == 0) {
        wanted = is_integer(value) ? NULL : "an integer";
    } else if (strcmp(type, "number") == 0) {
        wanted = is_whole(value, KK_JSON_NUMBER) ? NULL : "a number";
    } else if (strcmp(type, "boolean") == 0) {
        wanted = kk_str_is(value, "true") || kk_str_is(value, "false") ? NULL : "true or false";
    } else if (strcmp(type, "object") == 0) {
        wanted = is_whole(value, KK_JSON_OBJECT) ? NULL : "a JSON object";
    } else if (strcmp(type, "array") == 0) {
        wanted = is_whole(value, KK_JSON_ARRAY) ? NULL : "a JSON array";
    } else if (strcmp(type, "null") == 0) {
        wanted = kk_str_is(value, "null") ? NULL : "null";
    } else {
        kk_json_write_string(out, value);
        return KK_OK;
    }
    if (wanted != NULL) {
        return refuse(key, value, wanted, err);
    }
    kk_buf_append_str(out, value);
    return KK_OK;
}

// "a,b,c", or a JSON array; nothing at all is an empty list.
static kk_code append_list(kk_str key, const char *item, kk_str value, kk_buf *out, kk_error *err)
{
    if (value.len > 0 && value.ptr[0] == '[') {
        return append_scalar(key, "array", value, out, err);
    }
    kk_buf_append_byte(out, '[');
    for (size_t at = 0; value.len > 0 && at <= value.len;) {
        const char *comma = memchr(value.ptr + at, ',', value.len - at);
        size_t end = comma != NULL ? (size_t)(comma - value.ptr) : value.len;
        if (at > 0) {
            kk_buf_append_byte(out, ',');
        }
        kk_str part = {value.ptr + at, end - at};
        kk_code code = append_scalar(key, item != NULL ? item : "string", part, out, err);
        if (code != KK_OK) {
            return code;
        }
        at = end + 1;
    }
    kk_buf_append_byte(out, ']');
    return KK_OK;
}

static kk_code append_value(const kk_entry *entry, kk_str key, kk_str value, kk_buf *out,
                            kk_error *err)
{
    char name[KEY_SHOWN + 1];
    const kk_schema_property *property = NULL;
    if (key.len < sizeof name) {
        memcpy(name, key.ptr, key.len);
        name[key.len] = '\0';
        property = kk_schema_property_find(kk_entry_schema(entry), name);
    }
    const char *type = property != NULL && property->scalar != NULL ? property->scalar : "string";
    if (strcmp(type, "array") == 0) {
        return append_list(key, property->item_scalar, value, out, err);
    }
    return append_scalar(key, type, value, out, err);
}

// Whether the object [json] has the member [key].
static bool object_has(kk_str json, kk_str key)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, json);
    kk_json_kind kind = kk_json_next(&reader);
    while (kind != KK_JSON_ERROR && kind != KK_JSON_END) {
        if (kind == KK_JSON_NAME && reader.depth == 1 && kk_json_string_is(reader.raw, key)) {
            return true;
        }
        kind = kk_json_next(&reader);
    }
    return false;
}

static kk_code given_twice(kk_str key, kk_error *err)
{
    kk_code code =
        kk_fail(err, KK_ERR_INVALID_ARGS, "the argument '%.*s' is given twice; nothing was sent",
                key.len < KEY_SHOWN ? (int)key.len : KEY_SHOWN, key.ptr);
    return code;
}

static kk_str key_of(const char *word)
{
    return (kk_str){word, strcspn(word, "=")};
}

static kk_code append_word(const kk_entry *entry, kk_str json, const char *word, kk_buf *out,
                           kk_error *err)
{
    kk_str key = key_of(word);
    if (key.len == 0 || word[key.len] != '=') {
        kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS,
                               "the argument '%.*s' is not written key=value; nothing was sent",
                               VALUE_SHOWN, word);
        kk_fail_hint(err, "'kk schema %s' shows the keys", entry->info.function);
        return code;
    }
    if (object_has(json, key)) {
        return given_twice(key, err);
    }
    if (out->len > 1) {
        kk_buf_append_byte(out, ',');
    }
    kk_json_write_string(out, key);
    kk_buf_append_byte(out, ':');
    return append_value(entry, key, kk_str_from(word + key.len + 1), out, err);
}

// What is no UTF-8 could only be sent changed.
static kk_code check_utf8(const char *word, kk_error *err)
{
    kk_str text = kk_str_from(word);
    size_t len = 1;
    for (size_t at = 0; at < text.len && len > 0; at += len) {
        len = kk_utf8_length(text.ptr + at, text.len - at);
    }
    if (len > 0) {
        return KK_OK;
    }
    kk_str key = key_of(word);
    kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS,
                           "the argument '%.*s' holds bytes that are not UTF-8; nothing was sent",
                           key.len < KEY_SHOWN ? (int)key.len : KEY_SHOWN, key.ptr);
    kk_fail_hint(err, "convert it to UTF-8");
    return code;
}

// Begins [out] with the object [json], still open.
static kk_code begin(kk_str json, kk_buf *out, kk_error *err)
{
    kk_error found = {0};
    if (json.ptr == NULL) {
        kk_buf_append_byte(out, '{');
        return KK_OK;
    }
    if (kk_json_compact(json, out, &found) != KK_OK) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "the arguments are not JSON: %s; nothing was sent",
                       found.message);
    }
    if (out->len < 2 || out->ptr[0] != '{') {
        return kk_fail(err, KK_ERR_INVALID_ARGS,
                       "the arguments are not a JSON object; nothing was sent");
    }
    out->len--;
    return KK_OK;
}

kk_code kk_args_read(const kk_entry *entry, const char *json, const char *const *words,
                     size_t count, char **args, kk_error *err)
{
    kk_buf out = {.limit = ARGS_MAX};
    kk_str object = kk_str_from(json);
    if (count > WORDS_MAX) {
        kk_code code =
            kk_fail(err, KK_ERR_INVALID_ARGS,
                    "there are %zu arguments, more than %d; nothing was sent", count, WORDS_MAX);
        kk_fail_hint(err, "give them as one JSON object: '{...}', @FILE, or - for stdin");
        return code;
    }
    kk_code code = begin(object, &out, err);
    for (size_t i = 0; code == KK_OK && i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (kk_str_equals(key_of(words[i]), key_of(words[k]))) {
                code = given_twice(key_of(words[i]), err);
                break;
            }
        }
        if (code == KK_OK) {
            code = check_utf8(words[i], err);
        }
        if (code == KK_OK) {
            code = append_word(entry, object, words[i], &out, err);
        }
    }
    if (code == KK_OK) {
        kk_buf_append_byte(&out, '}');
        code = kk_buf_check(&out, "the arguments", err);
    }
    if (code == KK_OK) {
        *args = kk_buf_steal(&out);
    }
    kk_buf_clean(&out);
    return code;
}
