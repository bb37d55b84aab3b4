// The transport that answers from a tape: answers, recorded failures, cancellation, deadlines.
#include "tapes.h"
#include "transport.h"
#include <pthread.h>

typedef struct deck {
    kk_tape *tape;
    kk_time_source *time;
    kk_transport *transport;
} deck;

static deck slow_deck_of(const char *entries, const char *delay_text)
{
    deck self = {.tape = tape_of("", entries)};
    kk_error err = {0};
    self.time = kk_time_virtual(kk_tape_recorded_ms(self.tape));
    assert_non_null(self.time);
    kk_replay_delay delay = {0};
    assert_ok(kk_replay_delay_parse(delay_text, &delay, &err), &err);
    assert_ok(kk_transport_replay_open(self.tape, self.time, delay, &self.transport, &err), &err);
    assert_string_equal(self.transport->table->name, "replay");
    return self;
}

static deck deck_of(const char *entries)
{
    return slow_deck_of(entries, "off");
}

static void deck_clean(deck *self)
{
    self->transport->table->close(self->transport);
    kk_time_free(self->time);
    kk_tape_free(self->tape);
}

static kk_code send_get(deck *self, kk_request request, kk_response *out, kk_error *err)
{
    request.method = "GET";
    request.url = HOST "/a?token=q1";
    *err = (kk_error){0};
    return self->transport->table->send(self->transport, &request, out, err);
}

static const kk_request PLAIN = {.deadline_ms = UINT64_MAX};

static void test_replay__answers_from_the_tape(void **state)
{
    (void)state;
    deck self = deck_of("{\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                        "/a?token=q1\"},\"response\":{\"status\":422,\"headers\":[{\"name\":"
                        "\"ETag\",\"value\":\"x\"}],\"content\":{\"text\":\"no\"}}}");
    kk_response response = {0};
    kk_error err;
    assert_ok(send_get(&self, PLAIN, &response, &err), &err);
    assert_int_equal(response.sent, KK_SENT_YES);
    assert_int_equal(response.status, 422);
    assert_int_equal(response.header_count, 1);
    assert_string_equal(response.headers[0].name, "etag");
    assert_string_equal(response.body.ptr, "no");
    assert_int_equal(response.body.len, 2);
    self.transport->table->response_clean(self.transport, &response);
    assert_null(response.body.ptr);
    self.transport->table->response_clean(self.transport, &response);

    response.sent = KK_SENT_YES;
    assert_code(send_get(&self, PLAIN, &response, &err), KK_ERR_REPLAY_MISS);
    assert_string_equal(err.reason, "exhausted");
    assert_int_equal(response.sent, KK_SENT_NO);
    deck_clean(&self);
}

static void assert_failure(const char *failure, const char *response, kk_code code, kk_sent sent)
{
    char entry[512];
    (void)snprintf(entry, sizeof entry,
                   "{%s\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                   "/a?token=q1\"},\"response\":{%s}}",
                   failure, response);
    deck self = deck_of(entry);
    kk_response out = {0};
    kk_error err;
    assert_code(send_get(&self, PLAIN, &out, &err), code);
    assert_int_equal(out.sent, sent);
    assert_int_equal(err.code, code);
    assert_holds(err.message, "GET api.example.com/a ");
    assert_null(strstr(err.message, "q1"));
    deck_clean(&self);
}

