// The keyring as its users see it: sources of the key, one snapshot to read, one commit a change.
#include "fail.h"
#include "keyring_edit.h"
#include "keyring_handle.h"
#include <stdlib.h>

// ---- Opening

static kk_code check_options(const kk_keyring_options *options, kk_keyring_options *out,
                             kk_error *err)
{
    *out = (kk_keyring_options){.size = sizeof *out};
    if (options == NULL) {
        return KK_OK;
    }
    if (options->size != sizeof *out) {
        return kk_fail(err, KK_ERR_USAGE, "kk_keyring_options.size is %zu and must be %zu",
                       options->size, sizeof *out);
    }
    *out = *options;
    return KK_OK;
}

static kk_code set_up(kk_keyring *self, const kk_keyring_options *options, kk_error *err)
{
    self->environment = (options->flags & KK_KEYRING_IGNORE_ENVIRONMENT) == 0;
    self->key_fd = options->key_fd;
    self->ask = options->ask;
    self->ask_context = options->ask_context;
    if (options->key_file != NULL) {
        self->key_file = strdup(options->key_file);
        if (self->key_file == NULL) {
            return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
        }
    }
    bool must_lock = (options->flags & KK_KEYRING_REQUIRE_MLOCK) != 0;
    kk_code code = must_lock ? kk_secret_require_lock(err) : kk_secret_start(err);
    if (code == KK_OK && self->environment) {
        code = kk_key_capture_environment(err);
    }
    if (code == KK_OK && self->config == NULL) {
        code = kk_config_load(options->home, self->environment, &self->own_config, err);
        self->config = self->own_config;
    }
    if (code != KK_OK) {
        return code;
    }
    self->store = (kk_keyring_store){.io = &kk_io_system,
                                     .path = kk_config_keyring_path(self->config),
                                     .pin_path = kk_config_pin_path(self->config),
                                     .lock_wait_ms = KK_KEYRING_LOCK_WAIT_MS};
    return KK_OK;
}

kk_code kk_keyring_open(const kk_keyring_options *options, kk_keyring **out, kk_error *err)
{
    return kk_keyring_open_with(NULL, options, out, err);
}

