// What a worker may do once it has confined itself: each deed runs in a child that enters the
// sandbox of one role, with a socket at descriptor 3.
#include "channel.h"
#include "sandbox.h"
#include "scratch.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef int (*deed_fn)(void); // the status that the child ends with

// ---- Deeds

static int open_a_file(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 1 : 2;
}

// Where no child may make a file.
static scratch room;
static const char *unwanted;

static int make_a_file(void)
{
    return open(unwanted, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? 1 : 2;
}

static int make_a_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 1 : 2;
}

static int run_a_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return 2;
}

static int make_a_process(void)
{
    return fork() < 0 ? 2 : 0;
}

static int map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
           MAP_FAILED;
}

static int map_code_to_write(void)
{
    int rights = PROT_READ | PROT_WRITE | PROT_EXEC;
    return mmap(NULL, 4096, rights, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int map_a_file(void)
{
    return mmap(NULL, 4096, PROT_READ, MAP_SHARED, KK_WORKER_FD, 0) == MAP_FAILED;
}

static int write_elsewhere(void)
{
    return write(STDOUT_FILENO, "x", 1) == 1;
}

static int read_elsewhere(void)
{
    char byte;
    return (int)read(STDIN_FILENO, &byte, 1);
}

static int signal_another(void)
{
    return kill(1, 0) == 0;
}

static int undo_the_limit(void)
{
    const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_CPU, &none);
}

static int look_into_another(void)
{
    return (int)syscall(SYS_ptrace, 16, 1, NULL, NULL);
}

// All that a script needs.
static int live(void)
{
    struct timespec now;
    char *block = malloc(8 << 20);
    if (block == NULL || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) != 0) {
        return 2;
    }
    memset(block, 1, 8 << 20);
    block = realloc(block, 12 << 20);
    free(block);
    channel_send(KK_FRAME_PRINT, "hello", 5);
    kk_buf payload = {0};
    return channel_receive(&payload) == KK_FRAME_RUN && strcmp(kk_buf_text(&payload), "go") == 0
               ? 0
               : 3;
}

static int read_a_file(void)
{
    char byte;
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &byte, 1) == 1 ? 0 : 2;
}

static int spin(void)
{
    volatile size_t i = 0;
    while (i < SIZE_MAX) {
        i++;
    }
    return 2;
}

static int take_memory(void)
{
    size_t taken = 0;
    while (taken < (size_t)1 << 30 && malloc(1 << 20) != NULL) {
        taken += 1 << 20;
    }
    return taken < (size_t)64 << 20 ? 0 : 2;
}

// ---- Children

typedef struct child {
    pid_t pid;
    int socket;
} child;

static child begin(bool (*enter)(void), sandbox_limits limits, deed_fn deed)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    child self = {.pid = fork(), .socket = pair[0]};
    assert_true(self.pid >= 0);
    if (self.pid == 0) {
        int own = fcntl(pair[1], F_DUPFD, 10);
        close(pair[0]);
        close(pair[1]);
        if (dup2(own, KK_WORKER_FD) != KK_WORKER_FD || close(own) != 0 || !sandbox_limit(&limits) ||
            !enter()) {
            _exit(90);
        }
        _exit(deed());
    }
    close(pair[1]);
    return self;
}

static int end(child self)
{
    int status = 0;
    assert_int_equal(waitpid(self.pid, &status, 0), self.pid);
    close(self.socket);
    return status;
}

static void expect_killed(const char *name, deed_fn deed)
{
    int status = end(begin(sandbox_enter_lua, (sandbox_limits){0}, deed));
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) {
        fail_msg("%s: the child was not killed for it: status 0x%x", name, (unsigned)status);
    }
}

// The frame that names the call, and the status behind it.
static void expect_trapped(const char *name, deed_fn deed, long call)
{
    child self = begin(sandbox_enter_describe, (sandbox_limits){0}, deed);
    unsigned char frame[12] = {0};
    assert_int_equal(recv(self.socket, frame, sizeof frame, MSG_WAITALL), sizeof frame);
    long named = frame[8] | frame[9] << 8;
    if (frame[4] != KK_FRAME_TRAPPED || named != call) {
        fail_msg("%s: frame %d names call %ld, not %ld", name, frame[4], named, call);
    }
    int status = end(self);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), CHANNEL_EXIT_TRAPPED);
}

static void expect_status(child self, int wanted)
{
    int status = end(self);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), wanted);
}

// ---- Tests

