// The service kk.http/1: checks what a plugin wants to send, adds the credential that the plugin
// never sees, and sends it.
#include "error_json.h"
#include "fail.h"
#include "outcome.h"
#include "service.h"
#include "url.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADERS_MAX = 64 };

// ---- Checks

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcasecmp(name, *names) == 0) {
            return true;
        }
    }
    return false;
}

// RFC 9110's token.
static bool is_token(const char *text)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return text != NULL && text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool is_header_value(const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if ((byte < 0x20 && byte != '\t') || byte == 0x7F) {
            return false;
        }
    }
    return text != NULL;
}

static kk_status check_header(kk_job *job, const kk_header *headers, size_t index)
{
    static const char *const reserved[] = {
        "authorization",   "proxy-authorization", "cookie", "host", "connection", "content-length",
        "accept-encoding", "transfer-encoding",   "expect", "te",   "upgrade",    NULL};
    const kk_header *header = &headers[index];
    if (!is_token(header->name) || !is_header_value(header->value)) {
        return kk_service_fault(job, KK_E_CONTRACT, "header %zu is not one of HTTP", index);
    }
    const kk_scheme *scheme = kk_account_scheme(job->account);
    if (is_one_of(header->name, reserved) ||
        (scheme != NULL && strcasecmp(header->name, scheme->header_name) == 0)) {
        return kk_service_fault(job, KK_E_CONTRACT, "header '%s' is the host's to set",
                                header->name);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcasecmp(header->name, headers[i].name) == 0) {
            return kk_service_fault(job, KK_E_CONTRACT, "header '%s' is given twice", header->name);
        }
    }
    return KK_E_OK;
}

static kk_status check_headers(kk_job *job, const kk_http_request *request)
{
    if (request->header_count > HEADERS_MAX ||
        (request->header_count > 0 && request->headers == NULL)) {
        return kk_service_fault(job, KK_E_CONTRACT, "more than %d headers", HEADERS_MAX);
    }
    for (size_t i = 0; i < request->header_count; i++) {
        kk_status status = check_header(job, request->headers, i);
        if (status != KK_E_OK) {
            return status;
        }
    }
    return KK_E_OK;
}

static kk_status check_method(kk_job *job, const kk_http_request *request)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};
    const char *method = request->method;
    if (method == NULL || !is_one_of(method, methods) || method[0] > 'Z') {
        return kk_service_fault(job, KK_E_CONTRACT,
                                "a method that is not GET, HEAD, POST, PUT, "
                                "PATCH or DELETE");
    }
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!reads && (job->entry->tool->flags & KK_TOOL_READ_ONLY) != 0) {
        return kk_service_fault(job, KK_E_CONTRACT, "a read-only tool sends %s", method);
    }
    if (request->body_len > KK_BODY_MAX || (request->body_len > 0 && request->body == NULL)) {
        return kk_service_fault(job, KK_E_CONTRACT, "a body over %zu bytes", KK_BODY_MAX);
    }
    return KK_E_OK;
}

// The credential goes to its origins alone.  Without one, only https.
static kk_status check_target(kk_job *job, const kk_http_request *request)
{
    kk_url url;
    kk_error why = {0};
    if (request->url == NULL || kk_url_parse(request->url, &url, &why) != KK_OK) {
        return kk_service_fault(job, KK_E_CONTRACT, "a URL that cannot be sent: %s", why.message);
    }
    if (kk_url_check_secure(&url, &why) != KK_OK) {
        return kk_service_fault(job, KK_E_ORIGIN_DENIED, "%s", why.message);
    }
    const char *slot = job->entry->tool->credential;
    if (request->credential == NULL) {
        return url.secure ? KK_E_OK
                          : kk_service_fault(job, KK_E_ORIGIN_DENIED, "plain http without account");
    }
    if (slot == NULL || strcmp(request->credential, slot) != 0) {
        return kk_service_fault(job, KK_E_NOT_GRANTED, "the tool does not use credential '%s'",
                                request->credential);
    }
    if (!kk_account_allows(job->account, request->url)) {
        return kk_service_fault(job, KK_E_ORIGIN_DENIED,
                                "'%.*s' is not an origin of credential '%s'", KK_STR_ARG(url.host),
                                slot);
    }
    return KK_E_OK;
}

