// Driving the multi handle, which runs every transfer: the senders do it themselves, by turns.
//
// libcurl's connections may be used by one thread at a time, and HTTP/2 requests share a connection
// only within one multi handle.  So one of the threads that wait for an answer drives all transfers
// that are under way until its own has ended, and then another does.  A thread of its own for this
// would cost a request that is alone two changes of thread, which is more than libcurl's own work
// on it.
#include "live.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <time.h>

// How long the driver sleeps when nothing is due; whoever has something for it wakes it.
#define IDLE_WAIT_MS 60000

static bool set_multi(CURLM *multi)
{
    return curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 100L) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 6L) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 16L) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 16L) == CURLM_OK;
}

// ---- SIGPIPE

// A write to a closed connection, as the TLS library makes it, must not end the program.
typedef struct held_signal {
    bool is_ours; // we hold it back, and it was not held back or pending before
    sigset_t before;
} held_signal;

static void hold_sigpipe(held_signal *self)
{
    sigset_t pipe_only;
    sigset_t pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &self->before);
    self->is_ours = sigismember(&self->before, SIGPIPE) == 0 && sigpending(&pending) == 0 &&
                    sigismember(&pending, SIGPIPE) == 0;
}

static void release_sigpipe(const held_signal *self)
{
    static const struct timespec at_once;
    sigset_t pipe_only;
    if (!self->is_ours) {
        pthread_sigmask(SIG_SETMASK, &self->before, NULL);
        return;
    }
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &self->before, NULL);
}

// ---- What the driver does

// Hands the job back to its sender.  From here on it must not be touched, unless the sender is the
// driver itself.
static void give_back(kk_live *self, kk_live_job *job, kk_live_end end, CURLcode result)
{
    pthread_mutex_lock(&self->lock);
    job->result = result;
    job->end = end;
    pthread_cond_signal(&job->turned);
    pthread_mutex_unlock(&self->lock);
}

static void end_job(kk_live *self, kk_live_job *job, kk_live_end end, CURLcode result)
{
    kk_live_job **link = &self->running;
    while (*link != job) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = job->next;
    curl_multi_remove_handle(self->multi, job->easy);
    give_back(self, job, end, result);
}

// Why the job has to end now, or KK_LIVE_RUNNING.
static kk_live_end due_end(const kk_live_job *job, uint64_t now_ms)
{
    if (atomic_load(&job->is_cancelled)) {
        return KK_LIVE_END_CANCELLED;
    }
    return job->request->deadline_ms <= now_ms ? KK_LIVE_END_DEADLINE : KK_LIVE_RUNNING;
}

static void start_jobs(kk_live *self, kk_live_job *job)
{
    while (job != NULL) {
        kk_live_job *next = job->next;
        kk_live_end end = due_end(job, self->host->mono_ms());
        if (end == KK_LIVE_RUNNING && curl_multi_add_handle(self->multi, job->easy) != CURLM_OK) {
            end = KK_LIVE_END_BROKEN;
        }
        if (end != KK_LIVE_RUNNING) {
            give_back(self, job, end, CURLE_OK);
        } else {
            job->next = self->running;
            self->running = job;
        }
        job = next;
    }
}

// Ends what was cancelled or is overdue, and returns how long the rest may wait.
static int end_overdue(kk_live *self)
{
    uint64_t now_ms = self->host->mono_ms();
    uint64_t wait_ms = IDLE_WAIT_MS;
    kk_live_job *next = NULL;
    for (kk_live_job *job = self->running; job != NULL; job = next) {
        next = job->next;
        kk_live_end end = due_end(job, now_ms);
        uint64_t deadline_ms = job->request->deadline_ms;
        if (end != KK_LIVE_RUNNING) {
            end_job(self, job, end, CURLE_OK);
        } else if (deadline_ms - now_ms < wait_ms) {
            wait_ms = deadline_ms - now_ms;
        }
    }
    return (int)wait_ms;
}

