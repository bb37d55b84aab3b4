// Bytes that grow up to a ceiling.
//
// A buffer is initialised with its ceiling: `kk_buf body = {.limit = KK_BODY_MAX};`.  Appending
// never fails aloud: when memory runs out or the ceiling is reached the buffer keeps what it has,
// remembers the failure, and ignores what is appended afterwards.  A function that builds text
// appends without looking and asks kk_buf_check() once at the end.
//
// The bytes are always followed by a NUL that is not counted.
#ifndef KK_BUF_H
#define KK_BUF_H

#include "str.h"
#include <kk/error.h>

typedef struct kk_buf {
    char *ptr;
    size_t len;
    size_t capacity;
    size_t limit;   // the most bytes it may hold
    kk_code failed; // KK_OK, KK_ERR_TOO_LARGE or KK_ERR_INTERNAL (no memory)
} kk_buf;

// The ceiling of a text that kk itself makes, such as a documentation page or an envelope's head.
#define KK_TEXT_MAX ((size_t)1 << 20)

void kk_buf_append(kk_buf *self, const void *bytes, size_t len);
void kk_buf_append_str(kk_buf *self, kk_str view);
void kk_buf_append_text(kk_buf *self, const char *text);
void kk_buf_append_byte(kk_buf *self, char byte);
void kk_buf_append_format(kk_buf *self, const char *format, ...) KK_PRINTF(2, 3);

// Makes room for [len] further bytes and returns where they go, or NULL on failure; the caller
// writes them and calls kk_buf_grow() with how many it wrote.
char *kk_buf_reserve(kk_buf *self, size_t len);
void kk_buf_grow(kk_buf *self, size_t len);

// Drops what follows the first [len] bytes, which are there.
void kk_buf_shrink(kk_buf *self, size_t len);

// Empties the buffer, and forgets a failure; its memory stays.
void kk_buf_clear(kk_buf *self);

// What was appended.  Valid until the next append.
kk_str kk_buf_view(const kk_buf *self);

// The same as NUL-terminated text, "" for a buffer that never held any.
const char *kk_buf_text(const kk_buf *self);

// KK_OK if all that was appended is there, else the failure, written into [err].  [what] names the
// text for the message.
KK_MUST_USE kk_code kk_buf_check(const kk_buf *self, const char *what, kk_error *err);

// Gives the bytes to the caller, who frees them with free(), and leaves the buffer empty.  NULL if
// the buffer failed or no memory is left for an empty text.
char *kk_buf_steal(kk_buf *self);

void kk_buf_clean(kk_buf *self);

#endif
