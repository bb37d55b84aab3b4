// Finding and loading kk_live.so beside the library, and nowhere else.
#include "fail.h"
#include "time_source.h"
#include "transport.h"
#include "unit.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
    return kk_time_mono_ms(kk_time_real());
}

static const kk_live_host host = {.size = sizeof host,
                                  .user_agent = "kk/test",
                                  .fail = kk_fail,
                                  .fail_hint = kk_fail_hint,
                                  .mono_ms = now_ms,
                                  .cancel_watch_add = kk_cancel_watch_add,
                                  .cancel_watch_remove = kk_cancel_watch_remove};

// A directory with a copy of the library, and under kk/ what the test puts there.
typedef struct installation {
    char dir[64];
    char library[128];
    char module[128];
    kk_live_fn open;
} installation;

static void copy_file(const char *from, const char *to)
{
    char part[65536];
    size_t len = 0;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    assert_true(in != NULL && out != NULL);
    while ((len = fread(part, 1, sizeof part, in)) > 0) {
        assert_int_equal(fwrite(part, 1, len, out), len);
    }
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

static kk_live_fn open_library(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fail_msg("%s", dlerror());
    }
    void *symbol = dlsym(handle, "test_live_module_open");
    kk_live_fn function = NULL;
    assert_non_null(symbol);
    memcpy(&function, &symbol, sizeof symbol);
    return function;
}

// The module is a copy of [module_from], or missing where that is NULL.
static installation install(const char *module_from)
{
    installation self = {.dir = "/tmp/kk-module-XXXXXX"};
    char sub[96];
    assert_non_null(mkdtemp(self.dir));
    snprintf(sub, sizeof sub, "%s/kk", self.dir);
    assert_int_equal(mkdir(sub, 0755), 0);
    snprintf(self.library, sizeof self.library, "%s/libhost.so", self.dir);
    snprintf(self.module, sizeof self.module, "%s/kk_live.so", sub);
    copy_file(KK_TEST_HOST_LIBRARY, self.library);
    if (module_from != NULL) {
        copy_file(module_from, self.module);
    }
    assert_int_equal(chmod(self.library, 0755), 0);
    self.open = open_library(self.library);
    return self;
}

static void uninstall(installation *self)
{
    char sub[96];
    snprintf(sub, sizeof sub, "%s/kk", self->dir);
    unlink(self->module);
    unlink(self->library);
    rmdir(sub);
    rmdir(self->dir);
}

static void test_live_module__is_found_beside_the_library(void **state)
{
    (void)state;
    kk_live_fn open = open_library(KK_TEST_HOST_LIBRARY);
    kk_transport *transport = NULL;
    kk_error err = {0};
    assert_ok(open(&host, &transport, &err), &err);
    assert_string_equal(transport->table->name, "live");
    transport->table->close(transport);
}

static void test_live_module__exports_one_function(void **state)
{
    (void)state;
    void *handle = dlopen(KK_TEST_MODULE, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    assert_non_null(dlsym(handle, KK_LIVE_SYMBOL));
    assert_null(dlsym(handle, "kk_live_run"));
    assert_null(dlsym(handle, "kk_live_open_socket"));
    dlclose(handle);
}

static void test_live_module__missing_is_said_with_its_path(void **state)
{
    (void)state;
    installation self = install(NULL);
    // The environment does not lead elsewhere.
    setenv("LD_LIBRARY_PATH", KK_TEST_LIBRARY_DIR, 1);
    kk_transport *transport = NULL;
    kk_error err = {0};
    assert_code(self.open(&host, &transport, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, self.module);
    assert_holds(err.message, "is not installed");
    assert_holds(err.hint, "kkhost::live");
    assert_null(transport);
    uninstall(&self);
}

static void test_live_module__that_others_may_write_is_refused(void **state)
{
    (void)state;
    installation self = install(KK_TEST_MODULE);
    assert_int_equal(chmod(self.module, 0777), 0);
    kk_transport *transport = NULL;
    kk_error err = {0};
    assert_code(self.open(&host, &transport, &err), KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, "trust");
    // Mended, it loads: a refusal is not remembered.
    assert_int_equal(chmod(self.module, 0755), 0);
    err = (kk_error){0};
    assert_ok(self.open(&host, &transport, &err), &err);
    transport->table->close(transport);
    uninstall(&self);
}

static void test_live_module__that_is_no_library_is_internal(void **state)
{
    (void)state;
    installation self = install(NULL);
    FILE *file = fopen(self.module, "w");
    assert_non_null(file);
    fputs("not a library\n", file);
    fclose(file);
    assert_int_equal(chmod(self.module, 0644), 0);
    kk_transport *transport = NULL;
    kk_error err = {0};
    assert_code(self.open(&host, &transport, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "does not load");
    uninstall(&self);
}

static void *open_and_close(void *context)
{
    const installation *self = context;
    kk_transport *transport = NULL;
    if (self->open(&host, &transport, NULL) != KK_OK) {
        return (void *)1;
    }
    transport->table->close(transport);
    return NULL;
}

static void test_live_module__is_opened_by_many_threads_at_once(void **state)
{
    (void)state;
    installation self = install(KK_TEST_MODULE);
    assert_int_equal(chmod(self.module, 0755), 0);
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &self), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    uninstall(&self);
}

static void test_live_module__refuses_a_host_that_is_older(void **state)
{
    (void)state;
    kk_live_fn open = open_library(KK_TEST_HOST_LIBRARY);
    kk_live_host older = host;
    older.size -= sizeof(void *);
    kk_transport *transport = NULL;
    kk_error err = {0};
    assert_code(open(&older, &transport, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "newer than the kk library");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_module__is_found_beside_the_library),
        cmocka_unit_test(test_live_module__exports_one_function),
        cmocka_unit_test(test_live_module__missing_is_said_with_its_path),
        cmocka_unit_test(test_live_module__that_others_may_write_is_refused),
        cmocka_unit_test(test_live_module__that_is_no_library_is_internal),
        cmocka_unit_test(test_live_module__is_opened_by_many_threads_at_once),
        cmocka_unit_test(test_live_module__refuses_a_host_that_is_older),
    };
    return cmocka_run_group_tests_name("live_module", tests, NULL, NULL);
}
