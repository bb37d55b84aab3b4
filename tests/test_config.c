// Where the files are, and what the user and the project configured.
#include "config.h"
#include "unit.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct room {
    char dir[64];
    char config_path[96];
    char old_dir[512];
    kk_config *config;
} room;

static int set_up(void **state)
{
    static const char *const variables[] = {"KK_HOME", "KK_CA_FILE", "XDG_CONFIG_HOME",
                                            "XDG_DATA_HOME", "XDG_STATE_HOME"};
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        unsetenv(variables[i]);
    }
    strncpy(self->dir, "/tmp/kk-config-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    assert_non_null(getcwd(self->old_dir, sizeof self->old_dir));
    assert_int_equal(chdir(self->dir), 0);
    snprintf(self->config_path, sizeof self->config_path, "%s/config.json", self->dir);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const left[] = {"sub/kk/config.json", "sub/.kk.json", "config.json",
                                       ".kk.json"};
    room *self = *state;
    assert_int_equal(chdir(self->dir), 0);
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        unlink(left[i]);
    }
    rmdir("sub/kk");
    rmdir("sub");
    assert_int_equal(chdir(self->old_dir), 0);
    assert_int_equal(rmdir(self->dir), 0);
    kk_config_free(self->config);
    free(self);
    return 0;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

static kk_code load(room *self, kk_error *err)
{
    kk_config *config = NULL;
    kk_code code = kk_config_load(self->dir, true, &config, err);
    if (code == KK_OK) {
        kk_config_free(self->config);
        self->config = config;
    }
    return code;
}

static void assert_path(const char *path, const char *dir, const char *rest)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "%s/%s", dir, rest);
    assert_string_equal(path, wanted);
}

static void test_config__puts_all_under_a_home(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_int_equal(setenv("KK_HOME", self->dir, 1), 0);
    assert_ok(kk_config_load(NULL, true, &self->config, &err), &err);
    assert_path(kk_config_keyring_path(self->config), self->dir, "keyring.kkr");
    assert_path(kk_config_pin_path(self->config), self->dir, "keyring.pin");
    assert_path(kk_config_plugin_dir(self->config), self->dir, "plugins");
    assert_null(kk_config_key_file(self->config));
    assert_null(kk_config_ca_file(self->config));
    assert_null(kk_config_proxy(self->config));
    assert_null(kk_config_project_path(self->config));
    assert_null(kk_config_project_account(self->config, "planetscale"));
}

static void test_config__follows_the_xdg_directories(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_int_equal(setenv("XDG_DATA_HOME", self->dir, 1), 0);
    assert_int_equal(setenv("HOME", "/nonexistent", 1), 0);
    assert_int_equal(setenv("KK_HOME", "/elsewhere", 1), 0);
    assert_ok(kk_config_load(NULL, false, &self->config, &err), &err);
    assert_path(kk_config_keyring_path(self->config), self->dir, "kk/keyring.kkr");
    kk_config_free(self->config);
    self->config = NULL;
    unsetenv("XDG_DATA_HOME");
    assert_ok(kk_config_load(NULL, false, &self->config, &err), &err);
    assert_string_equal(kk_config_keyring_path(self->config),
                        "/nonexistent/.local/share/kk/keyring.kkr");
    assert_string_equal(kk_config_pin_path(self->config),
                        "/nonexistent/.local/state/kk/keyring.pin");
}

static void test_config__refuses_a_place_that_is_not_absolute(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_config *config = NULL;
    assert_code(kk_config_load("here", true, &config, &err), KK_ERR_USAGE);
    assert_holds(err.message, "'here'");
    assert_int_equal(setenv("KK_HOME", "", 1), 0);
    assert_code(kk_config_load(NULL, true, &config, NULL), KK_ERR_USAGE);
    unsetenv("KK_HOME");
    unsetenv("HOME");
    err = (kk_error){0};
    assert_code(kk_config_load(NULL, true, &config, &err), KK_ERR_USAGE);
    assert_holds(err.hint, "KK_HOME");
    assert_null(config);
}

static void test_config__reads_what_the_user_wrote(void **state)
{
    room *self = *state;
    kk_error err = {0};
    write_text(self->config_path, "{\"key_source\":{\"file\":\"/k/key\"},\"ca_file\":\"/ca.pem\","
                                  "\"proxy\":\"http://127.0.0.1:1\",\"log\":\"info\"}");
    assert_ok(load(self, &err), &err);
    assert_string_equal(kk_config_key_file(self->config), "/k/key");
    assert_string_equal(kk_config_ca_file(self->config), "/ca.pem");
    assert_string_equal(kk_config_proxy(self->config), "http://127.0.0.1:1");
    assert_int_equal(setenv("KK_CA_FILE", "/other.pem", 1), 0);
    assert_ok(load(self, &err), &err);
    assert_string_equal(kk_config_ca_file(self->config), "/other.pem");
}

static void test_config__refuses_what_it_does_not_understand(void **state)
{
    room *self = *state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"{\"prox\":\"x\"}", "unknown member 'prox'"},
        {"{\"proxy\":1}", "'proxy'"},
        {"{\"key_source\":\"/k\"}", "'key_source'"},
        {"{\"key_source\":{\"file\":\"k\"}}", "not an absolute path"},
        {"{\"key_source\":{\"file\":\"/k\",\"cmd\":[]}}", "unknown member 'cmd'"},
        {"{\"proxy\":\"a\",\"proxy\":\"b\"}", "proxy"},
        {"[]", "not one JSON object"},
        {"{", "config.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_error err = {0};
        write_text(self->config_path, cases[i].text);
        assert_code(load(self, &err), KK_ERR_USAGE);
        assert_holds(err.message, cases[i].says);
    }
}

