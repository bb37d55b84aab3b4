// Secret bytes: locked in memory, fenced by guard pages, wiped when they go.
//
// They lie in two rooms that the process has for its life, 64 KiB in all: one for secrets on their
// way, and one for those that rest, such as a key that is kept for the next use.  A room in which
// no secret is in use can neither be read nor written, and what does not fit gets pages of its own.
// Neither room is in a core or in a child that fork() makes, which finds zeros there, and both are
// wiped when the process ends by itself.
//
// A secret is in use from kk_secret_make() on, until kk_secret_rest() lays it to rest or
// kk_secret_clean() wipes it.  To touch one that rests, even by the pointer of an earlier view, is
// the end of the process: wake it first.
//
// Memory may not be lockable, as in many containers.  Then all goes on, kk_secret_is_locked() says
// so, and whoever wants an error instead asks for it with kk_secret_require_lock().
//
// Threads: any at once, each with its own secrets.  No formatting function takes a kk_secret, and
// it is never copied into a kk_buf.  The one libsodium set-up of the process is kk_secret_start().
#ifndef KK_SECRET_H
#define KK_SECRET_H

#include "str.h"
#include <kk/error.h>
#include <stdint.h>

typedef struct kk_secret {
    unsigned char *ptr; // NULL when empty
    size_t len;
    size_t capacity;
    bool resting;
} kk_secret;

// Readies libsodium and the rooms; any number of times, from any thread.
// Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_secret_start(kk_error *err);

// Whether all secrets so far were in locked memory, which is never written to a swap.
bool kk_secret_is_locked(void);

// Makes it an error from now on, for the whole process, that memory cannot be locked.
// Errors: KK_ERR_MEMLOCK, INTERNAL.
KK_MUST_USE kk_code kk_secret_require_lock(kk_error *err);

// Makes an empty secret that can hold [capacity] bytes and a NUL.  Cleans what it held.  Errors:
// KK_ERR_INTERNAL (no memory), KK_ERR_MEMLOCK if that is required.
KK_MUST_USE kk_code kk_secret_make(kk_secret *self, size_t capacity, kk_error *err);

// Appends bytes; the secret stays NUL-terminated.  Errors: KK_ERR_TOO_LARGE over its capacity.
KK_MUST_USE kk_code kk_secret_append(kk_secret *self, const void *bytes, size_t len, kk_error *err);

kk_str kk_secret_view(const kk_secret *self);

// Lays a secret that is kept for later to rest; its bytes may move.  Harmless for an empty one and
// for one that rests.
void kk_secret_rest(kk_secret *self);

// The way back, before it is used again.  Harmless for an empty one and for one in use.
void kk_secret_wake(kk_secret *self);

// Wipes and frees.  Harmless for an empty one.
void kk_secret_clean(kk_secret *self);

// Wipes bytes that somebody else owns, in a way that the compiler keeps.
void kk_wipe(void *bytes, size_t len);

// Fills bytes that nobody can guess.
void kk_random(void *bytes, size_t len);

// A number by which a secret is known again without being kept, never 0.  It says nothing of the
// secret to who does not have [key], which is filled by kk_random() and stays in this process.
typedef struct kk_mark_key {
    unsigned char bytes[16];
} kk_mark_key;

uint64_t kk_secret_mark(const kk_mark_key *key, kk_str secret);

#endif
