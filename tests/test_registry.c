// Directories of plugins, names, and published schemas.
#include "registry.h"
#include "scratch.h"
#include "unit.h"
#include <unistd.h>

static int setup(void **state)
{
    static scratch dir;
    scratch_init(&dir);
    scratch_mkdir(&dir, "one");
    scratch_mkdir(&dir, "two");
    *state = &dir;
    return 0;
}

static int teardown(void **state)
{
    scratch_clean(*state);
    return 0;
}

static const char *bring(void **state, const char *to, const char *name)
{
    char from[512];
    snprintf(from, sizeof from, KK_TEST_PLUGINS "/%s.so", name);
    return scratch_copy(*state, to, from);
}

static kk_registry *load(void **state)
{
    const char *const directories[] = {scratch_path(*state, "one"), scratch_path(*state, "absent"),
                                       scratch_path(*state, "two"), NULL};
    kk_error err = {0};
    kk_registry *registry = NULL;
    assert_ok(kk_registry_load_from(NULL, directories, NULL, &registry, &err), &err);
    return registry;
}

static const char *found(const kk_registry *registry, const char *function)
{
    const kk_entry *entry = NULL;
    kk_error err = {0};
    kk_code code = kk_registry_find(registry, function, &entry, &err);
    if (code != KK_OK) {
        fail_msg("%s: %s", function, err.message);
    }
    return entry->info.function;
}

static void assert_missed(const kk_registry *registry, const char *function, kk_code wanted,
                          const char *words, const char *hint)
{
    const kk_entry *entry = NULL;
    kk_error err = {0};
    assert_code(kk_registry_find(registry, function, &entry, &err), wanted);
    assert_null(entry);
    assert_holds(err.message, words);
    assert_holds(err.hint, hint);
}

static void test_registry__finds_a_function_by_all_its_names(void **state)
{
    bring(state, "one/good.so", "good");
    bring(state, "two/other.so", "other");
    kk_registry *registry = load(state);
    assert_int_equal(kk_registry_plugin_count(registry), 2);
    assert_int_equal(kk_registry_count(registry), 4);
    static const char *const names[] = {
        "demo_other.second_thing",
        "demo-other.second_thing",
        "demo_other.demo_other_second_thing",
        "demo_other_second_thing",
        "app.integrations.demo_other.second_thing",
        "integrations.demo_other.second_thing",
        "app.integrations.demo_other_second_thing",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_string_equal(found(registry, names[i]), "demo_other.second_thing");
    }
    assert_string_equal(found(registry, "demo.first"), "demo.first");
    kk_registry_free(registry);
}

