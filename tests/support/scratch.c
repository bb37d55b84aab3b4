// A directory of a test's own.
#include "scratch.h"
#include "unit.h"
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_init(scratch *self)
{
    snprintf(self->dir, sizeof self->dir, "/tmp/kk-test-XXXXXX");
    assert_non_null(mkdtemp(self->dir));
    assert_int_equal(chmod(self->dir, 0755), 0);
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *at)
{
    (void)found;
    (void)kind;
    (void)at;
    return remove(path);
}

void scratch_clean(scratch *self)
{
    nftw(self->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scratch_path(const scratch *self, const char *name)
{
    static char paths[32][512];
    static unsigned next;
    char *path = paths[next++ % 32];
    snprintf(path, sizeof paths[0], "%s/%s", self->dir, name);
    return path;
}

const char *scratch_write(const scratch *self, const char *name, const void *bytes, size_t len)
{
    const char *path = scratch_path(self, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
    return path;
}

const char *scratch_copy(const scratch *self, const char *name, const char *from)
{
    static char bytes[4 << 20];
    FILE *file = fopen(from, "rb");
    if (file == NULL) {
        fail_msg("cannot open '%s'", from);
    }
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(len < sizeof bytes);
    return scratch_write(self, name, bytes, len);
}

const char *scratch_mkdir(const scratch *self, const char *name)
{
    const char *path = scratch_path(self, name);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

void scratch_chmod(const scratch *self, const char *name, unsigned mode)
{
    assert_int_equal(chmod(scratch_path(self, name), (mode_t)mode), 0);
}