static kk_status check_request(kk_job *job, const kk_http_request *request)
{
    kk_status status = check_method(job, request);
    if (status == KK_E_OK) {
        status = check_target(job, request);
    }
    return status == KK_E_OK ? check_headers(job, request) : status;
}

// ---- Sending

// What the attempts of one request are noted for.
typedef struct noting {
    kk_job *job;
    const char *method;
} noting;

// For the effect: whether the attempt may have changed something.
static void note_effect(kk_job *job, const kk_attempt *attempt)
{
    bool answered = attempt->code == KK_OK;
    bool refused =
        answered ? attempt->status >= 300 && attempt->status < 500 : attempt->sent == KK_SENT_NO;
    if (answered && attempt->status < 300) {
        job->effect = KK_EFFECT_DONE;
    } else if (!refused && job->effect == KK_EFFECT_NONE) {
        job->effect = KK_EFFECT_UNKNOWN;
    }
}

static void note_attempt(void *context, const kk_attempt *attempt)
{
    const noting *self = context;
    kk_job *job = self->job;
    kk_buf *attempts = &job->attempts;
    const char *name = attempt->code == KK_OK ? NULL : kk_code_name(attempt->code);
    kk_buf_append_format(attempts, "%s{\"status\":%u,", attempts->len > 0 ? "," : "",
                         attempt->status);
    kk_json_write_member(attempts, "error", name);
    kk_buf_append_format(attempts, ",\"delay_ms\":%llu}", (unsigned long long)attempt->delay_ms);
    job->last_status = attempt->status;
    job->retry_after_ms = attempt->asks_to_wait ? attempt->retry_after_ms : 0;
    if (strcmp(self->method, "GET") != 0 && strcmp(self->method, "HEAD") != 0) {
        note_effect(job, attempt);
    }
}

static bool is_retryable(kk_code code)
{
    return code == KK_ERR_DNS || code == KK_ERR_CONNECT || code == KK_ERR_RESET ||
           code == KK_ERR_TRUNCATED || code == KK_ERR_TIMEOUT || code == KK_ERR_RATE_LIMITED ||
           code == KK_ERR_UNAVAILABLE;
}

static kk_status note_failure(kk_job *job, kk_code code, const kk_error *err)
{
    job->send_failed = true;
    job->send_error = *err;
    // A message may name what the service said, such as the host of a redirect.
    kk_account_redact(job->account, job->send_error.message, strlen(job->send_error.message));
    kk_account_redact(job->account, job->send_error.hint, strlen(job->send_error.hint));
    job->send_error.retryable = is_retryable(code);
    job->send_status = kk_outcome_status(code);
    return job->send_status;
}

// What the service echoes of the credential must not reach the plugin.  A tape holds none, and its
// bodies are not ours to change.
static void redact_response(const kk_job *job, kk_response *response)
{
    if (job->host->tape != NULL) {
        return;
    }
    kk_account_redact(job->account, (char *)response->body.ptr, response->body.len);
    for (size_t i = 0; i < response->header_count; i++) {
        char *value = (char *)response->headers[i].value;
        kk_account_redact(job->account, value, strlen(value));
    }
}

static kk_status hold_response(kk_job *job, kk_transport *transport, kk_response *response,
                               const kk_http_response **out)
{
    kk_held_response *held = calloc(1, sizeof *held);
    if (held == NULL) {
        transport->table->response_clean(transport, response);
        return KK_E_NO_MEMORY;
    }
    redact_response(job, response);
    held->response = *response;
    held->public_part = (kk_http_response){
        .struct_size = sizeof held->public_part,
        .status = response->status,
        .headers = response->headers,
        .header_count = response->header_count,
        .body = response->body.ptr,
        .body_len = response->body.len,
    };
    held->next = job->responses;
    job->responses = held;
    *out = &held->public_part;
    return KK_E_OK;
}

