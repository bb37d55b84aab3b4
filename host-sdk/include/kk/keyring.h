// kk/keyring.h - credentials of many accounts, encrypted in one file.
//
// The file holds records named plugin / account / field.  Names are readable without the key,
// values are not; nothing can be changed, moved, added, removed or cut without the key noticing
// (host-sdk/docs/keyring.md describes every byte).  Writers take a lock, re-read, verify, write a
// new file beside the old one and rename it; readers take no lock.  "Cannot be opened" is never
// taken for "is empty".
//
// The key is 32 random bytes.  Of these sources the first that is configured is used, and its
// failure is final:
//
//     1. options.key_file
//     2. KK_KEY_FILE, a path
//     3. KK_KEY, the text KRKEY1-...
//     4. the key file that init remembered in the user's configuration
//
// KK_KEY and KK_KEY_FILE at once are KK_ERR_KEY_AMBIGUOUS.  A key file is 32 raw bytes or one
// KRKEY1 line, and private (mode 0600 or 0400; or root's, 0440 or 0400, of one of our groups, as
// container secrets are).
//
// kk_keyring_open() takes KK_KEY out of the environment: its bytes are overwritten and it is unset,
// so that no child process and no reader of /proc sees it.  The process keeps the text in locked
// memory, and every later handle finds it there.  Open the first handle before there are threads
// that read or change the environment.
//
// A handle is for one thread at a time.  Names: plugin and field [a-z][a-z0-9]*(_[a-z0-9]+)*,
// account also with '-', at most 63 bytes.  Values: 1 to 65 536 bytes of any kind.
//
// SPDX-License-Identifier: MIT
#ifndef KK_KEYRING_H
#define KK_KEYRING_H

#include <kk/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kk_keyring kk_keyring;

#define KK_KEYRING_IGNORE_ENVIRONMENT UINT32_C(1)
#define KK_KEYRING_REQUIRE_MLOCK UINT32_C(2) // for the whole process, from then on
#define KK_KEYRING_VALUE_MAX 65536

typedef struct kk_keyring_options {
    size_t size; // sizeof(kk_keyring_options)
    uint32_t flags;
    const char *home;     // in place of KK_HOME
    const char *key_file; // or NULL
} kk_keyring_options;

// A handle on the keyring of this user.  Opens no file yet.  *out is new: for kk_keyring_close().
// Errors: KK_ERR_USAGE (no absolute place for the files; a configuration that is not understood),
// PERMS (a configuration that others may write), IO, INTERNAL; MEMLOCK if memory must be locked and
// cannot be.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_open(const kk_keyring_options *options, kk_keyring **out,
                                              kk_error *err);

// Wipes the key and frees the handle.  Harmless for NULL.
KK_PUBLIC void kk_keyring_close(kk_keyring *keyring);

// Whether all secrets that this process held so far were in locked memory, which is never written
// to a swap.  Where the limit on it is too low kk goes on without, unless KK_KEYRING_REQUIRE_MLOCK
// is given; a program may then want to warn its user, once.  Threads: any.
KK_PUBLIC bool kk_keyring_memory_is_locked(void);

// The path of the keyring file.
KK_PUBLIC const char *kk_keyring_path(const kk_keyring *keyring);

// ---- Writing

// Creates the keyring, which must not exist.
//
// With [key_file], an existing valid key file there is used as it is, and where there is none a new
// one is made (0600); its absolute path is remembered in the user's configuration.  Without it the
// key comes from the environment, and if there is none, a new key's text is written to [key_text]
// (KK_KEY_TEXT_SIZE bytes), to be shown once; otherwise "".
//
// Errors: KK_ERR_IO if a keyring exists (it says so), and all codes of the writing functions.
// After KK_ERR_DURABILITY the keyring is made, and [key_text] is written.
#define KK_KEY_TEXT_SIZE 64
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_init(kk_keyring *keyring, const char *key_file,
                                              char *key_text, kk_error *err);

typedef struct kk_keyring_value {
    const char *field;
    const char *value;
    size_t value_len;
} kk_keyring_value;

// Stores values of one account in one commit: all or none.  The first account of a plugin becomes
// its default.
//
// Errors: KK_ERR_INVALID_ARGS (a name or a length; never repeats a value), KK_ERR_NO_KEYRING,
// NEED_KEY, WRONG_KEY, KEY_SYNTAX, KEY_AMBIGUOUS, CORRUPT, FORMAT, VERSION, TAMPERED, ROLLBACK,
// FORK, PERMS, LOCKED, KEYRING_CONFLICT, TOO_LARGE (the keyring is full), IO, NO_SPACE, READ_ONLY,
// DURABILITY.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_set(kk_keyring *keyring, const char *plugin,
                                             const char *account, const kk_keyring_value *values,
                                             size_t count, kk_error *err);

// Removes one field, or with [field] NULL the account, and in the same commit the default that
// points at an account that is then empty.  Errors: KK_ERR_ACCOUNT_UNKNOWN with near names, and as
// kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_remove(kk_keyring *keyring, const char *plugin,
                                                const char *account, const char *field,
                                                kk_error *err);

// Makes [account] the default of [plugin]; NULL removes the default.  Errors: as
// kk_keyring_remove().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_set_default(kk_keyring *keyring, const char *plugin,
                                                     const char *account, kk_error *err);

// Accepts the keyring that is there, verified, as the one to go on with.  For use after an old copy
// was put back on purpose: every other function refuses it, since the user's state remembers the
// generation of the last commit that was made here.  *seen is that generation, 0 if none was
// remembered, and *accepted the file's.  Errors: the reading codes of kk_keyring_set(), without
// KK_ERR_ROLLBACK and FORK; KK_ERR_IO, NO_SPACE, READ_ONLY.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_ack(kk_keyring *keyring, uint64_t *seen,
                                             uint64_t *accepted, kk_error *err);

// ---- Reading

typedef struct kk_keyring_entry {
    const char *plugin;
    const char *account;
    const char *field;    // "" for a default pointer: `account` is then the default of `plugin`
    int64_t updated_unix; // seconds
} kk_keyring_entry;

// What a listing found.  Borrowed from the keyring until the next function on it.
typedef struct kk_keyring_listing {
    const kk_keyring_entry *entries; // in the file's order
    size_t count;
    uint64_t generation; // grows by one with every commit
    bool verified;       // false: no key was available, so that the names are read but not proven
} kk_keyring_listing;

// Reads the names.  With a key, the file is verified; with no key source at all it is read
// unverified; a key source that is configured and fails is an error.  No value is opened.
// Errors: KK_ERR_NO_KEYRING, and the reading codes of kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_list(kk_keyring *keyring, kk_keyring_listing *out,
                                              kk_error *err);

// Lends the value of one field to [use], in locked memory that is wiped when it returns.  [use]'s
// own return is passed on.
// Errors: KK_ERR_ACCOUNT_UNKNOWN, and the reading codes of kk_keyring_set().
typedef kk_code (*kk_keyring_use_fn)(void *context, const char *value, size_t value_len,
                                     kk_error *err);
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_use(kk_keyring *keyring, const char *plugin,
                                             const char *account, const char *field,
                                             kk_keyring_use_fn use, void *context, kk_error *err);

// Reads and verifies the file now, so that what follows works on one snapshot until
// kk_keyring_refresh() is called again or a writing function succeeds.  The reading functions call
// it themselves when there is no snapshot.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_refresh(kk_keyring *keyring, kk_error *err);

// Drops the snapshot, so that the next reading function reads the file again.
KK_PUBLIC void kk_keyring_forget(kk_keyring *keyring);

#ifdef __cplusplus
}
#endif

#endif
