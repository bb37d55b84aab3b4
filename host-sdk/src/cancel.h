// Cancellation: a flag that any thread may raise, and those who want to be woken when it is.
//
// A kk_cancel (public in kk/host.h) is raised once and stays raised.  Whoever waits for something
// registers a watcher; its function runs on the thread that raises the flag, under the token's
// lock, so it must be short and must not call back into the token.
#ifndef KK_CANCEL_H
#define KK_CANCEL_H

#include <kk/host.h>

typedef struct kk_cancel_watch {
    void (*wake)(void *context);
    void *context;
    struct kk_cancel_watch *next; // the token's own
} kk_cancel_watch;

// Whether the flag is raised.  NULL is never raised.  Threads: any.
bool kk_cancel_is_raised(const kk_cancel *self);

// Registers [watch], which the caller keeps alive until kk_cancel_watch_remove().  If the flag is
// raised already, wake runs at once.  A NULL token is harmless.  Threads: any.
void kk_cancel_watch_add(kk_cancel *self, kk_cancel_watch *watch);

// After it returns, wake is not running and will not run.  Threads: any, but not from within wake.
void kk_cancel_watch_remove(kk_cancel *self, kk_cancel_watch *watch);

#endif
