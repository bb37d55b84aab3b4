// A host for testing a plugin alone: answers from a script, and keeps what was asked.
//
// The plugin is a real shared object, loaded with dlopen.  Its requests are answered in the order
// of the script; a request beyond it fails the test.
#ifndef KK_TEST_FAKE_HOST_H
#define KK_TEST_FAKE_HOST_H

#include <kk/plugin_util.h>
#include <stdbool.h>

enum { FAKE_HEADERS_MAX = 4, FAKE_REQUESTS_MAX = 64 };

// One answer of the script.  A `failure` other than KK_E_OK makes send() fail with it.
typedef struct fake_answer {
    kk_status failure;
    uint32_t status;
    const char *body;
    kk_header headers[FAKE_HEADERS_MAX]; // up to one whose name is NULL
} fake_answer;

typedef struct fake_request {
    char *method;
    char *url;
    char *headers; // "Name: value\n" each
    char *body;    // NULL = none
    char *credential;
} fake_request;

// What a plugin's fail() recorded; the texts are copies, NULL stays NULL.
typedef struct fake_failure {
    bool recorded;
    kk_status code;
    uint64_t retry_after_ms;
    uint32_t http_status;
    uint32_t flags;
    char *message;
    char *argument;
    char *request_id;
    char *hint;
    char *api_code;
} fake_failure;

typedef struct fake_host {
    const kk_manifest *manifest;
    kk_instance *instance;
    // Answers every request in place of the script, where it is set.
    fake_answer (*answer)(void *context, const fake_request *request);
    void *context;
    const fake_answer *script;
    size_t script_len;
    fake_request requests[FAKE_REQUESTS_MAX];
    size_t request_count;
    kk_http_response *responses[FAKE_REQUESTS_MAX]; // of each request; NULL once given back
    size_t held_max;                                // the most that were held at a time
    char *output; // what the last call wrote, NUL-terminated, "" for nothing
    size_t output_len;
    fake_failure failure;
    bool refuses_http; // get_service() gives nothing
    size_t output_max; // write() fails beyond it; 0 = there is no limit
    bool wrote_more;   // after write() had failed
} fake_host;

// Loads the plugin at [path] and opens an instance with [config].
void fake_host_open(fake_host *self, const char *path, const char *config);

// Opens a further instance, of which nothing is kept; for configurations that are refused.
kk_status fake_host_try_open(fake_host *self, const char *config);

void fake_host_close(fake_host *self);

// Calls a tool after forgetting what the last call left.
kk_status fake_host_call(fake_host *self, const char *tool, const char *args);

// The tool of that name, or NULL.
const kk_tool *fake_host_tool(const fake_host *self, const char *name);

#endif
