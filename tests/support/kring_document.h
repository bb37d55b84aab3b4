// A reader of keyrings made from host-sdk/docs/keyring.md and libsodium alone: nothing of the
// host's own code is in it, so that the page is known to be enough for another program.
#ifndef KRING_DOCUMENT_H
#define KRING_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kring_document {
    const unsigned char *file;
    size_t len;
    unsigned char data[32];    // the data key
    unsigned char keys[4][32]; // values, the code of the file, fingerprints, the note
} kring_document;

// One of the user's keys: 32 bytes, or a passphrase.
typedef struct kring_user_key {
    bool is_passphrase;
    const void *bytes;
    size_t len;
} kring_user_key;

// The 64 bytes that a slot wraps with, at [slot] in the file.
bool kring_document_wrapping(const unsigned char *slot, kring_user_key key, unsigned char out[64]);

// Where slot [index] is, and the commitment that belongs into it.
unsigned char *kring_document_slot(unsigned char *file, size_t index);
void kring_document_commit(const unsigned char *file, const unsigned char *slot,
                           const unsigned char wrapping[64], unsigned char out[32]);

// The four keys that come from the data key.
void kring_document_derive(kring_document *self);

// Writes the code and the checksum, or the checksum alone.
void kring_document_seal(const kring_document *keys, unsigned char *file, size_t len);
void kring_document_sum(unsigned char *file, size_t len);

// Opens a file; false if it does not open, and no more is said.
bool kring_document_open(kring_document *self, const unsigned char *file, size_t len,
                         kring_user_key key);

// Writes the value of a record into [out], 65 536 bytes and NUL; *out_len is how many bytes it has.
bool kring_document_value(const kring_document *self, const char *plugin, const char *account,
                          const char *field, unsigned char *out, size_t *out_len);

#endif
