// kk-worker: the confined child of a host.  It is started by libkkhost with a socket at descriptor
// 3 and takes its role from the first frame; by hand it only tells what it was built with.
#include "channel.h"
#include "json.h"
#include "role.h"
#include "sandbox.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct worker_role {
    const char *name;
    void (*run)(void);
} worker_role;

static const worker_role roles[] = {
    {"describe", role_describe},
#ifdef KK_WORKER_LUA
    {"lua", role_lua},
#endif
};

static int tell_features(void)
{
#ifdef KK_WORKER_LUA
    const char *lua = "yes";
#else
    const char *lua = "no";
#endif
    printf("lua=%s seccomp=%s memory_limit=%s\n", lua, sandbox_has_filter ? "yes" : "no",
           sandbox_has_memory_limit ? "yes" : "no");
    return 0;
}

static uint64_t number_at(kk_str start, const char *pointer)
{
    kk_str raw;
    int64_t number = 0;
    bool found = kk_json_find(start, pointer, &raw) && kk_json_integer(raw, &number);
    return found && number > 0 ? (uint64_t)number : 0;
}

static const worker_role *role_of(kk_str start)
{
    kk_str raw;
    if (!kk_json_find(start, "/role", &raw)) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (kk_json_string_is(raw, kk_str_from(roles[i].name))) {
            return &roles[i];
        }
    }
    return NULL;
}

static void serve(void)
{
    kk_buf start = {0};
    const worker_role *role =
        channel_receive(&start) == KK_FRAME_START ? role_of(kk_buf_view(&start)) : NULL;
    if (role == NULL) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    const sandbox_limits limits = {.memory_bytes = number_at(kk_buf_view(&start), "/memory_bytes"),
                                   .cpu_seconds = number_at(kk_buf_view(&start), "/cpu_seconds")};
    if (!sandbox_limit(&limits)) {
        _exit(CHANNEL_EXIT_UNCONFINED);
    }
    kk_buf_clean(&start);
    role->run();
    _exit(0);
}

int main(int argc, char **argv)
{
    struct stat status;
    if (argc == 2 && strcmp(argv[1], "--features") == 0) {
        return tell_features();
    }
    if (argc != 1 || fstat(KK_WORKER_FD, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        fprintf(stderr, "kk-worker is started by kk, not by hand; --features tells how it was "
                        "built\n");
        return CHANNEL_EXIT_USAGE;
    }
    serve();
}
