// Which files may be executed: path and trust, on a tree of real files.
#include "scratch.h"
#include "trust.h"
#include "unit.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
    static scratch dir;
    scratch_init(&dir);
    scratch_mkdir(&dir, "a");
    scratch_mkdir(&dir, "a/b");
    scratch_write(&dir, "a/b/x.so", "bytes", 5);
    *state = &dir;
    return 0;
}

static int teardown(void **state)
{
    scratch_clean(*state);
    return 0;
}

static kk_error check(const char *path)
{
    kk_error err = {0};
    kk_code code = kk_executable_check(path, &err);
    assert_int_equal(code, err.code);
    return err;
}

static void assert_refused(const char *path, const char *stage, const char *words, const char *hint)
{
    kk_error err = check(path);
    assert_code(err.code, KK_ERR_PLUGIN_REFUSED);
    assert_string_equal(err.reason, stage);
    assert_holds(err.message, words);
    assert_holds(err.hint, hint);
}

static void test_trust__passes_what_only_we_can_change(void **state)
{
    kk_error err = check(scratch_path(*state, "a/b/x.so"));
    assert_ok(err.code, &err);
}

static void test_trust__path_has_to_be_absolute_and_to_exist(void **state)
{
    assert_refused("x.so", "path", "is not an absolute path", "/");
    assert_refused("", "path", "is not an absolute path", "/");
    assert_refused(scratch_path(*state, "a/b/none.so"), "path", "No such file", "");
}

static void test_trust__only_regular_files_pass(void **state)
{
    scratch_mkdir(*state, "a/dir.so");
    assert_refused(scratch_path(*state, "a/dir.so"), "path", "is a directory", "");
    assert_int_equal(mkfifo(scratch_path(*state, "a/fifo.so"), 0600), 0);
    assert_refused(scratch_path(*state, "a/fifo.so"), "path", "is not a regular file", "");
}

static void test_trust__a_file_over_64_mib_is_refused(void **state)
{
    const char *path = scratch_write(*state, "big.so", "", 0);
    assert_int_equal(truncate(path, 64 << 20), 0);
    assert_ok(check(path).code, &(kk_error){0});
    assert_int_equal(truncate(path, (64 << 20) + 1), 0);
    assert_refused(path, "path", "67108865 bytes", "");
}

static void test_trust__what_others_can_write_is_refused_with_the_command(void **state)
{
    const char *file = scratch_path(*state, "a/b/x.so");
    char hint[600];
    scratch_chmod(*state, "a/b/x.so", 0646);
    snprintf(hint, sizeof hint, "chmod o-w '%s'", file);
    assert_refused(file, "trust", "mode 0646", hint);
    scratch_chmod(*state, "a/b/x.so", 0664);
    assert_refused(file, "trust", "its group could change", "chmod g-w");
    scratch_chmod(*state, "a/b/x.so", 0644);

    scratch_chmod(*state, "a/b", 0777);
    snprintf(hint, sizeof hint, "chmod go-w '%s'", scratch_path(*state, "a/b"));
    assert_refused(file, "trust", "its group and everybody", hint);
    scratch_chmod(*state, "a/b", 0755);

    scratch_chmod(*state, "a", 0757);
    snprintf(hint, sizeof hint, "chmod o-w '%s'", scratch_path(*state, "a"));
    assert_refused(file, "trust", "mode 0757", hint);
}

// A sticky directory passes only if it is root's: its owner can rename what is in it.
static void test_trust__a_sticky_directory_counts_only_if_it_is_roots(void **state)
{
    scratch_chmod(*state, "a", 01777);
    const char *file = scratch_path(*state, "a/b/x.so");
    kk_error err = check(file);
    if (geteuid() == 0) {
        assert_ok(err.code, &err);
        return;
    }
    assert_refused(file, "trust", "mode 1777", "chmod go-w");
}

