// Where the key of a keyring comes from: the order, and that a source that is named is final.
#include "keyring_command.h"
#include "keyring_source.h"
#include "unit.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const variables[] = {
    "KK_KEY",           "KK_KEY_FILE",          "KK_KEY_FD", "KK_PASSPHRASE", "KK_PASSPHRASE_FILE",
    "KK_PASSPHRASE_FD", "CREDENTIALS_DIRECTORY"};

typedef struct room {
    char dir[64];
    char key_path[96];
    kk_secret key;
} room;

static int set_up(void **state)
{
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    strncpy(self->dir, "/tmp/kk-source-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    snprintf(self->key_path, sizeof self->key_path, "%s/kk.key", self->dir);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        unsetenv(variables[i]);
    }
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    room *self = *state;
    unlink(self->key_path);
    assert_int_equal(rmdir(self->dir), 0);
    kk_secret_clean(&self->key);
    free(self);
    return 0;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static int pipe_with(const char *text, size_t len)
{
    // Each has a number of its own, since what was read of a number is remembered.
    static int next = 100;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, len), (ssize_t)len);
    close(ends[1]);
    int own = fcntl(ends[0], F_DUPFD, next++);
    close(ends[0]);
    return own;
}

// Looks with [sources]; the code, and what was found.
static kk_code look(const kk_key_sources *sources, kk_found_key *out, bool *found, kk_error *err)
{
    *err = (kk_error){0};
    return kk_key_find(&kk_io_system, sources, out, found, err);
}

static void assert_finds(const kk_key_sources *sources, kk_kring_slot_kind kind, const void *bytes,
                         size_t len, const char *source)
{
    kk_error err = {0};
    kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
    bool found = false;
    assert_ok(look(sources, &given, &found, &err), &err);
    assert_true(found);
    assert_int_equal(given.kind, kind);
    assert_int_equal(given.secret.len, len);
    assert_memory_equal(given.secret.ptr, bytes, len);
    assert_string_equal(given.source, source);
    kk_found_key_clean(&given);
}

static void assert_fails(const kk_key_sources *sources, kk_code code, const char *says)
{
    kk_error err = {0};
    kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
    bool found = false;
    assert_code(look(sources, &given, &found, &err), code);
    assert_false(found);
    assert_holds(err.message, says);
    assert_null(given.secret.ptr);
}

static const char raw[33] = "01234567890123456789012345678901";

static void test_keyring_source__finds_nothing_where_nothing_is_configured(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_key_sources sources = {.environment = true};
    kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
    kk_buf why = {.limit = 1024};
    bool found = true;
    assert_ok(look(&sources, &given, &found, &err), &err);
    assert_false(found);
    assert_null(kk_key_configured(&sources));
    kk_key_write_absent(&sources, &why);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        assert_holds(kk_buf_text(&why), variables[i]);
    }
    kk_buf_clean(&why);
}

static void test_keyring_source__reads_a_descriptor_once_and_remembers_it(void **state)
{
    (void)state;
    int fd = pipe_with(raw, 32);
    kk_key_sources sources = {.option_fd = fd};
    assert_finds(&sources, KK_KRING_SLOT_RAW_KEY, raw, 32, "an option");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_finds(&sources, KK_KRING_SLOT_RAW_KEY, raw, 32, "an option");
    sources.option_file = "/nowhere";
    assert_fails(&sources, KK_ERR_KEY_AMBIGUOUS, "both given");
    sources = (kk_key_sources){.option_fd = 2};
    assert_fails(&sources, KK_ERR_KEY_SYNTAX, "above 2");
    sources.option_fd = 9999;
    assert_fails(&sources, KK_ERR_IO, "9999");
}

static void test_keyring_source__a_descriptor_that_holds_no_key_is_final(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a passphrase", "KRKEY1-short",
                                        "012345678901234567890123456789012"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        kk_key_sources sources = {.option_fd = pipe_with(texts[i], strlen(texts[i]))};
        assert_fails(&sources, KK_ERR_KEY_SYNTAX, "an option");
    }
}

