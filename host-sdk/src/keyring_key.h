// Keys of a keyring: the text form, key files, and the sources that are looked through in order.
//
// The text of a key is "KRKEY1-" and base64url, without padding, of 36 bytes: the 32 of the key and
// then 4 of a checksum, which are the first 4 bytes of BLAKE2b-256("KRKEY1" followed by the 32
// bytes of the key).  A mistyped key is thereby told from a wrong one.
#ifndef KK_KEYRING_KEY_H
#define KK_KEYRING_KEY_H

#include "io.h"
#include "keyring_slot.h"
#include <kk/keyring.h>

enum { KK_KEY_TEXT_LEN = 7 + 48 };

// A new random key.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_key_make(kk_secret *out, kk_error *err);

// Reads the text of a key; [source] names where it came from, and the text is never repeated.
// Errors: KK_ERR_KEY_SYNTAX, INTERNAL.
KK_MUST_USE kk_code kk_key_parse(kk_str text, const char *source, kk_secret *out, kk_error *err);

// Writes the text of a key, NUL-terminated.
void kk_key_format(const kk_secret *key, char out[KK_KEY_TEXT_SIZE]);

// Reads a key file: 32 raw bytes, or one KRKEY1 line.  *absent tells that there is none, which is
// no error.  Errors: KK_ERR_PERMS, KEY_SYNTAX, IO, INTERNAL.
KK_MUST_USE kk_code kk_key_file_read(const kk_io *io, const char *path, kk_secret *out,
                                     bool *absent, kk_error *err);

// Reads the key file, or makes one with a new key if there is none.  The file appears complete and
// on the disk; of several processes that make it at once, all get the key of the one that won.
// Errors: as kk_key_file_read(), KK_ERR_NO_SPACE, READ_ONLY.
KK_MUST_USE kk_code kk_key_file_make(const kk_io *io, const char *path, kk_secret *out,
                                     kk_error *err);

// Where a key may come from, in this order.
typedef struct kk_key_sources {
    const char *option_file; // or NULL
    bool environment;        // KK_KEY_FILE and KK_KEY
    const char *config_file; // or NULL
} kk_key_sources;

// Takes KK_KEY out of the environment: its bytes there are overwritten and it is unset, so that no
// child and no reader of /proc sees it.  The text stays in locked memory of the process, for every
// keyring that is opened later.  Changes the environment: not beside threads that read it.
// Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_key_capture_environment(kk_error *err);

// The key of the first source that is configured; its failure is final.  *found is false if none
// is.  Errors: KK_ERR_KEY_AMBIGUOUS, KEY_SYNTAX, PERMS, IO (the file is missing), INTERNAL.
KK_MUST_USE kk_code kk_key_find(const kk_io *io, const kk_key_sources *sources, kk_secret *out,
                                bool *found, kk_error *err);

#endif
