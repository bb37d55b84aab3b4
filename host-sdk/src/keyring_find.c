// The key of a handle: found, derived, remembered or asked for.
#include "fail.h"
#include "keyring_handle.h"
#include "keyring_session.h"
#include <kk/keyring.h>

enum { ASKED_MAX = 3 };

void kk_keyring_forget_key(kk_keyring *self)
{
    kk_secret_clean(&self->key);
    kk_found_key_clean(&self->found);
}

kk_key_sources kk_keyring_sources(const kk_keyring *self)
{
    return (kk_key_sources){.option_fd = self->key_fd,
                            .option_file = self->key_file,
                            .environment = self->environment,
                            .config_file = kk_config_key_file(self->config),
                            .config_command = kk_config_key_command(self->config)};
}

// A passphrase is derived once; from then on the keys that it led to open the file.
static kk_code open_by_passphrase(kk_keyring *self, const kk_secret *passphrase, kk_error *err)
{
    kk_kring ring = {0};
    kk_code code = kk_keyring_file_read(&self->store, NULL, &ring, NULL, err);
    if (code == KK_OK) {
        kk_kring_key key = {KK_KRING_SLOT_PASSPHRASE, passphrase};
        code = kk_kring_unlock_slot(&ring, key, NULL, &self->key, err);
    }
    kk_kring_clean(&ring);
    return code;
}

kk_code kk_keyring_copy_key(const kk_secret *key, kk_secret *out, kk_error *err)
{
    kk_code code = kk_secret_make(out, key->len, err);
    return code == KK_OK ? kk_secret_append(out, key->ptr, key->len, err) : code;
}

// Takes what the sources or somebody gave.
static kk_code take_found(kk_keyring *self, kk_found_key *found, kk_error *err)
{
    kk_code code = found->kind == KK_KRING_SLOT_PASSPHRASE
                       ? open_by_passphrase(self, &found->secret, err)
                       : kk_keyring_copy_key(&found->secret, &self->key, err);
    if (code != KK_OK) {
        kk_found_key_clean(found);
        return code;
    }
    kk_secret_rest(&self->key);
    kk_secret_rest(&found->secret);
    kk_found_key_clean(&self->found);
    self->found = *found;
    *found = (kk_found_key){.kind = KK_KRING_SLOT_RAW_KEY};
    return KK_OK;
}

kk_code kk_keyring_find_key(kk_keyring *self, bool *found, kk_error *err)
{
    *found = self->key.len > 0;
    if (*found) {
        return KK_OK;
    }
    if (self->found.secret.len > 0) {
        kk_found_key own = self->found;
        self->found = (kk_found_key){.kind = KK_KRING_SLOT_RAW_KEY};
        kk_secret_wake(&own.secret);
        *found = true;
        return take_found(self, &own, err);
    }
    kk_key_sources sources = kk_keyring_sources(self);
    kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
    kk_code code = kk_key_find(self->store.io, &sources, &given, found, err);
    if (code == KK_OK && *found) {
        return take_found(self, &given, err);
    }
    if (code == KK_OK && self->environment) {
        *found = kk_session_find(&self->store, &self->key);
        kk_secret_rest(&self->key);
    }
    return code;
}

static kk_code fail_need_key(const kk_keyring *self, kk_error *err)
{
    kk_key_sources sources = kk_keyring_sources(self);
    kk_buf why = {.limit = KK_TEXT_MAX};
    kk_key_write_absent(&sources, &why);
    kk_code code = kk_fail(err, KK_ERR_NEED_KEY, "no key for '%s': %s, nothing is unlocked, and %s",
                           self->store.path, kk_buf_text(&why), "nobody can be asked");
    kk_fail_hint(err, "set KK_KEY_FILE to the key file, or KK_KEY to the key's text");
    kk_buf_clean(&why);
    return code;
}

