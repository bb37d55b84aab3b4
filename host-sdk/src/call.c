// The pipeline of one call, the same for C, the command line and every other surface.
#include "fail.h"
#include "fields.h"
#include "host_private.h"
#include "json.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

// The most bytes of a call's arguments.
#define ARGS_MAX ((size_t)4 << 20)

// What the steps of one call hand on.
typedef struct pipeline {
    kk_host *host;
    kk_call_options options;
    kk_result *result;
    const kk_entry *entry;
    kk_account *account;
    kk_fields fields;
    kk_buf args; // without `fields`
    kk_job *job;
} pipeline;

static bool set_text(char **out, const char *text)
{
    free(*out);
    *out = strdup(text);
    return *out != NULL;
}

static kk_code find_function(pipeline *self, kk_error *err)
{
    if (self->options.function == NULL) {
        return kk_fail(err, KK_ERR_UNKNOWN_FUNCTION, "no function was named");
    }
    kk_code code =
        kk_registry_find(self->host->registry, self->options.function, &self->entry, err);
    if (code != KK_OK) {
        return code;
    }
    self->result->operation = self->entry->info.operation;
    return set_text(&self->result->function, self->entry->info.function)
               ? KK_OK
               : kk_fail(err, KK_ERR_INTERNAL, "out of memory for the result");
}

static kk_code find_account(pipeline *self, kk_error *err)
{
    bool needed = self->entry->tool->credential != NULL;
    kk_code code = kk_host_resolve(self->host, self->entry->plugin, self->options.account, !needed,
                                   &self->account, err);
    if (code != KK_OK) {
        return code;
    }
    if (!set_text(&self->result->account, kk_account_name(self->account))) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the result");
    }
    return needed ? kk_account_check_complete(self->account, err) : KK_OK;
}

static kk_code check_args(pipeline *self, kk_error *err)
{
    kk_str args = kk_str_from(self->options.args != NULL ? self->options.args : "{}");
    if (args.len > ARGS_MAX) {
        return kk_fail(err, KK_ERR_INVALID_ARGS,
                       "the arguments are %zu bytes, more than %zu; nothing was sent", args.len,
                       ARGS_MAX);
    }
    const kk_schema *schema = kk_entry_schema(self->entry);
    kk_code code = schema != NULL ? kk_schema_check(schema, args, true, err)
                                  : kk_fail(err, KK_ERR_INTERNAL, "out of memory for a schema");
    return code == KK_OK ? kk_fields_take(self->entry, args, &self->args, &self->fields, err)
                         : code;
}

static kk_code ask_policy(pipeline *self, kk_error *err)
{
    bool read_only = (self->entry->tool->flags & KK_TOOL_READ_ONLY) != 0;
    bool dry_run = (self->options.flags & KK_CALL_DRY_RUN) != 0;
    kk_policy policy = kk_policy_decide(read_only, (self->options.flags & KK_CALL_APPROVED) != 0);
    self->result->policy = kk_policy_name(policy);
    const char *function = self->entry->info.function;
    if (policy == KK_POLICY_DENY) {
        return kk_fail(err, KK_ERR_DENIED, "'%s' is forbidden by policy", function);
    }
    if (policy == KK_POLICY_ALLOW || dry_run) {
        return KK_OK;
    }
    if (self->options.approve != NULL &&
        self->options.approve(self->options.approve_context, function,
                              kk_account_name(self->account), kk_buf_text(&self->args))) {
        return KK_OK;
    }
    if (kk_cancel_is_raised(self->options.cancel)) {
        return kk_fail(err, KK_ERR_CANCELLED,
                       "'%s' was cancelled before it was approved; nothing was sent", function);
    }
    kk_fail(err, KK_ERR_APPROVAL_REQUIRED, "'%s' writes and was not approved; nothing was sent",
            function);
    kk_fail_hint(err, "approve it: --yes on the command line, KK_CALL_APPROVED in C");
    return KK_ERR_APPROVAL_REQUIRED;
}

static uint64_t timeout_ms(const pipeline *self)
{
    if (self->options.timeout_ms > 0) {
        return self->options.timeout_ms;
    }
    uint32_t own_ms = self->entry->tool->timeout_ms;
    return own_ms > 0 ? own_ms : KK_TIMEOUT_DEFAULT_MS;
}

