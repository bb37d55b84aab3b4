// Plugins of several ages on a host of one: what loads is cut to the size that the host knows, and
// nobody touches what the other does not have.
//
// Compiled twice, as the host of today and, with the loader's sources, as one of a later header
// whose structures have grown.  Nothing here is in a worker; test_skew_host.c goes the whole way.
#include "loader_object.h"
#include "service.h"
#include "unit.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef KK_TEST_GROWN
#define MINOR_TODAY (KK_ABI_MINOR - 1)
#else
#define MINOR_TODAY KK_ABI_MINOR
#endif

enum { LATER = 7 };

// A copy of [bytes] behind which nothing can be read.
static void *before_guard(const void *bytes, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *at = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED && len <= page);
    assert_int_equal(mprotect(at + page, page, PROT_NONE), 0);
    memcpy(at + page - len, bytes, len);
    return at + page - len;
}

// ---- A host's table

static kk_status keep_output(const kk_call *call, const char *json, size_t len)
{
    char *out = call->host_data;
    assert_true(len < 96);
    memcpy(out, json, len);
    out[len] = '\0';
    return KK_E_OK;
}

static kk_status keep_failure(const kk_call *call, const kk_tool_error *error)
{
    kk_tool_error own;
    assert_true(kk_service_copy(&own, sizeof own, error, offsetof(kk_tool_error, http_status)));
    assert_string_equal(own.api_code, "exists");
    return keep_output(call, own.message, strlen(own.message)) == KK_E_OK ? own.code
                                                                          : KK_E_INTERNAL;
}

#ifdef KK_TEST_GROWN
static uint32_t answer_later(const kk_host_api *host)
{
    (void)host;
    return LATER;
}
#define HOST_TAIL .later = answer_later,
#else
#define HOST_TAIL
#endif

static const kk_host_api table = {.struct_size = sizeof table,
                                  .abi_version = KK_ABI_VERSION,
                                  .name = "test",
                                  .version = "1",
                                  .write = keep_output,
                                  .fail = keep_failure,
                                  HOST_TAIL};

static kk_status call_tool(const kk_object *object, size_t index, char out[96])
{
    const kk_call call = {.struct_size = sizeof call,
                          .deadline_ms = UINT64_MAX,
                          .host = before_guard(&table, sizeof table),
                          .host_data = out,
                          .call_id = "1",
                          .tool = object->manifest->tools[index]->name};
    const kk_call *placed = before_guard(&call, sizeof call);
    return object->manifest->tools[index]->entry(NULL, placed, "{}", 2);
}

// ---- Plugins

static kk_code look_for(const char *name, const kk_manifest *known, kk_object *out, kk_error *err)
{
    char path[512];
    snprintf(path, sizeof path, KK_TEST_PLUGINS "/%s.so", name);
    kk_code code = kk_object_load(out, path, err);
    if (code == KK_OK) {
        code = kk_object_describe(out, path, known, err);
    }
    return code == KK_OK ? kk_object_prove(out, path, NULL, err) : code;
}

static kk_code look(const char *name, kk_object *out, kk_error *err)
{
    return look_for(name, NULL, out, err);
}

// What a plugin of any size says is known again by a copy of it.
static void assert_known_again(const char *name, const kk_manifest *known)
{
    kk_object object = {0};
    kk_error err = {0};
    assert_ok(look_for(name, known, &object, &err), &err);
    assert_ptr_equal(object.manifest, known);
    kk_object_clean(&object);
}

static const struct {
    const char *name;
    int minor;  // of the header that it was built with
    bool grown; // that header has the later function
} rows[] = {
    {"skew_1_0", 0, false},
    {"skew_today", MINOR_TODAY, false},
    {"skew_next", MINOR_TODAY + 1, true},
};

static void test_skew__each_plugin_works_on_this_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[96] = "";
        char wanted[96];
        kk_object object = {0};
        kk_error err = {0};
        assert_ok(look(rows[i].name, &object, &err), &err);
        assert_int_equal(object.manifest->tag.struct_size, sizeof(kk_manifest));
        assert_int_equal(object.manifest->tools[1]->struct_size, sizeof(kk_tool));
        assert_int_equal(object.manifest->tag.abi_built, 0x10000 + rows[i].minor);
        assert_known_again(rows[i].name, object.manifest);
        assert_int_equal(call_tool(&object, 0, out), KK_E_OK);
        // Only a plugin and a host that both know the later function meet in it.
        bool both = rows[i].grown && KK_ABI_MINOR > MINOR_TODAY;
        snprintf(wanted, sizeof wanted, "{\"built\":%d,\"later\":%d}", rows[i].minor,
                 both ? LATER : 0);
        assert_string_equal(out, wanted);
        assert_int_equal(call_tool(&object, 1, out), KK_E_CONFLICT);
        assert_string_equal(out, "it exists already");
        kk_object_clean(&object);
    }
}

