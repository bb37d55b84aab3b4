// Slots: deriving, opening, making, and a new data key.
#include "keyring_slot.h"
#include "fail.h"
#include "keyring_layout.h"
#include "keyring_memory.h"
#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#define MEBIBYTE (UINT64_C(1) << 20)

// What wrapping a data key takes; in locked memory.
typedef struct wrapping {
    unsigned char wrap[KK_KRING_KEY_SIZE];
    unsigned char commit[KK_KRING_KEY_SIZE];
} wrapping;

// ---- Deriving

kk_kring_work kk_kring_default_work(void)
{
    bool is_small = kk_memory_allowed() < 512 * MEBIBYTE;
    return (kk_kring_work){.passes = 3,
                           .bytes = is_small ? KK_KRING_MEMORY_SMALL : KK_KRING_MEMORY_DEFAULT};
}

static kk_code fail_memory(uint64_t bytes, kk_error *err)
{
    unsigned long long mebibytes = (bytes + MEBIBYTE - 1) / MEBIBYTE;
    kk_code code = kk_fail(err, KK_ERR_KDF_MEMORY,
                           "deriving the key from the passphrase takes %llu MiB of memory, which "
                           "this process does not get",
                           mebibytes);
    kk_fail_hint(err, "allow it that much, or use a slot of a key file");
    return code;
}

// What it works on is given back unwiped by libsodium, after the last pass over all of it.
static kk_code derive_from_passphrase(const kk_secret *passphrase, const char *slot, kk_secret *out,
                                      kk_error *err)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    uint64_t passes = kk_kring_read_le(slot + SLOT_AT_OPS, 8);
    uint64_t bytes = kk_kring_read_le(slot + SLOT_AT_MEM, 8);
    if (bytes > kk_memory_allowed()) {
        return fail_memory(bytes, err);
    }
    pthread_mutex_lock(&one_at_a_time);
    int failed = crypto_pwhash(out->ptr, sizeof(wrapping), (const char *)passphrase->ptr,
                               passphrase->len, (const unsigned char *)slot + SLOT_AT_SALT, passes,
                               (size_t)bytes, crypto_pwhash_ALG_ARGON2ID13);
    pthread_mutex_unlock(&one_at_a_time);
    return failed == 0 ? KK_OK : fail_memory(bytes, err);
}

static kk_code derive_wrapping(kk_kring_key key, const char *slot, kk_secret *out, kk_error *err)
{
    kk_code code = kk_secret_make(out, sizeof(wrapping), err);
    if (code != KK_OK) {
        return code;
    }
    if (key.kind == KK_KRING_SLOT_PASSPHRASE) {
        return derive_from_passphrase(key.secret, slot, out, err);
    }
    assert(key.secret->len == KK_KRING_KEY_SIZE);
    kk_kring_piece pieces[] = {{"KRING1/kek", 10}, {slot + SLOT_AT_SALT, SALT_SIZE}};
    kk_kring_hash(key.secret->ptr, key.secret->len, pieces, 2, out->ptr, sizeof(wrapping));
    return KK_OK;
}

static void commitment(const kk_kring *self, const wrapping *keys, const char *slot,
                       unsigned char out[COMMIT_SIZE])
{
    char epoch[8];
    kk_kring_write_le(epoch, self->epoch, sizeof epoch);
    kk_kring_piece pieces[] = {{"KRING1/commit", 13},
                               {self->id, sizeof self->id},
                               {epoch, sizeof epoch},
                               {slot, SLOT_AT_COMMIT}};
    kk_kring_hash(keys->commit, sizeof keys->commit, pieces, 4, out, COMMIT_SIZE);
}

static void derive_keys(kk_kring_keys *keys)
{
    static const char context[] = "KRING1__";
    crypto_kdf_derive_from_key(keys->value, sizeof keys->value, 1, context, keys->data);
    crypto_kdf_derive_from_key(keys->mac, sizeof keys->mac, 2, context, keys->data);
    crypto_kdf_derive_from_key(keys->fingerprint, sizeof keys->fingerprint, 3, context, keys->data);
    crypto_kdf_derive_from_key(keys->pin, sizeof keys->pin, 4, context, keys->data);
}

// ---- Opening

