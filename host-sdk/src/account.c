// Which account a call uses: the rules, in their order.
#include "account_private.h"
#include "fail.h"
#include <stdlib.h>
#include <string.h>

bool kk_account_completes(const kk_account *self, const kk_scheme *scheme)
{
    for (const char *const *wanted = scheme->fields; *wanted != NULL; wanted++) {
        size_t i = 0;
        while (i < self->field_count && strcmp(self->credential->fields[i]->key, *wanted) != 0) {
            i++;
        }
        if (i == self->field_count || (self->values[i].value.len == 0 &&
                                       self->credential->fields[i]->default_value == NULL)) {
            return false;
        }
    }
    return true;
}

bool kk_account_is_in_a_scheme(const kk_account *self, const char *key)
{
    for (const kk_scheme *const *scheme = self->credential->schemes; *scheme != NULL; scheme++) {
        for (const char *const *field = (*scheme)->fields; *field != NULL; field++) {
            if (strcmp(*field, key) == 0) {
                return true;
            }
        }
    }
    return false;
}

kk_code kk_account_put(kk_account *self, size_t index, kk_str value, const char *source,
                       kk_error *err)
{
    kk_account_value *slot = &self->values[index];
    kk_secret_clean(&slot->value);
    kk_code code = kk_secret_make(&slot->value, value.len, err);
    if (code == KK_OK) {
        code = kk_secret_append(&slot->value, value.ptr, value.len, err);
    }
    kk_text_set(slot->source, sizeof slot->source, source);
    return code;
}

void kk_account_free(kk_account *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->field_count; i++) {
        kk_secret_clean(&self->values[i].value);
    }
    free(self);
}

static void set_name(kk_account *self, const char *name, const char *rule)
{
    kk_text_set(self->name, sizeof self->name, name);
    kk_text_set(self->rule, sizeof self->rule, rule);
}

kk_code kk_account_make(const kk_plugin *plugin, kk_account **out, kk_error *err)
{
    kk_account *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for an account");
    }
    self->plugin = plugin;
    const kk_credential *const *credentials = kk_plugin_manifest(plugin)->credentials;
    self->credential = credentials != NULL ? credentials[0] : NULL;
    while (self->credential != NULL && self->field_count < KK_MANIFEST_FIELDS_MAX &&
           self->credential->fields[self->field_count] != NULL) {
        self->field_count++;
    }
    *out = self;
    return KK_OK;
}

