// The senders of the live transport drive it by turns: who has its answer leaves, whatever the
// others wait for, and nobody is forgotten.
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

// Answers /N after N milliseconds, and /never not at all.
static void answer_late(wire_connection *self)
{
    while (wire_read(self)) {
        const char *path = strchr(self->request, '/');
        if (strncmp(path, "/never", 6) == 0) {
            wire_wait(self);
            return;
        }
        usleep((useconds_t)strtoul(path + 1, NULL, 10) * 1000);
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
}

typedef struct sender {
    live_fixture *live;
    unsigned port;
    const char *path;
    unsigned begins_ms; // after the start
    unsigned timeout_ms;
    kk_cancel *cancel;
    kk_code wanted;
    kk_code code;
    uint64_t took_ms;
} sender;

static void *send_it(void *context)
{
    sender *self = context;
    char url[64];
    kk_response response = {0};
    kk_error err = {0};
    usleep(self->begins_ms * 1000);
    uint64_t start_ms = live_now_ms();
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", self->port, self->path);
    kk_request request = {.method = "GET",
                          .url = url,
                          .deadline_ms = start_ms + self->timeout_ms,
                          .cancel = self->cancel};
    kk_transport *transport = self->live->transport;
    self->code = transport->table->send(transport, &request, &response, &err);
    self->took_ms = live_now_ms() - start_ms;
    transport->table->response_clean(transport, &response);
    return NULL;
}

static void *cancel_later(void *token)
{
    usleep(400000);
    kk_cancel_raise(token);
    return NULL;
}

// Returns how many connections they made.
static unsigned check_all(sender *senders, size_t count, kk_cancel *cancel)
{
    pthread_t threads[16];
    pthread_t canceller;
    live_fixture *live = live_fixture_open(NULL, NULL);
    wire_server *server = wire_server_start(answer_late);
    assert_non_null(server);
    assert_int_equal(pthread_create(&canceller, NULL, cancel_later, cancel), 0);
    for (size_t i = 0; i < count; i++) {
        senders[i].live = live;
        senders[i].port = wire_server_port(server);
        assert_int_equal(pthread_create(&threads[i], NULL, send_it, &senders[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        if (senders[i].code != senders[i].wanted) {
            fail_msg("sender %zu: %s", i, kk_code_name(senders[i].code));
        }
        assert_in_range(senders[i].took_ms, 0, 20000);
    }
    pthread_join(canceller, NULL);
    live_fixture_close(live);
    unsigned connections = wire_server_connections(server);
    wire_server_stop(server);
    return connections;
}

// Six connections to one host are the most, so the requests that never end are few.
static void test_live_turns__nobody_is_forgotten(void **state)
{
    (void)state;
    kk_cancel *cancel = kk_cancel_new();
    sender senders[] = {
        // The first one drives, and leaves before all others.
        {.path = "/50", .timeout_ms = 60000},
        {.path = "/800", .begins_ms = 10, .timeout_ms = 60000},
        {.path = "/never", .begins_ms = 10, .timeout_ms = 300, .wanted = KK_ERR_TIMEOUT},
        {.path = "/never",
         .begins_ms = 20,
         .timeout_ms = 60000,
         .cancel = cancel,
         .wanted = KK_ERR_CANCELLED},
        {.path = "/100", .begins_ms = 150, .timeout_ms = 60000},
        {.path = "/1", .begins_ms = 600, .timeout_ms = 60000},
    };
    (void)check_all(senders, sizeof senders / sizeof *senders, cancel);
    kk_cancel_free(cancel);
}

// Whoever finds none free waits for one, and uses it again.
static void test_live_turns__a_host_gets_six_connections_at_most(void **state)
{
    (void)state;
    enum { SENDERS = 16 };
    sender senders[SENDERS];
    kk_cancel *cancel = kk_cancel_new();
    for (size_t i = 0; i < SENDERS; i++) {
        senders[i] = (sender){.path = "/200", .timeout_ms = 60000};
    }
    assert_in_range(check_all(senders, SENDERS, cancel), 2, 6);
    kk_cancel_free(cancel);
}

// The one who drives is the one who is cancelled, or whose time is over; those who wait go on.
static void test_live_turns__a_driver_that_gives_up_is_replaced(void **state)
{
    (void)state;
    kk_cancel *cancel = kk_cancel_new();
    sender cancelled[] = {
        {.path = "/never", .timeout_ms = 60000, .cancel = cancel, .wanted = KK_ERR_CANCELLED},
        {.path = "/600", .begins_ms = 100, .timeout_ms = 60000},
        {.path = "/700", .begins_ms = 100, .timeout_ms = 60000},
    };
    (void)check_all(cancelled, 3, cancel);
    kk_cancel_free(cancel);
    cancel = kk_cancel_new();
    sender overdue[] = {
        {.path = "/never", .timeout_ms = 200, .wanted = KK_ERR_TIMEOUT},
        {.path = "/500", .begins_ms = 100, .timeout_ms = 60000},
        {.path = "/never", .begins_ms = 100, .timeout_ms = 700, .wanted = KK_ERR_TIMEOUT},
    };
    (void)check_all(overdue, 3, cancel);
    kk_cancel_free(cancel);
}

// The driver sleeps until there is news of its own request; who comes later wakes it.
static void test_live_turns__who_comes_later_is_not_kept_waiting(void **state)
{
    (void)state;
    pthread_t thread;
    kk_cancel *cancel = kk_cancel_new();
    live_fixture *live = live_fixture_open(NULL, NULL);
    wire_server *server = wire_server_start(answer_late);
    sender first = {.live = live,
                    .port = wire_server_port(server),
                    .path = "/never",
                    .timeout_ms = 60000,
                    .cancel = cancel};
    assert_int_equal(pthread_create(&thread, NULL, send_it, &first), 0);
    usleep(500000); // later than libcurl's own first timers
    uint64_t start_ms = live_now_ms();
    kk_code code = live_send(live, "GET", wire_server_port(server), "/1");
    uint64_t took_ms = live_now_ms() - start_ms;
    kk_cancel_raise(cancel);
    pthread_join(thread, NULL);
    assert_ok(code, &live->err);
    assert_in_range(took_ms, 0, 2000);
    assert_code(first.code, KK_ERR_CANCELLED);
    live_fixture_close(live);
    wire_server_stop(server);
    kk_cancel_free(cancel);
}

// The clock that the driver reads breaks a pipe each time, as a library's write may.
static uint64_t breaking_clock(void)
{
    raise(SIGPIPE);
    return live_now_ms();
}

static void test_live_turns__broken_pipe_ends_no_program(void **state)
{
    (void)state;
    sigset_t pending;
    sigset_t mask;
    live_fixture *live = live_fixture_open(NULL, NULL);
    wire_server *server = wire_server_start(answer_late);
    live->host.mono_ms = breaking_clock;
    assert_ok(live_send(live, "GET", wire_server_port(server), "/1"), &live->err);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGPIPE), 0);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGPIPE), 0);
    live_fixture_close(live);
    wire_server_stop(server);
}

// What the program itself had blocked and pending stays so.
static void test_live_turns__signals_of_the_program_stay_its_own(void **state)
{
    (void)state;
    sigset_t set;
    sigset_t before;
    live_fixture *live = live_fixture_open(NULL, NULL);
    wire_server *server = wire_server_start(answer_late);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    raise(SIGPIPE);
    assert_ok(live_send(live, "GET", wire_server_port(server), "/1"), &live->err);
    int taken = 0;
    assert_int_equal(sigwait(&set, &taken), 0); // would wait for ever if it had been taken away
    assert_int_equal(taken, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    live_fixture_close(live);
    wire_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_turns__nobody_is_forgotten),
        cmocka_unit_test(test_live_turns__a_host_gets_six_connections_at_most),
        cmocka_unit_test(test_live_turns__a_driver_that_gives_up_is_replaced),
        cmocka_unit_test(test_live_turns__who_comes_later_is_not_kept_waiting),
        cmocka_unit_test(test_live_turns__broken_pipe_ends_no_program),
        cmocka_unit_test(test_live_turns__signals_of_the_program_stay_its_own),
    };
    return cmocka_run_group_tests_name("live_turns", tests, NULL, NULL);
}
