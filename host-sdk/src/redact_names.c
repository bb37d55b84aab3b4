// Which names are sensitive, and what takes the place of their values.
#include "redact_private.h"
#include <stdio.h>
#include <strings.h>

enum { NAME_MAX_LEN = 64, DIGITS_MIN = 8, FAKE_MAX = 128 };

// A number that stands for a secret one begins here, and is still exact as a double.
#define NUMBER_BASE UINT64_C(9007199254000000)
#define NUMBER_LAST UINT64_C(9007199254740992)

// ---- Names

// In lower case, without '-' and '_'.  Returns 0 for a name too long to be one of ours.
static size_t squash(kk_str name, char out[NAME_MAX_LEN])
{
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        if (byte == '-' || byte == '_' || byte == ' ' || byte == '.') {
            continue;
        }
        if (len == NAME_MAX_LEN) {
            return 0;
        }
        out[len++] = byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
    }
    return len;
}

static bool is_in(kk_str name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (name.len > 0 && name.ptr[0] == (*list)[0] && kk_str_is(name, *list)) {
            return true;
        }
    }
    return false;
}

static bool ends_in(kk_str name, const char *end)
{
    size_t len = strlen(end);
    return name.len >= len && memcmp(name.ptr + name.len - len, end, len) == 0;
}

kk_redact_kind kk_redact_kind_of(kk_redact_side side, kk_str name)
{
    static const char *const secrets[] = {"password",
                                          "passwd",
                                          "passphrase",
                                          "plaintext",
                                          "plaintextrefreshtoken",
                                          "privatekey",
                                          "apikey",
                                          "accesskey",
                                          "secretaccesskey",
                                          "secretkey",
                                          "authorization",
                                          "connectionstring",
                                          "connectionstrings",
                                          "credentials",
                                          NULL};
    static const char *const in_requests[] = {"code", "devicecode", NULL};
    char squashed[NAME_MAX_LEN];
    kk_str plain = {squashed, squash(name, squashed)};
    if (ends_in(plain, "token") || ends_in(plain, "secret") || ends_in(plain, "password") ||
        is_in(plain, secrets) || (side == KK_REDACT_REQUEST && is_in(plain, in_requests))) {
        return KK_REDACT_SECRET;
    }
    if (ends_in(plain, "email")) {
        return KK_REDACT_EMAIL;
    }
    if (kk_str_is(plain, "avatarurl")) {
        return KK_REDACT_LINK;
    }
    return kk_str_is(plain, "displayname") ? KK_REDACT_PERSON : KK_REDACT_PLAIN;
}

bool kk_redact_is_signature(kk_str name)
{
    static const char *const names[] = {"signature",      "sig",       "awsaccesskeyid",
                                        "googleaccessid", "keypairid", NULL};
    char squashed[NAME_MAX_LEN];
    kk_str plain = {squashed, squash(name, squashed)};
    return is_in(plain, names) || kk_str_starts_with(plain, "xamz") ||
           kk_str_starts_with(plain, "xgoog");
}

// ---- Recognising what is nobody's

static size_t digits_at(kk_str text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && text.ptr[at + count] >= '0' && text.ptr[at + count] <= '9') {
        count++;
    }
    return count;
}

// The prefix of a PlanetScale token, "pscale_tkn_", or nothing.
static size_t prefix_length(kk_str value)
{
    static const char *const prefixes[] = {"pscale_tkn_", "pscale_pw_",  "pscale_oauth_",
                                           "pscale_api_", "pscale_app_", NULL};
    for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
        if (kk_str_starts_with(value, *prefix)) {
            return strlen(*prefix);
        }
    }
    return 0;
}

// The fake's own text before its number.
typedef struct form {
    const char *before;
    const char *after;
    size_t digits_min;
} form;
static const form forms[] = {{"REDACTED", "", DIGITS_MIN},
                             {"user-", "@example.com", 1},
                             {"https://example.com/redacted/", "", 1},
                             {"Person ", "", 1},
                             {"00000000-0000-4000-8000-", "", 12}};
enum { FORMS = sizeof forms / sizeof forms[0] };

// The length of a fake at the front of [text], and where its number is; 0 if there is none.
static size_t fake_at(kk_str text, size_t *digits, size_t *count)
{
    for (size_t i = 0; i < FORMS; i++) {
        size_t before = strlen(forms[i].before);
        if (!kk_str_starts_with(text, forms[i].before)) {
            continue;
        }
        *digits = before;
        *count = digits_at(text, before);
        kk_str rest = {text.ptr + before + *count, text.len - before - *count};
        if (*count >= forms[i].digits_min && kk_str_starts_with(rest, forms[i].after)) {
            return before + *count + strlen(forms[i].after);
        }
    }
    return 0;
}

static bool is_fake(kk_str value)
{
    size_t prefix = prefix_length(value);
    kk_str rest = {value.ptr + prefix, value.len - prefix};
    size_t digits;
    size_t count;
    return rest.len > 0 && fake_at(rest, &digits, &count) == rest.len;
}

