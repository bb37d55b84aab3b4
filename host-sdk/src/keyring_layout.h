// Where things are in a keyring's slots, records and trailer: what keyring_format.c, keyring_seal.c
// and keyring_slot.c have in common and nobody else needs.  Integers are little-endian.
#ifndef KK_KEYRING_LAYOUT_H
#define KK_KEYRING_LAYOUT_H

#include "keyring_slot.h"

enum { HEAD_SIZE = 96, TRAILER_SIZE = 64, PAD = 64, NONCE_SIZE = 24, TAG_SIZE = 16 };

// Where things are in a slot.
enum {
    SLOT_AT_KIND = 2,
    SLOT_AT_ALGORITHM = 3,
    SLOT_AT_NUMBER = 4,
    SLOT_AT_OPS = 8,
    SLOT_AT_MEM = 16,
    SLOT_AT_SALT = 24,
    SLOT_AT_NONCE = 40,
    SLOT_AT_WRAP = 64,
    SLOT_AT_COMMIT = 112,
    SLOT_AT_CREATED = 144,
    SLOT_AT_LABEL_LEN = 152,
    SLOT_SIZE = 153,
    SALT_SIZE = 16,
    COMMIT_SIZE = 32
};

enum { KDF_RAW_KEY = 0, KDF_ARGON2ID = 2, LABEL_MAX = 63, PASSPHRASE_SLOTS_MAX = 2 };

// Where things are in a record.
enum {
    RECORD_AT_KIND = 4,
    RECORD_AT_PLUGIN_LEN = 5,
    RECORD_AT_ACCOUNT_LEN = 6,
    RECORD_AT_FIELD_LEN = 7,
    RECORD_AT_UPDATED = 8,
    RECORD_AT_NONCE = 16,
    RECORD_AT_BODY_LEN = 40,
    RECORD_SIZE = 44
};

uint64_t kk_kring_read_le(const char *at, size_t size);
void kk_kring_write_le(char *at, uint64_t value, size_t size);

// The bytes that the names of a whole record take.
size_t kk_kring_names_len(kk_str record);

// Points the names of a record into its bytes; their lengths must fit.
void kk_kring_name_record(kk_kring_record *self);

// The plain checksum of a file, and its MAC under the key for it.
void kk_kring_sum(kk_str file, unsigned char out[KK_KRING_MAC_SIZE]);
void kk_kring_mac(const kk_kring_keys *keys, kk_str file, unsigned char out[KK_KRING_MAC_SIZE]);

// BLAKE2b of pieces one after the other; [key] may be NULL.
typedef struct kk_kring_piece {
    const void *bytes;
    size_t len;
} kk_kring_piece;
void kk_kring_hash(const unsigned char *key, size_t key_len, const kk_kring_piece *pieces,
                   size_t count, unsigned char *out, size_t out_len);

// What a sealed thing is bound to.
typedef struct kk_kring_bound {
    unsigned char bytes[256];
    size_t len;
} kk_kring_bound;
void kk_kring_associate(kk_kring_bound *self, const void *bytes, size_t len);

// Begins with what never changes: the purpose, the keyring and its data key.
kk_kring_bound kk_kring_associate_keyring(const kk_kring *self, const char *purpose);

// "'PATH' was changed by someone without the key: [what]", with KK_ERR_TAMPERED.
kk_code kk_kring_fail_tampered(const kk_kring *self, const char *what, kk_error *err);

// "'PATH' is not a keyring: [why]", with KK_ERR_FORMAT.
kk_code kk_kring_fail_format(const kk_kring *self, const char *why, kk_error *err);

#endif
