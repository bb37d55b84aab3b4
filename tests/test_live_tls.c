// The live transport over TLS that comes about and then breaks: what an answer that was cut short
// by somebody on the way must not be taken for.
#include "live_fixture.h"
#include "scratch.h"
#include "test_ca.h"
#include "unit.h"
#include "wire_server.h"
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <unistd.h>

#define HEAD "HTTP/1.1 200 OK\r\n"

static scratch room;
static char ca_file[128];
static gnutls_certificate_credentials_t credentials;

// How a connection ends once its request was read and what there is of an answer was sent.
typedef enum ending {
    ENDS_LATER,      // when the client closes
    ENDS_WELL,       // says goodbye by TLS, then closes
    ENDS_UNSAID,     // closes, as anybody on the way could make it seem
    ENDS_IN_RESET,   // is reset
    ENDS_IN_ALERT,   // the server gives up, and says so by TLS
    ENDS_IN_GARBAGE, // bytes come that are no TLS
} ending;

static const char *answer; // of every request
static ending end_of_answer;
static atomic_uint requests; // that were read whole

static gnutls_session_t shake_hands(wire_connection *self, bool is_http2)
{
    const gnutls_datum_t http2 = {(unsigned char *)"h2", 2};
    gnutls_session_t session = NULL;
    assert_int_equal(gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), 0);
    assert_int_equal(gnutls_set_default_priority(session), 0);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, self->fd);
    if (is_http2) {
        assert_int_equal(gnutls_alpn_set_protocols(session, &http2, 1, 0), 0);
    }
    int result;
    do {
        result = gnutls_handshake(session);
    } while (result < 0 && gnutls_error_is_fatal(result) == 0);
    return session;
}

// Reads one request, none of which has a body.
static bool read_request(gnutls_session_t session)
{
    char text[4096] = "";
    size_t len = 0;
    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t got = gnutls_record_recv(session, text + len, sizeof text - 1 - len);
        if (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_AGAIN) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        len += (size_t)got;
        text[len] = '\0';
    }
    atomic_fetch_add(&requests, 1);
    return true;
}

static void end_session(wire_connection *self, gnutls_session_t session)
{
    usleep(20000); // so that what was sent has arrived
    char rest;
    switch (end_of_answer) {
    case ENDS_LATER:
        while (gnutls_record_recv(session, &rest, 1) > 0) {
        }
        break;
    case ENDS_WELL:
        (void)gnutls_bye(session, GNUTLS_SHUT_WR);
        break;
    case ENDS_IN_RESET:
        wire_reset(self);
        break;
    case ENDS_IN_ALERT:
        (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_INTERNAL_ERROR);
        break;
    case ENDS_IN_GARBAGE:
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        break;
    case ENDS_UNSAID:
        break;
    }
}

static void serve(wire_connection *self)
{
    gnutls_session_t session = shake_hands(self, false);
    if (read_request(session)) {
        (void)gnutls_record_send(session, answer, strlen(answer));
        end_session(self, session);
    }
    gnutls_deinit(session);
}

// The first request of a connection is answered if it reads, and the second is not.
static void serve_one_read(wire_connection *self)
{
    static const char empty[] = HEAD "Content-Length: 2\r\n\r\n{}";
    gnutls_session_t session = shake_hands(self, false);
    if (atomic_load(&requests) == 0 && read_request(session)) {
        (void)gnutls_record_send(session, empty, strlen(empty));
    }
    (void)read_request(session);
    gnutls_deinit(session);
}

typedef struct pair {
    live_fixture *live;
    wire_server *server;
} pair;

static pair pair_open(wire_script script)
{
    pair self = {live_fixture_open(ca_file, NULL), wire_server_start(script)};
    assert_non_null(self.server);
    atomic_store(&requests, 0);
    return self;
}