static void test_keyring_source__takes_passphrases_of_files_and_descriptors(void **state)
{
    room *self = *state;
    char number[16];
    kk_key_sources sources = {.environment = true};
    write_file(self->key_path, "correct horse\r\n", 15);
    setenv("KK_PASSPHRASE_FILE", self->key_path, 1);
    assert_finds(&sources, KK_KRING_SLOT_PASSPHRASE, "correct horse", 13, "KK_PASSPHRASE_FILE");
    assert_int_equal(chmod(self->key_path, 0644), 0);
    assert_fails(&sources, KK_ERR_PERMS, self->key_path);
    assert_int_equal(chmod(self->key_path, 0600), 0);
    write_file(self->key_path, "\n", 1);
    assert_fails(&sources, KK_ERR_KEY_SYNTAX, "empty");
    unlink(self->key_path);
    assert_fails(&sources, KK_ERR_IO, "does not exist");
    unsetenv("KK_PASSPHRASE_FILE");
    int fd = pipe_with("staple\n", 7);
    snprintf(number, sizeof number, "%d", fd);
    setenv("KK_PASSPHRASE_FD", number, 1);
    assert_finds(&sources, KK_KRING_SLOT_PASSPHRASE, "staple", 6, "KK_PASSPHRASE_FD");
    setenv("KK_PASSPHRASE_FD", "1", 1);
    assert_fails(&sources, KK_ERR_KEY_SYNTAX, "KK_PASSPHRASE_FD");
    setenv("KK_PASSPHRASE_FD", "4x", 1);
    assert_fails(&sources, KK_ERR_KEY_SYNTAX, "KK_PASSPHRASE_FD");
}

static void test_keyring_source__a_service_credential_is_used_if_it_is_there(void **state)
{
    room *self = *state;
    kk_error err = {0};
    bool found = true;
    kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
    kk_key_sources sources = {.environment = true};
    setenv("CREDENTIALS_DIRECTORY", self->dir, 1);
    assert_ok(look(&sources, &given, &found, &err), &err);
    assert_false(found);
    write_file(self->key_path, raw, 32);
    assert_finds(&sources, KK_KRING_SLOT_RAW_KEY, raw, 32, "CREDENTIALS_DIRECTORY");
    assert_string_equal(kk_key_configured(&sources), "CREDENTIALS_DIRECTORY");
    write_file(self->key_path, raw, 31);
    assert_fails(&sources, KK_ERR_KEY_SYNTAX, "neither");
    // Somebody who names a key file means it rather.
    setenv("KK_KEY_FILE", "/nowhere/key", 1);
    assert_fails(&sources, KK_ERR_IO, "/nowhere/key");
}

static void test_keyring_source__runs_a_command_without_its_environment(void **state)
{
    room *self = *state;
    const char *const prints[] = {"/bin/sh", "-c", "printf 01234567890123456789012345678901", NULL};
    const char *const looks[] = {"/bin/sh", "-c",
                                 "test -z \"$KK_HOME$SECRET\" && ! test -t 0 && test -z \"$(ls "
                                 "/proc/self/fd | grep -v '^[0-3]$')\" && printf "
                                 "01234567890123456789012345678901",
                                 NULL};
    kk_key_sources sources = {.config_command = prints};
    (void)self;
    setenv("SECRET", "1", 1);
    int open_here = dup(0);
    assert_finds(&sources, KK_KRING_SLOT_RAW_KEY, raw, 32, "the configuration");
    sources.config_command = looks;
    assert_finds(&sources, KK_KRING_SLOT_RAW_KEY, raw, 32, "the configuration");
    close(open_here);
    unsetenv("SECRET");
}

static void test_keyring_source__a_command_that_fails_is_final(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        kk_code code;
        const char *says;
    } rows[] = {
        {"printf 01234567890123456789012345678901; exit 3", KK_ERR_IO, "exit status 3"},
        {"kill -9 $$", KK_ERR_IO, "signal 9"},
        {"true", KK_ERR_KEY_SYNTAX, "neither"},
        {"echo not a key", KK_ERR_KEY_SYNTAX, "neither"},
        {"head -c 5000 /dev/zero", KK_ERR_IO, "4096"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const command[] = {"/bin/sh", "-c", rows[i].script, NULL};
        kk_key_sources sources = {.config_command = command};
        assert_fails(&sources, rows[i].code, rows[i].says);
    }
    const char *const absent[] = {"/nowhere/command", NULL};
    kk_key_sources sources = {.config_command = absent};
    assert_fails(&sources, KK_ERR_IO, "could not be started");
}

static void test_keyring_source__ends_a_command_that_does_not(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_secret out = {0};
    // The second keeps the pipe open in a child of its own; the third closes it and goes on.
    static const char *const scripts[] = {"sleep 100", "sleep 100 & wait", "exec >&-; sleep 100"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        const char *const command[] = {"/bin/sh", "-c", scripts[i], NULL};
        err = (kk_error){0};
        assert_code(kk_key_command_run(command, 200, &out, &err), KK_ERR_IO);
        assert_holds(err.message, "within 200 ms");
        assert_null(out.ptr);
    }
}

