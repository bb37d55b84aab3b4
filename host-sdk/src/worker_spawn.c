// Finding the program kk-worker, and starting it with nothing of ours.
#include "buf.h"
#include "fail.h"
#include "library.h"
#include "trust.h"
#include "worker.h"
#include "worker_private.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Where the program is, seen from the directory of the library: in an installation, and in a tree
// that has just been built.
static const char *const places[] = {KK_LIB_TO_WORKER, "../libexec/kk/kk-worker"};

static kk_code fail_missing(const char *path, kk_error *err)
{
    kk_fail(err, KK_ERR_INTERNAL, "the program '%s', which looks at plugins, is not installed",
            path);
    kk_fail_hint(err, "install kk-worker with the library, or name it in kk_host_options.worker");
    return KK_ERR_INTERNAL;
}

kk_code kk_worker_find(kk_buf *path, kk_error *err)
{
    const char *directory = kk_library_real_directory();
    if (directory == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "the directory of the kk library cannot be told");
    }
    for (size_t i = sizeof places / sizeof places[0]; i-- > 0;) {
        kk_buf_clear(path);
        kk_buf_append_format(path, "%s/%s", directory, places[i]);
        kk_code code = kk_buf_check(path, "the path of the worker", err);
        if (code != KK_OK || access(kk_buf_text(path), F_OK) == 0) {
            return code;
        }
    }
    return fail_missing(kk_buf_text(path), err);
}

static kk_code fail_system(int number, const char *path, kk_error *err)
{
    return kk_fail(err, KK_ERR_INTERNAL, "the program '%s' does not start: %s", path,
                   strerror(number));
}

// The socket goes to its place first: it may be any of 0 to 2 in a program that closed its own.
static int plan_descriptors(posix_spawn_file_actions_t *actions, int socket)
{
    int number = posix_spawn_file_actions_adddup2(actions, socket, KK_WORKER_FD);
    for (int i = 0; i < 3 && number == 0; i++) {
        int flags = i == 0 ? O_RDONLY : O_WRONLY;
        number = posix_spawn_file_actions_addopen(actions, i, "/dev/null", flags, 0);
    }
    return number != 0 ? number
                       : posix_spawn_file_actions_addclosefrom_np(actions, KK_WORKER_FD + 1);
}

static int plan_signals(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int number = posix_spawnattr_setsigmask(attributes, &none);
    if (number == 0) {
        number = posix_spawnattr_setsigdefault(attributes, &all);
    }
    // A session of its own: what the terminal sends to our group, the worker does not get.
    return number != 0 ? number
                       : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
                                                                  POSIX_SPAWN_SETSIGDEF |
                                                                  POSIX_SPAWN_SETSID);
}

static int spawn(const char *path, int socket, pid_t *pid)
{
    char name[] = "kk-worker";
    char *argv[] = {name, NULL};
    char *environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);
    if (number != 0) {
        return number;
    }
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = plan_descriptors(&actions, socket);
        number = number == 0 ? plan_signals(&attributes) : number;
        if (number == 0) {
            number = posix_spawn(pid, path, &actions, &attributes, argv, environment);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

static kk_code start(const char *path, pid_t *pid, int *socket, kk_error *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return fail_system(errno, path, err);
    }
    int number = spawn(path, pair[1], pid);
    close(pair[1]);
    if (number != 0) {
        close(pair[0]);
        return fail_system(number, path, err);
    }
    *socket = pair[0];
    return KK_OK;
}

kk_code kk_worker_spawn(const char *path, pid_t *pid, int *socket, kk_error *err)
{
    kk_buf found = {.limit = PATH_MAX};
    kk_code code = KK_OK;
    if (path == NULL) {
        code = kk_worker_find(&found, err);
        path = kk_buf_text(&found);
    } else if (access(path, F_OK) != 0) {
        code = fail_missing(path, err);
    }
    if (code == KK_OK) {
        code = kk_executable_check(path, err);
    }
    if (code == KK_OK) {
        code = start(path, pid, socket, err);
    }
    kk_buf_clean(&found);
    return code;
}
