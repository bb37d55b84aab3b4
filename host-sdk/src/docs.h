// Documentation pages, made from the manifests: what an agent reads before it calls.
#ifndef KK_DOCS_H
#define KK_DOCS_H

#include "registry.h"

// As kk_host_docs().  An account in the name of a page is taken as it is: a page is made without
// the keyring, which knows whether there is such an account.
KK_MUST_USE kk_code kk_docs_page(const kk_registry *registry, const char *page, char **text,
                                 kk_error *err);

#endif
