// The I/O thread of the live transport: it owns the multi handle and runs every transfer.
//
// libcurl's connections may be used by one thread at a time, and HTTP/2 requests share a connection
// only within one multi handle.  Hence one thread for all of them, a queue into it, and
// curl_multi_wakeup() to be heard.
#include "live.h"
#include <assert.h>
#include <signal.h>

// The transfers that are under way.  Seen by the I/O thread alone.
typedef struct running {
    kk_live *live;
    kk_live_job *first;
} running;

// How long the thread sleeps when nothing is due; whoever has something for it wakes it.
#define IDLE_WAIT_MS 60000

static bool set_multi(CURLM *multi)
{
    return curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 100L) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 6L) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 16L) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 16L) == CURLM_OK;
}

// Hands the job back to its sender.  From here on it must not be touched.
static void give_back(kk_live *self, kk_live_job *job, kk_live_end end, CURLcode result)
{
    pthread_mutex_lock(&self->lock);
    job->result = result;
    job->end = end;
    pthread_cond_signal(&job->ended);
    pthread_mutex_unlock(&self->lock);
}

static void end_job(running *self, kk_live_job *job, kk_live_end end, CURLcode result)
{
    kk_live_job **link = &self->first;
    while (*link != job) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = job->next;
    curl_multi_remove_handle(self->live->multi, job->easy);
    give_back(self->live, job, end, result);
}

// Why the job has to end now, or KK_LIVE_RUNNING.
static kk_live_end due_end(const kk_live_job *job, uint64_t now_ms)
{
    if (atomic_load(&job->is_cancelled)) {
        return KK_LIVE_END_CANCELLED;
    }
    return job->request->deadline_ms <= now_ms ? KK_LIVE_END_DEADLINE : KK_LIVE_RUNNING;
}

static void start_jobs(running *self, kk_live_job *job)
{
    while (job != NULL) {
        kk_live_job *next = job->next;
        kk_live_end end = due_end(job, self->live->host->mono_ms());
        if (end == KK_LIVE_RUNNING &&
            curl_multi_add_handle(self->live->multi, job->easy) != CURLM_OK) {
            end = KK_LIVE_END_BROKEN;
        }
        if (end != KK_LIVE_RUNNING) {
            give_back(self->live, job, end, CURLE_OK);
        } else {
            job->next = self->first;
            self->first = job;
        }
        job = next;
    }
}

// Ends what was cancelled or is overdue, and returns how long the rest may wait.
static int end_overdue(running *self)
{
    uint64_t now_ms = self->live->host->mono_ms();
    uint64_t wait_ms = IDLE_WAIT_MS;
    kk_live_job *next = NULL;
    for (kk_live_job *job = self->first; job != NULL; job = next) {
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

static void end_finished(running *self)
{
    CURLMsg *message = NULL;
    int left = 0;
    while ((message = curl_multi_info_read(self->live->multi, &left)) != NULL) {
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

static void end_all(running *self)
{
    while (self->first != NULL) {
        end_job(self, self->first, KK_LIVE_END_BROKEN, CURLE_OK);
    }
}

// The queue as it stands, or false once the transport is closing.
static bool take_queue(kk_live *self, kk_live_job **out)
{
    pthread_mutex_lock(&self->lock);
    *out = self->queue;
    self->queue = NULL;
    bool goes_on = !self->is_stopping;
    pthread_mutex_unlock(&self->lock);
    return goes_on;
}

static void *run_thread(void *context)
{
    running self = {.live = context};
    CURLM *multi = self.live->multi;
    kk_live_job *fresh = NULL;
    while (take_queue(self.live, &fresh)) {
        int still_running = 0;
        start_jobs(&self, fresh);
        CURLMcode code = curl_multi_perform(multi, &still_running);
        end_finished(&self);
        int wait_ms = end_overdue(&self);
        if (code == CURLM_OK) {
            code = curl_multi_poll(multi, NULL, 0, wait_ms, NULL);
        }
        // A multi handle that fails stays failed: waiting for it would be an endless loop.
        if (code != CURLM_OK) {
            end_all(&self);
        }
    }
    // Here rather than in the closing thread: to say goodbye on a broken connection raises SIGPIPE.
    curl_multi_cleanup(multi);
    return NULL;
}

// Signals are for the program's own threads; a write to a closed connection must not end it.
static bool create_thread(kk_live *self)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return false;
    }
    bool ok = pthread_create(&self->thread, NULL, run_thread, self) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool kk_live_start(kk_live *self)
{
    self->multi = curl_multi_init();
    if (self->multi == NULL) {
        return false;
    }
    self->is_started = set_multi(self->multi) && create_thread(self);
    if (!self->is_started) {
        curl_multi_cleanup(self->multi);
        self->multi = NULL;
    }
    return self->is_started;
}

static void enqueue(kk_live *self, kk_live_job *job)
{
    kk_live_job **link = &self->queue;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = job;
}

// Runs on the thread that cancels.
static void wake(void *context)
{
    kk_live_job *job = context;
    atomic_store(&job->is_cancelled, true);
    curl_multi_wakeup(job->live->multi);
}

// Hands the job over and sleeps until it comes back.
static void run_job(kk_live *self, kk_live_job *job)
{
    pthread_mutex_lock(&self->lock);
    enqueue(self, job);
    curl_multi_wakeup(self->multi);
    while (job->end == KK_LIVE_RUNNING) {
        pthread_cond_wait(&job->ended, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
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

void kk_live_stop(kk_live *self)
{
    if (!self->is_started) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    curl_multi_wakeup(self->multi); // with the lock held, since the thread frees what it wakes
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    self->multi = NULL;
    self->is_started = false;
}
