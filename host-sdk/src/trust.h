// Which files may be executed: the path and trust stages of the loader, with the file kept open.
//
// A path is looked at from / down, and each directory before what is in it: from the moment that a
// directory has passed, only root and we can change what it holds.  So, when the last part has
// passed, all of it holds at once, and goes on to hold while the file is opened and loaded by its
// path, unless root or we change it: that, and nothing of a race, is what is relied on.  Nothing is
// remembered from one file to the next, nor from the scan to the call.
//
// Most paths have no links.  That is seen by the same look that checks them; only one that has a
// link, or a part that does not pass, is resolved and then checked where it stands and where it
// leads.
#ifndef KK_TRUST_H
#define KK_TRUST_H

#include <kk/error.h>

// The largest file that is loaded.
#define KK_TRUST_FILE_MAX ((uint64_t)64 << 20)

// By what a file is known to be the one that it was.
typedef struct kk_identity {
    uint64_t device;
    uint64_t inode;
    uint64_t size;
    int64_t mtime_ns; // since 1970
    int64_t ctime_ns;
} kk_identity;

bool kk_identity_equals(const kk_identity *a, const kk_identity *b);

// A file that passed.  No one but root and we can replace it under its real path.
typedef struct kk_trusted {
    char *path; // absolute, without links
    int fd;     // open for reading
    kk_identity identity;
} kk_trusted;

// Passes or refuses the file at [path].  On success *out is for kk_trusted_clean().
// Errors: KK_ERR_PLUGIN_REFUSED with the stage "path" or "trust" as its reason; KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_trust_open(const char *path, kk_trusted *out, kk_error *err);
void kk_trusted_clean(kk_trusted *self);

// Passes or refuses a file that is executed without being read here: the live module, the worker.
// Errors: as kk_trust_open().
KK_MUST_USE kk_code kk_executable_check(const char *path, kk_error *err);

#endif