static void test_replay__fails_as_recorded(void **state)
{
    (void)state;
    static const struct {
        const char *failure;
        int status;
        kk_code code;
        kk_sent sent;
    } rows[] = {
        {"{\"kind\":\"dns\"}", 0, KK_ERR_DNS, KK_SENT_NO},
        {"{\"kind\":\"connect\",\"phase\":\"connect\",\"curl_code\":7}", 0, KK_ERR_CONNECT,
         KK_SENT_NO},
        {"{\"kind\":\"tls\"}", 0, KK_ERR_TLS, KK_SENT_NO},
        {"{\"kind\":\"reset\",\"after_bytes\":0}", 0, KK_ERR_RESET, KK_SENT_MAYBE},
        {"{\"kind\":\"truncated\"}", 0, KK_ERR_TRUNCATED, KK_SENT_MAYBE},
        {"{\"kind\":\"truncated\",\"after_bytes\":12}", 200, KK_ERR_TRUNCATED, KK_SENT_YES},
        {"{\"kind\":\"protocol\"}", 0, KK_ERR_PROTOCOL, KK_SENT_YES},
        {"{\"kind\":\"timeout\",\"phase\":\"wait\"}", 0, KK_ERR_TIMEOUT, KK_SENT_MAYBE},
        {"{\"kind\":\"timeout\",\"phase\":\"connect\"}", 0, KK_ERR_TIMEOUT, KK_SENT_NO},
        {"{\"kind\":\"cancelled\"}", 0, KK_ERR_CANCELLED, KK_SENT_MAYBE},
        {"{\"kind\":\"too_large\"}", 200, KK_ERR_TOO_LARGE, KK_SENT_YES},
        {"{\"kind\":\"redirect_refused\"}", 302, KK_ERR_REDIRECT_REFUSED, KK_SENT_YES},
        {"{\"kind\":\"denied\"}", 0, KK_ERR_DENIED, KK_SENT_NO},
        {"{\"kind\":\"reset\",\"sent\":\"no\"}", 0, KK_ERR_RESET, KK_SENT_NO},
        {"{\"kind\":\"timeout\",\"sent\":\"yes\"}", 0, KK_ERR_TIMEOUT, KK_SENT_YES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char failure[160];
        char response[64];
        (void)snprintf(failure, sizeof failure, "\"_failure\":%s,", rows[i].failure);
        (void)snprintf(response, sizeof response, "\"status\":%d", rows[i].status);
        assert_failure(failure, response, rows[i].code, rows[i].sent);
    }
    assert_failure("", "\"status\":307", KK_ERR_REDIRECT_REFUSED, KK_SENT_YES);
}

static void assert_no_failure(const char *failure, int status, const char *pointer)
{
    char entry[512];
    (void)snprintf(entry, sizeof entry,
                   "{\"_failure\":%s,\"request\":{\"method\":\"GET\",\"url\":\"" HOST
                   "/\"},\"response\":{\"status\":%d}}",
                   failure, status);
    char *text = tape_text("", entry);
    kk_error err = {0};
    kk_tape *tape = NULL;
    assert_code(kk_tape_parse(kk_str_from(text), "x.har", &tape, &err), KK_ERR_TAPE_INVALID);
    assert_string_equal(err.argument, pointer);
    free(text);
}

static void test_replay__refuses_failures_that_cannot_be(void **state)
{
    (void)state;
    assert_no_failure("{\"kind\":\"reset\",\"sent\":\"often\"}", 0, "/log/entries/0/_failure/sent");
    assert_no_failure("{\"kind\":\"truncated\",\"sent\":\"no\"}", 200,
                      "/log/entries/0/_failure/sent");
    assert_no_failure("{\"kind\":\"gone\"}", 0, "/log/entries/0/_failure/kind");
    assert_no_failure("{\"phase\":\"wait\"}", 0, "/log/entries/0/_failure");
    assert_no_failure("{\"kind\":\"reset\",\"phase\":\"lunch\"}", 0,
                      "/log/entries/0/_failure/phase");
    assert_no_failure("{\"kind\":\"too_large\",\"phase\":\"dns\"}", 200,
                      "/log/entries/0/_failure/phase");
    assert_no_failure("{\"kind\":\"dns\"}", 200, "/log/entries/0/_failure/kind");
    assert_no_failure("{\"kind\":\"dns\",\"curl_code\":-1}", 0,
                      "/log/entries/0/_failure/curl_code");
    assert_no_failure("{\"kind\":\"dns\"}", 100, "/log/entries/0/response/status");
}

static void test_replay__a_raised_token_or_a_passed_deadline_uses_nothing(void **state)
{
    (void)state;
    deck self = deck_of(ENTRY("", "GET", HOST "/a?token=q1", "", "1"));
    kk_response out = {.sent = KK_SENT_YES};
    kk_error err;
    kk_request request = PLAIN;
    request.cancel = kk_cancel_new();
    assert_non_null(request.cancel);
    kk_cancel_raise(request.cancel);
    assert_code(send_get(&self, request, &out, &err), KK_ERR_CANCELLED);
    assert_int_equal(out.sent, KK_SENT_NO);
    kk_cancel_free(request.cancel);

    request = PLAIN;
    request.deadline_ms = kk_time_mono_ms(self.time) + 1000;
    assert_true(kk_time_sleep_until(self.time, request.deadline_ms, NULL));
    out.sent = KK_SENT_YES;
    assert_code(send_get(&self, request, &out, &err), KK_ERR_TIMEOUT);
    assert_int_equal(out.sent, KK_SENT_NO);

    request.deadline_ms++;
    assert_ok(send_get(&self, request, &out, &err), &err);
    assert_string_equal(out.body.ptr, "1");
    deck_clean(&self);
}

enum { THREADS = 8, SENDS = 125 };

static void *send_many(void *context)
{
    size_t got = 0;
    for (int i = 0; i < SENDS; i++) {
        kk_response out = {0};
        kk_error err;
        got += send_get(context, PLAIN, &out, &err) == KK_OK && out.body.len == 1 ? 1 : 0;
    }
    return (void *)(uintptr_t)got;
}

static void test_replay__sends_on_many_threads(void **state)
{
    (void)state;
    deck self = deck_of(ENTRY("\"_repeat\":999,", "GET", HOST "/a?token=q1", "", "1"));
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &self), 0);
    }
    size_t total = 0;
    for (size_t i = 0; i < THREADS; i++) {
        void *got = NULL;
        pthread_join(threads[i], &got);
        total += (uintptr_t)got;
    }
    assert_int_equal(total, 999);
    deck_clean(&self);
}

