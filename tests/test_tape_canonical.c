// The form in which equal JSON is equal bytes, on values that nobody thought of: the same value
// written in many ways, and the same with one thing changed.
#include "tape_private.h"
#include "unit.h"
#include <stdlib.h>

enum { ROUNDS = 2000, DEPTH = 5 };

// xorshift64*: the same values in every run.
static uint64_t seed;

static unsigned pick(unsigned below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (unsigned)((seed * UINT64_C(2685821657736338717)) >> 40) % below;
}

// ---- A value, kept as one text of it in normal form, and written in many ways

typedef struct value value;
struct value {
    char kind;     // 'o' object, 'a' array, 'n' number, 's' string, 'w' word
    char text[24]; // a number's digits, a string's letters, a word
    int exponent;  // a number is DIGITS times ten to this power
    char names[4][8];
    value *items[4];
    size_t count;
};

static value *make(int depth)
{
    value *self = calloc(1, sizeof *self);
    assert_non_null(self);
    unsigned kind = pick(depth > 0 ? 5 : 3);
    self->kind = "nswoa"[kind];
    if (self->kind == 'n') {
        self->exponent = (int)pick(9) - 4;
        snprintf(self->text, sizeof self->text, "%s%u%u", pick(2) == 0 ? "-" : "", 1 + pick(9),
                 pick(100000000));
    } else if (self->kind == 's') {
        for (unsigned i = 0, len = pick(8); i < len; i++) {
            self->text[i] = "ab/\"\\\n\t\x7f z"[pick(10)];
        }
    } else if (self->kind == 'w') {
        static const char *const words[] = {"true", "false", "null"};
        snprintf(self->text, sizeof self->text, "%s", words[pick(3)]);
    } else {
        self->count = pick(5);
        for (size_t i = 0; i < self->count; i++) {
            // No name twice.
            snprintf(self->names[i], sizeof self->names[i], "%c%u\"/", (char)('a' + i), pick(100));
            self->items[i] = make(depth - 1);
        }
    }
    return self;
}

static void drop(value *self)
{
    for (size_t i = 0; i < self->count; i++) {
        drop(self->items[i]);
    }
    free(self);
}

static void put_space(kk_buf *out)
{
    static const char *const spaces[] = {"", "", "", " ", "\n", "\t \r\n"};
    kk_buf_append_text(out, spaces[pick(6)]);
}

// Each letter as it is, where it may be, or as one of its escapes.
static void put_string(const char *text, kk_buf *out)
{
    kk_buf_append_byte(out, '"');
    for (; *text != '\0'; text++) {
        const char *named = strchr("\"\"\\\\//\nn\tt", *text);
        bool must = *text == '"' || *text == '\\' || (unsigned char)*text < 0x20;
        unsigned way = pick(3);
        if (!must && way == 0) {
            kk_buf_append_byte(out, *text);
        } else if (named != NULL && way == 1) {
            kk_buf_append_format(out, "\\%c", named[1]);
        } else {
            kk_buf_append_format(out, pick(2) == 0 ? "\\u%04x" : "\\u%04X", (unsigned)*text);
        }
    }
    kk_buf_append_byte(out, '"');
}

// 120e-1, 12, 12.0, 1.2E1, 0.12e+2 and so on.
static void put_number(const value *self, kk_buf *out)
{
    const char *digits = self->text + (self->text[0] == '-' ? 1 : 0);
    size_t len = strlen(digits);
    unsigned zeros = pick(3);
    size_t point = pick((unsigned)len + 1);
    int exponent = self->exponent + (int)(len - point);
    kk_buf_append_text(out, self->text[0] == '-' ? "-" : "");
    kk_buf_append_text(out, point == 0 ? "0" : "");
    kk_buf_append(out, digits, point);
    if (point < len || zeros > 0) {
        kk_buf_append_byte(out, '.');
        kk_buf_append_text(out, digits + point);
        kk_buf_append(out, "000", zeros);
    }
    if (exponent != 0 || pick(2) == 0) {
        kk_buf_append_format(out, "%c%s%d", pick(2) == 0 ? 'e' : 'E',
                             exponent >= 0 && pick(2) == 0 ? "+" : "", exponent);
    }
}

static void put(const value *self, kk_buf *out);

static void put_items(const value *self, kk_buf *out)
{
    size_t order[4] = {0, 1, 2, 3};
    for (size_t i = self->count; self->kind == 'o' && i > 1; i--) {
        size_t other = pick((unsigned)i);
        size_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
    for (size_t i = 0; i < self->count; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        if (self->kind == 'o') {
            put_space(out);
            put_string(self->names[order[i]], out);
            put_space(out);
            kk_buf_append_byte(out, ':');
        }
        put(self->items[order[i]], out);
    }
}

static void put(const value *self, kk_buf *out)
{
    put_space(out);
    if (self->kind == 'n') {
        put_number(self, out);
    } else if (self->kind == 's') {
        put_string(self->text, out);
    } else if (self->kind == 'w') {
        kk_buf_append_text(out, self->text);
    } else {
        kk_buf_append_byte(out, self->kind == 'o' ? '{' : '[');
        put_items(self, out);
        put_space(out);
        kk_buf_append_byte(out, self->kind == 'o' ? '}' : ']');
    }
    put_space(out);
}

// ---- The properties

static void canonical_of(const value *self, kk_buf *out)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    put(self, &text);
    if (!kk_tape_canonical(kk_buf_view(&text), NULL, out)) {
        fail_msg("not JSON: %s", kk_buf_text(&text));
    }
    assert_int_equal(out->failed, KK_OK);
    kk_buf_clean(&text);
}

