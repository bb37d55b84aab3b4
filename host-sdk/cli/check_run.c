// One child a rule.
#include "check_run.h"
#include "check_outcome.h"
#include "fail.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What a child sends: one of these, and for all but the last a text that ends in NUL.
enum {
    SENT_FOUND = 'F',
    SENT_NOT_RUN = 'N',
    SENT_REFUSED = 'R',
    SENT_BROKEN = 'B',
    SENT_DONE = 'D'
};

// ---- The child

// A descriptor far above those that a plugin may think are its own.
enum { CHILD_FD = 900 };

static void send_text(int fd, char kind, const char *text)
{
    char message[1200];
    int len = snprintf(message, sizeof message, "%c%s", kind, text);
    len = len < (int)sizeof message ? len : (int)sizeof message - 1;
    (void)!write(fd, message, (size_t)len + 1);
}

static void send_finding(void *context, const char *found)
{
    send_text(*(int *)context, SENT_FOUND, found);
}

// What becomes of a rule that was not run: only one that this machine cannot try is passed over.
static char kind_of(kk_code code)
{
    return code == KK_ERR_UNAVAILABLE      ? SENT_NOT_RUN
           : code == KK_ERR_PLUGIN_REFUSED ? SENT_REFUSED
                                           : SENT_BROKEN;
}

// Does not return.  The standard streams lead nowhere, so that what a plugin prints is no output.
static void be_child(const check_plan *plan, size_t rule, int pipe_fd)
{
    int fd = fcntl(pipe_fd, F_DUPFD_CLOEXEC, CHILD_FD);
    fd = fd >= 0 ? fd : pipe_fd;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setpgid(0, 0);
    for (int i = 0; i < 3 && null >= 0; i++) {
        dup2(null, i);
    }
    if (null > 2) {
        close(null);
    }
    if (fd != pipe_fd) {
        close(pipe_fd);
    }
    kk_error err = {0};
    kk_code code = kk_check_run(rule, &plan->subject, send_finding, &fd, &err);
    if (code == KK_OK) {
        (void)!write(fd, "D", 1);
    } else {
        send_text(fd, kind_of(code), err.message);
    }
    _exit(0);
}

// ---- The parent

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Reads until the child has said all; false when its time is over.
static bool read_child(int fd, uint64_t until_ms, kk_buf *sent)
{
    for (;;) {
        uint64_t now = now_ms();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int left_ms = now < until_ms ? (int)(until_ms - now) : 0;
        int count = poll(&ready, 1, left_ms);
        if (count == 0) {
            return false;
        }
        char *room = count > 0 ? kk_buf_reserve(sent, 4096) : NULL;
        ssize_t got = room != NULL ? read(fd, room, 4096) : -1;
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return true;
        }
        kk_buf_grow(sent, (size_t)got);
        if (sent->ptr[sent->len - 1] == SENT_DONE &&
            (sent->len == 1 || !sent->ptr[sent->len - 2])) {
            return true;
        }
    }
}

static void take_end(check_outcome *outcome, size_t rule, char kind, const char *why)
{
    if (kind == SENT_BROKEN) {
        check_outcome_break(outcome, why);
    } else {
        check_outcome_skip(outcome, rule, kind == SENT_REFUSED, why);
    }
}

// Sorts what the child sent.  Whether it came to its end.
static bool take_messages(check_outcome *outcome, size_t rule, const kk_buf *sent)
{
    bool done = false;
    const char *at = kk_buf_text(sent);
    const char *end = at + sent->len;
    while (at < end && !done) {
        size_t len = strnlen(at, (size_t)(end - at));
        if (*at == SENT_FOUND && at + len < end) {
            check_outcome_add(outcome, rule, at + 1);
        } else if (*at != SENT_DONE && at + len < end) {
            take_end(outcome, rule, *at, at + 1);
            done = true;
        } else {
            done = *at == SENT_DONE;
            break;
        }
        at += len + 1;
    }
    return done;
}

static void note_end(check_outcome *outcome, size_t rule, int status, bool in_time,
                     const check_plan *plan)
{
    char text[160];
    if (!in_time) {
        snprintf(text, sizeof text, "it did not come back within %u ms", plan->limit_ms);
    } else if (WIFSIGNALED(status)) {
        snprintf(text, sizeof text, "it ended the process: %s", strsignal(WTERMSIG(status)));
    } else {
        snprintf(text, sizeof text, "it ended the process with the exit status %d",
                 WEXITSTATUS(status));
    }
    check_outcome_add(outcome, rule, text);
}

static kk_code run_in_child(const check_plan *plan, size_t rule, check_outcome *outcome,
                            kk_error *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return kk_fail(err, KK_ERR_INTERNAL, "no child can be started: %s", strerror(errno));
    }
    pid_t child = fork();
    if (child < 0) {
        close(fds[0]);
        close(fds[1]);
        return kk_fail(err, KK_ERR_INTERNAL, "no child can be started: %s", strerror(errno));
    }
    if (child == 0) {
        close(fds[0]);
        be_child(plan, rule, fds[1]);
    }
    close(fds[1]);
    (void)setpgid(child, child);
    kk_buf sent = {.limit = KK_TEXT_MAX};
    int status = 0;
    bool in_time = read_child(fds[0], now_ms() + plan->limit_ms, &sent);
    bool done = take_messages(outcome, rule, &sent);
    if (!in_time || done) {
        kill(-child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    kill(-child, SIGKILL);
    close(fds[0]);
    kk_buf_clean(&sent);
    if (!done) {
        note_end(outcome, rule, status, in_time, plan);
    }
    return KK_OK;
}

typedef struct own_finding {
    check_outcome *outcome;
    size_t rule;
} own_finding;

static void note_finding(void *context, const char *found)
{
    own_finding *self = context;
    check_outcome_add(self->outcome, self->rule, found);
}

static void run_here(const check_plan *plan, size_t rule, check_outcome *outcome)
{
    kk_error problem = {0};
    own_finding context = {outcome, rule};
    kk_code code = kk_check_run(rule, &plan->subject, note_finding, &context, &problem);
    if (code != KK_OK) {
        take_end(outcome, rule, kind_of(code), problem.message);
    }
}

kk_code check_run_all(const check_plan *plan, check_outcome **out, kk_error *err)
{
    check_outcome *outcome = check_outcome_new();
    if (outcome == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    kk_code code = KK_OK;
    fflush(NULL);
    for (size_t i = 0; code == KK_OK && i < kk_check_rule_count(); i++) {
        if (plan->skipped[i]) {
            continue;
        }
        const char *blocked = check_outcome_blocks(outcome, i);
        if (blocked != NULL) {
            char text[80];
            snprintf(text, sizeof text, "%s comes first", blocked);
            check_outcome_skip(outcome, i, false, text);
        } else if (plan->in_process) {
            run_here(plan, i, outcome);
        } else {
            code = run_in_child(plan, i, outcome, err);
        }
    }
    if (code == KK_OK && check_outcome_broken(outcome)[0] != '\0') {
        code = kk_fail(err, KK_ERR_USAGE, "'%.200s' cannot be checked: %.400s", plan->subject.path,
                       check_outcome_broken(outcome));
    }
    if (code != KK_OK) {
        check_outcome_free(outcome);
        return code;
    }
    *out = outcome;
    return KK_OK;
}
