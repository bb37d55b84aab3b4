// The stubs that stand for libraries which the live transport has no use for.
#include "unit.h"
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void *stub(const char *name)
{
    void *handle = dlopen(KK_TEST_STUBS, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fail_msg("%s", dlerror());
    }
    void *symbol = dlsym(handle, name);
    if (symbol == NULL) {
        fail_msg("there is no stub for %s", name);
    }
    return symbol;
}

// What libcurl's own set-up calls.
static void test_live_stubs__let_libcurl_set_itself_up(void **state)
{
    (void)state;
    int (*init)(int) = NULL;
    const char *(*version)(int) = NULL;
    void *symbol = stub("libssh2_init");
    memcpy(&init, &symbol, sizeof symbol);
    symbol = stub("libssh2_version");
    memcpy(&version, &symbol, sizeof symbol);
    assert_int_equal(init(0), 0);
    assert_string_equal(version(0), "stub");
}

// Calls the stub in a child, and writes what it says on standard error into [said].
static int call_in_child(const char *name, char *said, size_t size)
{
    void (*function)(void) = NULL;
    void *symbol = stub(name);
    memcpy(&function, &symbol, sizeof symbol);
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGILL, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        function();
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    ssize_t got = 0;
    while (len + 1 < size && (got = read(ends[0], said + len, size - 1 - len)) > 0) {
        len += (size_t)got;
    }
    said[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_live_stubs__end_a_process_that_calls_one(void **state)
{
    (void)state;
    static const char *const names[] = {"ldap_unbind_ext", "ber_free", "gss_init_sec_context",
                                        "libssh2_session_init_ex", "RTMP_Init"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char said[256] = "";
        int status = call_in_child(names[i], said, sizeof said);
        assert_true(WIFSIGNALED(status)); // SIGILL or SIGTRAP, by the processor
        assert_holds(said, names[i]);
        assert_holds(said, "a stub was called");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_stubs__let_libcurl_set_itself_up),
        cmocka_unit_test(test_live_stubs__end_a_process_that_calls_one),
    };
    return cmocka_run_group_tests_name("live_stubs", tests, NULL, NULL);
}
