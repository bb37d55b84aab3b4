// The live transport against servers that misbehave.
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

// One request to a server of its own, and what came of it.
typedef struct exchange {
    live_fixture *live;
    wire_server *server;
    kk_code code;
    uint64_t took_ms;
} exchange;

static exchange exchange_within(wire_script script, const char *method, int timeout_ms,
                                kk_cancel *cancel)
{
    exchange self = {.live = live_fixture_open(NULL, NULL), .server = wire_server_start(script)};
    assert_non_null(self.server);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/things?key=hidden",
             wire_server_port(self.server));
    uint64_t start_ms = live_now_ms();
    kk_request request = {.method = method,
                          .url = url,
                          .deadline_ms = start_ms + (uint64_t)timeout_ms,
                          .cancel = cancel};
    self.code = live_send_request(self.live, &request);
    self.took_ms = live_now_ms() - start_ms;
    return self;
}

static exchange exchange_with(wire_script script, const char *method)
{
    return exchange_within(script, method, 10000, NULL);
}

static void exchange_end(exchange *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

// Checks a failure's code and message, and that nothing of the query is in it.
static void assert_failed(const exchange *self, kk_code code, kk_sent sent, const char *part)
{
    const kk_error *err = &self->live->err;
    assert_code(self->code, code);
    assert_int_equal(self->live->sent, sent);
    assert_holds(err->message, "127.0.0.1/v1/things: ");
    assert_holds(err->message, part);
    assert_null(strstr(err->message, "hidden"));
}

static void redirect(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 302 Found\r\n"
                             "Location: http://elsewhere.example/x?token=hidden\r\n"
                             "Content-Length: 0\r\n\r\n");
    }
}

static void test_live_faults__redirect_is_refused_and_not_followed(void **state)
{
    (void)state;
    const char *const methods[] = {"GET", "POST", "HEAD", "DELETE"};
    for (size_t i = 0; i < 4; i++) {
        exchange self = exchange_with(redirect, methods[i]);
        assert_failed(&self, KK_ERR_REDIRECT_REFUSED, KK_SENT_YES, "302, a redirect to elsewhere");
        assert_int_equal(wire_server_requests(self.server), 1);
        exchange_end(&self);
    }
}

static void redirect_to_self(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 301 Moved\r\nLocation: /again\r\n"
                             "Content-Length: 0\r\n\r\n");
    }
}

static void test_live_faults__redirect_to_the_same_host_is_refused(void **state)
{
    (void)state;
    exchange self = exchange_with(redirect_to_self, "GET");
    assert_failed(&self, KK_ERR_REDIRECT_REFUSED, KK_SENT_YES, "301, a redirect to 127.0.0.1");
    assert_int_equal(wire_server_requests(self.server), 1);
    exchange_end(&self);
}

// Sends a hundred megabytes at most, in chunks.
static void endless_body(wire_connection *self)
{
    static char chunk[0x10000];
    memset(chunk, 'x', sizeof chunk);
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    bool taken = true;
    for (int i = 0; i < 1600 && taken; i++) {
        taken = wire_send_text(self, "10000\r\n") && wire_send(self, chunk, sizeof chunk) &&
                wire_send_text(self, "\r\n");
    }
}

// As much without saying how much, which only the end of the connection would tell.
static void unmeasured_body(wire_connection *self)
{
    static char part[0x10000];
    memset(part, 'x', sizeof part);
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 1600 && wire_send(self, part, sizeof part); i++) {
    }
}

static void test_live_faults__body_over_the_limit_is_too_large(void **state)
{
    (void)state;
    const wire_script scripts[] = {endless_body, unmeasured_body};
    for (size_t i = 0; i < 2; i++) {
        exchange self = exchange_with(scripts[i], "GET");
        assert_failed(&self, KK_ERR_TOO_LARGE, KK_SENT_YES, "over the limit of 16 MiB");
        exchange_end(&self);
    }
}

