// Loading real shared objects, each with one defect, and files that are none.
#include "elf_exports.h"
#include "loader.h"
#include "scratch.h"
#include "unit.h"
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int setup(void **state)
{
    static scratch dir;
    scratch_init(&dir);
    *state = &dir;
    return 0;
}

static int teardown(void **state)
{
    scratch_clean(*state);
    return 0;
}

// Copies the test plugin [name], so that its directory is one that passes trust.
static const char *bring(void **state, const char *name)
{
    char from[512];
    char to[80];
    snprintf(from, sizeof from, KK_TEST_PLUGINS "/%s.so", name);
    snprintf(to, sizeof to, "%s.so", name);
    return scratch_copy(*state, to, from);
}

static void assert_refused(const char *path, const char *stage, const char *words)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    kk_code code = kk_plugin_load(path, NULL, &plugin, &err);
    assert_code(code, KK_ERR_PLUGIN_REFUSED);
    assert_null(plugin);
    assert_holds(err.message, words);
    assert_holds(err.message, path);
    assert_string_equal(err.reason, stage);
}

static void test_loader__refuses_each_defect_at_its_stage(void **state)
{
    static const struct {
        const char *name;
        const char *stage;
        const char *words;
    } rows[] = {
        {"no_describe", "elf", "does not export 'kk_plugin_describe'"},
        {"dependency_missing", "dlopen", "kk_test_nobody_defines_this"},
        {"describe_null", "describe", "does not accept a host of ABI 1.0"},
        {"describe_misaligned", "describe", "misaligned"},
        {"magic_wrong", "version", "begins with 0x12345678; a plugin's begins with 0x314B4B50"},
        {"major_2", "version", "was built for ABI 2.0; this host has 1.0"},
        {"abi_min_future", "version", "needs a host of ABI 1.99; this one has 1.0"},
        {"size_tiny", "version", "the manifest has 24 bytes"},
        {"size_huge", "version", "the manifest has 1048576 bytes"},
        {"id_bad", "manifest", "'id' 'Demo Plugin' is not a name"},
        {"title_not_utf8", "manifest", "'title' is not UTF-8 at byte 5"},
        {"tool_name_space", "manifest", "tool 'first tool': 'name' is not a name"},
        {"tool_dup", "manifest", "tool 'first': 'name' occurs twice"},
        {"tools_short", "manifest", "'tools' ends after 2 entries; tool_count is 3"},
        {"tools_long", "manifest", "'tools' has no NULL after 1 entries"},
        {"schema_not_json", "manifest", "tool 'first': 'input_schema'"},
        {"schema_not_object", "manifest", "'input_schema' does not say \"type\": \"object\""},
        {"schema_unknown_keyword", "manifest", "pattern"},
        {"format_undeclared_field", "manifest",
         "credential 'demo', scheme 'bearer': 'header_format' uses {secret}"},
        {"origin_http", "manifest", "credential 'demo': 'origins' 'http://api.example.com'"},
        {"symbol_wrong", "symbols", "is 'kk_tool_demo_frist'; it has to be 'kk_tool_demo_first'"},
        {"symbol_missing", "symbols", "does not export 'kk_tool_demo_absent'"},
        {"entry_other", "symbols", "'entry' is not the address of the symbol 'kk_tool_demo_first'"},
        {"entry_elsewhere", "symbols", "is in another object than 'kk_plugin_describe'"},
        {"needs_unknown", "services", "needs the service 'kk.teleport/1'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_refused(bring(state, rows[i].name), rows[i].stage, rows[i].words);
    }
}

static void test_loader__copies_a_good_manifest(void **state)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    const char *path = bring(state, "good");
    assert_ok(kk_plugin_load(path, NULL, &plugin, &err), &err);
    const kk_manifest *manifest = kk_plugin_manifest(plugin);
    assert_string_equal(manifest->id, "demo");
    assert_int_equal(manifest->tool_count, 2);
    assert_string_equal(manifest->tools[1]->name, "second");
    assert_null(manifest->tools[2]);
    assert_string_equal(manifest->tools[0]->examples[0]->title, "Say a word");
    assert_string_equal(manifest->credentials[0]->schemes[0]->name, "bearer");
    assert_string_equal(kk_plugin_path(plugin), path);
    assert_true(kk_plugin_is_granted(plugin, KK_SERVICE_HTTP));
    assert_false(kk_plugin_is_granted(plugin, KK_SERVICE_CLOCK));
    assert_null(kk_plugin_output(plugin, 1));
    kk_plugin_free(plugin);
}