static void pair_close(pair *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

static kk_code send_to(pair *self, const char *method)
{
    char url[64];
    snprintf(url, sizeof url, "https://localhost:%u/v1/things", wire_server_port(self->server));
    kk_request request = {.method = method, .url = url, .deadline_ms = live_now_ms() + 10000};
    return live_send_request(self->live, &request);
}

static void test_live_tls__broken_answer_is_none(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        ending end;
        kk_code code;
    } rows[] = {
        {"", ENDS_WELL, KK_ERR_RESET},
        {"", ENDS_UNSAID, KK_ERR_RESET},
        {"", ENDS_IN_RESET, KK_ERR_RESET},
        {"", ENDS_IN_ALERT, KK_ERR_RESET},
        {"", ENDS_IN_GARBAGE, KK_ERR_RESET},
        {HEAD "Content-Ty", ENDS_UNSAID, KK_ERR_TRUNCATED},
        {HEAD "Content-Length: 9\r\n\r\nhalf", ENDS_WELL, KK_ERR_TRUNCATED},
        {HEAD "Content-Length: 9\r\n\r\nhalf", ENDS_UNSAID, KK_ERR_TRUNCATED},
        {HEAD "Content-Length: 9\r\n\r\nhalf", ENDS_IN_RESET, KK_ERR_TRUNCATED},
        {HEAD "Content-Length: 9\r\n\r\nhalf", ENDS_IN_ALERT, KK_ERR_TRUNCATED},
        {HEAD "Content-Length: 9\r\n\r\nhalf", ENDS_IN_GARBAGE, KK_ERR_TRUNCATED},
        {HEAD "Connection: close\r\n\r\nwhole", ENDS_WELL, KK_OK},
        {HEAD "Connection: close\r\n\r\nhalf", ENDS_IN_RESET, KK_ERR_TRUNCATED},
        {HEAD "Connection: close\r\n\r\nhalf", ENDS_IN_ALERT, KK_ERR_TRUNCATED},
        {HEAD "Connection: close\r\n\r\nhalf", ENDS_IN_GARBAGE, KK_ERR_TRUNCATED},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        answer = rows[i / 2].answer;
        end_of_answer = rows[i / 2].end;
        pair self = pair_open(serve);
        kk_code code = send_to(&self, i % 2 == 0 ? "GET" : "POST");
        if (code != rows[i / 2].code) {
            fail_msg("row %zu: %s, %s", i / 2, kk_code_name(code), self.live->err.message);
        }
        assert_int_equal(self.live->sent, code == KK_OK ? KK_SENT_YES : KK_SENT_MAYBE);
        assert_int_equal(atomic_load(&requests), 1);
        pair_close(&self);
    }
}

static void test_live_tls__write_on_a_dying_connection_is_delivered_once(void **state)
{
    (void)state;
    const char *const methods[] = {"POST", "PATCH", "PUT", "DELETE"};
    for (size_t i = 0; i < 4; i++) {
        pair self = pair_open(serve_one_read);
        assert_ok(send_to(&self, "GET"), &self.live->err);
        assert_code(send_to(&self, methods[i]), KK_ERR_RESET);
        assert_int_equal(self.live->sent, KK_SENT_MAYBE);
        assert_int_equal(atomic_load(&requests), 2);
        pair_close(&self);
    }
}

// ---- HTTP/2, frame by frame

// Nine bytes: the length of what follows, a type, flags, and the stream, which is always the first.
#define FRAME(length, type, flags, stream) "\0\0" length type flags "\0\0\0" stream
#define SETTINGS FRAME("\x00", "\x04", "\x00", "\x00")
#define HEADERS FRAME("\x01", "\x01", "\x04", "\x01") "\x88" // :status 200
#define DATA FRAME("\x02", "\x00", "\x00", "\x01") "{}"
#define LAST_DATA FRAME("\x02", "\x00", "\x01", "\x01") "{}"
#define RST_STREAM(reason) FRAME("\x04", "\x03", "\x00", "\x01") "\0\0\0" reason
#define GOAWAY FRAME("\x08", "\x07", "\x00", "\x00") "\0\0\0\0\0\0\0\0" // no stream was seen
#define ROW(literal)                                                                               \
    {                                                                                              \
        ("" literal), sizeof(literal) - 1                                                          \
    }

static const kk_str *frames; // two parts, with a pause between, that answer every request

static bool read_bytes(gnutls_session_t session, unsigned char *out, size_t len)
{
    while (len > 0) {
        ssize_t got = gnutls_record_recv(session, out, len);
        if (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_AGAIN) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        out += got;
        len -= (size_t)got;
    }
    return true;
}

