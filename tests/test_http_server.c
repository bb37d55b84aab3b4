// The test server itself: its counts and its log, its TLS, and that its faults really happen.
#include "http_server.h"
#include "test_ca.h"
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// ---- A client that hides nothing

static int dial(http_server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int ask(http_server *server, const char *request)
{
    int fd = dial(server);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    return fd;
}

// Reads until the peer closes, up to [limit] bytes into *out.  Returns 0, or the errno that ended
// it.
static int read_all(int fd, kk_buf *out)
{
    char part[65536];
    while (out->failed == KK_OK) {
        ssize_t len = recv(fd, part, sizeof part, 0);
        if (len <= 0) {
            return len == 0 ? 0 : errno;
        }
        kk_buf_append(out, part, (size_t)len);
    }
    return EMSGSIZE;
}

static const char *body_of(const kk_buf *answer)
{
    const char *gap = strstr(kk_buf_text(answer), "\r\n\r\n");
    assert_non_null(gap);
    return gap + 4;
}

// ---- What it serves

static void serve(void *context, const http_request *request, http_answer *answer)
{
    http_fault *fault = context;
    answer->fault = *fault;
    answer->stream_bytes = 5 << 20;
    answer->status = 201;
    http_answer_header(answer, "X-Colour", "green");
    kk_buf_append_format(&answer->body, "%s %s?%s with %zu bytes", request->method, request->path,
                         request->query, request->body.len);
}

static http_server *start(http_fault *fault, const char *tls_dir)
{
    http_server *server = NULL;
    kk_error err = {0};
    http_server_options options = {.handler = serve, .context = fault, .tls_dir = tls_dir};
    assert_ok(http_server_start(&options, &server, &err), &err);
    return server;
}

static void test_http_server__answers_from_its_handler_and_remembers(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_NONE;
    http_server *server = start(&fault, NULL);
    assert_null(http_server_request_at(server, 0));
    kk_buf answer = {.limit = KK_TEXT_MAX};
    int fd = ask(server, "POST /a%2Fb?c=d%20e HTTP/1.1\r\nHost: x\r\nAuthorization: me\r\n"
                         "Connection: close\r\nContent-Length: 5\r\n\r\nhello");
    assert_int_equal(read_all(fd, &answer), 0);
    close(fd);
    assert_holds(kk_buf_text(&answer), "HTTP/1.1 201 ");
    assert_holds(kk_buf_text(&answer), "X-Colour: green");
    assert_string_equal(body_of(&answer), "POST /a%2Fb?c=d%20e with 5 bytes");
    const http_request *request = http_server_request_at(server, 0);
    assert_non_null(request);
    assert_string_equal(kk_buf_text(&request->body), "hello");
    assert_string_equal(http_request_header(request, "authorization"), "me");
    assert_null(http_request_header(request, "cookie"));
    assert_int_equal(http_server_requests(server), 1);
    kk_buf_clean(&answer);
    http_server_stop(server);
    http_server_stop(NULL);
}

static void test_http_server__counts_connections_apart_from_requests(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_NONE;
    http_server *server = start(&fault, NULL);
    int fd = ask(server, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n"
                         "GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    kk_buf answer = {.limit = KK_TEXT_MAX};
    assert_int_equal(read_all(fd, &answer), 0);
    close(fd);
    fd = ask(server, "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(read_all(fd, &answer), 0);
    close(fd);
    assert_int_equal(http_server_connections(server), 2);
    assert_int_equal(http_server_requests(server), 3);
    assert_int_equal(http_server_request_at(server, 1)->connection, 1);
    assert_int_equal(http_server_request_at(server, 2)->connection, 2);
    assert_string_equal(http_server_request_at(server, 2)->path, "/3");
    kk_buf_clean(&answer);
    http_server_stop(server);
}

// ---- Faults

#define GET "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_http_server__half_sends_less_than_it_announces(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_HALF;
    http_server *server = start(&fault, NULL);
    kk_buf answer = {.limit = KK_TEXT_MAX};
    int fd = ask(server, GET);
    assert_int_equal(read_all(fd, &answer), 0);
    close(fd);
    const char *whole = "GET /x? with 0 bytes";
    char announced[64];
    snprintf(announced, sizeof announced, "Content-Length: %zu\r\n", strlen(whole));
    assert_holds(kk_buf_text(&answer), announced);
    assert_int_equal(strlen(body_of(&answer)), strlen(whole) / 2);
    assert_memory_equal(body_of(&answer), whole, strlen(whole) / 2);
    kk_buf_clean(&answer);
    http_server_stop(server);
}

static void test_http_server__never_stays_silent_until_the_server_stops(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_NEVER;
    http_server *server = start(&fault, NULL);
    int fd = ask(server, GET);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 300), 0);
    assert_int_equal(http_server_requests(server), 1);
    http_server_stop(server);
    kk_buf answer = {.limit = KK_TEXT_MAX};
    read_all(fd, &answer);
    assert_int_equal(answer.len, 0);
    close(fd);
    kk_buf_clean(&answer);
}

