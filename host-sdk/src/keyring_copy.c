// Export and import: an encrypted copy is a keyring of its own.
#include "fail.h"
#include "io.h"
#include "keyring_edit.h"
#include "keyring_handle.h"
#include <errno.h>
#include <kk/keyring.h>

// ---- Export

typedef struct selection {
    const char *plugin;  // or NULL
    const char *account; // or NULL
} selection;

static bool is_selected(const kk_kring_name *name, selection wanted)
{
    return (wanted.plugin == NULL || kk_str_is(name->plugin, wanted.plugin)) &&
           (wanted.account == NULL || kk_str_is(name->account, wanted.account));
}

// Opens a value of [from] and seals it in [to].
static kk_code move_value(const kk_kring *from, const kk_secret *from_keys,
                          const kk_kring_record *record, kk_kring *to, const kk_secret *to_keys,
                          kk_error *err)
{
    kk_secret value = {0};
    kk_code code = KK_OK;
    if (record->name.kind == KK_KRING_VALUE) {
        code = kk_kring_open_value(from, from_keys, record, &value, err);
    }
    if (code == KK_OK) {
        code =
            kk_kring_put(to, to_keys, &record->name, kk_secret_view(&value), record->updated, err);
    }
    kk_secret_clean(&value);
    return code;
}

static kk_code fill_copy(const kk_keyring *self, selection wanted, kk_kring *copy,
                         const kk_secret *keys, size_t *count, kk_error *err)
{
    kk_code code = KK_OK;
    *count = 0;
    for (size_t i = 0; i < self->ring.record_count && code == KK_OK; i++) {
        const kk_kring_record *record = &self->ring.records[i];
        if (is_selected(&record->name, wanted)) {
            code = move_value(&self->ring, &self->keys, record, copy, keys, err);
            *count += record->name.kind == KK_KRING_VALUE;
        }
    }
    return code;
}

// Writes a file that must not be there, and looks that it opens again.
static kk_code write_copy(const kk_keyring *self, const char *path, const kk_kring *copy,
                          const kk_secret *keys, kk_error *err)
{
    const kk_io *io = self->store.io;
    kk_place place = {.dir = -1};
    kk_buf bytes = {.limit = KK_KRING_MAX};
    kk_kring again = {0};
    kk_secret opened = {0};
    kk_code code = kk_kring_write(copy, keys, &bytes, err);
    if (code == KK_OK) {
        code = kk_kring_parse(kk_buf_view(&bytes), path, &again, err);
    }
    if (code == KK_OK) {
        code = kk_kring_unlock(&again, keys, &opened, err);
    }
    if (code == KK_OK) {
        int number = kk_place_open(&place, io, path, false);
        if (number == 0) {
            number = kk_io_write_new(io, place.dir, place.name, kk_buf_view(&bytes));
        }
        if (number == 0 && io->sync(place.dir) != 0) {
            number = errno;
        }
        code = number == 0 ? KK_OK : kk_io_fail(err, number, "write the copy", path);
    }
    kk_place_close(&place, io);
    kk_secret_clean(&opened);
    kk_kring_clean(&again);
    kk_buf_clean(&bytes);
    return code;
}

static kk_code check_selection(const kk_keyring *self, selection wanted, kk_error *err)
{
    if (wanted.plugin == NULL) {
        return KK_OK;
    }
    return kk_kring_require(&self->ring, wanted.plugin, wanted.account, NULL, err);
}

static kk_code export_to(kk_keyring *self, const char *path, selection wanted,
                         const kk_kring_slot_plan *plan, size_t *count, kk_error *err)
{
    kk_kring copy = {0};
    kk_secret keys = {0};
    uint32_t number = 0;
    kk_code code = check_selection(self, wanted, err);
    if (code == KK_OK) {
        code = kk_kring_create(NULL, path, plan->now, &copy, &keys, err);
    }
    if (code == KK_OK) {
        code = kk_kring_add_slot(&copy, &keys, plan, &number, err);
    }
    if (code == KK_OK) {
        copy.generation = 1;
        kk_secret_wake(&self->keys);
        code = fill_copy(self, wanted, &copy, &keys, count, err);
        kk_secret_rest(&self->keys);
    }
    if (code == KK_OK) {
        code = write_copy(self, path, &copy, &keys, err);
    }
    kk_secret_clean(&keys);
    kk_kring_clean(&copy);
    return code;
}

