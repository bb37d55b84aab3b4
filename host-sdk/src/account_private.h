// What the files of the account share.
//
//     account.c      which account: the rules, in their order
//     account_env.c  what the environment says
//     account_use.c  rendering, origins, redaction and description
#ifndef KK_ACCOUNT_PRIVATE_H
#define KK_ACCOUNT_PRIVATE_H

#include "account.h"
#include "manifest.h"

// The name that an account from the vendor's own variables goes by.
#define KK_ACCOUNT_ENVIRONMENT "environment"

typedef struct kk_account_value {
    kk_secret value; // empty where the field is missing
    char source[192];
} kk_account_value;

struct kk_account {
    const kk_plugin *plugin;
    const kk_credential *credential; // NULL for a plugin without
    char name[64];
    char rule[192];
    size_t field_count;
    // One for each of the credential's fields, in their order.
    kk_account_value values[KK_MANIFEST_FIELDS_MAX];
};

// Whether every field of the scheme has a value.
bool kk_account_completes(const kk_account *self, const kk_scheme *scheme);

// Stores a field's value and where it came from.
KK_MUST_USE kk_code kk_account_put(kk_account *self, size_t index, kk_str value, const char *source,
                                   kk_error *err);

// Takes the values that KK_CRED__<PLUGIN>__<account>__<FIELD>, or with [account] NULL
// KK_CRED__<PLUGIN>__<FIELD>, give.  *taken is how many.  Errors: KK_ERR_IO, KK_ERR_PERMS for a
// __FILE.
KK_MUST_USE kk_code kk_account_take_overrides(kk_account *self, const char *account, size_t *taken,
                                              kk_error *err);

// Whether the origin of a URL is one that the manifest gives for the credential.
bool kk_account_declares(const kk_account *self, const char *url);

// For an account whose secrets will be the keyring's: a URL that the environment gave must not send
// them to an origin that neither the manifest nor the keyring names.  Errors: KK_ERR_PARTIAL.
KK_MUST_USE kk_code kk_account_check_url_override(const kk_account *self, kk_error *err);

// Takes the vendor's own variables of the manifest.  Errors: KK_ERR_PARTIAL where there are some
// and no scheme is complete.
KK_MUST_USE kk_code kk_account_take_vendor(kk_account *self, size_t *taken, kk_error *err);

// The names of accounts that KK_CRED__<PLUGIN>__<ACCOUNT>__... mention, in lower case; returns how
// many of at most [size].
size_t kk_account_env_names(const kk_account *self, char (*names)[64], size_t size);

// KK_ACCOUNT_<PLUGIN>, or NULL; its name into [variable].
const char *kk_account_env_choice(const kk_account *self, char *variable, size_t variable_size);

#endif
