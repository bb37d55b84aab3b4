// The live transport beside bare libcurl: the same requests to the same server in the same run.
//
//     bench_live DIRECTORY
//
// DIRECTORY is empty and takes the certificates and nginx, which speaks HTTP/2 and TLS, and answers
// itself or passes on to a server that takes 20 ms.  A row is one transport after the other on one
// connection, or 64 requests in flight: threads that wait for a kk_transport each, against a bare
// multi handle with as many easy ones.
#include "bench.h"
#include "crowd.h"
#include "http_server.h"
#include "live_fixture.h"
#include "nginx.h"
#include "test_ca.h"
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IN_FLIGHT = 64, ROUNDS = 8, SEQUENCE = 50 };

static char url[128];
static char ca_file[256];

// ---- kk

static bool send_one(live_fixture *live)
{
    kk_transport *transport = live->transport;
    kk_request request = {.method = "GET", .url = url, .deadline_ms = live_now_ms() + 30000};
    kk_response response = {0};
    kk_error err = {0};
    kk_code code = transport->table->send(transport, &request, &response, &err);
    bool ok = code == KK_OK && response.status == 200 && response.body.len > 0;
    if (!ok) {
        fprintf(stderr, "%s: %s\n", kk_code_name(code), err.message);
    }
    transport->table->response_clean(transport, &response);
    return ok;
}

static bool run_sequence(void *context)
{
    bool ok = true;
    for (int i = 0; i < SEQUENCE && ok; i++) {
        ok = send_one(context);
    }
    return ok;
}

static bool send_from_crowd(void *context)
{
    return send_one(context);
}

// ---- Bare libcurl

// A body as the least client keeps it.
typedef struct bare {
    CURL *easy;
    char *body;
    size_t len;
    int left; // requests of this round
} bare;

static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
    bare *self = context;
    size_t len = size * count;
    char *grown = realloc(self->body, self->len + len + 1);
    if (grown == NULL) {
        return 0;
    }
    self->body = grown;
    memcpy(self->body + self->len, bytes, len);
    self->len += len;
    return len;
}

static void bare_open(bare *self)
{
    self->easy = curl_easy_init();
    curl_easy_setopt(self->easy, CURLOPT_URL, url);
    curl_easy_setopt(self->easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(self->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(self->easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    curl_easy_setopt(self->easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(self->easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(self->easy, CURLOPT_WRITEDATA, self);
    curl_easy_setopt(self->easy, CURLOPT_PRIVATE, self);
}

static void bare_close(bare *self)
{
    curl_easy_cleanup(self->easy);
    free(self->body);
}

static bool is_done_well(bare *self)
{
    long status = 0;
    bool ok = self->len > 0;
    curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
    free(self->body);
    self->body = NULL;
    self->len = 0;
    return ok && status == 200;
}

static bool run_bare_sequence(void *context)
{
    bare *self = context;
    bool ok = true;
    for (int i = 0; i < SEQUENCE && ok; i++) {
        ok = curl_easy_perform(self->easy) == CURLE_OK && is_done_well(self);
    }
    return ok;
}

typedef struct bare_crowd {
    CURLM *multi;
    bare clients[IN_FLIGHT];
} bare_crowd;

// Handles what has ended: it goes again until its round is over.
static bool read_done(bare_crowd *self, int *left)
{
    CURLMsg *message;
    int more = 0;
    bool ok = true;
    while ((message = curl_multi_info_read(self->multi, &more)) != NULL) {
        bare *client = NULL;
        CURLcode result = message->data.result;
        CURL *easy = message->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&client);
        curl_multi_remove_handle(self->multi, easy);
        ok = ok && result == CURLE_OK && is_done_well(client);
        *left -= 1;
        if (--client->left > 0) {
            curl_multi_add_handle(self->multi, easy);
        }
    }
    return ok;
}

static bool run_bare_crowd(void *context)
{
    bare_crowd *self = context;
    int left = IN_FLIGHT * ROUNDS;
    bool ok = true;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        self->clients[i].left = ROUNDS;
        curl_multi_add_handle(self->multi, self->clients[i].easy);
    }
    while (left > 0 && ok) {
        int running = 0;
        ok = curl_multi_perform(self->multi, &running) == CURLM_OK && read_done(self, &left);
        if (left > 0 && ok) {
            ok = curl_multi_poll(self->multi, NULL, 0, 1000, NULL) == CURLM_OK;
        }
    }
    return ok;
}

static void bare_crowd_open(bare_crowd *self)
{
    self->multi = curl_multi_init();
    curl_multi_setopt(self->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 6L);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        bare_open(&self->clients[i]);
    }
}

static void bare_crowd_close(bare_crowd *self)
{
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        bare_close(&self->clients[i]);
    }
    curl_multi_cleanup(self->multi);
}

// ---- The rows

static void answer_late(void *context, const http_request *request, http_answer *out)
{
    (void)context;
    (void)request;
    out->delay_ms = 20;
    kk_buf_append_text(&out->body, NGINX_STATIC);
}

static bool bench_sequence(const nginx *front)
{
    snprintf(url, sizeof url, "%s/static", front->url);
    live_fixture *live = live_fixture_open(ca_file, NULL);
    bare client = {0};
    bare_open(&client);
    bool ok = kk_bench_pairs("50 small GETs, one TLS connection, HTTP/2",
                             (kk_bench_side){"kk", run_sequence, live},
                             (kk_bench_side){"curl_easy, reused", run_bare_sequence, &client}, 100);
    bare_close(&client);
    live_fixture_close(live);
    return ok;
}

static bool bench_crowd(const nginx *front, const char *path, const char *title, size_t pairs)
{
    snprintf(url, sizeof url, "%s%s", front->url, path);
    live_fixture *live = live_fixture_open(ca_file, NULL);
    static kk_bench_crowd many;
    static bare_crowd bares;
    many = (kk_bench_crowd){
        .work = send_from_crowd, .context = live, .times = ROUNDS, .count = IN_FLIGHT};
    bares = (bare_crowd){0};
    kk_bench_crowd_start(&many);
    bare_crowd_open(&bares);
    bool ok = kk_bench_pairs(title, (kk_bench_side){"kk", kk_bench_crowd_run, &many},
                             (kk_bench_side){"curl_multi", run_bare_crowd, &bares}, pairs);
    kk_bench_crowd_stop(&many);
    bare_crowd_close(&bares);
    live_fixture_close(live);
    return ok;
}

int main(int argc, char **argv)
{
    kk_error err = {0};
    http_server *server = NULL;
    http_server_options options = {.handler = answer_late};
    if (argc != 2) {
        fprintf(stderr, "usage: bench_live DIRECTORY\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (test_ca_write(argv[1], NULL, &err) != KK_OK ||
        http_server_start(&options, &server, &err) != KK_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    snprintf(ca_file, sizeof ca_file, "%s/ca.pem", argv[1]);
    nginx front = nginx_start(argv[1], http_server_url(server), 1000000);
    bool ok = bench_sequence(&front) &&
              bench_crowd(&front, "/static", "512 GETs, 64 in flight, HTTP/2", 60) &&
              bench_crowd(&front, "/late", "512 GETs, 64 in flight, HTTP/2, 20 ms server", 20);
    nginx_stop(&front);
    http_server_stop(server);
    return ok ? 0 : 1;
}
