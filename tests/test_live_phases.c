// The live transport while a connection goes wrong in each of its phases, and what one exchange
// must not leave behind for the next.
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct pair {
    live_fixture *live;
    wire_server *server;
} pair;

static pair pair_open(wire_script script)
{
    pair self = {live_fixture_open(NULL, NULL), wire_server_start(script)};
    assert_non_null(self.server);
    return self;
}

static void pair_close(pair *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

static kk_code send_to(pair *self, const char *method, const char *scheme, int timeout_ms)
{
    static const kk_header fields[] = {{"X-Api-Key", "hidden"}};
    char url[64];
    snprintf(url, sizeof url, "%s://127.0.0.1:%u/v1/things", scheme,
             wire_server_port(self->server));
    kk_request request = {.method = method,
                          .url = url,
                          .headers = fields,
                          .header_count = 1,
                          .credential = {"Authorization", "hidden"},
                          .deadline_ms = live_now_ms() + (uint64_t)timeout_ms};
    return live_send_request(self->live, &request);
}

static kk_code get(pair *self)
{
    return send_to(self, "GET", "http", 10000);
}

// ---- Redirects: no status, no target and no method makes anything go anywhere

static char redirect_head[256];

static void redirect(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, redirect_head);
    }
}

static void answer(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
}

static void check_redirect(const char *method, unsigned status, const char *target)
{
    pair self = pair_open(redirect);
    wire_server *other = wire_server_start(answer);
    char location[128];
    unsigned port = wire_server_port(target[0] == 'o' ? other : self.server);
    const char *host = strcmp(target, "host") == 0 ? "localhost" : "127.0.0.1";
    const char *scheme = strcmp(target, "scheme") == 0 ? "https" : "http";
    snprintf(location, sizeof location, "%s://%s:%u/v1/things", scheme, host, port);
    snprintf(redirect_head, sizeof redirect_head,
             "HTTP/1.1 %u Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status,
             location);
    assert_code(send_to(&self, method, "http", 10000), KK_ERR_REDIRECT_REFUSED);
    assert_int_equal(self.live->sent, KK_SENT_YES);
    assert_holds(self.live->err.hint, "redirects are never followed");
    assert_int_equal(wire_server_requests(self.server), 1);
    assert_int_equal(wire_server_connections(self.server), 1);
    assert_int_equal(wire_server_connections(other), 0);
    pair_close(&self);
    wire_server_stop(other);
}

static void test_live_phases__no_redirect_is_followed(void **state)
{
    (void)state;
    static const char *const targets[] = {"same", "other port", "host", "scheme"};
    static const unsigned statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 5; j++) {
            check_redirect("GET", statuses[j], targets[i]);
            check_redirect("POST", statuses[j], targets[i]);
        }
    }
}

// ---- Phases

static void reset_before_reading(wire_connection *self)
{
    wire_reset(self);
}

static void reset_after_reading(wire_connection *self)
{
    wire_read(self);
    wire_reset(self);
}

static void reset_in_status_line(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.");
    usleep(20000);
    wire_reset(self);
}

static void reset_in_header(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Ty");
    usleep(20000);
    wire_reset(self);
}

static void close_in_header(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n");
}

