// The normal form of JSON on any bytes: its own normal form, the same for every way of writing it.
#include "fuzz.h"
#include "tape_private.h"

static kk_buf new_buf(void)
{
    return (kk_buf){.limit = (size_t)1 << 26};
}

static void require_same(kk_str text, kk_str wanted)
{
    kk_buf form = new_buf();
    REQUIRE(kk_tape_canonical(text, NULL, &form));
    REQUIRE(form.failed == KK_OK && kk_str_equals(kk_buf_view(&form), wanted));
    kk_buf_clean(&form);
}

// Layout does not count.
static void check_layouts(kk_str text, kk_str form)
{
    kk_buf other = new_buf();
    REQUIRE(kk_json_compact(text, &other, NULL) == KK_OK);
    require_same(kk_buf_view(&other), form);
    kk_buf_clear(&other);
    REQUIRE(kk_json_indent(text, &other, NULL) == KK_OK);
    require_same(kk_buf_view(&other), form);
    kk_buf_clean(&other);
}

// The members of an object in the reverse order are the same object, unless a name is there twice.
static void check_order(kk_str form)
{
    kk_json_reader reader;
    kk_str names[64];
    kk_str values[64];
    size_t count = 0;
    bool twice = false;
    kk_json_reader_init(&reader, form);
    if (kk_json_next(&reader) != KK_JSON_OBJECT) {
        return;
    }
    while (count < 64 && kk_json_next(&reader) == KK_JSON_NAME) {
        names[count] = reader.raw;
        kk_json_finish_value(&reader, kk_json_next(&reader), &values[count]);
        twice = twice || (count > 0 && kk_str_equals(names[count], names[count - 1]));
        count++;
    }
    if (twice || count == 64) {
        return;
    }
    kk_buf other = new_buf();
    kk_buf_append_byte(&other, '{');
    for (size_t i = count; i-- > 0;) {
        kk_buf_append_format(&other, "%s", i + 1 == count ? "" : " , ");
        kk_buf_append_str(&other, names[i]);
        kk_buf_append_byte(&other, ':');
        kk_buf_append_str(&other, values[i]);
    }
    kk_buf_append_byte(&other, '}');
    require_same(kk_buf_view(&other), form);
    kk_buf_clean(&other);
}

// What is ignored leaves the same form as if it were not there, and no differences.
static void check_ignored(kk_str text)
{
    const char *pointers[] = {"/a", "/a/0", "/b/1/c", "/0"};
    const kk_tape_ignored ignored = {pointers, 4};
    kk_buf once = new_buf();
    kk_buf twice = new_buf();
    kk_tape_differences found;
    REQUIRE(kk_tape_canonical(text, &ignored, &once));
    REQUIRE(kk_json_check(kk_buf_view(&once), NULL) == KK_OK || once.len == 0);
    if (kk_tape_canonical(kk_buf_view(&once), NULL, &twice)) {
        REQUIRE(kk_str_equals(kk_buf_view(&once), kk_buf_view(&twice)));
        kk_tape_diff_json(kk_buf_view(&once), kk_buf_view(&twice), &found);
        REQUIRE(found.count == 0);
    }
    kk_buf_clean(&twice);
    kk_buf_clean(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_str text = {(const char *)data, size};
    kk_buf form = new_buf();
    bool good = kk_tape_canonical(text, NULL, &form);
    REQUIRE(good == (kk_json_check(text, NULL) == KK_OK));
    if (good) {
        require_same(kk_buf_view(&form), kk_buf_view(&form));
        check_layouts(text, kk_buf_view(&form));
        check_order(kk_buf_view(&form));
        check_ignored(text);
    }
    kk_buf_clean(&form);
    return 0;
}
