// Failures: what the service or the way to it said, as one typed record for the host.
#include "api.h"
#include "fail.h"
#include <stdarg.h>
#include <stdio.h>

// What could be read from the body of an error.
typedef struct ps_answer {
    char message[512];
    char api_code[64];
    char argument[80];
} ps_answer;

kk_status ps_fail(const ps_call *self, kk_status code, const char *argument, const char *format,
                  ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    kk_tool_error error = {
        .struct_size = sizeof error, .code = code, .message = message, .argument = argument};
    return self->call->host->fail(self->call, &error);
}

kk_status ps_fail_error(const ps_call *self, const kk_error *err)
{
    kk_status code = err->code == KK_ERR_TOO_LARGE  ? KK_E_TOO_LARGE
                     : err->code == KK_ERR_PROTOCOL ? KK_E_PROTOCOL
                                                    : KK_E_NO_MEMORY;
    return ps_fail(self, code, NULL, "%s", err->message);
}

static bool is_post(const ps_call *self)
{
    return strcmp(self->operation->method, "POST") == 0;
}

// Whether a send() that failed so surely sent nothing.
static bool was_refused(kk_status status)
{
    return status == KK_E_INVALID_ARGS || status == KK_E_CONTRACT || status == KK_E_ORIGIN_DENIED ||
           status == KK_E_NOT_GRANTED;
}

kk_status ps_fail_send(const ps_call *self, kk_status status)
{
    if (!is_post(self) || was_refused(status)) {
        return status;
    }
    kk_tool_error error = {.struct_size = sizeof error,
                           .code = status,
                           .flags = KK_TOOL_ERROR_PARTIAL_EFFECT,
                           .hint = self->operation->lost_hint};
    return self->call->host->fail(self->call, &error);
}

void ps_append_access_hint(const ps_call *self, kk_buf *out)
{
    kk_buf_append_text(out, "the credential needs the access ");
    const char *const *access = self->operation->tool->access;
    for (size_t i = 0; access[i] != NULL; i++) {
        kk_buf_append_format(out, "%s'%s'", i == 0 ? "" : " or ", access[i]);
    }
}

// ---- Headers

// The value of a header field, or NULL.
static const char *find_header(const kk_http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcmp(response->headers[i].name, name) == 0) {
            return response->headers[i].value;
        }
    }
    return NULL;
}

// Seconds with an optional fraction, as milliseconds; 0 for anything else, such as a date.
static uint64_t read_seconds(const char *text)
{
    enum { SECONDS_MAX = 86400 };
    uint64_t seconds = 0;
    if (*text < '0' || *text > '9') {
        return 0;
    }
    while (*text >= '0' && *text <= '9' && seconds <= SECONDS_MAX) {
        seconds = seconds * 10 + (uint64_t)(*text++ - '0');
    }
    uint64_t ms = 0;
    if (*text == '.') {
        text++;
        for (uint64_t scale = 100; *text >= '0' && *text <= '9'; text++, scale /= 10) {
            ms += (uint64_t)(*text - '0') * scale;
        }
    }
    return *text == '\0' && seconds <= SECONDS_MAX ? seconds * 1000 + ms : 0;
}

static bool says_html(const kk_http_response *response)
{
    const char *type = find_header(response, "content-type");
    return type != NULL && strncmp(type, "text/html", strlen("text/html")) == 0;
}

const char *ps_not_json(const kk_http_response *response)
{
    size_t blank = strspn(response->body, " \t\r\n");
    if (blank >= response->body_len) {
        return "with an empty body in place of JSON";
    }
    if (response->body[blank] == '<' || says_html(response)) {
        return "with an HTML page in place of JSON";
    }
    return NULL;
}

// ---- Bodies of errors

// Appends the texts of an array, with commas between them.
static void append_texts(const cJSON *texts, kk_buf *out)
{
    bool first = true;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, texts)
    {
        if (cJSON_IsString(item)) {
            kk_buf_append_format(out, "%s%s", first ? "" : ", ", item->valuestring);
            first = false;
        }
    }
}

// {"errors":[{"namespace","name","errors":["..."]}]}: what is wrong with which parameter.
static void append_parameter_errors(const cJSON *errors, kk_buf *out, ps_answer *answer)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, errors)
    {
        kk_buf_append_text(out, out->len > 0 ? "; " : "");
        if (cJSON_IsString(item)) {
            kk_buf_append_text(out, item->valuestring);
            continue;
        }
        const char *name = kk_json_text(item, "name");
        if (name != NULL && answer->argument[0] == '\0') {
            kk_text_set(answer->argument, sizeof answer->argument, name);
        }
        kk_buf_append_format(out, "%s%s", name != NULL ? name : "", name != NULL ? ": " : "");
        append_texts(kk_json_get(item, "errors"), out);
    }
}

