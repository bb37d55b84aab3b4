// The bytes of a keyring, KRING version 1: reading, checking, sealing, opening and writing them.
//
// Nothing here touches a file, a clock or the environment.  host-sdk/docs/keyring.md describes the
// layout; in short: a head of 96 bytes, one to eight slots that each wrap the data key for one key
// of the user, sorted records (a sealed value, or the default account of a plugin), and a trailer
// of a MAC under the data key and a plain checksum.  All that comes from the file is bounded before
// it is used, and before any key is derived.
//
// The order of the checks decides what an error means: CORRUPT is said of a file whose checksum is
// wrong (bit rot, no key needed), WRONG_KEY of an intact file that the key opens no slot of, and
// TAMPERED of a file that was changed by someone who also made a new checksum.
#ifndef KK_KEYRING_FORMAT_H
#define KK_KEYRING_FORMAT_H

#include "buf.h"
#include "secret.h"
#include <kk/error.h>

enum {
    KK_KRING_MAX = 4 << 20, // bytes of a file
    KK_KRING_SLOTS_MAX = 8,
    KK_KRING_RECORDS_MAX = 8192,
    KK_KRING_NAME_MAX = 63,
    KK_KRING_VALUE_MAX = 65536,
    KK_KRING_ID_SIZE = 16,
    KK_KRING_KEY_SIZE = 32,
    KK_KRING_MAC_SIZE = 32,
    KK_KRING_PRINT_SIZE = 9
};

typedef enum kk_kring_slot_kind {
    KK_KRING_SLOT_PASSPHRASE = 1,
    KK_KRING_SLOT_RAW_KEY = 2
} kk_kring_slot_kind;

typedef struct kk_kring_slot {
    kk_kring_slot_kind kind;
    uint32_t number; // never used for another slot of this keyring
    kk_str label;    // printable ASCII
    kk_str bytes;    // the whole slot, copied unchanged by every commit
    char *owned;     // the memory of `bytes` if it is not the file's
} kk_kring_slot;

typedef enum kk_kring_record_kind {
    KK_KRING_VALUE = 1,
    KK_KRING_DEFAULT = 2 // `account` is the default of `plugin`; no field, no body
} kk_kring_record_kind;

// What a record is called; the records are sorted by it.
typedef struct kk_kring_name {
    kk_kring_record_kind kind;
    kk_str plugin;
    kk_str account;
    kk_str field; // empty for a default
} kk_kring_name;

typedef struct kk_kring_record {
    kk_kring_name name; // views into `bytes`
    uint64_t updated;   // unix seconds
    kk_str bytes;       // the whole record
    char *owned;        // the memory of `bytes` if it is not the file's
} kk_kring_record;

// A keyring in memory.  Start with {0}.
typedef struct kk_kring {
    const char *path; // for messages; borrowed
    kk_buf file;      // what was parsed; slots and records point into it
    uint16_t minor;
    unsigned char id[KK_KRING_ID_SIZE];
    uint64_t epoch;      // of the data key
    uint64_t generation; // one more with every commit
    uint64_t created;
    uint64_t modified;
    kk_kring_slot slots[KK_KRING_SLOTS_MAX];
    size_t slot_count;
    kk_kring_record *records; // sorted, no two of one name
    size_t record_count;
    size_t record_capacity;
} kk_kring;

// The keys of an opened keyring, as they lie in the kk_secret that unlocking makes
// (keyring_slot.h).
typedef struct kk_kring_keys {
    unsigned char data[KK_KRING_KEY_SIZE];
    unsigned char value[KK_KRING_KEY_SIZE];       // seals values
    unsigned char mac[KK_KRING_KEY_SIZE];         // of the whole file
    unsigned char fingerprint[KK_KRING_KEY_SIZE]; // of values that are compared without showing
    unsigned char pin[KK_KRING_KEY_SIZE];         // of the note that remembers the generation
} kk_kring_keys;

// Whether a name fits the grammar: [a-z][a-z0-9]*(_[a-z0-9]+)*, and with [dash] also '-' for '_'.
bool kk_kring_name_is_valid(kk_str name, bool dash);

// The order of records: less than, equal to or greater than 0.
int kk_kring_name_compare(const kk_kring_name *a, const kk_kring_name *b);

// Copies and parses a file without a key.  [path] names it in messages and must outlive *out, which
// must be empty or parsed before, and is for kk_kring_clean().
// Errors: KK_ERR_FORMAT, VERSION, CORRUPT, KDF_LIMIT, INTERNAL (no memory).
KK_MUST_USE kk_code kk_kring_parse(kk_str bytes, const char *path, kk_kring *out, kk_error *err);

// The same without a copy: the bytes of [file] become the keyring's, unless it is refused.
KK_MUST_USE kk_code kk_kring_parse_take(kk_buf *file, const char *path, kk_kring *out,
                                        kk_error *err);

// Makes the bytes of a record into *out, which is then the caller's; out->owned is for free().  The
// name and the length of [value] must be valid.
KK_MUST_USE kk_code kk_kring_seal(const kk_kring *self, const kk_secret *keys,
                                  const kk_kring_name *name, kk_str value, uint64_t now,
                                  kk_kring_record *out, kk_error *err);

// Opens the value of a record of the kind KK_KRING_VALUE into *value.  Errors: KK_ERR_TAMPERED,
// FORMAT, INTERNAL.
KK_MUST_USE kk_code kk_kring_open_value(const kk_kring *self, const kk_secret *keys,
                                        const kk_kring_record *record, kk_secret *value,
                                        kk_error *err);

// Writes the beginning of a code over [value], in hexadecimal: it tells whether two values of one
// keyring are the same, and nothing else of them.
void kk_kring_fingerprint(const kk_secret *keys, kk_str value, char out[KK_KRING_PRINT_SIZE]);

// Appends the file.  What was parsed and not changed comes out with the same bytes.
// Errors: KK_ERR_TOO_LARGE, INTERNAL.
KK_MUST_USE kk_code kk_kring_write(const kk_kring *self, const kk_secret *keys, kk_buf *out,
                                   kk_error *err);

// Whether two files of this format are the same commit: by generation and MAC.
bool kk_kring_is_same_commit(kk_str a, kk_str b);

// Frees all and empties.  Harmless for an empty one.
void kk_kring_clean(kk_kring *self);

#endif
