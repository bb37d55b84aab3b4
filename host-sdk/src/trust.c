// Path and trust: nobody but root and the user we run as may be able to change what we execute.
#include "trust.h"
#include "fail.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static kk_code refuse_path(const char *path, const char *problem, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_PLUGIN_REFUSED, "'%s' %s", path, problem);
    kk_fail_reason(err, "path");
    return code;
}

static kk_code refuse_owner(const char *path, const struct stat *found, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_PLUGIN_REFUSED,
                           "'%s' belongs to user %lu, who could change what is loaded; only root "
                           "and user %lu may own it",
                           path, (unsigned long)found->st_uid, (unsigned long)geteuid());
    kk_fail_reason(err, "trust");
    kk_fail_hint(err, "if you trust what is in it: chown %lu '%s'", (unsigned long)geteuid(), path);
    return code;
}

static kk_code refuse_mode(const char *path, const struct stat *found, kk_error *err)
{
    bool group = (found->st_mode & S_IWGRP) != 0;
    bool other = (found->st_mode & S_IWOTH) != 0;
    const char *who = group && other ? "its group and everybody"
                      : group        ? "its group"
                                     : "everybody";
    const char *letters = group && other ? "go" : group ? "g" : "o";
    kk_code code =
        kk_fail(err, KK_ERR_PLUGIN_REFUSED, "'%s' has mode %04o: %s could change what is loaded",
                path, (unsigned)(found->st_mode & 07777), who);
    kk_fail_reason(err, "trust");
    kk_fail_hint(err, "chmod %s-w '%s'", letters, path);
    return code;
}

static bool is_ours(const struct stat *found)
{
    return found->st_uid == 0 || found->st_uid == geteuid();
}