// {"message","available":{"keyspaces":[...],"shards":[...]}}: what could have been named instead.
static void append_available(const cJSON *available, kk_buf *out)
{
    const cJSON *list = NULL;
    cJSON_ArrayForEach(list, available)
    {
        if (cJSON_IsArray(list) && list->child != NULL && list->string != NULL) {
            kk_buf_append_format(out, "; available %s: ", list->string);
            append_texts(list, out);
        }
    }
}

static const char *first_text(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' ? a : b;
}

// Reads the shapes that PlanetScale's servers give their errors.
static void read_shapes(const cJSON *tree, kk_buf *message, ps_answer *answer)
{
    const cJSON *error = kk_json_get(tree, "error");
    const cJSON *nested = cJSON_IsObject(error) ? error : tree;
    const char *code = first_text(kk_json_text(nested, "code"), kk_json_text(tree, "error"));
    const char *text = first_text(
        kk_json_text(nested, "message"),
        first_text(kk_json_text(tree, "error_description"), kk_json_text(tree, "error")));
    kk_text_set(answer->api_code, sizeof answer->api_code, code != NULL ? code : "");
    kk_buf_append_text(message, text != NULL ? text : "");
    append_parameter_errors(kk_json_get(tree, "errors"), message, answer);
    append_available(kk_json_get(tree, "available"), message);
}

// Appends a JSON text in which a tree can hold every string: a \u0000 is a space and half
// a surrogate pair U+FFFD.  Nothing else of a message is lost for them.
static void append_plain(kk_str json, kk_buf *out)
{
    kk_json_reader reader;
    kk_json_kind kind;
    const char *from = json.ptr;
    kk_json_reader_init(&reader, json);
    while ((kind = kk_json_next(&reader)) > KK_JSON_END) {
        bool text = kind == KK_JSON_STRING || kind == KK_JSON_NAME;
        if (!text || kk_json_string_is_text(reader.raw)) {
            continue;
        }
        kk_buf meaning = {.limit = PS_OUTPUT_MAX};
        kk_json_unescape(reader.raw, &meaning);
        for (size_t i = 0; i < meaning.len; i++) {
            meaning.ptr[i] = meaning.ptr[i] == '\0' ? ' ' : meaning.ptr[i];
        }
        kk_buf_append(out, from, (size_t)(reader.raw.ptr - from));
        kk_json_write_string(out, kk_buf_view(&meaning));
        from = reader.raw.ptr + reader.raw.len;
        kk_buf_clean(&meaning);
    }
    kk_buf_append(out, from, (size_t)(json.ptr + json.len - from));
}

// Reads the body into a tree and says what is wrong with it, or that it says nothing.
static const char *read_tree(kk_str body, cJSON **tree)
{
    if (kk_json_check(body, NULL) != KK_OK) {
        return "with a body that is not JSON";
    }
    if (kk_json_parse(body, "the answer", tree, NULL) == KK_OK) {
        return "without saying why";
    }
    kk_buf plain = {.limit = PS_OUTPUT_MAX};
    append_plain(body, &plain);
    kk_code code = kk_json_parse(kk_buf_view(&plain), "the answer", tree, NULL);
    kk_buf_clean(&plain);
    return code == KK_OK ? "without saying why" : "with a body in which a name occurs twice";
}

// Fills [out] from the body of an error; its message is never empty.
static void read_answer(const kk_http_response *response, ps_answer *out)
{
    const char *problem = ps_not_json(response);
    kk_buf message = {.limit = PS_OUTPUT_MAX};
    cJSON *tree = NULL;
    if (response->status < 400) {
        problem = "with a redirect, which is not followed";
    } else if (problem == NULL) {
        kk_str body = {response->body, response->body_len};
        problem = read_tree(body, &tree);
        read_shapes(tree, &message, out);
    }
    if (message.len == 0) {
        kk_buf_append_format(&message, "the service answered %u %s", (unsigned)response->status,
                             problem);
    }
    kk_text_set(out->message, sizeof out->message, kk_buf_text(&message));
    cJSON_Delete(tree);
    kk_buf_clean(&message);
}

// ---- Records