// Only {{NAME}}, once or several times, and single bytes of punctuation between them.
static bool is_placeholders(kk_str value)
{
    bool any = false;
    for (size_t at = 0; at < value.len;) {
        if (value.len - at < 5 || memcmp(value.ptr + at, "{{", 2) != 0) {
            bool joins = any && strchr(":/@.-", value.ptr[at]) != NULL;
            if (!joins) {
                return false;
            }
            at++;
            continue;
        }
        size_t end = at + 2;
        while (end < value.len &&
               ((value.ptr[end] >= 'A' && value.ptr[end] <= 'Z') ||
                (value.ptr[end] >= '0' && value.ptr[end] <= '9') || value.ptr[end] == '_')) {
            end++;
        }
        if (value.len - end < 2 || memcmp(value.ptr + end, "}}", 2) != 0) {
            return false;
        }
        at = end + 2;
        any = true;
    }
    return any;
}

// Names that RFC 2606 keeps out of use.
static bool is_reserved(kk_str host)
{
    static const char *const ends[] = {"example.com", "example.org", "example.net", ".example",
                                       ".test",       ".invalid",    NULL};
    for (const char *const *end = ends; *end != NULL; end++) {
        size_t len = strlen(*end);
        bool whole = host.len == len || (*end)[0] == '.' ||
                     (host.len > len && host.ptr[host.len - len - 1] == '.');
        if (host.len >= len && whole && strncasecmp(host.ptr + host.len - len, *end, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_host_text(kk_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        char byte = host.ptr[i];
        if (!(byte == '.' || byte == '-' || byte == '_' || (byte >= '0' && byte <= '9') ||
              (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'))) {
            return false;
        }
    }
    return host.len > 0;
}

static bool is_nobodys_mail(kk_str value)
{
    const char *at = memchr(value.ptr, '@', value.len);
    if (at == NULL) {
        return false;
    }
    kk_str host = {at + 1, value.len - (size_t)(at - value.ptr) - 1};
    return is_host_text(host) && is_reserved(host);
}

static bool is_nobodys_link(kk_str value)
{
    if (!kk_str_starts_with(value, "https://") || memchr(value.ptr, '?', value.len) != NULL) {
        return false;
    }
    kk_str rest = {value.ptr + 8, value.len - 8};
    const char *end = memchr(rest.ptr, '/', rest.len);
    kk_str host = {rest.ptr, end != NULL ? (size_t)(end - rest.ptr) : rest.len};
    return is_host_text(host) && is_reserved(host);
}

bool kk_redact_is_harmless(kk_redact_kind kind, kk_str value)
{
    if (value.len == 0 || is_placeholders(value) || is_fake(value)) {
        return true;
    }
    return (kind == KK_REDACT_EMAIL && is_nobodys_mail(value)) ||
           (kind == KK_REDACT_LINK && is_nobodys_link(value));
}

// ---- Fakes

static void make_mail(kk_str value, uint64_t number, kk_buf *out)
{
    (void)value;
    kk_buf_append_format(out, "user-%llu@example.com", (unsigned long long)number);
}

static void make_link(kk_str value, uint64_t number, kk_buf *out)
{
    (void)value;
    kk_buf_append_format(out, "https://example.com/redacted/%llu", (unsigned long long)number);
}

static void make_person(kk_str value, uint64_t number, kk_buf *out)
{
    (void)value;
    kk_buf_append_format(out, "Person %llu", (unsigned long long)number);
}

static bool is_uuid(kk_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char lower = (char)(value.ptr[i] | 0x20);
        bool hex = (value.ptr[i] >= '0' && value.ptr[i] <= '9') || (lower >= 'a' && lower <= 'f');
        if (dash ? value.ptr[i] != '-' : !hex) {
            return false;
        }
    }
    return value.len == 36;
}

// As long as the value was where that is possible, with its prefix.
static void make_secret(kk_str value, uint64_t number, kk_buf *out)
{
    if (is_uuid(value)) {
        kk_buf_append_format(out, "00000000-0000-4000-8000-%012llu", (unsigned long long)number);
        return;
    }
    size_t prefix = prefix_length(value);
    size_t len = value.len < FAKE_MAX ? value.len : FAKE_MAX;
    size_t taken = prefix + strlen("REDACTED");
    int digits = len > taken + DIGITS_MIN ? (int)(len - taken) : DIGITS_MIN;
    kk_buf_append_format(out, "%.*sREDACTED%0*llu", (int)prefix, value.ptr, digits,
                         (unsigned long long)number);
}

void kk_redact_write_fake(kk_redactor *self, kk_redact_side side, kk_redact_kind kind, kk_str value,
                          kk_buf *out)
{
    static const kk_redact_make_fn makers[] = {[KK_REDACT_PLAIN] = make_secret,
                                               [KK_REDACT_SECRET] = make_secret,
                                               [KK_REDACT_EMAIL] = make_mail,
                                               [KK_REDACT_LINK] = make_link,
                                               [KK_REDACT_PERSON] = make_person};
    const char *fake = KK_REDACTED;
    if (self != NULL && side == KK_REDACT_RESPONSE) {
        fake = kk_redactor_stand_in(self, value, makers[kind]);
    }
    if (fake == NULL) {
        out->failed = KK_ERR_INTERNAL;
        return;
    }
    kk_buf_append_text(out, fake);
}

static void make_number(kk_str value, uint64_t number, kk_buf *out)
{
    (void)value;
    kk_buf_append_format(out, "%llu", (unsigned long long)(NUMBER_BASE + number));
}

static bool is_fake_number(kk_str raw)
{
    char text[24];
    unsigned long long value = 0;
    if (raw.len != 16 || digits_at(raw, 0) != raw.len) {
        return false;
    }
    snprintf(text, sizeof text, "%.*s", KK_STR_ARG(raw));
    return sscanf(text, "%llu", &value) == 1 && value > NUMBER_BASE && value < NUMBER_LAST;
}

void kk_redact_write_number(kk_redactor *self, kk_redact_side side, kk_str raw, kk_buf *out)
{
    if (is_fake_number(raw)) {
        kk_buf_append_str(out, raw);
        return;
    }
    if (self == NULL || side == KK_REDACT_REQUEST) {
        kk_buf_append_text(out, "\"" KK_REDACTED "\"");
        return;
    }
    const char *fake = kk_redactor_stand_in(self, raw, make_number);
    kk_buf_append_text(out, fake != NULL ? fake : "0");
}

// ---- Numbers of fakes

// The place and number of the digits of the next fake from [at] on; false if there is none.
static bool next_fake(kk_str text, size_t at, size_t *digits, size_t *count)
{
    for (; at < text.len; at++) {
        char byte = text.ptr[at];
        bool starts = byte == 'R' || byte == 'u' || byte == 'h' || byte == 'P' || byte == '0';
        kk_str rest = {text.ptr + at, text.len - at};
        if (starts && fake_at(rest, digits, count) > 0) {
            *digits += at;
            return true;
        }
        if (byte == '9' && (at == 0 || digits_at(text, at - 1) == 0) && digits_at(text, at) == 16 &&
            is_fake_number((kk_str){text.ptr + at, 16})) {
            *digits = at;
            *count = 16;
            return true;
        }
    }
    return false;
}

static bool is_in_numbers(uint64_t number)
{
    return number > NUMBER_BASE && number < NUMBER_LAST;
}

static uint64_t number_of(kk_str text, size_t digits, size_t count)
{
    uint64_t number = 0;
    for (size_t i = 0; i < count && number < UINT64_MAX / 16; i++) {
        number = number * 10 + (uint64_t)(text.ptr[digits + i] - '0');
    }
    return number;
}

bool kk_redact_next_fake(kk_str text, size_t *at, uint64_t *number)
{
    size_t digits = 0;
    size_t count = 0;
    if (!next_fake(text, *at, &digits, &count)) {
        return false;
    }
    *number = number_of(text, digits, count);
    *number -= is_in_numbers(*number) ? NUMBER_BASE : 0;
    *at = digits + count;
    return true;
}

void kk_redact_renumber(kk_str text, uint64_t (*renumber)(void *context, uint64_t number),
                        void *context, kk_buf *out)
{
    size_t done = 0;
    size_t digits = 0;
    size_t count = 0;
    for (size_t at = 0; next_fake(text, at, &digits, &count);) {
        uint64_t written = number_of(text, digits, count);
        uint64_t base = is_in_numbers(written) ? NUMBER_BASE : 0;
        uint64_t fresh = base + renumber(context, written - base);
        at = digits + count;
        if (fresh == written) {
            continue; // also what has more digits than a number
        }
        // Those that begin with zeros are as long as the value was.
        int width = text.ptr[digits] == '0' ? (int)count : 1;
        kk_buf_append(out, text.ptr + done, digits - done);
        kk_buf_append_format(out, "%0*llu", width, (unsigned long long)fresh);
        done = at;
    }
    kk_buf_append(out, text.ptr + done, text.len - done);
}

uint64_t kk_redact_last_fake(kk_str text)
{
    uint64_t last = 0;
    uint64_t number = 0;
    for (size_t at = 0; kk_redact_next_fake(text, &at, &number);) {
        last = number > last && number < UINT32_MAX ? number : last;
    }
    return last;
}

void kk_redact_level(kk_str text, kk_buf *out)
{
    size_t done = 0;
    size_t digits = 0;
    size_t count = 0;
    for (size_t at = 0; next_fake(text, at, &digits, &count);) {
        kk_buf_append(out, text.ptr + done, digits - done);
        kk_buf_append_byte(out, '0');
        done = at = digits + count;
    }
    kk_buf_append(out, text.ptr + done, text.len - done);
}
