// Every script of fixtures/lua/escape, run inside this process: each ends within its limits with
// the code that its first line names, prints nothing that means it got out, and leaves a runtime
// that runs the next script.
//
// The first line of a script is "-- expect: CODE".  A second line "-- limit: outside" says that
// only a kill can end it; those are left to the test of the whole worker.
#include "lua_fixture.h"
#include "unit.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { ATTEMPTS_LEAST = 60, NAME_SIZE = 512, SCRIPT_SIZE = 8192, CODE_SIZE = 64 };

// KK_TEST_PACE in the environment says how many times as long as otherwise a step may take, for a
// run in valgrind.
static script_limits limits = {
    .memory_bytes = (size_t)4 << 20, .cpu_ms = 150, .output_bytes = 64 << 10};

static size_t read_script(const char *name, char *out)
{
    char path[NAME_SIZE + 256];
    snprintf(path, sizeof path, "%s/lua/escape/%s", KK_FIXTURES, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, SCRIPT_SIZE - 1, file);
    fclose(file);
    out[len] = '\0';
    return len;
}

static void read_expected(const char *script, char *code)
{
    assert_int_equal(sscanf(script, "-- expect: %63s", code), 1);
}

// The same runtime goes on, and has its own functions still.
static void check_next_script(lua_fixture *lua)
{
    assert_int_equal(lua_fixture_run(lua, "return 6 * 7"), KK_OK);
    assert_string_equal(lua_fixture_result(lua), "42");
    assert_int_equal(lua_fixture_run(lua, "return app.integrations.planetscale.get_database('a')"),
                     KK_OK);
    assert_non_null(
        strstr(kk_buf_text(&lua->request), "\"function\":\"planetscale.get_database\""));
}

// The same for the thread sanitizer, which watches every access.
#if defined(__SANITIZE_THREAD__)
#define PACE 10
#else
#define PACE 1
#endif

// Whether the attempt ended as it should; says so if it did not.
static bool attempt(const char *name, const char *script)
{
    lua_fixture lua = {0};
    char expected[CODE_SIZE];
    read_expected(script, expected);
    assert_true(lua_fixture_open(&lua, &limits));
    kk_code code = lua_fixture_run(&lua, script);
    const cJSON *used = kk_json_get(lua.report, "used");
    double cpu_ms = kk_json_get(used, "cpu_ms")->valuedouble;
    bool in_time = cpu_ms <= 10 * PACE * (double)limits.cpu_ms;
    bool escaped = strstr(kk_buf_text(&lua.printed), "ESCAPED") != NULL;
    bool as_expected = in_time && !escaped && strcmp(kk_code_name(code), expected) == 0;
    if (!as_expected) {
        print_error("%s: %s after %.0f ms: %s; printed '%.200s'\n", name, kk_code_name(code),
                    cpu_ms, code != KK_OK ? lua_fixture_error(&lua, "text") : "",
                    kk_buf_text(&lua.printed));
    }
    assert_true(lua.printed.len <= limits.output_bytes);
    check_next_script(&lua);
    lua_fixture_close(&lua);
    return as_expected;
}

static void test_escape__every_attempt_ends_as_expected(void **state)
{
    (void)state;
    char script[SCRIPT_SIZE];
    const char *pace = getenv("KK_TEST_PACE");
    limits.cpu_ms *= pace != NULL ? strtoul(pace, NULL, 10) : 1;
    size_t attempts = 0;
    size_t failures = 0;
    DIR *directory = opendir(KK_FIXTURES "/lua/escape");
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strstr(entry->d_name, ".lua") == NULL) {
            continue;
        }
        read_script(entry->d_name, script);
        if (strstr(script, "\n-- limit: outside\n") == NULL) {
            failures += attempt(entry->d_name, script) ? 0 : 1;
            attempts++;
        }
    }
    closedir(directory);
    assert_int_equal(failures, 0);
    assert_true(attempts >= ATTEMPTS_LEAST);
    printf("%zu attempts\n", attempts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape__every_attempt_ends_as_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