static kk_code unwrap(const kk_kring *self, const char *slot, const wrapping *wrapping_keys,
                      kk_kring_keys *keys, kk_error *err)
{
    kk_kring_bound bound = kk_kring_associate_keyring(self, "KRING1/wrap");
    kk_kring_associate(&bound, slot, SLOT_AT_WRAP);
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
        keys->data, NULL, NULL, (const unsigned char *)slot + SLOT_AT_WRAP,
        KK_KRING_KEY_SIZE + TAG_SIZE, bound.bytes, bound.len,
        (const unsigned char *)slot + SLOT_AT_NONCE, wrapping_keys->wrap);
    return failed == 0 ? KK_OK : kk_kring_fail_tampered(self, "a slot does not open", err);
}

static void list_slots(const kk_kring *self, kk_buf *out)
{
    for (size_t i = 0; i < self->slot_count; i++) {
        const kk_kring_slot *slot = &self->slots[i];
        bool passphrase = slot->kind == KK_KRING_SLOT_PASSPHRASE;
        kk_buf_append_format(out, "%s%u '%.*s'%s", i == 0 ? "" : ", ", (unsigned)slot->number,
                             KK_STR_ARG(slot->label), passphrase ? " (a passphrase)" : "");
    }
}

static kk_code fail_wrong_key(const kk_kring *self, kk_kring_slot_kind kind, kk_error *err)
{
    bool passphrase = kind == KK_KRING_SLOT_PASSPHRASE;
    const char *what = passphrase ? "passphrase" : "key";
    kk_buf labels = {.limit = KK_TEXT_MAX};
    list_slots(self, &labels);
    kk_code code = kk_fail(err, KK_ERR_WRONG_KEY,
                           "the %s opens no slot of '%s': it is the wrong %s, or the slot was "
                           "altered; the slots are %s",
                           what, self->path, what, kk_buf_text(&labels));
    kk_fail_hint(
        err, passphrase ? "give the passphrase of one of the slots, or the key of another"
                        : "give the key that the keyring was made with, in KK_KEY_FILE or KK_KEY");
    kk_buf_clean(&labels);
    return code;
}

// Tries one slot: *opened tells whether the key is this slot's.
static kk_code try_slot(const kk_kring *self, const kk_kring_slot *slot, kk_kring_key key,
                        kk_kring_keys *keys, bool *opened, kk_error *err)
{
    kk_secret derived = {0};
    kk_code code = derive_wrapping(key, slot->bytes.ptr, &derived, err);
    if (code == KK_OK) {
        const wrapping *wrapping_keys = (const wrapping *)derived.ptr;
        unsigned char commit[COMMIT_SIZE];
        commitment(self, wrapping_keys, slot->bytes.ptr, commit);
        *opened = sodium_memcmp(commit, slot->bytes.ptr + SLOT_AT_COMMIT, sizeof commit) == 0;
        if (*opened) {
            code = unwrap(self, slot->bytes.ptr, wrapping_keys, keys, err);
        }
    }
    kk_secret_clean(&derived);
    return code;
}

static kk_code open_slot(const kk_kring *self, kk_kring_key key, kk_kring_keys *keys,
                         uint32_t *number, kk_error *err)
{
    for (size_t i = 0; i < self->slot_count; i++) {
        if (self->slots[i].kind != key.kind) {
            continue;
        }
        bool opened = false;
        kk_code code = try_slot(self, &self->slots[i], key, keys, &opened, err);
        if (opened && number != NULL) {
            *number = self->slots[i].number;
        }
        if (opened || code != KK_OK) {
            return code;
        }
    }
    return fail_wrong_key(self, key.kind, err);
}

static bool mac_fits(const kk_kring *self, const kk_kring_keys *keys)
{
    kk_str file = kk_buf_view(&self->file);
    unsigned char mac[KK_KRING_MAC_SIZE];
    kk_kring_mac(keys, file, mac);
    return sodium_memcmp(mac, file.ptr + file.len - TRAILER_SIZE, sizeof mac) == 0;
}

static void give(kk_secret *made, kk_secret *keys)
{
    made->len = sizeof(kk_kring_keys);
    kk_secret_clean(keys);
    *keys = *made;
}

kk_code kk_kring_unlock_slot(const kk_kring *self, kk_kring_key key, uint32_t *number,
                             kk_secret *keys, kk_error *err)
{
    kk_secret made = {0};
    kk_code code = kk_secret_make(&made, sizeof(kk_kring_keys), err);
    if (code != KK_OK) {
        return code;
    }
    kk_kring_keys *inside = (kk_kring_keys *)made.ptr;
    code = open_slot(self, key, inside, number, err);
    if (code == KK_OK) {
        derive_keys(inside);
        if (!mac_fits(self, inside)) {
            code = kk_kring_fail_tampered(self, "its authentication code is wrong", err);
        }
    }
    if (code != KK_OK) {
        kk_secret_clean(&made);
        return code;
    }
    give(&made, keys);
    return KK_OK;
}

