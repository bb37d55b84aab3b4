// kk/keyring.h - credentials of many accounts, encrypted in one file.
//
// The file holds records named plugin / account / field.  Names are readable without the key,
// values are not; nothing can be changed, moved, added, removed or cut without the key noticing
// (host-sdk/docs/keyring.md describes every byte).  Writers take a lock, re-read, verify, write a
// new file beside the old one and rename it; readers take no lock.  "Cannot be opened" is never
// taken for "is empty".
//
// What opens it is a key of 32 random bytes, or a passphrase.  Of these sources the first that is
// configured is used, and its failure is final:
//
//     1. options.key_fd, options.key_file
//     2. one of KK_KEY_FD, KK_KEY_FILE, KK_KEY (the text KRKEY1-...), KK_PASSPHRASE_FD,
//        KK_PASSPHRASE_FILE, KK_PASSPHRASE
//     3. $CREDENTIALS_DIRECTORY/kk.key, if there is one
//     4. key_source in the user's configuration: {"file": PATH} or {"command": [PATH, ...]}
//     5. what kk_keyring_unlock() remembered in the kernel's session keyring
//     6. options.ask
//
// Two of one step at once are KK_ERR_KEY_AMBIGUOUS.  A key file is 32 raw bytes or one KRKEY1 line,
// and private (mode 0600 or 0400; or root's, 0440 or 0400, of one of our groups, as container
// secrets are).  host-sdk/docs/keyring.md says more.
//
// kk_keyring_open() takes KK_KEY and KK_PASSPHRASE out of the environment: their bytes are
// overwritten and they are unset, so that no child process and no reader of /proc sees them.  The
// process keeps the texts in locked memory, and every later handle finds them there; the same is
// true of what a descriptor gave.  Open the first handle before there are threads that read or
// change the environment.
//
// A handle is for one thread at a time.  Names: plugin and field [a-z][a-z0-9]*(_[a-z0-9]+)*,
// account also with '-', at most 63 bytes.  Values: 1 to 65 536 bytes of any kind.
//
// SPDX-License-Identifier: MIT
#ifndef KK_KEYRING_H
#define KK_KEYRING_H

#include <kk/error.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kk_keyring kk_keyring;

#define KK_KEYRING_IGNORE_ENVIRONMENT UINT32_C(1)
#define KK_KEYRING_REQUIRE_MLOCK UINT32_C(2) // for the whole process, from then on
#define KK_KEYRING_VALUE_MAX 65536

// Asks a person for a key or a passphrase: writes at most [out_size] bytes, in locked memory, and
// how many into *out_len.  KK_ERR_NEED_KEY says that nobody can be asked after all.  The library
// never asks by itself.
typedef kk_code (*kk_keyring_ask_fn)(void *context, const char *prompt, char *out, size_t out_size,
                                     size_t *out_len, kk_error *err);

typedef struct kk_keyring_options {
    size_t size; // sizeof(kk_keyring_options)
    uint32_t flags;
    const char *home;      // in place of KK_HOME
    const char *key_file;  // or NULL
    int key_fd;            // a descriptor above 2, read to its end and closed; 0 = none
    kk_keyring_ask_fn ask; // at most three times for one keyring; NULL = nobody can be asked
    void *ask_context;
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

// Whether a passphrase that is set now is derived over 64 MiB rather than 256, because this process
// may use less than 512 MiB: its address space, or the limits of its control groups.  Guessing it
// is then cheaper, also where there is memory; a program may want to warn its user.  Threads: any.
KK_PUBLIC bool kk_keyring_memory_is_small(void);

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

// The same with a passphrase of 1 to 1 024 bytes in place of a key.  It has to be told from then
// on, so it is stored nowhere.  Errors: as kk_keyring_init(), KK_ERR_KDF_MEMORY.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_init_passphrase(kk_keyring *keyring,
                                                         const char *passphrase,
                                                         size_t passphrase_len, kk_error *err);

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

