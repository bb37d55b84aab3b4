// hello.so - a plugin for kk with two tools: one that asks nobody, and one that asks a service.
//
// The law is kk/plugin.h, and the manual is plugin-abi.md of the SDK.  To make it yours: change the
// credential and the tools below, then the tape and the test.
#include <cjson/cJSON.h>
#include <kk/plugin_util.h>
#include <stdio.h>
#include <stdlib.h>

enum { URL_MAX = 2048 };

// What one account needs; made by open_account(), and every call on behalf of the account gets it.
struct kk_instance {
    char *url; // where the service is, without a slash at the end
};

// ---- greet: needs no account and no network

// Writes [value] as the result.  Takes it over, NULL for a failed allocation too.
static kk_status write_json(const kk_call *call, cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value);
    kk_status status = text != NULL ? kk_call_write(call, text) : KK_E_NO_MEMORY;
    cJSON_free(text);
    cJSON_Delete(value);
    return status;
}

// The host has checked the arguments against the schema, so that `name` is a string.
KK_TOOL(hello, greet)
{
    (void)self;
    cJSON *arguments = cJSON_ParseWithLength(args, args_len);
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(arguments, "name"));
    char greeting[512];
    cJSON *result = NULL;
    if (name != NULL) {
        snprintf(greeting, sizeof greeting, "Good day, %s!", name);
        result = cJSON_CreateObject();
    }
    cJSON_Delete(arguments);
    if (cJSON_AddStringToObject(result, "greeting", greeting) == NULL) {
        cJSON_Delete(result);
        return KK_E_NO_MEMORY;
    }
    return write_json(call, result);
}

static const kk_example greet_ada = {
    .struct_size = sizeof(kk_example),
    .title = "Greet somebody",
    .lua = "print(app.integrations.hello.greet({name = \"Ada\"}).greeting)",
    .args = "{\"name\":\"Ada\"}",
};
static const kk_example *const greet_examples[] = {&greet_ada, NULL};

static const kk_tool greet = {
    .struct_size = sizeof(kk_tool),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT | KK_TOOL_CLOSED_WORLD,
    .name = "greet",
    .symbol = KK_TOOL_SYMBOL(hello, greet),
    .entry = KK_TOOL_ENTRY(hello, greet),
    .title = "Greet",
    .summary = "Makes a greeting for somebody.",
    .description = "Makes a greeting for the person whose name is given.  Asks no service.",
    .input_schema = "{\"type\":\"object\",\"properties\":{"
                    "\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":100,"
                    "\"description\":\"Who is greeted.\"}},"
                    "\"required\":[\"name\"],\"additionalProperties\":false}",
    .output_schema = "{\"type\":\"object\",\"properties\":{"
                     "\"greeting\":{\"type\":\"string\",\"description\":\"The greeting.\"}},"
                     "\"required\":[\"greeting\"]}",
    .result_notes = "An object with one text, `greeting`.",
    .examples = greet_examples,
};

// ---- show_user: a GET with the account's credential, which the host adds

// Says what the service refused.  A model reads it: the cause, and how to mend it.
static kk_status fail_answer(const kk_call *call, const kk_http_response *response)
{
    kk_tool_error error;
    memset(&error, 0, sizeof error);
    error.struct_size = sizeof error;
    error.http_status = response->status;
    error.code = KK_E_UPSTREAM;
    error.message = "the service refused the request";
    if (response->status == 401) {
        error.code = KK_E_UNAUTHENTICATED;
        error.message = "the service did not accept the token";
        error.hint = "store a new one: kk keyring set hello/ACCOUNT/token";
    } else if (response->status == 403) {
        error.code = KK_E_PERMISSION_DENIED;
        error.message = "the token may not read users";
        error.hint = "give it the permission 'read_users'";
    } else if (response->status == 404) {
        error.code = KK_E_NOT_FOUND;
        error.message = "there is no user with this id";
        error.argument = "/id";
        error.hint = "take an id that the service has shown before";
    } else if (response->status == 429) {
        error.code = KK_E_RATE_LIMITED;
        error.message = "the service was asked too often";
        error.flags = KK_TOOL_ERROR_RETRYABLE;
    } else if (response->status >= 500) {
        error.code = KK_E_UNAVAILABLE;
        error.message = "the service is down";
        error.flags = KK_TOOL_ERROR_RETRYABLE;
    }
    return call->host->fail(call, &error);
}

// Passes the service's own JSON on, once it is what `output_schema` promises.
static kk_status write_user(const kk_call *call, const kk_http_response *response)
{
    cJSON *user = cJSON_ParseWithLength(response->body, response->body_len);
    int is_user = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(user, "id")) &&
                  cJSON_IsString(cJSON_GetObjectItemCaseSensitive(user, "name"));
    cJSON_Delete(user);
    if (!is_user) {
        return kk_call_fail(call, KK_E_PROTOCOL, "the service's answer is not a user");
    }
    return call->host->write(call, response->body, response->body_len);
}

