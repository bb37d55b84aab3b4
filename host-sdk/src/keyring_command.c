// Running a command for its output.
#include "keyring_command.h"
#include "buf.h"
#include "fail.h"
#include "time_source.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_MAX = 8, REAP_POLL_MS = 5 };

typedef struct running {
    const char *path;
    pid_t pid;
    int output;
    uint64_t until_ms;
    unsigned limit_ms;
} running;

static kk_code fail_command(const running *self, const char *why, kk_error *err)
{
    kk_code code =
        kk_fail(err, KK_ERR_IO, "the command '%s' that gives the key %s", self->path, why);
    kk_fail_hint(err, "run it by hand to see what it says; it is key_source of the configuration");
    return code;
}

static kk_code fail_number(const running *self, const char *why, int number, kk_error *err)
{
    char text[128];
    char whole[256];
    snprintf(whole, sizeof whole, "%s: %s", why, strerror_r(number, text, sizeof text));
    return fail_command(self, whole, err);
}

// ---- Starting

// The environment that it gets; the texts are in [room].
static void choose_environment(kk_buf *room, char *out[KEPT_MAX + 1])
{
    static const char *const names[] = {"HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR"};
    size_t count = 0;
    size_t starts[KEPT_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = secure_getenv(names[i]);
        if (value != NULL) {
            starts[count++] = room->len;
            kk_buf_append_format(room, "%s=%s", names[i], value);
            kk_buf_append_byte(room, '\0');
        }
    }
    starts[count++] = room->len;
    kk_buf_append(room, "LC_ALL=C", sizeof "LC_ALL=C");
    starts[count++] = room->len;
    static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    kk_buf_append(room, path, sizeof path);
    for (size_t i = 0; i < count && room->failed == KK_OK; i++) {
        out[i] = room->ptr + starts[i];
    }
    out[count] = NULL;
}

// A process group of its own, so that what it starts ends with it, and signals as they are by
// default.
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    int number = posix_spawnattr_setsigdefault(attributes, &all);
    number = number != 0 ? number : posix_spawnattr_setsigmask(attributes, &none);
    number = number != 0 ? number : posix_spawnattr_setpgroup(attributes, 0);
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    return number != 0 ? number : posix_spawnattr_setflags(attributes, flags);
}

static int set_files(posix_spawn_file_actions_t *files, int output)
{
    int number = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
    if (number == 0) {
        number = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    if (number == 0) {
        number = posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    return number != 0 ? number
                       : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

static int spawn(running *self, const char *const *argv, char *const *environment, int output)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&files);
    if (number != 0) {
        return number;
    }
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = set_files(&files, output);
        number = number != 0 ? number : set_attributes(&attributes);
        number = number != 0 ? number
                             : posix_spawn(&self->pid, argv[0], &files, &attributes,
                                           (char *const *)argv, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return number;
}

static kk_code start(running *self, const char *const *argv, kk_error *err)
{
    kk_buf room = {.limit = KK_TEXT_MAX};
    char *environment[KEPT_MAX + 1];
    int ends[2];
    // Room for all of it at once, so that the texts do not move.
    if (kk_buf_reserve(&room, KK_TEXT_MAX / 16) == NULL) {
        return kk_buf_check(&room, "an environment", err);
    }
    choose_environment(&room, environment);
    kk_code code = kk_buf_check(&room, "an environment", err);
    if (code == KK_OK && pipe2(ends, O_CLOEXEC) != 0) {
        code = fail_number(self, "could not be started", errno, err);
    }
    if (code == KK_OK) {
        int number = spawn(self, argv, environment, ends[1]);
        close(ends[1]);
        self->output = ends[0];
        if (number != 0) {
            code = fail_number(self, "could not be started", number, err);
        }
    }
    kk_buf_clean(&room);
    return code;
}

// ---- Reading and ending

static int left_ms(const running *self)
{
    uint64_t now = kk_time_mono_ms(kk_time_real());
    return now < self->until_ms ? (int)(self->until_ms - now) : 0;
}

static kk_code fail_late(const running *self, kk_error *err)
{
    char why[64];
    snprintf(why, sizeof why, "did not end within %u ms", self->limit_ms);
    return fail_command(self, why, err);
}

static kk_code read_output(const running *self, kk_secret *out, kk_error *err)
{
    for (;;) {
        struct pollfd ready = {.fd = self->output, .events = POLLIN};
        int count = poll(&ready, 1, left_ms(self));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count == 0) {
            return fail_late(self, err);
        }
        size_t room = out->capacity - out->len;
        ssize_t got = read(self->output, out->ptr + out->len, room);
        if (got < 0) {
            return fail_number(self, "could not be read", errno, err);
        }
        if (got == 0) {
            return KK_OK;
        }
        out->len += (size_t)got;
        if (out->len > KK_KEY_COMMAND_OUTPUT_MAX) {
            return fail_command(self, "printed more than 4096 bytes", err);
        }
    }
}

// Waits for its end.  A program that ignores SIGCHLD does not learn of it; the output then counts.
static kk_code reap(const running *self, kk_error *err)
{
    static const struct timespec pause = {.tv_nsec = REAP_POLL_MS * 1000000L};
    int status = 0;
    char why[64];
    for (;;) {
        pid_t ended = waitpid(self->pid, &status, WNOHANG);
        if (ended < 0 && errno == EINTR) {
            continue;
        }
        if (ended < 0 || (ended == self->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
            return KK_OK;
        }
        if (ended == self->pid) {
            bool exited = WIFEXITED(status);
            snprintf(why, sizeof why, "ended with %s %d", exited ? "the exit status" : "the signal",
                     exited ? WEXITSTATUS(status) : WTERMSIG(status));
            return fail_command(self, why, err);
        }
        if (left_ms(self) == 0) {
            return fail_late(self, err);
        }
        nanosleep(&pause, NULL);
    }
}

// Kills what is left of it.
static void end(const running *self)
{
    int status = 0;
    kill(-self->pid, SIGKILL);
    while (waitpid(self->pid, &status, 0) < 0 && errno == EINTR) {
    }
}

kk_code kk_key_command_run(const char *const *argv, unsigned limit_ms, kk_secret *out,
                           kk_error *err)
{
    running self = {.path = argv[0], .output = -1, .limit_ms = limit_ms};
    kk_secret printed = {0};
    self.until_ms = kk_time_mono_ms(kk_time_real()) + limit_ms;
    kk_code code = kk_secret_make(&printed, KK_KEY_COMMAND_OUTPUT_MAX + 1, err);
    if (code == KK_OK) {
        code = start(&self, argv, err);
    }
    if (code == KK_OK) {
        code = read_output(&self, &printed, err);
    }
    if (code == KK_OK) {
        code = reap(&self, err);
    }
    if (code != KK_OK && self.pid > 0) {
        end(&self);
    }
    if (self.output >= 0) {
        close(self.output);
    }
    if (code != KK_OK) {
        kk_secret_clean(&printed);
        return code;
    }
    kk_secret_clean(out);
    *out = printed;
    return KK_OK;
}
