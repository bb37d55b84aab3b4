// A kk-worker seen from the host: its frames, its limits and its end.
#include "worker.h"
#include "fail.h"
#include "time_source.h"
#include "worker_private.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct kk_worker {
    pid_t pid;  // 0 once reaped
    int socket; // our end
    int wake;   // an eventfd that a cancellation makes readable
    kk_worker_fate fate;
    int status;
    uint64_t cpu_ms; // as it was last seen
    kk_error error;  // what ended it
};

// How long a worker that closed its socket has to end by itself, so that we learn how it did.
enum { LAST_BREATH_MS = 1000 };

static uint64_t now_ms(void)
{
    return kk_time_mono_ms(kk_time_real());
}

// ---- Its end

// Reaps the worker if it has ended.  False while it runs.
static bool reap(kk_worker *self, int flags)
{
    int status = 0;
    pid_t found = 0;
    do {
        found = waitpid(self->pid, &status, flags);
    } while (found < 0 && errno == EINTR);
    if (found == 0) {
        return false;
    }
    self->pid = 0;
    if (self->fate != KK_WORKER_RUNS) {
        return true;
    }
    bool signalled = found > 0 && WIFSIGNALED(status);
    self->fate = signalled ? KK_WORKER_SIGNALLED : KK_WORKER_EXITED;
    self->status = signalled ? WTERMSIG(status) : found > 0 ? WEXITSTATUS(status) : -1;
    return true;
}

// Once others have reaped it, its number may be another process's.
static bool is_ours(const kk_worker *self)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)self->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void end(kk_worker *self)
{
    if (self->pid == 0) {
        return;
    }
    kk_worker_cpu_ms(self);
    if (is_ours(self)) {
        kill(self->pid, SIGKILL);
    }
    reap(self, 0);
}

static void await_end(kk_worker *self)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; i < LAST_BREATH_MS && self->pid != 0; i++) {
        kk_worker_cpu_ms(self);
        if (!reap(self, WNOHANG)) {
            nanosleep(&pause, NULL);
        }
    }
}

static kk_code record_end(kk_worker *self)
{
    kk_error *err = &self->error;
    switch (self->fate) {
    case KK_WORKER_OVER_TIME:
        return kk_fail(err, KK_ERR_TIMEOUT, "the worker's time was over");
    case KK_WORKER_OVER_CPU:
        return kk_fail(err, KK_ERR_LIMIT_EXCEEDED, "the worker used up its CPU time");
    case KK_WORKER_CANCELLED:
        return kk_fail(err, KK_ERR_CANCELLED, "the caller cancelled");
    case KK_WORKER_SIGNALLED:
        return kk_fail(err, KK_ERR_INTERNAL, "the worker was ended by signal %d (%s)", self->status,
                       kk_worker_signal_name(self->status));
    case KK_WORKER_EXITED:
        if (self->status == KK_WORKER_EXIT_UNCONFINED) {
            return kk_fail(err, KK_ERR_INTERNAL, "the worker cannot confine itself on this system");
        }
        return self->status < 0
                   ? kk_fail(err, KK_ERR_INTERNAL,
                             "the worker ended, and its status went elsewhere")
                   : kk_fail(err, KK_ERR_INTERNAL, "the worker ended with status %d", self->status);
    default:
        return kk_fail(err, KK_ERR_INTERNAL, "the worker broke the rules of its frames");
    }
}

static kk_code give_error(const kk_worker *self, kk_error *err)
{
    if (err != NULL && err->code == KK_OK) {
        *err = self->error;
    }
    return self->error.code;
}

// Ends the worker for the reason [fate], unless it has ended by itself.
static kk_code put_down(kk_worker *self, kk_worker_fate fate, kk_error *err)
{
    if (self->fate == KK_WORKER_RUNS) {
        self->fate = fate;
    }
    end(self);
    record_end(self);
    return give_error(self, err);
}

