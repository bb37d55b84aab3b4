// Live, record and replay: the same script, the same results.
#include "live_fixture.h"
#include "scratch.h"
#include "tape.h"
#include "tape_write.h"
#include "tape_write_private.h"
#include "transport_suite.h"
#include "unit.h"
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

static void play_live(const char *base, unsigned closed, kk_buf *seen)
{
    live_fixture *live = live_fixture_open(NULL, RESOLVE);
    assert_string_equal(live->transport->table->name, "live");
    transport_suite_play(live->transport, base, closed, seen);
    live_fixture_close(live);
}

static void play_recording(const char *tape, const char *base, unsigned closed, kk_buf *seen)
{
    kk_error err = {0};
    kk_tape_writer *writer = NULL;
    live_fixture *live = live_fixture_open(NULL, RESOLVE);
    assert_ok(kk_tape_writer_open(tape, &writer, &err), &err);
    assert_ok(kk_transport_record_open(live->transport, writer, &live->transport, &err), &err);
    assert_string_equal(live->transport->table->name, "record");
    transport_suite_play(live->transport, base, closed, seen);
    live_fixture_close(live);
    assert_ok(kk_tape_writer_save(writer, &err), &err);
    kk_tape_writer_free(writer);
}

static void play_replay(const char *file, const char *base, unsigned closed, kk_buf *seen)
{
    kk_error err = {0};
    kk_tape *tape = NULL;
    kk_transport *transport = NULL;
    assert_ok(kk_tape_load(file, &tape, &err), &err);
    kk_time_source *time = kk_time_virtual(kk_tape_recorded_ms(tape));
    assert_ok(kk_transport_replay_open(tape, time, (kk_replay_delay){0}, &transport, &err), &err);
    assert_string_equal(transport->table->name, "replay");
    transport_suite_play(transport, base, closed, seen);
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
    play_live(http_server_url(server), closed, &live);
    assert_true(http_server_requests(server) >= transport_suite_served());
    http_server_stop(server);

    count = 0;
    server = start(&count);
    snprintf(base, sizeof base, "%s", http_server_url(server));
    play_recording(tape, base, closed, &recorded);
    assert_true(http_server_requests(server) >= transport_suite_served());
    http_server_stop(server);
    play_replay(tape, base, closed, &replayed);

    assert_seen(&live, "status 200");
    assert_every_failure(&live);
    assert_seen(&live, "{\"n\":3}");
    assert_int_equal(live.len, recorded.len);
    assert_memory_equal(live.ptr, recorded.ptr, live.len);
    if (replayed.len != recorded.len || memcmp(recorded.ptr, replayed.ptr, recorded.len) != 0) {
        print_error("recorded:%s\nreplayed:%s\n", kk_buf_text(&recorded), kk_buf_text(&replayed));
        fail();
    }
    kk_buf_clean(&live);
    kk_buf_clean(&recorded);
    kk_buf_clean(&replayed);
    close(fd);
    scratch_clean(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transports__give_the_same_results),
    };
    return cmocka_run_group_tests_name("transports", tests, NULL, NULL);
}
