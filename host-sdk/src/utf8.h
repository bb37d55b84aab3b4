// UTF-8, one character at a time.
#ifndef KK_UTF8_H
#define KK_UTF8_H

#include <stddef.h>

// The length, 1 to 4, of the character that begins at [at] with [left] bytes to go; 0 if it is not
// UTF-8.  Overlong forms, surrogates and anything above U+10FFFF are not.
static inline size_t kk_utf8_length(const char *at, size_t left)
{
    const unsigned char *byte = (const unsigned char *)at;
    if (left == 0 || byte[0] < 0x80) {
        return left == 0 ? 0 : 1;
    }
    size_t len = byte[0] >= 0xF0 ? 4 : byte[0] >= 0xE0 ? 3 : 2;
    if (byte[0] < 0xC2 || byte[0] > 0xF4 || left < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    int overlong = (byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xF0 && byte[1] < 0x90);
    int beyond = (byte[0] == 0xED && byte[1] > 0x9F) || (byte[0] == 0xF4 && byte[1] > 0x8F);
    return overlong || beyond ? 0 : len;
}

#endif