static void test_sandbox__a_script_has_memory_the_clock_and_its_socket(void **state)
{
    (void)state;
    static const unsigned char go[] = {2, 0, 0, 0, KK_FRAME_RUN, 0, 0, 0, 'g', 'o'};
    child self = begin(sandbox_enter_lua, (sandbox_limits){0}, live);
    assert_int_equal(send(self.socket, go, sizeof go, 0), sizeof go);
    expect_status(self, 0);
}

static void test_sandbox__whatever_else_kills_a_script(void **state)
{
    (void)state;
    if (!sandbox_has_filter) {
        skip();
    }
    expect_killed("open", open_a_file);
    expect_killed("create", make_a_file);
    expect_killed("socket", make_a_socket);
    expect_killed("exec", run_a_program);
    expect_killed("fork", make_a_process);
    expect_killed("mmap of code", map_code);
    expect_killed("mmap of a descriptor", map_a_file);
    expect_killed("write elsewhere", write_elsewhere);
    expect_killed("read elsewhere", read_elsewhere);
    expect_killed("kill", signal_another);
    expect_killed("setrlimit", undo_the_limit);
    expect_killed("ptrace", look_into_another);
    assert_int_not_equal(access(unwanted, F_OK), 0);
}

static void test_sandbox__a_description_can_read_files(void **state)
{
    (void)state;
    expect_status(begin(sandbox_enter_describe, (sandbox_limits){0}, read_a_file), 0);
}

static void test_sandbox__whatever_else_ends_a_description_and_is_named(void **state)
{
    (void)state;
    if (!sandbox_has_filter) {
        skip();
    }
    expect_trapped("create", make_a_file, SYS_openat);
    expect_trapped("socket", make_a_socket, SYS_socket);
    expect_trapped("exec", run_a_program, SYS_execve);
    expect_trapped("fork", make_a_process, SYS_clone);
    expect_trapped("mmap of code to write", map_code_to_write, SYS_mmap);
    expect_trapped("write elsewhere", write_elsewhere, SYS_write);
    expect_trapped("kill", signal_another, SYS_kill);
    expect_trapped("setrlimit", undo_the_limit, SYS_prlimit64);
    expect_trapped("ptrace", look_into_another, SYS_ptrace);
    assert_int_not_equal(access(unwanted, F_OK), 0);
}

static void test_sandbox__memory_has_an_end(void **state)
{
    (void)state;
    if (!sandbox_has_memory_limit) {
        skip();
    }
    const sandbox_limits limits = {.memory_bytes = (size_t)64 << 20};
    expect_status(begin(sandbox_enter_lua, limits, take_memory), 0);
}

static void test_sandbox__cpu_time_has_an_end(void **state)
{
    (void)state;
    int status = end(begin(sandbox_enter_lua, (sandbox_limits){.cpu_seconds = 1}, spin));
    assert_true(WIFSIGNALED(status));
    assert_true(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU);
}

static int tell_limits(void)
{
    struct rlimit core;
    return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
                   prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
               ? 0
               : 2;
}

static bool stay_outside(void)
{
    return true;
}

static void test_sandbox__leaves_no_core_and_gains_no_rights(void **state)
{
    (void)state;
    expect_status(begin(stay_outside, (sandbox_limits){0}, tell_limits), 0);
}

// The host is gone while a script runs: nobody would ever stop it.
static void test_sandbox__a_script_ends_with_its_host(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); // it holds signals back until the next system call
#endif
    child self = begin(sandbox_enter_lua, (sandbox_limits){.cpu_seconds = 60}, spin);
    const struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL);
    assert_int_equal(waitpid(self.pid, NULL, WNOHANG), 0);
    shutdown(self.socket, SHUT_RDWR);
    expect_status(self, 0);
}

static int set_up(void **state)
{
    (void)state;
    scratch_init(&room);
    unwanted = scratch_path(&room, "unwanted");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_clean(&room);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sandbox__a_script_has_memory_the_clock_and_its_socket),
        cmocka_unit_test(test_sandbox__whatever_else_kills_a_script),
        cmocka_unit_test(test_sandbox__a_description_can_read_files),
        cmocka_unit_test(test_sandbox__whatever_else_ends_a_description_and_is_named),
        cmocka_unit_test(test_sandbox__memory_has_an_end),
        cmocka_unit_test(test_sandbox__cpu_time_has_an_end),
        cmocka_unit_test(test_sandbox__leaves_no_core_and_gains_no_rights),
        cmocka_unit_test(test_sandbox__a_script_ends_with_its_host),
    };
    return cmocka_run_group_tests_name("sandbox", tests, set_up, tear_down);
}
