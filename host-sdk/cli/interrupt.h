// Ctrl-C during a call: the first raises the call's cancel token, the second ends the process.
#ifndef KK_INTERRUPT_H
#define KK_INTERRUPT_H

#include <kk/host.h>

typedef struct kk_interrupt kk_interrupt;

// Blocks SIGINT, SIGTERM and SIGHUP in this thread and those it makes from now on, and waits for
// them on a thread of its own; one that is ignored stays ignored.  *out is new: for
// kk_interrupt_stop().  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_interrupt_start(kk_interrupt **out, kk_error *err);

// Ends the waiting.  No call may use the token any more.  Harmless for NULL.
void kk_interrupt_stop(kk_interrupt *self);

// Forgets the signals that came, for a program that goes on after one.  The token is a new one:
// nothing may use the old one any more.  Errors: KK_ERR_INTERNAL.
KK_MUST_USE kk_code kk_interrupt_rearm(kk_interrupt *self, kk_error *err);

// The token that the first signal raises.
kk_cancel *kk_interrupt_token(kk_interrupt *self);

// The number of the first signal, 0 while none has come.
int kk_interrupt_signal(const kk_interrupt *self);

// A descriptor that can be read from as soon as the first signal has come.
int kk_interrupt_fd(const kk_interrupt *self);

#endif
