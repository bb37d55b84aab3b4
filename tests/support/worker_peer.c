// A program in the place of kk-worker: it does what the first frame says, right or wrong.
//
//     echo       every further frame comes back as PRINT
//     report     one PRINT: what it was started with
//     exit N     ends with status N
//     crash      ends by SIGSEGV
//     hang, spin, close      waits, works, or closes its socket and waits
//     long, odd, half        a header that says too much, one that is none, half a frame
#include "worker_frames.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void write_all(const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t went = write(KK_WORKER_FD, at, len);
        if (went <= 0) {
            _exit(99);
        }
        at += went;
        len -= (size_t)went;
    }
}

static void read_all(void *bytes, size_t len)
{
    char *at = bytes;
    while (len > 0) {
        ssize_t came = read(KK_WORKER_FD, at, len);
        if (came <= 0) {
            _exit(0);
        }
        at += came;
        len -= (size_t)came;
    }
}

static void say(const void *bytes, size_t len)
{
    unsigned char header[KK_FRAME_HEADER_SIZE];
    kk_frame_header_encode((kk_frame_header){(uint32_t)len, KK_FRAME_PRINT}, header);
    write_all(header, sizeof header);
    write_all(bytes, len);
}

static char *hear(size_t *len)
{
    unsigned char bytes[KK_FRAME_HEADER_SIZE];
    kk_frame_header header = {0};
    read_all(bytes, sizeof bytes);
    if (!kk_frame_header_decode(bytes, &header)) {
        _exit(98);
    }
    char *payload = calloc(1, (size_t)header.len + 1);
    if (payload == NULL) {
        _exit(97);
    }
    read_all(payload, header.len);
    *len = header.len;
    return payload;
}

static void echo(void)
{
    for (;;) {
        size_t len = 0;
        char *payload = hear(&len);
        say(payload, len);
        free(payload);
    }
}

// "variables descriptors blocked-signals ignored-signals own-session null"
static void report(void)
{
    char text[128];
    int descriptors = 0, blocked = 0, ignored = 0, variables = 0, null = 0;
    sigset_t mask;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int i = 1; i < 32; i++) {
        struct sigaction action;
        blocked += sigismember(&mask, i) == 1;
        ignored += sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
    }
    for (int i = 0; i < 1024; i++) {
        struct stat found, device;
        bool open = fstat(i, &found) == 0;
        descriptors += open;
        null += open && stat("/dev/null", &device) == 0 && found.st_rdev == device.st_rdev;
    }
    while (environ[variables] != NULL) {
        variables++;
    }
    snprintf(text, sizeof text, "%d %d %d %d %d %d", variables, descriptors, blocked, ignored,
             getsid(0) == getpid(), null);
    say(text, strlen(text));
}

static void say_wrong(const char *what)
{
    static const unsigned char too_long[] = {1, 0, 0, 1, KK_FRAME_PRINT, 0, 0, 0};
    static const unsigned char odd[] = {1, 0, 0, 0, KK_FRAME_PRINT, 0, 7, 0};
    static const unsigned char half[] = {9, 0, 0, 0, KK_FRAME_PRINT, 0, 0, 0, 'h'};
    if (strcmp(what, "long") == 0) {
        write_all(too_long, sizeof too_long);
    } else if (strcmp(what, "odd") == 0) {
        write_all(odd, sizeof odd);
    } else if (strcmp(what, "half") == 0) {
        write_all(half, sizeof half);
        _exit(5);
    }
}

int main(void)
{
    size_t len = 0;
    char *what = hear(&len);
    if (strcmp(what, "echo") == 0) {
        echo();
    } else if (strcmp(what, "report") == 0) {
        report();
    } else if (strncmp(what, "exit ", 5) == 0) {
        _exit((int)strtol(what + 5, NULL, 10));
    } else if (strcmp(what, "crash") == 0) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (strcmp(what, "spin") == 0) {
        for (volatile size_t i = 0;; i++) {
        }
    } else if (strcmp(what, "close") == 0) {
        close(KK_WORKER_FD);
    }
    say_wrong(what);
    for (;;) {
        pause();
    }
}
