// Where the library is, asked of the dynamic linker once.
#include "library.h"
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t find_once = PTHREAD_ONCE_INIT;
static char directory[PATH_MAX];
static char real_directory[PATH_MAX];

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
    if (realpath(info.dli_fname, real) != NULL) {
        keep_directory(real, real_directory);
    }
}

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
