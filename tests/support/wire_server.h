// A server of scripted bytes on a free port of 127.0.0.1, for answers that no decent HTTP server
// would give.
//
// Each connection is served by a function of the test, on a thread of its own.  Everything it
// blocks in ends when the server is stopped.
#ifndef KK_TEST_WIRE_SERVER_H
#define KK_TEST_WIRE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

// The most connections that one server takes; further ones wait for ever.
#define WIRE_CONNECTIONS_MAX 256

typedef struct wire_server wire_server;

typedef struct wire_connection {
    wire_server *server;
    int fd;
    unsigned number;     // from 1
    char request[16384]; // the last request that was read, NUL-terminated
} wire_connection;

typedef void (*wire_script)(wire_connection *self);

// Starts a server; NULL if the system does not let it.  Ended with wire_server_stop().
wire_server *wire_server_start(wire_script script);
void wire_server_stop(wire_server *self);

unsigned wire_server_port(const wire_server *self);
unsigned wire_server_connections(wire_server *self);
unsigned wire_server_requests(wire_server *self); // that were read whole, body and all

// Reads one request with its body into self->request.  False when the peer has closed.
bool wire_read(wire_connection *self);

// Sends bytes; false when the peer does not take them.
bool wire_send(wire_connection *self, const char *bytes, size_t len);
bool wire_send_text(wire_connection *self, const char *text);

// Blocks until the peer closes or the server is stopped.
void wire_wait(wire_connection *self);

// Closes with a reset instead of an orderly end.
void wire_reset(wire_connection *self);

#endif
