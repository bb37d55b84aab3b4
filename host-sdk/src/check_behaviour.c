// Rules on what the tools do: each is called many times, with made-up arguments and answers.
#include "check_private.h"
#include "fail.h"
#include "json.h"
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 60, SHOWN_ARGS = 200 };

// What a rule looks at after each call.  True: it found something, and the tool is done with.
typedef bool (*look_fn)(kk_check_host *host, kk_status status, const char *args);

// Calls every tool ROUNDS times.
static kk_code call_all(kk_check *self, kk_check_host *host, look_fn look)
{
    kk_buf args = {.limit = KK_TEXT_MAX};
    size_t calls = 0;
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        bool found = false;
        for (int round = 0; round < ROUNDS && !found; round++) {
            kk_status status = KK_E_OK;
            if (kk_check_host_try(host, i, &args, &status)) {
                calls++;
                found = look(host, status, kk_buf_text(&args));
            }
        }
    }
    kk_buf_clean(&args);
    return calls > 0 ? KK_OK
                     : kk_fail(self->err, KK_ERR_UNAVAILABLE,
                               "no arguments could be made up that satisfy the schemas");
}

// One rule, with an ordinary host.
static kk_code look_at_all(kk_check *self, look_fn look)
{
    kk_check_host host;
    if (!kk_check_host_open(&host, self, "check")) {
        return KK_OK;
    }
    kk_code code = call_all(self, &host, look);
    kk_check_host_close(&host);
    return code;
}

// Finds [problem] in a call, with its arguments.
static bool found_in(kk_check_host *host, const char *args, const char *problem)
{
    kk_check_find(host->check, "tool '%s': %s; with the arguments %.*s", host->tool->name, problem,
                  SHOWN_ARGS, args);
    return true;
}

static bool look_at_nothing(kk_check_host *host, kk_status status, const char *args)
{
    (void)host;
    (void)status;
    (void)args;
    return false;
}

// A crash, an exit and a hang are seen from outside.
kk_code kk_check_returns(kk_check *self)
{
    return look_at_all(self, look_at_nothing);
}

// ---- Results

static bool look_at_value(kk_check_host *host, kk_status status, const char *args)
{
    kk_error problem = {0};
    char text[400];
    if (status != KK_E_OK || host->failed ||
        kk_json_check(kk_buf_view(&host->output), &problem) == KK_OK) {
        return false;
    }
    snprintf(text, sizeof text, "what it wrote is not one JSON value: %.300s", problem.message);
    return found_in(host, args, text);
}

kk_code kk_check_one_value(kk_check *self)
{
    return look_at_all(self, look_at_value);
}

static bool is_status(kk_status status)
{
    return (status >= KK_E_OK && status <= KK_E_PRECONDITION) ||
           (status >= KK_E_BAD_OUTPUT && status <= KK_E_ORIGIN_DENIED) || status >= KK_E_VENDOR;
}

static bool look_at_status(kk_check_host *host, kk_status status, const char *args)
{
    char text[120];
    if (host->failed && status != host->fail_code) {
        snprintf(text, sizeof text, "it returns %d after fail() with the code %d", status,
                 host->fail_code);
        return found_in(host, args, text);
    }
    if (!is_status(status)) {
        snprintf(text, sizeof text, "it returns %d, which is no status", status);
        return found_in(host, args, text);
    }
    return false;
}

kk_code kk_check_status(kk_check *self)
{
    return look_at_all(self, look_at_status);
}

static bool look_at_sinks(kk_check_host *host, kk_status status, const char *args)
{
    (void)status;
    return host->sink[0] != '\0' && found_in(host, args, host->sink);
}

kk_code kk_check_sinks(kk_check *self)
{
    return look_at_all(self, look_at_sinks);
}

// ---- Requests

static bool look_at_method(kk_check_host *host, kk_status status, const char *args)
{
    (void)status;
    return host->method[0] != '\0' && found_in(host, args, host->method);
}

kk_code kk_check_read_only(kk_check *self)
{
    return look_at_all(self, look_at_method);
}

static bool look_at_request(kk_check_host *host, kk_status status, const char *args)
{
    (void)status;
    return host->request[0] != '\0' && found_in(host, args, host->request);
}

kk_code kk_check_requests(kk_check *self)
{
    return look_at_all(self, look_at_request);
}

static bool look_at_service(kk_check_host *host, kk_status status, const char *args)
{
    (void)status;
    return host->service[0] != '\0' && found_in(host, args, host->service);
}

