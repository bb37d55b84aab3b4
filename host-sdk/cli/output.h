// What kk prints: results on stdout, everything else one line at a time on stderr.
//
// Text that came from a service or a plugin cannot work a terminal: where stdout or stderr is one,
// control characters and those that turn the direction of writing are shown as \u001b and the like.
// Anywhere else bytes are left as they are.
#ifndef KK_OUTPUT_H
#define KK_OUTPUT_H

#include "cmd.h"

// Sees to it that descriptors 0 to 2 are open, so that no file that kk opens takes the place of a
// closed stdout, and that a closed pipe is an error rather than a signal.
void kk_output_start(void);

bool kk_output_is_terminal(void);

// Writes to stdout: the text, or the text and a newline.  Errors: KK_ERR_IO.
KK_MUST_USE kk_code kk_output_text(kk_str text, kk_error *err);
KK_MUST_USE kk_code kk_output_line(kk_str text, kk_error *err);

// Writes JSON to stdout: indented on a terminal unless [one_line], else one line.
// Errors: as above, and KK_ERR_PROTOCOL where it is not JSON.
KK_MUST_USE kk_code kk_output_json(kk_str json, bool one_line, kk_error *err);

// Writes out [text], checking it first, and cleans it.
KK_MUST_USE kk_code kk_output_take(kk_buf *text, kk_error *err);

// Closes stdout, where a delayed failure to write shows.  Errors: as above.
KK_MUST_USE kk_code kk_output_finish(kk_error *err);

// One line on stderr, "kk: warning: ..." or "kk: note: ...".
void kk_output_warn(const char *format, ...) KK_PRINTF(1, 2);
void kk_output_note(const char *format, ...) KK_PRINTF(1, 2);

// One line on stderr, "kk: <code>: <message>; <hint>".
void kk_output_failure(const kk_error *err);

// A kk_log_fn: one line on stderr, "kk: debug: ...".
void kk_output_log(void *context, int level, const char *text);

// The envelope of a failure that came before the call did: the members of kk_result_envelope().
void kk_output_envelope(const kk_run *run, const kk_error *failure);

// Appends [text] without what could work a terminal.
void kk_output_make_safe(kk_str text, kk_buf *out);

// Building JSON: the comma that an element or a name needs, a member's name, and a member with a
// text or null.
void kk_output_comma(kk_buf *out);
void kk_output_name(kk_buf *out, const char *name);
void kk_output_member(kk_buf *out, const char *name, const char *text);

// The member `refused`: the plugins that were found and refused, each with its stage.
void kk_output_refusals(const kk_host *host, kk_buf *out);

// The members that name a function: function, slug, title, summary, operation.
void kk_output_tool(kk_buf *out, const kk_tool_info *tool);

#endif