static kk_status code_of(uint32_t status)
{
    switch (status) {
    case 401:
        return KK_E_UNAUTHENTICATED;
    case 403:
        return KK_E_PERMISSION_DENIED;
    case 404:
        return KK_E_NOT_FOUND;
    case 409:
        return KK_E_CONFLICT;
    case 429:
        return KK_E_RATE_LIMITED;
    default:
        return status >= 500 ? KK_E_UNAVAILABLE : status >= 400 ? KK_E_UPSTREAM : KK_E_PROTOCOL;
    }
}

// A write that the service may have begun before it failed must not be repeated blindly.
static uint32_t flags_of(const ps_call *self, uint32_t status)
{
    if (status == 429) {
        return KK_TOOL_ERROR_RETRYABLE;
    }
    if (status < 500) {
        return 0;
    }
    return is_post(self) ? KK_TOOL_ERROR_PARTIAL_EFFECT : KK_TOOL_ERROR_RETRYABLE;
}

static const char *credential_hint(const ps_call *self)
{
    if (self->self != NULL && self->self->service_token) {
        return "check that service_token_id and service_token belong together and were not "
               "deleted; both are on the token's page in the organization's settings";
    }
    return "the access token may have expired; a service token is stored as service_token_id and "
           "service_token instead";
}

static void append_status_hint(const ps_call *self, const kk_http_response *response, kk_buf *out)
{
    uint32_t status = response->status;
    if (status == 401) {
        kk_buf_append_text(out, credential_hint(self));
    } else if (status == 403) {
        ps_append_access_hint(self, out);
    } else if (status == 404) {
        kk_buf_append_text(out, "check the names; ");
        ps_append_access_hint(self, out);
        kk_buf_append_text(out, ", without which the service says not found, too");
    } else if (status == 429) {
        kk_buf_append_text(out, "wait before trying again, and ask for more rows at once");
    } else if (status >= 500 && is_post(self)) {
        kk_buf_append_text(out, self->operation->lost_hint);
    }
    if (status < 500 && (status < 400 || ps_not_json(response) != NULL)) {
        kk_buf_append_format(out, "%sthe account's url may be wrong (it is %s by default)",
                             out->len > 0 ? "; " : "", PS_DEFAULT_URL);
    }
}

// The JSON Pointer of the argument that the API calls [name], or NULL if the caller gave none such.
static const char *argument_of(const ps_call *self, const char *name, char *out)
{
    for (const ps_parameter *p = self->operation->parameters; p->name != NULL; p++) {
        kk_str raw;
        const char *sent_as = p->sent_as != NULL ? p->sent_as : p->name;
        if (strcmp(sent_as, name) == 0 && ps_argument(self, p->name, &raw)) {
            return ps_pointer(p->name, out);
        }
    }
    return NULL;
}

kk_status ps_fail_response(const ps_call *self, const kk_http_response *response)
{
    ps_answer answer = {0};
    read_answer(response, &answer);
    kk_buf hint = {.limit = KK_TEXT_MAX};
    append_status_hint(self, response, &hint);
    char pointer[PS_POINTER_MAX];
    const char *retry_after = find_header(response, "retry-after");
    kk_tool_error error = {
        .struct_size = sizeof error,
        .code = code_of(response->status),
        .retry_after_ms = retry_after != NULL ? read_seconds(retry_after) : 0,
        .http_status = response->status,
        .flags = flags_of(self, response->status),
        .message = answer.message,
        .argument = argument_of(self, answer.argument, pointer),
        .request_id = find_header(response, "x-request-id"),
        .hint = hint.len > 0 ? kk_buf_text(&hint) : NULL,
        .api_code = answer.api_code[0] != '\0' ? answer.api_code : NULL,
    };
    kk_status status = self->call->host->fail(self->call, &error);
    kk_buf_clean(&hint);
    return status;
}

kk_status ps_fail_body(const ps_call *self, const kk_http_response *response, const char *problem)
{
    char message[320];
    snprintf(message, sizeof message, "the service answered %u %s", (unsigned)response->status,
             problem);
    kk_tool_error error = {
        .struct_size = sizeof error,
        .code = KK_E_PROTOCOL,
        .http_status = response->status,
        .flags = is_post(self) ? KK_TOOL_ERROR_PARTIAL_EFFECT : 0,
        .message = message,
        .request_id = find_header(response, "x-request-id"),
        .hint = is_post(self) ? self->operation->lost_hint
                              : "the account's url may be wrong (it is " PS_DEFAULT_URL
                                " by default)",
    };
    return self->call->host->fail(self->call, &error);
}