static void test_config__refuses_a_file_that_others_write(void **state)
{
    room *self = *state;
    kk_error err = {0};
    write_text(self->config_path, "{}");
    assert_int_equal(chmod(self->config_path, 0664), 0);
    assert_code(load(self, &err), KK_ERR_PERMS);
    assert_holds(err.hint, "chmod go-w");
}

static void test_config__takes_account_names_of_the_nearest_project(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_int_equal(mkdir("sub", 0700), 0);
    write_text(".kk.json", "{\"accounts\":{\"planetscale\":\"outer\"}}");
    assert_int_equal(chdir("sub"), 0);
    assert_ok(load(self, &err), &err);
    assert_string_equal(kk_config_project_account(self->config, "planetscale"), "outer");
    write_text(".kk.json", "{\"accounts\":{\"planetscale\":\"inner\"}}");
    assert_ok(load(self, &err), &err);
    assert_string_equal(kk_config_project_account(self->config, "planetscale"), "inner");
    assert_null(kk_config_project_account(self->config, "other"));
    assert_holds(kk_config_project_path(self->config), "/sub/.kk.json");
}

static void test_config__does_not_pass_over_a_broken_link_of_a_project(void **state)
{
    room *self = *state;
    static const char *const targets[] = {".kk.json", "nowhere"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        kk_error err = {0};
        assert_int_equal(symlink(targets[i], ".kk.json"), 0);
        assert_code(load(self, &err), KK_ERR_IO);
        assert_holds(err.message, ".kk.json");
        assert_int_equal(unlink(".kk.json"), 0);
    }
}

static void test_config__lets_a_project_choose_nothing_else(void **state)
{
    room *self = *state;
    static const char *const texts[] = {"{\"proxy\":\"http://evil\"}", "{\"key_source\":{}}",
                                        "{\"accounts\":[]}", "{\"accounts\":{\"p\":1}}",
                                        "{\"accounts\":{\"p\":\"\"}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        kk_error err = {0};
        write_text(".kk.json", texts[i]);
        assert_code(load(self, &err), KK_ERR_USAGE);
        assert_holds(err.message, ".kk.json");
    }
}

static void test_config__takes_no_project_that_everybody_writes(void **state)
{
    room *self = *state;
    kk_error err = {0};
    write_text(".kk.json", "{\"accounts\":{\"planetscale\":\"outer\"}}");
    assert_int_equal(chmod(".kk.json", 0666), 0);
    assert_code(load(self, &err), KK_ERR_PERMS);
    assert_holds(err.hint, "chmod o-w");
    assert_int_equal(chmod(".kk.json", 0664), 0);
    assert_ok(load(self, &err), &err);
}

static void test_config__takes_a_project_of_a_stranger_in_his_directory_alone(void **state)
{
    room *self = *state;
    kk_error err = {0};
    write_text(".kk.json", "{\"accounts\":{\"planetscale\":\"outer\"}}");
    // Only root can give a file away, and in a namespace of its own there may be nobody to take it.
    if (geteuid() != 0 || (chown(".kk.json", 65534, 65534) != 0 && errno == EINVAL)) {
        skip();
    }
    assert_code(load(self, &err), KK_ERR_PERMS);
    assert_holds(err.message, "a stranger");
    // A directory of the same owner, such as one that a container mounts, is another matter.
    assert_int_equal(mkdir("sub", 0755), 0);
    assert_int_equal(chown("sub", 65534, 65534), 0);
    assert_int_equal(rename(".kk.json", "sub/.kk.json"), 0);
    assert_int_equal(chdir("sub"), 0);
    assert_ok(load(self, &err), &err);
}

static void test_config__remembers_a_key_file_and_keeps_the_rest(void **state)
{
    room *self = *state;
    kk_error err = {0};
    struct stat status;
    char home[96];
    snprintf(home, sizeof home, "%s/sub/kk", self->dir);
    assert_ok(kk_config_load(home, true, &self->config, &err), &err);
    assert_ok(kk_config_set_key_file(self->config, "key", &err), &err);
    assert_path(kk_config_key_file(self->config), self->dir, "key");
    assert_int_equal(stat("sub/kk", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat("sub/kk/config.json", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);

    write_text(self->config_path, "{\"proxy\":\"http://p\"}");
    assert_ok(load(self, &err), &err);
    assert_ok(kk_config_set_key_file(self->config, "/k/one", &err), &err);
    assert_ok(kk_config_set_key_file(self->config, "/k/two", &err), &err);
    assert_ok(load(self, &err), &err);
    assert_string_equal(kk_config_key_file(self->config), "/k/two");
    assert_string_equal(kk_config_proxy(self->config), "http://p");
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_config__puts_all_under_a_home),
        IN_ROOM(test_config__follows_the_xdg_directories),
        IN_ROOM(test_config__refuses_a_place_that_is_not_absolute),
        IN_ROOM(test_config__reads_what_the_user_wrote),
        IN_ROOM(test_config__refuses_what_it_does_not_understand),
        IN_ROOM(test_config__refuses_a_file_that_others_write),
        IN_ROOM(test_config__takes_account_names_of_the_nearest_project),
        IN_ROOM(test_config__does_not_pass_over_a_broken_link_of_a_project),
        IN_ROOM(test_config__lets_a_project_choose_nothing_else),
        IN_ROOM(test_config__takes_no_project_that_everybody_writes),
        IN_ROOM(test_config__takes_a_project_of_a_stranger_in_his_directory_alone),
        IN_ROOM(test_config__remembers_a_key_file_and_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