#ifdef KK_TEST_GROWN
static void test_skew__what_an_old_plugin_lacks_is_zero(void **state)
{
    (void)state;
    kk_object object = {0};
    kk_error err = {0};
    assert_ok(look("skew_1_0", &object, &err), &err);
    assert_int_equal(object.raw->tag.struct_size, KK_MANIFEST_SIZE_1_0);
    assert_null(object.manifest->later);
    assert_null(object.manifest->later_still);
    assert_null(object.manifest->tools[0]->later);
    kk_object_clean(&object);
    assert_ok(look("skew_next_only", &object, &err), &err);
    kk_object_clean(&object);
}
#else
static void test_skew__a_plugin_for_later_hosts_is_refused_with_both_numbers(void **state)
{
    (void)state;
    kk_object object = {0};
    kk_error err = {0};
    assert_code(look("skew_next_only", &object, &err), KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, "version");
    char words[64];
    snprintf(words, sizeof words, "needs a host of ABI 1.%d; this one has 1.%d", KK_ABI_MINOR + 1,
             KK_ABI_MINOR);
    assert_holds(err.message, words);
    assert_holds(err.hint, "install a newer kk");
}

// Behind its known parts lie pages that cannot be read: to look there is to crash.
static void test_skew__the_tail_of_1_99_is_never_touched(void **state)
{
    (void)state;
    char out[96] = "";
    kk_object object = {0};
    kk_error err = {0};
    assert_ok(look("newer_1_99", &object, &err), &err);
    assert_int_equal(object.raw->tag.abi_built, 0x10063);
    assert_true(object.raw->tag.struct_size >= sizeof(kk_manifest) + 4096);
    assert_int_equal(object.manifest->tag.struct_size, sizeof(kk_manifest));
    assert_known_again("newer_1_99", object.manifest);
    assert_int_equal(call_tool(&object, 0, out), KK_E_OK);
    assert_string_equal(out, "\"hello\"");
    kk_object_clean(&object);
}
#endif

static void test_skew__a_size_that_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *words;
    } refused[] = {
        {"size_zero", "the manifest has 0 bytes"},
        {"size_tiny", "the manifest has 24 bytes"},
        {"size_huge", "the manifest has 1048576 bytes"},
        {"abi_min_future", "needs a host of ABI 1.99; this one has 1."},
        {"major_2", "was built for ABI 2.0; this host has 1."},
    };
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        kk_object object = {0};
        kk_error err = {0};
        assert_code(look(refused[i].name, &object, &err), KK_ERR_PLUGIN_REFUSED);
        assert_string_equal(err.reason, "version");
        assert_holds(err.message, refused[i].words);
        kk_object_clean(&object);
    }
}

// A structure of a plugin that was built with 1.0 ends where 1.0 ended.
static void test_skew__a_short_structure_is_read_to_its_own_end(void **state)
{
    (void)state;
    size_t size_1_0 = offsetof(kk_tool_error, api_code) + sizeof(const char *);
    const kk_tool_error full = {.struct_size = (uint32_t)size_1_0, .code = 3, .api_code = "exists"};
    kk_tool_error own;
    memset(&own, 0xFF, sizeof own);
    assert_true(kk_service_copy(&own, sizeof own, before_guard(&full, size_1_0), 8));
    assert_string_equal(own.api_code, "exists");
    assert_memory_equal(&own, &full, sizeof own);
    const kk_tool_error head = {.struct_size = 8, .code = 3};
    assert_true(kk_service_copy(&own, sizeof own, before_guard(&head, 8), 8));
    assert_null(own.api_code);
    assert_int_equal(own.code, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_skew__each_plugin_works_on_this_host),
#ifdef KK_TEST_GROWN
        cmocka_unit_test(test_skew__what_an_old_plugin_lacks_is_zero),
#else
        cmocka_unit_test(test_skew__a_plugin_for_later_hosts_is_refused_with_both_numbers),
        cmocka_unit_test(test_skew__the_tail_of_1_99_is_never_touched),
#endif
        cmocka_unit_test(test_skew__a_size_that_cannot_be_is_refused),
        cmocka_unit_test(test_skew__a_short_structure_is_read_to_its_own_end),
    };
    return cmocka_run_group_tests_name("skew", tests, NULL, NULL);
}