kk_code kk_kring_unlock_data(const kk_kring *self, kk_str data, kk_secret *keys, kk_error *err)
{
    kk_secret made = {0};
    if (data.len != KK_KRING_KEY_SIZE) {
        return kk_fail(err, KK_ERR_WRONG_KEY, "what was remembered is not the key of '%s'",
                       self->path);
    }
    kk_code code = kk_secret_make(&made, sizeof(kk_kring_keys), err);
    if (code != KK_OK) {
        return code;
    }
    kk_kring_keys *inside = (kk_kring_keys *)made.ptr;
    memcpy(inside->data, data.ptr, data.len);
    derive_keys(inside);
    if (!mac_fits(self, inside)) {
        kk_secret_clean(&made);
        return kk_fail(err, KK_ERR_WRONG_KEY,
                       "'%s' has another data key than before, or was changed", self->path);
    }
    give(&made, keys);
    return KK_OK;
}

kk_code kk_kring_unlock(const kk_kring *self, const kk_secret *key, kk_secret *keys, kk_error *err)
{
    if (key->len == sizeof(kk_kring_keys)) {
        const kk_kring_keys *inside = (const kk_kring_keys *)key->ptr;
        return kk_kring_unlock_data(self, (kk_str){(const char *)inside->data, sizeof inside->data},
                                    keys, err);
    }
    return kk_kring_unlock_slot(self, (kk_kring_key){KK_KRING_SLOT_RAW_KEY, key}, NULL, keys, err);
}

// ---- Making

// Wraps the data key: fills what a slot has beyond what it was planned with.
static kk_code seal_slot(const kk_kring *self, const kk_kring_keys *keys, kk_kring_key key,
                         char *slot, kk_error *err)
{
    kk_secret derived = {0};
    kk_random(slot + SLOT_AT_SALT, SALT_SIZE + NONCE_SIZE);
    kk_code code = derive_wrapping(key, slot, &derived, err);
    if (code == KK_OK) {
        const wrapping *wrapping_keys = (const wrapping *)derived.ptr;
        kk_kring_bound bound = kk_kring_associate_keyring(self, "KRING1/wrap");
        kk_kring_associate(&bound, slot, SLOT_AT_WRAP);
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            (unsigned char *)slot + SLOT_AT_WRAP, NULL, keys->data, sizeof keys->data, bound.bytes,
            bound.len, NULL, (const unsigned char *)slot + SLOT_AT_NONCE, wrapping_keys->wrap);
        commitment(self, wrapping_keys, slot, (unsigned char *)slot + SLOT_AT_COMMIT);
    }
    kk_secret_clean(&derived);
    return code;
}

static kk_code check_label(const char *label, kk_error *err)
{
    size_t len = strlen(label);
    for (size_t i = 0; i < len; i++) {
        if (label[i] < 0x20 || label[i] > 0x7E) {
            len = LABEL_MAX + 1;
        }
    }
    return len <= LABEL_MAX
               ? KK_OK
               : kk_fail(err, KK_ERR_INVALID_ARGS,
                         "the label of a slot is at most %d printable ASCII characters", LABEL_MAX);
}

static kk_code check_passphrase(const kk_kring_slot_plan *plan, kk_error *err)
{
    if (plan->key.kind != KK_KRING_SLOT_PASSPHRASE) {
        return KK_OK;
    }
    if (plan->key.secret->len == 0 || plan->key.secret->len > KK_KRING_PASSPHRASE_MAX) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "a passphrase has 1 to %d bytes",
                       KK_KRING_PASSPHRASE_MAX);
    }
    assert(plan->work.passes >= 1 && plan->work.passes <= KK_KRING_PASSES_MAX &&
           plan->work.bytes >= KK_KRING_MEMORY_MIN && plan->work.bytes <= KK_KRING_MEMORY_MAX);
    return KK_OK;
}

static kk_code check_passphrase_count(const kk_kring *self, kk_error *err)
{
    size_t passphrases = 0;
    for (size_t i = 0; i < self->slot_count; i++) {
        passphrases += self->slots[i].kind == KK_KRING_SLOT_PASSPHRASE;
    }
    if (passphrases >= PASSPHRASE_SLOTS_MAX) {
        kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS,
                               "the keyring has %d passphrases, and more are not allowed: each "
                               "costs a derivation at every wrong try",
                               PASSPHRASE_SLOTS_MAX);
        kk_fail_hint(err, "remove one with 'kk keyring slot rm', or change it with 'passwd'");
        return code;
    }
    return KK_OK;
}

