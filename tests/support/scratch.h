// A directory of a test's own, and files in it.
#ifndef KK_TEST_SCRATCH_H
#define KK_TEST_SCRATCH_H

#include <stddef.h>

typedef struct scratch {
    char dir[64];
} scratch;

// Makes a directory, mode 0755, that scratch_clean() removes with all that is in it.
void scratch_init(scratch *self);
void scratch_clean(scratch *self);

// The path of [name] in the directory, in one of a few static buffers.
const char *scratch_path(const scratch *self, const char *name);

// Each gives the path and fails the test if it cannot be done.  Modes are set past the umask.
const char *scratch_write(const scratch *self, const char *name, const void *bytes, size_t len);
const char *scratch_copy(const scratch *self, const char *name, const char *from);
const char *scratch_mkdir(const scratch *self, const char *name);
void scratch_chmod(const scratch *self, const char *name, unsigned mode);

#endif
