// The host's side of the live transport's module: finding kk_live.so and opening a transport of it.
#include "live_module.h"
#include "buf.h"
#include "fail.h"
#include "library.h"
#include "trust.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static kk_live_fn loaded; // guarded by load_lock; once set it stays

// Writes the module's path.
static kk_code find_module(kk_buf *path, kk_error *err)
{
    const char *directory = kk_library_real_directory();
    if (directory == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "the directory of the kk library cannot be told");
    }
    kk_buf_append_format(path, "%s/" KK_LIVE_MODULE_PATH, directory);
    return kk_buf_check(path, "the path of the live transport", err);
}

static kk_code load(const char *path, kk_live_fn *out, kk_error *err)
{
    if (access(path, F_OK) != 0) {
        kk_fail(err, KK_ERR_INTERNAL, "the live transport '%s' is not installed", path);
        kk_fail_hint(err, "install it beside the library, or link kkhost::live and set "
                          "kk_host_options.live");
        return KK_ERR_INTERNAL;
    }
    kk_code code = kk_executable_check(path, err);
    if (code != KK_OK) {
        return code;
    }
    // Lazily: most of what libcurl and its libraries name is never called.  The module itself is
    // linked to resolve its own symbols at once.
    void *handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = handle != NULL ? dlsym(handle, KK_LIVE_SYMBOL) : NULL;
    if (symbol == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "the live transport '%s' does not load: %s", path,
                       dlerror());
    }
    // ISO C has no conversion from an object's address to a function's; POSIX promises that their
    // representation is the same.
    memcpy(out, &symbol, sizeof symbol);
    return KK_OK;
}

static kk_code load_once(kk_live_fn *out, kk_error *err)
{
    kk_buf path = {.limit = PATH_MAX};
    kk_code code = KK_OK;
    pthread_mutex_lock(&load_lock);
    if (loaded == NULL) {
        code = find_module(&path, err);
        code = code != KK_OK ? code : load(kk_buf_text(&path), &loaded, err);
    }
    *out = loaded;
    pthread_mutex_unlock(&load_lock);
    kk_buf_clean(&path);
    return code;
}

kk_code kk_live_module_open(const kk_live_host *host, kk_transport **out, kk_error *err)
{
    kk_live_fn open = NULL;
    kk_code code = load_once(&open, err);
    return code != KK_OK ? code : open(host, out, err);
}
