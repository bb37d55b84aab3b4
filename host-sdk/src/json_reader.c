// The pull reader: one pass that checks grammar, UTF-8 and depth, and converts nothing.
#include "json.h"
#include "utf8.h"

// What may come next.  A comma and a colon are read together with the token after them.
enum {
    EXPECT_VALUE,           // the one value
    EXPECT_FIRST_ELEMENT,   // after '[': a value or ']'
    EXPECT_FIRST_NAME,      // after '{': a name or '}'
    EXPECT_COLON,           // after a name: ':' and a value
    EXPECT_ELEMENT_FOLLOWS, // after a value in an array: ',' and a value, or ']'
    EXPECT_MEMBER_FOLLOWS,  // after a value in an object: ',' and a name, or '}'
    EXPECT_NOTHING,         // after the one value
    EXPECT_ENDED,
    EXPECT_FAILED
};

// What a byte means inside a string.  PLAIN is zero: what the table does not name.
enum { PLAIN, QUOTE, ESCAPE, CONTROL, HIGH };

#define TIMES_8(class) class, class, class, class, class, class, class, class
#define TIMES_32(class) TIMES_8(class), TIMES_8(class), TIMES_8(class), TIMES_8(class)
static const uint8_t string_class[256] = {
    TIMES_32(CONTROL), ['"'] = QUOTE,  ['\\'] = ESCAPE, [0x80] = TIMES_32(HIGH),
    TIMES_32(HIGH),    TIMES_32(HIGH), TIMES_32(HIGH),
};
#undef TIMES_32
#undef TIMES_8

void kk_json_reader_init(kk_json_reader *self, kk_str text)
{
    *self = (kk_json_reader){.text = text, .expect = EXPECT_VALUE};
}

static kk_json_kind fail_at(kk_json_reader *self, size_t at, const char *problem)
{
    self->raw = (kk_str){NULL, 0};
    self->at = at;
    self->problem = problem;
    self->expect = EXPECT_FAILED;
    return KK_JSON_ERROR;
}

// Takes the bytes up to [end] as the token.
static kk_json_kind take(kk_json_reader *self, size_t start, size_t end, kk_json_kind kind)
{
    self->raw = (kk_str){self->text.ptr + start, end - start};
    self->at = end;
    return kind;
}

static bool in_object(const kk_json_reader *self)
{
    size_t level = self->depth - 1;
    return (self->levels[level / 8] >> (level % 8) & 1) != 0;
}

static void expect_after_value(kk_json_reader *self)
{
    if (self->depth == 0) {
        self->expect = EXPECT_NOTHING;
        return;
    }
    self->expect = in_object(self) ? EXPECT_MEMBER_FOLLOWS : EXPECT_ELEMENT_FOLLOWS;
}

