// What a plugin may ask of the host: to take its output or its failure, to log, and to tell the
// time.
#include "service.h"
#include "fail.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool kk_service_copy(void *own, size_t own_size, const void *theirs, size_t least)
{
    uint32_t size = 0;
    if (theirs == NULL) {
        return false;
    }
    memcpy(&size, theirs, sizeof size);
    if (size < least) {
        return false;
    }
    memset(own, 0, own_size);
    memcpy(own, theirs, size < own_size ? size : own_size);
    return true;
}

kk_status kk_service_fault(kk_job *job, kk_status status, const char *format, ...)
{
    char text[sizeof((kk_error *)NULL)->message];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kk_host_log(job->host, KK_LOG_WARN, "plugin '%s' misbehaves: %s", job->entry->info.plugin,
                text);
    kk_code code = status == KK_E_ORIGIN_DENIED ? KK_ERR_DENIED : KK_ERR_INTERNAL;
    job->send_failed = true;
    job->send_status = status;
    job->send_error = (kk_error){0};
    kk_fail(&job->send_error, code, "%s: %s", job->entry->info.function, text);
    return status;
}

kk_status kk_service_stopped(const kk_job *job)
{
    if (kk_cancel_is_raised(job->cancel)) {
        return KK_E_CANCELLED;
    }
    return kk_time_mono_ms(job->host->time) >= job->call.deadline_ms ? KK_E_DEADLINE : KK_E_OK;
}

// ---- kk_host_api

// An output is about as long as what the service answered: room for it at once spares the copies of
// a growing buffer.  Without that room the buffer grows as it has to.
static void reserve_output(kk_job *job, size_t len)
{
    size_t room = 0;
    for (const kk_held_response *held = job->responses; held != NULL; held = held->next) {
        room += held->response.body.len;
    }
    room += room / 8;
    room = room < len ? len : room;
    room = room < job->output.limit ? room : job->output.limit;
    if (kk_buf_reserve(&job->output, room) == NULL) {
        kk_buf_clear(&job->output);
    }
}

static kk_status api_write(const kk_call *call, const char *json, size_t len)
{
    kk_job *job = kk_job_of(call);
    if (job->output.ptr == NULL && job->output.failed == KK_OK) {
        reserve_output(job, len);
    }
    kk_buf_append(&job->output, json, len);
    if (job->output.failed == KK_OK) {
        return KK_E_OK;
    }
    job->wrote_too_much = job->output.failed == KK_ERR_TOO_LARGE;
    return job->wrote_too_much ? KK_E_TOO_LARGE : KK_E_NO_MEMORY;
}

static void copy_text(char *out, size_t out_size, const char *text)
{
    kk_text_set(out, out_size, text != NULL ? text : "");
}

static kk_status api_fail(const kk_call *call, const kk_tool_error *error)
{
    kk_job *job = kk_job_of(call);
    kk_tool_error own;
    size_t least = offsetof(kk_tool_error, retry_after_ms);
    if (!kk_service_copy(&own, sizeof own, error, least) || own.code == KK_E_OK) {
        return kk_service_fault(job, KK_E_CONTRACT, "fail() without a failure");
    }
    if (job->failed) {
        return own.code;
    }
    job->failed = true;
    job->failure = own;
    kk_error *texts = &job->failure_texts;
    copy_text(texts->message, sizeof texts->message, own.message);
    copy_text(texts->hint, sizeof texts->hint, own.hint);
    copy_text(texts->argument, sizeof texts->argument, own.argument);
    copy_text(texts->api_code, sizeof texts->api_code, own.api_code);
    if (own.request_id != NULL || own.detail != NULL) {
        kk_host_log(job->host, KK_LOG_INFO, "%s failed: request %.64s, detail %.512s",
                    job->entry->info.function, own.request_id != NULL ? own.request_id : "-",
                    own.detail != NULL ? own.detail : "-");
    }
    return own.code;
}

static void api_log(const kk_host_api *api, int32_t level, const char *text, size_t len)
{
    const kk_bound_instance *instance = api->host_data;
    int shown = len < 4096 ? (int)len : 4096;
    kk_host_log(instance->host, level, "%s: %.*s", kk_plugin_manifest(instance->plugin)->id, shown,
                text);
}

static kk_status api_stopped(const kk_call *call)
{
    return kk_service_stopped(kk_job_of(call));
}

// ---- kk.clock/1

static uint64_t clock_mono_ms(const kk_host_api *api)
{
    return kk_time_mono_ms(((kk_bound_instance *)api->host_data)->host->time);
}

static int64_t clock_unix_ms(const kk_host_api *api)
{
    return kk_time_unix_ms(((kk_bound_instance *)api->host_data)->host->time);
}

static kk_status clock_sleep_ms(const kk_call *call, uint64_t ms)
{
    kk_job *job = kk_job_of(call);
    uint64_t now_ms = kk_time_mono_ms(job->host->time);
    uint64_t left_ms = call->deadline_ms > now_ms ? call->deadline_ms - now_ms : 0;
    uint64_t until_ms = now_ms + (ms < left_ms ? ms : left_ms);
    if (!kk_time_sleep_until(job->host->time, until_ms, job->cancel)) {
        return KK_E_CANCELLED;
    }
    return ms > left_ms ? KK_E_DEADLINE : KK_E_OK;
}

static const kk_clock service_clock = {
    .struct_size = sizeof service_clock,
    .mono_ms = clock_mono_ms,
    .unix_ms = clock_unix_ms,
    .sleep_ms = clock_sleep_ms,
};

static const void *api_get_service(const kk_host_api *api, const char *id)
{
    const kk_bound_instance *instance = api->host_data;
    if (id == NULL || !kk_plugin_is_granted(instance->plugin, id)) {
        return NULL;
    }
    if (strcmp(id, KK_SERVICE_HTTP) == 0) {
        return &kk_service_http;
    }
    return strcmp(id, KK_SERVICE_CLOCK) == 0 ? &service_clock : NULL;
}

void kk_service_fill(kk_bound_instance *instance)
{
    instance->api = (kk_host_api){
        .struct_size = sizeof instance->api,
        .abi_version = KK_ABI_VERSION,
        .host_data = instance,
        .name = "kk",
        .version = kk_version(),
        .get_service = api_get_service,
        .log = api_log,
        .write = api_write,
        .fail = api_fail,
        .stopped = api_stopped,
    };
}
