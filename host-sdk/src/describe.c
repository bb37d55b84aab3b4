// The host's side of a description: what the worker says, or how it died, as a manifest or a
// refusal.
#include "describe.h"
#include "fail.h"
#include "json.h"
#include "time_source.h"
#include "worker.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

typedef struct description {
    const char *path;
    kk_worker *worker;
    kk_worker_limits limits;
    kk_describe_options options;
    bool loaded; // the object's constructors have run
    bool manifest;
    kk_buf *packed;
    kk_error *unproved;
} description;

// ---- What went wrong

static const char *stage_of(const description *self)
{
    return self->loaded ? "describe" : "dlopen";
}

static const char *moment_of(const description *self)
{
    return self->loaded ? "when it was asked what it is" : "when it was loaded";
}

static kk_code refuse(const description *self, kk_error *err, const char *did)
{
    kk_fail(err, KK_ERR_PLUGIN_REFUSED, "'%s' %s %s", self->path, did, moment_of(self));
    kk_fail_reason(err, stage_of(self));
    return KK_ERR_PLUGIN_REFUSED;
}

// The system calls by which plugins misbehave, in words.
static const char *deed_of(uint32_t call)
{
    switch (call) {
    case SYS_clone:
#ifdef SYS_clone3
    case SYS_clone3:
#endif
#ifdef SYS_fork
    case SYS_fork:
#endif
#ifdef SYS_vfork
    case SYS_vfork:
#endif
        return "tried to start a process or a thread";
    case SYS_execve:
    case SYS_execveat:
        return "tried to run a program";
    case SYS_write:
    case SYS_writev:
        return "tried to write to standard output or another descriptor that is not its own";
    case SYS_openat:
        return "tried to open a file for writing";
    case SYS_socket:
    case SYS_connect:
        return "tried to reach the network";
    case SYS_rt_sigaction:
        return "tried to change how a signal is handled";
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
        return "tried to send a signal";
    case SYS_chdir:
    case SYS_fchdir:
    case SYS_umask:
        return "tried to change the working directory or the mask of new files";
    default:
        return NULL;
    }
}

static kk_code refuse_forbidden(const description *self, const char *did, kk_error *err)
{
    refuse(self, err, did);
    kk_fail_hint(err, "a plugin may do nothing until one of its functions is called");
    return KK_ERR_PLUGIN_REFUSED;
}

static kk_code refuse_call(const description *self, kk_str payload, kk_error *err)
{
    uint32_t call = 0;
    char did[64];
    for (size_t i = 0; i < 4 && i < payload.len; i++) {
        call |= (uint32_t)(unsigned char)payload.ptr[i] << (8 * i);
    }
    snprintf(did, sizeof did, "made the system call %u, which is not allowed,", call);
    return refuse_forbidden(self, deed_of(call) != NULL ? deed_of(call) : did, err);
}

// The worker ended before it had answered.
static kk_code refuse_fate(const description *self, const kk_error *why, kk_error *err)
{
    char did[160];
    int status = 0;
    switch (kk_worker_fate_of(self->worker, &status)) {
    case KK_WORKER_EXITED:
        if (status == KK_WORKER_EXIT_UNCONFINED || status < 0) {
            return kk_fail(err, KK_ERR_INTERNAL, "'%s' cannot be looked at: %s", self->path,
                           why->message);
        }
        snprintf(did, sizeof did, "ended the process, with status %d,", status);
        return refuse(self, err, did);
    case KK_WORKER_SIGNALLED:
        // libc blocks the signal that would tell which call, before it makes a thread.
        if (status == SIGSYS) {
            return refuse_forbidden(
                self, "made a system call that is not allowed, such as to start a thread,", err);
        }
        snprintf(did, sizeof did, "crashed (signal %d, %s)", status, kk_worker_signal_name(status));
        return refuse(self, err, did);
    case KK_WORKER_OVER_TIME:
        snprintf(did, sizeof did, "did not come to an end within %llu ms",
                 (unsigned long long)self->options.wall_ms);
        return refuse(self, err, did);
    case KK_WORKER_OVER_CPU:
        snprintf(did, sizeof did, "used more than %llu ms of CPU time",
                 (unsigned long long)self->options.cpu_ms);
        return refuse(self, err, did);
    case KK_WORKER_BROKE_FRAMES:
        return refuse(self, err, "wrote to the host's own connection, or closed it,");
    default:
        return kk_fail(err, KK_ERR_INTERNAL, "'%s' cannot be looked at: %s", self->path,
                       why->message);
    }
}

// ---- What the worker says

static void read_text(kk_str json, const char *pointer, char *out, size_t out_size)
{
    kk_str raw;
    kk_buf text = {.limit = KK_TEXT_MAX};
    if (kk_json_find(json, pointer, &raw) && raw.ptr[0] == '"') {
        kk_json_unescape(raw, &text);
    }
    kk_text_set(out, out_size, kk_buf_text(&text));
    kk_buf_clean(&text);
}

