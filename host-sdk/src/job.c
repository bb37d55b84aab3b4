// A tool on a worker thread, and a caller that waits no longer than it has to.
#include "fail.h"
#include "host_private.h"
#include "outcome.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static struct timespec at_ms(uint64_t mono_ms)
{
    return (struct timespec){.tv_sec = (time_t)(mono_ms / 1000),
                             .tv_nsec = (long)(mono_ms % 1000) * 1000000};
}

void kk_job_release(kk_job *job)
{
    pthread_mutex_lock(&job->lock);
    bool last = --job->owners == 0;
    pthread_mutex_unlock(&job->lock);
    if (!last) {
        return;
    }
    kk_service_release_all(job);
    kk_instance_release(job->instance);
    kk_account_free(job->account);
    kk_cancel_free(job->cancel);
    kk_buf_clean(&job->output);
    kk_buf_clean(&job->attempts);
    free(job->args);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

// ---- The worker's side

static void run_tool(kk_job *job)
{
    job->outcome = kk_instance_open(job->instance, &job->error);
    if (job->outcome != KK_OK) {
        return;
    }
    kk_turn *turn = kk_instance_turn(job->instance);
    if (turn != NULL) {
        job->outcome = kk_turn_take(turn, job->real_deadline_ms, job->cancel, &job->error);
        if (job->outcome != KK_OK) {
            return;
        }
    }
    kk_status status = job->instance->code->entries[job->entry->index](
        job->instance->self, &job->call, job->args, job->args_len);
    if (turn != NULL) {
        kk_turn_give(turn);
    }
    kk_service_release_all(job);
    job->outcome = kk_outcome_conclude(job, status);
}

static void finish(kk_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->done = true;
    pthread_mutex_unlock(&job->lock);
    // Who wakes finds the lock free.  The job is still ours as well.
    pthread_cond_signal(&job->changed);
    kk_job_release(job);
}

static kk_job *next_job(kk_workers *self)
{
    pthread_mutex_lock(&self->lock);
    self->idle++;
    while (self->first == NULL && !self->closing) {
        pthread_cond_wait(&self->wanted, &self->lock);
    }
    self->idle--;
    kk_job *job = self->first;
    if (job != NULL) {
        self->first = job->next;
        self->waiting--;
    }
    pthread_mutex_unlock(&self->lock);
    return job;
}

static void *work(void *context)
{
    kk_workers *self = context;
    kk_job *job;
    while ((job = next_job(self)) != NULL) {
        run_tool(job);
        finish(job);
    }
    return NULL;
}

// ---- The pool

kk_code kk_workers_start(kk_workers *self, kk_error *err)
{
    if (pthread_mutex_init(&self->lock, NULL) != 0) {
        return kk_fail(err, KK_ERR_INTERNAL, "no mutex could be made");
    }
    if (pthread_cond_init(&self->wanted, NULL) != 0) {
        pthread_mutex_destroy(&self->lock);
        return kk_fail(err, KK_ERR_INTERNAL, "no condition variable could be made");
    }
    return KK_OK;
}

void kk_workers_stop(kk_workers *self)
{
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    pthread_cond_broadcast(&self->wanted);
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < self->thread_count; i++) {
        pthread_join(self->threads[i], NULL);
    }
    free(self->threads);
    pthread_cond_destroy(&self->wanted);
    pthread_mutex_destroy(&self->lock);
}

// Makes one more thread, with every signal blocked: signals are the embedding program's business.
// Called with the lock.
static bool add_thread(kk_workers *self)
{
    pthread_t *grown = realloc(self->threads, (self->thread_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    self->threads = grown;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool made = pthread_create(&grown[self->thread_count], NULL, work, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    self->thread_count += made;
    return made;
}

// Hands the job to a thread.  False if there is none and none can be made.
static bool submit(kk_workers *self, kk_job *job)
{
    pthread_mutex_lock(&self->lock);
    bool served = self->waiting < self->idle || add_thread(self);
    if (served) {
        job->next = NULL;
        kk_job **link = self->first == NULL ? &self->first : &self->last->next;
        *link = job;
        self->last = job;
        self->waiting++;
    }
    pthread_mutex_unlock(&self->lock);
    if (served) {
        pthread_cond_signal(&self->wanted);
    }
    return served;
}

// ---- The caller's side

static void cancel_job(void *context)
{
    kk_job *job = context;
    kk_cancel_raise(job->cancel);
    pthread_mutex_lock(&job->lock);
    job->cancelled = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

static bool wait_for_end(kk_job *job)
{
    pthread_mutex_lock(&job->lock);
    uint64_t patience_ms = job->real_deadline_ms + KK_GRACE_MS;
    bool in_time = true;
    while (!job->done && in_time) {
        uint64_t cancelled_ms = kk_time_mono_ms(kk_time_real()) + KK_GRACE_MS;
        if (job->cancelled && cancelled_ms < patience_ms) {
            patience_ms = cancelled_ms;
        }
        struct timespec until = at_ms(patience_ms);
        in_time = pthread_cond_timedwait(&job->changed, &job->lock, &until) != ETIMEDOUT;
    }
    bool done = job->done;
    if (!done) {
        atomic_store(&job->instance->wedged, true);
        atomic_store(&job->host->wedged, true);
    }
    pthread_mutex_unlock(&job->lock);
    return done;
}

bool kk_job_run(kk_job *job, kk_cancel *cancel)
{
    job->owners = 2;
    if (!submit(&job->host->workers, job)) {
        job->owners = 1;
        job->done = true;
        job->outcome = kk_fail(&job->error, KK_ERR_INTERNAL, "no thread could be made");
        return true;
    }
    kk_cancel_watch watch = {.wake = cancel_job, .context = job};
    kk_cancel_watch_add(cancel, &watch);
    bool done = wait_for_end(job);
    kk_cancel_watch_remove(cancel, &watch);
    return done;
}
