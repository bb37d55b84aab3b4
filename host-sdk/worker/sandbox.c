// Limits and filters of a worker.
#include "sandbox.h"
#include "channel.h"
#include "worker_frames.h"
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef KK_WORKER_UNCONFINED
const bool sandbox_has_filter = false;
const bool sandbox_has_memory_limit = false;
#else
const bool sandbox_has_filter = true;
const bool sandbox_has_memory_limit = true;
#endif

// ---- Limits

static bool limit(int what, uint64_t most)
{
    const struct rlimit both = {.rlim_cur = (rlim_t)most, .rlim_max = (rlim_t)most};
    struct rlimit now;
    // One that is lower already stays.
    return getrlimit(what, &now) == 0 &&
           (now.rlim_max < both.rlim_max || setrlimit(what, &both) == 0);
}

bool sandbox_limit(const sandbox_limits *limits)
{
    bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 &&
              limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, 32);
    if (ok && sandbox_has_filter) {
        ok = limit(RLIMIT_FSIZE, 0);
    }
    if (ok && limits->memory_bytes != 0 && sandbox_has_memory_limit) {
        ok = limit(RLIMIT_AS, limits->memory_bytes);
    }
    return ok && (limits->cpu_seconds == 0 || limit(RLIMIT_CPU, limits->cpu_seconds));
}

// ---- Filters

// The value of an int is in the lower half of its register; what is above is not defined.
#define INT_IS(index, value) SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, 0xFFFFFFFFu, (uint32_t)(value))
#define NO_BITS(index, bits) SCMP_CMP64(index, SCMP_CMP_MASKED_EQ, (uint64_t)(bits), 0)

typedef struct rule {
    int call;
    unsigned int count; // of conditions, all of which have to hold
    struct scmp_arg_cmp conditions[3];
} rule;

// Memory, time and the end: what any code needs.
static const rule rules_of_all[] = {
    {SCMP_SYS(brk), 0, {{0}}},
    {SCMP_SYS(clock_gettime), 0, {{0}}},
    {SCMP_SYS(exit), 0, {{0}}},
    {SCMP_SYS(exit_group), 0, {{0}}},
    {SCMP_SYS(futex), 0, {{0}}},
    {SCMP_SYS(getpid), 0, {{0}}},
    {SCMP_SYS(getrandom), 0, {{0}}},
    {SCMP_SYS(gettid), 0, {{0}}},
    {SCMP_SYS(gettimeofday), 0, {{0}}},
    {SCMP_SYS(madvise), 0, {{0}}},
    {SCMP_SYS(mremap), 0, {{0}}},
    {SCMP_SYS(munmap), 0, {{0}}},
    {SCMP_SYS(restart_syscall), 0, {{0}}},
    {SCMP_SYS(rt_sigprocmask), 0, {{0}}},
    {SCMP_SYS(rt_sigreturn), 0, {{0}}},
    {SCMP_SYS(write), 1, {INT_IS(0, KK_WORKER_FD)}},
};

// A script gets anonymous memory that holds no code.
static const rule rules_of_lua[] = {
    {SCMP_SYS(mmap), 2, {NO_BITS(2, PROT_EXEC), INT_IS(4, -1)}},
    {SCMP_SYS(mprotect), 1, {NO_BITS(2, PROT_EXEC)}},
    {SCMP_SYS(read), 1, {INT_IS(0, KK_WORKER_FD)}},
    {SCMP_SYS(recvfrom), 1, {INT_IS(0, KK_WORKER_FD)}},
};

