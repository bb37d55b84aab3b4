// A failure as JSON, the same in every envelope.
#ifndef KK_ERROR_JSON_H
#define KK_ERROR_JSON_H

#include "buf.h"

// Appends {"code","message","hint","retryable","http_status","api_code","argument","effect"}, and
// "retry_after_ms" and "reason" where they are known.  What is empty is null.
void kk_error_write(const kk_error *err, kk_buf *out);

// Appends "name":"text", or "name":null for NULL and the empty text.
void kk_json_write_member(kk_buf *out, const char *name, const char *text);

#endif