static bool is_shared(const struct stat *found)
{
    return (found->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

// In a sticky directory of root, such as /tmp, nobody can rename or remove what is another's.  That
// what stands next in the path is ours is checked when its turn comes.
static bool is_sticky(const struct stat *found)
{
    return S_ISDIR(found->st_mode) && found->st_uid == 0 && (found->st_mode & S_ISVTX) != 0;
}

static bool is_safe(const struct stat *found)
{
    return is_ours(found) && (!is_shared(found) || is_sticky(found));
}

static kk_code check_one(const char *path, kk_error *err)
{
    struct stat found;
    if (lstat(path, &found) != 0) {
        return refuse_path(path, strerror(errno), err);
    }
    if (!is_ours(&found)) {
        return refuse_owner(path, &found, err);
    }
    if (is_shared(&found) && !is_sticky(&found)) {
        return refuse_mode(path, &found, err);
    }
    return KK_OK;
}

// Checks [path], which is absolute and without links, and every directory above it, from / down.
static kk_code check_chain(const char *path, kk_error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part) {
        return refuse_path(path, "is too long for a path", err);
    }
    memcpy(part, path, len + 1);
    kk_code code = check_one("/", err);
    for (size_t i = 1; i <= len && code == KK_OK; i++) {
        if (path[i] == '/' || (path[i] == '\0' && i > 1)) {
            part[i] = '\0';
            code = check_one(part, err);
            part[i] = path[i];
        }
    }
    return code;
}

// The directory that holds the name [path], so that nobody else chooses what a link stands for.
static kk_code check_holder(const char *path, kk_error *err)
{
    char holder[PATH_MAX];
    size_t len = (size_t)(strrchr(path, '/') - path);
    if (len >= sizeof holder) {
        return refuse_path(path, "is too long for a path", err);
    }
    memcpy(holder, path, len);
    memcpy(holder + len, len == 0 ? "/" : "", len == 0 ? 2 : 1);
    char *real = realpath(holder, NULL);
    if (real == NULL) {
        return refuse_path(path, strerror(errno), err);
    }
    kk_code code = check_chain(real, err);
    free(real);
    return code;
}

static kk_code check_kind(const char *path, const struct stat *found, kk_error *err)
{
    if (S_ISDIR(found->st_mode)) {
        return refuse_path(path, "is a directory, not a file", err);
    }
    if (!S_ISREG(found->st_mode)) {
        return refuse_path(path, "is not a regular file", err);
    }
    if ((uint64_t)found->st_size > KK_TRUST_FILE_MAX) {
        kk_code code =
            kk_fail(err, KK_ERR_PLUGIN_REFUSED, "'%s' has %lld bytes; a plugin has at most %llu",
                    path, (long long)found->st_size, (unsigned long long)KK_TRUST_FILE_MAX);
        kk_fail_reason(err, "path");
        return code;
    }
    return KK_OK;
}

static int64_t to_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static kk_identity identity_of(const struct stat *found)
{
    return (kk_identity){.device = (uint64_t)found->st_dev,
                         .inode = (uint64_t)found->st_ino,
                         .size = (uint64_t)found->st_size,
                         .mtime_ns = to_ns(found->st_mtim),
                         .ctime_ns = to_ns(found->st_ctim)};
}

bool kk_identity_equals(const kk_identity *a, const kk_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

// Opens what stands at [path], which is without links.
static kk_code open_file(const char *path, kk_trusted *out, kk_error *err)
{
    struct stat found;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse_path(path, strerror(errno), err);
    }
    kk_code code = fstat(fd, &found) != 0 ? refuse_path(path, strerror(errno), err)
                                          : check_kind(path, &found, err);
    if (code != KK_OK) {
        close(fd);
        return code;
    }
    out->fd = fd;
    out->identity = identity_of(&found);
    return KK_OK;
}

// The same once it is known to be a regular file: to open a device or a FIFO can block or have
// effects.
static kk_code open_regular(const char *path, kk_trusted *out, kk_error *err)
{
    struct stat found;
    if (lstat(path, &found) != 0) {
        return refuse_path(path, strerror(errno), err);
    }
    kk_code code = check_kind(path, &found, err);
    return code == KK_OK ? open_file(path, out, err) : code;
}

// ---- A path without links

// A path as far as it was walked: absolute, without links, "." and "..".
typedef struct walk {
    char *path; // with room for all that is walked along
    size_t len; // 0 = the root
} walk;

static bool step_to(walk *self, const char *name, size_t len, bool is_last)
{
    struct stat found;
    self->path[self->len] = '/';
    memcpy(self->path + self->len + 1, name, len);
    self->len += 1 + len;
    self->path[self->len] = '\0';
    return lstat(self->path, &found) == 0 &&
           (is_last ? S_ISREG(found.st_mode) : S_ISDIR(found.st_mode)) && is_safe(&found);
}

static void step_back(walk *self)
{
    while (self->len > 0 && self->path[--self->len] != '/') {
    }
}

// Goes along [path], which is absolute, and checks each part before what is in it.  True if all of
// it passes and none is a link; false says nothing but that a closer look is needed.
static bool walk_along(walk *self, const char *path)
{
    struct stat root;
    if (lstat("/", &root) != 0 || !is_safe(&root)) {
        return false;
    }
    for (const char *name = path + strspn(path, "/");;) {
        size_t len = strcspn(name, "/");
        bool is_last = name[len] == '\0';
        bool is_dots = len <= 2 && strncmp(name, "..", len) == 0;
        if (is_dots ? is_last : !step_to(self, name, len, is_last)) {
            return false;
        }
        if (is_last) {
            return true;
        }
        if (len == 2 && is_dots) {
            step_back(self);
        }
        name += len + strspn(name + len, "/");
    }
}

// The path that was walked, for free(), or NULL.
static char *find_plain(const char *path)
{
    walk self = {.path = malloc(strlen(path) + 1)};
    if (self.path != NULL && walk_along(&self, path)) {
        return self.path;
    }
    free(self.path);
    return NULL;
}

// ---- Any path

static kk_code open_resolved(const char *path, kk_trusted *out, kk_error *err)
{
    out->path = realpath(path, NULL);
    if (out->path == NULL) {
        return refuse_path(path, strerror(errno), err);
    }
    kk_code code = open_regular(out->path, out, err);
    // Where the path leads through no link, its directory is one of the chain.
    if (code == KK_OK && strcmp(out->path, path) != 0) {
        code = check_holder(path, err);
    }
    return code == KK_OK ? check_chain(out->path, err) : code;
}

kk_code kk_trust_open(const char *path, kk_trusted *out, kk_error *err)
{
    if (path[0] != '/') {
        kk_code code = refuse_path(path, "is not an absolute path", err);
        kk_fail_hint(err, "begin it with '/'");
        return code;
    }
    kk_trusted file = {.path = find_plain(path), .fd = -1};
    kk_code code =
        file.path != NULL ? open_file(file.path, &file, err) : open_resolved(path, &file, err);
    if (code != KK_OK) {
        kk_trusted_clean(&file);
        return code;
    }
    *out = file;
    return KK_OK;
}

void kk_trusted_clean(kk_trusted *self)
{
    if (self->fd >= 0) {
        close(self->fd);
    }
    free(self->path);
    *self = (kk_trusted){.fd = -1};
}

kk_code kk_executable_check(const char *path, kk_error *err)
{
    kk_trusted file;
    kk_code code = kk_trust_open(path, &file, err);
    if (code == KK_OK) {
        kk_trusted_clean(&file);
    }
    return code;
}