kk_code kk_keyring_export(kk_keyring *keyring, const char *path, const char *plugin,
                          const char *account, const kk_keyring_new_slot *slot, char *key_text,
                          size_t *count, kk_error *err)
{
    kk_found_key key = {.kind = KK_KRING_SLOT_RAW_KEY};
    bool is_new = false;
    kk_code code = kk_keyring_need_snapshot(keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_settle_slot(keyring, slot, &key, &is_new, err);
    }
    if (code == KK_OK) {
        kk_kring_slot_plan plan = {.key = {key.kind, &key.secret},
                                   .work = kk_kring_default_work(),
                                   .label = slot->label != NULL ? slot->label : "",
                                   .now = kk_keyring_now()};
        code = export_to(keyring, path, (selection){plugin, account}, &plan, count, err);
    }
    if (code == KK_OK) {
        key_text[0] = '\0';
        if (is_new) {
            kk_key_format(&key.secret, key_text);
        }
    }
    kk_found_key_clean(&key);
    return code;
}

// ---- Import

typedef struct import_edit {
    const kk_keyring_import_options *options;
    const kk_kring *copy;
    const kk_secret *copy_keys;
    kk_keyring_imported counts;
} import_edit;

static kk_code fail_conflict(const kk_kring_name *name, kk_error *err)
{
    kk_code code =
        kk_fail(err, KK_ERR_CONFLICT,
                "'%.*s/%.*s/%.*s' has another value here than in the copy; nothing was "
                "imported",
                KK_STR_ARG(name->plugin), KK_STR_ARG(name->account), KK_STR_ARG(name->field));
    kk_fail_hint(err, "choose with --on-conflict skip or replace");
    return code;
}

static kk_code is_same_value(const kk_kring *ring, const kk_secret *keys,
                             const kk_kring_record *record, kk_str value, bool *same, kk_error *err)
{
    kk_secret here = {0};
    kk_code code = kk_kring_open_value(ring, keys, record, &here, err);
    *same = code == KK_OK && kk_str_equals(kk_secret_view(&here), value);
    kk_secret_clean(&here);
    return code;
}

// Decides what becomes of one value, and counts it; *put if it is to be stored.
static kk_code weigh(import_edit *edit, const kk_kring *ring, const kk_secret *keys,
                     const kk_kring_name *name, kk_str value, bool *put, kk_error *err)
{
    const kk_kring_record *here = kk_kring_find(ring, name);
    bool same = false;
    *put = here == NULL;
    if (here == NULL) {
        edit->counts.added++;
        return KK_OK;
    }
    kk_code code = is_same_value(ring, keys, here, value, &same, err);
    if (code != KK_OK || same) {
        edit->counts.same += same;
        return code;
    }
    switch (edit->options->on_conflict) {
    case KK_KEYRING_CONFLICT_SKIP:
        edit->counts.skipped++;
        return KK_OK;
    case KK_KEYRING_CONFLICT_REPLACE:
        edit->counts.replaced++;
        *put = true;
        return KK_OK;
    default:
        return fail_conflict(name, err);
    }
}

static kk_code import_value(import_edit *edit, kk_kring *ring, const kk_secret *keys,
                            const kk_kring_record *record, kk_error *err)
{
    kk_secret value = {0};
    bool put = false;
    kk_code code = kk_kring_open_value(edit->copy, edit->copy_keys, record, &value, err);
    if (code == KK_OK) {
        code = weigh(edit, ring, keys, &record->name, kk_secret_view(&value), &put, err);
    }
    if (code == KK_OK && put) {
        code = kk_kring_check_collision(ring, record->name.plugin, record->name.account, err);
    }
    if (code == KK_OK && put) {
        code =
            kk_kring_put(ring, keys, &record->name, kk_secret_view(&value), kk_keyring_now(), err);
    }
    kk_secret_clean(&value);
    return code;
}

