// A server of scripted bytes on a free port of 127.0.0.1.
#include "wire_server.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct wire_server {
    wire_script script;
    int listener;
    unsigned port;
    pthread_t acceptor;
    pthread_t threads[WIRE_CONNECTIONS_MAX];
    wire_connection connections[WIRE_CONNECTIONS_MAX];
    atomic_uint connection_count;
    atomic_uint request_count;
};

static void *serve(void *context)
{
    wire_connection *self = context;
    self->server->script(self);
    // The socket stays open, so that its number is not used again before the server has stopped.
    shutdown(self->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_all(void *context)
{
    wire_server *self = context;
    unsigned count = 0;
    while (count < WIRE_CONNECTIONS_MAX) {
        int fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL;
        }
        wire_connection *connection = &self->connections[count];
        connection->server = self;
        connection->fd = fd;
        connection->number = count + 1;
        // Counted before it is served, so that who has an answer finds its connection counted.
        atomic_store(&self->connection_count, count + 1);
        if (pthread_create(&self->threads[count], NULL, serve, connection) != 0) {
            atomic_store(&self->connection_count, count);
            close(fd);
            return NULL;
        }
        count++;
    }
    return NULL;
}

static bool listen_on_loopback(wire_server *self)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->listener < 0 || bind(self->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(self->listener, 64) != 0 ||
        getsockname(self->listener, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    self->port = ntohs(address.sin_port);
    return true;
}

wire_server *wire_server_start(wire_script script)
{
    wire_server *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->script = script;
    if (!listen_on_loopback(self) || pthread_create(&self->acceptor, NULL, accept_all, self) != 0) {
        if (self->listener >= 0) {
            close(self->listener);
        }
        free(self);
        return NULL;
    }
    return self;
}

void wire_server_stop(wire_server *self)
{
    if (self == NULL) {
        return;
    }
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->acceptor, NULL);
    close(self->listener);
    unsigned count = atomic_load(&self->connection_count);
    for (unsigned i = 0; i < count; i++) {
        shutdown(self->connections[i].fd, SHUT_RDWR);
        pthread_join(self->threads[i], NULL);
        close(self->connections[i].fd);
    }
    free(self);
}

unsigned wire_server_port(const wire_server *self)
{
    return self->port;
}

unsigned wire_server_connections(wire_server *self)
{
    return atomic_load(&self->connection_count);
}

unsigned wire_server_requests(wire_server *self)
{
    return atomic_load(&self->request_count);
}

// How many bytes the request has in all once its head is there; 0 while it is not.
static size_t request_size(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    if (end == NULL) {
        return 0;
    }
    const char *length = strcasestr(request, "\r\ncontent-length:");
    size_t body_len = length != NULL && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return (size_t)(end - request) + 4 + body_len;
}

bool wire_read(wire_connection *self)
{
    size_t len = 0;
    self->request[0] = '\0';
    for (;;) {
        ssize_t got = recv(self->fd, self->request + len, sizeof self->request - 1 - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        self->request[len] = '\0';
        size_t wanted = request_size(self->request);
        if (wanted != 0 && len >= wanted) {
            atomic_fetch_add(&self->server->request_count, 1);
            return true;
        }
    }
}

bool wire_send(wire_connection *self, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(self->fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

bool wire_send_text(wire_connection *self, const char *text)
{
    return wire_send(self, text, strlen(text));
}

void wire_wait(wire_connection *self)
{
    char ignored[256];
    while (recv(self->fd, ignored, sizeof ignored, 0) > 0) {
    }
}

void wire_reset(wire_connection *self)
{
    // A connection that is "connected" to no address is dropped with a reset.
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    (void)connect(self->fd, &nowhere, sizeof nowhere);
}
