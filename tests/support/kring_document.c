// A reader of keyrings made from the page that describes them.
#include "kring_document.h"
#include <sodium.h>
#include <string.h>

static uint64_t number(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | at[i - 1];
    }
    return value;
}

bool kring_document_wrapping(const unsigned char *slot, kring_user_key key, unsigned char out[64])
{
    bool is_passphrase = slot[2] == 1;
    if (is_passphrase != key.is_passphrase) {
        return false;
    }
    if (is_passphrase) {
        return slot[3] == 2 &&
               crypto_pwhash(out, 64, key.bytes, key.len, slot + 24, number(slot + 8, 8),
                             (size_t)number(slot + 16, 8), crypto_pwhash_ALG_ARGON2ID13) == 0;
    }
    unsigned char text[26] = "KRING1/kek";
    memcpy(text + 10, slot + 24, 16);
    return crypto_generichash(out, 64, text, sizeof text, key.bytes, key.len) == 0;
}

unsigned char *kring_document_slot(unsigned char *file, size_t index)
{
    unsigned char *slot = file + 96;
    for (size_t i = 0; i < index; i++) {
        slot += number(slot, 2);
    }
    return slot;
}

void kring_document_commit(const unsigned char *file, const unsigned char *slot,
                           const unsigned char wrapping[64], unsigned char out[32])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, wrapping + 32, 32, 32);
    crypto_generichash_update(&state, (const unsigned char *)"KRING1/commit", 13);
    crypto_generichash_update(&state, file + 32, 16);
    crypto_generichash_update(&state, file + 48, 8);
    crypto_generichash_update(&state, slot, 112);
    crypto_generichash_final(&state, out, 32);
}

void kring_document_derive(kring_document *self)
{
    for (unsigned i = 0; i < 4; i++) {
        crypto_kdf_derive_from_key(self->keys[i], 32, i + 1, "KRING1__", self->data);
    }
}

void kring_document_sum(unsigned char *file, size_t len)
{
    crypto_generichash(file + len - 32, 32, file, len - 32, NULL, 0);
}

void kring_document_seal(const kring_document *keys, unsigned char *file, size_t len)
{
    crypto_generichash(file + len - 64, 32, file, len - 64, keys->keys[1], 32);
    kring_document_sum(file, len);
}

static bool unwrap(kring_document *self, const unsigned char *slot, kring_user_key key)
{
    unsigned char wrapping[64];
    unsigned char commit[32];
    unsigned char bound[11 + 16 + 8 + 64];
    if (!kring_document_wrapping(slot, key, wrapping)) {
        return false;
    }
    kring_document_commit(self->file, slot, wrapping, commit);
    if (memcmp(commit, slot + 112, 32) != 0) {
        return false;
    }
    memcpy(bound, "KRING1/wrap", 11);
    memcpy(bound + 11, self->file + 32, 24);
    memcpy(bound + 35, slot, 64);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(self->data, NULL, NULL, slot + 64, 48, bound,
                                                      sizeof bound, slot + 40, wrapping) == 0;
}

bool kring_document_open(kring_document *self, const unsigned char *file, size_t len,
                         kring_user_key key)
{
    static const unsigned char magic[] = {0x89, 0x4B, 0x52, 0x49, 0x4E, 0x47, 0x0D, 0x0A};
    unsigned char sum[32];
    unsigned char code[32];
    *self = (kring_document){.file = file, .len = len};
    if (len < 160 || memcmp(file, magic, 8) != 0 || number(file + 8, 2) != 1 ||
        number(file + 12, 4) != len) {
        return false;
    }
    crypto_generichash(sum, 32, file, len - 32, NULL, 0);
    if (memcmp(sum, file + len - 32, 32) != 0) {
        return false;
    }
    const unsigned char *slot = file + 96;
    bool opened = false;
    for (uint64_t i = 0; i < number(file + 24, 2) && !opened; i++) {
        opened = unwrap(self, slot, key);
        slot += number(slot, 2);
    }
    kring_document_derive(self);
    crypto_generichash(code, 32, file, len - 64, self->keys[1], 32);
    return opened && memcmp(code, file + len - 64, 32) == 0;
}

// The record of these names, or NULL.
static const unsigned char *find(const kring_document *self, const char *plugin,
                                 const char *account, const char *field)
{
    const unsigned char *record = self->file + 96 + number(self->file + 16, 4);
    for (uint64_t i = 0; i < number(self->file + 26, 2); i++) {
        const unsigned char *names = record + 44;
        if (record[4] == 1 && record[5] == strlen(plugin) && record[6] == strlen(account) &&
            record[7] == strlen(field) && memcmp(names, plugin, record[5]) == 0 &&
            memcmp(names + record[5], account, record[6]) == 0 &&
            memcmp(names + record[5] + record[6], field, record[7]) == 0) {
            return record;
        }
        record += number(record, 4);
    }
    return NULL;
}

bool kring_document_value(const kring_document *self, const char *plugin, const char *account,
                          const char *field, unsigned char *out, size_t *out_len)
{
    static unsigned char padded[65536 + 64];
    const unsigned char *record = find(self, plugin, account, field);
    if (record == NULL) {
        return false;
    }
    size_t names_len = (size_t)record[5] + record[6] + record[7];
    size_t body_len = (size_t)number(record + 40, 4);
    unsigned char bound[10 + 24 + 12 + 189];
    memcpy(bound, "KRING1/rec", 10);
    memcpy(bound + 10, self->file + 32, 24);
    memcpy(bound + 34, record + 4, 12);
    memcpy(bound + 46, record + 44, names_len);
    if (body_len - 16 > sizeof padded ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(padded, NULL, NULL, record + 44 + names_len,
                                                   body_len, bound, 46 + names_len, record + 16,
                                                   self->keys[0]) != 0) {
        return false;
    }
    size_t len = body_len - 16;
    while (len > 0 && padded[len - 1] == 0) {
        len--;
    }
    if (len == 0 || padded[len - 1] != 0x80) {
        return false;
    }
    memcpy(out, padded, len - 1);
    out[len - 1] = 0;
    *out_len = len - 1;
    return true;
}