// Writes a fingerprint of a value, 8 hexadecimal digits and NUL: the same for the same value in one
// keyring, different in another keyring, and of no use for finding the value without the key.
// Errors: as kk_keyring_use().
#define KK_KEYRING_FINGERPRINT_SIZE 9
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_fingerprint(kk_keyring *keyring, const char *plugin,
                                                     const char *account, const char *field,
                                                     char *out, kk_error *err);

// ---- Slots: the keys and passphrases that open the keyring

typedef struct kk_keyring_slot {
    uint32_t number;       // never given to another slot of this keyring
    bool is_passphrase;    // otherwise a key of 32 bytes
    const char *label;     // printable ASCII, perhaps ""
    int64_t created_unix;  // seconds
    uint64_t passes;       // what deriving costs; 0 for a key
    uint64_t memory_bytes; // the same
} kk_keyring_slot;

// Lists the slots; no key is needed, and nothing is proven without one.  *out is borrowed until the
// next function on the keyring.  Errors: the reading codes of kk_keyring_set() without a key.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_slots(kk_keyring *keyring, const kk_keyring_slot **out,
                                               size_t *count, kk_error *err);

// What a new slot is for.  With neither a passphrase nor a key file, it is a new random key.
typedef struct kk_keyring_new_slot {
    const char *passphrase; // or NULL
    size_t passphrase_len;
    const char *key_file; // or NULL; made (0600) if there is none
    const char *label;    // at most 63 printable ASCII characters; NULL = ""
} kk_keyring_new_slot;

// Adds a slot, of at most 8, two of them for passphrases.  *number is its number; the text of a new
// random key is written to [key_text] (KK_KEY_TEXT_SIZE bytes), to be shown once, otherwise "".
// Errors: KK_ERR_INVALID_ARGS, KDF_MEMORY, and all codes of kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_slot_add(kk_keyring *keyring,
                                                  const kk_keyring_new_slot *slot, uint32_t *number,
                                                  char *key_text, kk_error *err);

// Puts another passphrase in the place of that of slot [number], in one commit; *number is then the
// number of its new slot.  With 0 the one passphrase that there is, is meant.
// Errors: as kk_keyring_slot_add().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_slot_passphrase(kk_keyring *keyring, uint32_t *number,
                                                         const char *passphrase,
                                                         size_t passphrase_len, kk_error *err);

// Removes a slot that is not the last.  Who has its key, and a copy of the file from before, can
// still open that copy.  Errors: KK_ERR_INVALID_ARGS, and all codes of kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_slot_remove(kk_keyring *keyring, uint32_t number,
                                                     kk_error *err);

// Seals everything anew: a new data key, under which every value is sealed again.  Only the slot of
// the key in use stays, since nothing else can be wrapped for a key that is not there; *dropped is
// how many went.  The copy of the state before is removed.  Credentials stay what they are: this
// changes no token at any service.
// Errors: KK_ERR_NEED_KEY if only the session's remembered key opened it, and all codes of
// kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_rekey(kk_keyring *keyring, size_t *dropped, kk_error *err);

// Remembers the data key in the kernel's session keyring for [seconds], 1 to 604 800, so that other
// processes of the session need no key until then.  Errors: KK_ERR_INVALID_ARGS, KK_ERR_IO where
// the kernel does not let us, and the reading codes of kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_unlock(kk_keyring *keyring, uint32_t seconds,
                                                kk_error *err);

// Drops it; *was is false if nothing was remembered.  Errors: as above.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_lock(kk_keyring *keyring, bool *was, kk_error *err);

// ---- Copies