static void test_canonical__every_way_of_writing_a_value_is_one(void **state)
{
    (void)state;
    size_t written = 0;
    for (seed = 1; seed < ROUNDS; seed++) {
        uint64_t round = seed;
        value *made = make(DEPTH);
        kk_buf first = {.limit = KK_TAPE_MAX};
        canonical_of(made, &first);
        for (int i = 0; i < 4; i++) {
            kk_buf other = {.limit = KK_TAPE_MAX};
            canonical_of(made, &other);
            if (!kk_str_equals(kk_buf_view(&first), kk_buf_view(&other))) {
                fail_msg("seed %u: %s\n%s", (unsigned)round, kk_buf_text(&first),
                         kk_buf_text(&other));
            }
            kk_buf_clean(&other);
        }
        written += first.len;
        kk_buf_clean(&first);
        drop(made);
        seed = round;
    }
    assert_true(written > (size_t)ROUNDS * 10);
}

// Changes one thing in the value.  False if there is nothing to change.
static bool change(value *self)
{
    if (self->kind == 'n') {
        self->exponent++;
        return true;
    }
    if (self->kind == 's') {
        self->text[strlen(self->text)] = 'q';
        return true;
    }
    if (self->kind == 'w') {
        snprintf(self->text, sizeof self->text, "%s", self->text[0] == 'n' ? "true" : "null");
        return true;
    }
    if (self->count > 0 && pick(2) == 0) {
        return change(self->items[pick((unsigned)self->count)]);
    }
    if (self->kind == 'o' && self->count > 0) {
        self->names[0][0] = 'q';
        return true;
    }
    if (self->count > 0) {
        drop(self->items[--self->count]);
        return true;
    }
    self->kind = self->kind == 'o' ? 'a' : 'o';
    return true;
}

static void test_canonical__one_thing_changed_is_another_value(void **state)
{
    (void)state;
    for (seed = 1; seed < ROUNDS; seed++) {
        uint64_t round = seed;
        value *made = make(DEPTH);
        kk_buf before = {.limit = KK_TAPE_MAX};
        kk_buf after = {.limit = KK_TAPE_MAX};
        canonical_of(made, &before);
        assert_true(change(made));
        canonical_of(made, &after);
        if (kk_str_equals(kk_buf_view(&before), kk_buf_view(&after))) {
            fail_msg("seed %u: %s", (unsigned)round, kk_buf_text(&before));
        }
        kk_buf_clean(&before);
        kk_buf_clean(&after);
        drop(made);
        seed = round;
    }
}

static void test_canonical__arrays_have_an_order(void **state)
{
    (void)state;
    size_t swapped = 0;
    for (seed = 1; seed < ROUNDS; seed++) {
        uint64_t round = seed;
        value *made = make(DEPTH);
        if (made->kind == 'a' && made->count > 1) {
            kk_buf parts[2] = {{.limit = KK_TAPE_MAX}, {.limit = KK_TAPE_MAX}};
            kk_buf before = {.limit = KK_TAPE_MAX};
            kk_buf after = {.limit = KK_TAPE_MAX};
            canonical_of(made->items[0], &parts[0]);
            canonical_of(made->items[1], &parts[1]);
            bool same = kk_str_equals(kk_buf_view(&parts[0]), kk_buf_view(&parts[1]));
            canonical_of(made, &before);
            value *kept = made->items[0];
            made->items[0] = made->items[1];
            made->items[1] = kept;
            canonical_of(made, &after);
            assert_int_equal(kk_str_equals(kk_buf_view(&before), kk_buf_view(&after)), same);
            swapped += same ? 0 : 1;
            for (size_t i = 0; i < 2; i++) {
                kk_buf_clean(&parts[i]);
            }
            kk_buf_clean(&before);
            kk_buf_clean(&after);
        }
        drop(made);
        seed = round;
    }
    assert_true(swapped > 50);
}

// ---- Its bounds

static bool is_canonical(size_t depth)
{
    kk_buf text = {.limit = KK_TAPE_MAX};
    kk_buf out = {.limit = KK_TAPE_MAX};
    for (size_t i = 0; i < depth; i++) {
        kk_buf_append_byte(&text, '[');
    }
    for (size_t i = 0; i < depth; i++) {
        kk_buf_append_byte(&text, ']');
    }
    bool good = kk_tape_canonical(kk_buf_view(&text), NULL, &out);
    assert_int_equal(good, good && kk_str_equals(kk_buf_view(&text), kk_buf_view(&out)));
    kk_buf_clean(&text);
    kk_buf_clean(&out);
    return good;
}

static void test_canonical__depth_has_an_end(void **state)
{
    (void)state;
    assert_true(is_canonical(1));
    assert_true(is_canonical(KK_JSON_DEPTH_MAX));
    assert_false(is_canonical(KK_JSON_DEPTH_MAX + 1));
    assert_false(is_canonical(1000000));
}

static void test_canonical__integers_beyond_doubles_are_exact(void **state)
{
    (void)state;
    kk_buf out = {.limit = KK_TAPE_MAX};
    assert_true(
        kk_tape_canonical(KK_STR("[9007199254740993,9007199254740992.0,1,1.0,1e0]"), NULL, &out));
    assert_string_equal(kk_buf_text(&out), "[9007199254740993,9007199254740992,1,1,1]");
    kk_buf_clean(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical__every_way_of_writing_a_value_is_one),
        cmocka_unit_test(test_canonical__one_thing_changed_is_another_value),
        cmocka_unit_test(test_canonical__arrays_have_an_order),
        cmocka_unit_test(test_canonical__depth_has_an_end),
        cmocka_unit_test(test_canonical__integers_beyond_doubles_are_exact),
    };
    return cmocka_run_group_tests_name("tape_canonical", tests, NULL, NULL);
}
