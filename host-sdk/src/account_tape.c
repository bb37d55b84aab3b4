// A tape's accounts: placeholders in place of secrets.
#include "account_private.h"
#include "fail.h"
#include <stdio.h>
#include <string.h>

bool kk_account_is_of(const kk_account *self, const kk_tape_account *account)
{
    return account->plugin == NULL ||
           strcmp(account->plugin, kk_plugin_manifest(self->plugin)->id) == 0;
}

// The placeholder of a field, {{SERVICE_TOKEN}}.
static kk_code put_placeholder(kk_account *self, size_t index, kk_error *err)
{
    char name[64] = "";
    char text[sizeof name + 4];
    kk_text_append_upper(name, sizeof name, self->credential->fields[index]->key);
    snprintf(text, sizeof text, "{{%s}}", name);
    return kk_account_put(self, index, kk_str_from(text), "tape", err);
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

// The account that [name] means, or with NULL the default or the only one; NULL if there is none.
static const kk_tape_account *find_in_tape(const kk_account *self, const kk_tape *tape,
                                           const kk_account_names *names, const char *name)
{
    size_t wanted = name != NULL ? kk_account_names_find(names, name) : 0;
    size_t at = 0;
    for (size_t i = 0; i < kk_tape_account_count(tape); i++) {
        const kk_tape_account *account = kk_tape_account_at(tape, i);
        if (!kk_account_is_of(self, account)) {
            continue;
        }
        bool chosen = name != NULL ? at == wanted : account->is_default || names->count == 1;
        if (chosen) {
            return account;
        }
        at++;
    }
    return NULL;
}

kk_code kk_account_take_tape(kk_account *self, const kk_account_sources *sources, const char *name,
                             kk_account_names *names, kk_error *err)
{
    const kk_tape *tape = sources->tape;
    kk_code code = kk_account_names_fill(self, sources, names, err);
    if (code != KK_OK) {
        return code;
    }
    const kk_tape_account *account = find_in_tape(self, tape, names, name);
    if (account == NULL && name != NULL) {
        return kk_account_fail_unknown(self, names, name, true, err);
    }
    if (account == NULL && names->count == 0 && sources->optional) {
        return kk_account_take_none(self, sources, false, err);
    }
    if (account == NULL) {
        return names->count > 1
                   ? kk_account_fail_ambiguous(self, names, true, err)
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
