// The keyring's file: reading it with checks, and replacing it by a verified new one.
//
// Readers take no lock: one open and one read are a snapshot, since the file is only ever replaced
// by rename.  A commit takes the lock, re-reads and verifies, writes a new file beside the old,
// brings it to the disk, reads it back and opens every record of it, keeps the old one as .bak,
// looks whether the old one is still there unchanged, renames, brings the directory to the disk,
// and pins the new one.  Whatever fails before the rename leaves the old file as it was.
#ifndef KK_KEYRING_FILE_H
#define KK_KEYRING_FILE_H

#include "io.h"
#include "keyring_slot.h"

#define KK_KEYRING_LOCK_NAME "keyring.lock"
#define KK_KEYRING_TEMP_PREFIX ".kkr.tmp."

typedef struct kk_keyring_store {
    const kk_io *io;
    const char *path;      // borrowed
    const char *pin_path;  // the note of the last commit, keyring_pin.h; NULL = none.  Borrowed
    unsigned lock_wait_ms; // how long a writer waits for another, KK_KEYRING_LOCK_WAIT_MS
} kk_keyring_store;

enum { KK_KEYRING_LOCK_WAIT_MS = 5000 };

// Reads the file into *ring.  With [key] it is unlocked into *keys, verified and compared with the
// pin; with NULL it is only parsed.  *ring borrows the store's path.
// Errors: KK_ERR_NO_KEYRING, PERMS, IO, and those of kk_kring_parse(), kk_kring_unlock() and
// kk_pin_check().
KK_MUST_USE kk_code kk_keyring_file_read(const kk_keyring_store *self, const kk_secret *key,
                                         kk_kring *ring, kk_secret *keys, kk_error *err);

// The time for a record and a commit: unix seconds, 0 if the clock stands before them.
uint64_t kk_keyring_now(void);

// Changes the keyring in memory.  May be called more than once for one commit, each time with what
// the file then held.  With *changed set to false nothing is written.
typedef kk_code (*kk_keyring_edit_fn)(void *context, kk_kring *ring, const kk_secret *keys,
                                      bool *changed, kk_error *err);

// Commits one change.  With [create] there must be no file, and [edit] gets an empty keyring.
// Errors: as kk_keyring_file_read(), what [edit] returns, KK_ERR_LOCKED, KEYRING_CONFLICT,
// NO_SPACE, READ_ONLY, TOO_LARGE; IO if [create] and there is a file; DURABILITY if the change is
// made but may not survive a power loss.
KK_MUST_USE kk_code kk_keyring_file_commit(const kk_keyring_store *self, const kk_secret *key,
                                           bool create, kk_keyring_edit_fn edit, void *context,
                                           kk_error *err);

// Pins the file that is there, whatever the pin said before: *seen is the generation of the old
// pin, 0 if there was none, and *accepted that of the file.
// Errors: as kk_keyring_file_read() without those of the comparison; NO_SPACE, READ_ONLY.
KK_MUST_USE kk_code kk_keyring_file_accept(const kk_keyring_store *self, const kk_secret *key,
                                           uint64_t *seen, uint64_t *accepted, kk_error *err);

// Removes the copy of the state before the last commit.  Errors: KK_ERR_IO, READ_ONLY.
KK_MUST_USE kk_code kk_keyring_file_drop_backup(const kk_keyring_store *self, kk_error *err);

// Fails with KK_ERR_IO if there is a file.
KK_MUST_USE kk_code kk_keyring_file_require_absent(const kk_keyring_store *self, kk_error *err);

#endif
