// nginx of the distribution in front of a test server.
#include "nginx.h"
#include "unit.h"
#include <arpa/inet.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char configuration[] =
    "%sdaemon off;\n"
    "master_process off;\n"
    "pid nginx.pid;\n"
    "error_log error.log;\n"
    "events { worker_connections 512; }\n"
    "http {\n"
    "  log_format connections '$connection $server_protocol $request_method $status';\n"
    "  access_log access.log connections;\n"
    "  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;\n"
    "  uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n"
    "  keepalive_requests %u;\n"
    "  server {\n"
    "    listen 127.0.0.1:%u ssl http2;\n"
    "    ssl_certificate server.pem;\n"
    "    ssl_certificate_key server.key;\n"
    "    location = /static { default_type application/json; return 200 '" NGINX_STATIC "'; }\n"
    "    location / { proxy_pass %s; proxy_http_version 1.1; proxy_next_upstream off; }\n"
    "  }\n"
    "}\n";

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return result;
}

// A port that was free a moment ago.
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void write_configuration(const nginx *self, const char *upstream, unsigned requests)
{
    char path[256];
    snprintf(path, sizeof path, "%s/nginx.conf", self->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    // As root it would give its directories to a user of its own, whom a namespace may not have.
    const char *user = geteuid() == 0 ? "user root;\n" : "";
    fprintf(file, configuration, user, requests > 0 ? requests : 1000, self->port, upstream);
    assert_int_equal(fclose(file), 0);
}

static void spawn(nginx *self)
{
    char prefix[256];
    snprintf(prefix, sizeof prefix, "%s/", self->dir);
    char name[] = "nginx", at[] = "-p", with[] = "-c", file[] = "nginx.conf", to[] = "-e";
    char log[] = "error.log";
    char *const argv[] = {name, at, prefix, with, file, to, log, NULL};
    static const char *const places[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx",
                                         "/usr/bin/nginx", NULL};
    for (size_t i = 0; places[i] != NULL; i++) {
        if (posix_spawn(&self->pid, places[i], NULL, NULL, argv, environ) == 0) {
            return;
        }
    }
    fail_msg("nginx is not installed: sh host-sdk/packages.sh test");
}

// Whether it listens; false if it ended instead.
static bool is_up(nginx *self)
{
    for (int i = 0; i < 1000; i++) {
        int status;
        if (waitpid(self->pid, &status, WNOHANG) == self->pid) {
            return false;
        }
        if (connect_to(self->port) == 0) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

nginx nginx_start(const char *dir, const char *upstream, unsigned requests)
{
    nginx self = {0};
    snprintf(self.dir, sizeof self.dir, "%s", dir);
    for (int tries = 0; tries < 5; tries++) {
        self.port = free_port();
        write_configuration(&self, upstream, requests);
        spawn(&self);
        if (is_up(&self)) {
            snprintf(self.url, sizeof self.url, "https://localhost:%u", self.port);
            return self;
        }
    }
    fail_msg("nginx does not start: see %s/error.log", dir);
    return self;
}

void nginx_stop(nginx *self)
{
    kill(self->pid, SIGTERM);
    waitpid(self->pid, NULL, 0);
}

static size_t read_log(const nginx *self, nginx_entry *out, size_t count)
{
    char path[256];
    snprintf(path, sizeof path, "%s/access.log", self->dir);
    FILE *file = fopen(path, "r");
    size_t found = 0;
    while (file != NULL && found < count &&
           fscanf(file, "%lu %15s %15s %u", &out[found].connection, out[found].protocol,
                  out[found].method, &out[found].status) == 4) {
        found++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

void nginx_log(const nginx *self, nginx_entry *out, size_t count)
{
    size_t found = 0;
    for (int i = 0; i < 1000 && (found = read_log(self, out, count)) < count; i++) {
        usleep(10000);
    }
    assert_int_equal(found, count);
}

size_t nginx_connections(const nginx_entry *entries, size_t count)
{
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (entries[first].connection != entries[i].connection) {
            first++;
        }
        different += first == i;
    }
    return different;
}
