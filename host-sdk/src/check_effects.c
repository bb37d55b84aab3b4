// Rules on what belongs to the whole process: it is as it was when the plugin has done its work.
#include "check_private.h"
#include "fail.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SIGNALS = 64, DESCRIPTORS = 1024, LEAK_WARM_UP = 4, LEAK_PASSES = 8, LEAK_LEAST = 64 };

kk_code kk_check_directory(kk_check *self)
{
    char before[PATH_MAX];
    char after[PATH_MAX];
    bool known = getcwd(before, sizeof before) != NULL;
    kk_check_exercise(self);
    if (known && (getcwd(after, sizeof after) == NULL || strcmp(before, after) != 0)) {
        kk_check_find(self, "it is another one");
    }
    return known ? KK_OK
                 : kk_fail(self->err, KK_ERR_UNAVAILABLE, "the working directory is not known");
}

kk_code kk_check_umask(kk_check *self)
{
    mode_t before = umask(0);
    umask(before);
    kk_check_exercise(self);
    mode_t after = umask(before);
    if (after != before) {
        kk_check_find(self, "it was %03o and is %03o", (unsigned)before, (unsigned)after);
    }
    return KK_OK;
}

kk_code kk_check_locale(kk_check *self)
{
    char before[200] = "";
    kk_text_set(before, sizeof before, setlocale(LC_ALL, NULL));
    kk_check_exercise(self);
    const char *after = setlocale(LC_ALL, NULL);
    if (strncmp(before, after, sizeof before - 1) != 0) {
        kk_check_find(self, "it was '%.100s' and is '%.100s'", before, after);
    }
    return KK_OK;
}

static void write_environment(kk_buf *out)
{
    for (char **at = environ; at != NULL && *at != NULL; at++) {
        kk_buf_append_text(out, *at);
        kk_buf_append_byte(out, '\0');
    }
}

// Names no variable: its value could be a secret, and its name is not needed to find the call.
kk_code kk_check_environment(kk_check *self)
{
    kk_buf before = {.limit = 4 * KK_TEXT_MAX};
    kk_buf after = {.limit = 4 * KK_TEXT_MAX};
    write_environment(&before);
    kk_check_exercise(self);
    write_environment(&after);
    if (!kk_str_equals(kk_buf_view(&before), kk_buf_view(&after))) {
        kk_check_find(self, "a variable was set, changed or removed");
    }
    kk_buf_clean(&before);
    kk_buf_clean(&after);
    return KK_OK;
}

kk_code kk_check_signals(kk_check *self)
{
    struct sigaction before[SIGNALS + 1];
    struct sigaction after;
    sigset_t mask_before;
    sigset_t mask_after;
    memset(before, 0, sizeof before);
    for (int i = 1; i <= SIGNALS; i++) {
        (void)sigaction(i, NULL, &before[i]);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    kk_check_exercise(self);
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    for (int i = 1; i <= SIGNALS; i++) {
        memset(&after, 0, sizeof after);
        if (sigaction(i, NULL, &after) == 0 &&
            (after.sa_handler != before[i].sa_handler || after.sa_flags != before[i].sa_flags)) {
            kk_check_find(self, "signal %d has another handler", i);
        }
        if (sigismember(&mask_before, i) != sigismember(&mask_after, i)) {
            kk_check_find(self, "signal %d is %s", i,
                          sigismember(&mask_after, i) == 1 ? "blocked now" : "no longer blocked");
        }
    }
    return KK_OK;
}

kk_code kk_check_descriptors(kk_check *self)
{
    static bool before[DESCRIPTORS];
    for (int i = 0; i < DESCRIPTORS; i++) {
        before[i] = fcntl(i, F_GETFD) >= 0;
    }
    kk_check_exercise(self);
    for (int i = 0; i < DESCRIPTORS; i++) {
        bool after = fcntl(i, F_GETFD) >= 0;
        if (after != before[i]) {
            kk_check_find(self, "descriptor %d %s", i, after ? "is left open" : "was closed");
        }
    }
    return KK_OK;
}

// The entries of a directory of /proc; 0 where it cannot be read.
static size_t count_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    size_t count = 0;
    while (directory != NULL && readdir(directory) != NULL) {
        count++;
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return count > 2 ? count - 2 : 0;
}

kk_code kk_check_threads(kk_check *self)
{
    size_t before = count_threads();
    if (before == 0) {
        return kk_fail(self->err, KK_ERR_UNAVAILABLE, "/proc/self/task cannot be read");
    }
    kk_check_exercise(self);
    size_t after = count_threads();
    // A thread that was joined may still be on its way out of the kernel.
    for (int i = 0; i < 100 && after > before; i++) {
        const struct timespec nap = {.tv_nsec = 10000000};
        nanosleep(&nap, NULL);
        after = count_threads();
    }
    if (after > before) {
        kk_check_find(self, "%zu left", after - before);
    }
    return KK_OK;
}

kk_code kk_check_standard_streams(kk_check *self)
{
    struct stat status = {0};
    int file = memfd_create("streams", MFD_CLOEXEC);
    int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (file < 0 || out < 0 || error < 0) {
        return kk_fail(self->err, KK_ERR_UNAVAILABLE, "no descriptor is left");
    }
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    kk_check_exercise(self);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
    fstat(file, &status);
    if (status.st_size > 0) {
        kk_check_find(self, "%lld bytes were written", (long long)status.st_size);
    }
    close(file);
    close(out);
    close(error);
    return KK_OK;
}

kk_code kk_check_children(kk_check *self)
{
    kk_check_exercise(self);
    if (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
        kk_check_find(self, "there is one");
    }
    return KK_OK;
}

static void *make_pass(void *context)
{
    kk_check_exercise(context);
    return NULL;
}

// One pass more of the same calls, and the memory in use then.  It has a thread of its own, with
// which the allocator's cache of freed blocks goes, that counts as in use.
static size_t use_after_pass(kk_check *self)
{
    pthread_t thread;
    self->random = self->subject->seed;
    if (pthread_create(&thread, NULL, make_pass, self) != 0) {
        return 0;
    }
    pthread_join(thread, NULL);
    return mallinfo2().uordblks;
}

// Every pass makes the same calls, so that it needs the same memory.
kk_code kk_check_leaks(kk_check *self)
{
    size_t first = 0;
    mallopt(M_ARENA_MAX, 1);
    for (int i = 0; i < LEAK_WARM_UP; i++) {
        first = use_after_pass(self);
    }
    if (first == 0) {
        return kk_fail(self->err, KK_ERR_UNAVAILABLE, "this build's allocator does not count");
    }
    bool grows = true;
    size_t last = first;
    for (int i = 0; i < LEAK_PASSES; i++) {
        size_t now = use_after_pass(self);
        grows = grows && now > last;
        last = now;
    }
    if (grows && last - first >= LEAK_LEAST) {
        kk_check_find(self, "%zu bytes more with each %d calls of every tool",
                      (last - first) / LEAK_PASSES, KK_CHECK_EXERCISE_ROUNDS);
    }
    return KK_OK;
}

kk_code kk_check_random_state(kk_check *self)
{
    srand(4711);
    int expected = rand();
    srand(4711);
    kk_check_exercise(self);
    if (rand() != expected) {
        kk_check_find(self, "rand() goes on elsewhere");
    }
    return KK_OK;
}
