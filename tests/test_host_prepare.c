// A host that loads the live transport while it opens.
#include "fail.h"
#include "scratch.h"
#include "transport.h"
#include "unit.h"
#include <kk/host.h>
#include <pthread.h>
#include <stdlib.h>

// What the transport's opening saw.
static int opened;
static int failures_left;
static pthread_t opener;

static kk_code send_nothing(kk_transport *self, const kk_request *request, kk_response *out,
                            kk_error *err)
{
    (void)self;
    (void)request;
    out->sent = KK_SENT_NO;
    return kk_fail(err, KK_ERR_CONNECT, "there is nobody");
}

static void clean_nothing(kk_transport *self, kk_response *response)
{
    (void)self;
    *response = (kk_response){0};
}

static void close_nothing(kk_transport *self)
{
    (void)self;
}

static const kk_transport_table table = {"live", send_nothing, clean_nothing, close_nothing};
static kk_transport transport = {&table};

static kk_code open_transport(const kk_live_host *host, kk_transport **out, kk_error *err)
{
    (void)host;
    opener = pthread_self();
    if (opened++ < failures_left) {
        return kk_fail(err, KK_ERR_INTERNAL, "opening number %d fails", opened);
    }
    *out = &transport;
    return KK_OK;
}

static scratch home;

static int set_up(void **state)
{
    (void)state;
    scratch_init(&home);
    opened = 0;
    failures_left = 0;
    setenv("KK_CRED__PROBE__TOKEN", "a-token", 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_clean(&home);
    return 0;
}

static kk_host *open_host(uint32_t flags, const char *tape)
{
    const char *const files[] = {KK_TEST_PLUGINS "/probe.so", NULL};
    kk_host_options options = {.size = sizeof options,
                               .flags = KK_HOST_NO_SEARCH | flags,
                               .plugin_files = files,
                               .home = home.dir,
                               .replay_file = tape,
                               .live = open_transport};
    kk_host *host = NULL;
    kk_error err = {0};
    assert_ok(kk_host_open(&options, &host, &err), &err);
    return host;
}

static kk_code fetch(kk_host *host, kk_error *err)
{
    kk_call_options options = {
        .size = sizeof options,
        .function = "probe.fetch",
        .args = "{\"method\":\"GET\",\"url\":\"https://api.example.com/\",\"pass\":1}"};
    kk_result *result = NULL;
    kk_code code = kk_host_call(host, &options, &result, err);
    kk_result_free(result);
    return code;
}

static void test_host_prepare__opens_once_and_without_a_thread(void **state)
{
    (void)state;
    kk_host *host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    assert_int_equal(opened, 1);
    assert_true(pthread_equal(opener, pthread_self()));
    kk_error err = {0};
    assert_code(fetch(host, &err), KK_ERR_CONNECT);
    assert_int_equal(opened, 1);
    kk_host_close(host);
}

static void test_host_prepare__its_failure_is_tried_again_by_the_call(void **state)
{
    (void)state;
    failures_left = 1;
    kk_host *host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    kk_error err = {0};
    assert_code(fetch(host, &err), KK_ERR_CONNECT);
    kk_host_close(host);

    opened = 0;
    failures_left = 2;
    host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    err = (kk_error){0};
    assert_code(fetch(host, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "opening number 2 fails");
    kk_host_close(host);
}

static void test_host_prepare__nothing_is_opened_unasked(void **state)
{
    (void)state;
    kk_host_close(open_host(0, NULL));
    kk_host_close(open_host(KK_HOST_PREPARE_LIVE, KK_FIXTURES "/tapes/planetscale.har"));
    assert_int_equal(opened, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_host_prepare__opens_once_and_without_a_thread, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_host_prepare__its_failure_is_tried_again_by_the_call,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host_prepare__nothing_is_opened_unasked, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
