// The pin: a note outside the keyring of the last commit that was made here, by which an old copy
// of the keyring is noticed when somebody puts it back.
//
// It is a file of 104 bytes in the user's state: 89 4B 50 49 4E 0D 0A 01, then of the keyring its
// identity (16), the epoch of its data key (8), its generation (8) and its code (32), and at last
// BLAKE2b-256(key: the pin's, "KRING1/pin" and the 72 bytes before).  A file of another shape, such
// as a power loss may leave, is as good as none: who can write it can remove it too.
#ifndef KK_KEYRING_PIN_H
#define KK_KEYRING_PIN_H

#include "io.h"
#include "keyring_format.h"

enum { KK_PIN_SIZE = 104, KK_PIN_SEALED_SIZE = KK_PIN_SIZE - KK_KRING_MAC_SIZE };

typedef struct kk_pin {
    bool present;
    uint64_t epoch;
    uint64_t generation;
    unsigned char bytes[KK_PIN_SIZE];
} kk_pin;

// Reads the pin at [path]; NULL, or nothing there, is a pin that is not present.  To be read before
// the keyring: a writer that commits in between makes the keyring newer than the pin, never older.
// Errors: KK_ERR_PERMS, IO.
KK_MUST_USE kk_code kk_pin_read(const kk_io *io, const char *path, kk_pin *out, kk_error *err);

// Compares an opened keyring with the pin.  [pin_path] is for messages.
// Errors: KK_ERR_ROLLBACK for an older keyring; FORK for another one, or one of the same generation
// with other content; TAMPERED for a pin that the key did not seal.
KK_MUST_USE kk_code kk_pin_check(const kk_pin *self, const char *pin_path, const kk_kring *ring,
                                 const kk_secret *keys, kk_error *err);

// Replaces the pin by one of the keyring whose bytes are [file].  Makes its directory.  It is not
// brought to the disk at once: the pin of before is true as well.
// Errors: KK_ERR_IO, NO_SPACE, READ_ONLY.  After a commit they may be ignored.
kk_code kk_pin_write(const kk_io *io, const char *path, kk_str file, const kk_secret *keys,
                     kk_error *err);

// Removes the pin of a keyring that is no more, also from the disk.  Errors: KK_ERR_IO, READ_ONLY.
KK_MUST_USE kk_code kk_pin_remove(const kk_io *io, const char *path, kk_error *err);

#endif
