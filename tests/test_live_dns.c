// The live transport and names: slow ones, and such that lead inside.
//
// The resolver is the test's own: libcurl asks getaddrinfo(), and finds the one of the program.
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int asked;
static atomic_int nap_ms;
static const char *_Atomic address_text; // what every name resolves to; NULL = no answer

static struct addrinfo *make_answer(const char *text, const char *service,
                                    const struct addrinfo *hints)
{
    struct addrinfo *out = calloc(1, sizeof *out + sizeof(struct sockaddr_in));
    struct sockaddr_in *address = (struct sockaddr_in *)(out + 1);
    *address = (struct sockaddr_in){.sin_family = AF_INET,
                                    .sin_port = htons((uint16_t)strtoul(service, NULL, 10))};
    (void)inet_pton(AF_INET, text, &address->sin_addr);
    *out = (struct addrinfo){.ai_family = AF_INET,
                             .ai_socktype = hints != NULL ? hints->ai_socktype : SOCK_STREAM,
                             .ai_protocol = IPPROTO_TCP,
                             .ai_addrlen = sizeof *address,
                             .ai_addr = (struct sockaddr *)address};
    return out;
}

// The answers are freed one by one, by a function that goes with this one.
KK_PUBLIC int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                          struct addrinfo **out)
{
    (void)name;
    atomic_fetch_add(&asked, 1);
    for (int slept = 0; slept < atomic_load(&nap_ms); slept += 10) {
        usleep(10000);
    }
    const char *text = atomic_load(&address_text);
    if (text == NULL) {
        return EAI_AGAIN;
    }
    *out = make_answer(text, service, hints);
    return 0;
}

KK_PUBLIC void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

static void answer(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
}

typedef struct pair {
    live_fixture *live;
    wire_server *server;
} pair;

static pair pair_open(const char *address)
{
    pair self = {live_fixture_open(NULL, NULL), wire_server_start(answer)};
    assert_non_null(self.server);
    atomic_store(&asked, 0);
    atomic_store(&nap_ms, 0);
    atomic_store(&address_text, address);
    return self;
}

static void pair_close(pair *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

static kk_code get(pair *self, const char *origin, int timeout_ms, kk_cancel *cancel)
{
    char url[128];
    snprintf(url, sizeof url, "%s:%u/v1/things", origin, wire_server_port(self->server));
    kk_request request = {.method = "GET",
                          .url = url,
                          .deadline_ms = live_now_ms() + (uint64_t)timeout_ms,
                          .cancel = cancel};
    return live_send_request(self->live, &request);
}

static void test_live_dns__name_that_leads_inside_gains_nothing(void **state)
{
    (void)state;
    static const char *const inner[] = {"127.0.0.1",       "10.0.0.1", "192.168.0.1",
                                        "169.254.169.254", "0.0.0.0",  "192.0.2.1"};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        pair self = pair_open(inner[i]);
        assert_code(get(&self, "https://service.example", 10000, NULL), KK_ERR_DENIED);
        assert_int_equal(self.live->sent, KK_SENT_NO);
        assert_holds(self.live->err.message, "not on the public Internet");
        assert_int_equal(atomic_load(&asked), 1); // it was our resolver that answered
        assert_int_equal(wire_server_connections(self.server), 0);
        pair_close(&self);
    }
}

static void test_live_dns__localhost_stays_here(void **state)
{
    (void)state;
    pair self = pair_open("192.0.2.1");
    kk_code code = get(&self, "http://localhost", 3000, NULL);
    // libcurl answers for localhost itself and asks nobody, and otherwise we refuse.
    assert_true(code == KK_OK || code == KK_ERR_DENIED || code == KK_ERR_CONNECT);
    assert_int_equal(wire_server_connections(self.server), code == KK_OK ? 1 : 0);
    pair_close(&self);
}

static void test_live_dns__no_answer_is_dns_and_unsent(void **state)
{
    (void)state;
    pair self = pair_open(NULL);
    assert_code(get(&self, "https://service.example", 10000, NULL), KK_ERR_DNS);
    assert_int_equal(self.live->sent, KK_SENT_NO);
    assert_string_equal(self.live->err.message,
                        "GET service.example/v1/things: the host name could not be resolved");
    pair_close(&self);
}

// The deadline ends the wait for a name server, and closing does not wait for it either.
static void test_live_dns__slow_name_ends_at_the_deadline(void **state)
{
    (void)state;
    pair self = pair_open("127.0.0.1");
    atomic_store(&nap_ms, 20000);
    uint64_t start_ms = live_now_ms();
    assert_code(get(&self, "https://service.example", 300, NULL), KK_ERR_TIMEOUT);
    assert_int_equal(self.live->sent, KK_SENT_NO);
    pair_close(&self);
    assert_in_range(live_now_ms() - start_ms, 300, 10000);
    atomic_store(&nap_ms, 0);
}

static void *cancel_soon(void *token)
{
    usleep(200000);
    kk_cancel_raise(token);
    return NULL;
}

static void test_live_dns__cancelling_ends_a_slow_name(void **state)
{
    (void)state;
    pair self = pair_open("127.0.0.1");
    pthread_t thread;
    kk_cancel *cancel = kk_cancel_new();
    atomic_store(&nap_ms, 20000);
    uint64_t start_ms = live_now_ms();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
    assert_code(get(&self, "https://service.example", 60000, cancel), KK_ERR_CANCELLED);
    assert_in_range(live_now_ms() - start_ms, 0, 10000);
    assert_int_equal(self.live->sent, KK_SENT_NO);
    pthread_join(thread, NULL);
    pair_close(&self);
    kk_cancel_free(cancel);
    atomic_store(&nap_ms, 0);
}

static void *get_slowly(void *context)
{
    pair *self = context;
    const kk_transport_table *table = self->live->transport->table;
    kk_request request = {
        .method = "GET", .url = "https://service.example/", .deadline_ms = live_now_ms() + 5000};
    kk_response response = {0};
    kk_error err = {0};
    (void)table->send(self->live->transport, &request, &response, &err);
    table->response_clean(self->live->transport, &response);
    return NULL;
}

// One request that waits for a name does not hold the others up.
static void test_live_dns__slow_name_leaves_others_alone(void **state)
{
    (void)state;
    pair self = pair_open("192.0.2.1");
    pthread_t thread;
    atomic_store(&nap_ms, 20000);
    assert_int_equal(pthread_create(&thread, NULL, get_slowly, &self), 0);
    for (int i = 0; i < 5000 && atomic_load(&asked) == 0; i++) {
        usleep(1000);
    }
    uint64_t start_ms = live_now_ms();
    for (int i = 0; i < 20; i++) {
        assert_ok(get(&self, "http://127.0.0.1", 4000, NULL), &self.live->err);
    }
    assert_in_range(live_now_ms() - start_ms, 0, 4000);
    pthread_join(thread, NULL);
    atomic_store(&nap_ms, 0);
    pair_close(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_dns__name_that_leads_inside_gains_nothing),
        cmocka_unit_test(test_live_dns__localhost_stays_here),
        cmocka_unit_test(test_live_dns__no_answer_is_dns_and_unsent),
        cmocka_unit_test(test_live_dns__slow_name_ends_at_the_deadline),
        cmocka_unit_test(test_live_dns__cancelling_ends_a_slow_name),
        cmocka_unit_test(test_live_dns__slow_name_leaves_others_alone),
    };
    return cmocka_run_group_tests_name("live_dns", tests, NULL, NULL);
}
