// A host that keeps watch: it answers from its imagination, and notes every breach of kk/plugin.h.
#include "check_private.h"
#include "json.h"
#include "schema.h"
#include "url.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { OUTPUT_MAX = 64 << 20, TRIES_MAX = 20 };

static kk_check_host *host_of(const kk_call *call)
{
    return call->host_data;
}

// Notes the first breach of a kind.
static void note(char *out, const char *format, ...) KK_PRINTF(2, 3);

static void note(char *out, const char *format, ...)
{
    if (out[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(out, KK_CHECK_BREACH_MAX, format, args);
    va_end(args);
}

// Whether a function that belongs to the call is used during it, on its thread.
static bool is_in_call(kk_check_host *self, const char *function)
{
    if (!self->running) {
        note(self->late, "%s after the call had returned", function);
    } else if (!pthread_equal(pthread_self(), self->thread)) {
        note(self->late, "%s on another thread", function);
    }
    return self->late[0] == '\0';
}

// ---- Requests

static bool is_own_origin(const kk_check_host *self, const kk_url *url)
{
    const kk_credential *const *credentials = self->check->manifest->credentials;
    kk_url own;
    for (size_t i = 0; credentials[0]->origins != NULL && credentials[0]->origins[i] != NULL; i++) {
        if (kk_url_parse(credentials[0]->origins[i], &own, NULL) == KK_OK &&
            kk_url_same_origin(&own, url)) {
            return true;
        }
    }
    for (size_t i = 0; credentials[0]->fields[i] != NULL; i++) {
        const kk_field *field = credentials[0]->fields[i];
        if ((field->flags & KK_FIELD_URL) != 0 && field->default_value != NULL &&
            kk_url_parse(field->default_value, &own, NULL) == KK_OK &&
            kk_url_same_origin(&own, url)) {
            return true;
        }
    }
    return false;
}

static void check_target(kk_check_host *self, const kk_http_request *request)
{
    kk_url url;
    kk_error why = {0};
    if (request->url == NULL || kk_url_parse(request->url, &url, &why) != KK_OK) {
        note(self->request, "the URL cannot be sent: %s", why.message);
    } else if (kk_url_check_secure(&url, NULL) != KK_OK) {
        note(self->request, "the URL is neither https nor of this machine");
    } else if (request->credential != NULL &&
               (self->tool->credential == NULL ||
                strcmp(self->tool->credential, request->credential) != 0)) {
        note(self->request, "tool '%s' does not declare the credential '%.60s'", self->tool->name,
             request->credential);
    } else if (request->credential != NULL && !is_own_origin(self, &url)) {
        note(self->request, "'%.*s' is not an origin of the credential", KK_STR_ARG(url.host));
    }
}

static void check_headers(kk_check_host *self, const kk_http_request *request)
{
    static const char *const reserved[] = {
        "authorization",   "proxy-authorization", "cookie", "host", "connection", "content-length",
        "accept-encoding", "transfer-encoding",   "expect", "te",   "upgrade"};
    for (size_t i = 0; i < request->header_count; i++) {
        const kk_header *header = &request->headers[i];
        for (size_t k = 0; k < sizeof reserved / sizeof reserved[0]; k++) {
            if (strcasecmp(header->name, reserved[k]) == 0) {
                note(self->request, "header '%s' is the host's to set", header->name);
            }
        }
        if (header->value == NULL || strpbrk(header->value, "\r\n") != NULL) {
            note(self->request, "the value of header '%s' holds a newline", header->name);
        }
    }
}

static void check_method(kk_check_host *self, const kk_http_request *request)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    bool known = false;
    for (size_t i = 0; request->method != NULL && i < sizeof methods / sizeof methods[0]; i++) {
        known = known || strcmp(request->method, methods[i]) == 0;
    }
    if (!known) {
        note(self->request, "the method is '%.20s'",
             request->method != NULL ? request->method : "");
    } else if ((self->tool->flags & KK_TOOL_READ_ONLY) != 0 &&
               strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        note(self->method, "tool '%s' sends %s", self->tool->name, request->method);
    }
}

// ---- Answers

static const struct {
    uint32_t status;
    const char *body; // NULL = a value of the output schema, "" = none
} answers[] = {
    {200, NULL},
    {200, NULL},
    {200, NULL},
    {201, NULL},
    {200, "{}"},
    {200, "[]"},
    {200, "null"},
    {200, "{\"data\":[]}"},
    {200, "{\"data\":null}"},
    {200, "{\"data\":[null,1,\"x\",{}]}"},
    {200, "{\"data\":[{}],\"next_page\":2}"},
    {200, ""},
    {200, "{\"data\":["},
    {200, "<html><body>It works</body></html>"},
    {200, "{\"a\":\"\\u0000\\ud800\",\"n\":1e400,\"big\":123456789012345678901234567890}"},
    {204, ""},
    {301, ""},
    {400, "{\"code\":\"bad_request\",\"message\":\"no\"}"},
    {401, "{\"error\":\"unauthorized\"}"},
    {403, "{\"message\":null}"},
    {404, "{\"code\":\"not_found\",\"message\":\"Not Found\"}"},
    {409, "[]"},
    {422, "{\"errors\":[{\"field\":\"name\",\"message\":\"taken\"}]}"},
    {429, "{}"},
    {500, "<h1>Internal Server Error</h1>"},
    {503, ""},
};

static void make_body(kk_check_host *self, size_t index, kk_buf *out)
{
    if (answers[index].body != NULL) {
        kk_buf_append_text(out, answers[index].body);
    } else if (self->tool->output_schema != NULL) {
        kk_check_make_value(self->check, self->tool->output_schema, out);
    } else {
        kk_buf_append_text(out, "{\"id\":\"1\",\"data\":[{\"id\":\"2\",\"name\":\"x\"}]}");
    }
}

static kk_status answer(kk_check_host *self, const kk_http_response **out)
{
    static const kk_header headers[] = {{"content-type", "application/json"}, {"retry-after", "1"}};
    bool fits = self->answer == KK_CHECK_ANSWER_FITTING;
    size_t index =
        fits ? 0 : (size_t)kk_check_random(self->check, sizeof answers / sizeof answers[0]);
    kk_buf body = {.limit = KK_TEXT_MAX};
    kk_http_response *response = calloc(1, sizeof *response);
    make_body(self, index, &body);
    size_t len = body.len;
    char *text = kk_buf_steal(&body);
    kk_buf_clean(&body);
    if (response == NULL || text == NULL || self->response_count == KK_CHECK_RESPONSES_MAX) {
        free(response);
        free(text);
        return KK_E_NO_MEMORY;
    }
    *response = (kk_http_response){.struct_size = sizeof *response,
                                   .status = answers[index].status,
                                   .headers = headers,
                                   .header_count = 2,
                                   .body = text,
                                   .body_len = len};
    self->responses[self->response_count++] = response;
    *out = response;
    return KK_E_OK;
}

static void free_response(kk_http_response *response)
{
    if (response != NULL) {
        free((void *)response->body);
    }
    free(response);
}

static kk_status check_send(const kk_call *call, const kk_http_request *request,
                            const kk_http_response **out)
{
    kk_check_host *self = host_of(call);
    if (!is_in_call(self, "send()")) {
        return KK_E_CONTRACT;
    }
    if (request == NULL || out == NULL || request->struct_size < sizeof *request) {
        note(self->request, "send() gets no request");
        return KK_E_CONTRACT;
    }
    self->sends++;
    check_method(self, request);
    check_target(self, request);
    check_headers(self, request);
    if (self->request[0] != '\0' || self->method[0] != '\0') {
        return KK_E_CONTRACT;
    }
    if (self->stopped != KK_E_OK) {
        self->told_stop = true;
        return self->stopped;
    }
    return self->refusal != KK_E_OK ? self->refusal : answer(self, out);
}

static void check_release(const kk_call *call, const kk_http_response *response)
{
    kk_check_host *self = host_of(call);
    for (size_t i = 0; response != NULL && i < self->response_count; i++) {
        if (self->responses[i] == response) {
            free_response(self->responses[i]);
            self->responses[i] = self->responses[--self->response_count];
            return;
        }
    }
    if (response != NULL) {
        note(self->sink, "release() gets what send() did not give");
    }
}

static const kk_http http_service = {
    .struct_size = sizeof(kk_http), .send = check_send, .release = check_release};

// ---- The clock: it moves on by itself, so that nobody waits

static uint64_t clock_ms = 1000;

static uint64_t check_mono_ms(const kk_host_api *api)
{
    (void)api;
    return __atomic_add_fetch(&clock_ms, 1, __ATOMIC_RELAXED);
}

static int64_t check_unix_ms(const kk_host_api *api)
{
    return INT64_C(1700000000000) + (int64_t)check_mono_ms(api);
}

static kk_status check_sleep_ms(const kk_call *call, uint64_t ms)
{
    kk_check_host *self = host_of(call);
    is_in_call(self, "sleep_ms()");
    self->told_stop = self->told_stop || self->stopped != KK_E_OK;
    __atomic_add_fetch(&clock_ms, ms, __ATOMIC_RELAXED);
    return self->stopped;
}

static const kk_clock clock_service = {.struct_size = sizeof(kk_clock),
                                       .mono_ms = check_mono_ms,
                                       .unix_ms = check_unix_ms,
                                       .sleep_ms = check_sleep_ms};

// ---- The table of every host

static const void *check_get_service(const kk_host_api *api, const char *id)
{
    kk_check_host *self = api->host_data;
    if (!kk_plugin_is_granted(self->check->plugin, id)) {
        note(self->service, "it asks for '%.80s'", id);
        return NULL;
    }
    return strcmp(id, KK_SERVICE_HTTP) == 0    ? (const void *)&http_service
           : strcmp(id, KK_SERVICE_CLOCK) == 0 ? (const void *)&clock_service
                                               : NULL;
}

static void check_log(const kk_host_api *api, int32_t level, const char *text, size_t len)
{
    kk_check_host *self = api->host_data;
    if (text == NULL || memchr(text, '\0', len) != NULL || level < KK_LOG_ERROR ||
        level > KK_LOG_DEBUG) {
        note(self->sink, "log() gets no text, or a level that is none");
    }
}

static kk_status check_write(const kk_call *call, const char *json, size_t len)
{
    kk_check_host *self = host_of(call);
    if (!is_in_call(self, "write()")) {
        return KK_E_CONTRACT;
    }
    if (json == NULL && len > 0) {
        note(self->sink, "write() gets no text");
        return KK_E_CONTRACT;
    }
    if (self->failed) {
        note(self->sink, "write() after fail()");
    }
    if (self->writes_left == 0) {
        self->write_refused = true;
        return KK_E_NO_MEMORY;
    }
    self->writes_left--;
    kk_buf_append(&self->output, json, len);
    return self->output.failed == KK_OK ? KK_E_OK : KK_E_TOO_LARGE;
}

static kk_status check_fail(const kk_call *call, const kk_tool_error *error)
{
    kk_check_host *self = host_of(call);
    if (!is_in_call(self, "fail()")) {
        return KK_E_CONTRACT;
    }
    if (error == NULL || error->struct_size < offsetof(kk_tool_error, message)) {
        note(self->sink, "fail() gets a record without its size");
        return KK_E_CONTRACT;
    }
    if (error->code == KK_E_OK) {
        note(self->sink, "fail() gets the code KK_E_OK");
    }
    if (!self->failed) {
        self->fail_code = error->code;
    }
    self->failed = true;
    return error->code;
}

static kk_status check_stopped(const kk_call *call)
{
    kk_check_host *self = host_of(call);
    self->told_stop = self->told_stop || self->stopped != KK_E_OK;
    return self->stopped;
}

// ---- Instances

// What open() gets: an account with every field that is no secret.
static void write_config(const kk_check *check, const char *account, kk_buf *out)
{
    const kk_credential *const *credentials = check->manifest->credentials;
    const kk_credential *credential = credentials != NULL ? credentials[0] : NULL;
    const char *scheme = credential != NULL ? credential->schemes[0]->name : "";
    kk_buf_append_format(out, "{\"account\":\"%s\",\"scheme\":\"%s\",\"fields\":{", account,
                         scheme);
    const char *comma = "";
    for (size_t i = 0; credential != NULL && credential->fields[i] != NULL; i++) {
        const kk_field *field = credential->fields[i];
        const char *value =
            field->default_value != NULL ? field->default_value : field->placeholder;
        if ((field->flags & KK_FIELD_SECRET) == 0 && value != NULL) {
            kk_buf_append_format(out, "%s\"%s\":", comma, field->key);
            kk_json_write_string(out, kk_str_from(value));
            comma = ",";
        }
    }
    kk_buf_append_text(out, "}}");
}

bool kk_check_host_open(kk_check_host *self, kk_check *check, const char *account)
{
    *self = (kk_check_host){.check = check,
                            .answer = KK_CHECK_ANSWER_ANY,
                            .writes_left = SIZE_MAX,
                            .output = {.limit = OUTPUT_MAX},
                            .api = {.struct_size = sizeof(kk_host_api),
                                    .abi_version = KK_ABI_VERSION,
                                    .name = "kk plugin check",
                                    .version = "1.0.0",
                                    .get_service = check_get_service,
                                    .log = check_log,
                                    .write = check_write,
                                    .fail = check_fail,
                                    .stopped = check_stopped}};
    self->api.host_data = self;
    if (check->code->open == NULL) {
        return true;
    }
    kk_buf config = {.limit = KK_TEXT_MAX};
    write_config(check, account, &config);
    kk_status status =
        check->code->open(&self->api, kk_buf_text(&config), config.len, &self->instance);
    kk_buf_clean(&config);
    if (status != KK_E_OK) {
        kk_check_find(check, "open() fails with %d for an account with all its fields", status);
    }
    return status == KK_E_OK;
}

void kk_check_host_close(kk_check_host *self)
{
    if (self->check->code->close != NULL) {
        self->check->code->close(self->instance);
    }
    kk_buf_clean(&self->output);
}

// ---- Calls

static void forget(kk_check_host *self)
{
    kk_buf_clear(&self->output);
    self->failed = false;
    self->fail_code = KK_E_OK;
    self->told_stop = false;
    self->write_refused = false;
    self->sends = 0;
    self->method[0] = self->request[0] = self->sink[0] = self->service[0] = '\0';
}

kk_status kk_check_host_call(kk_check_host *self, size_t index, kk_str args)
{
    forget(self);
    self->tool = self->check->manifest->tools[index];
    self->call = (kk_call){.struct_size = sizeof self->call,
                           .deadline_ms = UINT64_MAX,
                           .host = &self->api,
                           .host_data = self,
                           .call_id = "check",
                           .tool = self->tool->name};
    self->thread = pthread_self();
    self->running = true;
    kk_status status =
        self->check->code->entries[index](self->instance, &self->call, args.ptr, args.len);
    self->running = false;
    while (self->response_count > 0) {
        free_response(self->responses[--self->response_count]);
    }
    return status;
}

static bool make_args(kk_check_host *self, const kk_tool *tool, kk_buf *args)
{
    kk_schema *schema = NULL;
    bool made = false;
    if (kk_schema_compile(kk_str_from(tool->input_schema), &schema, NULL) != KK_OK) {
        return false;
    }
    for (int i = 0; i < TRIES_MAX && !made; i++) {
        kk_buf_clear(args);
        kk_check_make_value(self->check, tool->input_schema, args);
        made = args->failed == KK_OK &&
               kk_schema_check(schema, kk_buf_view(args), true, NULL) == KK_OK;
    }
    kk_schema_free(schema);
    return made;
}

bool kk_check_host_try(kk_check_host *self, size_t index, kk_buf *args, kk_status *status)
{
    if (!make_args(self, self->check->manifest->tools[index], args)) {
        return false;
    }
    *status = kk_check_host_call(self, index, kk_buf_view(args));
    return true;
}
