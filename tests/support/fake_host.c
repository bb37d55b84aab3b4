// A host for testing a plugin alone.
#include "fake_host.h"
#include "unit.h"
#include <dlfcn.h>
#include <stdlib.h>

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static fake_host *host_of(const kk_call *call)
{
    return call->host_data;
}

// ---- The HTTP service

static void keep_request(fake_host *self, const kk_http_request *request)
{
    assert_true(self->request_count < FAKE_REQUESTS_MAX);
    enum { TEXT_MAX = 1024 };
    fake_request *kept = &self->requests[self->request_count++];
    kept->method = copy(request->method);
    kept->url = copy(request->url);
    kept->credential = copy(request->credential);
    kept->body = request->body != NULL ? strndup(request->body, request->body_len) : NULL;
    kept->headers = calloc(1, TEXT_MAX);
    for (size_t i = 0; i < request->header_count; i++) {
        size_t used = strlen(kept->headers);
        snprintf(kept->headers + used, TEXT_MAX - used, "%s: %s\n", request->headers[i].name,
                 request->headers[i].value);
    }
}

static fake_answer next_answer(fake_host *self)
{
    size_t index = self->request_count - 1;
    if (self->answer != NULL) {
        return self->answer(self->context, &self->requests[index]);
    }
    assert_true(index < self->script_len);
    return self->script[index];
}

static void count_held(fake_host *self)
{
    size_t held = 0;
    for (size_t i = 0; i < FAKE_REQUESTS_MAX; i++) {
        held += self->responses[i] != NULL;
    }
    self->held_max = held > self->held_max ? held : self->held_max;
}

static kk_status fake_send(const kk_call *call, const kk_http_request *request,
                           const kk_http_response **out)
{
    fake_host *self = host_of(call);
    keep_request(self, request);
    fake_answer answer = next_answer(self);
    if (answer.failure != KK_E_OK) {
        return answer.failure;
    }
    kk_header *headers = calloc(FAKE_HEADERS_MAX, sizeof *headers);
    size_t count = 0;
    for (; count < FAKE_HEADERS_MAX && answer.headers[count].name != NULL; count++) {
        headers[count] = answer.headers[count];
    }
    kk_http_response *response = malloc(sizeof *response);
    *response = (kk_http_response){.struct_size = sizeof *response,
                                   .status = answer.status,
                                   .headers = headers,
                                   .header_count = count,
                                   .body = strdup(answer.body),
                                   .body_len = strlen(answer.body)};
    self->responses[self->request_count - 1] = response;
    count_held(self);
    *out = response;
    return KK_E_OK;
}

static void fake_release(const kk_call *call, const kk_http_response *response)
{
    fake_host *self = host_of(call);
    for (size_t i = 0; i < FAKE_REQUESTS_MAX; i++) {
        if (response != NULL && self->responses[i] == response) {
            free((void *)response->headers);
            free((void *)response->body);
            free(self->responses[i]);
            self->responses[i] = NULL;
            return;
        }
    }
    assert_null(response);
}

static const kk_http http_service = {
    .struct_size = sizeof(kk_http), .send = fake_send, .release = fake_release};

// ---- The host

static const void *fake_get_service(const kk_host_api *api, const char *id)
{
    fake_host *self = api->host_data;
    return !self->refuses_http && strcmp(id, KK_SERVICE_HTTP) == 0 ? &http_service : NULL;
}

static void fake_log(const kk_host_api *api, int32_t level, const char *text, size_t len)
{
    (void)api;
    (void)level;
    (void)text;
    (void)len;
}

static kk_status fake_write(const kk_call *call, const char *json, size_t len)
{
    fake_host *self = host_of(call);
    assert_non_null(json);
    self->wrote_more = self->output_max != 0 && self->output_len > self->output_max;
    self->output = realloc(self->output, self->output_len + len + 1);
    memcpy(self->output + self->output_len, json, len);
    self->output_len += len;
    self->output[self->output_len] = '\0';
    return self->output_max == 0 || self->output_len <= self->output_max ? KK_E_OK : KK_E_TOO_LARGE;
}

