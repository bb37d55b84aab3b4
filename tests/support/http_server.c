// An HTTP server for tests, around libmicrohttpd.
#include "http_server.h"
#include "fail.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

struct http_server {
    struct MHD_Daemon *daemon;
    http_handler handler;
    void *context;
    char *key;
    char *certificate;
    unsigned port;
    char url[48];
    pthread_mutex_t lock; // guards what follows
    pthread_cond_t stop_changed;
    bool stopping;
    unsigned connections;
    http_request **log;
    size_t log_count;
};

// ---- Requests and answers

const char *http_request_header(const http_request *self, const char *name)
{
    for (size_t i = 0; i < self->header_count; ++i) {
        if (strcasecmp(self->headers[i].name, name) == 0) {
            return self->headers[i].value;
        }
    }
    return NULL;
}

static void fields_free(http_field *fields, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        free(fields[i].name);
        free(fields[i].value);
    }
}

static void request_free(http_request *self)
{
    free(self->method);
    free(self->path);
    free(self->query);
    fields_free(self->headers, self->header_count);
    kk_buf_clean(&self->body);
    free(self);
}

void http_answer_header(http_answer *self, const char *name, const char *value)
{
    if (self->header_count < sizeof self->headers / sizeof *self->headers) {
        self->headers[self->header_count++] = (http_field){strdup(name), strdup(value)};
    }
}

static void answer_clean(http_answer *self)
{
    fields_free(self->headers, self->header_count);
    kk_buf_clean(&self->body);
}

// ---- Reading a request

// Called with the request's target as it was sent; what it returns becomes the request's state.
static void *begin_request(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    (void)connection;
    http_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    size_t path_len = strcspn(target, "?");
    request->path = strndup(target, path_len);
    request->query = strdup(target[path_len] == '?' ? target + path_len + 1 : "");
    request->body.limit = HTTP_REQUEST_BODY_MAX;
    return request;
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    http_request *request = context;
    if (request->header_count == HTTP_REQUEST_HEADERS_MAX) {
        return MHD_NO;
    }
    request->headers[request->header_count++] =
        (http_field){strdup(name), strdup(value != NULL ? value : "")};
    return MHD_YES;
}

static void read_head(http_request *request, struct MHD_Connection *connection, const char *method)
{
    request->method = strdup(method);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, request);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    request->connection = info != NULL ? (unsigned)(uintptr_t)info->socket_context : 0;
}

static void remember(http_server *self, http_request *request)
{
    pthread_mutex_lock(&self->lock);
    if (self->log_count < HTTP_LOG_MAX) {
        self->log[self->log_count++] = request;
        request->remembered = true;
    }
    pthread_mutex_unlock(&self->lock);
}

static void end_request(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    http_request *request = *state;
    if (request != NULL && !request->remembered) {
        request_free(request);
    }
    *state = NULL;
}

static void count_connection(void *context, struct MHD_Connection *connection,
                             void **socket_context, enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    http_server *self = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        pthread_mutex_lock(&self->lock);
        *socket_context = (void *)(uintptr_t)++self->connections;
        pthread_mutex_unlock(&self->lock);
    }
}

// ---- Answering

// A body that is longer, or shorter, than what was announced.
typedef struct stream {
    kk_buf head;   // sent first
    uint64_t sent; // how many bytes may be sent in all
    bool breaks;   // then the connection is closed, with the answer unfinished
} stream;

static ssize_t read_stream(void *context, uint64_t at, char *out, size_t out_size)
{
    stream *self = context;
    if (at >= self->sent) {
        return self->breaks ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t len = out_size < self->sent - at ? out_size : (size_t)(self->sent - at);
    if (at >= self->head.len) {
        memset(out, 'x', len);
        return (ssize_t)len;
    }
    if (len > self->head.len - at) {
        len = self->head.len - (size_t)at;
    }
    memcpy(out, self->head.ptr + at, len);
    return (ssize_t)len;
}

static void free_stream(void *context)
{
    stream *self = context;
    kk_buf_clean(&self->head);
    free(self);
}

static struct MHD_Response *make_stream(http_answer *answer)
{
    stream *body = calloc(1, sizeof *body);
    if (body == NULL) {
        return NULL;
    }
    bool half = answer->fault == HTTP_FAULT_HALF;
    *body = (stream){.head = answer->body,
                     .sent = half ? answer->body.len / 2 : answer->stream_bytes,
                     .breaks = half};
    answer->body = (kk_buf){.limit = 0}; // the stream's now
    uint64_t announced = half ? body->head.len : MHD_SIZE_UNKNOWN;
    return MHD_create_response_from_callback(announced, 4096, read_stream, body, free_stream);
}

static struct MHD_Response *make_response(http_answer *answer)
{
    bool whole = answer->fault == HTTP_FAULT_NONE;
    struct MHD_Response *response =
        whole ? MHD_create_response_from_buffer(answer->body.len, answer->body.ptr,
                                                MHD_RESPMEM_MUST_COPY)
              : make_stream(answer);
    for (size_t i = 0; response != NULL && i < answer->header_count; ++i) {
        MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    }
    return response;
}

// Sleeps until the server stops, or [delay_ms] if that is sooner.
static void wait_for_stop(http_server *self, unsigned delay_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t nanos = (uint64_t)until.tv_nsec + (uint64_t)delay_ms * 1000000;
    until.tv_sec += (time_t)(nanos / 1000000000);
    until.tv_nsec = (long)(nanos % 1000000000);
    pthread_mutex_lock(&self->lock);
    int waited = 0;
    while (!self->stopping && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&self->stop_changed, &self->lock, &until);
    }
    pthread_mutex_unlock(&self->lock);
}