static kk_code fill_defaults(kk_account *self, kk_error *err)
{
    for (size_t i = 0; i < self->field_count; i++) {
        const char *text = self->credential->fields[i]->default_value;
        if (self->values[i].value.len > 0 || text == NULL) {
            continue;
        }
        kk_code code = kk_account_put(self, i, kk_str_from(text), "default", err);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

// ---- Choosing a name

static bool is_named(const char *name)
{
    return name != NULL && strcmp(name, "default") != 0;
}

// The name that somebody asked for, and who; NULL if nobody did.
static const char *asked_for(kk_account *self, const kk_account_sources *sources, const char *name)
{
    if (name != NULL) {
        kk_text_set(self->rule, sizeof self->rule, "named in the call");
    } else if (sources->preferred != NULL) {
        name = sources->preferred;
        kk_text_set(self->rule, sizeof self->rule, "named for the host");
    }
    if (is_named(name)) {
        self->is_named = true;
        return name;
    }
    if (sources->tape != NULL) {
        return NULL;
    }
    char variable[96];
    name = sources->use_environment ? kk_account_env_choice(self, variable, sizeof variable) : NULL;
    if (is_named(name)) {
        kk_text_set(self->rule, sizeof self->rule, variable);
        return name;
    }
    name = kk_config_project_account(sources->config, kk_plugin_manifest(self->plugin)->id);
    if (is_named(name)) {
        kk_text_set(self->rule, sizeof self->rule, kk_config_project_path(sources->config));
        return name;
    }
    return NULL;
}

// ---- Stored accounts

typedef struct lent_value {
    kk_account *account;
    size_t index;
} lent_value;

static kk_code take_lent(void *context, const char *value, size_t value_len, kk_error *err)
{
    lent_value *to = context;
    return kk_account_put(to->account, to->index, (kk_str){value, value_len}, "keyring", err);
}

// Takes the fields that the keyring has and nothing else has given yet.
static kk_code take_stored(kk_account *self, kk_keyring *keyring, kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    for (size_t i = 0; i < self->field_count; i++) {
        if (self->values[i].value.len > 0) {
            continue;
        }
        lent_value to = {self, i};
        kk_error why = {0};
        kk_code code = kk_keyring_use(keyring, id, self->name, self->credential->fields[i]->key,
                                      take_lent, &to, &why);
        if (code != KK_OK && code != KK_ERR_ACCOUNT_UNKNOWN) {
            if (err != NULL && err->code == KK_OK) {
                *err = why;
            }
            return code;
        }
    }
    return KK_OK;
}

// The fields of a credential come from one source: once the environment gives one, it has to give
// them all.
static kk_code check_overrides_whole(const kk_account *self, kk_error *err)
{
    for (size_t i = 0; i < self->field_count; i++) {
        const char *key = self->credential->fields[i]->key;
        if (self->values[i].value.len == 0 || !kk_account_is_in_a_scheme(self, key) ||
            kk_account_scheme(self) != NULL) {
            continue;
        }
        kk_fail(err, KK_ERR_PARTIAL, "%s gives '%s' alone, which completes no credential",
                self->values[i].source, key);
        kk_fail_hint(err, "give the other fields in the same way, or unset it");
        return KK_ERR_PARTIAL;
    }
    return KK_OK;
}

// Fills the account [name], from the environment first.  With all it needs there, the keyring is
// not opened.
static kk_code fill_named(kk_account *self, const kk_account_sources *sources, const char *name,
                          kk_error *err)
{
    size_t taken = 0;
    kk_code code = KK_OK;
    kk_text_set(self->name, sizeof self->name, name);
    if (sources->use_environment) {
        code = kk_account_take_overrides(self, name, &taken, err);
    }
    if (code == KK_OK) {
        code = check_overrides_whole(self, err);
    }
    bool from_environment = taken > 0 && kk_account_scheme(self) != NULL;
    if (code == KK_OK && !from_environment) {
        code = kk_account_check_url_override(self, err);
    }
    if (code == KK_OK && !from_environment) {
        code = take_stored(self, sources->keyring, err);
    }
    return code;
}

// An account that somebody named.
static kk_code resolve_named(kk_account *self, const kk_account_sources *sources, const char *name,
                             kk_account_names *names, kk_error *err)
{
    kk_code code;
    if (sources->use_environment && kk_name_is_valid(name, true)) {
        size_t taken = 0;
        kk_text_set(self->name, sizeof self->name, name);
        code = kk_account_take_overrides(self, name, &taken, err);
        if (code != KK_OK || (taken > 0 && kk_account_scheme(self) != NULL)) {
            return code;
        }
    }
    code = kk_account_names_fill(self, sources, names, err);
    if (code != KK_OK) {
        return code;
    }
    size_t at = kk_account_names_find(names, name);
    if (at < names->count) {
        return fill_named(self, sources, names->names[at], err);
    }
    return names->keyring_exists || names->count > 0
               ? kk_account_fail_unknown(self, names, name, false, err)
               : kk_account_fail_none(self, name, false, err);
}

kk_code kk_account_take_none(kk_account *self, const kk_account_sources *sources,
                             bool keyring_exists, kk_error *err)
{
    if (!sources->optional) {
        return kk_account_fail_none(self, "main", keyring_exists, err);
    }
    set_name(self, "none", "the function needs no credential");
    return KK_OK;
}

static kk_code resolve_vendor(kk_account *self, const kk_account_sources *sources,
                              bool keyring_exists, kk_error *err)
{
    size_t taken = 0;
    kk_code code = kk_account_take_vendor(self, &taken, err);
    if (code != KK_OK) {
        return code;
    }
    if (taken == 0) {
        return kk_account_take_none(self, sources, keyring_exists, err);
    }
    set_name(self, KK_ACCOUNT_ENVIRONMENT, "the vendor's own variables");
    return KK_OK;
}

// Nobody named an account: the two-part overrides, the default, the only one, the vendor's
// variables.
static kk_code resolve_unnamed(kk_account *self, const kk_account_sources *sources,
                               kk_account_names *names, kk_error *err)
{
    kk_code code;
    if (sources->use_environment) {
        size_t taken = 0;
        code = kk_account_take_overrides(self, NULL, &taken, err);
        if (code == KK_OK) {
            code = check_overrides_whole(self, err);
        }
        if (code != KK_OK || (taken > 0 && kk_account_scheme(self) != NULL)) {
            set_name(self, KK_ACCOUNT_ENVIRONMENT, "KK_CRED__ without an account");
            return code;
        }
    }
    code = kk_account_names_fill(self, sources, names, err);
    if (code != KK_OK) {
        return code;
    }
    if (names->stored_default[0] != '\0') {
        kk_text_set(self->rule, sizeof self->rule, "the default");
        return fill_named(self, sources, names->stored_default, err);
    }
    if (names->count == 1) {
        kk_text_set(self->rule, sizeof self->rule, "the only account");
        return fill_named(self, sources, names->names[0], err);
    }
    if (names->count > 1) {
        return kk_account_fail_ambiguous(self, names, false, err);
    }
    return sources->use_environment
               ? resolve_vendor(self, sources, names->keyring_exists, err)
               : kk_account_take_none(self, sources, names->keyring_exists, err);
}

// ---- Resolving

static kk_code resolve(kk_account *self, const kk_account_sources *sources, const char *name,
                       kk_error *err)
{
    kk_account_names names = {0};
    const char *asked = asked_for(self, sources, name);
    kk_code code;
    if (sources->tape != NULL) {
        code = kk_account_take_tape(self, sources, asked, &names, err);
    } else if (asked != NULL) {
        code = resolve_named(self, sources, asked, &names, err);
    } else {
        code = resolve_unnamed(self, sources, &names, err);
    }
    kk_account_names_clean(&names);
    return code;
}

kk_code kk_account_resolve(const kk_account_sources *sources, const kk_plugin *plugin,
                           const char *name, kk_account **out, kk_error *err)
{
    kk_account *self = NULL;
    kk_code code = kk_account_make(plugin, &self, err);
    if (code != KK_OK) {
        return code;
    }
    if (self->credential == NULL) {
        set_name(self, "none", "the plugin needs no credential");
    } else {
        code = resolve(self, sources, name, err);
        if (code == KK_OK) {
            code = fill_defaults(self, err);
        }
    }
    if (code != KK_OK) {
        kk_account_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}
