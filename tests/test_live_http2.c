// The live transport over HTTP/2, to nginx in front of a server that takes its time; what happened
// is read from the logs of the two servers.
#include "http_server.h"
#include "live_fixture.h"
#include "nginx.h"
#include "scratch.h"
#include "test_ca.h"
#include "unit.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { IN_FLIGHT = 64, SLOW_MS = 300 };

static scratch room;

typedef struct world {
    http_server *server;
    nginx front;
    live_fixture *live;
    char ca_file[128];
    atomic_int running; // requests that the server answers at this moment
    atomic_int most;    // the most that it ever did
} world;

// /slow takes its time; /half announces more than it sends; /never is silent.
static void answer(void *context, const http_request *request, http_answer *out)
{
    world *self = context;
    int now = atomic_fetch_add(&self->running, 1) + 1;
    int most = atomic_load(&self->most);
    while (most < now && !atomic_compare_exchange_weak(&self->most, &most, now)) {
    }
    if (strcmp(request->path, "/slow") == 0) {
        usleep(SLOW_MS * 1000);
    }
    atomic_fetch_sub(&self->running, 1);
    out->fault = strcmp(request->path, "/half") == 0 ? HTTP_FAULT_HALF : HTTP_FAULT_NONE;
    out->fault = strcmp(request->path, "/never") == 0 ? HTTP_FAULT_NEVER : out->fault;
    http_answer_header(out, "content-type", "application/json");
    kk_buf_append_text(&out->body, "{\"path\":\"");
    kk_buf_append_text(&out->body, request->path);
    kk_buf_append_text(&out->body, "\"}");
}

static void world_open(world *self, unsigned requests)
{
    kk_error err = {0};
    *self = (world){0};
    http_server_options options = {.handler = answer, .context = self};
    assert_ok(http_server_start(&options, &self->server, &err), &err);
    unlink(scratch_path(&room, "access.log"));
    self->front = nginx_start(room.dir, http_server_url(self->server), requests);
    snprintf(self->ca_file, sizeof self->ca_file, "%s", scratch_path(&room, "ca.pem"));
    self->live = live_fixture_open(self->ca_file, NULL);
}

static void world_close(world *self)
{
    live_fixture_close(self->live);
    nginx_stop(&self->front);
    http_server_stop(self->server);
}

static kk_code send_within(world *self, const char *method, const char *path, uint64_t timeout_ms)
{
    char url[128];
    snprintf(url, sizeof url, "%s%s", self->front.url, path);
    kk_request request = {.method = method, .url = url, .deadline_ms = live_now_ms() + timeout_ms};
    return live_send_request(self->live, &request);
}

// ---- Many at once

typedef struct sender {
    world *world;
    const char *path;
    int times;
    int failed;
} sender;

static void *send_all(void *context)
{
    sender *self = context;
    kk_transport *transport = self->world->live->transport;
    char url[128];
    snprintf(url, sizeof url, "%s%s", self->world->front.url, self->path);
    for (int i = 0; i < self->times; i++) {
        kk_request request = {.method = "GET", .url = url, .deadline_ms = live_now_ms() + 60000};
        kk_response response = {0};
        kk_error err = {0};
        kk_code code = transport->table->send(transport, &request, &response, &err);
        self->failed += code != KK_OK || response.status != 200 || response.body.len == 0;
        transport->table->response_clean(transport, &response);
    }
    return NULL;
}

static void send_from_threads(world *self, size_t threads, const char *path, int times)
{
    static pthread_t ids[IN_FLIGHT];
    static sender senders[IN_FLIGHT];
    for (size_t i = 0; i < threads; i++) {
        senders[i] = (sender){.world = self, .path = path, .times = times};
        assert_int_equal(pthread_create(&ids[i], NULL, send_all, &senders[i]), 0);
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(senders[i].failed, 0);
    }
}

static void test_live_http2__64_in_flight_share_one_connection(void **state)
{
    (void)state;
    static nginx_entry entries[IN_FLIGHT];
    world self;
    world_open(&self, 0);
    send_from_threads(&self, IN_FLIGHT, "/slow", 1);
    nginx_log(&self.front, entries, IN_FLIGHT);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        assert_string_equal(entries[i].protocol, "HTTP/2.0");
        assert_int_equal(entries[i].status, 200);
    }
    assert_int_equal(nginx_connections(entries, IN_FLIGHT), 1);
    // They were under way together, and not one after the other.
    assert_true(atomic_load(&self.most) > 1);
    print_message("          %d at once, on one connection\n", atomic_load(&self.most));
    world_close(&self);
}