KK_TOOL(hello, show_user)
{
    cJSON *arguments = cJSON_ParseWithLength(args, args_len);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(arguments, "id");
    char url[URL_MAX];
    int len =
        id != NULL ? snprintf(url, sizeof url, "%s/users/%.0f", self->url, id->valuedouble) : -1;
    cJSON_Delete(arguments);
    if (len < 0) {
        return KK_E_NO_MEMORY;
    }
    if (len >= URL_MAX) {
        return kk_call_fail(call, KK_E_TOO_LARGE, "the account's url is too long");
    }

    const kk_header accept = {"accept", "application/json"};
    kk_http_request request;
    memset(&request, 0, sizeof request);
    request.struct_size = sizeof request;
    request.method = "GET";
    request.url = url;
    request.credential = "hello";
    request.headers = &accept;
    request.header_count = 1;
    const kk_http_response *response = NULL;
    kk_status status = kk_call_http(call)->send(call, &request, &response);
    if (status != KK_E_OK) {
        return status; // the host tells the caller what it knows
    }
    return response->status == 200 ? write_user(call, response) : fail_answer(call, response);
}

static const kk_example show_user_7 = {
    .struct_size = sizeof(kk_example),
    .title = "Print a user's name",
    .lua = "print(app.integrations.hello.show_user({id = 7}).name)",
    .args = "{\"id\":7}",
};
static const kk_example *const show_user_examples[] = {&show_user_7, NULL};
static const char *const show_user_access[] = {"read_users", NULL};

static const kk_tool show_user = {
    .struct_size = sizeof(kk_tool),
    .flags = KK_TOOL_READ_ONLY | KK_TOOL_IDEMPOTENT,
    .name = "show_user",
    .symbol = KK_TOOL_SYMBOL(hello, show_user),
    .entry = KK_TOOL_ENTRY(hello, show_user),
    .title = "Show a user",
    .summary = "Shows one user of the service.",
    .description = "Shows the name and the city of the user with an id.",
    .input_schema = "{\"type\":\"object\",\"properties\":{"
                    "\"id\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000000000,"
                    "\"description\":\"The user's number.\"}},"
                    "\"required\":[\"id\"],\"additionalProperties\":false}",
    .output_schema = "{\"type\":\"object\",\"properties\":{"
                     "\"id\":{\"type\":\"integer\",\"description\":\"The user's number.\"},"
                     "\"name\":{\"type\":\"string\",\"description\":\"The user's name.\"},"
                     "\"city\":{\"type\":[\"string\",\"null\"],"
                     "\"description\":\"Where the user lives, null if that is not known.\"}},"
                     "\"required\":[\"id\",\"name\"]}",
    .result_notes = "An object with `id`, `name` and `city`.",
    .examples = show_user_examples,
    .access = show_user_access,
    .credential = "hello",
};

static const kk_tool *const tools[] = {&greet, &show_user, NULL};

// ---- The credential: what the operator stores, and where the host sends it

static const kk_field url_field = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_URL,
    .key = "url",
    .label = "URL",
    .hint = "only for a service of your own",
    .placeholder = "https://api.example.com/v1",
    .default_value = "https://api.example.com/v1",
};
static const kk_field token_field = {
    .struct_size = sizeof(kk_field),
    .flags = KK_FIELD_SECRET,
    .key = "token",
    .label = "API token",
    .hint = "Settings, API tokens, New token",
    .env = "HELLO_TOKEN",
};
static const kk_field *const fields[] = {&url_field, &token_field, NULL};

static const char *const bearer_fields[] = {"token", NULL};
static const kk_scheme bearer = {
    .struct_size = sizeof(kk_scheme),
    .name = "bearer",
    .fields = bearer_fields,
    .header_name = "Authorization",
    .header_format = "Bearer {token}",
};
static const kk_scheme *const schemes[] = {&bearer, NULL};

static const char *const origins[] = {"https://api.example.com", NULL};
static const kk_credential credential = {
    .struct_size = sizeof(kk_credential),
    .slot = "hello",
    .title = "Hello API",
    .fields = fields,
    .schemes = schemes,
    .origins = origins,
};
static const kk_credential *const credentials[] = {&credential, NULL};

// ---- The instance

static void close_account(kk_instance *self)
{
    free(self->url);
    free(self);
}

// [config] holds the fields that are not secret; the token never comes here.
static kk_status open_account(const kk_host_api *host, const char *config, size_t config_len,
                              kk_instance **out)
{
    (void)host;
    cJSON *document = cJSON_ParseWithLength(config, config_len);
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(document, "fields");
    const char *url = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(values, "url"));
    size_t len = url != NULL ? strlen(url) : 0;
    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    kk_instance *self = (kk_instance *)calloc(1, sizeof *self);
    char *copy = (char *)calloc(1, len + 1);
    if (document == NULL || self == NULL || copy == NULL) {
        cJSON_Delete(document);
        free(copy);
        free(self);
        return KK_E_NO_MEMORY;
    }
    memcpy(copy, url != NULL ? url : "", len);
    self->url = copy;
    cJSON_Delete(document);
    *out = self;
    return KK_E_OK;
}

// ---- The manifest

static const char *const needs[] = {KK_SERVICE_HTTP, NULL};

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "hello",
    .title = "Hello",
    .summary = "Greets people, and shows users of a service.",
    .description = "An example to begin a plugin of your own with.",
    .category = "example",
    .version = "1.0.0",
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = 2,
    .tools = tools,
    .credentials = credentials,
    .needs = needs,
    .open = open_account,
    .close = close_account,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
