// The live transport against a well-behaved server, in an environment that is not.
#include "http_server.h"
#include "live_fixture.h"
#include "test_ca.h"
#include "unit.h"
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// A directory of this run: ca.pem, server.pem and server.key, and under `odd` those of a server
// with another name, under `old` those of one whose certificate has expired, and under `own` those
// of one that signed its certificate itself.
static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[4][128];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static void answer_things(void *context, const http_request *request, http_answer *answer)
{
    (void)context;
    static const struct {
        const char *path;
        unsigned status;
    } refusals[] = {{"/missing", 404}, {"/limited", 429}, {"/broken", 500}};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(request->path, refusals[i].path) == 0) {
            answer->status = refusals[i].status;
        }
    }
    if (strcmp(request->path, "/slow") == 0) {
        answer->delay_ms = 20;
    }
    http_answer_header(answer, "X-First", "1");
    http_answer_header(answer, "Set-Cookie", "session=hidden");
    http_answer_header(answer, "X-Twice", "one");
    http_answer_header(answer, "X-Twice", "two");
    kk_buf_append_text(&answer->body, "{\"ok\":true}");
}

// A server and a transport that may speak to it.
typedef struct pair {
    http_server *server;
    live_fixture *live;
} pair;

static pair pair_open(const char *tls_dir, const char *ca_file, const char *resolve)
{
    kk_error err = {0};
    pair self = {.live = live_fixture_open(ca_file, resolve)};
    http_server_options options = {.handler = answer_things, .tls_dir = tls_dir};
    assert_ok(http_server_start(&options, &self.server, &err), &err);
    return self;
}

static void pair_close(pair *self)
{
    live_fixture_close(self->live);
    http_server_stop(self->server);
}

// GET of [path] at [origin], whose port is the server's.
static kk_code get(pair *self, const char *origin, const char *path)
{
    char url[256];
    snprintf(url, sizeof url, "%s:%u%s", origin, http_server_port(self->server), path);
    kk_request request = {.method = "GET", .url = url, .deadline_ms = live_now_ms() + 10000};
    return live_send_request(self->live, &request);
}

static void test_live__hundred_requests_use_one_connection(void **state)
{
    (void)state;
    const char *const origins[] = {"http://127.0.0.1", "https://localhost"};
    for (size_t i = 0; i < 2; i++) {
        pair self = pair_open(i == 0 ? NULL : dir, in_dir("ca.pem"), NULL);
        for (int n = 0; n < 100; n++) {
            assert_ok(get(&self, origins[i], "/things"), &self.live->err);
            assert_int_equal(self.live->sent, KK_SENT_YES);
        }
        assert_int_equal(http_server_requests(self.server), 100);
        assert_int_equal(http_server_connections(self.server), 1);
        pair_close(&self);
    }
}

// The server keeps its connections for ever; libcurl counts idle time in whole seconds.
static void test_live__idle_connection_is_not_used_again(void **state)
{
    (void)state;
    pair self = pair_open(dir, in_dir("ca.pem"), NULL);
    self.live->host.idle_s = 1;
    assert_ok(get(&self, "https://localhost", "/things"), &self.live->err);
    assert_ok(get(&self, "https://localhost", "/things"), &self.live->err);
    assert_int_equal(http_server_connections(self.server), 1);
    usleep(2200000);
    assert_ok(get(&self, "https://localhost", "/things"), &self.live->err);
    assert_int_equal(http_server_connections(self.server), 2);
    pair_close(&self);
}

// Whatever the status, its body is read to the end.
static void test_live__refusals_leave_the_connection_in_use(void **state)
{
    (void)state;
    static const char *const paths[] = {"/missing", "/things", "/limited", "/broken"};
    static const unsigned statuses[] = {404, 200, 429, 500};
    pair self = pair_open(NULL, NULL, NULL);
    for (size_t i = 0; i < 8; i++) {
        assert_ok(get(&self, "http://127.0.0.1", paths[i % 4]), &self.live->err);
        assert_int_equal(self.live->response.status, statuses[i % 4]);
        assert_int_equal(self.live->response.body.len, 11);
    }
    assert_int_equal(http_server_connections(self.server), 1);
    pair_close(&self);
}

