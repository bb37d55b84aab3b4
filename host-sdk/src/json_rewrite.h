// What the rewriting functions of json.h share.
#ifndef KK_JSON_REWRITE_H
#define KK_JSON_REWRITE_H

#include "json.h"

// Reports what the reader found wrong.
kk_code kk_json_fail(const kk_json_reader *reader, kk_error *err);

// Shortens a buffer to its first [len] bytes.
void kk_json_cut(kk_buf *out, size_t len);

// Ends a rewrite that began when [out] held [start] bytes.  If the text was not JSON, nothing of
// the rewrite stays.
kk_code kk_json_end_rewrite(const kk_json_reader *reader, kk_buf *out, size_t start, kk_error *err);

// Finds the value at [pointer] in [text], all of which is checked.  Without such a value raw->ptr
// is NULL.  Errors: KK_ERR_PROTOCOL.
kk_code kk_json_locate(kk_str text, const char *pointer, kk_str *raw, kk_error *err);

// The number that a segment of a JSON Pointer stands for, SIZE_MAX if it is none.
size_t kk_json_segment_index(kk_str segment);

// Takes the next segment from the front of a pointer: false at its end, or if no '/' is there.
bool kk_json_next_segment(const char **pointer, kk_str *segment);

#endif
