// From a plugin and perhaps a name to one account with its credential.
//
// The rules, in order: named in the call; the host's `account` option; KK_ACCOUNT_<PLUGIN>; the
// project's .kk.json; the stored default; the only account.  `default` as a name means the rules
// from the environment variable on.  All fields of a credential come from one account;
// KK_CRED__<PLUGIN>__<ACCOUNT>__<FIELD> (or ...__FILE, a path) overrides fields of it, and the
// two-part KK_CRED__<PLUGIN>__<FIELD> does so where no account was named.  Once they give one field
// of a scheme they have to give it whole, or it is KK_ERR_PARTIAL; a field of no scheme, such as a
// URL, may be overridden alone, but a URL from the environment never takes a stored credential to
// an origin that the manifest does not name.  Accounts that only such variables name count as
// accounts.  Where no account is stored and none was named, the vendor's own variables of the
// manifest make the account `environment`; half of them is KK_ERR_PARTIAL, naming the rest.  With
// every needed field from the environment the keyring is not opened.
//
// '-' and '_' in a name are the same, since Lua and variables write only the second; an exact match
// goes first.  A __FILE is a regular file of at most 65 536 bytes, with or without newlines at its
// end.
//
// Under replay the accounts are the tape's, the values of secret fields are the placeholders
// {{FIELD}}, and neither keyring nor environment is looked at.
#ifndef KK_ACCOUNT_H
#define KK_ACCOUNT_H

#include "config.h"
#include "loader.h"
#include "secret.h"
#include "tape.h"
#include "transport.h"
#include <kk/host.h>
#include <kk/keyring.h>

typedef struct kk_account kk_account;

// What resolving looks at.  All borrowed.
typedef struct kk_account_sources {
    const kk_config *config;
    kk_keyring *keyring;   // NULL under replay
    kk_tape *tape;         // NULL unless under replay
    const char *preferred; // kk_host_options.account, or NULL
    bool use_environment;
    bool optional; // the function needs no credential: no account is as good as one
} kk_account_sources;

// Resolves the account of [plugin]; [name] may be NULL.  It need not be complete.  *out is new,
// freed with kk_account_free(), which wipes the values.  A plugin without credentials gets an
// account named "none", and so does an optional one where there is none and none was named.
// Errors: KK_ERR_ACCOUNT_UNKNOWN with near names, KK_ERR_AMBIGUOUS listing the accounts,
// KK_ERR_PARTIAL, and every keyring code.  Threads: the caller sees to it that the keyring is used
// by one at a time.
KK_MUST_USE kk_code kk_account_resolve(const kk_account_sources *sources, const kk_plugin *plugin,
                                       const char *name, kk_account **out, kk_error *err);
void kk_account_free(kk_account *self);

const char *kk_account_name(const kk_account *self);

// The first complete scheme, or NULL.
const kk_scheme *kk_account_scheme(const kk_account *self);

// The names of a plugin's accounts.
typedef struct kk_account_names {
    char (*names)[64]; // the tape's; or those that are stored, then those of the environment
    size_t count;
    size_t capacity;
    size_t stored_count; // how many of them are in the keyring
    bool keyring_exists;
    char stored_default[64]; // or ""
} kk_account_names;

// Lists the accounts of [plugin]; without credentials it has none.  No key is needed, and no
// keyring is none stored.  *out is new, for kk_account_names_clean().  Errors: every keyring code
// but KK_ERR_NO_KEYRING.
KK_MUST_USE kk_code kk_account_list(const kk_account_sources *sources, const kk_plugin *plugin,
                                    kk_account_names *out, kk_error *err);
void kk_account_names_clean(kk_account_names *self);

// The index of [name], or of the one name that differs from it only by '-' and '_', or the count.
size_t kk_account_names_find(const kk_account_names *self, const char *name);

// Writes the names, comma-separated; or those near to [name], quoted, of which it returns how many.
void kk_account_names_write(const kk_account_names *self, char *out, size_t out_size);
size_t kk_account_names_near(const kk_account_names *self, const char *name, char *out,
                             size_t out_size);

// KK_OK if a scheme is complete.  Errors: KK_ERR_CREDENTIAL_INCOMPLETE, naming the account, what is
// missing, and the command that stores it.
KK_MUST_USE kk_code kk_account_check_complete(const kk_account *self, kk_error *err);

// The configuration for the plugin's open(), as JSON: {"account","scheme","fields":{what is not
// secret}}.
void kk_account_write_config(const kk_account *self, kk_buf *out);

// Renders the scheme's header value into [out], in locked memory.  A value with CR, LF, NUL or a
// byte above 0x7E is refused, and so is a header over 8192 bytes.  *out is untouched on failure.
// Errors: KK_ERR_CREDENTIAL_INCOMPLETE, KK_ERR_INVALID_ARGS (never repeating the value),
// KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_account_render(const kk_account *self, kk_secret *out, kk_error *err);

// Whether the URL's origin is one that the manifest lists for the credential.
bool kk_account_declares(const kk_account *self, const char *url);

// Whether a URL may get the credential: its origin is one of the slot's, or that of the account's
// own URL field.
bool kk_account_allows(const kk_account *self, const char *url);

// Replaces every occurrence of a secret value in [bytes], in place, with '*': as it is, as JSON or
// a URL escapes it, in hexadecimal, and in base64 and base64url with whatever before it.  Values
// shorter than six bytes are left: they would shred the text.
void kk_account_redact(const kk_account *self, char *bytes, size_t len);

// For kk_host_lend().
KK_MUST_USE kk_code kk_account_lend(const kk_account *self, kk_lend_fn use, void *context,
                                    kk_error *err);

// What the recording of a request has to know; [shape] gets the header with placeholders, and what
// *out points at is the account's and the buffer's.
void kk_account_fill_recorded(const kk_account *self, kk_buf *shape, kk_request_account *out);

// For kk_host_which().
KK_MUST_USE kk_code kk_account_describe(const kk_account *self, kk_account_info **out,
                                        kk_error *err);

#endif
