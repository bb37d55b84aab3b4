// The kernel's session keyring as an optional place for the data key, so that a person types the
// passphrase once a session.
//
// The key is of the type "user", named kk:IDENTITY:EPOCH, readable by who possesses it, and ends by
// itself.  Where the kernel has no such keyring, or does not let us, as in many containers, there
// is nothing remembered: that is never an error of reading.
#ifndef KK_KEYRING_SESSION_H
#define KK_KEYRING_SESSION_H

#include "keyring_file.h"

// Whether the session remembers a data key that opens the file as it is now; its kk_kring_keys are
// then in *keys.
bool kk_session_find(const kk_keyring_store *store, kk_secret *keys);

// Remembers the data key for [seconds].  Errors: KK_ERR_IO, with the system's reason.
KK_MUST_USE kk_code kk_session_keep(const kk_kring *ring, const kk_secret *keys, unsigned seconds,
                                    kk_error *err);

// Drops what is remembered for the file; *was is false if nothing was.
// Errors: KK_ERR_NO_KEYRING and other codes of reading; KK_ERR_IO.
KK_MUST_USE kk_code kk_session_drop(const kk_keyring_store *store, bool *was, kk_error *err);

#endif
