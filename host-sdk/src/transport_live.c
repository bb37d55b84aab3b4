// The live transport: requests over the network, by libcurl.
#include "live.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the running libcurl must be able to do: without its own thread for names a deadline could
// not end a slow resolution, and without thread safety it could not be set up here at all.
#define NEEDED_FEATURES (CURL_VERSION_SSL | CURL_VERSION_ASYNCHDNS | CURL_VERSION_THREADSAFE)
#define NEEDED_VERSION 0x075800

static pthread_once_t set_up_once = PTHREAD_ONCE_INIT;
static CURLcode set_up_result;

// For the life of the process.  Two variables would have libcurl write the keys of every connection
// into a file or use another TLS library; it reads them here and only here.
static void set_up(void)
{
    unsetenv("SSLKEYLOGFILE");
    unsetenv("CURL_SSL_BACKEND");
    set_up_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static CURL *take_easy(kk_live *self)
{
    CURL *easy = NULL;
    pthread_mutex_lock(&self->lock);
    if (self->idle_count > 0) {
        easy = self->idle[--self->idle_count];
    }
    pthread_mutex_unlock(&self->lock);
    return easy != NULL ? easy : curl_easy_init();
}

// A handle that is used again brings its TLS sessions; its options are forgotten.
static void return_easy(kk_live *self, CURL *easy)
{
    if (easy == NULL) {
        return;
    }
    curl_easy_reset(easy);
    pthread_mutex_lock(&self->lock);
    bool keep = self->idle_count < KK_LIVE_IDLE_MAX;
    if (keep) {
        self->idle[self->idle_count++] = easy;
    }
    pthread_mutex_unlock(&self->lock);
    if (!keep) {
        curl_easy_cleanup(easy);
    }
}

static kk_code fail_internal(const kk_live_job *job, kk_error *err, const char *text)
{
    return job->live->host->fail(err, KK_ERR_INTERNAL, "%s %s%s: %s", job->request->method,
                                 job->target.host, job->target.path, text);
}

// One line about a transfer that has ended, without anything of its header or query.
static void log_end(const kk_live_job *job, kk_code code, unsigned status)
{
    const kk_live_host *host = job->live->host;
    if (host->log == NULL) {
        return;
    }
    char outcome[32] = "failed";
    char text[KK_LIVE_HOST_MAX + KK_LIVE_PATH_MAX + 128];
    curl_off_t took_us = 0;
    long connections = 0;
    curl_easy_getinfo(job->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    curl_easy_getinfo(job->easy, CURLINFO_NUM_CONNECTS, &connections);
    if (code == KK_OK) {
        snprintf(outcome, sizeof outcome, "status %u", status);
    }
    snprintf(text, sizeof text, "%.16s %s%s: %s, %ld ms, %zu bytes, %s connection",
             job->request->method, job->target.host, job->target.path, outcome,
             (long)(took_us / 1000), job->body_len, connections > 0 ? "new" : "used");
    host->log(host->log_context, KK_LOG_LEVEL_DEBUG, text);
}

// Runs the job and takes its answer.
static kk_code perform(kk_live_job *job, kk_response *out, kk_error *err)
{
    job->easy = take_easy(job->live);
    if (job->easy == NULL || !kk_live_easy_prepare(job)) {
        return fail_internal(job, err, "libcurl did not accept the options of the request");
    }
    kk_live_run(job->live, job);
    kk_response answer = {0};
    kk_code code = kk_live_verdict(job, &answer.status, &out->sent, err);
    log_end(job, code, answer.status);
    if (code != KK_OK) {
        return code;
    }
    answer.sent = out->sent;
    if (!kk_live_answer_take(job, &answer)) {
        kk_live_answer_clean(&answer);
        return fail_internal(job, err, "out of memory for the answer");
    }
    *out = answer;
    return KK_OK;
}

static void job_clean(kk_live_job *job)
{
    return_easy(job->live, job->easy);
    kk_live_headers_free(job->headers);
    curl_slist_free_all(job->resolve);
    pthread_cond_destroy(&job->turned);
    free(job->body);
}

static kk_code live_send(kk_transport *base, const kk_request *request, kk_response *out,
                         kk_error *err)
{
    kk_live *self = (kk_live *)base;
    kk_live_job job = {.live = self, .request = request};
    out->sent = KK_SENT_NO;
    kk_code code = kk_live_check(self->host, request, &job.target, err);
    if (code != KK_OK) {
        return code;
    }
    pthread_cond_init(&job.turned, NULL);
    code = perform(&job, out, err);
    job_clean(&job);
    return code;
}

static void live_response_clean(kk_transport *base, kk_response *response)
{
    (void)base;
    kk_live_answer_clean(response);
}

static void live_close(kk_transport *base)
{
    kk_live *self = (kk_live *)base;
    kk_live_stop(self);
    for (size_t i = 0; i < self->idle_count; i++) {
        curl_easy_cleanup(self->idle[i]);
    }
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const kk_transport_table table = {
    .name = "live",
    .send = live_send,
    .response_clean = live_response_clean,
    .close = live_close,
};

static kk_code check_libcurl(const kk_live_host *host, kk_error *err)
{
    pthread_once(&set_up_once, set_up);
    if (set_up_result != CURLE_OK) {
        return host->fail(err, KK_ERR_INTERNAL, "libcurl could not be set up: code %d",
                          (int)set_up_result);
    }
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    bool is_able = (info->features & NEEDED_FEATURES) == NEEDED_FEATURES;
    if (info->version_num < NEEDED_VERSION || !is_able) {
        return host->fail(err, KK_ERR_INTERNAL,
                          "libcurl %s will not do: 7.88 with TLS, threads and asynchronous name "
                          "resolution is needed",
                          info->version);
    }
    return KK_OK;
}

kk_code kk_live_open(const kk_live_host *host, kk_transport **out, kk_error *err)
{
    if (host->size < sizeof *host) {
        return host->fail(err, KK_ERR_INTERNAL, "the live transport is newer than the kk library");
    }
    kk_code code = check_libcurl(host, err);
    if (code != KK_OK) {
        return code;
    }
    kk_live *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return host->fail(err, KK_ERR_INTERNAL, "out of memory for the live transport");
    }
    self->base.table = &table;
    self->host = host;
    pthread_mutex_init(&self->lock, NULL);
    if (!kk_live_start(self)) {
        live_close(&self->base);
        return host->fail(err, KK_ERR_INTERNAL, "libcurl could not be set up for many transfers");
    }
    // The first request finds a handle that is made already.
    return_easy(self, curl_easy_init());
    *out = &self->base;
    return KK_OK;
}
