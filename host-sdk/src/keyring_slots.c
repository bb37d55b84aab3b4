// The slots of a handle's keyring, a new data key, and what the session remembers.
#include "fail.h"
#include "keyring_handle.h"
#include "keyring_layout.h"
#include "keyring_session.h"
#include <kk/keyring.h>
#include <stdlib.h>

enum { SECONDS_MAX = 7 * 86400 };

// ---- Listing

static kk_code make_slots(kk_keyring *self, const kk_kring *ring, kk_error *err)
{
    free(self->slots);
    free(self->slot_texts);
    self->slots = calloc(ring->slot_count, sizeof *self->slots);
    self->slot_texts = calloc(ring->slot_count, LABEL_MAX + 1);
    if (self->slots == NULL || self->slot_texts == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the slots");
    }
    for (size_t i = 0; i < ring->slot_count; i++) {
        const kk_kring_slot *slot = &ring->slots[i];
        const char *bytes = slot->bytes.ptr;
        char *label = self->slot_texts + i * (LABEL_MAX + 1);
        memcpy(label, slot->label.ptr, slot->label.len);
        self->slots[i] = (kk_keyring_slot){
            .number = slot->number,
            .is_passphrase = slot->kind == KK_KRING_SLOT_PASSPHRASE,
            .label = label,
            .created_unix = (int64_t)kk_kring_read_le(bytes + SLOT_AT_CREATED, 8),
            .passes = kk_kring_read_le(bytes + SLOT_AT_OPS, 8),
            .memory_bytes = kk_kring_read_le(bytes + SLOT_AT_MEM, 8),
        };
    }
    return KK_OK;
}

kk_code kk_keyring_slots(kk_keyring *keyring, const kk_keyring_slot **out, size_t *count,
                         kk_error *err)
{
    kk_kring ring = {0};
    kk_code code = kk_keyring_file_read(&keyring->store, NULL, &ring, NULL, err);
    if (code == KK_OK) {
        code = make_slots(keyring, &ring, err);
    }
    if (code == KK_OK) {
        *out = keyring->slots;
        *count = ring.slot_count;
    }
    kk_kring_clean(&ring);
    return code;
}

// ---- Adding and changing

kk_code kk_keyring_settle_slot(const kk_keyring *self, const kk_keyring_new_slot *slot,
                               kk_found_key *out, bool *is_new, kk_error *err)
{
    kk_code code;
    *is_new = false;
    out->kind = slot->passphrase != NULL ? KK_KRING_SLOT_PASSPHRASE : KK_KRING_SLOT_RAW_KEY;
    if (slot->passphrase != NULL && slot->passphrase_len > KK_KRING_PASSPHRASE_MAX) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "a passphrase has 1 to %d bytes",
                       KK_KRING_PASSPHRASE_MAX);
    }
    if (slot->passphrase != NULL) {
        code = kk_secret_make(&out->secret, slot->passphrase_len, err);
        return code == KK_OK
                   ? kk_secret_append(&out->secret, slot->passphrase, slot->passphrase_len, err)
                   : code;
    }
    if (slot->key_file != NULL) {
        code = kk_config_make_parent(slot->key_file, err);
        return code == KK_OK ? kk_key_file_make(self->store.io, slot->key_file, &out->secret, err)
                             : code;
    }
    *is_new = true;
    return kk_key_make(&out->secret, err);
}

typedef struct slot_edit {
    kk_found_key key;
    bool is_new;
    const char *label;
    uint32_t replaced; // the slot whose place it takes; 0 = of the one passphrase that there is
    uint32_t number;   // of the new slot
} slot_edit;

static kk_kring_slot_plan plan_slot(const slot_edit *edit, const char *label)
{
    return (kk_kring_slot_plan){.key = {edit->key.kind, &edit->key.secret},
                                .work = kk_kring_default_work(),
                                .label = label,
                                .now = kk_keyring_now()};
}

// Two slots of one key would be one key that is removed and still opens.
static kk_code check_new_key(const kk_kring *ring, const slot_edit *edit, kk_error *err)
{
    kk_secret keys = {0};
    uint32_t number = 0;
    if (edit->key.kind == KK_KRING_SLOT_PASSPHRASE) {
        return KK_OK;
    }
    kk_kring_key key = {edit->key.kind, &edit->key.secret};
    kk_code code = kk_kring_unlock_slot(ring, key, &number, &keys, NULL);
    kk_secret_clean(&keys);
    if (code == KK_ERR_WRONG_KEY) {
        return KK_OK;
    }
    return kk_fail(err, KK_ERR_INVALID_ARGS, "this key opens the keyring already, by slot %u",
                   (unsigned)number);
}

static kk_code edit_add(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    slot_edit *edit = context;
    kk_kring_slot_plan plan = plan_slot(edit, edit->label);
    *changed = true;
    kk_code code = check_new_key(ring, edit, err);
    return code == KK_OK ? kk_kring_add_slot(ring, keys, &plan, &edit->number, err) : code;
}