// What the dynamic loader and the constructors of honest libraries do; standard error is /dev/null,
// and what libc says before it aborts goes there.
static const rule rules_of_describe[] = {
    {SCMP_SYS(access), 0, {{0}}},
    {SCMP_SYS(clock_getres), 0, {{0}}},
    {SCMP_SYS(clock_nanosleep), 0, {{0}}},
    {SCMP_SYS(close), 0, {{0}}},
    {SCMP_SYS(faccessat), 0, {{0}}},
    {SCMP_SYS(faccessat2), 0, {{0}}},
    {SCMP_SYS(fstat), 0, {{0}}},
    {SCMP_SYS(getcwd), 0, {{0}}},
    {SCMP_SYS(getegid), 0, {{0}}},
    {SCMP_SYS(geteuid), 0, {{0}}},
    {SCMP_SYS(getgid), 0, {{0}}},
    {SCMP_SYS(getuid), 0, {{0}}},
    {SCMP_SYS(ioctl), 1, {INT_IS(1, TCGETS)}},
    {SCMP_SYS(lseek), 0, {{0}}},
    {SCMP_SYS(mmap), 1, {NO_BITS(2, PROT_EXEC)}},
    {SCMP_SYS(mmap), 1, {NO_BITS(2, PROT_WRITE)}},
    {SCMP_SYS(mprotect), 0, {{0}}},
    {SCMP_SYS(nanosleep), 0, {{0}}},
    {SCMP_SYS(newfstatat), 0, {{0}}},
    {SCMP_SYS(openat), 1, {NO_BITS(2, O_ACCMODE | O_CREAT | O_TRUNC)}},
    {SCMP_SYS(pause), 0, {{0}}},
    {SCMP_SYS(pread64), 0, {{0}}},
    {SCMP_SYS(prlimit64), 1, {SCMP_CMP64(2, SCMP_CMP_EQ, 0, 0)}},
    {SCMP_SYS(read), 0, {{0}}},
    {SCMP_SYS(readlink), 0, {{0}}},
    {SCMP_SYS(readlinkat), 0, {{0}}},
    {SCMP_SYS(rt_sigaction), 1, {SCMP_CMP64(1, SCMP_CMP_EQ, 0, 0)}},
    // Signals that libc keeps for itself: it sets one up before it makes a thread, and it is the
    // thread that is refused.
    {SCMP_SYS(rt_sigaction), 1, {INT_IS(0, 32)}},
    {SCMP_SYS(rt_sigaction), 1, {INT_IS(0, 33)}},
    {SCMP_SYS(sched_getaffinity), 0, {{0}}},
    {SCMP_SYS(sched_yield), 0, {{0}}},
    {SCMP_SYS(sigaltstack), 0, {{0}}},
    {SCMP_SYS(statx), 0, {{0}}},
    {SCMP_SYS(sysinfo), 0, {{0}}},
    {SCMP_SYS(uname), 0, {{0}}},
    {SCMP_SYS(write), 1, {INT_IS(0, STDERR_FILENO)}},
    {SCMP_SYS(writev), 1, {INT_IS(0, STDERR_FILENO)}},
};

static bool allow(scmp_filter_ctx filter, const rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call, rules[i].count,
                                            rules[i].conditions);
        // A call that this machine does not have needs no leave.
        if (number != 0 && number != -EDOM) {
            return false;
        }
    }
    return true;
}

// abort() and its like, which tell how the process died.
static bool allow_own_end(scmp_filter_ctx filter)
{
    const rule own = {SCMP_SYS(tgkill), 1, {INT_IS(0, getpid())}};
    return allow(filter, &own, 1);
}

static bool load(uint32_t otherwise, const rule *rules, size_t count)
{
    if (!sandbox_has_filter) {
        return true;
    }
    scmp_filter_ctx filter = seccomp_init(otherwise);
    bool ok = filter != NULL &&
              allow(filter, rules_of_all, sizeof rules_of_all / sizeof rules_of_all[0]) &&
              allow_own_end(filter) && allow(filter, rules, count) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

// ---- The roles

// The socket speaks: it has a frame, or the host is gone.
static void leave_if_alone(int number)
{
    int kept = errno;
    char byte;
    (void)number;
    if (recv(KK_WORKER_FD, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
        _exit(0);
    }
    errno = kept;
}

// The signal of a parent's death would come when the thread ends that started us, and a host may
// start a session on one thread and use it on another.
static bool follow_host(void)
{
    struct sigaction action = {.sa_handler = leave_if_alone, .sa_flags = SA_RESTART};
    int flags = fcntl(KK_WORKER_FD, F_GETFL);
    return sigaction(SIGIO, &action, NULL) == 0 && flags >= 0 &&
           fcntl(KK_WORKER_FD, F_SETOWN, getpid()) == 0 &&
           fcntl(KK_WORKER_FD, F_SETFL, flags | O_ASYNC) == 0;
}

bool sandbox_enter_lua(void)
{
    return follow_host() &&
           load(SCMP_ACT_KILL_PROCESS, rules_of_lua, sizeof rules_of_lua / sizeof rules_of_lua[0]);
}

static void tell_call(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    const unsigned int call = (unsigned int)info->si_syscall;
    const unsigned char payload[] = {(unsigned char)call, (unsigned char)(call >> 8),
                                     (unsigned char)(call >> 16), (unsigned char)(call >> 24)};
    channel_send(KK_FRAME_TRAPPED, payload, sizeof payload);
    _exit(CHANNEL_EXIT_TRAPPED);
}

bool sandbox_enter_describe(void)
{
    struct sigaction action = {.sa_sigaction = tell_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && sigaction(SIGSYS, &action, NULL) == 0 &&
           load(SCMP_ACT_TRAP, rules_of_describe,
                sizeof rules_of_describe / sizeof rules_of_describe[0]);
}
