// The host's end of a worker, against a program that does what it is told, right or wrong.
#include "time_source.h"
#include "unit.h"
#include "worker.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const kk_worker_limits patient = {0};

static kk_worker *start(const char *what)
{
    kk_worker *worker = NULL;
    kk_error err = {0};
    assert_ok(kk_worker_start(KK_TEST_PEER, &worker, &err), &err);
    assert_ok(kk_worker_send(worker, KK_FRAME_START, kk_str_from(what), &patient, &err), &err);
    return worker;
}

static uint64_t now_ms(void)
{
    return kk_time_mono_ms(kk_time_real());
}

static void assert_no_child(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static size_t count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

// ---- Frames

static void expect_echo(kk_worker *worker, kk_worker_frame *frame, kk_str payload)
{
    kk_error err = {0};
    assert_ok(kk_worker_send(worker, KK_FRAME_RUN, payload, &patient, &err), &err);
    assert_ok(kk_worker_receive(worker, frame, &patient, &err), &err);
    assert_int_equal(frame->type, KK_FRAME_PRINT);
    assert_true(kk_str_equals(kk_buf_view(&frame->payload), payload));
}

static void test_worker__frames_of_any_length_come_back(void **state)
{
    (void)state;
    size_t before = count_descriptors();
    kk_worker *worker = start("echo");
    kk_worker_frame frame = {0};
    kk_buf long_text = {.limit = KK_FRAME_TO_HOST_MAX};
    char *room = kk_buf_reserve(&long_text, KK_FRAME_TO_HOST_MAX);
    assert_non_null(room);
    for (size_t i = 0; i < KK_FRAME_TO_HOST_MAX; i++) {
        room[i] = (char)(i * 31 >> 3);
    }
    kk_buf_grow(&long_text, KK_FRAME_TO_HOST_MAX);
    expect_echo(worker, &frame, KK_STR("hello"));
    expect_echo(worker, &frame, KK_STR(""));
    expect_echo(worker, &frame, kk_buf_view(&long_text));
    expect_echo(worker, &frame, KK_STR("and short again"));
    assert_int_equal(kk_worker_fate_of(worker, NULL), KK_WORKER_RUNS);
    kk_buf_clean(&long_text);
    kk_buf_clean(&frame.payload);
    kk_worker_free(worker);
    assert_no_child();
    assert_int_equal(count_descriptors(), before);
}

static void test_worker__a_payload_that_is_too_long_is_not_sent(void **state)
{
    (void)state;
    kk_worker *worker = start("echo");
    kk_worker_frame frame = {0};
    kk_error err = {0};
    const kk_str long_text = {"", KK_FRAME_TO_WORKER_MAX + 1};
    assert_code(kk_worker_send(worker, KK_FRAME_RUN, long_text, &patient, &err), KK_ERR_TOO_LARGE);
    expect_echo(worker, &frame, KK_STR("still there"));
    kk_buf_clean(&frame.payload);
    kk_worker_free(worker);
}

// ---- What it is started with

static void test_worker__starts_with_nothing_of_ours(void **state)
{
    (void)state;
    sigset_t all;
    sigset_t before;
    int open_for_all = fcntl(0, F_DUPFD, 20); // not to be closed at an exec
    assert_true(open_for_all >= 20);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    kk_worker *worker = start("report");
    signal(SIGPIPE, handler);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    kk_worker_frame frame = {0};
    kk_error err = {0};
    assert_ok(kk_worker_receive(worker, &frame, &patient, &err), &err);
    // No variable, four descriptors, nothing blocked or ignored, its own session, /dev/null thrice.
    assert_string_equal(kk_buf_text(&frame.payload), "0 4 0 0 1 3");
    close(open_for_all);
    kk_buf_clean(&frame.payload);
    kk_worker_free(worker);
}

static void test_worker__starts_where_standard_descriptors_are_closed(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        kk_worker *worker = NULL;
        kk_worker_frame frame = {0};
        for (int i = 0; i < 3; i++) {
            close(i);
        }
        bool ok =
            kk_worker_start(KK_TEST_PEER, &worker, NULL) == KK_OK &&
            kk_worker_send(worker, KK_FRAME_START, KK_STR("report"), &patient, NULL) == KK_OK &&
            kk_worker_receive(worker, &frame, &patient, NULL) == KK_OK &&
            strcmp(kk_buf_text(&frame.payload), "0 4 0 0 1 3") == 0;
        kk_worker_free(worker);
        _exit(ok ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

// ---- Its end

static void expect_end(kk_worker *worker, const kk_worker_limits *limits, kk_code code,
                       kk_worker_fate fate, const char *words)
{
    kk_worker_frame frame = {0};
    kk_error err = {0};
    assert_code(kk_worker_receive(worker, &frame, limits, &err), code);
    assert_holds(err.message, words);
    assert_int_equal(kk_worker_fate_of(worker, NULL), fate);
    assert_int_equal(kk_worker_pid(worker), 0);
    assert_no_child();
    // And so does every later exchange.
    err = (kk_error){0};
    assert_code(kk_worker_send(worker, KK_FRAME_RUN, KK_STR("x"), limits, &err), code);
    assert_holds(err.message, words);
    kk_buf_clean(&frame.payload);
    kk_worker_free(worker);
}

static void test_worker__tells_how_it_ended(void **state)
{
    (void)state;
    expect_end(start("exit 0"), &patient, KK_ERR_INTERNAL, KK_WORKER_EXITED, "with status 0");
    expect_end(start("exit 9"), &patient, KK_ERR_INTERNAL, KK_WORKER_EXITED, "with status 9");
    expect_end(start("exit 67"), &patient, KK_ERR_INTERNAL, KK_WORKER_EXITED,
               "cannot confine itself");
    expect_end(start("crash"), &patient, KK_ERR_INTERNAL, KK_WORKER_SIGNALLED,
               "signal 11 (Segmentation fault)");
    expect_end(start("half"), &patient, KK_ERR_INTERNAL, KK_WORKER_EXITED, "with status 5");
}

static void test_worker__frames_that_are_none_end_it(void **state)
{
    (void)state;
    expect_end(start("long"), &patient, KK_ERR_INTERNAL, KK_WORKER_BROKE_FRAMES, "broke");
    expect_end(start("odd"), &patient, KK_ERR_INTERNAL, KK_WORKER_BROKE_FRAMES, "broke");
    expect_end(start("close"), &patient, KK_ERR_INTERNAL, KK_WORKER_BROKE_FRAMES, "broke");
}

static void test_worker__time_ends_it(void **state)
{
    (void)state;
    const kk_worker_limits limits = {.deadline_ms = now_ms() + 100};
    expect_end(start("hang"), &limits, KK_ERR_TIMEOUT, KK_WORKER_OVER_TIME, "time was over");
    assert_true(now_ms() >= limits.deadline_ms);
}

static void test_worker__cpu_time_ends_it(void **state)
{
    (void)state;
    const kk_worker_limits limits = {.cpu_ms = 100};
    kk_worker *worker = start("spin");
    kk_worker_frame frame = {0};
    kk_error err = {0};
    assert_code(kk_worker_receive(worker, &frame, &limits, &err), KK_ERR_LIMIT_EXCEEDED);
    assert_int_equal(kk_worker_fate_of(worker, NULL), KK_WORKER_OVER_CPU);
    assert_true(kk_worker_cpu_ms(worker) >= 100);
    kk_worker_free(worker);
    assert_no_child();
}

static void *raise_soon(void *context)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    kk_cancel_raise(context);
    return NULL;
}

static void test_worker__a_cancellation_ends_it(void **state)
{
    (void)state;
    pthread_t thread;
    kk_cancel *cancel = kk_cancel_new();
    const kk_worker_limits limits = {.cancel = cancel};
    kk_worker *worker = start("hang");
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, cancel), 0);
    expect_end(worker, &limits, KK_ERR_CANCELLED, KK_WORKER_CANCELLED, "cancelled");
    pthread_join(thread, NULL);
    kk_cancel_free(cancel);
}