static void test_replay__tells_a_failure_as_it_was_told(void **state)
{
    (void)state;
    deck self =
        deck_of("{\"_failure\":{\"kind\":\"tls\",\"hint\":\"set "
                "KK_CA_FILE\"},\"request\":{\"method\":\"GET\","
                "\"url\":\"" HOST "/a?token=q1\"},\"response\":{\"status\":0,\"_error\":\"GET "
                "api.example.com/a: the certificate has expired\"}}");
    kk_response out = {0};
    kk_error err;
    assert_code(send_get(&self, PLAIN, &out, &err), KK_ERR_TLS);
    assert_string_equal(err.message, "GET api.example.com/a: the certificate has expired");
    assert_string_equal(err.hint, "set KK_CA_FILE");
    deck_clean(&self);
}

// ---- Delays

#define SLOW_ENTRY                                                                                 \
    ENTRY("\"_repeat\":\"any\",\"time\":30000.5,", "GET", HOST "/a?token=q1", "", "1")

// The tape's time passes on its own clock: whoever waited for it would take as long.
static void assert_nobody_waited(uint64_t since_ms, uint64_t passed_ms)
{
    assert_true(passed_ms < 3000 || kk_time_mono_ms(kk_time_real()) - since_ms < passed_ms);
}

static void assert_delay(const char *delay, uint64_t wanted_ms)
{
    uint64_t since_ms = kk_time_mono_ms(kk_time_real());
    deck self = slow_deck_of(SLOW_ENTRY, delay);
    kk_response out = {0};
    kk_error err;
    assert_ok(send_get(&self, PLAIN, &out, &err), &err);
    assert_int_equal(kk_time_mono_ms(self.time), wanted_ms);
    assert_nobody_waited(since_ms, wanted_ms);
    deck_clean(&self);
}

static void test_replay__answers_take_as_long_as_is_asked(void **state)
{
    (void)state;
    assert_delay("off", 0);
    assert_delay("recorded", 30000);
    assert_delay("x0.1", 3000);
    assert_delay("x2", 60000);
    assert_delay("x0.0005", 0);
    assert_delay("250ms", 250);
    static const char *const bad[] = {"",      "x",     "x-1",           "1",
                                      "1s",    "x1.",   "-5ms",          "on ",
                                      "x1001", "1e3ms", "99999999999ms", "recorded "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kk_replay_delay delay;
        kk_error err = {0};
        assert_code(kk_replay_delay_parse(bad[i], &delay, &err), KK_ERR_USAGE);
        assert_holds(err.hint, "recorded");
    }
}

