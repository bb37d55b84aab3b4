// The keys of a keyring: slots, sealed values, the code and the sum over the file.
#include "fail.h"
#include "keyring_layout.h"
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "the layout's nonce");
_Static_assert(TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the layout's tag");

// ---- Hashes

typedef struct piece {
    const void *bytes;
    size_t len;
} piece;

// BLAKE2b of pieces one after the other; [key] may be NULL.
static void hash(const unsigned char *key, size_t key_len, const piece *pieces, size_t count,
                 unsigned char *out, size_t out_len)
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
    piece all = {file.ptr, file.len - KK_KRING_MAC_SIZE};
    hash(NULL, 0, &all, 1, out, KK_KRING_MAC_SIZE);
}

void kk_kring_mac(const kk_kring_keys *keys, kk_str file, unsigned char out[KK_KRING_MAC_SIZE])
{
    piece all = {file.ptr, file.len - TRAILER_SIZE};
    hash(keys->mac, sizeof keys->mac, &all, 1, out, KK_KRING_MAC_SIZE);
}

// ---- Keys

// What wrapping a data key takes; in locked memory.
typedef struct wrapping {
    unsigned char wrap[KK_KRING_KEY_SIZE];
    unsigned char commit[KK_KRING_KEY_SIZE];
} wrapping;

static kk_code derive_wrapping(const kk_secret *key, const char *slot, kk_secret *out,
                               kk_error *err)
{
    assert(key->len == KK_KRING_KEY_SIZE);
    kk_code code = kk_secret_make(out, sizeof(wrapping), err);
    if (code != KK_OK) {
        return code;
    }
    piece pieces[] = {{"KRING1/kek", 10}, {slot + SLOT_AT_SALT, SALT_SIZE}};
    hash(key->ptr, key->len, pieces, 2, out->ptr, sizeof(wrapping));
    return KK_OK;
}

static void slot_commitment(const kk_kring *self, const wrapping *keys, const char *slot,
                            unsigned char out[COMMIT_SIZE])
{
    char epoch[8];
    kk_kring_write_le(epoch, self->epoch, sizeof epoch);
    piece pieces[] = {{"KRING1/commit", 13},
                      {self->id, sizeof self->id},
                      {epoch, sizeof epoch},
                      {slot, SLOT_AT_COMMIT}};
    hash(keys->commit, sizeof keys->commit, pieces, 4, out, COMMIT_SIZE);
}

typedef struct associated {
    unsigned char bytes[256];
    size_t len;
} associated;

static void associate(associated *self, const void *bytes, size_t len)
{
    assert(len <= sizeof self->bytes - self->len);
    memcpy(self->bytes + self->len, bytes, len);
    self->len += len;
}

// What every sealed thing is bound to, and never changes: the keyring and its data key.
static associated associate_keyring(const kk_kring *self, const char *purpose)
{
    associated made = {.len = 0};
    char epoch[8];
    kk_kring_write_le(epoch, self->epoch, sizeof epoch);
    associate(&made, purpose, strlen(purpose));
    associate(&made, self->id, sizeof self->id);
    associate(&made, epoch, sizeof epoch);
    return made;
}

static void derive_keys(kk_kring_keys *keys)
{
    static const char context[] = "KRING1__";
    crypto_kdf_derive_from_key(keys->value, sizeof keys->value, 1, context, keys->data);
    crypto_kdf_derive_from_key(keys->mac, sizeof keys->mac, 2, context, keys->data);
    crypto_kdf_derive_from_key(keys->fingerprint, sizeof keys->fingerprint, 3, context, keys->data);
    crypto_kdf_derive_from_key(keys->pin, sizeof keys->pin, 4, context, keys->data);
}

static kk_code fail_tampered(const kk_kring *self, const char *what, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_TAMPERED, "'%s' was changed by someone without the key: %s",
                           self->path, what);
    kk_fail_hint(err, "find out who can write the file before you put a copy of yours in place");
    return code;
}

