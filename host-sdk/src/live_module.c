// The host's side of the live transport's module: finding it and opening a transport of it.
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

static kk_code find_part(const char *place, kk_buf *path, kk_error *err)
{
    const char *directory = kk_library_real_directory();
    if (directory == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "the directory of the kk library cannot be told");
    }
    kk_buf_clear(path);
    kk_buf_append_format(path, "%s/%s", directory, place);
    return kk_buf_check(path, "the path of the live transport", err);
}

static kk_code open_module(const char *path, int binding, kk_live_fn *out, kk_error *err)
{
    void *handle = dlopen(path, binding | RTLD_LOCAL | RTLD_NODELETE);
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

static kk_code load(kk_live_fn *out, kk_error *err)
{
    kk_buf path = {.limit = PATH_MAX};
    kk_code code = find_part(KK_LIVE_MODULE_PATH, &path, err);
    if (code == KK_OK && access(kk_buf_text(&path), F_OK) != 0) {
        code = kk_fail(err, KK_ERR_INTERNAL, "the live transport '%s' is not installed",
                       kk_buf_text(&path));
        kk_fail_hint(err, "install it beside the library, or link kkhost::live and set "
                          "kk_host_options.live");
    }
    code = code == KK_OK ? kk_executable_check(kk_buf_text(&path), err) : code;
    // Lazily: most of what libcurl and its libraries name is never called.  The module itself is
    // linked to resolve its own symbols at once.
    code = code == KK_OK ? open_module(kk_buf_text(&path), RTLD_LAZY, out, err) : code;
    kk_buf_clean(&path);
    return code;
}

// Leaves [out] alone where the module is not installed, or does not fit the libcurl that is here:
// one that needs more than the stubs have does not load with them when every symbol is resolved at
// once, and leaves nothing.
static kk_code load_http(const kk_live_host *host, kk_live_fn *out, kk_error *err)
{
    static const char *const places[] = {KK_LIVE_STUBS_PATH, KK_LIVE_HTTP_MODULE_PATH};
    kk_error why = {0};
    kk_buf path = {.limit = PATH_MAX};
    kk_code code = KK_OK;
    for (size_t i = 0; i < sizeof places / sizeof *places && code == KK_OK; i++) {
        code = find_part(places[i], &path, err);
        if (code == KK_OK && access(kk_buf_text(&path), F_OK) != 0) {
            goto done;
        }
        code = code == KK_OK ? kk_executable_check(kk_buf_text(&path), err) : code;
    }
    if (code == KK_OK && open_module(kk_buf_text(&path), RTLD_NOW, out, &why) != KK_OK &&
        host->log != NULL) {
        host->log(host->log_context, KK_LOG_LEVEL_WARN, why.message);
    }

done:
    kk_buf_clean(&path);
    return code;
}

kk_code kk_live_module_open(const kk_live_host *host, bool http_only, kk_transport **out,
                            kk_error *err)
{
    kk_code code = KK_OK;
    pthread_mutex_lock(&load_lock);
    if (loaded == NULL && http_only) {
        code = load_http(host, &loaded, err);
    }
    if (loaded == NULL && code == KK_OK) {
        code = load(&loaded, err);
    }
    kk_live_fn open = loaded;
    pthread_mutex_unlock(&load_lock);
    return code != KK_OK ? code : open(host, out, err);
}
