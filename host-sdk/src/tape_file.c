// Reading and replacing the file of a tape.
#include "tape_file.h"
#include "fail.h"
#include "io.h"
#include "tape.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

// ---- Reading

static kk_code fail_file(const char *path, const char *problem, const char *reason, kk_error *err)
{
    kk_fail(err, KK_ERR_TAPE_INVALID, "the tape '%s' %s", path, problem);
    kk_fail_reason(err, reason);
    return KK_ERR_TAPE_INVALID;
}

static kk_code read_all(int fd, const char *path, kk_buf *out, kk_error *err)
{
    for (;;) {
        char *room = kk_buf_reserve(out, 64 * 1024);
        ssize_t got = room != NULL ? read(fd, room, 64 * 1024) : 0;
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_file(path, "cannot be read", "tape_invalid", err);
        }
        if (got == 0) {
            return kk_buf_check(out, "the tape", err);
        }
        kk_buf_grow(out, (size_t)got);
    }
}

kk_code kk_tape_file_read(const char *path, kk_buf *out, kk_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return fail_file(path, "does not exist", "tape_missing", err);
    }
    if (fd < 0) {
        return fail_file(path, "cannot be opened", "tape_invalid", err);
    }
    struct stat info;
    kk_code code = KK_OK;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        code = fail_file(path, "is not a regular file", "tape_invalid", err);
    } else if ((uintmax_t)info.st_size > KK_TAPE_MAX) {
        code = fail_file(path, "is longer than 256 MiB", "tape_invalid", err);
    } else if (kk_buf_reserve(out, (size_t)info.st_size + 64 * 1024) == NULL) {
        code = kk_buf_check(out, "the tape", err);
    } else {
        code = read_all(fd, path, out, err);
    }
    close(fd);
    return code;
}

// ---- Writing

static int sync_dir(const kk_place *place)
{
    return kk_io_system.sync(place->dir) == 0 ? 0 : errno;
}

// Writes beside the file and renames.  The mode of a file that is there stays.
static int replace(const kk_place *place, kk_str bytes)
{
    struct stat old;
    char temp[KK_IO_TEMP_NAME_SIZE];
    kk_io_temp_name(".kk-tape.", temp);
    int number = kk_io_write_new(&kk_io_system, place->dir, temp, bytes);
    if (number != 0) {
        return number;
    }
    bool there = fstatat(place->dir, place->name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISREG(old.st_mode)) {
        number = EEXIST;
    } else if (there && fchmodat(place->dir, temp, old.st_mode & 0777, 0) != 0) {
        number = errno;
    } else if (kk_io_system.rename(place->dir, temp, place->name) != 0) {
        number = errno;
    }
    if (number != 0) {
        kk_io_system.unlink(place->dir, temp);
        return number;
    }
    return sync_dir(place);
}

kk_code kk_tape_file_write(const char *path, kk_str bytes, kk_error *err)
{
    kk_buf whole = {.limit = KK_TEXT_MAX};
    kk_place place = {.dir = -1};
    kk_buf_append_format(&whole, "%s%s", strchr(path, '/') == NULL ? "./" : "", path);
    kk_code code = kk_buf_check(&whole, "the path of the tape", err);
    if (code == KK_OK) {
        int number = kk_place_open(&place, &kk_io_system, kk_buf_text(&whole), true);
        number = number == 0 ? replace(&place, bytes) : number;
        code = number == 0 ? KK_OK : kk_io_fail(err, number, "write", path);
    }
    kk_place_close(&place, &kk_io_system);
    kk_buf_clean(&whole);
    return code;
}
