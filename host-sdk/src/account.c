// Which account a call uses: the rules, in their order.
#include "account_private.h"
#include "fail.h"
#include "near.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 256 };

// The accounts that exist, wherever they do.
typedef struct known_accounts {
    char (*names)[64];
    size_t count;
    char stored_default[64]; // or ""
    bool in_keyring[NAMES_MAX];
} known_accounts;

bool kk_account_completes(const kk_account *self, const kk_scheme *scheme)
{
    for (const char *const *wanted = scheme->fields; *wanted != NULL; wanted++) {
        size_t i = 0;
        while (i < self->field_count && strcmp(self->credential->fields[i]->key, *wanted) != 0) {
            i++;
        }
        if (i == self->field_count || self->values[i].value.len == 0) {
            return false;
        }
    }
    return true;
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

static kk_code make_account(const kk_plugin *plugin, kk_account **out, kk_error *err)
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

// Account names match with '-' and '_' taken for the same, as Lua writes them.
static bool same_name(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b)) {
            return false;
        }
    }
    return *a == *b;
}

static size_t find_name(const known_accounts *known, const char *name)
{
    size_t i = 0;
    while (i < known->count && !same_name(known->names[i], name)) {
        i++;
    }
    return i;
}

static void list_names(const known_accounts *known, char *out, size_t out_size)
{
    out[0] = '\0';
    for (size_t i = 0, len = 0; i < known->count && len < out_size; i++) {
        len += (size_t)snprintf(out + len, out_size - len, "%s%s", i == 0 ? "" : ", ",
                                known->names[i]);
    }
}

static kk_code fail_unknown(const kk_account *self, const known_accounts *known, const char *name,
                            kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    const char *names[NAMES_MAX];
    char all[256];
    for (size_t i = 0; i < known->count; i++) {
        names[i] = known->names[i];
    }
    kk_fail(err, KK_ERR_ACCOUNT_UNKNOWN, "'%s' has no account '%.64s' (%s)", id, name, self->rule);
    list_names(known, all, sizeof all);
    kk_fail_near(err, name, names, known->count);
    if (known->count > 0) {
        kk_fail_hint(err, "its accounts are: %s", all);
    } else {
        kk_fail_hint(err, "store one: kk keyring set %s/%.64s", id, name);
    }
    return KK_ERR_ACCOUNT_UNKNOWN;
}

static kk_code fail_ambiguous(const kk_account *self, const known_accounts *known, kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    char all[384];
    list_names(known, all, sizeof all);
    char variable[96];
    kk_account_env_choice(self, variable, sizeof variable);
    kk_fail(err, KK_ERR_AMBIGUOUS, "'%s' has %zu accounts and no default: %s", id, known->count,
            all);
    kk_fail_hint(err, "pass --account, set %s, or run: kk keyring default %s %s", variable, id,
                 known->names[0]);
    return KK_ERR_AMBIGUOUS;
}

static kk_code fail_none(const kk_account *self, bool keyring_exists, kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    kk_code code = keyring_exists ? KK_ERR_ACCOUNT_UNKNOWN : KK_ERR_NO_KEYRING;
    kk_fail(err, code,
            keyring_exists ? "no account of '%s' is stored"
                           : "there is no keyring, and so no account of '%s'",
            id);
    kk_fail_hint(err, "%sstore one: kk keyring set %s/main",
                 keyring_exists ? "" : "make one: kk keyring init; then ", id);
    return code;
}

// ---- Stored accounts

static void add_known(known_accounts *known, const char *name, bool in_keyring)
{
    size_t at = find_name(known, name);
    if (at == known->count && at < NAMES_MAX) {
        kk_text_set(known->names[at], sizeof known->names[at], name);
        known->in_keyring[known->count++] = in_keyring;
    }
}

static kk_code list_stored(const kk_account *self, kk_keyring *keyring, known_accounts *known,
                           bool *keyring_exists, kk_error *err)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    kk_keyring_listing listing = {0};
    kk_error why = {0};
    kk_code code = kk_keyring_list(keyring, &listing, &why);
    *keyring_exists = code == KK_OK;
    if (code != KK_OK && code != KK_ERR_NO_KEYRING) {
        if (err != NULL && err->code == KK_OK) {
            *err = why;
        }
        return code;
    }
    for (size_t i = 0; i < listing.count; i++) {
        const kk_keyring_entry *entry = &listing.entries[i];
        if (strcmp(entry->plugin, id) != 0) {
            continue;
        }
        if (entry->field[0] == '\0') {
            kk_text_set(known->stored_default, sizeof known->stored_default, entry->account);
        } else {
            add_known(known, entry->account, true);
        }
    }
    return KK_OK;
}

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

