// What the files of the account share.
//
//     account.c        which account: the rules, in their order
//     account_names.c  which accounts there are
//     account_tape.c   a tape's accounts
//     account_env.c    what the environment says
//     account_record.c what a recording has to know
//     account_use.c    rendering, origins, redaction and description
//     account_hide.c   a secret in a text, in all its forms
#ifndef KK_ACCOUNT_PRIVATE_H
#define KK_ACCOUNT_PRIVATE_H

#include "account.h"
#include "manifest.h"

// Room for "environment " and the longest variable, three names of 63 bytes and what joins them.
#define KK_ACCOUNT_SOURCE_SIZE 256

// The name that an account from the vendor's own variables goes by.
#define KK_ACCOUNT_ENVIRONMENT "environment"

typedef struct kk_account_value {
    kk_secret value; // empty where the field is missing
    char source[KK_ACCOUNT_SOURCE_SIZE];
} kk_account_value;

struct kk_account {
    const kk_plugin *plugin;
    const kk_credential *credential; // NULL for a plugin without
    char name[64];
    char rule[192];
    bool is_named; // by the call or the host
    size_t field_count;
    // One for each of the credential's fields, in their order.
    kk_account_value values[KK_MANIFEST_FIELDS_MAX];
};

// An account of [plugin] without name or values.  *out is new, for kk_account_free().
KK_MUST_USE kk_code kk_account_make(const kk_plugin *plugin, kk_account **out, kk_error *err);

// Whether every field of the scheme has a value or a default.
bool kk_account_completes(const kk_account *self, const kk_scheme *scheme);

// Whether some scheme uses the field.
bool kk_account_is_in_a_scheme(const kk_account *self, const char *key);

// Covers secrets, each of at least six bytes, in [bytes], one after the other, as
// kk_account_redact() says.
void kk_account_hide(char *bytes, size_t len, const kk_str *values, size_t count);

// Stores a field's value and where it came from.
KK_MUST_USE kk_code kk_account_put(kk_account *self, size_t index, kk_str value, const char *source,
                                   kk_error *err);

// Takes the values that KK_CRED__<PLUGIN>__<account>__<FIELD>, or with [account] NULL
// KK_CRED__<PLUGIN>__<FIELD>, give.  *taken is how many.  Errors: KK_ERR_IO and KK_ERR_PERMS for a
// __FILE.
KK_MUST_USE kk_code kk_account_take_overrides(kk_account *self, const char *account, size_t *taken,
                                              kk_error *err);

// For an account whose secrets will be the keyring's: a URL that the environment gave must not send
// them to an origin that neither the manifest nor the keyring names.  Errors: KK_ERR_PARTIAL.
KK_MUST_USE kk_code kk_account_check_url_override(const kk_account *self, kk_error *err);

// Takes the vendor's own variables of the manifest.  Errors: KK_ERR_PARTIAL where there are some
// and no scheme is complete.
KK_MUST_USE kk_code kk_account_take_vendor(kk_account *self, size_t *taken, kk_error *err);

// The names of accounts that KK_CRED__<PLUGIN>__<ACCOUNT>__<FIELD> give a value, in lower case;
// returns how many of at most [size].
size_t kk_account_env_names(const kk_account *self, char (*names)[64], size_t size);

// KK_ACCOUNT_<PLUGIN>, or NULL; its name into [variable].
const char *kk_account_env_choice(const kk_account *self, char *variable, size_t variable_size);

// ---- Names

// Adds the accounts that [sources] know.  Errors: as kk_account_list().
KK_MUST_USE kk_code kk_account_names_fill(const kk_account *self, const kk_account_sources *sources,
                                          kk_account_names *out, kk_error *err);
KK_MUST_USE kk_code kk_account_names_add(kk_account_names *self, const char *name, kk_error *err);

// What nobody named and nobody stored: the account "none" if it is optional, else the failure.
KK_MUST_USE kk_code kk_account_take_none(kk_account *self, const kk_account_sources *sources,
                                         bool keyring_exists, kk_error *err);

// The failures of choosing, each returning its code.
kk_code kk_account_fail_unknown(const kk_account *self, const kk_account_names *names,
                                const char *name, bool in_tape, kk_error *err);
kk_code kk_account_fail_ambiguous(const kk_account *self, const kk_account_names *names,
                                  bool in_tape, kk_error *err);
kk_code kk_account_fail_none(const kk_account *self, const char *name, bool keyring_exists,
                             kk_error *err);

// ---- A tape

// Whether a tape's account is one of the plugin's.
bool kk_account_is_of(const kk_account *self, const kk_tape_account *account);

// Becomes the tape's account [name], or with NULL its default or only one.
KK_MUST_USE kk_code kk_account_take_tape(kk_account *self, const kk_account_sources *sources,
                                         const char *name, kk_account_names *names, kk_error *err);

#endif
