// Secret bytes: locked in memory, fenced by guard pages, wiped when they go.
//
// No formatting function takes a kk_secret, and it is never copied into a kk_buf.  The one
// libsodium set-up of the process is kk_secret_start().
#ifndef KK_SECRET_H
#define KK_SECRET_H

#include "str.h"
#include <kk/error.h>

typedef struct kk_secret {
    unsigned char *ptr; // NULL when empty
    size_t len;
    size_t capacity;
} kk_secret;

// Readies libsodium; any number of times, from any thread.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_secret_start(kk_error *err);

// Makes an empty secret that can hold [capacity] bytes and a NUL.  Cleans what it held.  Errors:
// KK_ERR_INTERNAL (no memory).
KK_MUST_USE kk_code kk_secret_make(kk_secret *self, size_t capacity, kk_error *err);

// Appends bytes; the secret stays NUL-terminated.  Errors: KK_ERR_TOO_LARGE over its capacity.
KK_MUST_USE kk_code kk_secret_append(kk_secret *self, const void *bytes, size_t len, kk_error *err);

kk_str kk_secret_view(const kk_secret *self);

// Wipes and frees.  Harmless for an empty one.
void kk_secret_clean(kk_secret *self);

// Wipes bytes that somebody else owns, in a way that the compiler keeps.
void kk_wipe(void *bytes, size_t len);

// Fills bytes that nobody can guess.
void kk_random(void *bytes, size_t len);

#endif