static void test_live_http2__one_after_the_other_share_it_too(void **state)
{
    (void)state;
    static nginx_entry entries[20];
    world self;
    world_open(&self, 0);
    for (int i = 0; i < 20; i++) {
        assert_ok(send_within(&self, "GET", "/things", 20000), &self.live->err);
        assert_string_equal(self.live->response.body.ptr, "{\"path\":\"/things\"}");
        assert_string_equal(live_header(self.live, "content-type"), "application/json");
    }
    nginx_log(&self.front, entries, 20);
    assert_int_equal(nginx_connections(entries, 20), 1);
    world_close(&self);
}

// The server says after ten requests that it takes no more on this connection.
static void test_live_http2__requests_outlive_a_goaway(void **state)
{
    (void)state;
    static nginx_entry entries[64];
    world self;
    world_open(&self, 10);
    send_from_threads(&self, 8, "/things", 8);
    nginx_log(&self.front, entries, 64);
    assert_in_range(nginx_connections(entries, 64), 6, 64);
    world_close(&self);
}

// ---- Writes

static void test_live_http2__writes_go_alone_and_once(void **state)
{
    (void)state;
    static nginx_entry entries[6];
    static const char *const methods[] = {"GET", "POST", "GET", "PATCH", "PUT", "DELETE"};
    world self;
    world_open(&self, 0);
    for (size_t i = 0; i < 6; i++) {
        assert_ok(send_within(&self, methods[i], "/things", 20000), &self.live->err);
    }
    nginx_log(&self.front, entries, 6);
    for (size_t i = 0; i < 6; i++) {
        bool reads = strcmp(entries[i].method, "GET") == 0;
        assert_string_equal(entries[i].protocol, reads ? "HTTP/2.0" : "HTTP/1.1");
    }
    assert_int_equal(nginx_connections(entries, 6), 5);
    assert_int_equal(http_server_requests(self.server), 6);
    world_close(&self);
}

// ---- One stream ends badly

static void test_live_http2__bad_stream_leaves_the_connection_alone(void **state)
{
    (void)state;
    static nginx_entry entries[4];
    world self;
    world_open(&self, 0);
    assert_ok(send_within(&self, "GET", "/things", 20000), &self.live->err);
    assert_code(send_within(&self, "GET", "/half", 20000), KK_ERR_TRUNCATED);
    assert_int_equal(self.live->sent, KK_SENT_MAYBE);
    assert_code(send_within(&self, "GET", "/never", 300), KK_ERR_TIMEOUT);
    assert_int_equal(self.live->sent, KK_SENT_MAYBE);
    assert_ok(send_within(&self, "GET", "/things", 20000), &self.live->err);
    nginx_log(&self.front, entries, 4);
    assert_int_equal(nginx_connections(entries, 4), 1);
    world_close(&self);
}

static void test_live_http2__server_that_goes_away_is_reset(void **state)
{
    (void)state;
    world self;
    world_open(&self, 0);
    assert_ok(send_within(&self, "GET", "/things", 20000), &self.live->err);
    nginx_stop(&self.front);
    assert_code(send_within(&self, "GET", "/things", 20000), KK_ERR_CONNECT);
    self.front = nginx_start(room.dir, http_server_url(self.server), 0);
    assert_ok(send_within(&self, "GET", "/things", 20000), &self.live->err);
    world_close(&self);
}

static int set_up(void **state)
{
    (void)state;
    kk_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    scratch_init(&room);
    return test_ca_write(room.dir, NULL, &err) == KK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_clean(&room);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_http2__64_in_flight_share_one_connection),
        cmocka_unit_test(test_live_http2__one_after_the_other_share_it_too),
        cmocka_unit_test(test_live_http2__requests_outlive_a_goaway),
        cmocka_unit_test(test_live_http2__writes_go_alone_and_once),
        cmocka_unit_test(test_live_http2__bad_stream_leaves_the_connection_alone),
        cmocka_unit_test(test_live_http2__server_that_goes_away_is_reset),
    };
    return cmocka_run_group_tests_name("live_http2", tests, set_up, tear_down);
}