static void test_http_server__stream_sends_all_its_bytes_in_chunks(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_STREAM;
    http_server *server = start(&fault, NULL);
    kk_buf answer = {.limit = (size_t)8 << 20};
    int fd = ask(server, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(read_all(fd, &answer), 0);
    close(fd);
    assert_non_null(strstr(kk_buf_text(&answer), "Transfer-Encoding: chunked"));
    assert_non_null(strstr(kk_buf_text(&answer), "GET /x? with 0 bytes\r\n"));
    assert_true(answer.len > (size_t)5 << 20);
    assert_memory_equal(answer.ptr + answer.len - 5, "0\r\n\r\n", 5);
    kk_buf_clean(&answer);
    http_server_stop(server);
}

static void test_http_server__reset_is_a_reset_and_not_a_close(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_RESET;
    http_server *server = start(&fault, NULL);
    kk_buf answer = {.limit = KK_TEXT_MAX};
    int fd = ask(server, GET);
    assert_int_equal(read_all(fd, &answer), ECONNRESET);
    assert_int_equal(answer.len, 0);
    close(fd);
    http_server_stop(server);
}

// ---- TLS

// Shakes hands on [fd] as a client that trusts the authority in [dir] alone and wants [host].
static int shake_hands(int fd, const char *dir, const char *host)
{
    char ca[4096];
    snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    gnutls_certificate_credentials_t trust = NULL;
    gnutls_session_t session = NULL;
    assert_int_equal(gnutls_certificate_allocate_credentials(&trust), 0);
    assert_int_equal(gnutls_certificate_set_x509_trust_file(trust, ca, GNUTLS_X509_FMT_PEM), 1);
    assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_set_default_priority(session), 0);
    assert_int_equal(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, trust), 0);
    gnutls_session_set_verify_cert(session, host, 0);
    gnutls_transport_set_int(session, fd);
    int result = 0;
    do {
        result = gnutls_handshake(session);
    } while (result < 0 && !gnutls_error_is_fatal(result));
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(trust);
    return result;
}

static int hands_with(const test_ca_options *options, const char *host)
{
    char dir[] = "/tmp/kk-test-ca-XXXXXX";
    assert_non_null(mkdtemp(dir));
    kk_error err = {0};
    assert_ok(test_ca_write(dir, options, &err), &err);
    http_fault fault = HTTP_FAULT_NONE;
    http_server *server = start(&fault, dir);
    assert_holds(http_server_url(server), "https://localhost:");
    int fd = dial(server);
    int result = shake_hands(fd, dir, host);
    close(fd);
    http_server_stop(server);
    static const char *const names[] = {"ca.pem", "server.pem", "server.key"};
    for (size_t i = 0; i < 3; ++i) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
    return result;
}

static void test_ca__signs_for_loopback_and_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(hands_with(NULL, "localhost"), 0);
    assert_int_equal(hands_with(NULL, "127.0.0.1"), 0);
    assert_int_equal(hands_with(NULL, "::1"), 0);
    assert_int_not_equal(hands_with(NULL, "example.com"), 0);
}

static void test_ca__makes_bad_certificates_too(void **state)
{
    (void)state;
    assert_int_not_equal(hands_with(&(test_ca_options){.expired = true}, "localhost"), 0);
    assert_int_not_equal(hands_with(&(test_ca_options){.host = "example.com"}, "localhost"), 0);
    assert_int_equal(hands_with(&(test_ca_options){.host = "example.com"}, "example.com"), 0);
}

static void test_http_server__says_what_does_not_start(void **state)
{
    (void)state;
    http_fault fault = HTTP_FAULT_NONE;
    http_server *server = NULL;
    kk_error err = {0};
    http_server_options options = {.handler = serve, .context = &fault, .tls_dir = "/nowhere"};
    assert_code(http_server_start(&options, &server, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "/nowhere");
    assert_null(server);
    assert_code(test_ca_write("/nowhere", NULL, NULL), KK_ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http_server__answers_from_its_handler_and_remembers),
        cmocka_unit_test(test_http_server__counts_connections_apart_from_requests),
        cmocka_unit_test(test_http_server__half_sends_less_than_it_announces),
        cmocka_unit_test(test_http_server__never_stays_silent_until_the_server_stops),
        cmocka_unit_test(test_http_server__stream_sends_all_its_bytes_in_chunks),
        cmocka_unit_test(test_http_server__reset_is_a_reset_and_not_a_close),
        cmocka_unit_test(test_ca__signs_for_loopback_and_nothing_else),
        cmocka_unit_test(test_ca__makes_bad_certificates_too),
        cmocka_unit_test(test_http_server__says_what_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
