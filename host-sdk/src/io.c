// Files that must be private and are replaced as a whole.
#include "io.h"
#include "fail.h"
#include "secret.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { GROUPS_MAX = 1024, SWEPT_MAX = 4096 };

static int system_open(int dir, const char *name, int flags, mode_t mode)
{
    return openat(dir, name, flags, mode);
}

static int system_rename(int dir, const char *from, const char *to)
{
    return renameat(dir, from, dir, to);
}

static int system_link(int dir, const char *from, const char *to)
{
    return linkat(dir, from, dir, to, 0);
}

static int system_publish(int fd, int dir, const char *name)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW);
}

static int system_unlink(int dir, const char *name)
{
    return unlinkat(dir, name, 0);
}

const kk_io kk_io_system = {
    .open = system_open,
    .stat = fstat,
    .lock = flock,
    .read = read,
    .write = write,
    .chmod = fchmod,
    .sync = fsync,
    .close = close,
    .rename = system_rename,
    .link = system_link,
    .publish = system_publish,
    .unlink = system_unlink,
};

kk_code kk_io_fail(kk_error *err, int number, const char *verb, const char *path)
{
    char text[128];
    kk_code code = KK_ERR_IO;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG) {
        code = KK_ERR_NO_SPACE;
    }
    if (number == EROFS) {
        code = KK_ERR_READ_ONLY;
    }
    return kk_fail(err, code, "cannot %s '%s': %s", verb, path,
                   strerror_r(number, text, sizeof text));
}

// ---- Places

// Whether the name of an open directory is a link, which has to be resolved.
static bool is_link(int dir, const char *name)
{
    char target;
    return readlinkat(dir, name, &target, 1) >= 0;
}

// Whether [path] is a link to nothing: what it stands for is lost, which is not the same as absent.
static bool is_severed(const char *path)
{
    struct stat link;
    struct stat target;
    return lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && stat(path, &target) != 0 &&
           errno == ENOENT;
}

// Resolves the links of [path], or only those of its directory if there is no such file.
static int resolve(const char *path, char **out)
{
    char *real = realpath(path, NULL);
    if (real != NULL) {
        *out = real;
        return 0;
    }
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || slash == NULL) {
        return errno;
    }
    if (is_severed(path)) {
        return ENOLINK;
    }
    char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    char *real_parent = parent != NULL ? realpath(parent, NULL) : NULL;
    int number = errno;
    free(parent);
    if (real_parent == NULL) {
        return number;
    }
    const char *end = strcmp(real_parent, "/") == 0 ? "" : real_parent;
    if (asprintf(out, "%s%s", end, slash) < 0) {
        *out = NULL;
    }
    free(real_parent);
    return *out != NULL ? 0 : ENOMEM;
}

// Sets the path, the parent and the name.
static int split(kk_place *self, const char *path, bool follow)
{
    if (follow) {
        int number = resolve(path, &self->path);
        if (number != 0) {
            return number;
        }
    } else {
        self->path = strdup(path);
    }
    if (self->path == NULL) {
        return ENOMEM;
    }
    const char *slash = strrchr(self->path, '/');
    self->name = slash != NULL ? slash + 1 : self->path;
    size_t len = slash == NULL ? 0 : (size_t)(slash - self->path);
    if (slash == NULL) {
        self->parent = strdup(".");
    } else {
        self->parent = strndup(self->path, len > 0 ? len : 1);
    }
    return self->parent != NULL ? 0 : ENOMEM;
}

static int open_parent(kk_place *self, const kk_io *io, const char *path, bool resolved)
{
    int number = split(self, path, resolved);
    if (number != 0) {
        return number;
    }
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (resolved ? O_NOFOLLOW : 0);
    self->dir = io->open(AT_FDCWD, self->parent, flags, 0);
    return self->dir < 0 ? errno : 0;
}

int kk_place_open(kk_place *self, const kk_io *io, const char *path, bool follow)
{
    kk_place made = {.dir = -1};
    int number = open_parent(&made, io, path, false);
    if (number == 0 && follow && is_link(made.dir, made.name)) {
        kk_place_close(&made, io);
        number = open_parent(&made, io, path, true);
    }
    if (number != 0) {
        kk_place_close(&made, io);
        return number;
    }
    kk_place_close(self, io);
    *self = made;
    return 0;
}

void kk_place_close(kk_place *self, const kk_io *io)
{
    if (self->dir >= 0) {
        io->close(self->dir);
    }
    free(self->path);
    free(self->parent);
    *self = (kk_place){.dir = -1};
}

// ---- Trust

static bool is_own(const struct stat *status)
{
    return status->st_uid == geteuid() || status->st_uid == 0;
}

static bool is_our_group(gid_t group)
{
    gid_t groups[GROUPS_MAX];
    int count = getgroups(GROUPS_MAX, groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] == group) {
            return true;
        }
    }
    return getegid() == group;
}

// The shape in which container systems mount a secret.
static bool is_container_secret(const struct stat *status)
{
    mode_t mode = status->st_mode & 07777;
    return status->st_uid == 0 && (mode == 0440 || mode == 0400) && is_our_group(status->st_gid);
}

static kk_code fail_owner(const struct stat *status, const char *path, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_PERMS, "'%s' belongs to the user %ld, and you are %ld", path,
                           (long)status->st_uid, (long)geteuid());
    kk_fail_hint(err, "use a file of your own, or: chown %ld '%s'", (long)geteuid(), path);
    return code;
}

