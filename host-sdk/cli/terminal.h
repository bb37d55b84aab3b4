// Asking the person at the terminal, on /dev/tty, whatever stdin and stdout are.
#ifndef KK_TERMINAL_H
#define KK_TERMINAL_H

#include "cmd.h"

// Whether questions are allowed: neither --no-input nor CI in the environment.  Most commands ask
// nothing, so that no terminal is looked for until one does.
bool kk_terminal_may_ask(const kk_run *run);

// Whether there is a terminal in whose foreground we run.
bool kk_terminal_is_ours(void);

// Whether there is somebody to ask: both of these.
bool kk_terminal_can_ask(const kk_run *run);

// Shows [question], which may hold several lines, and waits for a line.  True for y or yes.  A
// byte on [wake_fd], -1 for none, ends the waiting with no; so does a terminal that is not ours.
bool kk_terminal_ask(const char *question, int wake_fd);

// Asks for a line without showing it.  On SIGINT, SIGTERM, SIGHUP and SIGQUIT the terminal is put
// right before the signal has its usual effect; after SIGTSTP the question is asked again.  The
// line, without its newline, is appended to [out].  With [limit_ms] above 0 it has to come in time.
// Errors: KK_ERR_IO, KK_ERR_TOO_LARGE.
KK_MUST_USE kk_code kk_terminal_ask_secret(const char *prompt, unsigned limit_ms, kk_buf *out,
                                           kk_error *err);

#endif
