// Which accounts a plugin has, and the failures that list them.
#include "account_private.h"
#include "fail.h"
#include "near.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENV_NAMES_MAX = 64 };

// Account names match with '-' and '_' taken for the same, as Lua and variables write them.
static bool is_alike(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b)) {
            return false;
        }
    }
    return *a == *b;
}

size_t kk_account_names_find(const kk_account_names *self, const char *name)
{
    size_t found = self->count;
    bool several = false;
    for (size_t i = 0; i < self->count; i++) {
        if (strcmp(self->names[i], name) == 0) {
            return i;
        }
        if (is_alike(self->names[i], name)) {
            several = found < self->count;
            found = i;
        }
    }
    return several ? self->count : found;
}

void kk_account_names_clean(kk_account_names *self)
{
    free(self->names);
    *self = (kk_account_names){0};
}

kk_code kk_account_names_add(kk_account_names *self, const char *name, kk_error *err)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 16 : 2 * self->capacity;
        char(*grown)[64] = realloc(self->names, capacity * sizeof *grown);
        if (grown == NULL) {
            return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the accounts");
        }
        self->names = grown;
        self->capacity = capacity;
    }
    kk_text_set(self->names[self->count++], sizeof *self->names, name);
    return KK_OK;
}

// ---- Where they are

static kk_code add_stored(const kk_account *self, kk_keyring *keyring, kk_account_names *out,
                          kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    kk_keyring_listing listing = {0};
    kk_error why = {0};
    kk_code code = kk_keyring_list(keyring, &listing, &why);
    out->keyring_exists = code == KK_OK;
    if (code != KK_OK && code != KK_ERR_NO_KEYRING) {
        if (err != NULL && err->code == KK_OK) {
            *err = why;
        }
        return code;
    }
    code = KK_OK;
    for (size_t i = 0; i < listing.count && code == KK_OK; i++) {
        const kk_keyring_entry *entry = &listing.entries[i];
        // Fields of one account are neighbours.
        bool again = out->count > 0 && strcmp(out->names[out->count - 1], entry->account) == 0;
        if (strcmp(entry->plugin, id) != 0) {
            continue;
        }
        if (entry->field[0] == '\0') {
            kk_text_set(out->stored_default, sizeof out->stored_default, entry->account);
        } else if (!again) {
            code = kk_account_names_add(out, entry->account, err);
        }
    }
    out->stored_count = out->count;
    return code;
}

static kk_code add_environment(const kk_account *self, kk_account_names *out, kk_error *err)
{
    char names[ENV_NAMES_MAX][64];
    size_t count = kk_account_env_names(self, names, ENV_NAMES_MAX);
    kk_code code = KK_OK;
    for (size_t i = 0; i < count && code == KK_OK; i++) {
        if (kk_account_names_find(out, names[i]) == out->count) {
            code = kk_account_names_add(out, names[i], err);
        }
    }
    return code;
}

static kk_code add_tape(const kk_account *self, const kk_tape *tape, kk_account_names *out,
                        kk_error *err)
{
    kk_code code = KK_OK;
    for (size_t i = 0; i < kk_tape_account_count(tape) && code == KK_OK; i++) {
        const kk_tape_account *account = kk_tape_account_at(tape, i);
        if (kk_account_is_of(self, account)) {
            code = kk_account_names_add(out, account->name, err);
        }
    }
    return code;
}

kk_code kk_account_names_fill(const kk_account *self, const kk_account_sources *sources,
                              kk_account_names *out, kk_error *err)
{
    if (sources->tape != NULL) {
        return add_tape(self, sources->tape, out, err);
    }
    kk_code code = add_stored(self, sources->keyring, out, err);
    return code == KK_OK && sources->use_environment ? add_environment(self, out, err) : code;
}

kk_code kk_account_list(const kk_account_sources *sources, const kk_plugin *plugin,
                        kk_account_names *out, kk_error *err)
{
    kk_account *self = NULL;
    kk_account_names names = {0};
    kk_code code = kk_account_make(plugin, &self, err);
    if (code == KK_OK && self->credential != NULL) {
        code = kk_account_names_fill(self, sources, &names, err);
    }
    kk_account_free(self);
    if (code != KK_OK) {
        kk_account_names_clean(&names);
        return code;
    }
    *out = names;
    return KK_OK;
}

// ---- Failures

void kk_account_names_write(const kk_account_names *self, char *out, size_t out_size)
{
    out[0] = '\0';
    for (size_t i = 0, len = 0; i < self->count && len < out_size; i++) {
        len +=
            (size_t)snprintf(out + len, out_size - len, "%s%s", i == 0 ? "" : ", ", self->names[i]);
    }
}

size_t kk_account_names_near(const kk_account_names *self, const char *name, char *out,
                             size_t out_size)
{
    const char **names = calloc(self->count + 1, sizeof *names);
    out[0] = '\0';
    for (size_t i = 0; names != NULL && i < self->count; i++) {
        names[i] = self->names[i];
    }
    size_t found = names != NULL ? kk_near(name, names, self->count, out, out_size) : 0;
    free(names);
    return found;
}

kk_code kk_account_fail_unknown(const kk_account *self, const kk_account_names *names,
                                const char *name, bool in_tape, kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    char near[256], all[256];
    kk_fail(err, KK_ERR_ACCOUNT_UNKNOWN, "'%s' has no account '%.64s' (%s)", id, name, self->rule);
    kk_account_names_write(names, all, sizeof all);
    if (kk_account_names_near(names, name, near, sizeof near) > 0) {
        kk_fail_hint(err, "did you mean %s?", near);
    } else if (names->count > 0) {
        kk_fail_hint(err, "its accounts are: %s", all);
    } else if (in_tape) {
        kk_fail_hint(err, "the tape has no account of '%s'", id);
    } else {
        kk_fail_hint(err, "store one: kk keyring set %s/%.64s", id, name);
    }
    return KK_ERR_ACCOUNT_UNKNOWN;
}

kk_code kk_account_fail_ambiguous(const kk_account *self, const kk_account_names *names,
                                  bool in_tape, kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    char all[384], variable[96];
    kk_account_names_write(names, all, sizeof all);
    kk_account_env_choice(self, variable, sizeof variable);
    kk_fail(err, KK_ERR_AMBIGUOUS, "'%s' has %zu accounts and no default: %s", id, names->count,
            all);
    if (in_tape) {
        kk_fail_hint(err, "pass --account, or make one the default in the tape");
    } else if (names->stored_count == 0) {
        kk_fail_hint(err, "pass --account, or set %s", variable);
    } else {
        kk_fail_hint(err, "pass --account, set %s, or run: kk keyring default %s %s", variable, id,
                     names->names[0]);
    }
    return KK_ERR_AMBIGUOUS;
}

kk_code kk_account_fail_none(const kk_account *self, const char *name, bool keyring_exists,
                             kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    kk_code code = keyring_exists ? KK_ERR_ACCOUNT_UNKNOWN : KK_ERR_NO_KEYRING;
    kk_fail(err, code,
            keyring_exists ? "no account of '%s' is stored"
                           : "there is no keyring, and so no account of '%s'",
            id);
    kk_fail_hint(err, "%sstore one: kk keyring set %s/%.64s",
                 keyring_exists ? "" : "make one: kk keyring init; then ", id, name);
    return code;
}
