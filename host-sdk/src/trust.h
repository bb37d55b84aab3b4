// Which files may be executed: the path and trust stages of the loader, with the file kept open.
#ifndef KK_TRUST_H
#define KK_TRUST_H

#include <kk/error.h>

// The largest file that is loaded.
#define KK_TRUST_FILE_MAX ((uint64_t)64 << 20)

// A file that passed.  No one but root and we can replace it under its real path.
typedef struct kk_trusted {
    char *path; // absolute, without links
    int fd;     // open for reading
    uint64_t size;
    uint64_t device;
    uint64_t inode;
} kk_trusted;

// Passes or refuses the file at [path].  On success *out is for kk_trusted_clean().
// Errors: KK_ERR_PLUGIN_REFUSED with the stage "path" or "trust" as its reason; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_trust_open(const char *path, kk_trusted *out, kk_error *err);
void kk_trusted_clean(kk_trusted *self);

#endif