// No number is given twice in the life of a keyring: any that was given before is at most one more
// than the generation of its commit, and a slot that is gone was removed by a later one.
static uint32_t next_number(const kk_kring *self)
{
    uint64_t number = self->generation + 1;
    for (size_t i = 0; i < self->slot_count; i++) {
        number = self->slots[i].number >= number ? self->slots[i].number + UINT64_C(1) : number;
    }
    return (uint32_t)number;
}

static kk_code make_slot(const kk_kring *self, const kk_secret *keys,
                         const kk_kring_slot_plan *plan, uint32_t number, kk_kring_slot *out,
                         kk_error *err)
{
    bool passphrase = plan->key.kind == KK_KRING_SLOT_PASSPHRASE;
    size_t label_len = strlen(plan->label);
    char *slot = calloc(1, SLOT_SIZE + label_len);
    if (slot == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    kk_kring_write_le(slot, SLOT_SIZE + label_len, 2);
    slot[SLOT_AT_KIND] = (char)plan->key.kind;
    slot[SLOT_AT_ALGORITHM] = passphrase ? KDF_ARGON2ID : KDF_RAW_KEY;
    kk_kring_write_le(slot + SLOT_AT_NUMBER, number, 4);
    kk_kring_write_le(slot + SLOT_AT_OPS, passphrase ? plan->work.passes : 0, 8);
    kk_kring_write_le(slot + SLOT_AT_MEM, passphrase ? plan->work.bytes : 0, 8);
    kk_kring_write_le(slot + SLOT_AT_CREATED, plan->now, 8);
    slot[SLOT_AT_LABEL_LEN] = (char)label_len;
    memcpy(slot + SLOT_SIZE, plan->label, label_len);
    kk_code code = seal_slot(self, (const kk_kring_keys *)keys->ptr, plan->key, slot, err);
    if (code != KK_OK) {
        free(slot);
        return code;
    }
    *out = (kk_kring_slot){.kind = plan->key.kind,
                           .number = number,
                           .label = {slot + SLOT_SIZE, label_len},
                           .bytes = {slot, SLOT_SIZE + label_len},
                           .owned = slot};
    return KK_OK;
}

kk_code kk_kring_add_slot(kk_kring *self, const kk_secret *keys, const kk_kring_slot_plan *plan,
                          uint32_t *number, kk_error *err)
{
    kk_code code = check_label(plan->label, err);
    if (code == KK_OK) {
        code = check_passphrase(plan, err);
    }
    if (code == KK_OK && plan->key.kind == KK_KRING_SLOT_PASSPHRASE) {
        code = check_passphrase_count(self, err);
    }
    if (code == KK_OK && self->slot_count == KK_KRING_SLOTS_MAX) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS, "the keyring has %d slots, and more do not fit",
                       KK_KRING_SLOTS_MAX);
        kk_fail_hint(err, "remove one with 'kk keyring slot rm'");
    }
    if (code != KK_OK) {
        return code;
    }
    kk_kring_slot made = {.kind = plan->key.kind};
    code = make_slot(self, keys, plan, next_number(self), &made, err);
    if (code == KK_OK) {
        self->slots[self->slot_count++] = made;
        *number = made.number;
    }
    return code;
}

kk_code kk_kring_find_slot(const kk_kring *self, uint32_t number, size_t *index, kk_error *err)
{
    for (size_t i = 0; i < self->slot_count; i++) {
        if (self->slots[i].number == number) {
            *index = i;
            return KK_OK;
        }
    }
    kk_buf labels = {.limit = KK_TEXT_MAX};
    list_slots(self, &labels);
    kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS, "the keyring has no slot %u; it has %s",
                           (unsigned)number, kk_buf_text(&labels));
    kk_fail_hint(err, "'kk keyring slot list' shows them");
    kk_buf_clean(&labels);
    return code;
}

static void drop_slot(kk_kring *self, size_t index)
{
    free(self->slots[index].owned);
    self->slot_count--;
    memmove(&self->slots[index], &self->slots[index + 1],
            (self->slot_count - index) * sizeof *self->slots);
    self->slots[self->slot_count] = (kk_kring_slot){.kind = KK_KRING_SLOT_RAW_KEY};
}

