// The transport that answers from a tape: answers, recorded failures, cancellation, deadlines.
#include "tapes.h"
#include "transport.h"
#include <pthread.h>

typedef struct deck {
    kk_tape *tape;
    kk_time_source *time;
    kk_transport *transport;
} deck;

static deck deck_of(const char *entries)
{
    deck self = {.tape = tape_of("", entries)};
    kk_error err = {0};
    self.time = kk_time_virtual(kk_tape_recorded_ms(self.tape));
    assert_non_null(self.time);
    assert_ok(kk_transport_replay_open(self.tape, self.time, &self.transport, &err), &err);
    assert_string_equal(self.transport->table->name, "replay");
    return self;
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
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char failure[160];
        char response[64];
        (void)snprintf(failure, sizeof failure, "\"_failure\":%s,", rows[i].failure);
        (void)snprintf(response, sizeof response, "\"status\":%d,\"_error\":\"x\"", rows[i].status);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay__answers_from_the_tape),
        cmocka_unit_test(test_replay__fails_as_recorded),
        cmocka_unit_test(test_replay__refuses_failures_that_cannot_be),
        cmocka_unit_test(test_replay__a_raised_token_or_a_passed_deadline_uses_nothing),
        cmocka_unit_test(test_replay__sends_on_many_threads),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