static void test_live__answer_has_status_body_and_fields_in_order(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    assert_ok(get(&self, "http://localhost", "/missing"), &self.live->err);
    const kk_response *response = &self.live->response;
    assert_int_equal(response->status, 404);
    assert_string_equal(response->body.ptr, "{\"ok\":true}");
    assert_int_equal(response->body.len, 11);
    const char *values[3] = {0};
    size_t count = 0;
    for (size_t i = 0; i < response->header_count; i++) {
        assert_string_not_equal(response->headers[i].name, "set-cookie");
        if (strncmp(response->headers[i].name, "x-", 2) == 0 && count < 3) {
            values[count++] = response->headers[i].value;
        }
    }
    assert_int_equal(count, 3);
    assert_string_equal(values[0], "1");
    assert_string_equal(values[1], "one");
    assert_string_equal(values[2], "two");
    assert_string_equal(live_header(self.live, "content-length"), "11");
    // The cookie that was set is not sent back.
    assert_ok(get(&self, "http://localhost", "/things"), &self.live->err);
    assert_null(http_request_header(http_server_request_at(self.server, 1), "Cookie"));
    pair_close(&self);
}

static void test_live__request_arrives_as_it_was_made(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    char url[128];
    snprintf(url, sizeof url, "%s/v1/a%%20b/../c?q=1&r=%%2F", http_server_url(self.server));
    const kk_header headers[] = {{"Accept", "application/json"}, {"X-Empty", ""}};
    kk_request request = {.method = "PATCH",
                          .url = url,
                          .headers = headers,
                          .header_count = 2,
                          .credential = {"Authorization", "id:token"},
                          .body = KK_STR("{\"a\":1}"),
                          .deadline_ms = UINT64_MAX};
    assert_ok(live_send_request(self.live, &request), &self.live->err);
    const http_request *seen = http_server_request_at(self.server, 0);
    assert_string_equal(seen->method, "PATCH");
    assert_string_equal(seen->path, "/v1/a%20b/../c");
    assert_string_equal(seen->query, "q=1&r=%2F");
    assert_string_equal(kk_buf_text(&seen->body), "{\"a\":1}");
    assert_string_equal(http_request_header(seen, "Authorization"), "id:token");
    assert_string_equal(http_request_header(seen, "Accept"), "application/json");
    assert_string_equal(http_request_header(seen, "Accept-Encoding"), "gzip, deflate");
    assert_string_equal(http_request_header(seen, "User-Agent"), "kk/test");
    assert_string_equal(http_request_header(seen, "X-Empty"), "");
    assert_null(http_request_header(seen, "Content-Type"));
    assert_null(http_request_header(seen, "Expect"));
    pair_close(&self);
}

static void test_live__log_names_neither_query_nor_header(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    assert_ok(get(&self, "http://127.0.0.1", "/things?key=hidden"), &self.live->err);
    assert_holds(self.live->log, "GET 127.0.0.1/things: status 200, ");
    assert_holds(self.live->log, "11 bytes, new connection");
    assert_ok(get(&self, "http://127.0.0.1", "/things?key=hidden"), &self.live->err);
    assert_holds(self.live->log, "used connection");
    assert_null(strstr(self.live->log, "hidden"));
    pair_close(&self);
}

static void test_live__every_method_is_sent(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        assert_ok(live_send(self.live, methods[i], http_server_port(self.server), "/things"),
                  &self.live->err);
        const http_request *seen = http_server_request_at(self.server, i);
        assert_string_equal(seen->method, methods[i]);
        assert_string_equal(kk_buf_text(&seen->body), methods[i][0] == 'P' ? "{}" : "");
        assert_int_equal(self.live->response.body.len, strcmp(methods[i], "HEAD") == 0 ? 0 : 11);
    }
    pair_close(&self);
}

static void test_live__write_without_a_body_says_so(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    char url[128];
    snprintf(url, sizeof url, "%s/things", http_server_url(self.server));
    kk_request request = {.method = "POST", .url = url, .deadline_ms = UINT64_MAX};
    assert_ok(live_send_request(self.live, &request), &self.live->err);
    const http_request *seen = http_server_request_at(self.server, 0);
    assert_string_equal(http_request_header(seen, "Content-Length"), "0");
    pair_close(&self);
}

static void test_live__large_body_is_sent_without_asking_first(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    char url[128];
    size_t len = (size_t)3 << 20;
    char *body = malloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    body[len / 2] = '\0'; // which ends nothing
    snprintf(url, sizeof url, "%s/things", http_server_url(self.server));
    kk_request request = {
        .method = "POST", .url = url, .body = {body, len}, .deadline_ms = live_now_ms() + 20000};
    assert_ok(live_send_request(self.live, &request), &self.live->err);
    const http_request *seen = http_server_request_at(self.server, 0);
    assert_int_equal(seen->body.len, len);
    assert_memory_equal(seen->body.ptr, body, len);
    assert_null(http_request_header(seen, "Expect"));
    free(body);
    pair_close(&self);
}

// ---- TLS

