// Reading files and stdin to their end.
#include "input.h"
#include "fail.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { READ_SIZE = 65536 };

// Room for one read: less near the limit, and one byte beyond it to see that there is more.
static size_t next_size(const kk_buf *out)
{
    size_t left = out->limit - out->len;
    return left < READ_SIZE ? left : READ_SIZE;
}

kk_code kk_input_read(int fd, const char *what, kk_buf *out, kk_error *err)
{
    for (;;) {
        char beyond;
        size_t size = next_size(out);
        char *room = size > 0 ? kk_buf_reserve(out, size) : &beyond;
        if (room == NULL) {
            return kk_buf_check(out, what, err);
        }
        ssize_t got = read(fd, room, size > 0 ? size : 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return kk_fail(err, KK_ERR_IO, "%s could not be read: %s", what, strerror(errno));
        }
        if (got == 0) {
            return KK_OK;
        }
        if (size == 0) {
            return kk_fail(err, KK_ERR_TOO_LARGE, "%s is longer than %zu bytes", what, out->limit);
        }
        kk_buf_grow(out, (size_t)got);
    }
}

kk_code kk_input_read_file(const char *path, kk_buf *out, kk_error *err)
{
    char shown[256];
    char what[sizeof shown + 2];
    kk_text_set(shown, sizeof shown, path);
    snprintf(what, sizeof what, "'%s'", shown);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return kk_fail(err, KK_ERR_IO, "%s could not be opened: %s", what, strerror(errno));
    }
    kk_code code = kk_input_read(fd, what, out, err);
    close(fd);
    return code;
}
