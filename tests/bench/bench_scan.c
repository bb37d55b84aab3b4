// Looking at plugins, beside the least that the same files need.
//
//     bench_scan DIRECTORY PLUGIN
//
// DIRECTORY has the directories 1, 100 and 1000 with as many plugins, and a home for each scan is
// made in it.  Scans, with the cache and without, stand beside one stat() of each file; loading
// PLUGIN from the cache beside the first dlopen() of a copy of it; a host that is opened, calls one
// function and is closed beside dlopen() and the same function.
#include "bench.h"
#include "loader.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <kk/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOADS = 200 };

typedef struct scan {
    char directory[600];
    char home[600];
    char cache[640];
    size_t count;
    bool cold;
} scan;

static bool tell(const char *what, const kk_error *err)
{
    fprintf(stderr, "%s: %s; %s\n", what, err->message, err->hint);
    return false;
}

static kk_host *open_host(const scan *self)
{
    kk_error err = {0};
    kk_host *host = NULL;
    kk_host_options options = {.size = sizeof options, .home = self->home};
    setenv("KK_PLUGIN_PATH", self->directory, 1);
    if (kk_host_open(&options, &host, &err) != KK_OK) {
        tell(self->directory, &err);
    }
    return host;
}

static bool run_scan(void *context)
{
    const scan *self = context;
    if (self->cold) {
        unlink(self->cache);
    }
    kk_host *host = open_host(self);
    size_t found = host != NULL ? kk_host_plugin_count(host) : 0;
    kk_host_close(host);
    return found >= self->count;
}

static bool run_stat(void *context)
{
    const scan *self = context;
    for (size_t i = 0; i < self->count; i++) {
        char path[700];
        struct stat found;
        snprintf(path, sizeof path, "%s/scan_%zu.so", self->directory, i);
        if (stat(path, &found) != 0) {
            return false;
        }
    }
    return true;
}

static bool bench_scans(const char *directory, size_t count)
{
    scan self = {.count = count};
    char title[80];
    snprintf(self.directory, sizeof self.directory, "%s/%zu", directory, count);
    snprintf(self.home, sizeof self.home, "%s/home-%zu", directory, count);
    snprintf(self.cache, sizeof self.cache, "%s/cache/scan.cache", self.home);
    mkdir(self.home, 0700);
    snprintf(title, sizeof title, "scan of %zu plugins, cached", count);
    bool ok = run_scan(&self) &&
              kk_bench_pairs(title, (kk_bench_side){"kk", run_scan, &self},
                             (kk_bench_side){"stat", run_stat, &self}, count > 100 ? 30 : 200);
    self.cold = true;
    snprintf(title, sizeof title, "scan of %zu plugins, cold", count);
    return ok && kk_bench_pairs(title, (kk_bench_side){"kk", run_scan, &self},
                                (kk_bench_side){"stat", run_stat, &self},
                                count > 100  ? 2
                                : count == 1 ? 100
                                             : 10);
}

// ---- One plugin

typedef struct one {
    const char *plugin;
    char directory[600];
    kk_config *config;
    size_t next; // copy that was not loaded yet
} one;

static bool run_load(void *context)
{
    const one *self = context;
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const kk_loader loader = {.cache = kk_scan_cache_open(self->config, (kk_scan_log){0})};
    kk_code code = kk_plugin_load(self->plugin, &loader, &plugin, &err);
    kk_scan_cache_save(loader.cache);
    kk_scan_cache_close(loader.cache);
    kk_plugin_free(plugin);
    return code == KK_OK || tell(self->plugin, &err);
}

static bool run_dlopen(void *context)
{
    one *self = context;
    char path[700];
    snprintf(path, sizeof path, "%s/%zu.so", self->directory, self->next++);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL) != NULL;
}

static bool copy(const char *from, const char *to)
{
    struct stat found;
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    bool ok = in >= 0 && out >= 0 && fstat(in, &found) == 0 &&
              sendfile(out, in, NULL, (size_t)found.st_size) == found.st_size;
    close(in);
    close(out);
    return ok;
}

static bool bench_load(const char *directory, const char *plugin)
{
    one self = {.plugin = plugin};
    char home[640];
    char path[700];
    kk_error err = {0};
    bool ok = true;
    snprintf(self.directory, sizeof self.directory, "%s/copies", directory);
    snprintf(home, sizeof home, "%s/home-load", directory);
    mkdir(self.directory, 0755);
    mkdir(home, 0700);
    for (size_t i = 0; ok && i < LOADS + LOADS / 10; i++) {
        snprintf(path, sizeof path, "%s/%zu.so", self.directory, i);
        ok = copy(plugin, path);
    }
    ok = ok && (kk_config_load(home, false, &self.config, &err) == KK_OK || tell(home, &err)) &&
         run_load(&self) &&
         kk_bench_pairs("load of one plugin from the cache", (kk_bench_side){"kk", run_load, &self},
                        (kk_bench_side){"dlopen", run_dlopen, &self}, LOADS);
    kk_config_free(self.config);
    return ok;
}

// ---- The first call

static bool run_first_call(void *context)
{
    const scan *self = context;
    kk_error err = {0};
    kk_result *result = NULL;
    kk_host *host = open_host(self);
    kk_call_options call = {.size = sizeof call, .function = "scan_0.echo"};
    bool ok = host != NULL &&
              (kk_host_call(host, &call, &result, &err) == KK_OK || tell("scan_0.echo", &err));
    kk_result_free(result);
    kk_host_close(host);
    return ok;
}

static bool bench_first_call(const char *directory, size_t count)
{
    scan self = {.count = count};
    char title[80];
    snprintf(self.directory, sizeof self.directory, "%s/%zu", directory, count);
    snprintf(self.home, sizeof self.home, "%s/home-%zu", directory, count);
    snprintf(title, sizeof title, "open, first call, close; %zu plugins, cached", count);
    return kk_bench_pairs(title, (kk_bench_side){"kk", run_first_call, &self},
                          (kk_bench_side){"stat", run_stat, &self}, count > 100 ? 30 : 200);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_scan DIRECTORY PLUGIN\n");
        return 2;
    }
    static const size_t counts[] = {1, 100, 1000};
    bool ok = bench_load(argv[1], argv[2]);
    for (size_t i = 0; ok && i < sizeof counts / sizeof counts[0]; i++) {
        ok = bench_scans(argv[1], counts[i]) && bench_first_call(argv[1], counts[i]);
    }
    return ok ? 0 : 1;
}