static kk_code unwrap(const kk_kring *self, const char *slot, const wrapping *wrapping_keys,
                      kk_kring_keys *keys, kk_error *err)
{
    associated bound = associate_keyring(self, "KRING1/wrap");
    associate(&bound, slot, SLOT_AT_WRAP);
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        keys->data, NULL, NULL, (const unsigned char *)slot + SLOT_AT_WRAP,
        KK_KRING_KEY_SIZE + TAG_SIZE, bound.bytes, bound.len,
        (const unsigned char *)slot + SLOT_AT_NONCE, wrapping_keys->wrap);
    return failed == 0 ? KK_OK : fail_tampered(self, "a slot does not open", err);
}

static kk_code fail_wrong_key(const kk_kring *self, kk_error *err)
{
    kk_buf labels = {.limit = KK_TEXT_MAX};
    for (size_t i = 0; i < self->slot_count; i++) {
        const kk_kring_slot *slot = &self->slots[i];
        bool passphrase = slot->kind == KK_KRING_SLOT_PASSPHRASE;
        kk_buf_append_format(&labels, "%s%u '%.*s'%s", i == 0 ? "" : ", ", (unsigned)slot->number,
                             KK_STR_ARG(slot->label), passphrase ? " (a passphrase)" : "");
    }
    kk_code code = kk_fail(err, KK_ERR_WRONG_KEY,
                           "the key opens no slot of '%s': it is the wrong key, or the slot was "
                           "altered; the slots are %s",
                           self->path, kk_buf_text(&labels));
    kk_fail_hint(err, "give the key that the keyring was made with, in KK_KEY_FILE or KK_KEY");
    kk_buf_clean(&labels);
    return code;
}

// Tries one slot: *opened tells whether the key is this slot's.
static kk_code try_slot(const kk_kring *self, const kk_kring_slot *slot, const kk_secret *key,
                        kk_kring_keys *keys, bool *opened, kk_error *err)
{
    kk_secret derived = {0};
    kk_code code = derive_wrapping(key, slot->bytes.ptr, &derived, err);
    if (code != KK_OK) {
        return code;
    }
    const wrapping *wrapping_keys = (const wrapping *)derived.ptr;
    unsigned char commit[COMMIT_SIZE];
    slot_commitment(self, wrapping_keys, slot->bytes.ptr, commit);
    *opened = sodium_memcmp(commit, slot->bytes.ptr + SLOT_AT_COMMIT, sizeof commit) == 0;
    if (*opened) {
        code = unwrap(self, slot->bytes.ptr, wrapping_keys, keys, err);
    }
    kk_secret_clean(&derived);
    return code;
}

static kk_code find_slot(const kk_kring *self, const kk_secret *key, kk_kring_keys *keys,
                         kk_error *err)
{
    for (size_t i = 0; i < self->slot_count; i++) {
        if (self->slots[i].kind != KK_KRING_SLOT_RAW_KEY) {
            continue;
        }
        bool opened = false;
        kk_code code = try_slot(self, &self->slots[i], key, keys, &opened, err);
        if (opened || code != KK_OK) {
            return code;
        }
    }
    return fail_wrong_key(self, err);
}

static kk_code check_mac(const kk_kring *self, const kk_kring_keys *keys, kk_error *err)
{
    kk_str file = kk_buf_view(&self->file);
    unsigned char mac[KK_KRING_MAC_SIZE];
    kk_kring_mac(keys, file, mac);
    bool same = sodium_memcmp(mac, file.ptr + file.len - TRAILER_SIZE, sizeof mac) == 0;
    return same ? KK_OK : fail_tampered(self, "its authentication code is wrong", err);
}

kk_code kk_kring_unlock(const kk_kring *self, const kk_secret *key, kk_secret *keys, kk_error *err)
{
    kk_secret made = {0};
    kk_code code = kk_secret_make(&made, sizeof(kk_kring_keys), err);
    if (code != KK_OK) {
        return code;
    }
    kk_kring_keys *inside = (kk_kring_keys *)made.ptr;
    code = find_slot(self, key, inside, err);
    if (code == KK_OK) {
        derive_keys(inside);
        code = check_mac(self, inside, err);
    }
    if (code != KK_OK) {
        kk_secret_clean(&made);
        return code;
    }
    made.len = sizeof(kk_kring_keys);
    kk_secret_clean(keys);
    *keys = made;
    return KK_OK;
}

