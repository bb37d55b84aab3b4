// The writers of the single kinds of pages, for docs.c.  They append without looking; docs.c asks
// once at the end whether all of it fitted.
#ifndef KK_DOCS_WRITE_H
#define KK_DOCS_WRITE_H

#include "account.h"
#include "registry.h"

// The pages that belong to no plugin.
enum { KK_DOCS_GUIDE_COUNT = 3 };
typedef struct kk_docs_guide {
    const char *name;
    const char *summary;
} kk_docs_guide;
extern const kk_docs_guide kk_docs_guides[KK_DOCS_GUIDE_COUNT];

// [account] is the segment as it stands in the page's name, "production" or "default"; NULL for a
// page without one.  [accounts] may be NULL: not known.
void kk_docs_write_function(const kk_entry *entry, const char *account, kk_buf *out);
void kk_docs_write_plugin(const kk_registry *registry, const kk_plugin *plugin, const char *account,
                          const kk_account_names *accounts, kk_buf *out);

void kk_docs_write_index(const kk_registry *registry, kk_buf *out);
void kk_docs_write_overview(const kk_registry *registry, kk_buf *out);
void kk_docs_write_errors(kk_buf *out);
void kk_docs_write_examples(const kk_registry *registry, kk_buf *out);

// One example: its title under a heading of [level] marks, the script, the command line.
void kk_docs_write_example(const kk_entry *entry, const kk_example *example, int level,
                           const char *account, kk_buf *out);

// Appends [text] as the content of a table's cell.
void kk_docs_write_cell(const char *text, kk_buf *out);

#endif
