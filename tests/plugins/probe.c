// A plugin whose tools do what their arguments say, right or wrong: the other side of
// tests/test_host.c.
//
// Compiled once for each way of running calls, with PROBE_ID, PROBE_SYMBOL(tool) and
// PROBE_CONCURRENCY defined by the build.
#include <cjson/cJSON.h>
#include <kk/plugin_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define ENTRY(tool) JOIN(JOIN(JOIN(kk_tool_, PROBE_ID), _), tool)

struct kk_instance {
    char account[64];
    int running; // not atomic on purpose: only a host that serialises calls keeps it right
    int most;
};

static const char *text_of(const cJSON *args, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(args, name));
}

static double number_of(const cJSON *args, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(args, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void nap_ms(long ms)
{
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

#define TOOL(tool)                                                                                 \
    KK_EXTERN_C KK_EXPORT kk_status ENTRY(tool)(kk_instance *, const kk_call *, const char *,      \
                                                size_t);                                           \
    kk_status ENTRY(tool)(kk_instance * self, const kk_call *call, const char *text, size_t len)

// Writes its arguments.
TOOL(echo)
{
    (void)self;
    return call->host->write(call, text, len);
}

// Writes the argument `text` as it is, whatever it is, `times` times.
TOOL(say)
{
    (void)self;
    (void)len;
    cJSON *args = cJSON_Parse(text);
    const char *what = text_of(args, "text");
    kk_status status = KK_E_OK;
    for (int i = 0; i < (int)number_of(args, "times") && status == KK_E_OK; i++) {
        status = kk_call_write(call, what);
    }
    cJSON_Delete(args);
    return KK_E_OK;
}

// Fails with `code` and `flags`, and returns `returned`.
TOOL(fail)
{
    (void)self;
    (void)len;
    cJSON *args = cJSON_Parse(text);
    kk_tool_error error = {
        .struct_size = sizeof error,
        .code = (kk_status)number_of(args, "code"),
        .flags = (uint32_t)number_of(args, "flags"),
        .http_status = 418,
        .retry_after_ms = 1500,
        .message = text_of(args, "message"),
        .argument = "/code",
        .hint = "a hint",
        .api_code = "teapot",
    };
    kk_status returned = (kk_status)number_of(args, "returned");
    call->host->fail(call, &error);
    cJSON_Delete(args);
    return returned;
}

static kk_status refuse(const kk_call *call, kk_status code, const kk_http_response *response)
{
    kk_tool_error error = {.struct_size = sizeof error,
                           .code = code,
                           .http_status = response->status,
                           .message = "refused",
                           .hint = "a hint"};
    return call->host->fail(call, &error);
}

// Sends one request, and writes {"sent":STATUS-OF-SEND,"status":HTTP}; with `pass` it returns the
// status of send instead, with `say` it fails with it and that message, and with `refuse` an answer
// makes it fail with that code.
static kk_status send_one(const kk_call *call, const char *text)
{
    cJSON *args = cJSON_Parse(text);
    const char *name = text_of(args, "header");
    kk_header header = {name, text_of(args, "value")};
    kk_http_request request = {
        .struct_size = sizeof request,
        .method = text_of(args, "method"),
        .url = text_of(args, "url"),
        .credential = text_of(args, "credential"),
        .headers = &header,
        .header_count = name != NULL,
        .body = text_of(args, "body"),
        .body_len = text_of(args, "body") != NULL ? strlen(text_of(args, "body")) : 0,
    };
    const kk_http *http = kk_call_http(call);
    const kk_http_response *response = NULL;
    kk_status status = http->send(call, &request, &response);
    char out[96];
    snprintf(out, sizeof out, "{\"sent\":%d,\"status\":%d}", (int)status,
             response != NULL ? (int)response->status : 0);
    if (status != KK_E_OK && text_of(args, "say") != NULL) {
        status = kk_call_fail(call, status, text_of(args, "say"));
    } else if (response != NULL && number_of(args, "refuse") != 0) {
        status = refuse(call, (kk_status)number_of(args, "refuse"), response);
    } else if (status == KK_E_OK || number_of(args, "pass") == 0) {
        if (status == KK_E_OK && response != NULL && text_of(args, "show") != NULL) {
            status = call->host->write(call, response->body, response->body_len);
        } else {
            status = kk_call_write(call, out);
        }
    }
    http->release(call, NULL);
    http->release(call, response);
    cJSON_Delete(args);
    return status;
}

TOOL(fetch)
{
    (void)self;
    (void)len;
    return send_one(call, text);
}

TOOL(post)
{
    (void)self;
    (void)len;
    return send_one(call, text);
}

// Runs until it is no longer wanted.
TOOL(wait)
{
    (void)self;
    (void)text;
    (void)len;
    kk_status status;
    while ((status = call->host->stopped(call)) == KK_E_OK) {
        nap_ms(1);
    }
    return status;
}

// Runs for `ms`, wanted or not.
TOOL(stuck)
{
    (void)self;
    (void)len;
    cJSON *args = cJSON_Parse(text);
    nap_ms((long)number_of(args, "ms"));
    cJSON_Delete(args);
    return kk_call_write(call, "true");
}

// Sleeps by the host's clock, and writes how far the clock went.
TOOL(doze)
{
    (void)self;
    (void)len;
    cJSON *args = cJSON_Parse(text);
    const kk_clock *clock = kk_call_clock(call);
    uint64_t start = clock->mono_ms(call->host);
    kk_status status = clock->sleep_ms(call, (uint64_t)number_of(args, "ms"));
    cJSON_Delete(args);
    char out[32];
    snprintf(out, sizeof out, "%llu", (unsigned long long)(clock->mono_ms(call->host) - start));
    return status == KK_E_OK ? kk_call_write(call, out) : status;
}

// Writes the most calls that ever ran at once on this instance.
TOOL(count)
{
    (void)text;
    (void)len;
    int now = ++self->running;
    self->most = now > self->most ? now : self->most;
    nap_ms(5);
    self->running--;
    char out[32];
    snprintf(out, sizeof out, "%d", self->most);
    return kk_call_write(call, out);
}

// Writes the account that the instance was opened for, and what it gets of a service that its
// manifest does not name.
TOOL(whoami)
{
    (void)text;
    (void)len;
    const void *service = call->host->get_service(call->host, "com.example.none/1");
    char out[160];
    snprintf(out, sizeof out, "{\"config\":%s,\"undeclared\":%s}", self->account,
             service == NULL ? "null" : "true");
    return kk_call_write(call, out);
}

#define SCHEMA_ANY "{\"type\":\"object\",\"additionalProperties\":true}"
#define SCHEMA_ECHO                                                                                \
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"x-kk-segment\":true},"   \
    "\"rows\":{\"type\":\"array\"},\"token\":{\"type\":\"string\"}},\"required\":[\"name\"],"      \
    "\"additionalProperties\":false}"

static const char *const secret_paths[] = {"/token", "/rows/*/token", NULL};

#define ROW(tool, bits, schema, secrets)                                                           \
    static const kk_tool row_##tool = {                                                            \
        .struct_size = sizeof(kk_tool),                                                            \
        .flags = (bits),                                                                           \
        .name = #tool,                                                                             \
        .symbol = "kk_tool_" TEXT(PROBE_ID) "_" #tool,                                             \
        .entry = ENTRY(tool),                                                                      \
        .title = #tool,                                                                            \
        .summary = "Does " #tool,                                                                  \
        .description = "Does what the test asks for.",                                             \
        .input_schema = (schema),                                                                  \
        .rows = "/rows",                                                                           \
        .secret_paths = (secrets),                                                                 \
        .credential = "probe",                                                                     \
    };

ROW(echo, KK_TOOL_READ_ONLY, SCHEMA_ECHO, secret_paths)
ROW(say, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(fail, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(fetch, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(post, 0, SCHEMA_ANY, NULL)
ROW(wait, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(stuck, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(doze, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(count, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)
ROW(whoami, KK_TOOL_READ_ONLY, SCHEMA_ANY, NULL)

static const kk_tool *const tools[] = {&row_echo,  &row_say,    &row_fail,  &row_fetch,
                                       &row_post,  &row_wait,   &row_stuck, &row_doze,
                                       &row_count, &row_whoami, NULL};

static const kk_field field_token = {.struct_size = sizeof field_token,
                                     .flags = KK_FIELD_SECRET,
                                     .key = "token",
                                     .label = "Token",
                                     .hint = "begins with tkn_",
                                     .prefix = "tkn_"};
static const kk_field field_url = {.struct_size = sizeof field_url,
                                   .flags = KK_FIELD_URL,
                                   .key = "url",
                                   .label = "URL",
                                   .hint = "absolute",
                                   .default_value = "https://probe.example"};
static const kk_field *const fields[] = {&field_token, &field_url, NULL};
static const char *const scheme_fields[] = {"token", NULL};
static const kk_scheme scheme = {.struct_size = sizeof scheme,
                                 .name = "token",
                                 .fields = scheme_fields,
                                 .header_name = "X-Probe",
                                 .header_format = "Probe {token} {{}}"};
static const kk_scheme *const schemes[] = {&scheme, NULL};
static const char *const origins[] = {"https://probe.example", NULL};
static const kk_credential credential = {.struct_size = sizeof credential,
                                         .slot = "probe",
                                         .title = "Probe",
                                         .fields = fields,
                                         .schemes = schemes,
                                         .origins = origins};
static const kk_credential *const credentials[] = {&credential, NULL};
static const char *const needs[] = {KK_SERVICE_HTTP, KK_SERVICE_CLOCK, NULL};

static kk_status open_probe(const kk_host_api *host, const char *config, size_t len,
                            kk_instance **out)
{
    (void)host;
    kk_instance *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return KK_E_NO_MEMORY;
    }
    snprintf(self->account, sizeof self->account, "%d", (int)len);
    (void)config;
    *out = self;
    return KK_E_OK;
}

static void close_probe(kk_instance *self)
{
    free(self);
}

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = TEXT(PROBE_ID),
    .title = "Probe",
    .summary = "Does what a test asks for",
    .category = "data",
    .version = "1.0.0",
    .license = "MIT",
    .concurrency = PROBE_CONCURRENCY,
    .tool_count = sizeof tools / sizeof *tools - 1,
    .tools = tools,
    .credentials = credentials,
    .needs = needs,
    .open = open_probe,
    .close = close_probe,
};

const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