// ---- Making

static kk_code make_slot(kk_kring *self, const kk_secret *key, const kk_kring_keys *keys,
                         kk_error *err)
{
    char *slot = calloc(1, SLOT_SIZE);
    if (slot == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    kk_kring_write_le(slot, SLOT_SIZE, 2);
    slot[SLOT_AT_KIND] = KK_KRING_SLOT_RAW_KEY;
    kk_kring_write_le(slot + SLOT_AT_NUMBER, 1, 4);
    kk_random(slot + SLOT_AT_SALT, SALT_SIZE + NONCE_SIZE);
    kk_kring_write_le(slot + SLOT_AT_CREATED, self->created, 8);
    self->slots[0] = (kk_kring_slot){.kind = KK_KRING_SLOT_RAW_KEY,
                                     .number = 1,
                                     .label = {slot + SLOT_SIZE, 0},
                                     .bytes = {slot, SLOT_SIZE},
                                     .owned = slot};
    self->slot_count = 1;

    kk_secret derived = {0};
    kk_code code = derive_wrapping(key, slot, &derived, err);
    if (code != KK_OK) {
        return code;
    }
    const wrapping *wrapping_keys = (const wrapping *)derived.ptr;
    associated bound = associate_keyring(self, "KRING1/wrap");
    associate(&bound, slot, SLOT_AT_WRAP);
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        (unsigned char *)slot + SLOT_AT_WRAP, NULL, keys->data, sizeof keys->data, bound.bytes,
        bound.len, NULL, (const unsigned char *)slot + SLOT_AT_NONCE, wrapping_keys->wrap);
    slot_commitment(self, wrapping_keys, slot, (unsigned char *)slot + SLOT_AT_COMMIT);
    kk_secret_clean(&derived);
    return KK_OK;
}

kk_code kk_kring_create(const kk_secret *key, const char *path, uint64_t now, kk_kring *out,
                        kk_secret *keys, kk_error *err)
{
    kk_kring made = {.path = path, .epoch = 1, .created = now, .modified = now};
    kk_secret data = {0};
    kk_code code = kk_secret_make(&data, sizeof(kk_kring_keys), err);
    if (code != KK_OK) {
        return code;
    }
    data.len = sizeof(kk_kring_keys);
    kk_kring_keys *inside = (kk_kring_keys *)data.ptr;
    kk_random(made.id, sizeof made.id);
    kk_random(inside->data, sizeof inside->data);
    derive_keys(inside);
    code = make_slot(&made, key, inside, err);
    if (code != KK_OK) {
        kk_kring_clean(&made);
        kk_secret_clean(&data);
        return code;
    }
    kk_kring_clean(out);
    kk_secret_clean(keys);
    *out = made;
    *keys = data;
    return KK_OK;
}

static associated associate_record(const kk_kring *self, kk_str record)
{
    associated made = associate_keyring(self, "KRING1/rec");
    associate(&made, record.ptr + RECORD_AT_KIND, RECORD_AT_NONCE - RECORD_AT_KIND);
    associate(&made, record.ptr + RECORD_SIZE, kk_kring_names_len(record));
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
    associated bound = associate_record(self, (kk_str){record, len});
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
    associated bound = associate_record(self, bytes);
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        opened.ptr, NULL, NULL, (const unsigned char *)bytes.ptr + bytes.len - body_len, body_len,
        bound.bytes, bound.len, (const unsigned char *)bytes.ptr + RECORD_AT_NONCE,
        ((const kk_kring_keys *)keys->ptr)->value);
    if (failed != 0) {
        kk_secret_clean(&opened);
        return fail_tampered(self, "a value does not open in its place", err);
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