// Writes an encrypted copy to [path], which must not exist: a keyring of its own, with its own data
// key and one slot as [slot] says.  With [plugin] only that plugin's accounts are in it, and with
// [account] only that account.  *count is how many values; [key_text] as in kk_keyring_slot_add().
// Errors: KK_ERR_ACCOUNT_UNKNOWN if there is nothing of that name, KK_ERR_IO, NO_SPACE, READ_ONLY,
// KDF_MEMORY, INVALID_ARGS, and the reading codes of kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_export(kk_keyring *keyring, const char *path,
                                                const char *plugin, const char *account,
                                                const kk_keyring_new_slot *slot, char *key_text,
                                                size_t *count, kk_error *err);

typedef enum kk_keyring_conflict {
    KK_KEYRING_CONFLICT_FAIL = 0, // nothing is imported
    KK_KEYRING_CONFLICT_SKIP,     // what is here stays
    KK_KEYRING_CONFLICT_REPLACE   // what comes replaces it
} kk_keyring_conflict;

typedef struct kk_keyring_import_options {
    size_t size; // sizeof(kk_keyring_import_options)
    kk_keyring_conflict on_conflict;
    bool dry_run;         // counts, and stores nothing
    const char *key_file; // the key of the copy; or NULL
    const char *secret;   // or its text: KRKEY1-... or the passphrase; or NULL: the key in use here
    size_t secret_len;
} kk_keyring_import_options;

typedef struct kk_keyring_imported {
    size_t added;
    size_t replaced;
    size_t skipped; // what is here has another value and stays
    size_t same;
} kk_keyring_imported;

// Takes the values of the copy at [path] in, all in one commit.  Its defaults count for plugins
// that have no account here yet. Errors: KK_ERR_CONFLICT naming the first value that differs, with
// KK_KEYRING_CONFLICT_FAIL; KK_ERR_NO_KEYRING if there is no such file; every code of reading, for
// the copy too; all codes of kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_import(kk_keyring *keyring, const char *path,
                                                const kk_keyring_import_options *options,
                                                kk_keyring_imported *out, kk_error *err);

// ---- Another host's values

// The key of KosmoKrator's credential store.
typedef struct kk_kosmokrator_key {
    const char *text; // of KOSMO_CREDENTIAL_KEY or KOSMO_SECRET_KEY, or of its credentials.key
    size_t text_len;
    bool is_file; // the second
} kk_kosmokrator_key;

// Opens one of its values, "enc:v1:...", and lends it to [use] in locked memory.
// Errors: KK_ERR_FORMAT if it is not sealed like one, KK_ERR_WRONG_KEY if the key is another or the
// value was altered: that format cannot tell which.  Never repeats the value.
KK_PUBLIC KK_MUST_USE kk_code kk_kosmokrator_open(const kk_kosmokrator_key *key, const char *value,
                                                  size_t value_len, kk_keyring_use_fn use,
                                                  void *context, kk_error *err);

// ---- Examination

typedef enum kk_keyring_state {
    KK_KEYRING_STATE_OK,
    KK_KEYRING_STATE_NOTE,   // worth knowing
    KK_KEYRING_STATE_PROBLEM // to be mended
} kk_keyring_state;

// Tells one thing that was found: [about] is one word, such as "slots"; [text] one sentence.
typedef void (*kk_keyring_tell_fn)(void *context, kk_keyring_state state, const char *about,
                                   const char *text);

// Looks at everything around the keyring, without asking anybody and without opening a value:
// places, permissions, slots, sources of the key, the copy of before, what killed writers left, the
// session, memory and variables.  Errors: KK_ERR_INTERNAL; what is wrong is told.
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_examine(kk_keyring *keyring, kk_keyring_tell_fn tell,
                                                 void *context, kk_error *err);

// Mends what kk_keyring_examine() can: permissions of our own files, and what killed writers left.
// *mended is how many things.  Errors: as kk_keyring_set().
KK_PUBLIC KK_MUST_USE kk_code kk_keyring_mend(kk_keyring *keyring, size_t *mended, kk_error *err);

#ifdef __cplusplus
}
#endif

#endif
