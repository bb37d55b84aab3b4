// Questions on /dev/tty.
#include "terminal.h"
#include "fail.h"
#include "output.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_SIZE = 64 };

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
enum { CAUGHT_COUNT = sizeof caught / sizeof caught[0] };

// Written by the handler alone, which can reach nothing else.
static volatile sig_atomic_t signal_came;

static int open_terminal(void)
{
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

// A job in the background would be stopped for asking.
static bool is_in_front(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}

bool kk_terminal_may_ask(const kk_run *run)
{
    const char *ci = getenv("CI");
    return !kk_run_has(run, KK_OPT_NO_INPUT) && (ci == NULL || ci[0] == '\0');
}

bool kk_terminal_is_ours(void)
{
    int fd = open_terminal();
    if (fd < 0) {
        return false;
    }
    bool in_front = is_in_front(fd);
    close(fd);
    return in_front;
}

bool kk_terminal_can_ask(const kk_run *run)
{
    return kk_terminal_may_ask(run) && kk_terminal_is_ours();
}

static void show(int fd, const char *text)
{
    kk_buf safe = {.limit = KK_TEXT_MAX};
    kk_output_make_safe(kk_str_from(text), &safe);
    (void)!write(fd, kk_buf_text(&safe), safe.len);
    kk_buf_clean(&safe);
}

// Whether the terminal has a line to read before the other descriptor has something.
static bool wait_for_line(int fd, int wake_fd)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
    int ready = 0;
    do {
        ready = poll(fds, 2, -1);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && fds[1].revents == 0;
}

bool kk_terminal_ask(const char *question, int wake_fd)
{
    int fd = open_terminal();
    if (fd < 0) {
        return false;
    }
    if (!is_in_front(fd)) {
        close(fd);
        return false;
    }
    // What was typed before the question was seen is no answer to it.
    tcflush(fd, TCIFLUSH);
    show(fd, question);
    char answer[ANSWER_SIZE] = "";
    if (wait_for_line(fd, wake_fd)) {
        ssize_t got = read(fd, answer, sizeof answer - 1);
        answer[got > 0 ? got : 0] = '\0';
    }
    close(fd);
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

static void note_signal(int number)
{
    signal_came = number;
}

// What is changed while a secret is typed, and put back afterwards.
typedef struct quiet {
    int fd;
    struct termios before;
    struct sigaction actions[CAUGHT_COUNT];
    sigset_t mask;
} quiet;

// The signals are blocked but for the time in ppoll(), so that none is lost before it.
static bool become_quiet(quiet *self)
{
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < CAUGHT_COUNT; i++) {
        sigaddset(&blocked, caught[i]);
    }
    pthread_sigmask(SIG_BLOCK, &blocked, &self->mask);
    signal_came = 0;
    struct sigaction action = {.sa_handler = note_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < CAUGHT_COUNT; i++) {
        sigaction(caught[i], &action, &self->actions[i]);
    }
    struct termios silent = self->before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    return tcsetattr(self->fd, TCSAFLUSH, &silent) == 0;
}

static void become_loud(quiet *self)
{
    tcsetattr(self->fd, TCSAFLUSH, &self->before);
    for (size_t i = 0; i < CAUGHT_COUNT; i++) {
        sigaction(caught[i], &self->actions[i], NULL);
    }
    if (signal_came != 0) {
        // Has its usual effect as soon as the mask is put back.
        raise(signal_came);
    }
    pthread_sigmask(SIG_SETMASK, &self->mask, NULL);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Reads up to the newline, until that time if it is not 0.  False with signal_came 0 is a failure
// to read.
static bool read_line(quiet *self, uint64_t until_ms, kk_buf *out)
{
    sigset_t open_mask = self->mask;
    for (size_t i = 0; i < CAUGHT_COUNT; i++) {
        sigdelset(&open_mask, caught[i]);
    }
    for (;;) {
        struct pollfd fds = {.fd = self->fd, .events = POLLIN};
        uint64_t now = now_ms();
        uint64_t left = until_ms > now ? until_ms - now : 0;
        struct timespec wait = {.tv_sec = (time_t)(left / 1000),
                                .tv_nsec = (long)(left % 1000) * 1000000};
        if (ppoll(&fds, 1, until_ms != 0 ? &wait : NULL, &open_mask) <= 0) {
            return false;
        }
        char byte;
        ssize_t got = read(self->fd, &byte, 1);
        if (got != 1) {
            return false;
        }
        if (byte == '\n') {
            return true;
        }
        kk_buf_append_byte(out, byte);
    }
}

kk_code kk_terminal_ask_secret(const char *prompt, unsigned limit_ms, kk_buf *out, kk_error *err)
{
    int fd = open_terminal();
    if (fd < 0) {
        return kk_fail(err, KK_ERR_IO, "the terminal could not be opened: %s", strerror(errno));
    }
    size_t start = out->len;
    uint64_t until_ms = limit_ms != 0 ? now_ms() + limit_ms : 0;
    int came = 0;
    bool done = false;
    do {
        quiet self = {.fd = fd};
        out->len = start;
        if (tcgetattr(fd, &self.before) != 0) {
            break;
        }
        done = become_quiet(&self);
        if (done) {
            show(fd, prompt);
            done = read_line(&self, until_ms, out);
        }
        came = signal_came;
        show(fd, "\n");
        become_loud(&self);
    } while (!done && came != 0);
    close(fd);
    if (!done) {
        return kk_fail(err, KK_ERR_IO, "nothing could be read from the terminal");
    }
    return kk_buf_check(out, "the value", err);
}