static void test_keyring_source__takes_kk_key_out_of_the_environment_once(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    kk_key_sources sources = {.environment = true};
    bool found = false;
    assert_ok(kk_key_make(&self->key, &err), &err);
    kk_key_format(&self->key, text);
    assert_int_equal(setenv("KK_KEY", text, 1), 0);
    const char *lies = getenv("KK_KEY");
    kk_found_key first = {.kind = KK_KRING_SLOT_PASSPHRASE};
    kk_found_key second = {.kind = KK_KRING_SLOT_PASSPHRASE};
    assert_ok(kk_key_find(&kk_io_system, &sources, &first, &found, &err), &err);
    assert_true(found);
    assert_null(getenv("KK_KEY"));
    // setenv() never frees what it replaced, so the bytes can still be looked at.
    for (size_t i = 0; i < KK_KEY_TEXT_LEN; i++) {
        assert_int_equal(lies[i], 0);
    }
    assert_ok(kk_key_find(&kk_io_system, &sources, &second, &found, &err), &err);
    assert_true(found);
    assert_true(kk_str_equals(kk_secret_view(&self->key), kk_secret_view(&second.secret)));
    assert_int_equal(setenv("KK_KEY_FILE", self->key_path, 1), 0);
    assert_code(kk_key_find(&kk_io_system, &sources, &second, &found, &err), KK_ERR_KEY_AMBIGUOUS);
    unsetenv("KK_KEY_FILE");
    assert_int_equal(setenv("KK_KEY", "KRKEY1-typo", 1), 0);
    err = (kk_error){0};
    assert_code(kk_key_find(&kk_io_system, &sources, &second, &found, &err), KK_ERR_KEY_SYNTAX);
    err = (kk_error){0};
    assert_code(kk_key_find(&kk_io_system, &sources, &second, &found, &err), KK_ERR_KEY_SYNTAX);
    kk_found_key_clean(&first);
    kk_found_key_clean(&second);
}

static void test_keyring_source__a_named_file_that_is_missing_is_final(void **state)
{
    room *self = *state;
    kk_error err = {0};
    kk_key_sources sources = {.option_file = self->key_path};
    kk_found_key given = {.kind = KK_KRING_SLOT_RAW_KEY};
    bool found = false;
    assert_code(kk_key_find(&kk_io_system, &sources, &given, &found, &err), KK_ERR_IO);
    assert_holds(err.message, "does not exist");
    sources = (kk_key_sources){0};
    assert_ok(kk_key_find(&kk_io_system, &sources, &given, &found, &err), &err);
    assert_false(found);
}

static void test_keyring_source__takes_kk_passphrase_out_of_the_environment(void **state)
{
    (void)state;
    kk_key_sources sources = {.environment = true};
    char *lies = NULL;
    setenv("KK_PASSPHRASE", "correct horse", 1);
    lies = getenv("KK_PASSPHRASE");
    assert_ok(kk_key_capture_environment(NULL), &(kk_error){0});
    assert_null(getenv("KK_PASSPHRASE"));
    for (size_t i = 0; i < strlen("correct horse"); i++) {
        assert_int_equal(lies[i], 0);
    }
    // KK_KEY of the test before is remembered as well.
    assert_fails(&sources, KK_ERR_KEY_AMBIGUOUS, "KK_KEY and KK_PASSPHRASE");
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    // The last two leave what they took out of the environment behind, for the life of the process.
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_source__finds_nothing_where_nothing_is_configured),
        IN_ROOM(test_keyring_source__reads_a_descriptor_once_and_remembers_it),
        IN_ROOM(test_keyring_source__a_descriptor_that_holds_no_key_is_final),
        IN_ROOM(test_keyring_source__takes_passphrases_of_files_and_descriptors),
        IN_ROOM(test_keyring_source__a_service_credential_is_used_if_it_is_there),
        IN_ROOM(test_keyring_source__runs_a_command_without_its_environment),
        IN_ROOM(test_keyring_source__a_command_that_fails_is_final),
        IN_ROOM(test_keyring_source__ends_a_command_that_does_not),
        IN_ROOM(test_keyring_source__a_named_file_that_is_missing_is_final),
        IN_ROOM(test_keyring_source__takes_kk_key_out_of_the_environment_once),
        IN_ROOM(test_keyring_source__takes_kk_passphrase_out_of_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
