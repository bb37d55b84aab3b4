// The cache of scans: what it keeps, when it does not know, and what it passes over.
#include "loader.h"
#include "scan_cache.h"
#include "scratch.h"
#include "unit.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    scratch dir;
    char plugin[256];
    char file[256]; // of the cache
    kk_config *config;
    kk_error err;
    char told[1024]; // the last line of the log
    int lines;
} fixture;

static int setup(void **state)
{
    static fixture self;
    self = (fixture){0};
    scratch_init(&self.dir);
    const char *home = scratch_mkdir(&self.dir, "home");
    assert_ok(kk_config_load(home, false, &self.config, &self.err), &self.err);
    snprintf(self.file, sizeof self.file, "%s/cache/scan.cache", home);
    snprintf(self.plugin, sizeof self.plugin, "%s",
             scratch_copy(&self.dir, "bare.so", KK_TEST_PLUGINS "/bare.so"));
    *state = &self;
    return 0;
}

static int teardown(void **state)
{
    fixture *self = *state;
    kk_config_free(self->config);
    scratch_clean(&self->dir);
    return 0;
}

static void hear(void *context, const char *text)
{
    fixture *self = context;
    snprintf(self->told, sizeof self->told, "%s", text);
    self->lines++;
}

static kk_scan_cache *open_cache(fixture *self)
{
    kk_scan_cache *cache =
        kk_scan_cache_open(self->config, (kk_scan_log){.write = hear, .context = self});
    assert_non_null(cache);
    return cache;
}

// A worker that cannot be started: what loads all the same came out of the cache.
static const char *const no_worker = "/nonexistent/kk-worker";

// Looks at the plugin as a new process would.
static kk_code look(fixture *self, const char *worker)
{
    const kk_loader loader = {.describe.worker = worker, .cache = open_cache(self)};
    kk_plugin *plugin = NULL;
    self->err = (kk_error){0};
    kk_code code = kk_plugin_load(self->plugin, &loader, &plugin, &self->err);
    if (code == KK_OK) {
        assert_string_equal(kk_plugin_manifest(plugin)->id, "bare");
        assert_string_equal(kk_plugin_manifest(plugin)->tools[0]->name, "echo");
        kk_scan_cache_save(loader.cache);
    }
    kk_plugin_free(plugin);
    kk_scan_cache_close(loader.cache);
    return code;
}

static void fill(fixture *self)
{
    assert_ok(look(self, NULL), &self->err);
    assert_ok(look(self, no_worker), &self->err);
}