kk_code kk_keyring_open_with(kk_config *config, const kk_keyring_options *options, kk_keyring **out,
                             kk_error *err)
{
    kk_keyring_options known;
    kk_code code = check_options(options, &known, err);
    if (code != KK_OK) {
        return code;
    }
    kk_keyring *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    self->config = config;
    code = set_up(self, &known, err);
    if (code != KK_OK) {
        kk_keyring_close(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

static void drop_listing(kk_keyring *self)
{
    free(self->entries);
    free(self->entry_texts);
    self->entries = NULL;
    self->entry_texts = NULL;
}

static void drop_snapshot(kk_keyring *self)
{
    drop_listing(self);
    free(self->slots);
    free(self->slot_texts);
    self->slots = NULL;
    self->slot_texts = NULL;
    kk_kring_clean(&self->ring);
    kk_secret_clean(&self->keys);
    self->has_snapshot = false;
    self->verified = false;
}

void kk_keyring_close(kk_keyring *keyring)
{
    if (keyring == NULL) {
        return;
    }
    drop_snapshot(keyring);
    kk_keyring_forget_key(keyring);
    kk_config_free(keyring->own_config);
    free(keyring->key_file);
    free(keyring);
}

bool kk_keyring_memory_is_locked(void)
{
    return kk_secret_is_locked();
}

bool kk_keyring_memory_is_small(void)
{
    return kk_kring_default_work().bytes < KK_KRING_MEMORY_DEFAULT;
}

const char *kk_keyring_path(const kk_keyring *keyring)
{
    return keyring->store.path;
}

// ---- Writing

static kk_code commit(kk_keyring *self, const kk_secret *key, bool create, kk_keyring_edit_fn edit,
                      void *context, kk_error *err)
{
    kk_secret_wake(&self->key);
    kk_code code = kk_keyring_file_commit(&self->store, key, create, edit, context, err);
    kk_secret_rest(&self->key);
    if (kk_keyring_is_committed(code)) {
        drop_snapshot(self);
    }
    return code;
}

kk_code kk_keyring_change(kk_keyring *self, kk_keyring_edit_fn edit, void *context, kk_error *err)
{
    kk_error why = {0};
    kk_code code = kk_keyring_need_key(self, err);
    if (code != KK_OK) {
        return code;
    }
    code = commit(self, &self->key, false, edit, context, &why);
    if (kk_keyring_is_outdated(self, code)) {
        code = kk_keyring_need_key(self, err);
        return code == KK_OK ? commit(self, &self->key, false, edit, context, err) : code;
    }
    if (code != KK_OK && err != NULL && err->code == KK_OK) {
        *err = why;
    }
    return code;
}

typedef struct init_edit {
    kk_keyring *keyring;
    const char *key_file; // to be remembered, or NULL
    kk_kring_key key;
} init_edit;

// Runs under the lock with no keyring there, so that only the winner of a race is remembered.
static kk_code edit_init(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                         kk_error *err)
{
    const init_edit *edit = context;
    uint32_t number = 0;
    kk_kring_slot_plan plan = {
        .key = edit->key, .work = kk_kring_default_work(), .label = "", .now = ring->created};
    *changed = true;
    kk_code code = kk_kring_add_slot(ring, keys, &plan, &number, err);
    if (code == KK_OK && edit->key_file != NULL) {
        code = kk_config_set_key_file(edit->keyring->config, edit->key_file, err);
    }
    return code;
}

// Settles which key a new keyring gets; *is_new if nobody else knows it.
static kk_code settle_key(kk_keyring *self, const char *key_file, kk_found_key *out, bool *is_new,
                          kk_error *err)
{
    bool found = false;
    *is_new = false;
    if (key_file != NULL) {
        kk_code code = kk_config_make_parent(key_file, err);
        return code == KK_OK ? kk_key_file_make(self->store.io, key_file, &out->secret, err) : code;
    }
    kk_key_sources sources = kk_keyring_sources(self);
    kk_code code = kk_key_find(self->store.io, &sources, out, &found, err);
    if (code != KK_OK || found) {
        return code;
    }
    *is_new = true;
    return kk_key_make(&out->secret, err);
}

static kk_code init(kk_keyring *self, kk_found_key *key, const char *key_file, kk_error *err)
{
    init_edit edit = {.keyring = self, .key_file = key_file, .key = {key->kind, &key->secret}};
    kk_keyring_forget_key(self);
    kk_code code = commit(self, NULL, true, edit_init, &edit, err);
    if (kk_keyring_is_committed(code)) {
        // It opens the keyring as if a source had given it.
        self->found = *key;
        *key = (kk_found_key){.kind = KK_KRING_SLOT_RAW_KEY};
        kk_secret_rest(&self->found.secret);
    }
    return code;
}

static kk_code prepare_init(kk_keyring *self, kk_error *err)
{
    kk_code code = kk_keyring_file_require_absent(&self->store, err);
    return code == KK_OK ? kk_config_make_parent(self->store.path, err) : code;
}

kk_code kk_keyring_init(kk_keyring *keyring, const char *key_file, char *key_text, kk_error *err)
{
    bool is_new = false;
    kk_found_key key = {.kind = KK_KRING_SLOT_RAW_KEY};
    kk_code code = prepare_init(keyring, err);
    if (code == KK_OK) {
        code = settle_key(keyring, key_file, &key, &is_new, err);
    }
    if (code == KK_OK) {
        code = init(keyring, &key, key_file, err);
    }
    if (kk_keyring_is_committed(code)) {
        key_text[0] = '\0';
        if (is_new) {
            kk_secret_wake(&keyring->found.secret);
            kk_key_format(&keyring->found.secret, key_text);
            kk_secret_rest(&keyring->found.secret);
        }
    }
    kk_found_key_clean(&key);
    return code;
}

kk_code kk_keyring_init_passphrase(kk_keyring *keyring, const char *passphrase,
                                   size_t passphrase_len, kk_error *err)
{
    kk_found_key key = {.kind = KK_KRING_SLOT_PASSPHRASE};
    kk_code code = prepare_init(keyring, err);
    if (code == KK_OK) {
        code = kk_secret_make(&key.secret, KK_KRING_PASSPHRASE_MAX + 1, err);
    }
    if (code == KK_OK) {
        code = kk_secret_append(&key.secret, passphrase, passphrase_len, err);
    }
    if (code == KK_OK) {
        code = init(keyring, &key, NULL, err);
    }
    kk_found_key_clean(&key);
    return code;
}

typedef struct account_edit {
    const char *plugin;
    const char *account;
    const char *field;
    const kk_keyring_value *values;
    size_t count;
    uint64_t now;
} account_edit;

static kk_code edit_set(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    const account_edit *edit = context;
    *changed = true;
    return kk_kring_set(ring, keys, edit->plugin, edit->account, edit->values, edit->count,
                        edit->now, err);
}

static kk_code edit_remove(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                           kk_error *err)
{
    const account_edit *edit = context;
    (void)keys;
    *changed = true;
    return kk_kring_remove(ring, edit->plugin, edit->account, edit->field, err);
}

static kk_code edit_point(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    const account_edit *edit = context;
    (void)keys;
    return kk_kring_point(ring, edit->plugin, edit->account, edit->now, changed, err);
}

static kk_code change(kk_keyring *self, kk_keyring_edit_fn edit, account_edit what, kk_error *err)
{
    what.now = kk_keyring_now();
    return kk_keyring_change(self, edit, &what, err);
}

kk_code kk_keyring_set(kk_keyring *keyring, const char *plugin, const char *account,
                       const kk_keyring_value *values, size_t count, kk_error *err)
{
    kk_code code = kk_kring_check_values(plugin, account, values, count, err);
    if (code != KK_OK) {
        return code;
    }
    account_edit what = {.plugin = plugin, .account = account, .values = values, .count = count};
    return change(keyring, edit_set, what, err);
}

kk_code kk_keyring_remove(kk_keyring *keyring, const char *plugin, const char *account,
                          const char *field, kk_error *err)
{
    account_edit what = {.plugin = plugin, .account = account, .field = field};
    return change(keyring, edit_remove, what, err);
}

kk_code kk_keyring_set_default(kk_keyring *keyring, const char *plugin, const char *account,
                               kk_error *err)
{
    account_edit what = {.plugin = plugin, .account = account};
    return change(keyring, edit_point, what, err);
}

kk_code kk_keyring_ack(kk_keyring *keyring, uint64_t *seen, uint64_t *accepted, kk_error *err)
{
    kk_code code = kk_keyring_need_key(keyring, err);
    if (code == KK_OK) {
        kk_secret_wake(&keyring->key);
        code = kk_keyring_file_accept(&keyring->store, &keyring->key, seen, accepted, err);
        kk_secret_rest(&keyring->key);
    }
    if (code == KK_OK) {
        drop_snapshot(keyring);
    }
    return code;
}

// ---- Reading

// Reads a new snapshot, verified if the key was found.
static kk_code read_snapshot(kk_keyring *self, bool verified, kk_error *err)
{
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret_wake(&self->key);
    kk_code code =
        kk_keyring_file_read(&self->store, verified ? &self->key : NULL, &ring, &keys, err);
    kk_secret_rest(&self->key);
    if (code != KK_OK) {
        return code;
    }
    drop_snapshot(self);
    self->ring = ring;
    self->keys = keys;
    kk_secret_rest(&self->keys);
    self->has_snapshot = true;
    self->verified = verified;
    return KK_OK;
}

kk_code kk_keyring_refresh(kk_keyring *keyring, kk_error *err)
{
    kk_error why = {0};
    kk_code code = kk_keyring_need_key(keyring, err);
    if (code != KK_OK) {
        return code;
    }
    code = read_snapshot(keyring, true, &why);
    if (kk_keyring_is_outdated(keyring, code)) {
        code = kk_keyring_need_key(keyring, err);
        return code == KK_OK ? read_snapshot(keyring, true, err) : code;
    }
    if (code != KK_OK && err != NULL && err->code == KK_OK) {
        *err = why;
    }
    return code;
}

kk_code kk_keyring_need_snapshot(kk_keyring *self, kk_error *err)
{
    return self->has_snapshot && self->verified ? KK_OK : kk_keyring_refresh(self, err);
}

void kk_keyring_forget(kk_keyring *keyring)
{
    drop_snapshot(keyring);
}

// Copies a name into the block of texts and moves past it.
static const char *keep_text(char **at, kk_str text)
{
    char *kept = *at;
    if (text.len > 0) {
        memcpy(kept, text.ptr, text.len);
    }
    kept[text.len] = '\0';
    *at += text.len + 1;
    return kept;
}

static kk_code make_listing(kk_keyring *self, kk_error *err)
{
    size_t size = 1;
    for (size_t i = 0; i < self->ring.record_count; i++) {
        const kk_kring_name *name = &self->ring.records[i].name;
        size += name->plugin.len + name->account.len + name->field.len + 3;
    }
    drop_listing(self);
    self->entries = calloc(self->ring.record_count + 1, sizeof *self->entries);
    self->entry_texts = malloc(size);
    if (self->entries == NULL || self->entry_texts == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the list");
    }
    char *at = self->entry_texts;
    for (size_t i = 0; i < self->ring.record_count; i++) {
        const kk_kring_record *record = &self->ring.records[i];
        kk_keyring_entry *entry = &self->entries[i];
        entry->plugin = keep_text(&at, record->name.plugin);
        entry->account = keep_text(&at, record->name.account);
        entry->field = keep_text(&at, record->name.field);
        entry->updated_unix = (int64_t)record->updated;
    }
    return KK_OK;
}

kk_code kk_keyring_list(kk_keyring *keyring, kk_keyring_listing *out, kk_error *err)
{
    kk_code code = KK_OK;
    if (!keyring->has_snapshot) {
        bool found = false;
        code = kk_keyring_find_key(keyring, &found, err);
        if (code == KK_OK) {
            code = found ? kk_keyring_refresh(keyring, err) : read_snapshot(keyring, false, err);
        }
    }
    if (code == KK_OK) {
        code = make_listing(keyring, err);
    }
    if (code != KK_OK) {
        return code;
    }
    *out = (kk_keyring_listing){.entries = keyring->entries,
                                .count = keyring->ring.record_count,
                                .generation = keyring->ring.generation,
                                .verified = keyring->verified};
    return KK_OK;
}

kk_code kk_keyring_use(kk_keyring *keyring, const char *plugin, const char *account,
                       const char *field, kk_keyring_use_fn use, void *context, kk_error *err)
{
    kk_code code = kk_keyring_need_snapshot(keyring, err);
    if (code == KK_OK) {
        code = kk_kring_require(&keyring->ring, plugin, account, field, err);
    }
    if (code != KK_OK) {
        return code;
    }
    kk_kring_name name = {KK_KRING_VALUE, kk_str_from(plugin), kk_str_from(account),
                          kk_str_from(field)};
    kk_secret value = {0};
    kk_secret_wake(&keyring->keys);
    code = kk_kring_open_value(&keyring->ring, &keyring->keys, kk_kring_find(&keyring->ring, &name),
                               &value, err);
    kk_secret_rest(&keyring->keys);
    if (code == KK_OK) {
        code = use(context, (const char *)value.ptr, value.len, err);
    }
    kk_secret_clean(&value);
    return code;
}

typedef struct printed {
    kk_keyring *keyring;
    char *out;
} printed;

static kk_code print_value(void *context, const char *value, size_t value_len, kk_error *err)
{
    const printed *to = context;
    (void)err;
    kk_secret_wake(&to->keyring->keys);
    kk_kring_fingerprint(&to->keyring->keys, (kk_str){value, value_len}, to->out);
    kk_secret_rest(&to->keyring->keys);
    return KK_OK;
}

kk_code kk_keyring_fingerprint(kk_keyring *keyring, const char *plugin, const char *account,
                               const char *field, char *out, kk_error *err)
{
    printed to = {keyring, out};
    return kk_keyring_use(keyring, plugin, account, field, print_value, &to, err);
}
