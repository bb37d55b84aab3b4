// Whole processes in interleaved pairs.
//
//     bench_process TITLE PAIRS COMMAND... -- FLOOR...
//
// Both run with their output thrown away; each has to exit with 0.
#include "bench.h"
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool run_command(void *context)
{
    char **argv = context;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    bool started = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return started && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    int split = 3;
    while (split < argc && strcmp(argv[split], "--") != 0) {
        split++;
    }
    if (split < 4 || split + 1 >= argc) {
        fprintf(stderr, "usage: bench_process TITLE PAIRS COMMAND... -- FLOOR...\n");
        return 2;
    }
    argv[split] = NULL;
    size_t pairs = strtoul(argv[2], NULL, 10);
    bool ok =
        pairs > 0 &&
        kk_bench_pairs(argv[1], (kk_bench_side){argv[3], run_command, argv + 3},
                       (kk_bench_side){argv[split + 1], run_command, argv + split + 1}, pairs);
    return ok ? 0 : 1;
}
