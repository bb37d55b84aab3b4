// The file that a tape is in: read whole, and replaced whole.
#ifndef KK_TAPE_FILE_H
#define KK_TAPE_FILE_H

#include "buf.h"
#include "tape.h"

// The limit of a buffer that a tape is read into: the reading needs a little room behind it.
#define KK_TAPE_FILE_LIMIT (KK_TAPE_MAX + (size_t)128 * 1024)

// Appends the bytes of the regular file at [path], at most KK_TAPE_MAX of them.
// Errors: KK_ERR_TAPE_INVALID, reason "tape_missing" where there is no file, else "tape_invalid".
KK_MUST_USE kk_code kk_tape_file_read(const char *path, kk_buf *out, kk_error *err);

// Replaces the file at [path], or makes it, mode 0600.  Another process sees the old bytes or the
// new ones, never a part: they are written beside it, brought to the disk and renamed.  A link is
// followed, so that it stays one.  On failure the old file is as it was.
// Errors: KK_ERR_IO, NO_SPACE, READ_ONLY, PERMS.
KK_MUST_USE kk_code kk_tape_file_write(const char *path, kk_str bytes, kk_error *err);

#endif
