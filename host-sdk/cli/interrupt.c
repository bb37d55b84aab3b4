// Signals, taken by a thread that waits for them.
#include "interrupt.h"
#include "fail.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kk_interrupt {
    pthread_mutex_t lock; // guards what one signal does against kk_interrupt_rearm()
    kk_cancel *token;
    int count;   // signals since the start or the last rearming
    int pipe[2]; // written by the first signal
    pthread_t thread;
    sigset_t signals;
    sigset_t before;  // the mask to put back
    sigset_t ignored; // those that the caller of the program wants ignored, as nohup does
    atomic_bool stopping;
    atomic_int first; // the number of the first signal
};

static void end_at_once(void)
{
    static const char line[] = "kk: cancelled: interrupted twice; a write may have been sent\n";
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    _exit(kk_code_exit_status(KK_ERR_CANCELLED));
}

static void take_signal(kk_interrupt *self, int number)
{
    pthread_mutex_lock(&self->lock);
    if (++self->count > 1) {
        end_at_once();
    }
    atomic_store(&self->first, number);
    // In this order: who wakes by the pipe has to find the token raised.
    kk_cancel_raise(self->token);
    (void)!write(self->pipe[1], "", 1);
    pthread_mutex_unlock(&self->lock);
}

// Ends when a signal comes while it is to stop; kk_interrupt_stop() sends one.
static void *wait_for_signals(void *context)
{
    kk_interrupt *self = context;
    for (;;) {
        int number = 0;
        if (sigwait(&self->signals, &number) != 0) {
            continue;
        }
        if (atomic_load(&self->stopping)) {
            return NULL;
        }
        // A blocked signal comes here even if it is ignored.
        if (sigismember(&self->ignored, number) != 1) {
            take_signal(self, number);
        }
    }
}

static void release(kk_interrupt *self)
{
    for (int i = 0; i < 2; i++) {
        if (self->pipe[i] >= 0) {
            close(self->pipe[i]);
        }
    }
    kk_cancel_free(self->token);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static void choose_signals(kk_interrupt *self)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&self->signals);
    sigemptyset(&self->ignored);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct sigaction action;
        sigaddset(&self->signals, wanted[i]);
        if (sigaction(wanted[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            sigaddset(&self->ignored, wanted[i]);
        }
    }
}

kk_code kk_interrupt_start(kk_interrupt **out, kk_error *err)
{
    kk_interrupt *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    self->pipe[0] = self->pipe[1] = -1;
    pthread_mutex_init(&self->lock, NULL);
    self->token = kk_cancel_new();
    choose_signals(self);
    if (self->token == NULL || pipe2(self->pipe, O_CLOEXEC) != 0) {
        release(self);
        return kk_fail(err, KK_ERR_INTERNAL, "no memory or no descriptors for the call");
    }
    pthread_sigmask(SIG_BLOCK, &self->signals, &self->before);
    int cause = pthread_create(&self->thread, NULL, wait_for_signals, self);
    if (cause != 0) {
        pthread_sigmask(SIG_SETMASK, &self->before, NULL);
        release(self);
        return kk_fail(err, KK_ERR_INTERNAL, "no thread could be made: %s", strerror(cause));
    }
    *out = self;
    return KK_OK;
}

void kk_interrupt_stop(kk_interrupt *self)
{
    if (self == NULL) {
        return;
    }
    atomic_store(&self->stopping, true);
    pthread_kill(self->thread, SIGHUP);
    pthread_join(self->thread, NULL);
    pthread_sigmask(SIG_SETMASK, &self->before, NULL);
    release(self);
}

kk_code kk_interrupt_rearm(kk_interrupt *self, kk_error *err)
{
    kk_cancel *fresh = kk_cancel_new();
    if (fresh == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    pthread_mutex_lock(&self->lock);
    char byte;
    if (self->count > 0) {
        (void)!read(self->pipe[0], &byte, 1);
    }
    self->count = 0;
    atomic_store(&self->first, 0);
    kk_cancel_free(self->token);
    self->token = fresh;
    pthread_mutex_unlock(&self->lock);
    return KK_OK;
}

kk_cancel *kk_interrupt_token(kk_interrupt *self)
{
    return self->token;
}

int kk_interrupt_fd(const kk_interrupt *self)
{
    return self->pipe[0];
}

int kk_interrupt_signal(const kk_interrupt *self)
{
    return atomic_load(&self->first);
}