static void test_replay__an_answer_after_the_deadline_is_a_timeout(void **state)
{
    (void)state;
    uint64_t since_ms = kk_time_mono_ms(kk_time_real());
    deck self = slow_deck_of(SLOW_ENTRY, "recorded");
    kk_response out = {0};
    kk_error err;
    kk_request request = PLAIN;
    request.deadline_ms = 29999;
    assert_code(send_get(&self, request, &out, &err), KK_ERR_TIMEOUT);
    assert_int_equal(out.sent, KK_SENT_MAYBE);
    assert_int_equal(kk_time_mono_ms(self.time), 29999);
    assert_nobody_waited(since_ms, 29999);
    request.deadline_ms = 29999 + 30000;
    assert_ok(send_get(&self, request, &out, &err), &err);
    deck_clean(&self);
}

// ---- A thousand replays

enum { REPLAYS = 1000 };

static const char *const script[] = {"/a", "/b", "/a", "/c", "/a"};
static const char script_entries[] =
    ENTRY("", "GET", HOST "/a", "", "1") "," ENTRY("", "GET", HOST "/a", "", "2") "," ENTRY(
        "\"_repeat\":\"last\",", "GET", HOST "/a", "",
        "3") "," ENTRY("\"_repeat\":\"any\",", "GET", HOST "/b", "",
                       "4") "," ENTRY("\"_failure\":{\"kind\":\"reset\"},", "GET", HOST "/c", "",
                                      "5");

// One replay of the script: every answer and failure in one text.
static void play(char *out, size_t out_size)
{
    deck self = slow_deck_of(script_entries, "10ms");
    size_t len = 0;
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
        char url[64];
        kk_response response = {0};
        kk_error err = {0};
        (void)snprintf(url, sizeof url, HOST "%s", script[i]);
        kk_request request = {.method = "GET", .url = url, .deadline_ms = UINT64_MAX};
        kk_code code = self.transport->table->send(self.transport, &request, &response, &err);
        len += (size_t)snprintf(out + len, out_size - len, "%s ",
                                code == KK_OK ? response.body.ptr : kk_code_name(code));
    }
    snprintf(out + len, out_size - len, "at %llu, %zu unused",
             (unsigned long long)kk_time_mono_ms(self.time), kk_tape_unused(self.tape, NULL, 0));
    deck_clean(&self);
}

static void *play_many(void *context)
{
    (void)context;
    size_t same = 0;
    for (size_t i = 0; i < REPLAYS / THREADS; i++) {
        char text[160];
        play(text, sizeof text);
        same += strcmp(text, "1 4 2 reset 3 at 50, 0 unused") == 0 ? 1 : 0;
    }
    return (void *)(uintptr_t)same;
}

static void test_replay__a_thousand_of_them_on_eight_threads_are_the_same(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t same = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, play_many, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *got = NULL;
        pthread_join(threads[i], &got);
        same += (uintptr_t)got;
    }
    assert_int_equal(same, REPLAYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay__answers_from_the_tape),
        cmocka_unit_test(test_replay__fails_as_recorded),
        cmocka_unit_test(test_replay__refuses_failures_that_cannot_be),
        cmocka_unit_test(test_replay__a_raised_token_or_a_passed_deadline_uses_nothing),
        cmocka_unit_test(test_replay__tells_a_failure_as_it_was_told),
        cmocka_unit_test(test_replay__answers_take_as_long_as_is_asked),
        cmocka_unit_test(test_replay__an_answer_after_the_deadline_is_a_timeout),
        cmocka_unit_test(test_replay__sends_on_many_threads),
        cmocka_unit_test(test_replay__a_thousand_of_them_on_eight_threads_are_the_same),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
