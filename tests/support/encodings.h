// Secrets to plant, and the forms in which one may stand somewhere.
#ifndef KK_TEST_ENCODINGS_H
#define KK_TEST_ENCODINGS_H

#include "buf.h"
#include <stdint.h>

static inline void put_plain(kk_str text, kk_buf *out)
{
    kk_buf_append_str(out, text);
}

static inline void put_percent(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out, "%%%02X", (unsigned char)text.ptr[i]);
    }
}

static inline void put_json(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out, "\\u%04x", (unsigned char)text.ptr[i]);
    }
}

static inline void put_hex(kk_str text, kk_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        kk_buf_append_format(out, "%02x", (unsigned char)text.ptr[i]);
    }
}

static inline void put_base64(kk_str text, kk_buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.len; i++) {
        bits = bits << 8 | (unsigned char)text.ptr[i];
        for (held += 8; held >= 6;) {
            held -= 6;
            kk_buf_append_byte(out, alphabet[bits >> held & 63]);
        }
    }
}

// Behind a user's name, as basic authentication writes it.
static inline void put_basic(kk_str text, kk_buf *out)
{
    kk_buf joined = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&joined, "ab:%.*s", KK_STR_ARG(text));
    put_base64(kk_buf_view(&joined), out);
    kk_buf_clean(&joined);
}

typedef void (*put_fn)(kk_str text, kk_buf *out);

static const put_fn forms[] = {put_plain, put_percent, put_json, put_hex, put_base64, put_basic};
enum { FORMS = sizeof forms / sizeof forms[0] };

// Appends [text] with [planted] in place of its first '@', or else behind it.
static inline void put_planted(kk_str text, kk_str planted, kk_buf *out)
{
    const char *at = text.len > 0 ? memchr(text.ptr, '@', text.len) : NULL;
    size_t before = at != NULL ? (size_t)(at - text.ptr) : text.len;
    kk_buf_append(out, text.ptr, before);
    kk_buf_append_str(out, planted);
    if (at != NULL) {
        kk_buf_append(out, at + 1, text.len - before - 1);
    }
}

// Twelve secrets to plant, of which the first is the test's own.
#define SECRETS_BESIDE(first)                                                                      \
    {                                                                                              \
        first, "pscale_pw_CANARYcccc3333dddd4444", "cnryid000001",                                 \
            "CANARY+slash/and=equals==", "CANARY%41percent%2541", "CANARY\"quote\\back",           \
            "CANARY<amp&amp;ersand>", "CANARY space and more", "CANARY:colon@at/path?q",           \
            "CANARY{brace}[bracket]", "CANARY~!*'();,|^`", "CANARY\\u0041escape",                  \
    }

#endif