static void test_scan_cache__a_file_is_looked_at_once(void **state)
{
    fixture *self = *state;
    assert_code(look(self, no_worker), KK_ERR_INTERNAL);
    fill(self);
    assert_int_equal(self->lines, 0);
    struct stat found;
    assert_int_equal(stat(self->file, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
}

static void test_scan_cache__what_it_gives_can_be_called(void **state)
{
    fixture *self = *state;
    const kk_plugin_code *code = NULL;
    kk_plugin *plugin = NULL;
    fill(self);
    const kk_loader loader = {.describe.worker = no_worker, .cache = open_cache(self)};
    assert_ok(kk_plugin_load(self->plugin, &loader, &plugin, &self->err), &self->err);
    kk_scan_cache_close(loader.cache);
    assert_ok(kk_plugin_bind(plugin, &code, &self->err), &self->err);
    assert_non_null(code->entries[0]);
    kk_plugin_free(plugin);
}

static void test_scan_cache__a_file_that_changed_is_looked_at_again(void **state)
{
    fixture *self = *state;
    fill(self);
    int fd = open(self->plugin, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_code(look(self, no_worker), KK_ERR_INTERNAL);
    fill(self);
}

static void test_scan_cache__a_file_that_was_touched_or_copied_is_known_by_its_bytes(void **state)
{
    fixture *self = *state;
    fill(self);
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, self->plugin, times, 0), 0);
    assert_ok(look(self, no_worker), &self->err);
    snprintf(self->plugin, sizeof self->plugin, "%s",
             scratch_copy(&self->dir, "copy.so", KK_TEST_PLUGINS "/bare.so"));
    assert_ok(look(self, no_worker), &self->err);
}

static void test_scan_cache__a_refusal_is_not_kept(void **state)
{
    fixture *self = *state;
    snprintf(self->plugin, sizeof self->plugin, "%s",
             scratch_copy(&self->dir, "bad.so", KK_TEST_PLUGINS "/symbol_wrong.so"));
    assert_code(look(self, NULL), KK_ERR_PLUGIN_REFUSED);
    assert_code(look(self, NULL), KK_ERR_PLUGIN_REFUSED);
    assert_int_not_equal(access(self->file, F_OK), 0);
}

// ---- What is passed over

static size_t read_file(const char *path, char *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(bytes, 1, size, file);
    fclose(file);
    return len;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void expect_passed_over(fixture *self, const char *words)
{
    self->lines = 0;
    assert_code(look(self, no_worker), KK_ERR_INTERNAL);
    assert_int_equal(self->lines, 1);
    assert_holds(self->told, self->file);
    assert_holds(self->told, words);
    // And written anew.
    fill(self);
}

static void test_scan_cache__one_that_is_damaged_anywhere_is_passed_over(void **state)
{
    fixture *self = *state;
    static char bytes[65536];
    fill(self);
    size_t len = read_file(self->file, bytes, sizeof bytes);
    assert_true(len > 500 && len < sizeof bytes);
    for (size_t at = 0; at < len; at += at < 200 ? 1 : 97) {
        bytes[at] = (char)(bytes[at] ^ 0x20);
        write_file(self->file, bytes, len);
        assert_code(look(self, no_worker), KK_ERR_INTERNAL);
        bytes[at] = (char)(bytes[at] ^ 0x20);
    }
    for (size_t cut = 0; cut < len; cut += 61) {
        write_file(self->file, bytes, cut);
        assert_code(look(self, no_worker), KK_ERR_INTERNAL);
    }
    bytes[len - 1] = (char)(bytes[len - 1] ^ 1);
    write_file(self->file, bytes, len);
    expect_passed_over(self, "it is damaged");
    write_file(self->file, "", 0);
    expect_passed_over(self, "it is cut short");
}

static void test_scan_cache__one_of_another_version_is_passed_over(void **state)
{
    fixture *self = *state;
    static char bytes[65536];
    fill(self);
    size_t len = read_file(self->file, bytes, sizeof bytes);
    assert_memory_equal(bytes + 8, "1.", 2);
    bytes[8] = '0';
    write_file(self->file, bytes, len);
    expect_passed_over(self, "another version of kk wrote it");
}

static void test_scan_cache__one_that_others_can_read_or_write_is_passed_over(void **state)
{
    fixture *self = *state;
    fill(self);
    assert_int_equal(chmod(self->file, 0604), 0);
    expect_passed_over(self, "0604");
    assert_int_equal(chmod(self->file, 0620), 0);
    expect_passed_over(self, "0620");
    // A link leads elsewhere.
    char other[300];
    snprintf(other, sizeof other, "%s.other", self->file);
    assert_int_equal(rename(self->file, other), 0);
    assert_int_equal(symlink(other, self->file), 0);
    expect_passed_over(self, "scan.cache");
}

static void test_scan_cache__where_it_cannot_be_written_is_told_once(void **state)
{
    fixture *self = *state;
    scratch_write(&self->dir, "home/cache", "a file", 6);
    assert_ok(look(self, NULL), &self->err);
    assert_true(self->lines > 0);
    assert_holds(self->told, "is not kept");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(test_scan_cache__##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_file_is_looked_at_once),
        CASE(what_it_gives_can_be_called),
        CASE(a_file_that_changed_is_looked_at_again),
        CASE(a_file_that_was_touched_or_copied_is_known_by_its_bytes),
        CASE(a_refusal_is_not_kept),
        CASE(one_that_is_damaged_anywhere_is_passed_over),
        CASE(one_of_another_version_is_passed_over),
        CASE(one_that_others_can_read_or_write_is_passed_over),
        CASE(where_it_cannot_be_written_is_told_once),
    };
    return cmocka_run_group_tests_name("scan_cache", tests, NULL, NULL);
}