kk_code kk_kring_remove_slot(kk_kring *self, uint32_t number, kk_error *err)
{
    size_t index = 0;
    kk_code code = kk_kring_find_slot(self, number, &index, err);
    if (code != KK_OK) {
        return code;
    }
    if (self->slot_count == 1) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS,
                       "slot %u is the last one, and nothing would open the keyring without it",
                       (unsigned)number);
        kk_fail_hint(err, "add another first, with 'kk keyring slot add'");
        return code;
    }
    drop_slot(self, index);
    return KK_OK;
}

kk_code kk_kring_replace_slot(kk_kring *self, const kk_secret *keys, uint32_t old,
                              const kk_kring_slot_plan *plan, uint32_t *number, kk_error *err)
{
    size_t index = 0;
    kk_code code = kk_kring_find_slot(self, old, &index, err);
    if (code == KK_OK) {
        code = check_label(plan->label, err);
    }
    if (code == KK_OK) {
        code = check_passphrase(plan, err);
    }
    if (code != KK_OK) {
        return code;
    }
    // The number is chosen beside the old one.  Then the old one goes first, so that a keyring that
    // is full of slots or of passphrases can have one changed.
    kk_kring_slot made = {.kind = plan->key.kind};
    code = make_slot(self, keys, plan, next_number(self), &made, err);
    if (code != KK_OK) {
        return code;
    }
    drop_slot(self, index);
    self->slots[self->slot_count++] = made;
    *number = made.number;
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
    if (key != NULL) {
        uint32_t number = 0;
        kk_kring_slot_plan plan = {.key = {KK_KRING_SLOT_RAW_KEY, key}, .label = "", .now = now};
        code = kk_kring_add_slot(&made, &data, &plan, &number, err);
    }
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

// ---- A new data key

// Opens every value as it was sealed [before], by [old], and seals it for the new epoch, by [new].
static kk_code reseal(kk_kring *self, const kk_kring *before, const kk_secret *old,
                      const kk_secret *new, kk_error *err)
{
    kk_secret value = {0};
    kk_code code = KK_OK;
    for (size_t i = 0; i < self->record_count && code == KK_OK; i++) {
        kk_kring_record *record = &self->records[i];
        kk_kring_record made = {0};
        if (record->name.kind != KK_KRING_VALUE) {
            continue;
        }
        code = kk_kring_open_value(before, old, record, &value, err);
        if (code == KK_OK) {
            code = kk_kring_seal(self, new, &record->name, kk_secret_view(&value), record->updated,
                                 &made, err);
        }
        if (code == KK_OK) {
            free(record->owned);
            *record = made;
        }
    }
    kk_secret_clean(&value);
    return code;
}

static kk_code rewrap(kk_kring *self, const kk_secret *keys, size_t kept, kk_kring_key key,
                      kk_error *err)
{
    kk_kring_slot *slot = &self->slots[kept];
    char *bytes = malloc(slot->bytes.len);
    if (bytes == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    memcpy(bytes, slot->bytes.ptr, slot->bytes.len);
    kk_code code = seal_slot(self, (const kk_kring_keys *)keys->ptr, key, bytes, err);
    if (code != KK_OK) {
        free(bytes);
        return code;
    }
    free(slot->owned);
    slot->owned = bytes;
    slot->bytes.ptr = bytes;
    slot->label.ptr = bytes + SLOT_SIZE;
    return KK_OK;
}

kk_code kk_kring_rekey(kk_kring *self, const kk_secret *keys, uint32_t kept, kk_kring_key key,
                       kk_error *err)
{
    // Only what values are bound to is looked at of this copy: the identity and the old epoch.
    const kk_kring before = *self;
    kk_secret made = {0};
    size_t index = 0;
    kk_code code = kk_kring_find_slot(self, kept, &index, err);
    if (code == KK_OK) {
        code = kk_secret_make(&made, sizeof(kk_kring_keys), err);
    }
    if (code != KK_OK) {
        return code;
    }
    made.len = sizeof(kk_kring_keys);
    kk_kring_keys *inside = (kk_kring_keys *)made.ptr;
    kk_random(inside->data, sizeof inside->data);
    derive_keys(inside);
    self->epoch++;
    code = reseal(self, &before, keys, &made, err);
    if (code == KK_OK) {
        code = rewrap(self, &made, index, key, err);
    }
    for (size_t i = self->slot_count; code == KK_OK && i > 0; i--) {
        if (self->slots[i - 1].number != kept) {
            drop_slot(self, i - 1);
        }
    }
    if (code == KK_OK) {
        memcpy(keys->ptr, made.ptr, made.len);
    }
    kk_secret_clean(&made);
    return code;
}