static void test_trust__a_link_is_judged_by_where_it_leads_and_stands(void **state)
{
    const char *file = scratch_path(*state, "a/b/x.so");
    scratch_mkdir(*state, "c");
    const char *link = scratch_path(*state, "c/y.so");
    assert_int_equal(symlink(file, link), 0);
    kk_error err = check(link);
    assert_ok(err.code, &err);
    scratch_chmod(*state, "a/b", 0777);
    assert_refused(link, "trust", "a/b'", "chmod go-w");
    scratch_chmod(*state, "a/b", 0755);
    scratch_chmod(*state, "c", 0777);
    assert_refused(link, "trust", "/c'", "chmod go-w");
}

static void assert_leads(const char *path, const char *wanted)
{
    kk_trusted file = {.fd = -1};
    kk_error err = {0};
    assert_ok(kk_trust_open(path, &file, &err), &err);
    char *real = realpath(wanted, NULL);
    struct stat found;
    assert_string_equal(file.path, real);
    assert_int_equal(stat(wanted, &found), 0);
    assert_int_equal(file.identity.inode, found.st_ino);
    free(real);
    kk_trusted_clean(&file);
}

static void test_trust__dots_and_slashes_lead_where_the_system_goes(void **state)
{
    char path[640];
    char file[600];
    const char *const same[] = {"a/b/../b/x.so", "a//b/./x.so", "a/b/../../a/b//x.so", "c/x.so",
                                "c/../b/x.so"};
    scratch_write(*state, "x.so", "other", 5);
    scratch_write(*state, "a/x.so", "third", 5);
    snprintf(file, sizeof file, "%s", scratch_path(*state, "a/b"));
    assert_int_equal(symlink(file, scratch_path(*state, "c")), 0);
    snprintf(file, sizeof file, "%s", scratch_path(*state, "a/b/x.so"));
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_leads(scratch_path(*state, same[i]), file);
    }
    // Behind a link, ".." is above where it leads.
    snprintf(file, sizeof file, "%s", scratch_path(*state, "a/x.so"));
    assert_leads(scratch_path(*state, "c/../x.so"), file);
    assert_leads(scratch_path(*state, "a/b/../x.so"), file);
    snprintf(path, sizeof path, "/..%s", file);
    assert_leads(path, file);
    snprintf(path, sizeof path, "%s/", file);
    assert_refused(path, "path", "Not a directory", "");
    snprintf(path, sizeof path, "%s/../x.so", file);
    assert_refused(path, "path", "Not a directory", "");
    assert_refused(scratch_path(*state, "a/b/.."), "path", "is a directory", "");
    assert_refused("/", "path", "is a directory", "");
}

// What the path only passes through and leaves again holds nothing that is executed.
static void test_trust__a_directory_that_is_left_again_may_be_anybodys(void **state)
{
    char file[600];
    scratch_mkdir(*state, "a/open");
    scratch_chmod(*state, "a/open", 0777);
    snprintf(file, sizeof file, "%s", scratch_path(*state, "a/b/x.so"));
    assert_leads(scratch_path(*state, "a/open/../b/x.so"), file);
}

// Root can make the case, a user meets it as a file of somebody else.  In a namespace of its own,
// root may have nobody to give a file to.
static void test_trust__an_owner_other_than_root_and_us_is_refused(void **state)
{
    const char *file = scratch_path(*state, "a/b/x.so");
    if (geteuid() != 0 || (chown(file, 12345, (gid_t)-1) != 0 && errno == EINVAL)) {
        skip();
    }
    assert_refused(file, "trust", "belongs to user 12345", "chown 0 '");
    assert_int_equal(chown(file, 0, (gid_t)-1), 0);
    assert_int_equal(chown(scratch_path(*state, "a"), 12345, (gid_t)-1), 0);
    assert_refused(file, "trust", "/a' belongs to user 12345", "chown 0 '");
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_trust__##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(passes_what_only_we_can_change),
        TEST(path_has_to_be_absolute_and_to_exist),
        TEST(only_regular_files_pass),
        TEST(a_file_over_64_mib_is_refused),
        TEST(what_others_can_write_is_refused_with_the_command),
        TEST(a_sticky_directory_counts_only_if_it_is_roots),
        TEST(a_link_is_judged_by_where_it_leads_and_stands),
        TEST(dots_and_slashes_lead_where_the_system_goes),
        TEST(a_directory_that_is_left_again_may_be_anybodys),
        TEST(an_owner_other_than_root_and_us_is_refused),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
