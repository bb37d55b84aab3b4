// One script of requests that every transport has to pass with the same results.
#include "transport_suite.h"
#include "redact.h"
#include "time_source.h"
#include "unit.h"
#include <strings.h>

typedef struct step {
    const char *method;
    const char *path;
    const char *content_type; // NULL = none
    const char *body;         // NULL = none
    unsigned timeout_ms;      // 0 = plenty
    bool closed;              // to the port where nobody listens
    bool secure;              // by TLS, which the service does not speak
    const char *origin;       // instead of the service's
} step;

// A name that cannot be looked up: a label has 63 bytes at most.
#define NO_NAME "https://a23456789b23456789c23456789d23456789e23456789f23456789g2345.invalid"

static const step steps[] = {
    {.method = "GET", .path = "/json?page=1&name=a%20b"},
    {.method = "GET", .path = "/spaced"},
    {.method = "HEAD", .path = "/json"},
    {.method = "GET", .path = "/counter"},
    {.method = "GET", .path = "/counter"},
    {.method = "GET", .path = "/counter"},
    {.method = "POST",
     .path = "/echo",
     .content_type = "application/json",
     .body = "{\"name\":\"x\",\"n\":1.50}"},
    {.method = "PUT",
     .path = "/echo",
     .content_type = "application/x-www-form-urlencoded",
     .body = "b=2&a=1%2F"},
    {.method = "PATCH", .path = "/echo", .content_type = "text/plain", .body = "caf\xC3\xA9 \"x\""},
    {.method = "POST",
     .path = "/echo",
     .content_type = "application/octet-stream",
     .body = "\xFF\xFE bytes"},
    {.method = "DELETE", .path = "/none"},
    {.method = "GET", .path = "/bytes"},
    {.method = "GET", .path = "/html"},
    {.method = "GET", .path = "/not-json"},
    {.method = "GET", .path = "/twice"},
    {.method = "GET", .path = "/limited"},
    {.method = "GET", .path = "/refused"},
    {.method = "GET", .path = "/broken"},
    {.method = "GET", .path = "/moved"},
    {.method = "GET", .path = "/reset"},
    {.method = "GET", .path = "/half"},
    {.method = "GET", .path = "/flood"},
    {.method = "GET", .path = "/garbled"},
    {.method = "GET", .path = "/never", .timeout_ms = 300},
    {.method = "POST", .path = "/reset"},
    {.method = "GET", .path = "/anything", .closed = true},
    {.method = "GET", .path = "/anything", .secure = true},
    {.method = "GET", .path = "/anything", .origin = NO_NAME},
    {.method = "GET", .path = "/anything", .origin = "https://" TRANSPORT_SUITE_INNER_NAME},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

size_t transport_suite_served(void)
{
    size_t count = 0;
    for (size_t i = 0; i < STEPS; i++) {
        count += !steps[i].closed && !steps[i].secure && steps[i].origin == NULL;
    }
    return count;
}

// ---- The service

static void say(http_answer *answer, const char *type, const char *body)
{
    http_answer_header(answer, "Content-Type", type);
    kk_buf_append_text(&answer->body, body);
}

static void answer_fault(const http_request *request, http_answer *answer)
{
    if (strcmp(request->path, "/moved") == 0) {
        answer->status = 302;
        http_answer_header(answer, "Location", "/elsewhere");
    } else if (strcmp(request->path, "/reset") == 0) {
        answer->fault = HTTP_FAULT_RESET;
    } else if (strcmp(request->path, "/half") == 0) {
        answer->fault = HTTP_FAULT_HALF;
        say(answer, "text/plain", "only the first half of this arrives");
    } else if (strcmp(request->path, "/flood") == 0) {
        answer->fault = HTTP_FAULT_STREAM;
        answer->stream_bytes = (uint64_t)KK_BODY_MAX + 1000;
    } else if (strcmp(request->path, "/never") == 0) {
        answer->fault = HTTP_FAULT_NEVER;
    } else if (strcmp(request->path, "/garbled") == 0) {
        http_answer_header(answer, "Content-Encoding", "gzip");
        say(answer, "text/plain", "this is not gzip");
    }
}

static void answer_status(const http_request *request, http_answer *answer)
{
    static const struct {
        const char *path;
        unsigned status;
        const char *body;
    } cases[] = {{"/none", 204, ""},
                 {"/limited", 429, "{\"code\":\"too_many\"}"},
                 {"/refused", 422, "{\"code\":\"unprocessable\",\"message\":\"no\"}"},
                 {"/broken", 500, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(request->path, cases[i].path) == 0) {
            answer->status = cases[i].status;
            say(answer, "application/json", cases[i].body);
            http_answer_header(answer, "Retry-After", "0.020");
        }
    }
}

void transport_suite_answer(void *context, const http_request *request, http_answer *answer)
{
    unsigned *count = context;
    static const char *const texts[][3] = {
        {"/json", "application/json; charset=utf-8",
         "{\"a\":1.50,\"big\":12345678901234567890123,\"e\":1e400,\"u\":\"\\u00e9\"}"},
        {"/spaced", "application/json", "{ \"a\" : [ 1 ,\n 2 ] }\n"},
        {"/html", "text/html", "<html>&amp; no</html>"},
        {"/not-json", "application/json", "{\"a\":"},
        {"/twice", "application/json", "{\"a\":1,\"a\":2}"}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(request->path, texts[i][0]) == 0) {
            say(answer, texts[i][1], texts[i][2]);
            http_answer_header(answer, "ETag", "\"v1\"");
            http_answer_header(answer, "Set-Cookie", "not=kept");
        }
    }
    if (strcmp(request->path, "/counter") == 0) {
        http_answer_header(answer, "Content-Type", "application/json");
        kk_buf_append_format(&answer->body, "{\"n\":%u}", ++*count);
    } else if (strcmp(request->path, "/echo") == 0) {
        const char *type = http_request_header(request, "content-type");
        http_answer_header(answer, "Content-Type", type != NULL ? type : "text/plain");
        kk_buf_append_str(&answer->body, kk_buf_view(&request->body));
    } else if (strcmp(request->path, "/bytes") == 0) {
        http_answer_header(answer, "Content-Type", "application/octet-stream");
        kk_buf_append(&answer->body, "\0\xFF\x80 x", 5);
    }
    answer_status(request, answer);
    answer_fault(request, answer);
}