static void test_registry__a_miss_names_what_is_near(void **state)
{
    bring(state, "one/good.so", "good");
    bring(state, "one/major_2.so", "major_2");
    kk_registry *registry = load(state);
    assert_missed(registry, "demo.firs", KK_ERR_UNKNOWN_FUNCTION, "'demo' has no function 'firs'",
                  "'first'");
    assert_missed(registry, "demp.first", KK_ERR_UNKNOWN_PLUGIN, "no plugin 'demp'", "'demo'");
    assert_missed(registry, "zzz.first", KK_ERR_UNKNOWN_PLUGIN, "no plugin 'zzz'", "kk list");
    assert_missed(registry, "second", KK_ERR_UNKNOWN_FUNCTION, "no function 'second'",
                  "'demo.second'");
    assert_missed(registry, "demo", KK_ERR_UNKNOWN_FUNCTION, "'demo' is a plugin", "kk list demo");
    assert_missed(registry, "major_2.first", KK_ERR_UNKNOWN_PLUGIN,
                  "found and refused at the stage 'version'", "");
    assert_missed(registry, "", KK_ERR_UNKNOWN_FUNCTION, "no function ''", "PLUGIN.FUNCTION");
    char big[2000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_missed(registry, big, KK_ERR_UNKNOWN_FUNCTION, "no function", "kk list");
    const kk_plugin *plugin = NULL;
    kk_error err = {0};
    assert_code(kk_registry_find_plugin(registry, "dmeo", &plugin, &err), KK_ERR_UNKNOWN_PLUGIN);
    assert_ok(kk_registry_find_plugin(registry, "demo", &plugin, &err), &err);
    kk_registry_free(registry);
}

static void test_registry__a_slug_of_two_tools_is_not_guessed(void **state)
{
    bring(state, "one/clash.so", "slug_clash");
    bring(state, "one/other.so", "other");
    kk_registry *registry = load(state);
    assert_missed(registry, "demo_other_first", KK_ERR_UNKNOWN_FUNCTION,
                  "'demo_other_first' could be 'demo", "");
    assert_string_equal(found(registry, "demo.other_first"), "demo.other_first");
    assert_string_equal(found(registry, "demo_other.first"), "demo_other.first");
    kk_registry_free(registry);
}

static void test_registry__a_bad_plugin_does_not_stop_the_good(void **state)
{
    bring(state, "one/a_major_2.so", "major_2");
    bring(state, "one/good.so", "good");
    bring(state, "two/again.so", "good");
    scratch_write(*state, "one/notes.txt", "x", 1);
    scratch_write(*state, "one/.hidden.so", "x", 1);
    scratch_mkdir(*state, "one/dir.so");
    assert_int_equal(link(scratch_path(*state, "one/good.so"), scratch_path(*state, "two/same.so")),
                     0);
    kk_registry *registry = load(state);
    assert_int_equal(kk_registry_plugin_count(registry), 1);
    assert_holds(kk_registry_plugin_info(registry, 0)->path, "one/good.so");
    static const char *const stages[] = {"version", "path", "duplicate"};
    assert_int_equal(kk_registry_refusal_count(registry), 3);
    for (size_t i = 0; i < 3; i++) {
        const kk_refusal_info *refusal = kk_registry_refusal_at(registry, i);
        assert_string_equal(refusal->error->reason, stages[i]);
        assert_holds(refusal->error->message, refusal->path);
    }
    assert_holds(kk_registry_refusal_at(registry, 2)->error->message, "one/good.so");
    assert_null(kk_registry_refusal_at(registry, 3));
    kk_registry_free(registry);
}

static void test_registry__a_named_file_has_to_pass(void **state)
{
    const char *const files[] = {bring(state, "good.so", "good"), bring(state, "m.so", "major_2"),
                                 NULL};
    kk_error err = {0};
    kk_registry *registry = NULL;
    assert_code(kk_registry_load(files, false, NULL, NULL, NULL, &registry, &err),
                KK_ERR_PLUGIN_REFUSED);
    assert_null(registry);
    assert_string_equal(err.reason, "version");
}

static void test_registry__the_plugin_path_is_absolute_or_refused(void **state)
{
    bring(state, "one/good.so", "good");
    char list[300];
    snprintf(list, sizeof list, "relative::%s", scratch_path(*state, "one"));
    kk_error err = {0};
    kk_registry *registry = NULL;
    assert_ok(kk_registry_load(NULL, true, list, NULL, NULL, &registry, &err), &err);
    assert_string_equal(found(registry, "demo.first"), "demo.first");
    assert_true(kk_registry_refusal_count(registry) >= 2);
    assert_string_equal(kk_registry_refusal_at(registry, 0)->path, "relative");
    assert_string_equal(kk_registry_refusal_at(registry, 1)->path, "");
    for (size_t i = 0; i < 2; i++) {
        const kk_error *problem = kk_registry_refusal_at(registry, i)->error;
        assert_string_equal(problem->reason, "path");
        assert_holds(problem->message, "is not an absolute path");
    }
    kk_registry_free(registry);
}

static void test_registry__publishes_fields_last_and_leaves_the_rest(void **state)
{
    bring(state, "one/good.so", "good");
    bring(state, "one/newer.so", "newer_1_99");
    kk_registry *registry = load(state);
    const kk_entry *entry = kk_registry_at(registry, 0);
    assert_string_equal(entry->info.operation, "read");
    assert_true(entry->host_projects);
    static const char start[] =
        "{\"type\":\"object\",\"properties\":{\"word\":{\"type\":\"string\"},"
        "\"fields\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},";
    assert_memory_equal(entry->info.input_schema, start, sizeof start - 1);
    assert_holds(entry->info.input_schema, "\"}},\"additionalProperties\":false}");
    size_t last = kk_schema_property_count(kk_entry_schema(entry)) - 1;
    assert_string_equal(kk_schema_property_at(kk_entry_schema(entry), last)->name, "fields");

    entry = kk_registry_at(registry, 1);
    assert_string_equal(entry->info.operation, "write");
    assert_false(entry->host_projects);
    assert_string_equal(entry->info.input_schema, entry->tool->input_schema);

    entry = kk_registry_at(registry, 2);
    assert_true(entry->host_projects);
    assert_holds(entry->info.input_schema, "{\"type\":\"object\",\"properties\":{\"fields\":{");
    assert_non_null(kk_schema_property_find(kk_entry_schema(entry), "fields"));
    assert_null(kk_registry_at(registry, 3));
    kk_registry_free(registry);
}

static void test_registry__planetscale_passes_all_checks(void **state)
{
    scratch_copy(*state, "one/planetscale.so", KK_PLANETSCALE);
    kk_registry *registry = load(state);
    if (kk_registry_refusal_count(registry) > 0) {
        fail_msg("%s", kk_registry_refusal_at(registry, 0)->error->message);
    }
    assert_int_equal(kk_registry_count(registry), 7);
    assert_string_equal(found(registry, "planetscale_list_databases"),
                        "planetscale.list_databases");
    kk_registry_free(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_registry__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_a_function_by_all_its_names),  TEST(a_miss_names_what_is_near),
        TEST(a_slug_of_two_tools_is_not_guessed), TEST(a_bad_plugin_does_not_stop_the_good),
        TEST(a_named_file_has_to_pass),           TEST(the_plugin_path_is_absolute_or_refused),
        TEST(planetscale_passes_all_checks),      TEST(publishes_fields_last_and_leaves_the_rest),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