static void end_finished(kk_live *self)
{
    CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        // The message does not outlive the removal of its handle.
        CURLcode result = message->data.result;
        kk_live_job *job = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&job);
        assert(job != NULL);
        end_job(self, job, KK_LIVE_END_CURL, result);
    }
}

static void end_all(kk_live *self)
{
    while (self->running != NULL) {
        end_job(self, self->running, KK_LIVE_END_BROKEN, CURLE_OK);
    }
}

static kk_live_job *take_queue(kk_live *self)
{
    pthread_mutex_lock(&self->lock);
    kk_live_job *queue = self->queue;
    self->queue = NULL;
    pthread_mutex_unlock(&self->lock);
    return queue;
}

// Drives all transfers until [own], which nobody but the driver ends, has ended.
static void drive(kk_live *self, const kk_live_job *own)
{
    held_signal held;
    hold_sigpipe(&held);
    while (own->end == KK_LIVE_RUNNING) {
        int still_running = 0;
        start_jobs(self, take_queue(self));
        CURLMcode code = curl_multi_perform(self->multi, &still_running);
        end_finished(self);
        int wait_ms = end_overdue(self);
        if (code == CURLM_OK && own->end == KK_LIVE_RUNNING) {
            code = curl_multi_poll(self->multi, NULL, 0, wait_ms, NULL);
        }
        // A multi handle that fails stays failed: waiting for it would be an endless loop.
        if (code != CURLM_OK) {
            end_all(self);
        }
    }
    release_sigpipe(&held);
}

// ---- Taking turns

static void enqueue(kk_live *self, kk_live_job *job)
{
    kk_live_job **link = &self->queue;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = job;
}

// Wakes a sender that waits, so that it drives on.  Called with the lock held.
static void call_next(kk_live *self)
{
    kk_live_job *next = self->running != NULL ? self->running : self->queue;
    if (next != NULL) {
        pthread_cond_signal(&next->turned);
    }
}

// Sees the job to its end, driven by another or by this thread.
static void run_job(kk_live *self, kk_live_job *job)
{
    pthread_mutex_lock(&self->lock);
    enqueue(self, job);
    if (self->is_driven) {
        curl_multi_wakeup(self->multi);
    }
    while (job->end == KK_LIVE_RUNNING) {
        if (self->is_driven) {
            pthread_cond_wait(&job->turned, &self->lock);
            continue;
        }
        self->is_driven = true;
        pthread_mutex_unlock(&self->lock);
        drive(self, job);
        pthread_mutex_lock(&self->lock);
        self->is_driven = false;
        call_next(self);
    }
    pthread_mutex_unlock(&self->lock);
}

// Runs on the thread that cancels.  Who drives sees the flag; if nobody does, whoever begins to
// drive looks for it before it sleeps.
static void wake(void *context)
{
    kk_live_job *job = context;
    atomic_store(&job->is_cancelled, true);
    curl_multi_wakeup(job->live->multi);
}

void kk_live_run(kk_live *self, kk_live_job *job)
{
    // The token's lock is never taken while ours is held: its holder may be in wake().  A flag that
    // is up already is seen before the job starts.
    job->watch = (kk_cancel_watch){.wake = wake, .context = job};
    self->host->cancel_watch_add(job->request->cancel, &job->watch);
    run_job(self, job);
    self->host->cancel_watch_remove(job->request->cancel, &job->watch);
}

// ---- Beginning and end

bool kk_live_start(kk_live *self)
{
    self->multi = curl_multi_init();
    return self->multi != NULL && set_multi(self->multi);
}

void kk_live_stop(kk_live *self)
{
    // To say goodbye on a broken connection raises SIGPIPE as well.
    held_signal held;
    hold_sigpipe(&held);
    curl_multi_cleanup(self->multi);
    release_sigpipe(&held);
    self->multi = NULL;
}
