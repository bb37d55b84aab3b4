// Whether a value may be stored as a field of an account, and a name given to an account.
#ifndef KK_FIELD_CHECK_H
#define KK_FIELD_CHECK_H

#include "loader.h"
#include "str.h"

// As kk_host_check_field().  A value that begins as another field of the plugin has to is refused,
// naming that field: it was pasted into the wrong one.
KK_MUST_USE kk_code kk_field_check(const kk_plugin *plugin, const char *key, kk_str value,
                                   kk_error *err);

// As kk_host_is_known_origin().
bool kk_field_is_known_origin(const kk_plugin *plugin, const char *key, kk_str url, kk_str current);

// As kk_host_check_account_name().
KK_MUST_USE kk_code kk_account_name_check(const kk_plugin *plugin, const char *account,
                                          kk_error *err);

#endif