kk_code kk_keyring_ask_key(kk_keyring *self, const char *prompt, kk_found_key *out, kk_error *err)
{
    kk_secret text = {0};
    kk_code code = kk_secret_make(&text, KK_KRING_PASSPHRASE_MAX + 1, err);
    if (code == KK_OK) {
        code =
            self->ask(self->ask_context, prompt, (char *)text.ptr, text.capacity, &text.len, err);
    }
    if (code == KK_OK && (text.len == 0 || text.len > KK_KRING_PASSPHRASE_MAX)) {
        code = kk_fail(err, KK_ERR_KEY_SYNTAX, "a passphrase has 1 to %d bytes",
                       KK_KRING_PASSPHRASE_MAX);
    }
    bool is_key = code == KK_OK && kk_str_starts_with(kk_secret_view(&text), "KRKEY1-");
    if (is_key) {
        code = kk_key_parse(kk_secret_view(&text), "what was typed", &out->secret, err);
    } else if (code == KK_OK) {
        kk_secret_clean(&out->secret);
        out->secret = text;
        text = (kk_secret){0};
    }
    out->kind = is_key ? KK_KRING_SLOT_RAW_KEY : KK_KRING_SLOT_PASSPHRASE;
    kk_text_set(out->source, sizeof out->source, "the terminal");
    kk_secret_clean(&text);
    return code;
}

// Whether what was typed opens the file.
static kk_code try_typed(kk_keyring *self, kk_found_key *given, kk_error *err)
{
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_code code = take_found(self, given, err);
    if (code == KK_OK) {
        kk_secret_wake(&self->key);
        code = kk_keyring_file_read(&self->store, &self->key, &ring, &keys, err);
        kk_secret_rest(&self->key);
    }
    kk_kring_clean(&ring);
    kk_secret_clean(&keys);
    if (code != KK_OK) {
        kk_keyring_forget_key(self);
    }
    return code;
}

static kk_code ask_and_open(kk_keyring *self, kk_error *err)
{
    kk_buf prompt = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&prompt, "Passphrase or key of '%s': ", self->store.path);
    kk_code code = KK_ERR_WRONG_KEY;
    for (int i = 0; i < ASKED_MAX && code == KK_ERR_WRONG_KEY; i++) {
        kk_error why = {0};
        kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
        code = kk_keyring_ask_key(self, kk_buf_text(&prompt), &given, &why);
        if (code == KK_OK) {
            code = try_typed(self, &given, &why);
        } else if (code == KK_ERR_KEY_SYNTAX) {
            code = KK_ERR_WRONG_KEY;
        }
        kk_found_key_clean(&given);
        bool is_last = code != KK_ERR_WRONG_KEY || i + 1 == ASKED_MAX;
        if (code != KK_OK && code != KK_ERR_NEED_KEY && is_last && err != NULL &&
            err->code == KK_OK) {
            *err = why;
            code = why.code;
        }
    }
    kk_buf_clean(&prompt);
    return code == KK_ERR_NEED_KEY ? fail_need_key(self, err) : code;
}

kk_code kk_keyring_need_key(kk_keyring *self, kk_error *err)
{
    bool found = false;
    kk_code code = kk_keyring_find_key(self, &found, err);
    if (code != KK_OK || found) {
        return code;
    }
    kk_kring ring = {0};
    code = kk_keyring_file_read(&self->store, NULL, &ring, NULL, err);
    kk_kring_clean(&ring);
    if (code != KK_OK) {
        return code;
    }
    return self->ask != NULL ? ask_and_open(self, err) : fail_need_key(self, err);
}

bool kk_keyring_is_outdated(kk_keyring *self, kk_code code)
{
    bool outdated = code == KK_ERR_WRONG_KEY && self->key.len == sizeof(kk_kring_keys);
    if (outdated) {
        kk_keyring_forget_key(self);
    }
    return outdated;
}

kk_code kk_keyring_own_key(kk_keyring *self, kk_kring_key *out, kk_error *err)
{
    kk_code code = kk_keyring_need_key(self, err);
    if (code == KK_OK && self->found.secret.len == 0) {
        code = kk_fail(err, KK_ERR_NEED_KEY,
                       "the session's remembered key is not enough here, the key or passphrase "
                       "itself is needed");
        kk_fail_hint(err, "run 'kk keyring lock' first, or set KK_KEY_FILE");
    }
    if (code == KK_OK) {
        kk_secret_wake(&self->found.secret);
        *out = (kk_kring_key){self->found.kind, &self->found.secret};
    }
    return code;
}
