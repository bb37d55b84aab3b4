// Changes to a keyring in memory, and what it has under which name.
#ifndef KK_KEYRING_EDIT_H
#define KK_KEYRING_EDIT_H

#include "keyring_slot.h"
#include <kk/keyring.h>

// The record of that name, or NULL.
const kk_kring_record *kk_kring_find(const kk_kring *self, const kk_kring_name *name);

// The default pointer of [plugin], or NULL.
const kk_kring_record *kk_kring_default(const kk_kring *self, kk_str plugin);

// Fails with KK_ERR_ACCOUNT_UNKNOWN and near names unless there is such a field, or with [field]
// NULL such an account.
KK_MUST_USE kk_code kk_kring_require(const kk_kring *self, const char *plugin, const char *account,
                                     const char *field, kk_error *err);

// Checks names and values before anything is opened.  Errors: KK_ERR_INVALID_ARGS.
KK_MUST_USE kk_code kk_kring_check_values(const char *plugin, const char *account,
                                          const kk_keyring_value *values, size_t count,
                                          kk_error *err);

// Fails with KK_ERR_INVALID_ARGS if another account of [plugin] differs only by '-' and '_'.
KK_MUST_USE kk_code kk_kring_check_collision(const kk_kring *self, kk_str plugin, kk_str account,
                                             kk_error *err);

// Puts a record in its place, instead of the one of its name if there is one.  Errors:
// KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_kring_put(kk_kring *self, const kk_secret *keys, const kk_kring_name *name,
                                 kk_str value, uint64_t now, kk_error *err);

// Stores checked values; the first account of a plugin becomes its default.  Errors:
// KK_ERR_INVALID_ARGS for an account that differs from another only by '-' and '_', INTERNAL.
KK_MUST_USE kk_code kk_kring_set(kk_kring *self, const kk_secret *keys, const char *plugin,
                                 const char *account, const kk_keyring_value *values, size_t count,
                                 uint64_t now, kk_error *err);

// Removes a field, or with [field] NULL the account, and the default that points at an account
// that is then empty.  Errors: KK_ERR_ACCOUNT_UNKNOWN.
KK_MUST_USE kk_code kk_kring_remove(kk_kring *self, const char *plugin, const char *account,
                                    const char *field, kk_error *err);

// Points the default of [plugin] at [account], or with NULL removes it.  *changed is false if it
// was so already.  Errors: KK_ERR_ACCOUNT_UNKNOWN, INTERNAL.
KK_MUST_USE kk_code kk_kring_point(kk_kring *self, const char *plugin, const char *account,
                                   uint64_t now, bool *changed, kk_error *err);

#endif