// Appends bits in the order in which deflate reads them.
static void put_bits(unsigned char *out, size_t *bit, const char *bits)
{
    for (; *bits != '\0'; bits++, *bit += 1) {
        if (*bits == '1') {
            out[*bit / 8] |= (unsigned char)(1u << (*bit % 8));
        }
    }
}

// A body of 64 MB that is half a megabyte on the wire: one zero, then 258 times the same as before,
// again and again.
static void bomb(wire_connection *self)
{
    enum { REPEATS = (64 << 20) / 258 };
    static const unsigned char gzip_head[10] = {0x1F, 0x8B, 8, [9] = 3};
    size_t size = sizeof gzip_head + REPEATS * 13 / 8 + 16;
    unsigned char *packed = calloc(1, size);
    assert_non_null(packed);
    memcpy(packed, gzip_head, sizeof gzip_head);
    size_t bit = 8 * sizeof gzip_head;
    put_bits(packed, &bit, "11000110000");
    for (int i = 0; i < REPEATS; i++) {
        put_bits(packed, &bit, "1100010100000");
    }
    char head[128];
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", size);
    wire_read(self);
    wire_send_text(self, head);
    wire_send(self, (const char *)packed, size);
    free(packed);
}

static void test_live_faults__gzip_bomb_is_too_large(void **state)
{
    (void)state;
    exchange self = exchange_with(bomb, "GET");
    assert_failed(&self, KK_ERR_TOO_LARGE, KK_SENT_YES, "over the limit of 16 MiB");
    exchange_end(&self);
}

static void announce_too_much(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabc");
    wire_wait(self);
}

static void test_live_faults__announced_length_over_the_limit_is_too_large(void **state)
{
    (void)state;
    exchange self = exchange_with(announce_too_much, "GET");
    assert_failed(&self, KK_ERR_TOO_LARGE, KK_SENT_YES, "over the limit of 16 MiB");
    exchange_end(&self);
}

static void half_body(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
}

static void half_chunk(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf of it");
}

static void reset_in_body(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
    usleep(20000);
    wire_reset(self);
}

static void test_live_faults__answer_that_ends_early_is_truncated(void **state)
{
    (void)state;
    const wire_script scripts[] = {half_body, half_chunk, reset_in_body};
    for (size_t i = 0; i < 3; i++) {
        exchange self = exchange_with(scripts[i], "GET");
        assert_failed(&self, KK_ERR_TRUNCATED, KK_SENT_MAYBE, "ended early");
        exchange_end(&self);
    }
}

static void close_at_once(wire_connection *self)
{
    wire_read(self);
}

static void reset_at_once(wire_connection *self)
{
    wire_read(self);
    wire_reset(self);
}

static void test_live_faults__closing_without_an_answer_is_reset(void **state)
{
    (void)state;
    const wire_script scripts[] = {close_at_once, reset_at_once};
    for (size_t i = 0; i < 4; i++) {
        exchange self = exchange_with(scripts[i % 2], i < 2 ? "GET" : "POST");
        assert_failed(&self, KK_ERR_RESET, KK_SENT_MAYBE, "before an answer came");
        assert_int_equal(wire_server_requests(self.server), 1);
        exchange_end(&self);
    }
}

// Answers the first request of a connection and reads the second without answering.
static void drop_second(wire_connection *self)
{
    if (wire_read(self)) {
        bool is_write = strncmp(self->request, "GET", 3) != 0;
        if (!is_write) {
            wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            wire_read(self);
        }
    }
}

static void test_live_faults__write_on_a_dying_connection_is_delivered_once(void **state)
{
    (void)state;
    const char *const methods[] = {"POST", "PATCH", "PUT", "DELETE"};
    for (size_t i = 0; i < 4; i++) {
        exchange self = exchange_with(drop_second, "GET");
        assert_ok(self.code, &self.live->err);
        self.code = live_send(self.live, methods[i], wire_server_port(self.server), "/v1/things");
        assert_failed(&self, KK_ERR_RESET, KK_SENT_MAYBE, "before an answer came");
        assert_int_equal(wire_server_requests(self.server), 2);
        exchange_end(&self);
    }
}

