// What the tapes' commands share.
#ifndef KK_CMD_TAPE_H
#define KK_CMD_TAPE_H

#include "cmd.h"
#include <kk/tape.h>

// Appends a tool's remarks: one line each, "PATH:LINE: warning: entry user /_repeat ...", or as the
// member "notes" of a JSON object that is being written.
void kk_tape_write_notes(const kk_tape_notes *notes, bool json, const char *path, kk_buf *out);

#endif
