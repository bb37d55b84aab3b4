// Reading files and stdin to their end.
#ifndef KK_INPUT_H
#define KK_INPUT_H

#include "buf.h"

// Appends all that [fd] gives to [out], whose limit bounds it; [what] names it in messages.
// Errors: KK_ERR_IO, KK_ERR_TOO_LARGE, KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_input_read(int fd, const char *what, kk_buf *out, kk_error *err);

// The same for the file at [path].
KK_MUST_USE kk_code kk_input_read_file(const char *path, kk_buf *out, kk_error *err);

#endif