static void say_nothing(wire_connection *self)
{
    wire_read(self);
    wire_wait(self);
}

static void drip(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (wire_send_text(self, ".")) {
        usleep(10000);
    }
}

static void test_live_faults__silence_and_dripping_end_at_the_deadline(void **state)
{
    (void)state;
    const wire_script scripts[] = {say_nothing, drip};
    for (size_t i = 0; i < 2; i++) {
        exchange self = exchange_within(scripts[i], "GET", 300, NULL);
        assert_failed(&self, KK_ERR_TIMEOUT, KK_SENT_MAYBE, "before the deadline");
        assert_in_range(self.took_ms, 300, 3000);
        exchange_end(&self);
    }
}

static void test_live_faults__deadline_in_the_past_sends_nothing(void **state)
{
    (void)state;
    exchange self = exchange_within(say_nothing, "GET", -1, NULL);
    assert_failed(&self, KK_ERR_TIMEOUT, KK_SENT_NO, "before the deadline");
    assert_int_equal(wire_server_connections(self.server), 0);
    exchange_end(&self);
}

// Later than libcurl's own first timers, which would wake the thread as well.
static void *raise_soon(void *context)
{
    usleep(300000);
    kk_cancel_raise(context);
    return NULL;
}

static void test_live_faults__cancel_from_another_thread_ends_the_wait(void **state)
{
    (void)state;
    kk_cancel *cancel = kk_cancel_new();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, cancel), 0);
    exchange self = exchange_within(say_nothing, "GET", 20000, cancel);
    pthread_join(thread, NULL);
    assert_failed(&self, KK_ERR_CANCELLED, KK_SENT_MAYBE, "cancelled");
    assert_in_range(self.took_ms, 0, 3000);
    exchange_end(&self);
    kk_cancel_free(cancel);
}

static void test_live_faults__cancelled_before_sends_nothing(void **state)
{
    (void)state;
    kk_cancel *cancel = kk_cancel_new();
    kk_cancel_raise(cancel);
    exchange self = exchange_within(say_nothing, "GET", 20000, cancel);
    assert_failed(&self, KK_ERR_CANCELLED, KK_SENT_NO, "cancelled");
    assert_int_equal(wire_server_connections(self.server), 0);
    exchange_end(&self);
    kk_cancel_free(cancel);
}

static void many_headers(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < KK_HEADER_COUNT_MAX && wire_send_text(self, "X-More: 1\r\n"); i++) {
    }
    wire_send_text(self, "Content-Length: 0\r\n\r\n");
}

static void long_headers(wire_connection *self)
{
    char value[8192];
    memset(value, 'x', sizeof value);
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\n");
    bool taken = true;
    for (int i = 0; i < 1000 && taken; i++) {
        taken = wire_send_text(self, "X-Long: ") && wire_send(self, value, sizeof value) &&
                wire_send_text(self, "\r\n");
    }
}

static void endless_header(wire_connection *self)
{
    char part[8192];
    memset(part, 'x', sizeof part);
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nX-Endless: ");
    for (int i = 0; i < 1000 && wire_send(self, part, sizeof part); i++) {
    }
}

static void endless_interim(wire_connection *self)
{
    wire_read(self);
    for (int i = 0; i < 100000 && wire_send_text(self, "HTTP/1.1 103 Hints\r\n\r\n"); i++) {
    }
}

static void test_live_faults__header_over_the_limit_is_too_large(void **state)
{
    (void)state;
    const wire_script scripts[] = {many_headers, long_headers, endless_interim, endless_header};
    for (size_t i = 0; i < 4; i++) {
        exchange self = exchange_with(scripts[i], "GET");
        assert_code(self.code, KK_ERR_TOO_LARGE);
        assert_int_not_equal(self.live->sent, KK_SENT_NO);
        assert_holds(self.live->err.message, i < 3 ? "over the limit of 200 fields and 64 KiB"
                                                   : "a line of the answer's header is too long");
        exchange_end(&self);
    }
}