// The worker does not read: what is sent fills the socket, and waits.
static void test_worker__time_ends_what_is_not_read(void **state)
{
    (void)state;
    kk_worker *worker = start("hang");
    kk_error err = {0};
    const kk_worker_limits limits = {.deadline_ms = now_ms() + 100};
    static const char big[4 << 20];
    assert_code(kk_worker_send(worker, KK_FRAME_RUN, (kk_str){big, sizeof big}, &limits, &err),
                KK_ERR_TIMEOUT);
    assert_int_equal(kk_worker_fate_of(worker, NULL), KK_WORKER_OVER_TIME);
    kk_worker_free(worker);
    assert_no_child();
}

static void test_worker__one_whose_status_others_took_is_no_trouble(void **state)
{
    (void)state;
    kk_worker *worker = start("exit 3");
    kk_error err = {0};
    kk_worker_frame frame = {0};
    assert_int_equal(waitpid(kk_worker_pid(worker), NULL, 0), kk_worker_pid(worker));
    assert_code(kk_worker_receive(worker, &frame, &patient, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "its status went elsewhere");
    kk_worker_free(worker);
}

// ---- Many at once

static void *run_many(void *context)
{
    (void)context;
    for (int i = 0; i < 10; i++) {
        kk_worker *worker = NULL;
        kk_worker_frame frame = {0};
        bool ok =
            kk_worker_start(KK_TEST_PEER, &worker, NULL) == KK_OK &&
            kk_worker_send(worker, KK_FRAME_START, KK_STR("report"), &patient, NULL) == KK_OK &&
            kk_worker_receive(worker, &frame, &patient, NULL) == KK_OK &&
            strcmp(kk_buf_text(&frame.payload), "0 4 0 0 1 3") == 0;
        kk_buf_clean(&frame.payload);
        kk_worker_free(worker);
        if (!ok) {
            return (void *)1;
        }
    }
    return NULL;
}

static void test_worker__many_threads_start_their_own(void **state)
{
    (void)state;
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, NULL), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_no_child();
}