// A connected socket that is "connected" to no address is reset at once, without the FIN that a
// close would send.
static void reset_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    if (info != NULL) {
        (void)connect(info->connect_fd, &nowhere, sizeof nowhere);
    }
}

static enum MHD_Result send_answer(http_server *self, struct MHD_Connection *connection,
                                   http_answer *answer)
{
    if (answer->delay_ms > 0) {
        wait_for_stop(self, answer->delay_ms);
    }
    if (answer->fault == HTTP_FAULT_NEVER) {
        wait_for_stop(self, UINT32_MAX);
        return MHD_NO;
    }
    if (answer->fault == HTTP_FAULT_RESET) {
        reset_connection(connection);
        return MHD_NO;
    }
    struct MHD_Response *response = make_response(answer);
    if (response == NULL) {
        return MHD_NO;
    }
    enum MHD_Result queued = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

// libmicrohttpd calls this once when the head is read, once for each part of the body, and once
// more at its end.
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_len, void **state)
{
    (void)path;
    (void)version;
    http_server *self = context;
    http_request *request = *state;
    if (request == NULL) {
        return MHD_NO;
    }
    if (!request->answering) {
        request->answering = true;
        read_head(request, connection, method);
        return MHD_YES;
    }
    if (*upload_len > 0) {
        kk_buf_append(&request->body, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    remember(self, request);
    http_answer answer = {.status = 200, .body = {.limit = (size_t)64 << 20}};
    self->handler(self->context, request, &answer);
    enum MHD_Result queued = send_answer(self, connection, &answer);
    answer_clean(&answer);
    return queued;
}

// ---- The server

static char *read_text(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return NULL;
    }
    kk_buf text = {.limit = KK_TEXT_MAX};
    char part[4096];
    size_t len = 0;
    while ((len = fread(part, 1, sizeof part, file)) > 0) {
        kk_buf_append(&text, part, len);
    }
    fclose(file);
    char *stolen = kk_buf_steal(&text);
    kk_buf_clean(&text);
    return stolen;
}

static bool start_daemon(http_server *self, const char *priorities)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, self->key},
                                   {MHD_OPTION_HTTPS_MEM_CERT, 0, self->certificate},
                                   {MHD_OPTION_END, 0, NULL},
                                   {MHD_OPTION_END, 0, NULL}};
    if (priorities != NULL) {
        tls[2] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities};
    }
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     (self->key != NULL ? MHD_USE_TLS : 0u);
    self->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, self, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_URI_LOG_CALLBACK, begin_request, self, MHD_OPTION_NOTIFY_COMPLETED, end_request,
        self, MHD_OPTION_NOTIFY_CONNECTION, count_connection, self, MHD_OPTION_ARRAY,
        self->key != NULL ? tls : plain, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        self->daemon != NULL ? MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    self->port = info != NULL ? info->port : 0;
    return self->port != 0;
}

kk_code http_server_start(const http_server_options *options, http_server **out, kk_error *err)
{
    http_server *self = calloc(1, sizeof *self);
    http_request **log = calloc(HTTP_LOG_MAX, sizeof *log);
    if (self == NULL || log == NULL) {
        free(self);
        free(log);
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for a test server");
    }
    self->log = log;
    self->handler = options->handler;
    self->context = options->context;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->stop_changed, NULL);
    bool tls = options->tls_dir != NULL;
    if (tls) {
        self->key = read_text(options->tls_dir, "server.key");
        self->certificate = read_text(options->tls_dir, "server.pem");
    }
    if ((tls && (self->key == NULL || self->certificate == NULL)) ||
        !start_daemon(self, options->tls_priorities)) {
        http_server_stop(self);
        return kk_fail(err, KK_ERR_INTERNAL, "the test server does not start%s%s",
                       tls ? " with the key and certificate in " : "", tls ? options->tls_dir : "");
    }
    snprintf(self->url, sizeof self->url, "%s:%u", tls ? "https://localhost" : "http://127.0.0.1",
             self->port);
    *out = self;
    return KK_OK;
}

void http_server_stop(http_server *self)
{
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->stopping = true;
    pthread_cond_broadcast(&self->stop_changed);
    pthread_mutex_unlock(&self->lock);
    if (self->daemon != NULL) {
        MHD_stop_daemon(self->daemon);
    }
    for (size_t i = 0; i < self->log_count; ++i) {
        request_free(self->log[i]);
    }
    free(self->log);
    free(self->key);
    free(self->certificate);
    pthread_cond_destroy(&self->stop_changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

unsigned http_server_port(const http_server *self)
{
    return self->port;
}

const char *http_server_url(const http_server *self)
{
    return self->url;
}

unsigned http_server_connections(http_server *self)
{
    pthread_mutex_lock(&self->lock);
    unsigned count = self->connections;
    pthread_mutex_unlock(&self->lock);
    return count;
}

size_t http_server_requests(http_server *self)
{
    pthread_mutex_lock(&self->lock);
    size_t count = self->log_count;
    pthread_mutex_unlock(&self->lock);
    return count;
}

const http_request *http_server_request_at(http_server *self, size_t index)
{
    pthread_mutex_lock(&self->lock);
    const http_request *request = index < self->log_count ? self->log[index] : NULL;
    pthread_mutex_unlock(&self->lock);
    return request;
}