// Reads up to the end of the next frame of a request's header.
static bool read_http2_request(gnutls_session_t session)
{
    unsigned char head[9];
    unsigned char payload[0x10000];
    do {
        if (!read_bytes(session, head, sizeof head) ||
            !read_bytes(session, payload, (size_t)head[1] << 8 | head[2])) {
            return false;
        }
    } while (head[3] != 1);
    atomic_fetch_add(&requests, 1);
    return true;
}

static void serve_http2(wire_connection *self)
{
    unsigned char preface[24];
    gnutls_session_t session = shake_hands(self, true);
    if (read_bytes(session, preface, sizeof preface) && read_http2_request(session)) {
        (void)gnutls_record_send(session, SETTINGS, sizeof SETTINGS - 1);
        (void)gnutls_record_send(session, frames[0].ptr, frames[0].len);
        usleep(20000);
        (void)gnutls_record_send(session, frames[1].ptr, frames[1].len);
        end_session(self, session);
    }
    gnutls_deinit(session);
}

static void test_live_tls__broken_stream_of_http2_is_no_answer(void **state)
{
    (void)state;
    static const struct {
        kk_str frames[2];
        ending end;
        kk_code code;
    } rows[] = {
        {{ROW(HEADERS LAST_DATA), ROW("")}, ENDS_LATER, KK_OK},
        {{ROW(HEADERS), ROW(LAST_DATA)}, ENDS_LATER, KK_OK},
        {{ROW(RST_STREAM("\x07")), ROW("")}, ENDS_LATER, KK_ERR_RESET}, // refused
        {{ROW(RST_STREAM("\x02")), ROW("")}, ENDS_LATER, KK_ERR_RESET}, // internal error
        {{ROW(RST_STREAM("\x00")), ROW("")}, ENDS_LATER, KK_ERR_RESET}, // no error
        {{ROW(GOAWAY), ROW("")}, ENDS_LATER, KK_ERR_RESET},
        {{ROW("HTTP/1.1 400 No\r\n\r\n"), ROW("")}, ENDS_LATER, KK_ERR_RESET},
        {{ROW(""), ROW("")}, ENDS_WELL, KK_ERR_RESET},
        {{ROW(""), ROW("")}, ENDS_IN_RESET, KK_ERR_RESET},
        {{ROW(HEADERS), ROW(RST_STREAM("\x02"))}, ENDS_LATER, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW(RST_STREAM("\x02"))}, ENDS_LATER, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW(GOAWAY)}, ENDS_LATER, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW("")}, ENDS_WELL, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW("")}, ENDS_UNSAID, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW("")}, ENDS_IN_RESET, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW("")}, ENDS_IN_ALERT, KK_ERR_TRUNCATED},
        {{ROW(HEADERS DATA), ROW("")}, ENDS_IN_GARBAGE, KK_ERR_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        frames = rows[i].frames;
        end_of_answer = rows[i].end;
        pair self = pair_open(serve_http2);
        kk_code code = send_to(&self, "GET");
        if (code != rows[i].code) {
            fail_msg("row %zu: %s, %s", i, kk_code_name(code), self.live->err.message);
        }
        assert_int_equal(self.live->sent, code == KK_OK ? KK_SENT_YES : KK_SENT_MAYBE);
        pair_close(&self);
    }
}

static int set_up(void **state)
{
    (void)state;
    kk_error err = {0};
    char certificate[128];
    scratch_init(&room);
    assert_ok(test_ca_write(room.dir, NULL, &err), &err);
    snprintf(ca_file, sizeof ca_file, "%s", scratch_path(&room, "ca.pem"));
    snprintf(certificate, sizeof certificate, "%s", scratch_path(&room, "server.pem"));
    assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
    return gnutls_certificate_set_x509_key_file(
        credentials, certificate, scratch_path(&room, "server.key"), GNUTLS_X509_FMT_PEM);
}

static int tear_down(void **state)
{
    (void)state;
    gnutls_certificate_free_credentials(credentials);
    scratch_clean(&room);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_tls__broken_answer_is_none),
        cmocka_unit_test(test_live_tls__broken_stream_of_http2_is_no_answer),
        cmocka_unit_test(test_live_tls__write_on_a_dying_connection_is_delivered_once),
    };
    return cmocka_run_group_tests_name("live_tls", tests, set_up, tear_down);
}
