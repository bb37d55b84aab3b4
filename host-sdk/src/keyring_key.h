// Keys of a keyring: the text form and key files.
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

// The same for bytes that came from elsewhere; [source] names them in messages.
// Errors: KK_ERR_KEY_SYNTAX, INTERNAL.
KK_MUST_USE kk_code kk_key_parse_file(kk_str bytes, const char *source, kk_secret *out,
                                      kk_error *err);

// Reads a file that has to be as private as a key file, as it is, into the room of [out]; one that
// fills the room may be longer.  Errors: KK_ERR_PERMS, IO.
KK_MUST_USE kk_code kk_key_file_bytes(const kk_io *io, const char *path, kk_secret *out,
                                      bool *absent, kk_error *err);

// Reads the key file, or makes one with a new key if there is none.  The file appears complete and
// on the disk; of several processes that make it at once, all get the key of the one that won.
// Errors: as kk_key_file_read(), KK_ERR_NO_SPACE, READ_ONLY.
KK_MUST_USE kk_code kk_key_file_make(const kk_io *io, const char *path, kk_secret *out,
                                     kk_error *err);

#endif
