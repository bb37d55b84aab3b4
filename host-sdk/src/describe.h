// Asking a plugin what it is, in a worker: code that nobody has looked at yet can crash, hang, end
// its process, allocate without end or write to standard output there, and only be refused for it.
#ifndef KK_DESCRIBE_H
#define KK_DESCRIBE_H

#include "buf.h"
#include <kk/error.h>

// How a worker is asked.  Zero stands for the default.
typedef struct kk_describe_options {
    const char *worker;    // the program; NULL = this installation's
    uint64_t wall_ms;      // 10 000: even on a busy machine
    uint64_t cpu_ms;       // 1 000
    uint64_t memory_bytes; // of address space: 512 MiB
} kk_describe_options;

// Loads the object at [path], which has passed the trust and ELF stages, in a worker of its own and
// appends its manifest, packed.  What comes back has not been checked: the worker runs the plugin's
// code, which may have written it.
//
// [unproved] is filled if the manifest came and an entry point is not what the manifest says; it
// counts after the manifest has been checked.
//
// Errors: KK_ERR_PLUGIN_REFUSED at the stages "dlopen" (the object does not load, or what runs when
// it is loaded did what it must not), "describe", "version", "manifest"; KK_ERR_INTERNAL where no
// worker can be had.
KK_MUST_USE kk_code kk_describe(const char *path, const kk_describe_options *options,
                                kk_buf *packed, kk_error *unproved, kk_error *err);

#endif
