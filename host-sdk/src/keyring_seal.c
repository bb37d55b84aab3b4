// What seals a keyring: its values, the code and the sum over the file.
#include "fail.h"
#include "keyring_layout.h"
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "the layout's nonce");
_Static_assert(TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the layout's tag");

// ---- Hashes

void kk_kring_hash(const unsigned char *key, size_t key_len, const kk_kring_piece *pieces,
                   size_t count, unsigned char *out, size_t out_len)
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, key_len, out_len);
    for (size_t i = 0; i < count; i++) {
        crypto_generichash_update(&state, pieces[i].bytes, pieces[i].len);
    }
    crypto_generichash_final(&state, out, out_len);
    sodium_memzero(&state, sizeof state);
}

void kk_kring_sum(kk_str file, unsigned char out[KK_KRING_MAC_SIZE])
{
    kk_kring_piece all = {file.ptr, file.len - KK_KRING_MAC_SIZE};
    kk_kring_hash(NULL, 0, &all, 1, out, KK_KRING_MAC_SIZE);
}

void kk_kring_mac(const kk_kring_keys *keys, kk_str file, unsigned char out[KK_KRING_MAC_SIZE])
{
    kk_kring_piece all = {file.ptr, file.len - TRAILER_SIZE};
    kk_kring_hash(keys->mac, sizeof keys->mac, &all, 1, out, KK_KRING_MAC_SIZE);
}

// ---- What things are bound to

void kk_kring_associate(kk_kring_bound *self, const void *bytes, size_t len)
{
    assert(len <= sizeof self->bytes - self->len);
    memcpy(self->bytes + self->len, bytes, len);
    self->len += len;
}

kk_kring_bound kk_kring_associate_keyring(const kk_kring *self, const char *purpose)
{
    kk_kring_bound made = {.len = 0};
    char epoch[8];
    kk_kring_write_le(epoch, self->epoch, sizeof epoch);
    kk_kring_associate(&made, purpose, strlen(purpose));
    kk_kring_associate(&made, self->id, sizeof self->id);
    kk_kring_associate(&made, epoch, sizeof epoch);
    return made;
}

kk_code kk_kring_fail_tampered(const kk_kring *self, const char *what, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_TAMPERED, "'%s' was changed by someone without the key: %s",
                           self->path, what);
    kk_fail_hint(err, "find out who can write the file before you put a copy of yours in place");
    return code;
}

// ---- Values

static kk_kring_bound associate_record(const kk_kring *self, kk_str record)
{
    kk_kring_bound made = kk_kring_associate_keyring(self, "KRING1/rec");
    kk_kring_associate(&made, record.ptr + RECORD_AT_KIND, RECORD_AT_NONCE - RECORD_AT_KIND);
    kk_kring_associate(&made, record.ptr + RECORD_SIZE, kk_kring_names_len(record));
    return made;
}

// Encrypts [value], padded, into the body of a record whose other bytes are final.
static kk_code seal_body(const kk_kring *self, const kk_secret *keys, kk_str value, char *record,
                         size_t len, kk_error *err)
{
    size_t body_len = (size_t)kk_kring_read_le(record + RECORD_AT_BODY_LEN, 4);
    size_t padded_len = 0;
    kk_secret padded = {0};
    kk_code code = kk_secret_make(&padded, body_len - TAG_SIZE, err);
    if (code != KK_OK) {
        return code;
    }
    memcpy(padded.ptr, value.ptr, value.len);
    sodium_pad(&padded_len, padded.ptr, value.len, PAD, padded.capacity);
    assert(padded_len == padded.capacity);
    kk_kring_bound bound = associate_record(self, (kk_str){record, len});
    crypto_aead_xchacha20poly1305_ietf_encrypt((unsigned char *)record + len - body_len, NULL,
                                               padded.ptr, padded_len, bound.bytes, bound.len, NULL,
                                               (const unsigned char *)record + RECORD_AT_NONCE,
                                               ((const kk_kring_keys *)keys->ptr)->value);
    kk_secret_clean(&padded);
    return KK_OK;
}