// A default of the copy, for a plugin that has none here.  It says what its account was there, so
// it must not choose among accounts that were here before.
static kk_code import_default(kk_kring *ring, const bool *was_new, const kk_kring_record *record,
                              kk_error *err)
{
    if (!*was_new || kk_kring_default(ring, record->name.plugin) != NULL) {
        return KK_OK;
    }
    return kk_kring_put(ring, NULL, &record->name, (kk_str){0}, kk_keyring_now(), err);
}

static bool has_plugin(const kk_kring *ring, kk_str plugin)
{
    for (size_t i = 0; i < ring->record_count; i++) {
        if (kk_str_equals(ring->records[i].name.plugin, plugin)) {
            return true;
        }
    }
    return false;
}

static kk_code edit_import(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                           kk_error *err)
{
    import_edit *edit = context;
    const kk_kring *copy = edit->copy;
    edit->counts = (kk_keyring_imported){0};
    kk_code code = KK_OK;
    // Defaults are sorted behind the values, so whether a plugin is new is asked before all.
    bool is_new[KK_KRING_RECORDS_MAX];
    for (size_t i = 0; i < copy->record_count; i++) {
        is_new[i] = !has_plugin(ring, copy->records[i].name.plugin);
    }
    for (size_t i = 0; i < copy->record_count && code == KK_OK; i++) {
        const kk_kring_record *record = &copy->records[i];
        code = record->name.kind == KK_KRING_VALUE ? import_value(edit, ring, keys, record, err)
                                                   : import_default(ring, &is_new[i], record, err);
    }
    *changed = !edit->options->dry_run && edit->counts.added + edit->counts.replaced > 0;
    return code;
}

// Opens the copy with the key that is given for it, or with our own.
static kk_code open_copy(kk_keyring *self, const kk_keyring_store *store,
                         const kk_keyring_import_options *options, kk_kring *copy, kk_secret *keys,
                         kk_error *err)
{
    kk_found_key key = {.kind = KK_KRING_SLOT_RAW_KEY};
    kk_str text = {options->secret, options->secret_len};
    kk_code code = kk_keyring_file_read(store, NULL, copy, NULL, err);
    bool absent = false;
    if (code == KK_OK && options->key_file != NULL) {
        code = kk_key_file_read(store->io, options->key_file, &key.secret, &absent, err);
        if (code == KK_OK && absent) {
            code = kk_fail(err, KK_ERR_IO, "the key file '%s' does not exist", options->key_file);
        }
    } else if (code == KK_OK && text.ptr == NULL) {
        kk_kring_key own;
        code = kk_keyring_own_key(self, &own, err);
        if (code == KK_OK) {
            code = kk_kring_unlock_slot(copy, own, NULL, keys, err);
            kk_secret_rest(&self->found.secret);
        }
        return code;
    } else if (code == KK_OK && kk_str_starts_with(text, "KRKEY1-")) {
        code = kk_key_parse(text, "the text given for the copy", &key.secret, err);
    } else if (code == KK_OK) {
        kk_keyring_new_slot slot = {.passphrase = text.ptr, .passphrase_len = text.len};
        code = kk_keyring_settle_slot(self, &slot, &key, &absent, err);
    }
    if (code == KK_OK) {
        code = kk_kring_unlock_slot(copy, (kk_kring_key){key.kind, &key.secret}, NULL, keys, err);
    }
    kk_found_key_clean(&key);
    return code;
}

kk_code kk_keyring_import(kk_keyring *keyring, const char *path,
                          const kk_keyring_import_options *options, kk_keyring_imported *out,
                          kk_error *err)
{
    kk_keyring_store store = {.io = keyring->store.io, .path = path};
    kk_kring copy = {0};
    kk_secret keys = {0};
    import_edit edit = {.options = options, .copy = &copy, .copy_keys = &keys};
    if (options->size != sizeof *options) {
        return kk_fail(err, KK_ERR_USAGE,
                       "kk_keyring_import_options.size is not that of this host");
    }
    kk_code code = open_copy(keyring, &store, options, &copy, &keys, err);
    if (code == KK_OK) {
        code = kk_keyring_change(keyring, edit_import, &edit, err);
    }
    if (kk_keyring_is_committed(code)) {
        *out = edit.counts;
    }
    kk_secret_clean(&keys);
    kk_kring_clean(&copy);
    return code;
}
