// What the host tells and lends of accounts beyond calls.
#include "account.h"
#include "fail.h"
#include "field_check.h"
#include "host_private.h"
#include "registry.h"

kk_code kk_host_is_known_origin(const kk_host *host, const char *plugin, const char *key,
                                const char *url, size_t url_len, const char *current,
                                size_t current_len, bool *known, kk_error *err)
{
    const kk_plugin *found = NULL;
    kk_code code = kk_registry_find_plugin(host->registry, plugin, &found, err);
    if (code == KK_OK) {
        *known = kk_field_is_known_origin(found, key, (kk_str){url, url_len},
                                          (kk_str){current, current_len});
    }
    return code;
}

kk_code kk_host_lend(kk_host *host, const char *plugin, const char *account, kk_lend_fn use,
                     void *context, kk_error *err)
{
    const kk_plugin *found = NULL;
    kk_account *resolved = NULL;
    if (host->keyring == NULL) {
        return kk_fail(err, KK_ERR_USAGE, "a replayed account has no credential to lend");
    }
    kk_code code = kk_registry_find_plugin(host->registry, plugin, &found, err);
    if (code == KK_OK) {
        code = kk_host_resolve(host, found, account, false, &resolved, err);
    }
    if (code == KK_OK) {
        code = kk_account_lend(resolved, use, context, err);
    }
    kk_account_free(resolved);
    return code;
}