static void test_loader__a_newer_plugin_that_accepts_us_is_cut_to_our_size(void **state)
{
    kk_error err = {0};
    kk_plugin *plugin = NULL;
    assert_ok(kk_plugin_load(bring(state, "newer_1_99"), NULL, &plugin, &err), &err);
    const kk_manifest *manifest = kk_plugin_manifest(plugin);
    assert_int_equal(manifest->tag.struct_size, sizeof *manifest);
    assert_int_equal(manifest->tools[0]->struct_size, sizeof(kk_tool));
    assert_int_equal(manifest->tag.abi_built, 0x10063);
    kk_plugin_free(plugin);
}

static void test_loader__what_is_no_plugin_is_not_run(void **state)
{
    const char *trace = scratch_path(*state, "trace");
    assert_int_equal(setenv("KK_TEST_TRACE", trace, 1), 0);
    assert_refused(bring(state, "constructor"), "elf", "kk_plugin_describe");
    assert_int_not_equal(access(trace, F_OK), 0);
    unsetenv("KK_TEST_TRACE");
}

static void test_loader__a_file_that_is_no_library_is_refused(void **state)
{
    assert_refused(scratch_write(*state, "text.so", "hello", 5), "elf", "is not an ELF file");
    assert_refused(scratch_write(*state, "empty.so", "", 0), "elf", "is not an ELF file");
    assert_refused(scratch_write(*state, "magic.so", "\177ELF", 4), "elf", "is cut short");
}

static void patch(const char *path, long at, unsigned char byte)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

static void test_loader__a_library_of_another_machine_is_refused(void **state)
{
    const char *path = bring(state, "good");
    patch(path, offsetof(Elf64_Ehdr, e_machine), 0xFE);
    assert_refused(path, "elf", "is for ELF machine");
    path = bring(state, "good");
    patch(path, EI_CLASS, sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64);
    assert_refused(path, "elf", "has ELF class");
    path = bring(state, "good");
    patch(path, offsetof(Elf64_Ehdr, e_type), ET_EXEC);
    assert_refused(path, "elf", "is not a shared object");
}

// Cut at every length of the headers, and at many of the rest: never more than a refusal.
static void test_loader__a_library_that_is_cut_short_is_refused(void **state)
{
    const char *path = bring(state, "good");
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    fclose(file);
    for (long len = size - 1; len > 0; len -= len > 4096 ? 509 : 61) {
        assert_int_equal(truncate(path, len), 0);
        kk_error err = {0};
        kk_plugin *plugin = NULL;
        assert_code(kk_plugin_load(path, NULL, &plugin, &err), KK_ERR_PLUGIN_REFUSED);
        assert_string_equal(err.reason, "elf");
    }
}

static void read_damaged(const char *path, size_t size)
{
    kk_error err = {0};
    kk_elf *elf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    if (kk_elf_read(fd, size, path, &elf, &err) == KK_OK) {
        kk_elf_exports(elf, "kk_plugin_describe");
    }
    kk_elf_free(elf);
    close(fd);
}

// Every byte of the ELF header and of the section headers in turn becomes 0xFF: the reader may say
// what it likes but not read outside the file (the sanitizers look on).
static void test_loader__damaged_offsets_stay_inside_the_file(void **state)
{
    const char *path = bring(state, "good");
    static unsigned char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > sizeof(Elf64_Ehdr) && size < sizeof bytes);
    uint64_t table = sizeof(void *) == 8 ? ((const Elf64_Ehdr *)(const void *)bytes)->e_shoff
                                         : ((const Elf32_Ehdr *)(const void *)bytes)->e_shoff;
    for (size_t i = 0; i < size; i += i == sizeof(Elf64_Ehdr) ? (size_t)table - i : 1) {
        unsigned char was = bytes[i];
        patch(path, (long)i, 0xFF);
        read_damaged(path, size);
        patch(path, (long)i, was);
    }
}

static void test_loader__lists_what_a_file_exports(void **state)
{
    kk_error err = {0};
    kk_elf *elf = NULL;
    const char *path = bring(state, "good");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    off_t size = lseek(fd, 0, SEEK_END);
    assert_ok(kk_elf_read(fd, (uint64_t)size, path, &elf, &err), &err);
    close(fd);
    assert_true(kk_elf_exports(elf, "kk_plugin_describe"));
    assert_true(kk_elf_exports(elf, "kk_tool_demo_first"));
    assert_true(kk_elf_exports(elf, "kk_tool_demo_second"));
    assert_false(kk_elf_exports(elf, "strlen"));
    kk_elf_free(elf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_loader__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_each_defect_at_its_stage),
        TEST(copies_a_good_manifest),
        TEST(a_newer_plugin_that_accepts_us_is_cut_to_our_size),
        TEST(what_is_no_plugin_is_not_run),
        TEST(a_file_that_is_no_library_is_refused),
        TEST(a_library_of_another_machine_is_refused),
        TEST(a_library_that_is_cut_short_is_refused),
        TEST(damaged_offsets_stay_inside_the_file),
        TEST(lists_what_a_file_exports),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