kk_code kk_keyring_slot_add(kk_keyring *keyring, const kk_keyring_new_slot *slot, uint32_t *number,
                            char *key_text, kk_error *err)
{
    slot_edit edit = {.label = slot->label != NULL ? slot->label : ""};
    kk_code code = kk_keyring_need_key(keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_settle_slot(keyring, slot, &edit.key, &edit.is_new, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_change(keyring, edit_add, &edit, err);
    }
    if (kk_keyring_is_committed(code)) {
        *number = edit.number;
        key_text[0] = '\0';
        if (edit.is_new) {
            kk_key_format(&edit.key.secret, key_text);
        }
    }
    kk_found_key_clean(&edit.key);
    return code;
}

// The slot of a passphrase that is meant.
static kk_code find_passphrase(const kk_kring *ring, const slot_edit *edit, size_t *index,
                               kk_error *err)
{
    size_t count = 0;
    if (edit->replaced != 0) {
        kk_code code = kk_kring_find_slot(ring, edit->replaced, index, err);
        if (code == KK_OK && ring->slots[*index].kind != KK_KRING_SLOT_PASSPHRASE) {
            code = kk_fail(err, KK_ERR_INVALID_ARGS, "slot %u is of a key, not of a passphrase",
                           (unsigned)edit->replaced);
        }
        return code;
    }
    for (size_t i = 0; i < ring->slot_count; i++) {
        if (ring->slots[i].kind == KK_KRING_SLOT_PASSPHRASE) {
            *index = i;
            count++;
        }
    }
    if (count == 1) {
        return KK_OK;
    }
    kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS, "the keyring has %zu passphrases", count);
    kk_fail_hint(err, count == 0 ? "add one with 'kk keyring slot add --new-passphrase'"
                                 : "name the slot; 'kk keyring slot list' shows them");
    return code;
}

static kk_code edit_passphrase(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                               kk_error *err)
{
    slot_edit *edit = context;
    size_t index = 0;
    char label[LABEL_MAX + 1] = "";
    *changed = true;
    kk_code code = find_passphrase(ring, edit, &index, err);
    if (code != KK_OK) {
        return code;
    }
    uint32_t old = ring->slots[index].number;
    memcpy(label, ring->slots[index].label.ptr, ring->slots[index].label.len);
    kk_kring_slot_plan plan = plan_slot(edit, label);
    return kk_kring_replace_slot(ring, keys, old, &plan, &edit->number, err);
}

kk_code kk_keyring_slot_passphrase(kk_keyring *keyring, uint32_t *number, const char *passphrase,
                                   size_t passphrase_len, kk_error *err)
{
    slot_edit edit = {.replaced = *number};
    kk_keyring_new_slot slot = {.passphrase = passphrase, .passphrase_len = passphrase_len};
    kk_code code = kk_keyring_settle_slot(keyring, &slot, &edit.key, &edit.is_new, err);
    if (code == KK_OK) {
        code = kk_keyring_change(keyring, edit_passphrase, &edit, err);
    }
    if (kk_keyring_is_committed(code)) {
        *number = edit.number;
    }
    kk_found_key_clean(&edit.key);
    return code;
}

static kk_code edit_remove_slot(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                                kk_error *err)
{
    const uint32_t *number = context;
    (void)keys;
    *changed = true;
    return kk_kring_remove_slot(ring, *number, err);
}

kk_code kk_keyring_slot_remove(kk_keyring *keyring, uint32_t number, kk_error *err)
{
    return kk_keyring_change(keyring, edit_remove_slot, &number, err);
}

// ---- A new data key

typedef struct rekey_edit {
    kk_keyring *keyring;
    size_t dropped;
} rekey_edit;

static kk_code edit_rekey(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    rekey_edit *edit = context;
    kk_kring_key own;
    kk_secret opened = {0};
    uint32_t kept = 0;
    *changed = true;
    kk_code code = kk_keyring_own_key(edit->keyring, &own, err);
    if (code == KK_OK) {
        code = kk_kring_unlock_slot(ring, own, &kept, &opened, err);
    }
    kk_secret_clean(&opened);
    if (code == KK_OK) {
        edit->dropped = ring->slot_count - 1;
        code = kk_kring_rekey(ring, keys, kept, own, err);
    }
    kk_secret_rest(&edit->keyring->found.secret);
    return code;
}

kk_code kk_keyring_rekey(kk_keyring *keyring, size_t *dropped, kk_error *err)
{
    rekey_edit edit = {.keyring = keyring};
    kk_kring_key own;
    bool was = false;
    kk_code code = kk_keyring_own_key(keyring, &own, err);
    kk_secret_rest(&keyring->found.secret);
    if (code != KK_OK) {
        return code;
    }
    // What the session remembers is of no use afterwards, and need not stay there.
    (void)!kk_session_drop(&keyring->store, &was, NULL);
    code = kk_keyring_change(keyring, edit_rekey, &edit, err);
    if (!kk_keyring_is_committed(code)) {
        return code;
    }
    *dropped = edit.dropped;
    if (keyring->key.len == sizeof(kk_kring_keys)) {
        kk_keyring_forget_key(keyring);
    }
    kk_code removed = kk_keyring_file_drop_backup(&keyring->store, err);
    return code == KK_OK ? removed : code;
}

// ---- The session

kk_code kk_keyring_unlock(kk_keyring *keyring, uint32_t seconds, kk_error *err)
{
    if (seconds == 0 || seconds > SECONDS_MAX) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "a key is remembered for 1 to %d seconds",
                       SECONDS_MAX);
    }
    kk_code code = kk_keyring_need_snapshot(keyring, err);
    if (code == KK_OK) {
        kk_secret_wake(&keyring->keys);
        code = kk_session_keep(&keyring->ring, &keyring->keys, seconds, err);
        kk_secret_rest(&keyring->keys);
    }
    return code;
}

kk_code kk_keyring_lock(kk_keyring *keyring, bool *was, kk_error *err)
{
    kk_code code = kk_session_drop(&keyring->store, was, err);
    if (code == KK_OK) {
        kk_keyring_forget(keyring);
        kk_keyring_forget_key(keyring);
    }
    return code;
}
