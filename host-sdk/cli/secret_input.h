// Secrets that are typed or piped in: one piece of locked memory that never grows, so that wiping
// it wipes every copy.
#ifndef KK_SECRET_INPUT_H
#define KK_SECRET_INPUT_H

#include "cmd.h"
#include <kk/keyring.h>

// Gives an empty buffer its memory, [size] bytes, locked if the system lets us.
// Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_room_make(kk_buf *self, size_t size, kk_error *err);

// Wipes and frees.  Harmless for an empty one.
void kk_room_wipe(kk_buf *self);

// Drops one newline at the end, or a carriage return and a newline.
void kk_room_drop_newline(kk_buf *self);

// Appends a secret: all of stdin where that is no terminal, otherwise what is typed twice after
// [prompt].  [what] names it in messages.
// Errors: KK_ERR_USAGE if there is nobody to ask or the two differ; KK_ERR_IO, TOO_LARGE.
KK_MUST_USE kk_code kk_room_read_secret(const kk_run *run, const char *prompt, const char *what,
                                        bool raw, kk_buf *room, kk_error *err);

// A kk_keyring_ask_fn that asks on the terminal, if it is ours, for at most a minute.
kk_code kk_ask_for_key(void *context, const char *prompt, char *out, size_t out_size,
                       size_t *out_len, kk_error *err);

// What --new-passphrase, --new-key-file and --label say of a new slot, with [room] for a
// passphrase.
KK_MUST_USE kk_code kk_read_new_slot(const kk_run *run, kk_buf *room, kk_keyring_new_slot *out,
                                     kk_error *err);

#endif
