// Where the library is, found out once.
#include "library.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_once_t find_once = PTHREAD_ONCE_INIT;
static char directory[PATH_MAX];
static char real_directory[PATH_MAX];

// A path without links: asked of the kernel, which knows it for what is open, or part by part where
// there is no /proc.
static bool resolve(const char *path, char real[PATH_MAX])
{
    char link[32];
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, real, PATH_MAX);
    close(fd);
    if (len <= 0 || len >= PATH_MAX || real[0] != '/') {
        return realpath(path, real) != NULL;
    }
    real[len] = '\0';
    return true;
}

#ifdef KK_PROGRAM_TO_LIBRARY

static bool has_parts(const char *place)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/kk", place);
    return len > 0 && (size_t)len < sizeof path && access(path, F_OK) == 0;
}

// From the program's own directory, as the kernel knows it.  A build tree has "lib" beside "bin"
// even if an installation has not.
static void find(void)
{
    static const char *const places[] = {KK_PROGRAM_TO_LIBRARY, "../lib"};
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path);
    const char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (slash == NULL) {
        return;
    }
    size_t start = (size_t)(slash + 1 - path);
    size_t at = 0;
    do {
        int size = snprintf(path + start, sizeof path - start, "%s", places[at++]);
        if (size < 0 || (size_t)size >= sizeof path - start) {
            return;
        }
    } while (at < sizeof places / sizeof *places && !has_parts(path));
    if (resolve(path, real_directory)) {
        memcpy(directory, real_directory, sizeof directory);
    }
}

#else

// Leaves [out] empty where [path] names no directory.
static void keep_directory(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    if (path[0] == '/' && slash != NULL && (size_t)(slash - path) < PATH_MAX) {
        memcpy(out, path, (size_t)(slash - path));
    }
}

static void find(void)
{
    Dl_info info;
    struct link_map *map = NULL;
    char real[PATH_MAX];
    const void *here = (const void *)(uintptr_t)&kk_library_directory;
    if (dladdr1(here, &info, (void **)&map, RTLD_DL_LINKMAP) == 0) {
        return;
    }
    // A program has no name in the map.
    keep_directory(map->l_name, directory);
    if (resolve(info.dli_fname, real)) {
        keep_directory(real, real_directory);
    }
}

#endif

const char *kk_library_directory(void)
{
    pthread_once(&find_once, find);
    return directory[0] != '\0' ? directory : NULL;
}

const char *kk_library_real_directory(void)
{
    pthread_once(&find_once, find);
    return real_directory[0] != '\0' ? real_directory : NULL;
}