// A small system may have no authorities at all; then the hint says what to install.
static void test_live__unknown_authority_is_tls_and_unsent(void **state)
{
    (void)state;
    pair self = pair_open(dir, NULL, NULL);
    assert_code(get(&self, "https://localhost", "/things?key=hidden"), KK_ERR_TLS);
    assert_holds(self.live->err.message, "GET localhost/things: ");
    if (strstr(self.live->err.message, "cannot be read") != NULL) {
        assert_holds(self.live->err.hint, "ca-certificates");
    } else {
        assert_holds(self.live->err.message, "not signed by a known authority");
        assert_holds(self.live->err.hint, "KK_CA_FILE");
    }
    assert_null(strstr(self.live->err.message, "hidden"));
    assert_int_equal(self.live->sent, KK_SENT_NO);
    assert_int_equal(http_server_requests(self.server), 0);
    pair_close(&self);
}

static void test_live__certificate_that_does_not_hold_is_tls(void **state)
{
    (void)state;
    const char *const kinds[] = {"odd", "old", "own"};
    const char *const parts[] = {"not for this host name", "expired",
                                 "not signed by a known authority"};
    for (size_t i = 0; i < 3; i++) {
        char ca_file[128];
        snprintf(ca_file, sizeof ca_file, "%s/%s/ca.pem", dir, kinds[i]);
        pair self = pair_open(in_dir(kinds[i]), ca_file, NULL);
        assert_code(get(&self, "https://localhost", "/things"), KK_ERR_TLS);
        assert_holds(self.live->err.message, parts[i]);
        assert_int_equal(self.live->sent, KK_SENT_NO);
        assert_int_equal(http_server_requests(self.server), 0);
        pair_close(&self);
    }
}

// Whether somebody who speaks these versions gets through to the server.
static bool shakes_hands(unsigned port, const char *priorities)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
    assert_int_equal(gnutls_priority_set_direct(session, priorities, NULL), 0);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    gnutls_handshake_set_timeout(session, 20000);
    int result;
    do {
        result = gnutls_handshake(session);
    } while (result < 0 && gnutls_error_is_fatal(result) == 0);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(fd);
    return result == 0;
}

static void test_live__old_versions_of_tls_are_refused(void **state)
{
    (void)state;
    const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.1",
                                    "NORMAL:-VERS-ALL:+VERS-TLS1.0"};
    for (size_t i = 0; i < 2; i++) {
        http_server_options options = {
            .handler = answer_things, .tls_dir = dir, .tls_priorities = versions[i]};
        pair self = {.live = live_fixture_open(in_dir("ca.pem"), NULL)};
        kk_error err = {0};
        assert_ok(http_server_start(&options, &self.server, &err), &err);
        assert_true(shakes_hands(http_server_port(self.server), versions[i]));
        assert_false(shakes_hands(http_server_port(self.server), "NORMAL:-VERS-ALL:+VERS-TLS1.2"));
        assert_code(get(&self, "https://localhost", "/things"), KK_ERR_TLS);
        assert_int_equal(self.live->sent, KK_SENT_NO);
        assert_int_equal(http_server_requests(self.server), 0);
        pair_close(&self);
    }
}

static void test_live__missing_ca_file_is_tls(void **state)
{
    (void)state;
    pair self = pair_open(dir, in_dir("no-such.pem"), NULL);
    assert_code(get(&self, "https://localhost", "/things"), KK_ERR_TLS);
    assert_holds(self.live->err.message, "certificate authorities cannot be read");
    assert_holds(self.live->err.hint, "no-such.pem'");
    pair_close(&self);
}

static void test_live__tls_to_a_plain_server_is_tls(void **state)
{
    (void)state;
    pair self = pair_open(NULL, NULL, NULL);
    assert_code(get(&self, "https://localhost", "/things"), KK_ERR_TLS);
    assert_int_equal(self.live->sent, KK_SENT_NO);
    pair_close(&self);
}

// ---- The environment, which main() has filled with traps

static void test_live__environment_has_no_say(void **state)
{
    (void)state;
    pair self = pair_open(dir, in_dir("ca.pem"), NULL);
    assert_ok(get(&self, "https://localhost", "/things"), &self.live->err);
    const http_request *seen = http_server_request_at(self.server, 0);
    assert_null(http_request_header(seen, "Authorization"));
    assert_int_not_equal(access(in_dir("tls-keys"), F_OK), 0);
    pair_close(&self);
    self = pair_open(NULL, NULL, NULL);
    assert_ok(get(&self, "http://127.0.0.1", "/things"), &self.live->err);
    seen = http_server_request_at(self.server, 0);
    assert_null(http_request_header(seen, "Authorization"));
    pair_close(&self);
    // Where libcurl has one TLS library alone, it would not mind a name that there is none of.
    assert_null(getenv("SSLKEYLOGFILE"));
    assert_null(getenv("CURL_SSL_BACKEND"));
}

// ---- Threads

