// nginx of the distribution in front of a test server: HTTP/2 and TLS as most services have them.
//
// It runs as one process of its own in a directory of the test, on a free port of 127.0.0.1, and
// passes every request on.  Its log says for each request which connection it came on.
#ifndef KK_TEST_NGINX_H
#define KK_TEST_NGINX_H

#include <stddef.h>
#include <sys/types.h>

// What it answers itself to a GET of /static: a small object as an API sends it.
#define NGINX_STATIC                                                                               \
    "{\"id\":\"abcdefghijkl\",\"type\":\"Database\",\"name\":\"fixture\",\"kind\":\"mysql\","      \
    "\"state\":"                                                                                   \
    "\"ready\",\"ready\":true,\"plan\":\"scaler_pro\",\"branches_count\":2,\"region\":{\"slug\":"  \
    "\"us-east\",\"display_name\":\"AWS us-east-1\"},\"notes\":\"\",\"created_at\":"               \
    "\"2026-11-23T12:00:00.000Z\",\"updated_at\":\"2026-11-23T12:00:00.000Z\"}"

// One line of the log.
typedef struct nginx_entry {
    unsigned long connection;
    char protocol[16]; // "HTTP/2.0"
    char method[16];
    unsigned status;
} nginx_entry;

typedef struct nginx {
    pid_t pid;
    unsigned port;
    char dir[192];
    char url[64]; // "https://localhost:PORT"
} nginx;

// Starts nginx in [dir], where server.pem and server.key are, in front of [upstream], an http URL.
// It ends a connection after [requests] requests (0 = its own limit).  Fails the test if it does
// not start.
nginx nginx_start(const char *dir, const char *upstream, unsigned requests);
void nginx_stop(nginx *self);

// Waits until the log has [count] entries and reads them into [out].  Fails the test if they do not
// come within ten seconds.
void nginx_log(const nginx *self, nginx_entry *out, size_t count);

// How many different connections are among [count] entries.
size_t nginx_connections(const nginx_entry *entries, size_t count);

#endif