static void write_names(char *record, const kk_kring_name *name)
{
    record[RECORD_AT_KIND] = (char)name->kind;
    record[RECORD_AT_PLUGIN_LEN] = (char)name->plugin.len;
    record[RECORD_AT_ACCOUNT_LEN] = (char)name->account.len;
    record[RECORD_AT_FIELD_LEN] = (char)name->field.len;
    char *at = record + RECORD_SIZE;
    memcpy(at, name->plugin.ptr, name->plugin.len);
    memcpy(at + name->plugin.len, name->account.ptr, name->account.len);
    if (name->field.len > 0) {
        memcpy(at + name->plugin.len + name->account.len, name->field.ptr, name->field.len);
    }
}

void kk_kring_fingerprint(const kk_secret *keys, kk_str value, char out[KK_KRING_PRINT_SIZE])
{
    unsigned char sum[KK_KRING_MAC_SIZE];
    kk_kring_piece all = {value.ptr, value.len};
    const kk_kring_keys *inside = (const kk_kring_keys *)keys->ptr;
    kk_kring_hash(inside->fingerprint, sizeof inside->fingerprint, &all, 1, sum, sizeof sum);
    sodium_bin2hex(out, KK_KRING_PRINT_SIZE, sum, (KK_KRING_PRINT_SIZE - 1) / 2);
}

kk_code kk_kring_seal(const kk_kring *self, const kk_secret *keys, const kk_kring_name *name,
                      kk_str value, uint64_t now, kk_kring_record *out, kk_error *err)
{
    bool sealed = name->kind == KK_KRING_VALUE;
    assert(value.len <= KK_KRING_VALUE_MAX && (value.len > 0) == sealed);
    size_t body_len = sealed ? (value.len / PAD + 1) * PAD + TAG_SIZE : 0;
    size_t len = RECORD_SIZE + name->plugin.len + name->account.len + name->field.len + body_len;
    char *record = calloc(1, len);
    if (record == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    kk_kring_write_le(record, len, 4);
    write_names(record, name);
    kk_kring_write_le(record + RECORD_AT_UPDATED, now, 8);
    kk_kring_write_le(record + RECORD_AT_BODY_LEN, body_len, 4);
    if (sealed) {
        kk_random(record + RECORD_AT_NONCE, NONCE_SIZE);
        kk_code code = seal_body(self, keys, value, record, len, err);
        if (code != KK_OK) {
            free(record);
            return code;
        }
    }
    *out = (kk_kring_record){.bytes = {record, len}, .owned = record};
    kk_kring_name_record(out);
    return KK_OK;
}

kk_code kk_kring_open_value(const kk_kring *self, const kk_secret *keys,
                            const kk_kring_record *record, kk_secret *value, kk_error *err)
{
    assert(record->name.kind == KK_KRING_VALUE);
    kk_str bytes = record->bytes;
    size_t body_len = (size_t)kk_kring_read_le(bytes.ptr + RECORD_AT_BODY_LEN, 4);
    size_t padded_len = body_len - TAG_SIZE;
    size_t len = 0;
    kk_secret opened = {0};
    kk_code code = kk_secret_make(&opened, padded_len, err);
    if (code != KK_OK) {
        return code;
    }
    kk_kring_bound bound = associate_record(self, bytes);
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        opened.ptr, NULL, NULL, (const unsigned char *)bytes.ptr + bytes.len - body_len, body_len,
        bound.bytes, bound.len, (const unsigned char *)bytes.ptr + RECORD_AT_NONCE,
        ((const kk_kring_keys *)keys->ptr)->value);
    if (failed != 0) {
        kk_secret_clean(&opened);
        return kk_kring_fail_tampered(self, "a value does not open in its place", err);
    }
    if (sodium_unpad(&len, opened.ptr, padded_len, PAD) != 0 || len == 0 ||
        len > KK_KRING_VALUE_MAX) {
        kk_secret_clean(&opened);
        return kk_kring_fail_format(self, "a value is not padded as it must be", err);
    }
    opened.ptr[len] = '\0';
    opened.len = len;
    kk_secret_clean(value);
    *value = opened;
    return KK_OK;
}
