// Filling a kk_error: the one way in which the SDK's own code reports a failure.
#ifndef KK_FAIL_H
#define KK_FAIL_H

#include <kk/error.h>

// Records [code] and a one-line message, and returns [code].  [err] may be NULL, and a record that
// already holds a failure keeps it.  A message that does not fit is cut at a character's end.
kk_code kk_fail(kk_error *err, kk_code code, const char *format, ...) KK_PRINTF(3, 4);

#ifdef __clang_analyzer__
// The analyzer does not see that the code comes back, and would follow paths on which a failure is
// a success.
#define kk_fail(err, code, ...) ((kk_fail)(err, code, __VA_ARGS__), (code))
#endif

// Adds how to mend it to a record that was just filled.  Does nothing for NULL or for a record that
// has a hint.
void kk_fail_hint(kk_error *err, const char *format, ...) KK_PRINTF(2, 3);

// Says which argument is at fault, as a JSON Pointer.
void kk_fail_argument(kk_error *err, const char *pointer);

// Narrows the code: a plugin's stage, a miss's reason.
void kk_fail_reason(kk_error *err, const char *reason);

// Fills a fixed text of a record: control bytes become spaces, and what does not fit is cut at a
// character's end.
void kk_text_set(char *out, size_t out_size, const char *text);

// Appends the name of a plugin, account or field to a fixed text as it stands in the name of a
// variable: upper case, '-' as '_'.  What does not fit is cut.
void kk_text_append_upper(char *out, size_t out_size, const char *name);

#endif