static bool is_in_a_scheme(const kk_account *self, const char *key)
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

// The fields of a credential come from one source: once the environment gives one, it has to give
// them all.
static kk_code check_overrides_whole(const kk_account *self, kk_error *err)
{
    for (size_t i = 0; i < self->field_count; i++) {
        const char *key = self->credential->fields[i]->key;
        if (self->values[i].value.len == 0 || !is_in_a_scheme(self, key) ||
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

// Fills the account [name], from the environment first.
static kk_code fill_named(kk_account *self, const kk_account_sources *sources, const char *name,
                          const char *override_account, kk_error *err)
{
    kk_text_set(self->name, sizeof self->name, name);
    size_t taken = 0;
    kk_code code = KK_OK;
    if (sources->use_environment) {
        code = kk_account_take_overrides(self, override_account, &taken, err);
        if (code == KK_OK) {
            code = check_overrides_whole(self, err);
        }
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

// An account that somebody named.  With all it needs in the environment the keyring is not opened.
static kk_code resolve_named(kk_account *self, const kk_account_sources *sources, const char *name,
                             known_accounts *known, kk_error *err)
{
    kk_code code;
    if (sources->use_environment) {
        size_t taken = 0;
        kk_text_set(self->name, sizeof self->name, name);
        code = kk_account_take_overrides(self, name, &taken, err);
        if (code != KK_OK || (taken > 0 && kk_account_scheme(self) != NULL)) {
            return code;
        }
    }
    bool keyring_exists = false;
    code = list_stored(self, sources->keyring, known, &keyring_exists, err);
    if (code != KK_OK) {
        return code;
    }
    size_t at = find_name(known, name);
    if (at == known->count) {
        code = check_overrides_whole(self, err);
        if (code != KK_OK) {
            return code;
        }
        return keyring_exists ? fail_unknown(self, known, name, err) : fail_none(self, false, err);
    }
    return fill_named(self, sources, known->names[at], known->names[at], err);
}

static kk_code resolve_vendor(kk_account *self, bool keyring_exists, kk_error *err)
{
    size_t taken = 0;
    kk_code code = kk_account_take_vendor(self, &taken, err);
    if (code != KK_OK) {
        return code;
    }
    if (taken == 0) {
        return fail_none(self, keyring_exists, err);
    }
    set_name(self, KK_ACCOUNT_ENVIRONMENT, "the vendor's own variables");
    return KK_OK;
}

// Nobody named an account: the two-part overrides, the default, the only one, the vendor's
// variables.
static kk_code resolve_unnamed(kk_account *self, const kk_account_sources *sources,
                               known_accounts *known, kk_error *err)
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
    bool keyring_exists = false;
    code = list_stored(self, sources->keyring, known, &keyring_exists, err);
    if (code != KK_OK) {
        return code;
    }
    char env_names[16][64];
    size_t env_count = sources->use_environment ? kk_account_env_names(self, env_names, 16) : 0;
    for (size_t i = 0; i < env_count; i++) {
        add_known(known, env_names[i], false);
    }
    if (known->stored_default[0] != '\0') {
        kk_text_set(self->rule, sizeof self->rule, "the default");
        return fill_named(self, sources, known->stored_default, known->stored_default, err);
    }
    if (known->count == 1) {
        kk_text_set(self->rule, sizeof self->rule, "the only account");
        return fill_named(self, sources, known->names[0], known->names[0], err);
    }
    if (known->count > 1) {
        return fail_ambiguous(self, known, err);
    }
    return sources->use_environment ? resolve_vendor(self, keyring_exists, err)
                                    : fail_none(self, keyring_exists, err);
}

// ---- A tape's accounts

// The placeholder of a field, {{SERVICE_TOKEN}}.
static kk_code put_placeholder(kk_account *self, size_t index, kk_error *err)
{
    char text[80] = "{{";
    size_t len = 2;
    for (const char *key = self->credential->fields[index]->key; *key != '\0' && len < 70; key++) {
        text[len++] = (char)toupper((unsigned char)*key);
    }
    text[len++] = '}';
    text[len++] = '}';
    return kk_account_put(self, index, (kk_str){text, len}, "tape", err);
}

static kk_code put_placeholders(kk_account *self, const kk_scheme *scheme, kk_error *err)
{
    for (size_t i = 0; i < self->field_count; i++) {
        bool wanted = false;
        for (const char *const *field = scheme->fields; *field != NULL; field++) {
            wanted = wanted || strcmp(*field, self->credential->fields[i]->key) == 0;
        }
        kk_code code = wanted ? put_placeholder(self, i, err) : KK_OK;
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

static void drop_values(kk_account *self)
{
    for (size_t i = 0; i < self->field_count; i++) {
        kk_secret_clean(&self->values[i].value);
    }
}

// Without a scheme in the tape, its first authorization tells: the scheme that renders to it.
static kk_code take_shape(kk_account *self, const char *shape, kk_error *err)
{
    for (const kk_scheme *const *scheme = self->credential->schemes; *scheme != NULL; scheme++) {
        kk_secret rendered = {0};
        drop_values(self);
        kk_code code = put_placeholders(self, *scheme, err);
        if (code == KK_OK) {
            code = kk_account_render(self, &rendered, err);
        }
        bool fits = code == KK_OK && (shape == NULL || kk_str_is(kk_secret_view(&rendered), shape));
        kk_secret_clean(&rendered);
        if (code != KK_OK || fits) {
            return code;
        }
    }
    drop_values(self);
    return put_placeholders(self, self->credential->schemes[0], err);
}

static kk_code take_scheme(kk_account *self, const kk_tape *tape, const char *name, kk_error *err)
{
    if (name == NULL) {
        return take_shape(self, kk_tape_shape(tape), err);
    }
    for (const kk_scheme *const *scheme = self->credential->schemes; *scheme != NULL; scheme++) {
        if (strcmp((*scheme)->name, name) == 0) {
            return put_placeholders(self, *scheme, err);
        }
    }
    return kk_fail(err, KK_ERR_TAPE_INVALID,
                   "account '%s' of the tape has scheme '%.64s', which '%s' lacks", self->name,
                   name, kk_plugin_manifest(self->plugin)->id);
}

static const kk_tape_account *find_in_tape(const kk_account *self, const kk_tape *tape,
                                           const char *name, known_accounts *known)
{
    const char *id = kk_plugin_manifest(self->plugin)->id;
    const kk_tape_account *found = NULL;
    const kk_tape_account *fallback = NULL;
    for (size_t i = 0; i < kk_tape_account_count(tape); i++) {
        const kk_tape_account *account = kk_tape_account_at(tape, i);
        if (account->plugin != NULL && strcmp(account->plugin, id) != 0) {
            continue;
        }
        add_known(known, account->name, false);
        if (name != NULL && same_name(account->name, name)) {
            found = account;
        }
        if (account->is_default || fallback == NULL) {
            fallback = account;
        }
    }
    if (name != NULL) {
        return found;
    }
    return known->count == 1 || (fallback != NULL && fallback->is_default) ? fallback : NULL;
}

static kk_code resolve_in_tape(kk_account *self, const kk_tape *tape, const char *name,
                               known_accounts *known, kk_error *err)
{
    const kk_tape_account *account = find_in_tape(self, tape, name, known);
    if (account == NULL && name != NULL) {
        return fail_unknown(self, known, name, err);
    }
    if (account == NULL) {
        return known->count > 1
                   ? fail_ambiguous(self, known, err)
                   : kk_fail(err, KK_ERR_ACCOUNT_UNKNOWN, "the tape has no account of '%s'",
                             kk_plugin_manifest(self->plugin)->id);
    }
    kk_text_set(self->name, sizeof self->name, account->name);
    if (name == NULL) {
        kk_text_set(self->rule, sizeof self->rule,
                    account->is_default ? "the tape's default" : "the tape's only account");
    }
    return take_scheme(self, tape, account->scheme, err);
}

// ---- Resolving

static kk_code resolve(kk_account *self, const kk_account_sources *sources, const char *name,
                       kk_error *err)
{
    known_accounts known = {.names = calloc(NAMES_MAX, sizeof *known.names)};
    if (known.names == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the accounts");
    }
    const char *asked = asked_for(self, sources, name);
    kk_code code;
    if (sources->tape != NULL) {
        code = resolve_in_tape(self, sources->tape, asked, &known, err);
    } else if (asked != NULL) {
        code = resolve_named(self, sources, asked, &known, err);
    } else {
        code = resolve_unnamed(self, sources, &known, err);
    }
    free(known.names);
    return code;
}

kk_code kk_account_resolve(const kk_account_sources *sources, const kk_plugin *plugin,
                           const char *name, kk_account **out, kk_error *err)
{
    kk_account *self = NULL;
    kk_code code = make_account(plugin, &self, err);
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