// ---- Where it is

static void test_worker__that_is_missing_or_open_to_others_is_not_started(void **state)
{
    (void)state;
    kk_worker *worker = NULL;
    kk_error err = {0};
    assert_code(kk_worker_start("/nonexistent/kk-worker", &worker, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "is not installed");
    char dir[] = "/tmp/kk-worker-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/kk-worker", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(chmod(path, 0777), 0);
    err = (kk_error){0};
    assert_code(kk_worker_start(path, &worker, &err), KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, "trust");
    assert_int_equal(chmod(path, 0700), 0);
    err = (kk_error){0};
    assert_code(kk_worker_start(path, &worker, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "does not start");
    assert_null(worker);
    unlink(path);
    rmdir(dir);
}

static void test_worker__of_this_tree_is_found_and_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    kk_worker *worker = NULL;
    kk_error err = {0};
    assert_ok(kk_worker_start(NULL, &worker, &err), &err);
    assert_ok(kk_worker_send(worker, KK_FRAME_START, KK_STR("{\"role\":\"cook\"}"), &patient, &err),
              &err);
    expect_end(worker, &patient, KK_ERR_INTERNAL, KK_WORKER_EXITED, "with status 65");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker__frames_of_any_length_come_back),
        cmocka_unit_test(test_worker__a_payload_that_is_too_long_is_not_sent),
        cmocka_unit_test(test_worker__starts_with_nothing_of_ours),
        cmocka_unit_test(test_worker__starts_where_standard_descriptors_are_closed),
        cmocka_unit_test(test_worker__tells_how_it_ended),
        cmocka_unit_test(test_worker__frames_that_are_none_end_it),
        cmocka_unit_test(test_worker__time_ends_it),
        cmocka_unit_test(test_worker__cpu_time_ends_it),
        cmocka_unit_test(test_worker__a_cancellation_ends_it),
        cmocka_unit_test(test_worker__time_ends_what_is_not_read),
        cmocka_unit_test(test_worker__one_whose_status_others_took_is_no_trouble),
        cmocka_unit_test(test_worker__many_threads_start_their_own),
        cmocka_unit_test(test_worker__that_is_missing_or_open_to_others_is_not_started),
        cmocka_unit_test(test_worker__of_this_tree_is_found_and_refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
