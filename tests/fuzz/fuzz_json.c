// The JSON reader and everything made of it, on any bytes.
#include "fuzz.h"
#include "json.h"

static kk_buf new_buf(void)
{
    return (kk_buf){.limit = (size_t)1 << 26};
}

static size_t add_one(void *context, const kk_json_object *object, kk_json_member *added,
                      kk_buf *scratch)
{
    (void)context;
    kk_str found = {NULL, 0};
    bool has = kk_json_object_get(object, "a", &found);
    REQUIRE(!has || object->count > 0);
    kk_json_write_string(scratch, found);
    added[0] = (kk_json_member){"added", kk_buf_view(scratch)};
    return 1;
}

static void append_piece(void *context, kk_str piece)
{
    REQUIRE(piece.len > 0);
    kk_buf_append_str(context, piece);
}

// What was extended is JSON, and of it every part that the text has is there.
static void check_extending(kk_str text, const char *rows, kk_code expected)
{
    kk_buf out = new_buf();
    kk_json_additions added = {.text = new_buf()};
    kk_json_extent extent;
    REQUIRE(kk_json_extend(text, rows, add_one, NULL, &added, &extent, NULL) == expected);
    if (expected == KK_OK) {
        kk_json_merge(text, &added, append_piece, &out);
        REQUIRE(out.len == text.len + added.text.len);
        REQUIRE(kk_json_check(kk_buf_view(&out), NULL) == KK_OK);
    }
    if (expected == KK_OK && extent.rows.ptr != NULL) {
        kk_buf_clear(&out);
        kk_buf_append_byte(&out, '[');
        kk_json_merge(extent.rows, &added, append_piece, &out);
        kk_buf_append_byte(&out, ']');
        REQUIRE(kk_json_check(kk_buf_view(&out), NULL) == KK_OK);
    }
    kk_json_additions_clean(&added);
    kk_buf_clean(&out);
}

// A text without white space stays what it is, and laying it out changes nothing else.
static void check_layouts(kk_str text, kk_str compact)
{
    kk_buf again = new_buf();
    kk_buf indented = new_buf();
    REQUIRE(kk_json_compact(compact, &again, NULL) == KK_OK);
    REQUIRE(kk_str_equals(kk_buf_view(&again), compact));
    REQUIRE(compact.len <= text.len);
    REQUIRE(kk_json_indent(text, &indented, NULL) == KK_OK);
    kk_buf_clear(&again);
    REQUIRE(kk_json_compact(kk_buf_view(&indented), &again, NULL) == KK_OK);
    REQUIRE(kk_str_equals(kk_buf_view(&again), compact));
    kk_buf_clean(&indented);
    kk_buf_clean(&again);
}

// Every rewrite of accepted text is accepted, and of refused text refused.
static void check_rewrites(kk_str text, kk_code expected)
{
    static const char *const fields[] = {"a", "b.c", "a.b.c.d"};
    static const char *const masked[] = {"/a", "/*/b", "/0/*/c", NULL};
    static const char *const rows[] = {NULL, "", "/a", "/0/b"};
    kk_buf out = new_buf();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kk_json_projection projection = {rows[i], fields, 3};
        check_extending(text, rows[i], expected);
        kk_buf_clear(&out);
        REQUIRE(kk_json_project(text, &projection, &out, NULL) == expected);
        REQUIRE(expected != KK_OK || kk_json_check(kk_buf_view(&out), NULL) == KK_OK);
    }
    kk_buf_clear(&out);
    REQUIRE(kk_json_mask(text, masked, &out, NULL) == expected);
    REQUIRE(expected != KK_OK || kk_json_check(kk_buf_view(&out), NULL) == KK_OK);
    kk_str raw;
    REQUIRE(expected != KK_OK || !kk_json_find(kk_buf_view(&out), "/a", &raw) ||
            kk_str_is(raw, "\"[masked]\""));
    kk_buf_clean(&out);
}

// Whether no number of the text is one that cJSON prints otherwise, and writes every string as it
// is meant.
static bool is_plain(kk_str text, kk_buf *plain)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, text);
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        int64_t value;
        if (kind == KK_JSON_NUMBER && (!kk_json_integer(reader.raw, &value) || value > 1000000000 ||
                                       value < -1000000000 || kk_str_is(reader.raw, "-0"))) {
            return false;
        }
        if (kind == KK_JSON_NAME || kind == KK_JSON_STRING) {
            kk_buf meaning = new_buf();
            kk_json_unescape(reader.raw, &meaning);
            REQUIRE(!kk_json_string_is_text(reader.raw) ||
                    kk_json_string_is(reader.raw, kk_buf_view(&meaning)));
            kk_buf_clear(plain);
            kk_json_write_string(plain, kk_buf_view(&meaning));
            bool same = kk_str_equals(kk_buf_view(plain), reader.raw);
            kk_buf_clean(&meaning);
            if (!same) {
                return false;
            }
        }
    }
    return true;
}

// A tree made of the text prints as the text.
static void check_tree(kk_str text, kk_str compact)
{
    cJSON *tree = NULL;
    if (kk_json_parse(text, "the text", &tree, NULL) != KK_OK) {
        return;
    }
    kk_buf printed = new_buf();
    kk_buf plain = new_buf();
    kk_json_print(tree, &printed);
    REQUIRE(printed.failed == KK_OK);
    REQUIRE(kk_json_check(kk_buf_view(&printed), NULL) == KK_OK);
    if (is_plain(compact, &plain)) {
        REQUIRE(kk_str_equals(kk_buf_view(&printed), compact));
    }
    kk_buf_clean(&plain);
    kk_buf_clean(&printed);
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_str text = {(const char *)data, size};
    kk_buf compact = new_buf();
    kk_error err = {0};
    kk_code code = kk_json_check(text, &err);
    REQUIRE(code == KK_OK || (code == KK_ERR_PROTOCOL && err.message[0] != '\0'));
    REQUIRE(kk_json_compact(text, &compact, NULL) == code);
    check_rewrites(text, code);
    if (code == KK_OK) {
        check_layouts(text, kk_buf_view(&compact));
        check_tree(text, kk_buf_view(&compact));
    } else {
        cJSON *tree = NULL;
        REQUIRE(kk_json_parse(text, "the text", &tree, NULL) != KK_OK && tree == NULL);
    }
    kk_buf_clean(&compact);
    return 0;
}