static bool init_lock(kk_job *job)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&job->lock, NULL) != 0) {
        return false;
    }
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool made = pthread_cond_init(&job->changed, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

// Makes the job, which takes the account and the arguments over.
static kk_code make_job(pipeline *self, kk_error *err)
{
    kk_bound_instance *instance = NULL;
    kk_code code =
        kk_instance_acquire(self->host, self->entry->plugin, self->account, &instance, err);
    if (code != KK_OK) {
        return code;
    }
    kk_job *job = calloc(1, sizeof *job);
    kk_cancel *cancel = kk_cancel_new();
    if (job == NULL || cancel == NULL || !init_lock(job)) {
        free(job);
        kk_cancel_free(cancel);
        kk_instance_release(instance);
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the call");
    }
    uint64_t time_ms = timeout_ms(self);
    job->owners = 1;
    job->host = self->host;
    job->entry = self->entry;
    job->instance = instance;
    job->cancel = cancel;
    job->account = self->account;
    self->account = NULL;
    job->args_len = self->args.len;
    job->args = kk_buf_steal(&self->args);
    job->output.limit = KK_OUTPUT_MAX;
    job->attempts.limit = KK_TEXT_MAX;
    job->real_deadline_ms = kk_time_mono_ms(kk_time_real()) + time_ms;
    job->call = (kk_call){
        .struct_size = sizeof job->call,
        .deadline_ms = kk_time_mono_ms(self->host->time) + time_ms,
        .host = &instance->api,
        .host_data = job,
        .call_id = "",
        .tool = self->entry->tool->name,
    };
    self->job = job;
    return KK_OK;
}

// The tool is still running; its job is not ours to read.
static kk_code give_up(pipeline *self, kk_error *err)
{
    self->result->wedged = true;
    bool cancelled = kk_cancel_is_raised(self->options.cancel);
    kk_fail(err, cancelled ? KK_ERR_CANCELLED : KK_ERR_TIMEOUT,
            "'%s' did not come back within its %llu ms and the grace after them",
            self->entry->info.function, (unsigned long long)timeout_ms(self));
    if (err != NULL && (self->entry->tool->flags & KK_TOOL_READ_ONLY) == 0) {
        err->effect = KK_EFFECT_UNKNOWN;
    }
    return cancelled ? KK_ERR_CANCELLED : KK_ERR_TIMEOUT;
}

static kk_code run(pipeline *self, kk_error *err)
{
    kk_job *job = self->job;
    if (!kk_job_run(job, self->options.cancel)) {
        return give_up(self, err);
    }
    self->result->attempts = kk_buf_steal(&job->attempts);
    if (job->outcome != KK_OK && err->code == KK_OK) {
        *err = job->error;
    }
    return job->outcome;
}

// The tool's output as the caller gets it.  What was done stays done, even if it cannot be shown.
static kk_code take_output(pipeline *self, kk_error *err)
{
    kk_job *job = self->job;
    kk_buf projected = {.limit = KK_OUTPUT_MAX};
    kk_buf masked = {.limit = KK_OUTPUT_MAX};
    kk_buf *result = &job->output;
    kk_error why = {0};
    kk_code code = kk_json_check(kk_buf_view(result), &why);
    if (code != KK_OK) {
        code = kk_fail(err, KK_ERR_BAD_OUTPUT, "%s wrote what is not one JSON value: %s",
                       self->entry->tool->symbol, why.message);
    }
    if (code == KK_OK && self->fields.count > 0) {
        code = kk_fields_apply(&self->fields, self->entry, kk_buf_view(result), &projected, err);
        result = &projected;
    }
    const char *const *secrets = self->entry->tool->secret_paths;
    if (code == KK_OK && secrets != NULL) {
        code = kk_json_mask(kk_buf_view(result), secrets, &masked, err);
        result = &masked;
    }
    if (code == KK_OK) {
        self->result->data_len = result->len;
        self->result->data = kk_buf_steal(result);
        code = self->result->data != NULL ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    if (code != KK_OK) {
        err->effect = job->effect;
    }
    kk_buf_clean(&projected);
    kk_buf_clean(&masked);
    return code;
}

static kk_code walk(pipeline *self, kk_error *err)
{
    kk_code code = find_function(self, err);
    if (code == KK_OK) {
        code = find_account(self, err);
    }
    if (code == KK_OK) {
        code = check_args(self, err);
    }
    if (code == KK_OK) {
        code = ask_policy(self, err);
    }
    if (code != KK_OK || (self->options.flags & KK_CALL_DRY_RUN) != 0) {
        return code;
    }
    code = make_job(self, err);
    if (code == KK_OK) {
        code = run(self, err);
    }
    return code == KK_OK ? take_output(self, err) : code;
}

static void finish(pipeline *self, kk_code code, const kk_error *err, uint64_t started_us)
{
    kk_result *result = self->result;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    result->duration_us =
        (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 - started_us;
    result->success = code == KK_OK;
    result->error = *err;
    kk_host_log(self->host, KK_LOG_INFO, "%s for account %s: %s", result->function,
                result->account != NULL ? result->account : "-", kk_code_name(code));
    if (self->job != NULL) {
        kk_job_release(self->job);
    }
    kk_fields_clean(&self->fields);
    kk_buf_clean(&self->args);
    kk_account_free(self->account);
}

kk_code kk_host_call(kk_host *host, const kk_call_options *options, kk_result **result,
                     kk_error *err)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t started_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    pipeline self = {.host = host, .args = {.limit = ARGS_MAX}};
    size_t size = options->size < sizeof self.options ? options->size : sizeof self.options;
    memcpy(&self.options, options, size);

    *result = NULL;
    self.result = calloc(1, sizeof *self.result);
    if (self.result == NULL ||
        !set_text(&self.result->function,
                  self.options.function != NULL ? self.options.function : "")) {
        kk_result_free(self.result);
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the result");
    }
    self.result->transport = kk_host_transport_name(host);
    self.result->dry_run = (self.options.flags & KK_CALL_DRY_RUN) != 0;

    kk_error failure = {0};
    kk_code code = walk(&self, &failure);
    assert(code == failure.code);
    finish(&self, code, &failure, started_us);
    if (code != KK_OK && err != NULL && err->code == KK_OK) {
        *err = failure;
    }
    *result = self.result;
    return code;
}