// The status and the empty line count as lines too.
static void headers_to_the_limit(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
    for (int i = 3; i < KK_HEADER_COUNT_MAX; i++) {
        wire_send_text(self, "X-More: 1\r\n");
    }
    wire_send_text(self, "\r\n");
}

static void test_live_faults__header_up_to_the_limit_is_taken(void **state)
{
    (void)state;
    exchange self = exchange_with(headers_to_the_limit, "GET");
    assert_ok(self.code, &self.live->err);
    assert_int_equal(self.live->response.header_count, KK_HEADER_COUNT_MAX - 2);
    exchange_end(&self);
}

static void not_http(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "<html>hello</html>");
}

static void damaged_gzip(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n"
                         "not gzip!");
}

static void odd_status(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 799 Odd\r\nContent-Length: 0\r\n\r\n");
}

static void test_live_faults__what_is_not_http_is_protocol(void **state)
{
    (void)state;
    const wire_script scripts[] = {not_http, damaged_gzip, odd_status};
    const char *const parts[] = {"the answer is not HTTP", "the answer's compression is damaged",
                                 "the answer's status is not one of HTTP"};
    for (size_t i = 0; i < 3; i++) {
        exchange self = exchange_with(scripts[i], "GET");
        assert_code(self.code, KK_ERR_PROTOCOL);
        assert_holds(self.live->err.message, parts[i]);
        assert_int_not_equal(self.live->sent, KK_SENT_NO);
        exchange_end(&self);
    }
}

static void test_live_faults__closed_port_is_connect_and_unsent(void **state)
{
    (void)state;
    wire_server *server = wire_server_start(say_nothing);
    unsigned port = wire_server_port(server);
    wire_server_stop(server);
    exchange self = {.live = live_fixture_open(NULL, NULL)};
    self.code = live_send(self.live, "POST", port, "/v1/things");
    assert_failed(&self, KK_ERR_CONNECT, KK_SENT_NO, "Connection refused");
    live_fixture_close(self.live);
}

static void test_live_faults__unknown_name_is_dns_and_unsent(void **state)
{
    (void)state;
    live_fixture *live = live_fixture_open(NULL, NULL);
    // A name without an answer on any network, kept from the wire by its length: a label has 63
    // bytes at most.
    kk_request request = {.method = "GET",
                          .url =
                              "https://"
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                              ".invalid/v1",
                          .deadline_ms = live_now_ms() + 10000};
    assert_code(live_send_request(live, &request), KK_ERR_DNS);
    assert_int_equal(live->sent, KK_SENT_NO);
    live_fixture_close(live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_faults__redirect_is_refused_and_not_followed),
        cmocka_unit_test(test_live_faults__redirect_to_the_same_host_is_refused),
        cmocka_unit_test(test_live_faults__body_over_the_limit_is_too_large),
        cmocka_unit_test(test_live_faults__gzip_bomb_is_too_large),
        cmocka_unit_test(test_live_faults__announced_length_over_the_limit_is_too_large),
        cmocka_unit_test(test_live_faults__answer_that_ends_early_is_truncated),
        cmocka_unit_test(test_live_faults__closing_without_an_answer_is_reset),
        cmocka_unit_test(test_live_faults__write_on_a_dying_connection_is_delivered_once),
        cmocka_unit_test(test_live_faults__silence_and_dripping_end_at_the_deadline),
        cmocka_unit_test(test_live_faults__deadline_in_the_past_sends_nothing),
        cmocka_unit_test(test_live_faults__cancel_from_another_thread_ends_the_wait),
        cmocka_unit_test(test_live_faults__cancelled_before_sends_nothing),
        cmocka_unit_test(test_live_faults__header_over_the_limit_is_too_large),
        cmocka_unit_test(test_live_faults__header_up_to_the_limit_is_taken),
        cmocka_unit_test(test_live_faults__what_is_not_http_is_protocol),
        cmocka_unit_test(test_live_faults__closed_port_is_connect_and_unsent),
        cmocka_unit_test(test_live_faults__unknown_name_is_dns_and_unsent),
    };
    return cmocka_run_group_tests_name("live_faults", tests, NULL, NULL);
}
