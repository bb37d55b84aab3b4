// What scans found out about plugins, kept from process to process: a file is looked at once, and
// again only when it has changed.
//
// The file is scan.cache in the cache directory, 0600, replaced as a whole.  It holds manifests
// that have passed their checks, by the identity of the plugin's file (device, inode, size, times)
// and by the SHA-256 of its bytes, which is computed only where the identity is not known: a file
// that was copied or touched is not described again.  Refusals are not kept.
//
// It is a cache: one that is missing, damaged, of another version of kk, or that others could have
// written is passed over, with a line in the log, and written anew.
#ifndef KK_SCAN_CACHE_H
#define KK_SCAN_CACHE_H

#include "config.h"
#include "str.h"
#include "trust.h"
#include <kk/host.h>

typedef struct kk_scan_cache kk_scan_cache;

// Where its troubles are told.
typedef struct kk_scan_log {
    void (*write)(void *context, const char *text); // or NULL
    void *context;
} kk_scan_log;

// Opens the cache in the cache directory of [config], which is borrowed until the close.  The
// directory is made when there is something to keep.  Nothing is read yet.  NULL if memory runs
// out.  Threads: one at a time.
kk_scan_cache *kk_scan_cache_open(const kk_config *config, kk_scan_log log);

// The packed manifest of a file, valid until the next function that takes the cache.  False if it
// is not known.
bool kk_scan_cache_get(kk_scan_cache *self, const kk_trusted *file, kk_str *packed);

// Remembers the packed manifest of a file that kk_scan_cache_get() did not know.
void kk_scan_cache_put(kk_scan_cache *self, const kk_trusted *file, kk_str packed);

// Writes what is new.  A cache that cannot be written is no failure, and told in the log.
void kk_scan_cache_save(kk_scan_cache *self);

// Harmless for NULL.
void kk_scan_cache_close(kk_scan_cache *self);

#endif