static kk_status fake_fail(const kk_call *call, const kk_tool_error *error)
{
    fake_host *self = host_of(call);
    assert_int_equal(error->struct_size, sizeof *error);
    assert_int_not_equal(error->code, KK_E_OK);
    assert_false(self->failure.recorded);
    self->failure = (fake_failure){.recorded = true,
                                   .code = error->code,
                                   .retry_after_ms = error->retry_after_ms,
                                   .http_status = error->http_status,
                                   .flags = error->flags,
                                   .message = copy(error->message),
                                   .argument = copy(error->argument),
                                   .request_id = copy(error->request_id),
                                   .hint = copy(error->hint),
                                   .api_code = copy(error->api_code)};
    return error->code;
}

static kk_status fake_stopped(const kk_call *call)
{
    (void)call;
    return KK_E_OK;
}

static kk_host_api api_of(fake_host *self)
{
    return (kk_host_api){.struct_size = sizeof(kk_host_api),
                         .abi_version = KK_ABI_VERSION,
                         .host_data = self,
                         .name = "test",
                         .version = "0",
                         .get_service = fake_get_service,
                         .log = fake_log,
                         .write = fake_write,
                         .fail = fake_fail,
                         .stopped = fake_stopped};
}

static void forget_call(fake_host *self)
{
    for (size_t i = 0; i < self->request_count; i++) {
        fake_request *request = &self->requests[i];
        free(request->method);
        free(request->url);
        free(request->headers);
        free(request->body);
        free(request->credential);
    }
    free(self->failure.message);
    free(self->failure.argument);
    free(self->failure.request_id);
    free(self->failure.hint);
    free(self->failure.api_code);
    free(self->output);
    memset(self->requests, 0, sizeof self->requests);
    self->failure = (fake_failure){0};
    self->request_count = 0;
    self->held_max = 0;
    self->output = strdup("");
    self->output_len = 0;
}

void fake_host_open(fake_host *self, const char *path, const char *config)
{
    *self = (fake_host){0};
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == NULL) {
        fail_msg("%s", dlerror());
    }
    void *symbol = dlsym(handle, "kk_plugin_describe");
    assert_non_null(symbol);
    const kk_manifest *(*describe)(uint32_t);
    memcpy(&describe, &symbol, sizeof describe);
    assert_null(describe(UINT32_C(2) << 16));
    self->manifest = describe(KK_ABI_VERSION);
    assert_non_null(self->manifest);
    for (size_t i = 0; self->manifest->tools[i] != NULL; i++) {
        void *entry = dlsym(handle, self->manifest->tools[i]->symbol);
        assert_memory_equal(&entry, &self->manifest->tools[i]->entry, sizeof entry);
    }
    kk_host_api api = api_of(self);
    assert_int_equal(self->manifest->open(&api, config, strlen(config), &self->instance), KK_E_OK);
}

kk_status fake_host_try_open(fake_host *self, const char *config)
{
    kk_host_api api = api_of(self);
    kk_instance *instance = NULL;
    kk_status status = self->manifest->open(&api, config, strlen(config), &instance);
    if (status == KK_E_OK) {
        self->manifest->close(instance);
    }
    return status;
}

void fake_host_close(fake_host *self)
{
    self->manifest->close(self->instance);
    forget_call(self);
    free(self->output);
}

const kk_tool *fake_host_tool(const fake_host *self, const char *name)
{
    for (size_t i = 0; self->manifest->tools[i] != NULL; i++) {
        if (strcmp(self->manifest->tools[i]->name, name) == 0) {
            return self->manifest->tools[i];
        }
    }
    return NULL;
}

kk_status fake_host_call(fake_host *self, const char *tool, const char *args)
{
    forget_call(self);
    kk_host_api api = api_of(self);
    kk_call call = {.struct_size = sizeof call,
                    .deadline_ms = UINT64_MAX,
                    .host = &api,
                    .host_data = self,
                    .call_id = "1",
                    .tool = tool};
    const kk_tool *found = fake_host_tool(self, tool);
    assert_non_null(found);
    kk_status status = found->entry(self->instance, &call, args, strlen(args));
    for (size_t i = 0; i < FAKE_REQUESTS_MAX; i++) {
        fake_release(&call, self->responses[i]);
    }
    return status;
}