kk_code kk_trust_check(const struct stat *status, kk_trust trust, const char *path, kk_error *err)
{
    if (!S_ISREG(status->st_mode)) {
        return kk_fail(err, KK_ERR_PERMS, "'%s' is not a regular file", path);
    }
    // A file that was replaced since it was opened has no link left; it is still whole.
    if (status->st_nlink > 1) {
        kk_code code = kk_fail(err, KK_ERR_PERMS, "'%s' has a second name elsewhere", path);
        kk_fail_hint(err, "find the hard link and remove it: find / -xdev -samefile '%s'", path);
        return code;
    }
    if (trust == KK_TRUST_KEY && is_container_secret(status)) {
        return KK_OK;
    }
    if (!is_own(status)) {
        return fail_owner(status, path, err);
    }
    mode_t forbidden = trust == KK_TRUST_OWN ? 0022 : 0077;
    if ((status->st_mode & forbidden) == 0) {
        return KK_OK;
    }
    kk_code code =
        kk_fail(err, KK_ERR_PERMS, "other users may %s '%s': its mode is %04o",
                trust == KK_TRUST_OWN ? "write" : "read or write", path, status->st_mode & 07777U);
    kk_fail_hint(err, "chmod %s '%s'", trust == KK_TRUST_OWN ? "go-w" : "600", path);
    return code;
}

kk_code kk_trust_check_dir(const struct stat *status, bool sticky, const char *path, kk_error *err)
{
    if (!is_own(status)) {
        return fail_owner(status, path, err);
    }
    if ((status->st_mode & 0022) == 0 || (sticky && (status->st_mode & S_ISVTX) != 0)) {
        return KK_OK;
    }
    kk_code code =
        kk_fail(err, KK_ERR_PERMS, "other users may replace files in '%s': its mode is %04o", path,
                status->st_mode & 07777U);
    kk_fail_hint(err, "chmod go-w '%s'", path);
    return code;
}

// ---- Reading and writing

static kk_code check_dir_of(const kk_place *self, const kk_io *io, bool sticky, kk_error *err)
{
    struct stat status;
    if (io->stat(self->dir, &status) != 0) {
        return kk_io_fail(err, errno, "examine", self->parent);
    }
    return kk_trust_check_dir(&status, sticky, self->parent, err);
}

kk_code kk_place_read(const kk_place *self, const kk_io *io, kk_trust trust, int *fd,
                      struct stat *status, bool *absent, kk_error *err)
{
    bool key = trust == KK_TRUST_KEY;
    *absent = false;
    kk_code code = check_dir_of(self, io, key, err);
    if (code != KK_OK) {
        return code;
    }
    // A FIFO in the place of the file must not make the open wait.
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (key ? 0 : O_NOFOLLOW);
    int opened = io->open(self->dir, self->name, flags, 0);
    if (opened < 0 && errno == ENOENT) {
        *absent = true;
        return KK_OK;
    }
    if (opened < 0) {
        return kk_io_fail(err, errno, "open", self->path);
    }
    if (io->stat(opened, status) != 0) {
        code = kk_io_fail(err, errno, "examine", self->path);
    } else {
        code = kk_trust_check(status, trust, self->path, err);
    }
    if (code != KK_OK) {
        io->close(opened);
        return code;
    }
    *fd = opened;
    return KK_OK;
}

int kk_io_read(const kk_io *io, int fd, void *bytes, size_t size, size_t *len)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = io->read(fd, (char *)bytes + have, size - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return errno;
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    *len = have;
    return 0;
}

int kk_io_write(const kk_io *io, int fd, kk_str bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t put = io->write(fd, bytes.ptr + done, bytes.len - done);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? errno : EIO;
        }
        done += (size_t)put;
    }
    return 0;
}

void kk_io_temp_name(const char *prefix, char out[KK_IO_TEMP_NAME_SIZE])
{
    uint64_t random = 0;
    kk_random(&random, sizeof random);
    snprintf(out, KK_IO_TEMP_NAME_SIZE, "%s%ld.%016llx", prefix, (long)getpid(),
             (unsigned long long)random);
}

static bool is_as_old(int dir, const char *name, int age_s)
{
    struct stat status;
    return age_s == 0 || (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                          status.st_mtime < time(NULL) - age_s);
}

void kk_io_sweep(const kk_io *io, int dir, const char *prefix, int age_s)
{
    int fd = io->open(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (entries == NULL) {
        if (fd >= 0) {
            io->close(fd);
        }
        return;
    }
    struct dirent *entry = readdir(entries);
    for (int i = 0; i < SWEPT_MAX && entry != NULL; i++, entry = readdir(entries)) {
        if (kk_str_starts_with(kk_str_from(entry->d_name), prefix) &&
            is_as_old(dir, entry->d_name, age_s)) {
            io->unlink(dir, entry->d_name);
        }
    }
    closedir(entries);
}

int kk_io_write_new(const kk_io *io, int dir, const char *name, kk_str bytes)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = io->open(dir, name, flags, 0600);
    if (fd < 0) {
        return errno;
    }
    int number = io->chmod(fd, 0600) != 0 ? errno : kk_io_write(io, fd, bytes);
    // A failed fsync is not repeated: the kernel would call the lost pages clean.
    if (number == 0 && io->sync(fd) != 0) {
        number = errno;
    }
    if (io->close(fd) != 0 && number == 0) {
        number = errno;
    }
    if (number != 0) {
        io->unlink(dir, name);
    }
    return number;
}
