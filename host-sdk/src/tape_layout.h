// How a tape is laid out in its file, so that its differences are read line by line.
//
// One member a line, indented by one space a level.  On one line stand: a header and a pair of a
// query, `timings`, an array of at most 16 plain values, and what is empty.  Names, strings
// and numbers are copied byte for byte, and nothing is put in another order.
#ifndef KK_TAPE_LAYOUT_H
#define KK_TAPE_LAYOUT_H

#include "buf.h"

// Appends a whole tape, which ends with a newline.
// Errors: KK_ERR_PROTOCOL where [json] is not JSON; what kk_buf_check() gives.
KK_MUST_USE kk_code kk_tape_layout(kk_str json, kk_buf *out, kk_error *err);

// Appends one entry as it stands inside log.entries: without the indentation of its first line, and
// without a comma or newline after it.  Errors: as above.
KK_MUST_USE kk_code kk_tape_layout_entry(kk_str json, kk_buf *out, kk_error *err);

#endif
