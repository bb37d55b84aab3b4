// Live, record and replay: the same script, the same results.
#include "live_fixture.h"
#include "scratch.h"
#include "tape.h"
#include "tape_file.h"
#include "tape_write.h"
#include "tape_write_private.h"
#include "test_ca.h"
#include "transport_suite.h"
#include "unit.h"
#include "wire_server.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESOLVE TRANSPORT_SUITE_INNER_NAME ":443:127.0.0.1"

// A port that is taken and where nobody listens.
static int take_port(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

// A script: [base] is where the service is, and at port [closed] nobody listens.
typedef void (*play_fn)(kk_transport *transport, const char *base, unsigned closed, kk_buf *seen);

static void play_live(play_fn play, const char *base, unsigned closed, kk_buf *seen)
{
    live_fixture *live = live_fixture_open(NULL, RESOLVE);
    assert_string_equal(live->transport->table->name, "live");
    play(live->transport, base, closed, seen);
    live_fixture_close(live);
}

static void play_recording(const char *tape, play_fn play, const char *base, unsigned closed,
                           kk_buf *seen)
{
    kk_error err = {0};
    kk_tape_writer *writer = NULL;
    live_fixture *live = live_fixture_open(NULL, RESOLVE);
    assert_ok(kk_tape_writer_open(tape, &writer, &err), &err);
    assert_ok(kk_transport_record_open(live->transport, writer, &live->transport, &err), &err);
    assert_string_equal(live->transport->table->name, "record");
    play(live->transport, base, closed, seen);
    live_fixture_close(live);
    assert_ok(kk_tape_writer_save(writer, &err), &err);
    kk_tape_writer_free(writer);
}

static void play_replay(const char *file, play_fn play, const char *base, unsigned closed,
                        kk_buf *seen)
{
    kk_error err = {0};
    kk_tape *tape = NULL;
    kk_transport *transport = NULL;
    assert_ok(kk_tape_load(file, &tape, &err), &err);
    kk_time_source *time = kk_time_virtual(kk_tape_recorded_ms(tape));
    assert_ok(kk_transport_replay_open(tape, time, (kk_replay_delay){0}, &transport, &err), &err);
    assert_string_equal(transport->table->name, "replay");
    play(transport, base, closed, seen);
    transport->table->close(transport);
    kk_time_free(time);
    kk_tape_free(tape);
}

// The service counts, so each of the two that reach it gets one of its own.
static http_server *start(unsigned *count)
{
    kk_error err = {0};
    http_server *server = NULL;
    http_server_options options = {.handler = transport_suite_answer, .context = count};
    assert_ok(http_server_start(&options, &server, &err), &err);
    return server;
}

static void assert_seen(const kk_buf *seen, const char *text)
{
    assert_non_null(memmem(seen->ptr, seen->len, text, strlen(text)));
}

// The script comes to every kind of failure that a tape can hold.
static void assert_every_failure(const kk_buf *seen)
{
    for (kk_code code = KK_OK + 1; code < KK_CODE_COUNT; code++) {
        char text[64];
        snprintf(text, sizeof text, ": %s, ", kk_code_name(code));
        if (kk_tape_can_hold(code)) {
            assert_seen(seen, text);
        }
    }
}

static void assert_same(const kk_buf *recorded, const kk_buf *replayed)
{
    if (!kk_str_equals(kk_buf_view(recorded), kk_buf_view(replayed))) {
        print_error("recorded:%s\nreplayed:%s\n", kk_buf_text(recorded), kk_buf_text(replayed));
        fail();
    }
}

// Ports differ from server to server, and stand in no result.
static void test_transports__give_the_same_results(void **state)
{
    (void)state;
    kk_buf live = {.limit = (size_t)64 << 20};
    kk_buf recorded = {.limit = (size_t)64 << 20};
    kk_buf replayed = {.limit = (size_t)64 << 20};
    unsigned closed = 0;
    unsigned count = 0;
    char tape[512];
    char base[128];
    int fd = take_port(&closed);
    scratch dir;
    scratch_init(&dir);
    snprintf(tape, sizeof tape, "%s", scratch_path(&dir, "suite.har"));
    http_server *server = start(&count);
    play_live(transport_suite_play, http_server_url(server), closed, &live);
    assert_true(http_server_requests(server) >= transport_suite_served());
    http_server_stop(server);

    count = 0;
    server = start(&count);
    snprintf(base, sizeof base, "%s", http_server_url(server));
    play_recording(tape, transport_suite_play, base, closed, &recorded);
    assert_true(http_server_requests(server) >= transport_suite_served());
    http_server_stop(server);
    play_replay(tape, transport_suite_play, base, closed, &replayed);

    assert_seen(&live, "status 200");
    assert_every_failure(&live);
    assert_seen(&live, "{\"n\":3}");
    assert_int_equal(live.len, recorded.len);
    assert_memory_equal(live.ptr, recorded.ptr, live.len);
    assert_same(&recorded, &replayed);
    kk_buf_clean(&live);
    kk_buf_clean(&recorded);
    kk_buf_clean(&replayed);
    close(fd);
    scratch_clean(&dir);
}

// A service that gives its caller a secret.
#define GRANTED "{\"token\":\"sess-0123456789abcdef\",\"email\":\"ann@real.io\",\"n\":1.50}"

static void answer_granted(void *context, const http_request *request, http_answer *answer)
{
    (void)context;
    (void)request;
    http_answer_header(answer, "Content-Type", "application/json");
    http_answer_header(answer, "X-Session", "sess-0123456789abcdef");
    kk_buf_append_text(&answer->body, GRANTED);
}

// ---- Every kind of failure

// What a path is answered with; without an answer the connection is reset, or kept for ever.
static void fail_as_asked(wire_connection *self)
{
    static const char *const answers[][2] = {
        {"GET /truncated ", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"},
        {"GET /protocol ", "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
        {"GET /moved ",
         "HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"},
    };
    if (!wire_read(self)) {
        return;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strncmp(self->request, answers[i][0], strlen(answers[i][0])) == 0) {
            wire_send_text(self, answers[i][1]);
            return;
        }
    }
    if (strncmp(self->request, "GET /reset ", 11) == 0) {
        wire_reset(self);
    } else if (strncmp(self->request, "GET /large ", 11) == 0) {
        wire_send_text(self, "HTTP/1.1 200 OK\r\nX: ");
        while (wire_send_text(self,
                              "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")) {
        }
    } else {
        wire_wait(self);
    }
}

typedef struct failing {
    const char *url; // '#' stands for the server's port, '$' for that of one that nobody trusts,
                     // '!' for one where nobody listens
    kk_code code;
    unsigned deadline_ms;
} failing;

static const failing failures[] = {
    // A label is too long for any resolver to ask for it.
    {"https://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid/dns",
     KK_ERR_DNS, 20000},
    {"http://127.0.0.1:!/connect", KK_ERR_CONNECT, 20000},
    {"https://127.0.0.1:$/tls", KK_ERR_TLS, 20000},
    {"http://127.0.0.1:#/reset", KK_ERR_RESET, 20000},
    {"http://127.0.0.1:#/truncated", KK_ERR_TRUNCATED, 20000},
    {"http://127.0.0.1:#/protocol", KK_ERR_PROTOCOL, 20000},
    {"http://127.0.0.1:#/moved", KK_ERR_REDIRECT_REFUSED, 20000},
    {"http://127.0.0.1:#/large", KK_ERR_TOO_LARGE, 20000},
    {"http://10.1.2.3/denied", KK_ERR_DENIED, 20000},
    {"http://127.0.0.1:#/timeout", KK_ERR_TIMEOUT, 200},
};
enum { FAILURES = sizeof failures / sizeof failures[0] };

// Ports, [base] being those of the two servers with a space between.
static void fill_url(const failing *one, const char *base, unsigned closed, kk_buf *out)
{
    size_t len = strcspn(base, " ");
    for (const char *at = one->url; *at != '\0'; at++) {
        if (*at == '#') {
            kk_buf_append(out, base, len);
        } else if (*at == '$') {
            kk_buf_append_text(out, base + len + 1);
        } else if (*at == '!') {
            kk_buf_append_format(out, "%u", closed);
        } else {
            kk_buf_append_byte(out, *at);
        }
    }
}

static void play_failures(kk_transport *transport, const char *base, unsigned closed, kk_buf *seen)
{
    static const kk_request_account account = {
        .scheme = "bearer", .is_default = true, .shape = "Bearer {{ACCESS_TOKEN}}"};
    bool replays = strcmp(transport->table->name, "replay") == 0;
    for (size_t i = 0; i < FAILURES; i++) {
        kk_buf url = {.limit = KK_TEXT_MAX};
        kk_response response = {0};
        kk_error err = {0};
        fill_url(&failures[i], base, closed, &url);
        kk_request request = {
            .method = "GET",
            .url = kk_buf_text(&url),
            .credential = {"authorization", replays ? account.shape : "Bearer real-token"},
            .plugin = "suite",
            .account = "main",
            .deadline_ms = replays ? UINT64_MAX : live_now_ms() + failures[i].deadline_ms,
            .recorded = &account};
        assert_code(transport->table->send(transport, &request, &response, &err), failures[i].code);
        kk_buf_append_format(seen, "%s, sent %d: %s; %s\n", kk_code_name(err.code),
                             (int)response.sent, err.message, err.hint);
        kk_buf_clean(&url);
    }
}

static http_server *start_untrusted(const scratch *dir)
{
    kk_error err = {0};
    http_server *server = NULL;
    http_server_options options = {.handler = answer_granted, .tls_dir = dir->dir};
    assert_ok(test_ca_write(dir->dir, NULL, &err), &err);
    assert_ok(http_server_start(&options, &server, &err), &err);
    return server;
}

static void test_transports__fail_in_the_same_ways(void **state)
{
    (void)state;
    kk_buf live = {.limit = KK_TEXT_MAX};
    kk_buf recorded = {.limit = KK_TEXT_MAX};
    kk_buf replayed = {.limit = KK_TEXT_MAX};
    unsigned closed = 0;
    char tape[512];
    char ports[32];
    int fd = take_port(&closed);
    scratch dir;
    scratch_init(&dir);
    snprintf(tape, sizeof tape, "%s", scratch_path(&dir, "failures.har"));
    http_server *secure = start_untrusted(&dir);
    wire_server *server = wire_server_start(fail_as_asked);
    assert_non_null(server);
    snprintf(ports, sizeof ports, "%u %u", wire_server_port(server), http_server_port(secure));
    play_live(play_failures, ports, closed, &live);
    play_recording(tape, play_failures, ports, closed, &recorded);
    wire_server_stop(server);
    http_server_stop(secure);
    play_replay(tape, play_failures, ports, closed, &replayed);
    assert_same(&live, &recorded);
    assert_same(&recorded, &replayed);
    kk_buf_clean(&live);
    kk_buf_clean(&recorded);
    kk_buf_clean(&replayed);
    close(fd);
    scratch_clean(&dir);
}

// ---- What the caller sees while it is recorded

static void play_login(kk_transport *transport, const char *base, unsigned closed, kk_buf *seen)
{
    (void)closed;
    char url[256];
    kk_response response = {0};
    kk_error err = {0};
    bool replays = strcmp(transport->table->name, "replay") == 0;
    snprintf(url, sizeof url, "%s/login", base);
    kk_request request = {.method = "GET",
                          .url = url,
                          .plugin = "suite",
                          .account = "main",
                          .deadline_ms = replays ? UINT64_MAX : live_now_ms() + 20000};
    assert_ok(transport->table->send(transport, &request, &response, &err), &err);
    kk_buf_append_str(seen, response.body);
    for (size_t i = 0; i < response.header_count; i++) {
        if (strcmp(response.headers[i].name, "x-session") == 0) {
            kk_buf_append_format(seen, " %s", response.headers[i].value);
        }
    }
    transport->table->response_clean(transport, &response);
}

static void test_transports__recording_keeps_what_is_real_for_the_caller(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_buf seen = {.limit = KK_TEXT_MAX};
    kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
    http_server *server = NULL;
    http_server_options options = {.handler = answer_granted};
    scratch dir;
    scratch_init(&dir);
    const char *tape = scratch_path(&dir, "login.har");
    assert_ok(http_server_start(&options, &server, &err), &err);
    play_recording(tape, play_login, http_server_url(server), 0, &seen);
    assert_string_equal(kk_buf_text(&seen), GRANTED " sess-0123456789abcdef");
    assert_ok(kk_tape_file_read(tape, &text, &err), &err);
    assert_null(strstr(kk_buf_text(&text), "sess-0123"));
    assert_null(strstr(kk_buf_text(&text), "ann@real"));
    kk_buf_clear(&seen);
    play_replay(tape, play_login, http_server_url(server), 0, &seen);
    assert_string_equal(kk_buf_text(&seen), "{\"token\":\"REDACTED0000000000001\",\"email\":"
                                            "\"user-2@example.com\",\"n\":1.50}");
    http_server_stop(server);
    kk_buf_clean(&text);
    kk_buf_clean(&seen);
    scratch_clean(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transports__give_the_same_results),
        cmocka_unit_test(test_transports__fail_in_the_same_ways),
        cmocka_unit_test(test_transports__recording_keeps_what_is_real_for_the_caller),
    };
    return cmocka_run_group_tests_name("transports", tests, NULL, NULL);
}
