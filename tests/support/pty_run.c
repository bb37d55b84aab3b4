// Runs a program on a terminal of its own and holds a conversation with it.
//
//     pty_run COMMAND [ARGUMENT...] <SCRIPT
//
// The script's lines, one step each:
//
//     expect TEXT     waits until the terminal shows TEXT, after what was expected before
//     send TEXT       types TEXT, with \n, \\ and \xHH
//     echo on|off     waits until the terminal shows what is typed, or does not
//     signal NUMBER   sends the program a signal
//     stopped         waits until the program is stopped
//     end STATUS      waits until the program has ended with that exit status
//     killed NUMBER   waits until a signal has ended the program
//
// What the terminal showed goes to standard output.  The first step that fails within its time ends
// the run with status 1 and a line on standard error.
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 20000, POLL_MS = 10, SHOWN_MAX = 1 << 16 };

typedef struct session {
    int terminal;
    int reports; // what the leader writes: the program's pid, then each of its wait statuses
    pid_t leader;
    pid_t program;
    int status; // the last wait status
    bool has_status;
    char shown[SHOWN_MAX];
    size_t shown_len;
    size_t expected; // up to where `expect` has looked
} session;

// ---- On the terminal

// Runs the program in the foreground, as a shell does: only so can it be stopped.
static void run_program(char **command)
{
    signal(SIGTTOU, SIG_IGN);
    setpgid(0, 0);
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
    execvp(command[0], command);
    _exit(127);
}

static void lead(int reports, char **command)
{
    pid_t program = fork();
    if (program == 0) {
        close(reports);
        run_program(command);
    }
    int status = (int)program;
    while (write(reports, &status, sizeof status) == sizeof status &&
           waitpid(program, &status, WUNTRACED) == program) {
    }
    // The terminal stays until its last state was looked at.
    for (;;) {
        pause();
    }
}

static bool begin(session *self, char **command)
{
    int ends[2];
    struct winsize size = {.ws_row = 24, .ws_col = 500};
    if (pipe(ends) != 0) {
        return false;
    }
    self->leader = forkpty(&self->terminal, NULL, NULL, &size);
    if (self->leader == 0) {
        close(ends[0]);
        lead(ends[1], command);
    }
    close(ends[1]);
    self->reports = ends[0];
    int number = 0;
    bool begun = self->leader > 0 && read(ends[0], &number, sizeof number) == sizeof number;
    self->program = begun ? (pid_t)number : 0;
    return begun && number > 0;
}

static void finish(session *self)
{
    if (self->program > 0 && !(self->has_status && !WIFSTOPPED(self->status))) {
        kill(self->program, SIGKILL);
    }
    if (self->leader > 0) {
        kill(self->leader, SIGKILL);
        waitpid(self->leader, NULL, 0);
    }
    fwrite(self->shown, 1, self->shown_len, stdout);
}

// ---- Steps

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Lets go of the older half, which every wait since has looked at.
static void make_room(session *self)
{
    size_t half = self->shown_len / 2;
    fwrite(self->shown, 1, half, stdout);
    self->shown_len -= half;
    memmove(self->shown, self->shown + half, self->shown_len);
    self->expected -= self->expected < half ? self->expected : half;
}

// Takes what has come from the terminal and from the leader.
static void take_news(session *self)
{
    struct pollfd fds[2] = {{.fd = self->terminal, .events = POLLIN},
                            {.fd = self->reports, .events = POLLIN}};
    if (poll(fds, 2, POLL_MS) <= 0) {
        return;
    }
    if (self->shown_len == SHOWN_MAX - 1) {
        make_room(self);
    }
    if ((fds[0].revents & POLLIN) != 0) {
        ssize_t got =
            read(self->terminal, self->shown + self->shown_len, SHOWN_MAX - 1 - self->shown_len);
        self->shown_len += got > 0 ? (size_t)got : 0;
        return;
    }
    // All that was shown before a change is taken before it.
    if ((fds[1].revents & POLLIN) != 0 &&
        read(self->reports, &self->status, sizeof self->status) == sizeof self->status) {
        self->has_status = true;
    }
}