// ---- The script

static void write_answer(const kk_response *response, kk_buf *seen)
{
    kk_buf_append_format(seen, "status %u, %zu bytes: ", response->status, response->body.len);
    kk_buf_append_str(seen, response->body);
    // Sorted by the name, since a tape keeps them so.
    static const char *const names[] = {"content-type", "etag", "retry-after", NULL};
    for (const char *const *name = names; *name != NULL; name++) {
        for (size_t i = 0; i < response->header_count; i++) {
            if (strcmp(response->headers[i].name, *name) == 0) {
                kk_buf_append_format(seen, "\n  %s: %s", *name, response->headers[i].value);
            }
        }
    }
    assert_int_equal(response->body.ptr[response->body.len], '\0');
}

static void play(kk_transport *transport, const char *url, const step *one, kk_buf *seen)
{
    const kk_header headers[] = {{"accept", "application/json"},
                                 {"content-type", one->content_type}};
    static const kk_request_account account = {
        .scheme = "bearer", .is_default = true, .shape = "Bearer {{ACCESS_TOKEN}}"};
    kk_response response = {0};
    kk_error err = {0};
    bool replays = strcmp(transport->table->name, "replay") == 0;
    kk_request request = {
        .method = one->method,
        .url = url,
        .headers = headers,
        .header_count = one->content_type != NULL ? 2 : 1,
        .credential = {"authorization", replays ? "Bearer {{ACCESS_TOKEN}}" : "Bearer real-token"},
        .body = kk_str_from(one->body),
        .plugin = "suite",
        .account = "main",
        .deadline_ms = replays ? UINT64_MAX
                               : kk_time_mono_ms(kk_time_real()) +
                                     (one->timeout_ms > 0 ? one->timeout_ms : 20000),
        .recorded = &account};
    kk_code code = transport->table->send(transport, &request, &response, &err);
    kk_buf_append_format(seen, "\n%s %s: ", one->method, one->path);
    if (code == KK_OK) {
        write_answer(&response, seen);
    } else {
        kk_buf_append_format(seen, "%s, %s; %s", kk_code_name(code), err.message, err.hint);
    }
    kk_buf_append_format(seen, "\n  sent %d", (int)response.sent);
    transport->table->response_clean(transport, &response);
    assert_null(response.body.ptr);
}

static void write_url(const step *one, const char *base, unsigned closed, char *out, size_t size)
{
    if (one->origin != NULL) {
        snprintf(out, size, "%s%s", one->origin, one->path);
    } else if (one->closed) {
        snprintf(out, size, "http://127.0.0.1:%u%s", closed, one->path);
    } else {
        const char *rest = base + strlen("http");
        snprintf(out, size, "%s%s%s", one->secure ? "https" : "http", rest, one->path);
    }
}

void transport_suite_play(kk_transport *transport, const char *base, unsigned closed, kk_buf *seen)
{
    for (size_t i = 0; i < STEPS; i++) {
        char url[256];
        write_url(&steps[i], base, closed, url, sizeof url);
        play(transport, url, &steps[i], seen);
    }
    assert_int_equal(seen->failed, KK_OK);
}
