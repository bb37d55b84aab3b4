// Documentation pages, made from the manifests: what an agent reads before it calls.
#ifndef KK_DOCS_H
#define KK_DOCS_H

#include "account.h"
#include "registry.h"

// As kk_host_docs().  An account in the name of a page is taken as it is: whether it exists is for
// kk_docs_account() and its caller to say.  The page of a plugin lists [accounts], which may be
// NULL where they are not known.
KK_MUST_USE kk_code kk_docs_page(const kk_registry *registry, const kk_account_names *accounts,
                                 const char *page, char **text, kk_error *err);

// As kk_host_docs_list() and kk_host_docs_search().
KK_MUST_USE kk_code kk_docs_list(const kk_registry *registry, const char *prefix, char **json,
                                 kk_error *err);
KK_MUST_USE kk_code kk_docs_search(const kk_registry *registry, const char *words, char **json,
                                   kk_error *err);

// Whether the name of a page means all of them: "", "app", "integrations".  NULL does too.
bool kk_docs_is_root(const char *page);

// What stands after "app." and "integrations." in the name of a page.
const char *kk_docs_skip_prefix(const char *page);

// The plugin whose own page this is, with an account or without; NULL for every other page.
const kk_plugin *kk_docs_plugin(const kk_registry *registry, const char *page);

// The account that the name of a page holds, such as "production" in
// "integrations.planetscale.production.list_databases", with its plugin; false for a page without
// one and for `default`.  [account] gets at most 64 bytes.
bool kk_docs_account(const kk_registry *registry, const char *page, const kk_plugin **plugin,
                     char account[64]);

#endif