static size_t skip_space(const kk_json_reader *self, size_t at)
{
    const char *text = self->text.ptr;
    while (at < self->text.len &&
           (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')) {
        at++;
    }
    return at;
}

// The byte at [at], or NUL at the end of the text: no token begins with NUL.
static char byte_at(const kk_json_reader *self, size_t at)
{
    return at < self->text.len ? self->text.ptr[at] : '\0';
}

// ---- Strings

// Whether one of eight bytes is below 0x20, a quote, a backslash or above 0x7F.
static bool any_special(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t quote = eight ^ ones * '"';
    uint64_t escape = eight ^ ones * '\\';
    return (((eight - ones * 0x20) | (quote - ones) | (escape - ones) | eight) & tops) != 0;
}

static size_t skip_plain(kk_str text, size_t at)
{
    uint64_t eight;
    while (text.len - at >= sizeof eight) {
        memcpy(&eight, text.ptr + at, sizeof eight);
        if (any_special(eight)) {
            break;
        }
        at += sizeof eight;
    }
    while (at < text.len && string_class[(unsigned char)text.ptr[at]] == PLAIN) {
        at++;
    }
    return at;
}

static bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

// The length of the escape at [at], or 0.
static size_t escape_length(const kk_json_reader *self, size_t at)
{
    char kind = byte_at(self, at + 1);
    if (kind != 'u') {
        return kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL ? 2 : 0;
    }
    for (size_t i = 2; i < 6; i++) {
        if (!is_hex(byte_at(self, at + i))) {
            return 0;
        }
    }
    return 6;
}

// Reads a string whose opening quote is at [start].
static kk_json_kind read_string(kk_json_reader *self, size_t start, kk_json_kind kind)
{
    size_t at = start + 1;
    for (;;) {
        at = skip_plain(self->text, at);
        if (at == self->text.len) {
            return fail_at(self, at, "the text ends inside a string");
        }
        size_t len = 0;
        switch (string_class[(unsigned char)self->text.ptr[at]]) {
        case QUOTE:
            return take(self, start, at + 1, kind);
        case ESCAPE:
            len = escape_length(self, at);
            if (len == 0) {
                return fail_at(self, at, "an escape in a string is unknown or unfinished");
            }
            break;
        case HIGH:
            len = kk_utf8_length(self->text.ptr + at, self->text.len - at);
            if (len == 0) {
                return fail_at(self, at, "a string holds bytes that are not UTF-8");
            }
            break;
        default:
            return fail_at(self, at, "a control byte stands unescaped in a string");
        }
        at += len;
    }
}

// ---- Values

// Passes digits from [at]; the same place if there are none.
static size_t skip_digits(const kk_json_reader *self, size_t at)
{
    while (at < self->text.len && self->text.ptr[at] >= '0' && self->text.ptr[at] <= '9') {
        at++;
    }
    return at;
}

static kk_json_kind read_number(kk_json_reader *self, size_t start)
{
    static const char problem[] = "a number is not written as JSON wants it";
    size_t at = byte_at(self, start) == '-' ? start + 1 : start;
    size_t digits = at;
    at = skip_digits(self, at);
    if (at == start) {
        return fail_at(self, at, "a value is missing or unknown");
    }
    if (at == digits || (byte_at(self, digits) == '0' && at > digits + 1)) {
        return fail_at(self, at, problem);
    }
    if (byte_at(self, at) == '.') {
        digits = at + 1;
        at = skip_digits(self, digits);
        if (at == digits) {
            return fail_at(self, at, problem);
        }
    }
    if (byte_at(self, at) == 'e' || byte_at(self, at) == 'E') {
        digits = at + 1;
        if (byte_at(self, digits) == '+' || byte_at(self, digits) == '-') {
            digits++;
        }
        at = skip_digits(self, digits);
        if (at == digits) {
            return fail_at(self, at, problem);
        }
    }
    expect_after_value(self);
    return take(self, start, at, KK_JSON_NUMBER);
}

static kk_json_kind read_word(kk_json_reader *self, size_t at, kk_str word, kk_json_kind kind)
{
    if (self->text.len - at < word.len || memcmp(self->text.ptr + at, word.ptr, word.len) != 0) {
        return fail_at(self, at, "a value is missing or unknown");
    }
    expect_after_value(self);
    return take(self, at, at + word.len, kind);
}

static kk_json_kind open_level(kk_json_reader *self, size_t at, bool object)
{
    if (self->depth == KK_JSON_DEPTH_MAX) {
        return fail_at(self, at, "arrays and objects are nested more than 1024 levels deep");
    }
    size_t level = self->depth++;
    uint8_t bit = (uint8_t)(1U << (level % 8));
    if (object) {
        self->levels[level / 8] |= bit;
        self->expect = EXPECT_FIRST_NAME;
        return take(self, at, at + 1, KK_JSON_OBJECT);
    }
    self->levels[level / 8] &= (uint8_t)~bit;
    self->expect = EXPECT_FIRST_ELEMENT;
    return take(self, at, at + 1, KK_JSON_ARRAY);
}

static kk_json_kind close_level(kk_json_reader *self, size_t at, kk_json_kind kind)
{
    self->depth--;
    expect_after_value(self);
    return take(self, at, at + 1, kind);
}

static kk_json_kind read_value(kk_json_reader *self, size_t at)
{
    if (at >= self->text.len) {
        return fail_at(self, self->text.len, "the text ends where a value should be");
    }
    switch (self->text.ptr[at]) {
    case '"':
        expect_after_value(self);
        return read_string(self, at, KK_JSON_STRING);
    case '{':
        return open_level(self, at, true);
    case '[':
        return open_level(self, at, false);
    case 't':
        return read_word(self, at, KK_STR("true"), KK_JSON_TRUE);
    case 'f':
        return read_word(self, at, KK_STR("false"), KK_JSON_FALSE);
    case 'n':
        return read_word(self, at, KK_STR("null"), KK_JSON_NULL);
    default:
        return read_number(self, at);
    }
}

static kk_json_kind read_name(kk_json_reader *self, size_t at)
{
    if (byte_at(self, at) != '"') {
        return fail_at(self, at, "a member's name in quotes is missing");
    }
    self->expect = EXPECT_COLON;
    return read_string(self, at, KK_JSON_NAME);
}

// Reads what follows a value inside an array or an object.
static kk_json_kind read_following(kk_json_reader *self, size_t at, bool object)
{
    char byte = byte_at(self, at);
    if (byte == ',') {
        at = skip_space(self, at + 1);
        return object ? read_name(self, at) : read_value(self, at);
    }
    if (byte == (object ? '}' : ']')) {
        return close_level(self, at, object ? KK_JSON_OBJECT_END : KK_JSON_ARRAY_END);
    }
    return fail_at(self, at, object ? "a comma or '}' is missing" : "a comma or ']' is missing");
}

static kk_json_kind read_end(kk_json_reader *self, size_t at)
{
    if (at < self->text.len) {
        return fail_at(self, at, "something follows the value");
    }
    self->expect = EXPECT_ENDED;
    return take(self, at, at, KK_JSON_END);
}

kk_json_kind kk_json_next(kk_json_reader *self)
{
    size_t at = skip_space(self, self->at);
    switch (self->expect) {
    case EXPECT_VALUE:
        return read_value(self, at);
    case EXPECT_FIRST_ELEMENT:
        return byte_at(self, at) == ']' ? close_level(self, at, KK_JSON_ARRAY_END)
                                        : read_value(self, at);
    case EXPECT_FIRST_NAME:
        return byte_at(self, at) == '}' ? close_level(self, at, KK_JSON_OBJECT_END)
                                        : read_name(self, at);
    case EXPECT_COLON:
        if (byte_at(self, at) != ':') {
            return fail_at(self, at, "a ':' is missing after a member's name");
        }
        return read_value(self, skip_space(self, at + 1));
    case EXPECT_ELEMENT_FOLLOWS:
        return read_following(self, at, false);
    case EXPECT_MEMBER_FOLLOWS:
        return read_following(self, at, true);
    case EXPECT_NOTHING:
        return read_end(self, at);
    case EXPECT_ENDED:
        return KK_JSON_END;
    default:
        return KK_JSON_ERROR;
    }
}

bool kk_json_finish_value(kk_json_reader *self, kk_json_kind first, kk_str *raw)
{
    const char *start = self->raw.ptr;
    if (first == KK_JSON_OBJECT || first == KK_JSON_ARRAY) {
        size_t outside = self->depth - 1;
        while (self->depth > outside) {
            if (kk_json_next(self) == KK_JSON_ERROR) {
                return false;
            }
        }
    } else if (first < KK_JSON_STRING) {
        return false;
    }
    *raw = (kk_str){start, (size_t)(self->text.ptr + self->at - start)};
    return true;
}
