// Documentation pages, with the accounts that there are.
#include "docs.h"
#include "fail.h"
#include "host_private.h"

static kk_code fail_account(const kk_plugin *plugin, const char *account,
                            const kk_account_names *names, kk_error *err)
{
    const char *id = kk_plugin_manifest(plugin)->id;
    char near[256], all[256];
    kk_account_names_write(names, all, sizeof all);
    kk_fail(err, KK_ERR_UNKNOWN_PAGE, "there is no such page: '%s' has no account '%s'", id,
            account);
    if (kk_account_names_near(names, account, near, sizeof near) > 0) {
        kk_fail_hint(err, "did you mean the account %s?", near);
    } else if (names->count > 0) {
        kk_fail_hint(err, "its accounts are: %s", all);
    } else {
        kk_fail_hint(err, "it has no account yet; leave the account out of the page's name");
    }
    return KK_ERR_UNKNOWN_PAGE;
}

kk_code kk_host_docs(kk_host *host, const char *page, char **text, kk_error *err)
{
    char account[64] = "";
    const kk_plugin *plugin = NULL;
    bool named = kk_docs_account(host->registry, page, &plugin, account);
    plugin = named ? plugin : kk_docs_plugin(host->registry, page);
    kk_account_names names = {0};
    kk_error why = {0};
    // A keyring that cannot be listed is no reason to withhold a page.
    bool listed = plugin != NULL && kk_host_list_accounts(host, plugin, &names, &why) == KK_OK;
    if (why.code != KK_OK) {
        kk_host_log(host, KK_LOG_INFO, "the accounts are not known: %s", why.message);
    }
    kk_code code = KK_OK;
    if (named && listed && kk_account_names_find(&names, account) == names.count) {
        code = fail_account(plugin, account, &names, err);
    } else {
        code = kk_docs_page(host->registry, listed ? &names : NULL, page, text, err);
    }
    kk_account_names_clean(&names);
    return code;
}

kk_code kk_host_docs_list(const kk_host *host, const char *prefix, char **json, kk_error *err)
{
    return kk_docs_list(host->registry, prefix, json, err);
}

kk_code kk_host_docs_search(const kk_host *host, const char *words, char **json, kk_error *err)
{
    return kk_docs_search(host->registry, words, json, err);
}
