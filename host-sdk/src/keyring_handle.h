// The handle on a keyring, and what the files behind kk/keyring.h share.
//
//     keyring.c         opening, init, values of accounts, listing and lending
//     keyring_find.c    the key
//     keyring_slots.c   slots, and a new data key
//     keyring_copy.c    export and import
//     keyring_doctor.c  the examination
#ifndef KK_KEYRING_HANDLE_H
#define KK_KEYRING_HANDLE_H

#include "config.h"
#include "keyring_file.h"
#include "keyring_source.h"

struct kk_keyring {
    kk_config *config;
    kk_config *own_config; // the same, or NULL where it is somebody else's
    kk_keyring_store store;
    char *key_file; // of the options, or NULL
    int key_fd;     // of the options, or 0
    bool environment;
    kk_keyring_ask_fn ask; // or NULL
    void *ask_context;
    kk_found_key found; // the user's own key, as the source gave it; rests
    kk_secret key; // what opens the file: 32 bytes, or the kk_kring_keys of an earlier opening,
                   // where the key costs a derivation; rests, and empty until it was needed
    kk_kring ring; // the snapshot
    kk_secret keys;
    bool has_snapshot;
    bool verified; // `keys` are there
    kk_keyring_entry *entries;
    char *entry_texts;
    kk_keyring_slot *slots;
    char *slot_texts;
};

// As kk_keyring_open(), for who has the configuration of `home` loaded already: [config] outlives
// the handle.  With NULL the handle loads its own.
KK_MUST_USE kk_code kk_keyring_open_with(kk_config *config, const kk_keyring_options *options,
                                         kk_keyring **out, kk_error *err);

// The sources that this handle looks through.
kk_key_sources kk_keyring_sources(const kk_keyring *self);

// Finds the key, asking if need be, or says what is missing: a keyring that does not exist before a
// key for it.  Errors: KK_ERR_NEED_KEY and the reading codes of kk_keyring_set().
KK_MUST_USE kk_code kk_keyring_need_key(kk_keyring *self, kk_error *err);

// The same without asking anybody; *found is false where no source has a key.
KK_MUST_USE kk_code kk_keyring_find_key(kk_keyring *self, bool *found, kk_error *err);

// Whether a failure with [code] is because the file has got a new data key since the one in use was
// derived; that is then forgotten, and the user's own key may do.
bool kk_keyring_is_outdated(kk_keyring *self, kk_code code);

// A copy of a secret that is in use.
KK_MUST_USE kk_code kk_keyring_copy_key(const kk_secret *key, kk_secret *out, kk_error *err);

// Commits one change with the key that was found, and drops the snapshot.
// Errors: as kk_keyring_set().
KK_MUST_USE kk_code kk_keyring_change(kk_keyring *self, kk_keyring_edit_fn edit, void *context,
                                      kk_error *err);

// Reads a verified snapshot unless there is one.
KK_MUST_USE kk_code kk_keyring_need_snapshot(kk_keyring *self, kk_error *err);

// Forgets the key, so that the next use looks through the sources again.
void kk_keyring_forget_key(kk_keyring *self);

// The user's key that opened the file: of the sources, or asked for.  Wakes it; lay it to rest
// again.  Errors: KK_ERR_NEED_KEY where the file was opened by what the session remembers.
KK_MUST_USE kk_code kk_keyring_own_key(kk_keyring *self, kk_kring_key *out, kk_error *err);

// Asks for a key's text or a passphrase into *out.  Errors: those of the asking, KEY_SYNTAX.
KK_MUST_USE kk_code kk_keyring_ask_key(kk_keyring *self, const char *prompt, kk_found_key *out,
                                       kk_error *err);

// The key that a new slot is for; *is_new if it was made just now.
// Errors: KK_ERR_INVALID_ARGS, and those of kk_key_file_make().
KK_MUST_USE kk_code kk_keyring_settle_slot(const kk_keyring *self, const kk_keyring_new_slot *slot,
                                           kk_found_key *out, bool *is_new, kk_error *err);

// A change that is made but perhaps not on the disk is made.
static inline bool kk_keyring_is_committed(kk_code code)
{
    return code == KK_OK || code == KK_ERR_DURABILITY;
}

#endif