// One of the stages that a worker can refuse at, whatever it says.
static const char *known_stage(const char *stage)
{
    static const char *const stages[] = {"dlopen", "version", "manifest", "symbols"};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (strcmp(stages[i], stage) == 0) {
            return stages[i];
        }
    }
    return "describe";
}

static kk_code take_refusal(kk_str payload, kk_error *err)
{
    kk_error said = {0};
    read_text(payload, "/stage", said.reason, sizeof said.reason);
    read_text(payload, "/message", said.message, sizeof said.message);
    read_text(payload, "/hint", said.hint, sizeof said.hint);
    kk_fail(err, KK_ERR_PLUGIN_REFUSED, "%s", said.message);
    kk_fail_reason(err, known_stage(said.reason));
    if (said.hint[0] != '\0') {
        kk_fail_hint(err, "%s", said.hint);
    }
    return KK_ERR_PLUGIN_REFUSED;
}

// Takes one frame.  *done tells that it was the last.
static kk_code take_frame(description *self, const kk_worker_frame *frame, bool *done,
                          kk_error *err)
{
    kk_str payload = kk_buf_view(&frame->payload);
    *done = false;
    switch (frame->type) {
    case KK_FRAME_LOADED:
        self->loaded = true;
        return KK_OK;
    case KK_FRAME_MANIFEST:
        if (self->manifest) {
            break;
        }
        self->manifest = true;
        kk_buf_append_str(self->packed, payload);
        return kk_buf_check(self->packed, "a manifest", err);
    case KK_FRAME_PROVED:
        if (!self->manifest) {
            break;
        }
        *done = true;
        return KK_OK;
    case KK_FRAME_REFUSED:
        *done = true;
        if (self->manifest) {
            take_refusal(payload, self->unproved);
            return KK_OK;
        }
        return take_refusal(payload, err);
    case KK_FRAME_TRAPPED:
        *done = true;
        return refuse_call(self, payload, err);
    default:
        break;
    }
    *done = true;
    return refuse(self, err, "wrote to the host's own connection");
}

// ---- The conversation

static kk_code ask(description *self, kk_error *err)
{
    kk_buf start = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&start,
                         "{\"role\":\"describe\",\"memory_bytes\":%llu,\"cpu_seconds\":%llu}",
                         (unsigned long long)self->options.memory_bytes,
                         (unsigned long long)self->options.cpu_ms / 1000 + 2);
    kk_code code = kk_buf_check(&start, "what a worker is told", err);
    if (code == KK_OK) {
        code =
            kk_worker_send(self->worker, KK_FRAME_START, kk_buf_view(&start), &self->limits, err);
    }
    if (code == KK_OK) {
        code = kk_worker_send(self->worker, KK_FRAME_OBJECT, kk_str_from(self->path), &self->limits,
                              err);
    }
    kk_buf_clean(&start);
    return code;
}

static kk_code converse(description *self, kk_error *err)
{
    kk_worker_frame frame = {0};
    kk_error why = {0};
    bool done = false;
    kk_code code = KK_OK;
    kk_code lost = ask(self, &why);
    while (lost == KK_OK && code == KK_OK && !done) {
        lost = kk_worker_receive(self->worker, &frame, &self->limits, &why);
        if (lost == KK_OK) {
            code = take_frame(self, &frame, &done, err);
        }
    }
    kk_buf_clean(&frame.payload);
    return lost != KK_OK ? refuse_fate(self, &why, err) : code;
}

static kk_describe_options with_defaults(const kk_describe_options *options)
{
    kk_describe_options own = options != NULL ? *options : (kk_describe_options){0};
    own.wall_ms = own.wall_ms != 0 ? own.wall_ms : 10000;
    own.cpu_ms = own.cpu_ms != 0 ? own.cpu_ms : 1000;
    own.memory_bytes = own.memory_bytes != 0 ? own.memory_bytes : (uint64_t)512 << 20;
    return own;
}

kk_code kk_describe(const char *path, const kk_describe_options *options, kk_buf *packed,
                    kk_error *unproved, kk_error *err)
{
    description self = {
        .path = path, .options = with_defaults(options), .packed = packed, .unproved = unproved};
    self.limits.deadline_ms = kk_time_mono_ms(kk_time_real()) + self.options.wall_ms;
    self.limits.cpu_ms = self.options.cpu_ms;
    kk_error why = {0};
    kk_code code = kk_worker_start(self.options.worker, &self.worker, &why);
    if (code != KK_OK) {
        // A worker that others could have changed is a broken installation, not a refused plugin.
        code = kk_fail(err, KK_ERR_INTERNAL, "%s", why.message);
        kk_fail_hint(err, "%s", why.hint);
        return code;
    }
    code = converse(&self, err);
    kk_worker_free(self.worker);
    return code;
}
