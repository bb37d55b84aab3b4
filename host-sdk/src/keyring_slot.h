// The slots of a keyring: which keys and passphrases open it, and what follows when one does.
//
// A slot wraps the data key for one key of 32 bytes or one passphrase, and commits to it, so that a
// wrong key is told from a changed file.  What a passphrase costs stands in its slot, and is
// bounded before anything is derived; one derivation runs at a time.
#ifndef KK_KEYRING_SLOT_H
#define KK_KEYRING_SLOT_H

#include "keyring_format.h"

// The bounds of what a slot may ask for, and what a new one asks for.
#define KK_KRING_PASSES_MAX 16
#define KK_KRING_MEMORY_MIN (UINT64_C(8) << 10)
#define KK_KRING_MEMORY_MAX (UINT64_C(1) << 30)

#define KK_KRING_MEMORY_DEFAULT (UINT64_C(256) << 20)
#define KK_KRING_MEMORY_SMALL (UINT64_C(64) << 20)

enum { KK_KRING_PASSPHRASE_MAX = 1024 };

// What deriving a key from a passphrase takes.
typedef struct kk_kring_work {
    uint64_t passes;
    uint64_t bytes;
} kk_kring_work;

// What a new slot asks for: 3 passes over 256 MiB, or over 64 MiB where this process has less than
// 512 MiB to use.
kk_kring_work kk_kring_default_work(void);

// One of the user's keys.
typedef struct kk_kring_key {
    kk_kring_slot_kind kind;
    const kk_secret *secret; // 32 bytes, or a passphrase of 1 to KK_KRING_PASSPHRASE_MAX; in use
} kk_kring_key;

// Opens the keyring with a raw [key] of 32 bytes, or with the kk_kring_keys that an earlier opening
// made: finds the slot, unwraps the data key into *keys (a kk_kring_keys, for kk_secret_clean())
// and verifies the whole file.
// Errors: KK_ERR_WRONG_KEY, also if it has another data key than those keys; TAMPERED, INTERNAL.
KK_MUST_USE kk_code kk_kring_unlock(const kk_kring *self, const kk_secret *key, kk_secret *keys,
                                    kk_error *err);

// The same with any key of the user; *number is that of the slot, and may be NULL.
// Errors: as above, and KK_ERR_KDF_MEMORY.
KK_MUST_USE kk_code kk_kring_unlock_slot(const kk_kring *self, kk_kring_key key, uint32_t *number,
                                         kk_secret *keys, kk_error *err);

// The same with the data key itself, as it was remembered.
// Errors: KK_ERR_WRONG_KEY if it is not this keyring's, INTERNAL.
KK_MUST_USE kk_code kk_kring_unlock_data(const kk_kring *self, kk_str data, kk_secret *keys,
                                         kk_error *err);

// A new keyring without records; its generation is 0.  It has one slot, for the raw [key]; with
// NULL it has none, and must get one before it is written.
KK_MUST_USE kk_code kk_kring_create(const kk_secret *key, const char *path, uint64_t now,
                                    kk_kring *out, kk_secret *keys, kk_error *err);

// What a new slot is made of.
typedef struct kk_kring_slot_plan {
    kk_kring_key key;
    kk_kring_work work; // of a passphrase
    const char *label;
    uint64_t now;
} kk_kring_slot_plan;

// Adds a slot; *number is a number that no slot of this keyring ever had.
// Errors: KK_ERR_INVALID_ARGS (a label, a passphrase or bounds; too many slots), KDF_MEMORY,
// INTERNAL.
KK_MUST_USE kk_code kk_kring_add_slot(kk_kring *self, const kk_secret *keys,
                                      const kk_kring_slot_plan *plan, uint32_t *number,
                                      kk_error *err);

// The slot of that number.  Errors: KK_ERR_INVALID_ARGS, listing those that there are.
KK_MUST_USE kk_code kk_kring_find_slot(const kk_kring *self, uint32_t number, size_t *index,
                                       kk_error *err);

// Removes a slot.  Errors: as above, and KK_ERR_INVALID_ARGS for the last one.
KK_MUST_USE kk_code kk_kring_remove_slot(kk_kring *self, uint32_t number, kk_error *err);

// Adds a slot in the place of number [old], which goes; *number is the new one's.
// Errors: as kk_kring_add_slot() and kk_kring_find_slot().
KK_MUST_USE kk_code kk_kring_replace_slot(kk_kring *self, const kk_secret *keys, uint32_t old,
                                          const kk_kring_slot_plan *plan, uint32_t *number,
                                          kk_error *err);

// Gives the keyring a new data key: the bytes in [keys] are replaced, every value is sealed anew,
// and of the slots only number [kept] stays, which [key] opens.
// Errors: KK_ERR_TAMPERED if a value does not open, KDF_MEMORY, INTERNAL.  After a failure the
// keyring in memory is not to be used.
KK_MUST_USE kk_code kk_kring_rekey(kk_kring *self, const kk_secret *keys, uint32_t kept,
                                   kk_kring_key key, kk_error *err);

#endif
