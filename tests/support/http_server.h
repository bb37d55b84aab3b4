// An HTTP server for tests, on a free port of 127.0.0.1: plain or TLS, answering from a function,
// misbehaving on request, and remembering what it was asked.
//
// It is libmicrohttpd's server with one thread a connection, so a handler may take its time.
// Answers are well-formed HTTP/1.1; the faults below are the ways in which they may end early or
// never.
#ifndef KK_TEST_HTTP_SERVER_H
#define KK_TEST_HTTP_SERVER_H

#include "buf.h"
#include "str.h"
#include <kk/error.h>
#include <stdint.h>

// The most bytes of a request's body, fields of its header, and requests that are remembered.
#define HTTP_REQUEST_BODY_MAX ((size_t)4 << 20)
#define HTTP_REQUEST_HEADERS_MAX 64
#define HTTP_LOG_MAX ((size_t)100000)

// One name and value; both NUL-terminated.
typedef struct http_field {
    char *name;
    char *value;
} http_field;

// One request as it arrived.  Remembered until http_server_stop(), and unchanged once the handler
// has it.
typedef struct http_request {
    char *method;
    char *path;  // as sent, percent signs and all: "/v1/organizations/my%20org"
    char *query; // what followed '?', as sent; "" for none
    http_field headers[HTTP_REQUEST_HEADERS_MAX];
    size_t header_count;
    kk_buf body;
    unsigned connection; // 1 for the first that the server accepted
    bool answering;      // the server's: the request line is read, the handler is next
    bool remembered;     // the server's: freed when it stops, not when the answer is sent
} http_request;

// The first field of that name, without regard to case, or NULL.
const char *http_request_header(const http_request *self, const char *name);

typedef enum http_fault {
    HTTP_FAULT_NONE,
    HTTP_FAULT_NEVER,  // accepts the request and stays silent until the server stops
    HTTP_FAULT_HALF,   // announces the whole body, sends half of it, closes
    HTTP_FAULT_STREAM, // chunked: the body, then 'x' up to [stream_bytes] in all
    HTTP_FAULT_RESET   // resets the connection (TCP RST) without a byte of an answer
} http_fault;

// What a handler fills in; it starts as 200, no header and an empty body.
typedef struct http_answer {
    unsigned status;
    http_field headers[16];
    size_t header_count;
    kk_buf body;
    http_fault fault;
    uint64_t stream_bytes; // for HTTP_FAULT_STREAM; UINT64_MAX = without end
    unsigned delay_ms;     // waits before the answer; cut short when the server stops
} http_answer;

// Adds a header field; both are copied.
void http_answer_header(http_answer *self, const char *name, const char *value);

// Answers [request].  Runs on many threads at once.
typedef void (*http_handler)(void *context, const http_request *request, http_answer *answer);

typedef struct http_server_options {
    http_handler handler;
    void *context;
    const char *tls_dir; // of server.pem and server.key, as test_ca_write() leaves them; NULL =
                         // plain http
    const char *tls_priorities; // as GnuTLS writes them: which versions are spoken; NULL = those of
                                // the library
} http_server_options;

typedef struct http_server http_server;

// Starts a server.  *out is new, ended with http_server_stop().
// Errors: KK_ERR_INTERNAL, saying what could not be had.
KK_MUST_USE kk_code http_server_start(const http_server_options *options, http_server **out,
                                      kk_error *err);

// Ends silent and delayed answers, closes all connections, and frees the server.  Harmless for
// NULL.
void http_server_stop(http_server *self);

unsigned http_server_port(const http_server *self);

// "http://127.0.0.1:PORT", or "https://localhost:PORT" with TLS.  Lives as long as the server.
const char *http_server_url(const http_server *self);

// How many connections were accepted, and how many requests reached the handler.
unsigned http_server_connections(http_server *self);
size_t http_server_requests(http_server *self);

// The request number [index], from 0, in the order in which they reached the handler.  NULL if
// there is none yet.
const http_request *http_server_request_at(http_server *self, size_t index);

#endif
