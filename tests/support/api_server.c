// The model of PlanetScale's API as a program, for tests that need it in a process of its own.
//
//     api_server --accounts FILE --port-file FILE [--tls DIR] [--log FILE]
//
// --accounts has one account a line, as api_model.h says: credentials do not belong on a command
// line.  --tls makes a new authority and certificate in DIR.  The port is written when the server
// is ready.  --log gets one JSON object a line for every request, headers and body included.
// It says nothing when all is well, and ends on SIGTERM or SIGINT.
#include "api_model.h"
#include "http_server.h"
#include "json.h"
#include "test_ca.h"
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct program {
    const char *accounts;
    const char *port_file;
    const char *tls_dir;
    const char *log_path;
    FILE *log;
    pthread_mutex_t log_lock;
    api_model model;
} program;

static void append_member(kk_buf *out, const char *name, const char *value)
{
    kk_json_write_string(out, kk_str_from(name));
    kk_buf_append_byte(out, ':');
    kk_json_write_string(out, kk_str_from(value));
    kk_buf_append_byte(out, ',');
}

static void write_log(program *self, const http_request *request)
{
    kk_buf line = {.limit = (size_t)32 << 20};
    kk_buf_append_byte(&line, '{');
    append_member(&line, "method", request->method);
    append_member(&line, "path", request->path);
    append_member(&line, "query", request->query);
    kk_buf_append_text(&line, "\"headers\":[");
    for (size_t i = 0; i < request->header_count; ++i) {
        kk_buf_append_text(&line, i > 0 ? ",[" : "[");
        kk_json_write_string(&line, kk_str_from(request->headers[i].name));
        kk_buf_append_byte(&line, ',');
        kk_json_write_string(&line, kk_str_from(request->headers[i].value));
        kk_buf_append_byte(&line, ']');
    }
    kk_buf_append_text(&line, "],\"body\":");
    kk_json_write_string(&line, kk_buf_view(&request->body));
    kk_buf_append_format(&line, ",\"connection\":%u}\n", request->connection);
    pthread_mutex_lock(&self->log_lock);
    fwrite(kk_buf_text(&line), 1, line.len, self->log);
    fflush(self->log);
    pthread_mutex_unlock(&self->log_lock);
    kk_buf_clean(&line);
}

static void answer_and_log(void *context, const http_request *request, http_answer *answer)
{
    program *self = context;
    if (self->log != NULL) {
        write_log(self, request);
    }
    api_model_answer(&self->model, request, answer);
}

static bool read_options(program *self, int count, char **args)
{
    static const struct option options[] = {{"accounts", required_argument, NULL, 'a'},
                                            {"port-file", required_argument, NULL, 'p'},
                                            {"tls", required_argument, NULL, 't'},
                                            {"log", required_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    int option = 0;
    while ((option = getopt_long(count, args, "", options, NULL)) != -1) {
        switch (option) {
        case 'a':
            self->accounts = optarg;
            break;
        case 'p':
            self->port_file = optarg;
            break;
        case 't':
            self->tls_dir = optarg;
            break;
        case 'l':
            self->log_path = optarg;
            break;
        default:
            return false;
        }
    }
    return optind == count && self->accounts != NULL && self->port_file != NULL;
}

static bool read_accounts(program *self, kk_error *err)
{
    char text[8192];
    FILE *file = fopen(self->accounts, "r");
    if (file == NULL) {
        perror(self->accounts);
        return false;
    }
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    return api_model_add_accounts(&self->model, text, err) == KK_OK;
}

// Whoever waits for the file never sees a part of it.
static bool write_port(const char *path, unsigned port)
{
    char partial[4096];
    snprintf(partial, sizeof partial, "%s.part", path);
    FILE *file = fopen(partial, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(file, "%u\n", port);
    return fclose(file) == 0 && rename(partial, path) == 0;
}

static int serve(program *self, const sigset_t *ends, kk_error *err)
{
    http_server *server = NULL;
    const http_server_options options = {
        .handler = answer_and_log, .context = self, .tls_dir = self->tls_dir};
    if ((self->tls_dir != NULL && test_ca_write(self->tls_dir, NULL, err) != KK_OK) ||
        http_server_start(&options, &server, err) != KK_OK) {
        return 1;
    }
    if (!write_port(self->port_file, http_server_port(server))) {
        perror(self->port_file);
        http_server_stop(server);
        return 1;
    }
    int received = 0;
    sigwait(ends, &received);
    http_server_stop(server);
    return 0;
}

int main(int count, char **args)
{
    static program self = {.log_lock = PTHREAD_MUTEX_INITIALIZER};
    if (!read_options(&self, count, args)) {
        fprintf(stderr,
                "usage: api_server --accounts FILE --port-file FILE [--tls DIR] [--log FILE]\n");
        return 2;
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    self.log = self.log_path != NULL ? fopen(self.log_path, "a") : NULL;
    if (self.log_path != NULL && self.log == NULL) {
        perror(self.log_path);
        return 1;
    }
    kk_error err = {0};
    int status = read_accounts(&self, &err) ? serve(&self, &ends, &err) : 1;
    if (err.code != KK_OK) {
        fprintf(stderr, "api_server: %s\n", err.message);
    }
    if (self.log != NULL) {
        fclose(self.log);
    }
    return status;
}