kk_code kk_check_services(kk_check *self)
{
    return look_at_all(self, look_at_service);
}

// ---- A call that is no longer wanted

static bool look_at_stop(kk_check_host *host, kk_status status, const char *args)
{
    return host->told_stop && status == KK_E_OK &&
           found_in(host, args, "it was told to stop, and returns KK_E_OK");
}

static kk_code check_stop(kk_check *self, kk_status stopped)
{
    kk_check_host host;
    if (!kk_check_host_open(&host, self, "check")) {
        return KK_OK;
    }
    host.stopped = stopped;
    kk_code code = call_all(self, &host, look_at_stop);
    kk_check_host_close(&host);
    return code;
}

kk_code kk_check_cancelled(kk_check *self)
{
    return check_stop(self, KK_E_CANCELLED);
}

kk_code kk_check_deadline(kk_check *self)
{
    return check_stop(self, KK_E_DEADLINE);
}

// ---- A host that has no memory left, or no connection

static bool look_at_refusal(kk_check_host *host, kk_status status, const char *args)
{
    return host->write_refused && status == KK_E_OK &&
           found_in(host, args, "its write() failed, and it returns KK_E_OK");
}

kk_code kk_check_refused_write(kk_check *self)
{
    static const kk_status refusals[] = {KK_E_OK,        KK_E_UNAVAILABLE, KK_E_PROTOCOL,
                                         KK_E_TOO_LARGE, KK_E_NO_MEMORY,   KK_E_INTERNAL};
    kk_check_host host;
    if (!kk_check_host_open(&host, self, "check")) {
        return KK_OK;
    }
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < sizeof refusals / sizeof refusals[0]; i++) {
        for (size_t writes = 0; code == KK_OK && writes < 3; writes++) {
            host.answer = KK_CHECK_ANSWER_FITTING;
            host.refusal = refusals[i];
            host.writes_left = writes;
            code = call_all(self, &host, look_at_refusal);
        }
    }
    kk_check_host_close(&host);
    return code;
}

// ---- Threads and instances

static void nap_ms(long ms)
{
    const struct timespec nap = {.tv_nsec = ms * 1000000};
    nanosleep(&nap, NULL);
}

static bool look_at_late_use(kk_check_host *host, kk_status status, const char *args)
{
    (void)status;
    (void)args;
    return host->late[0] != '\0';
}

kk_code kk_check_late_use(kk_check *self)
{
    kk_check_host host;
    if (!kk_check_host_open(&host, self, "check")) {
        return KK_OK;
    }
    kk_code code = call_all(self, &host, look_at_late_use);
    // Time for a thread that a tool may have left to come to its point.
    nap_ms(100);
    kk_check_host_close(&host);
    if (host.late[0] != '\0') {
        kk_check_find(self, "%s", host.late);
    }
    return code;
}

kk_code kk_check_instances(kk_check *self)
{
    kk_check_host first;
    kk_check_host second;
    if (self->code->open == NULL || !kk_check_host_open(&first, self, "first")) {
        return KK_OK;
    }
    kk_code code = KK_OK;
    for (int round = 0; code == KK_OK && round < 2; round++) {
        if (!kk_check_host_open(&second, self, "second")) {
            break;
        }
        if (first.instance != NULL && first.instance == second.instance) {
            kk_check_find(self, "open() gives the same instance twice");
        }
        code = call_all(self, &second, look_at_nothing);
        // The older one goes first, and the younger one has to work on.
        kk_check_host_close(&first);
        code = code == KK_OK ? call_all(self, &second, look_at_nothing) : code;
        if (!kk_check_host_open(&first, self, "third")) {
            kk_check_host_close(&second);
            return code;
        }
        kk_check_host_close(&second);
    }
    kk_check_host_close(&first);
    return code;
}

void kk_check_exercise(kk_check *self)
{
    kk_check_host host;
    kk_buf args = {.limit = KK_TEXT_MAX};
    if (!kk_check_host_open(&host, self, "check")) {
        return;
    }
    for (size_t i = 0; i < self->manifest->tool_count; i++) {
        for (int round = 0; round < KK_CHECK_EXERCISE_ROUNDS; round++) {
            kk_status status;
            (void)kk_check_host_try(&host, i, &args, &status);
        }
    }
    kk_check_host_close(&host);
    kk_buf_clean(&args);
}