static void *send_eight(void *context)
{
    const pair *self = context;
    const kk_transport_table *table = self->live->transport->table;
    char url[128];
    snprintf(url, sizeof url, "%s/slow", http_server_url(self->server));
    size_t failed = 0;
    for (int i = 0; i < 8; i++) {
        kk_request request = {.method = i % 4 == 3 ? "POST" : "GET",
                              .url = url,
                              .deadline_ms = live_now_ms() + 20000};
        kk_response response = {0};
        kk_error err = {0};
        kk_code code = table->send(self->live->transport, &request, &response, &err);
        failed += code != KK_OK || response.status != 200 || response.body.len != 11;
        table->response_clean(self->live->transport, &response);
    }
    return (void *)failed;
}

static void test_live__threads_share_one_transport(void **state)
{
    (void)state;
    pair self = pair_open(dir, in_dir("ca.pem"), NULL);
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_eight, &self), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(http_server_requests(self.server), 64);
    pair_close(&self);
}

static void test_live__unused_transport_closes(void **state)
{
    (void)state;
    live_fixture_close(live_fixture_open(NULL, NULL));
}

// ---- The run

static void write_netrc(void)
{
    FILE *file = fopen(in_dir(".netrc"), "w");
    assert_non_null(file);
    fputs("default login somebody password secret\n", file);
    fclose(file);
}

// A system that takes every version of TLS, so that it is not the system that refuses the old ones.
static void write_lax_configuration(void)
{
    FILE *file = fopen(in_dir("openssl.cnf"), "w");
    assert_non_null(file);
    fputs("openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = lax\n"
          "[lax]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n",
          file);
    fclose(file);
    setenv("OPENSSL_CONF", in_dir("openssl.cnf"), 1);
}

// Everything libcurl would listen to: proxies that nobody answers at, a password file, a file for
// the keys of connections.
static int set_up(void **state)
{
    (void)state;
    kk_error err = {0};
    snprintf(dir, sizeof dir, "/tmp/kk-live-XXXXXX");
    assert_non_null(mkdtemp(dir));
    const test_ca_options odd = {.host = "other.example"};
    const test_ca_options old = {.expired = true};
    assert_int_equal(mkdir(in_dir("odd"), 0700), 0);
    const test_ca_options own = {.self_signed = true};
    assert_int_equal(mkdir(in_dir("old"), 0700), 0);
    assert_int_equal(mkdir(in_dir("own"), 0700), 0);
    assert_ok(test_ca_write(dir, NULL, &err), &err);
    assert_ok(test_ca_write(in_dir("odd"), &odd, &err), &err);
    assert_ok(test_ca_write(in_dir("old"), &old, &err), &err);
    assert_ok(test_ca_write(in_dir("own"), &own, &err), &err);
    write_netrc();
    write_lax_configuration();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    setenv("HOME", dir, 1);
    setenv("NETRC", in_dir(".netrc"), 1);
    setenv("SSLKEYLOGFILE", in_dir("tls-keys"), 1);
    setenv("CURL_SSL_BACKEND", "none", 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    const char *const names[] = {
        "ca.pem",         "server.pem",     "server.key",     "odd/ca.pem",     "odd/server.pem",
        "odd/server.key", "old/ca.pem",     "old/server.pem", "old/server.key", "own/ca.pem",
        "own/server.pem", "own/server.key", ".netrc",         "tls-keys",       "openssl.cnf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(in_dir(names[i]));
    }
    rmdir(in_dir("odd"));
    rmdir(in_dir("old"));
    rmdir(in_dir("own"));
    rmdir(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live__hundred_requests_use_one_connection),
        cmocka_unit_test(test_live__idle_connection_is_not_used_again),
        cmocka_unit_test(test_live__refusals_leave_the_connection_in_use),
        cmocka_unit_test(test_live__answer_has_status_body_and_fields_in_order),
        cmocka_unit_test(test_live__request_arrives_as_it_was_made),
        cmocka_unit_test(test_live__log_names_neither_query_nor_header),
        cmocka_unit_test(test_live__every_method_is_sent),
        cmocka_unit_test(test_live__write_without_a_body_says_so),
        cmocka_unit_test(test_live__large_body_is_sent_without_asking_first),
        cmocka_unit_test(test_live__unknown_authority_is_tls_and_unsent),
        cmocka_unit_test(test_live__certificate_that_does_not_hold_is_tls),
        cmocka_unit_test(test_live__old_versions_of_tls_are_refused),
        cmocka_unit_test(test_live__missing_ca_file_is_tls),
        cmocka_unit_test(test_live__tls_to_a_plain_server_is_tls),
        cmocka_unit_test(test_live__environment_has_no_say),
        cmocka_unit_test(test_live__threads_share_one_transport),
        cmocka_unit_test(test_live__unused_transport_closes),
    };
    return cmocka_run_group_tests_name("live", tests, set_up, tear_down);
}
