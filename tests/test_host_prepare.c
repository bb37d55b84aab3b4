// A host that loads the live transport while it opens.
#include "fail.h"
#include "scratch.h"
#include "transport.h"
#include "unit.h"
#include <kk/host.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

// What the transport's opening saw.
static atomic_int opened;
static atomic_int failures_left;
static pthread_t opener;
static atomic_bool slow;

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
    if (atomic_load(&slow)) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    int before = atomic_fetch_add(&opened, 1);
    if (before < atomic_load(&failures_left)) {
        return kk_fail(err, KK_ERR_INTERNAL, "opening number %d fails", before + 1);
    }
    *out = &transport;
    return KK_OK;
}

static scratch home;

static int set_up(void **state)
{
    (void)state;
    scratch_init(&home);
    atomic_store(&opened, 0);
    atomic_store(&failures_left, 0);
    atomic_store(&slow, false);
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

static void test_host_prepare__opens_on_a_thread_of_its_own(void **state)
{
    (void)state;
    atomic_store(&slow, true);
    kk_host *host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    // Closing waits for the thread, which by then has opened the transport without any call.
    kk_host_close(host);
    assert_int_equal(atomic_load(&opened), 1);
    assert_false(pthread_equal(opener, pthread_self()));
}

static void test_host_prepare__a_call_waits_for_it(void **state)
{
    (void)state;
    atomic_store(&slow, true);
    kk_host *host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    kk_error err = {0};
    assert_code(fetch(host, &err), KK_ERR_CONNECT);
    assert_int_equal(atomic_load(&opened), 1);
    kk_host_close(host);
}

static void test_host_prepare__its_failure_is_tried_again_by_the_call(void **state)
{
    (void)state;
    atomic_store(&failures_left, 1);
    kk_host *host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    // Whichever of the two comes first fails; it is the call that has to get an answer.
    while (atomic_load(&opened) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    kk_error err = {0};
    assert_code(fetch(host, &err), KK_ERR_CONNECT);
    kk_host_close(host);

    atomic_store(&opened, 0);
    atomic_store(&failures_left, 2);
    host = open_host(KK_HOST_PREPARE_LIVE, NULL);
    while (atomic_load(&opened) == 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
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
    assert_int_equal(atomic_load(&opened), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_host_prepare__opens_on_a_thread_of_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_host_prepare__a_call_waits_for_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host_prepare__its_failure_is_tried_again_by_the_call,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_host_prepare__nothing_is_opened_unasked, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
