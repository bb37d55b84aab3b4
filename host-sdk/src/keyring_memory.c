// How much memory this process may use: its address space, and the limits of its control groups.
#include "keyring_memory.h"
#include "str.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TEXT_SIZE = 4096 };

#define GROUPS "/sys/fs/cgroup"

// Reads a small file of the kernel's; "" if it cannot be read.
static void read_text(const char *path, char out[TEXT_SIZE])
{
    ssize_t got = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, out, TEXT_SIZE - 1);
        close(fd);
    }
    out[got > 0 ? got : 0] = '\0';
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// The limit that one control group sets; "max", or no such file, is none.
static uint64_t limit_of(const char *group)
{
    char path[TEXT_SIZE];
    char text[TEXT_SIZE];
    snprintf(path, sizeof path, GROUPS "%.3900s/memory.max", group);
    read_text(path, text);
    char *end = NULL;
    unsigned long long limit = strtoull(text, &end, 10);
    return end != text ? limit : UINT64_MAX;
}

// The limits of our control group and of every one above it.
static uint64_t limit_of_groups(void)
{
    char text[TEXT_SIZE];
    read_text("/proc/self/cgroup", text);
    uint64_t limit = limit_of("");
    char *group = strstr(text, "0::/");
    if (group == NULL) {
        return limit;
    }
    group += strlen("0::");
    group[strcspn(group, "\n")] = '\0';
    for (char *slash = strrchr(group, '/'); slash != NULL; slash = strrchr(group, '/')) {
        limit = least(limit, limit_of(group));
        *slash = '\0';
    }
    return limit;
}

uint64_t kk_memory_allowed(void)
{
    struct rlimit space;
    uint64_t limit = limit_of_groups();
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
        limit = least(limit, space.rlim_cur);
    }
    return limit;
}