// The socket is closed or broken: the worker ends, or has closed it itself.
static kk_code lost(kk_worker *self, kk_error *err)
{
    await_end(self);
    return put_down(self, KK_WORKER_BROKE_FRAMES, err);
}

uint64_t kk_worker_cpu_ms(kk_worker *self)
{
    clockid_t clock;
    struct timespec used;
    if (self->pid != 0 && clock_getcpuclockid(self->pid, &clock) == 0 &&
        clock_gettime(clock, &used) == 0) {
        self->cpu_ms = (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
    }
    return self->cpu_ms;
}

// ---- Waiting

// Until when poll() may sleep, in milliseconds from now; -1 = without end.  The CPU time that is
// left cannot be used up faster than time goes by, since a worker has one thread.
static int patience(kk_worker *self, const kk_worker_limits *limits, uint64_t now)
{
    uint64_t left = UINT64_MAX;
    if (limits->deadline_ms != 0) {
        left = limits->deadline_ms - now;
    }
    if (limits->cpu_ms != 0 && limits->cpu_ms - self->cpu_ms < left) {
        left = limits->cpu_ms - self->cpu_ms;
    }
    if (left == UINT64_MAX) {
        return -1;
    }
    return left >= 60000 ? 60000 : (int)left + 1;
}

// Waits until the socket is ready for [events].
static kk_code await(kk_worker *self, short events, const kk_worker_limits *limits, kk_error *err)
{
    for (;;) {
        uint64_t now = now_ms();
        if (kk_cancel_is_raised(limits->cancel)) {
            return put_down(self, KK_WORKER_CANCELLED, err);
        }
        if (limits->deadline_ms != 0 && now >= limits->deadline_ms) {
            return put_down(self, KK_WORKER_OVER_TIME, err);
        }
        if (limits->cpu_ms != 0 && kk_worker_cpu_ms(self) >= limits->cpu_ms) {
            return put_down(self, KK_WORKER_OVER_CPU, err);
        }
        struct pollfd waits[] = {{.fd = self->socket, .events = events},
                                 {.fd = self->wake, .events = POLLIN}};
        if (poll(waits, 2, patience(self, limits, now)) > 0 && waits[0].revents != 0) {
            return KK_OK;
        }
    }
}

static void wake(void *context)
{
    const kk_worker *self = context;
    const uint64_t one = 1;
    // It fails only if the counter is full, and then the descriptor is readable already.
    ssize_t written = write(self->wake, &one, sizeof one);
    (void)written;
}

// ---- Frames

static bool must_wait(ssize_t moved)
{
    return moved < 0 && (errno == EAGAIN || errno == EINTR);
}

// Takes what was sent from the front of the parts.
static void take_sent(struct iovec parts[2], size_t sent)
{
    for (int i = 0; i < 2; i++) {
        size_t taken = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        parts[i].iov_base = (char *)parts[i].iov_base + taken;
        parts[i].iov_len -= taken;
        sent -= taken;
    }
}

// Header and payload go together: a header alone would wake the worker for nothing.
static kk_code send_all(kk_worker *self, struct iovec parts[2], const kk_worker_limits *limits,
                        kk_error *err)
{
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    kk_code code = KK_OK;
    while (parts[0].iov_len + parts[1].iov_len > 0 && code == KK_OK) {
        ssize_t sent = sendmsg(self->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            take_sent(parts, (size_t)sent);
        } else {
            code = must_wait(sent) ? await(self, POLLOUT, limits, err) : lost(self, err);
        }
    }
    return code;
}

static kk_code receive_all(kk_worker *self, void *bytes, size_t len, const kk_worker_limits *limits,
                           kk_error *err)
{
    char *at = bytes;
    kk_code code = KK_OK;
    while (len > 0 && code == KK_OK) {
        ssize_t came = recv(self->socket, at, len, MSG_DONTWAIT);
        if (came > 0) {
            at += came;
            len -= (size_t)came;
        } else {
            code = must_wait(came) ? await(self, POLLIN, limits, err) : lost(self, err);
        }
    }
    return code;
}

static kk_code receive_frame(kk_worker *self, kk_worker_frame *out, const kk_worker_limits *limits,
                             kk_error *err)
{
    unsigned char bytes[KK_FRAME_HEADER_SIZE];
    kk_frame_header header;
    kk_code code = receive_all(self, bytes, sizeof bytes, limits, err);
    if (code != KK_OK) {
        return code;
    }
    if (!kk_frame_header_decode(bytes, &header) || header.len > KK_FRAME_TO_HOST_MAX) {
        return put_down(self, KK_WORKER_BROKE_FRAMES, err);
    }
    out->payload.limit = KK_FRAME_TO_HOST_MAX;
    kk_buf_clear(&out->payload);
    char *room = kk_buf_reserve(&out->payload, header.len);
    if (room == NULL) {
        put_down(self, KK_WORKER_BROKE_FRAMES, NULL);
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for what the worker sends");
    }
    code = receive_all(self, room, header.len, limits, err);
    if (code == KK_OK) {
        kk_buf_grow(&out->payload, header.len);
        out->type = header.type;
    }
    return code;
}

kk_code kk_worker_send(kk_worker *self, kk_frame_type type, kk_str payload,
                       const kk_worker_limits *limits, kk_error *err)
{
    if (self->error.code != KK_OK) {
        return give_error(self, err);
    }
    if (payload.len > KK_FRAME_TO_WORKER_MAX) {
        return kk_fail(err, KK_ERR_TOO_LARGE, "%zu bytes are more than a worker takes, %zu",
                       payload.len, KK_FRAME_TO_WORKER_MAX);
    }
    unsigned char header[KK_FRAME_HEADER_SIZE];
    kk_frame_header_encode((kk_frame_header){(uint32_t)payload.len, (uint8_t)type}, header);
    kk_cancel_watch watch = {.wake = wake, .context = self};
    kk_cancel_watch_add(limits->cancel, &watch);
    // POSIX has no form of it for bytes that are only read.
    struct iovec parts[2] = {{header, sizeof header},
                             {(void *)(uintptr_t)payload.ptr, payload.len}};
    kk_code code = send_all(self, parts, limits, err);
    kk_cancel_watch_remove(limits->cancel, &watch);
    return code;
}

kk_code kk_worker_receive(kk_worker *self, kk_worker_frame *out, const kk_worker_limits *limits,
                          kk_error *err)
{
    if (self->error.code != KK_OK) {
        return give_error(self, err);
    }
    kk_cancel_watch watch = {.wake = wake, .context = self};
    kk_cancel_watch_add(limits->cancel, &watch);
    kk_code code = receive_frame(self, out, limits, err);
    kk_cancel_watch_remove(limits->cancel, &watch);
    return code;
}

// ---- Beginning

kk_code kk_worker_start(const char *path, kk_worker **out, kk_error *err)
{
    kk_worker *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for a worker");
    }
    self->socket = -1;
    self->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    kk_code code = self->wake < 0 ? kk_fail(err, KK_ERR_INTERNAL, "no descriptor for a worker: %s",
                                            strerror(errno))
                                  : kk_worker_spawn(path, &self->pid, &self->socket, err);
    if (code != KK_OK) {
        kk_worker_free(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

void kk_worker_free(kk_worker *self)
{
    if (self == NULL) {
        return;
    }
    if (self->fate == KK_WORKER_RUNS) {
        self->fate = KK_WORKER_CANCELLED;
    }
    end(self);
    if (self->socket >= 0) {
        close(self->socket);
    }
    if (self->wake >= 0) {
        close(self->wake);
    }
    free(self);
}

kk_worker_fate kk_worker_fate_of(const kk_worker *self, int *status)
{
    if (status != NULL) {
        *status = self->status;
    }
    return self->fate;
}

const char *kk_worker_signal_name(int number)
{
    const char *name = sigdescr_np(number);
    return name != NULL ? name : "unknown";
}

int kk_worker_pid(const kk_worker *self)
{
    return (int)self->pid;
}
