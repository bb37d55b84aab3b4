// The live transport and those who ask who we are: proxies of all kinds, and a service that wants
// more than the credential.
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <stdlib.h>
#include <unistd.h>

typedef struct exchange {
    live_fixture *live;
    wire_server *server; // the proxy
    char proxy[64];
} exchange;

static void set_up(exchange *self, wire_script script, const char *scheme)
{
    self->live = live_fixture_open(NULL, NULL);
    self->server = wire_server_start(script);
    assert_non_null(self->server);
    snprintf(self->proxy, sizeof self->proxy, "%s127.0.0.1:%u", scheme,
             wire_server_port(self->server));
    self->live->host.proxy = self->proxy;
}

static void tear_down(exchange *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

static kk_code send_through(exchange *self)
{
    kk_request request = {.method = "GET",
                          .url = "https://service.example/v1/things",
                          .credential = {"Authorization", "hidden"},
                          .deadline_ms = live_now_ms() + 10000};
    return live_send_request(self->live, &request);
}

static char proxied[16384];

static void keep_request(wire_connection *self)
{
    if (wire_read(self)) {
        memcpy(proxied, self->request, sizeof proxied);
        wire_send_text(self, "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n");
    }
}

static void odd_status(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n");
}

static void test_live_proxy__sees_neither_credential_nor_loopback(void **state)
{
    (void)state;
    exchange self;
    set_up(&self, keep_request, "http://");
    wire_server *direct = wire_server_start(odd_status);
    // The environment has no exceptions to make either.
    setenv("no_proxy", "*", 1);
    setenv("NO_PROXY", "*", 1);
    assert_code(send_through(&self), KK_ERR_CONNECT);
    assert_holds(self.live->err.message, "GET service.example/v1/things: the proxy refused");
    assert_code(live_send(self.live, "GET", wire_server_port(direct), "/"), KK_ERR_PROTOCOL);
    assert_int_equal(wire_server_requests(self.server), 1);
    assert_int_equal(wire_server_requests(direct), 1);
    tear_down(&self);
    wire_server_stop(direct);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    assert_holds(proxied, "CONNECT service.example:443 HTTP/1.1\r\n");
    assert_null(strstr(proxied, "hidden"));
}

static void ask_for_all(wire_connection *self)
{
    while (wire_read(self)) {
        bool is_proxy = strncmp(self->request, "CONNECT ", 8) == 0;
        wire_send_text(self, is_proxy ? "HTTP/1.1 407 Who\r\n" : "HTTP/1.1 401 Who\r\n");
        wire_send_text(self,
                       "WWW-Authenticate: Negotiate, NTLM, Digest realm=\"a\", nonce=\"b\"\r\n"
                       "Proxy-Authenticate: Negotiate\r\n"
                       "Proxy-Authenticate: NTLM\r\n"
                       "Proxy-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n"
                       "Content-Length: 0\r\n\r\n");
    }
}

static void test_live_proxy__no_other_way_than_the_password_is_tried(void **state)
{
    (void)state;
    exchange self;
    set_up(&self, ask_for_all, "http://name:word@");
    assert_code(send_through(&self), KK_ERR_CONNECT);
    assert_int_equal(wire_server_requests(self.server), 1);
    // Nor with a service.
    assert_code(live_send(self.live, "GET", wire_server_port(self.server), "/"), KK_OK);
    assert_int_equal(self.live->response.status, 401);
    assert_int_equal(wire_server_requests(self.server), 2);
    tear_down(&self);
}

// Ways of SOCKS: 0 is none, 2 a name and a password, 1 Kerberos; 255 is no to all.
static char chosen_way;
static char greeting[64];
static ssize_t greeting_len;

static void keep_greeting(wire_connection *self)
{
    greeting_len = read(self->fd, greeting, sizeof greeting);
    wire_send(self, (const char[]){5, chosen_way}, 2);
}

static void test_live_proxy__socks_is_offered_no_kerberos(void **state)
{
    (void)state;
    const char ways[] = {(char)255, 1};
    for (size_t i = 0; i < sizeof ways; i++) {
        exchange self;
        chosen_way = ways[i];
        set_up(&self, keep_greeting, "socks5h://name:word@");
        assert_code(send_through(&self), KK_ERR_CONNECT);
        tear_down(&self);
        assert_true(greeting_len > 2 && greeting_len == 2 + greeting[1]);
        assert_int_equal(greeting[0], 5);
        assert_null(memchr(greeting + 2, 1, (size_t)greeting[1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_proxy__sees_neither_credential_nor_loopback),
        cmocka_unit_test(test_live_proxy__no_other_way_than_the_password_is_tried),
        cmocka_unit_test(test_live_proxy__socks_is_offered_no_kerberos),
    };
    return cmocka_run_group_tests_name("live_proxy", tests, NULL, NULL);
}