static bool is_shown(session *self, const char *text)
{
    self->shown[self->shown_len] = '\0';
    char *at = strstr(self->shown + self->expected, text);
    if (at != NULL) {
        self->expected = (size_t)(at - self->shown) + strlen(text);
    }
    return at != NULL;
}

static bool is_echo(const session *self, const char *text)
{
    struct termios mode;
    bool on = tcgetattr(self->terminal, &mode) == 0 && (mode.c_lflag & ECHO) != 0;
    return on == (strcmp(text, "on") == 0);
}

static bool is_stopped(const session *self, const char *text)
{
    (void)text;
    return self->has_status && WIFSTOPPED(self->status);
}

static bool is_ended(const session *self, const char *text)
{
    return self->has_status && WIFEXITED(self->status) &&
           WEXITSTATUS(self->status) == (int)strtol(text, NULL, 10);
}

static bool is_killed(const session *self, const char *text)
{
    return self->has_status && WIFSIGNALED(self->status) &&
           WTERMSIG(self->status) == (int)strtol(text, NULL, 10);
}

static size_t unescape(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len < size; text++) {
        char digits[3] = "";
        if (text[0] == '\\' && text[1] == 'x' && text[2] != '\0') {
            memcpy(digits, text + 2, 2);
            out[len++] = (char)strtol(digits, NULL, 16);
            text += 3;
        } else if (text[0] == '\\' && text[1] != '\0') {
            text++;
            out[len++] = *text == 'n' ? '\n' : *text;
        } else {
            out[len++] = *text;
        }
    }
    return len;
}

static bool type(session *self, const char *text)
{
    char bytes[512];
    size_t len = unescape(text, bytes, sizeof bytes);
    return write(self->terminal, bytes, len) == (ssize_t)len;
}

static bool send_signal(session *self, const char *text)
{
    self->has_status = false;
    return kill(self->program, (int)strtol(text, NULL, 10)) == 0;
}

// Whether what the step waits for is there.  A step that acts is done at once.
static bool is_done(session *self, const char *step, const char *text, bool *failed)
{
    if (strcmp(step, "expect") == 0) {
        return is_shown(self, text);
    }
    if (strcmp(step, "echo") == 0) {
        return is_echo(self, text);
    }
    if (strcmp(step, "stopped") == 0) {
        return is_stopped(self, text);
    }
    if (strcmp(step, "end") == 0) {
        return is_ended(self, text);
    }
    if (strcmp(step, "killed") == 0) {
        return is_killed(self, text);
    }
    bool acted = strcmp(step, "send") == 0     ? type(self, text)
                 : strcmp(step, "signal") == 0 ? send_signal(self, text)
                                               : false;
    *failed = !acted;
    return acted;
}

static bool run_step(session *self, char *line)
{
    char *text = line + strcspn(line, " ");
    text += *text == ' ' ? (*text = '\0', 1) : 0;
    long deadline_ms = now_ms() + STEP_MS;
    bool failed = false;
    while (!is_done(self, line, text, &failed)) {
        bool over = self->has_status && !WIFSTOPPED(self->status) && strcmp(line, "echo") != 0;
        if (failed || over || now_ms() > deadline_ms) {
            // What was shown last may be what is waited for.
            take_news(self);
            return !failed && is_done(self, line, text, &failed);
        }
        take_news(self);
    }
    return true;
}

static int converse(session *self)
{
    char line[512];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0') {
            continue;
        }
        char whole[sizeof line];
        memcpy(whole, line, sizeof whole);
        if (!run_step(self, line)) {
            fprintf(stderr, "pty_run: '%s' did not happen; the last wait status is %s%#x\n", whole,
                    self->has_status ? "" : "none, not ", (unsigned)self->status);
            return 1;
        }
    }
    // The rest, and whether the program has gone.
    for (int i = 0; i < 5; i++) {
        take_news(self);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static session self;
    if (argc < 2 || !begin(&self, argv + 1)) {
        fprintf(stderr, "pty_run: a terminal could not be made: %s\n", strerror(errno));
        return 2;
    }
    int status = converse(&self);
    finish(&self);
    return status;
}