static void close_after_interim(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

static void reset_after_interim(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    usleep(20000);
    wire_reset(self);
}

static void reset_after_header(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    usleep(20000);
    wire_reset(self);
}

static void reset_in_chunk_size(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n5");
    usleep(20000);
    wire_reset(self);
}

static void close_before_last_chunk(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n");
}

static void test_live_phases__every_break_has_its_code(void **state)
{
    (void)state;
    static const struct {
        wire_script script;
        kk_code code;
    } rows[] = {
        {reset_before_reading, KK_ERR_RESET},        {reset_after_reading, KK_ERR_RESET},
        {reset_in_status_line, KK_ERR_RESET},        {reset_in_header, KK_ERR_TRUNCATED},
        {close_in_header, KK_ERR_TRUNCATED},         {reset_after_interim, KK_ERR_TRUNCATED},
        {reset_after_header, KK_ERR_TRUNCATED},      {reset_in_chunk_size, KK_ERR_TRUNCATED},
        {close_before_last_chunk, KK_ERR_TRUNCATED}, {close_after_interim, KK_ERR_TRUNCATED},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        pair self = pair_open(rows[i / 2].script);
        kk_code code = send_to(&self, i % 2 == 0 ? "GET" : "POST", "http", 10000);
        // A reset that comes at once may be seen while libcurl still connects.
        bool unmade = i / 2 == 0 && code == KK_ERR_CONNECT && self.live->sent == KK_SENT_NO;
        if (code != rows[i / 2].code && !unmade) {
            fail_msg("row %zu: %s, %s", i / 2, kk_code_name(code), self.live->err.message);
        }
        // A write that was reset may have been done, however early it seemed to us.
        assert_int_not_equal(self.live->sent, KK_SENT_YES);
        assert_true(i / 2 == 0 || self.live->sent == KK_SENT_MAYBE);
        assert_true(wire_server_requests(self.server) <= 1);
        pair_close(&self);
    }
}

// ---- TLS that does not come about

static void wait_for_ever(wire_connection *self)
{
    wire_wait(self);
}

static void answer_an_alert(wire_connection *self)
{
    char hello[4096];
    (void)recv(self->fd, hello, sizeof hello, 0);
    wire_send(self, "\x15\x03\x01\x00\x02\x02\x28", 7); // fatal: handshake failure
}

static void reset_the_handshake(wire_connection *self)
{
    char hello[4096];
    (void)recv(self->fd, hello, sizeof hello, 0);
    wire_reset(self);
}

static void test_live_phases__broken_handshake_is_tls_and_unsent(void **state)
{
    (void)state;
    const wire_script scripts[] = {answer_an_alert, reset_the_handshake};
    for (size_t i = 0; i < 2; i++) {
        pair self = pair_open(scripts[i]);
        assert_code(send_to(&self, "POST", "https", 10000), KK_ERR_TLS);
        assert_int_equal(self.live->sent, KK_SENT_NO);
        pair_close(&self);
    }
}

static void test_live_phases__silent_handshake_ends_at_the_deadline_unsent(void **state)
{
    (void)state;
    pair self = pair_open(wait_for_ever);
    uint64_t start_ms = live_now_ms();
    assert_code(send_to(&self, "POST", "https", 300), KK_ERR_TIMEOUT);
    assert_int_equal(self.live->sent, KK_SENT_NO);
    assert_in_range(live_now_ms() - start_ms, 300, 3000);
    pair_close(&self);
}

// Without a deadline, or with one that is far, connecting has five seconds, TLS included.
static void test_live_phases__silent_handshake_ends_by_itself(void **state)
{
    (void)state;
    pair self = pair_open(wait_for_ever);
    uint64_t start_ms = live_now_ms();
    assert_code(send_to(&self, "GET", "https", 600000), KK_ERR_CONNECT);
    assert_int_equal(self.live->sent, KK_SENT_NO);
    assert_holds(self.live->err.message, "no connection within 5 seconds");
    assert_in_range(live_now_ms() - start_ms, 4500, 50000);
    pair_close(&self);
}

// A listener whose queue is full drops what wants to connect without a word.
static int full_listener(int *fillers, size_t count, unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    usleep(50000);
    *port = ntohs(address.sin_port);
    return fd;
}

static void test_live_phases__deadline_while_connecting_is_timeout_and_unsent(void **state)
{
    (void)state;
    int fillers[8];
    unsigned port = 0;
    int fd = full_listener(fillers, 8, &port);
    live_fixture *live = live_fixture_open(NULL, NULL);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/things", port);
    kk_request request = {.method = "POST", .url = url, .deadline_ms = live_now_ms() + 300};
    assert_code(live_send_request(live, &request), KK_ERR_TIMEOUT);
    assert_int_equal(live->sent, KK_SENT_NO);
    live_fixture_close(live);
    for (size_t i = 0; i < 8; i++) {
        close(fillers[i]);
    }
    close(fd);
}

// ---- Answers that contradict themselves

static const char *scripted;
static size_t scripted_len;

static void answer_as_scripted(wire_connection *self)
{
    if (wire_read(self)) {
        wire_send(self, scripted, scripted_len);
        usleep(20000);
    }
}

#define SCRIPT(literal)                                                                            \
    {                                                                                              \
        ("" literal), sizeof(literal) - 1                                                          \
    }
#define HEAD "HTTP/1.1 200 OK\r\n"

static void test_live_phases__contradictions_are_no_answers(void **state)
{
    (void)state;
    static const struct {
        kk_str bytes;
        kk_code code;
    } rows[] = {
        {SCRIPT(HEAD "Content-Length: -1\r\n\r\n{}"), KK_ERR_PROTOCOL},
        {SCRIPT(HEAD "Content-Length: 99999999999999999999999\r\n\r\n{}"), KK_ERR_TOO_LARGE},
        // libcurl does not tell a chunk that cannot be read from a connection that broke.
        {SCRIPT(HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), KK_ERR_TRUNCATED},
        {SCRIPT(HEAD "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n"), KK_ERR_TRUNCATED},
        {SCRIPT(HEAD "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}"),
         KK_ERR_TRUNCATED},
        {SCRIPT(HEAD "Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}"), KK_ERR_PROTOCOL},
        {SCRIPT(HEAD "X-Nul: a\0b\r\nContent-Length: 2\r\n\r\n{}"), KK_ERR_PROTOCOL},
        {SCRIPT("HTTP/1.1 200 OK"), KK_ERR_RESET},
        {SCRIPT("HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"), KK_ERR_PROTOCOL},
        {SCRIPT("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}"), KK_ERR_PROTOCOL},
        {SCRIPT("HTTP/1.1 0 OK\r\nContent-Length: 2\r\n\r\n{}"), KK_ERR_PROTOCOL},
        {SCRIPT("\r\n\r\n"), KK_ERR_PROTOCOL},
        {SCRIPT("\0\0\0\0\0\0\0\0"), KK_ERR_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scripted = rows[i].bytes.ptr;
        scripted_len = rows[i].bytes.len;
        pair self = pair_open(answer_as_scripted);
        kk_code code = get(&self);
        if (code != rows[i].code) {
            fail_msg("row %zu: %s, %s", i, kk_code_name(code), self.live->err.message);
        }
        pair_close(&self);
    }
}

// ---- Answers in parts

#define PACKED "\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0C\xbf\xa6\xa3\x02\0\0\0"

static void test_live_phases__packed_body_is_unpacked(void **state)
{
    (void)state;
    static const kk_str answers[] = {
        SCRIPT(HEAD "Content-Encoding: gzip\r\nContent-Length: 22\r\n\r\n" PACKED),
        SCRIPT(HEAD "Content-Encoding: deflate\r\nContent-Length: 10\r\n\r\n"
                    "\x78\x9c\xab\xae\x05\0\x01\x75\0\xf9"),
        SCRIPT(HEAD "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "16\r\n" PACKED "\r\n0\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        scripted = answers[i].ptr;
        scripted_len = answers[i].len;
        pair self = pair_open(answer_as_scripted);
        assert_ok(get(&self), &self.live->err);
        assert_string_equal(self.live->response.body.ptr, "{}");
        assert_int_equal(self.live->response.body.len, 2);
        pair_close(&self);
    }
}

// What stands before the answer's header or behind its body is none of its fields.
static void test_live_phases__interim_and_trailing_fields_are_left_out(void **state)
{
    (void)state;
    static const kk_str answer_in_parts =
        SCRIPT("HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
               "HTTP/1.1 103 Early Hints\r\nX-Early: 2\r\nX-Kind: early\r\n\r\n" HEAD
               "X-Kind: final\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n"
               "2\r\n{}\r\n0\r\nX-Late: 1\r\nX-Kind: late\r\n\r\n");
    scripted = answer_in_parts.ptr;
    scripted_len = answer_in_parts.len;
    pair self = pair_open(answer_as_scripted);
    assert_ok(get(&self), &self.live->err);
    assert_int_equal(self.live->response.status, 200);
    assert_string_equal(self.live->response.body.ptr, "{}");
    assert_null(live_header(self.live, "x-early"));
    assert_null(live_header(self.live, "x-late"));
    assert_string_equal(live_header(self.live, "x-kind"), "final");
    size_t kinds = 0;
    for (size_t i = 0; i < self.live->response.header_count; i++) {
        kinds += strcmp(self.live->response.headers[i].name, "x-kind") == 0;
    }
    assert_int_equal(kinds, 1);
    pair_close(&self);
}

// ---- Without a deadline

static void read_and_wait(wire_connection *self)
{
    wire_read(self);
    wire_wait(self);
}

static void drip(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, HEAD "Content-Length: 1000000\r\n\r\n");
    while (wire_send_text(self, ".")) {
        usleep(50000);
    }
}

static void *get_for_ever(void *context)
{
    pair *self = context;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/things", wire_server_port(self->server));
    kk_request request = {.method = "GET", .url = url, .deadline_ms = UINT64_MAX};
    (void)live_send_request(self->live, &request);
    return NULL;
}

// After fifteen seconds; both at the same time.
static void test_live_phases__slowness_ends_by_itself(void **state)
{
    (void)state;
    const wire_script scripts[] = {read_and_wait, drip};
    pair pairs[2];
    pthread_t threads[2];
    uint64_t start_ms = live_now_ms();
    for (size_t i = 0; i < 2; i++) {
        pairs[i] = pair_open(scripts[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, get_for_ever, &pairs[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_code(pairs[i].live->err.code, KK_ERR_TIMEOUT);
        assert_holds(pairs[i].live->err.message, "the answer came too slowly");
        assert_int_equal(pairs[i].live->sent, KK_SENT_MAYBE);
        pair_close(&pairs[i]);
    }
    assert_in_range(live_now_ms() - start_ms, 14000, 100000);
}

// ---- What one answer leaves for the next

// Behind the first answer stands a second that nobody has asked for.
static void answer_twice(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue"
                             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    }
}

static void test_live_phases__bytes_behind_an_answer_are_no_answer(void **state)
{
    (void)state;
    pair self = pair_open(answer_twice);
    for (int i = 0; i < 3; i++) {
        kk_code code = get(&self);
        assert_true(code != KK_OK || memcmp(self.live->response.body.ptr, "true", 4) == 0);
    }
    pair_close(&self);
}

// One connection for one request, which the server ends when it has been idle.
static void answer_once(wire_connection *self)
{
    wire_read(self);
    wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
}

static void test_live_phases__connection_that_was_closed_meanwhile_is_replaced(void **state)
{
    (void)state;
    pair self = pair_open(answer_once);
    for (int i = 0; i < 3; i++) {
        assert_ok(send_to(&self, i == 2 ? "POST" : "GET", "http", 10000), &self.live->err);
        usleep(50000);
    }
    assert_int_equal(wire_server_connections(self.server), 3);
    pair_close(&self);
}

static char second_request[2048];

static void set_traps(wire_connection *self)
{
    while (wire_read(self)) {
        snprintf(second_request, sizeof second_request, "%.2000s", self->request);
        wire_send_text(self, "HTTP/1.1 200 OK\r\nSet-Cookie: session=hidden; Path=/\r\n"
                             "Alt-Svc: h2=\"127.0.0.1:1\", h3=\":1\"; ma=86400; persist=1\r\n"
                             "Strict-Transport-Security: max-age=31536000\r\n"
                             "Content-Length: 2\r\n\r\n{}");
    }
}

static void test_live_phases__an_answer_changes_nothing_for_later_requests(void **state)
{
    (void)state;
    pair self = pair_open(set_traps);
    for (int i = 0; i < 2; i++) {
        assert_ok(get(&self), &self.live->err);
        assert_null(live_header(self.live, "set-cookie"));
    }
    assert_holds(second_request, "GET /v1/things HTTP/1.1\r\n");
    assert_null(strcasestr(second_request, "cookie"));
    assert_int_equal(wire_server_connections(self.server), 1);
    pair_close(&self);
}

// ---- Children

// A descriptor of an Internet socket that a program which is started now would get.
static bool is_inherited_socket(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    bool is_open = getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    bool is_internet = address.ss_family == AF_INET || address.ss_family == AF_INET6;
    return is_open && is_internet && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

// Pairs of local sockets, by which libcurl wakes its thread, are not looked at: they carry nothing.
static void test_live_phases__children_inherit_no_connection(void **state)
{
    (void)state;
    bool was[256];
    for (int fd = 0; fd < 256; fd++) {
        was[fd] = is_inherited_socket(fd);
    }
    pair self = pair_open(answer);
    assert_ok(get(&self), &self.live->err);
    assert_ok(get(&self), &self.live->err);
    assert_int_equal(wire_server_connections(self.server), 1); // it is still open
    for (int fd = 0; fd < 256; fd++) {
        assert_true(was[fd] || !is_inherited_socket(fd));
    }
    pair_close(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_phases__no_redirect_is_followed),
        cmocka_unit_test(test_live_phases__every_break_has_its_code),
        cmocka_unit_test(test_live_phases__broken_handshake_is_tls_and_unsent),
        cmocka_unit_test(test_live_phases__silent_handshake_ends_at_the_deadline_unsent),
        cmocka_unit_test(test_live_phases__silent_handshake_ends_by_itself),
        cmocka_unit_test(test_live_phases__deadline_while_connecting_is_timeout_and_unsent),
        cmocka_unit_test(test_live_phases__contradictions_are_no_answers),
        cmocka_unit_test(test_live_phases__packed_body_is_unpacked),
        cmocka_unit_test(test_live_phases__interim_and_trailing_fields_are_left_out),
        cmocka_unit_test(test_live_phases__slowness_ends_by_itself),
        cmocka_unit_test(test_live_phases__bytes_behind_an_answer_are_no_answer),
        cmocka_unit_test(test_live_phases__connection_that_was_closed_meanwhile_is_replaced),
        cmocka_unit_test(test_live_phases__an_answer_changes_nothing_for_later_requests),
        cmocka_unit_test(test_live_phases__children_inherit_no_connection),
    };
    return cmocka_run_group_tests_name("live_phases", tests, NULL, NULL);
}