static uint64_t request_deadline_ms(const kk_job *job, const kk_http_request *request)
{
    uint64_t own_ms = kk_time_mono_ms(job->host->time) + request->timeout_ms;
    return request->timeout_ms > 0 && own_ms < job->call.deadline_ms ? own_ms
                                                                     : job->call.deadline_ms;
}

static void hide(const void *context, char *bytes, size_t len)
{
    kk_account_redact(context, bytes, len);
}

static kk_code exchange(kk_job *job, const kk_http_request *request, kk_transport **transport,
                        kk_response *response, kk_error *err)
{
    kk_secret credential = {0};
    kk_request outgoing = {
        .method = request->method,
        .url = request->url,
        .headers = request->headers,
        .header_count = request->header_count,
        .body = {request->body_len > 0 ? request->body : NULL, request->body_len},
        .plugin = job->entry->info.plugin,
        .account = kk_account_name(job->account),
        .deadline_ms = request_deadline_ms(job, request),
        .cancel = job->cancel,
        .hide = hide,
        .hide_context = job->account,
    };
    kk_code code = kk_host_transport(job->host, transport, err);
    if (code == KK_OK && request->credential != NULL) {
        code = kk_account_render(job->account, &credential, err);
        outgoing.credential = (kk_header){kk_account_scheme(job->account)->header_name,
                                          kk_secret_view(&credential).ptr};
    }
    kk_buf shape = {.limit = KK_TEXT_MAX};
    kk_request_account recorded;
    if (code == KK_OK && job->host->writer != NULL) {
        kk_account_fill_recorded(job->account, &shape, &recorded);
        outgoing.recorded = &recorded;
    }
    if (code == KK_OK) {
        noting notes = {job, request->method};
        kk_retry_plan plan = {.transport = *transport,
                              .time = job->host->time,
                              .shared = job->host->retry,
                              .is_limited = kk_account_declares(job->account, request->url),
                              .note = note_attempt,
                              .context = &notes};
        code = kk_retry_send(&plan, &outgoing, response, err);
    }
    kk_secret_clean(&credential);
    kk_buf_clean(&shape);
    return code;
}

static kk_status http_send(const kk_call *call, const kk_http_request *request,
                           const kk_http_response **out)
{
    kk_job *job = kk_job_of(call);
    kk_http_request own;
    if (!kk_service_copy(&own, sizeof own, request, offsetof(kk_http_request, timeout_ms))) {
        return kk_service_fault(job, KK_E_CONTRACT, "send() without a request");
    }
    job->send_failed = false;
    kk_status status = kk_service_stopped(job);
    if (status != KK_E_OK) {
        return status;
    }
    status = check_request(job, &own);
    if (status != KK_E_OK) {
        return status;
    }
    kk_transport *transport = NULL;
    kk_response response = {0};
    kk_error err = {0};
    kk_code code = exchange(job, &own, &transport, &response, &err);
    if (code != KK_OK) {
        return note_failure(job, code, &err);
    }
    return hold_response(job, transport, &response, out);
}

static void release_held(kk_job *job, kk_held_response *held)
{
    kk_transport *transport = job->host->transport;
    transport->table->response_clean(transport, &held->response);
    free(held);
}

static void http_release(const kk_call *call, const kk_http_response *response)
{
    kk_job *job = kk_job_of(call);
    kk_held_response **link = &job->responses;
    while (*link != NULL && &(*link)->public_part != response) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        kk_held_response *held = *link;
        *link = held->next;
        release_held(job, held);
    }
}

void kk_service_release_all(kk_job *job)
{
    while (job->responses != NULL) {
        kk_held_response *next = job->responses->next;
        release_held(job, job->responses);
        job->responses = next;
    }
}

const kk_http kk_service_http = {
    .struct_size = sizeof kk_service_http,
    .send = http_send,
    .release = http_release,
};
