// Where the live transport lets a request go, and what it lets a request hold.
#include "live.h"
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void answer_things(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
}

// A server and a transport that may speak to it.
typedef struct pair {
    wire_server *server;
    live_fixture *live;
    char resolve[128];
} pair;

// To the transport, [name] resolves to [address] at the server's port; both may be NULL.
static void pair_open(pair *self, const char *name, const char *address)
{
    self->server = wire_server_start(answer_things);
    assert_non_null(self->server);
    if (name != NULL) {
        snprintf(self->resolve, sizeof self->resolve, "%s:%u:%s", name,
                 wire_server_port(self->server), address);
    }
    self->live = live_fixture_open(NULL, name != NULL ? self->resolve : NULL);
}

static void pair_close(pair *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

// GET of [path] at [origin], whose port is the server's.
static kk_code get(pair *self, const char *origin, const char *path)
{
    char url[256];
    snprintf(url, sizeof url, "%s:%u%s", origin, wire_server_port(self->server), path);
    kk_request request = {.method = "GET", .url = url, .deadline_ms = live_now_ms() + 10000};
    return live_send_request(self->live, &request);
}

static void test_live_reach__plain_http_leaves_only_for_loopback(void **state)
{
    (void)state;
    // The name would lead to the server, were it ever looked up.
    pair self = {0};
    pair_open(&self, "service.example", "127.0.0.1");
    const char *const origins[] = {
        "http://service.example", "http://10.0.0.1", "http://localhost.example",
        "http://128.0.0.1",       "http://[::2]",    "http://[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        assert_code(get(&self, origins[i], "/things"), KK_ERR_DENIED);
        assert_holds(self.live->err.message, "plain http to '");
        assert_int_equal(self.live->sent, KK_SENT_NO);
    }
    assert_ok(get(&self, "http://127.0.0.1", "/things"), &self.live->err);
    assert_ok(get(&self, "http://LOCALHOST", "/things"), &self.live->err);
    assert_int_equal(wire_server_requests(self.server), 2);
    pair_close(&self);
}

static void test_live_reach__other_urls_are_denied(void **state)
{
    (void)state;
    pair self = {0};
    pair_open(&self, NULL, NULL);
    const char *const urls[] = {"ftp://localhost/x",
                                "file:///etc/passwd",
                                "localhost/x",
                                "",
                                "https://",
                                "http://user@127.0.0.1/x",
                                "https://u:p@localhost/x",
                                "https://local\r\nhost/x",
                                "http://127.0.0.1/x HTTP/1.1\r\nX-A: b\r\n",
                                "http://127.0.0.1/x\r\nX-A: b",
                                "http://127.0.0.1/x\n",
                                "http://127.0.0.1/x?q=a\rb",
                                "http://127.0.0.1/x?q=a b",
                                "http://127.0.0.1/x\x7f"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        kk_request request = {.method = "GET", .url = urls[i], .deadline_ms = UINT64_MAX};
        assert_code(live_send_request(self.live, &request), KK_ERR_DENIED);
        assert_int_equal(self.live->sent, KK_SENT_NO);
    }
    pair_close(&self);
}

static void test_live_reach__bytes_that_could_forge_a_field_are_denied(void **state)
{
    (void)state;
    pair self = {0};
    pair_open(&self, NULL, NULL);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u", wire_server_port(self.server));
    const kk_header bad[] = {{"X-A", "v\r\nX-B: c"}, {"X-A\r\nX-B", "c"}, {"X A", "c"}, {"", "c"},
                             {"X-A:", "c"},          {"X-A", "\x7f"},     {"X-A", "\n"}};
    for (size_t i = 0; i < 2 * sizeof bad / sizeof bad[0]; i++) {
        const kk_header *field = &bad[i / 2];
        kk_request request = {.method = "GET",
                              .url = url,
                              .headers = field,
                              .header_count = i % 2,
                              .deadline_ms = UINT64_MAX};
        request.credential = i % 2 == 0 ? *field : (kk_header){0};
        assert_code(live_send_request(self.live, &request), KK_ERR_DENIED);
    }
    kk_request request = {
        .method = "GET /x HTTP/1.1\r\nX-A: b\r\n", .url = url, .deadline_ms = UINT64_MAX};
    assert_code(live_send_request(self.live, &request), KK_ERR_DENIED);
    assert_int_equal(wire_server_requests(self.server), 0);
    pair_close(&self);
}

// A name that resolves to [address] is not connected to.
static void assert_name_is_refused(const char *name, const char *address)
{
    char origin[64];
    pair self = {0};
    pair_open(&self, name, address);
    snprintf(origin, sizeof origin, "https://%s", name);
    assert_code(get(&self, origin, "/things"), KK_ERR_DENIED);
    assert_holds(self.live->err.message, "the name resolves to an address");
    assert_int_equal(self.live->sent, KK_SENT_NO);
    assert_int_equal(wire_server_connections(self.server), 0);
    pair_close(&self);
}

static void test_live_reach__public_name_with_an_inner_address_is_denied(void **state)
{
    (void)state;
    assert_name_is_refused("service.example", "127.0.0.1");
    assert_name_is_refused("service.example", "127.0.0.1,10.0.0.1");
    assert_name_is_refused("service.example", "[::1]");
    assert_name_is_refused("service.example", "[::ffff:127.0.0.1]");
    assert_name_is_refused("service.example", "169.254.169.254");
    // And the other way round: what may be asked in plain text stays on this machine.
    assert_name_is_refused("localhost", "192.0.2.1");
}

// What the socket callback says of [address] for a request of that reach.
static bool is_let_through(kk_live_reach reach, const char *text)
{
    kk_live_job job = {.target = {.reach = reach}};
    struct curl_sockaddr_storage {
        struct curl_sockaddr head;
        struct sockaddr_storage room;
    } address = {.head = {.socktype = SOCK_STREAM, .protocol = IPPROTO_TCP}};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        address.head.family = AF_INET;
        memcpy((char *)&address + offsetof(struct curl_sockaddr, addr), &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        address.head.family = AF_INET6;
        memcpy((char *)&address + offsetof(struct curl_sockaddr, addr), &v6, sizeof v6);
    }
    curl_socket_t fd = kk_live_open_socket(&job, CURLSOCKTYPE_IPCXN, &address.head);
    bool opened = fd != CURL_SOCKET_BAD;
    assert_int_equal(job.address_refused, !opened);
    if (opened) {
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
    return opened;
}

static void test_live_reach__addresses_are_judged_by_where_they_lead(void **state)
{
    (void)state;
    const char *const inner[] = {"0.0.0.0",         "10.1.2.3",    "100.64.0.1",
                                 "127.8.8.8",       "169.254.1.1", "172.16.0.1",
                                 "172.31.255.255",  "192.168.1.1", "224.0.0.1",
                                 "255.255.255.255", "::",          "::1",
                                 "::ffff:8.8.8.8",  "fe80::1",     "fc00::1",
                                 "fd12::1",         "ff02::1",     "64:ff9b::a00:1",
                                 "2002:a00:1::1",   "192.0.2.1",   "198.51.100.7",
                                 "203.0.113.1",     "2001::1",     "2001:1ff::1",
                                 "2001:db8::1",     "3fff:fff::1"};
    const char *const outer[] = {"8.8.8.8",         "172.15.255.255", "172.32.0.0",
                                 "100.128.0.1",     "192.167.1.1",    "11.0.0.1",
                                 "223.255.255.255", "9.255.255.255",  "192.0.3.1",
                                 "198.51.101.1",    "203.0.112.1"};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
        assert_false(is_let_through(KK_LIVE_REACH_PUBLIC, inner[i]));
    }
    for (size_t i = 0; i < sizeof outer / sizeof outer[0]; i++) {
        assert_true(is_let_through(KK_LIVE_REACH_PUBLIC, outer[i]));
        assert_false(is_let_through(KK_LIVE_REACH_LOOPBACK, outer[i]));
    }
    assert_true(is_let_through(KK_LIVE_REACH_LOOPBACK, "127.9.9.9"));
    assert_true(is_let_through(KK_LIVE_REACH_ANY, "10.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_reach__plain_http_leaves_only_for_loopback),
        cmocka_unit_test(test_live_reach__other_urls_are_denied),
        cmocka_unit_test(test_live_reach__bytes_that_could_forge_a_field_are_denied),
        cmocka_unit_test(test_live_reach__public_name_with_an_inner_address_is_denied),
        cmocka_unit_test(test_live_reach__addresses_are_judged_by_where_they_lead),
    };
    return cmocka_run_group_tests_name("live_reach", tests, NULL, NULL);
}
