// Keys of a keyring: their text and their files.
#include "keyring_key.h"
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAKERS = 8 };

typedef struct room {
    char dir[64];
    char key_path[96];
    kk_secret key;
} room;

static int set_up(void **state)
{
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    strncpy(self->dir, "/tmp/kk-key-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    snprintf(self->key_path, sizeof self->key_path, "%s/key", self->dir);
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

static void write_file(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static kk_code read_key(room *self, kk_error *err)
{
    bool absent = false;
    return kk_key_file_read(&kk_io_system, self->key_path, &self->key, &absent, err);
}

static void test_keyring_key__text_survives_a_round_trip(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    kk_secret again = {0};
    assert_ok(kk_key_make(&self->key, &err), &err);
    kk_key_format(&self->key, text);
    assert_int_equal(strlen(text), KK_KEY_TEXT_LEN);
    assert_ok(kk_key_parse(kk_str_from(text), "KK_KEY", &again, &err), &err);
    assert_true(kk_str_equals(kk_secret_view(&self->key), kk_secret_view(&again)));
    kk_secret_clean(&again);
}

// The example of docs/keyring.md, which another program may be checked with.
static void test_keyring_key__writes_the_documented_text(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    unsigned char bytes[KK_KRING_KEY_SIZE];
    memset(bytes, 0x42, sizeof bytes);
    assert_ok(kk_secret_make(&self->key, sizeof bytes, &err), &err);
    assert_ok(kk_secret_append(&self->key, bytes, sizeof bytes, &err), &err);
    kk_key_format(&self->key, text);
    assert_string_equal(text, "KRKEY1-QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkImQ0C0");
}

static void test_keyring_key__notices_every_mistyped_character(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    assert_ok(kk_key_make(&self->key, &err), &err);
    kk_key_format(&self->key, text);
    for (size_t i = 0; i < KK_KEY_TEXT_LEN; i++) {
        char wrong[KK_KEY_TEXT_SIZE];
        memcpy(wrong, text, sizeof wrong);
        wrong[i] = text[i] == 'A' ? 'B' : 'A';
        err = (kk_error){0};
        assert_code(kk_key_parse(kk_str_from(wrong), "KK_KEY", &self->key, &err),
                    KK_ERR_KEY_SYNTAX);
        assert_null(strstr(err.message, wrong));
    }
}

static void test_keyring_key__refuses_what_is_no_key_text(void **state)
{
    room *self = *state;
    static const char *const texts[] = {"", "correct horse battery staple", "KRKEY1-", "krkey1-AA"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        kk_error err = {0};
        assert_code(kk_key_parse(kk_str_from(texts[i]), "KK_KEY", &self->key, &err),
                    KK_ERR_KEY_SYNTAX);
        assert_holds(err.message, "KK_KEY");
        assert_null(strstr(err.message, "horse"));
    }
}

static void test_keyring_key__reads_a_raw_file_and_a_text_file(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char bytes[KK_KEY_TEXT_SIZE + 2];
    memset(bytes, 'k', 32);
    write_file(self->key_path, bytes, 32, 0600);
    assert_ok(read_key(self, &err), &err);
    assert_memory_equal(self->key.ptr, bytes, 32);
    kk_key_format(&self->key, bytes);
    strncat(bytes, "\r\n", 3);
    write_file(self->key_path, bytes, strlen(bytes), 0400);
    assert_ok(read_key(self, &err), &err);
    memset(bytes, 'k', 32);
    assert_memory_equal(self->key.ptr, bytes, 32);
}

static void test_keyring_key__refuses_a_file_of_another_length(void **state)
{
    room *self = *state;
    static const size_t lengths[] = {0, 31, 33, 64, 4096};
    char bytes[4096];
    memset(bytes, 'k', sizeof bytes);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        kk_error err = {0};
        write_file(self->key_path, bytes, lengths[i], 0600);
        assert_code(read_key(self, &err), KK_ERR_KEY_SYNTAX);
        assert_holds(err.message, self->key_path);
    }
}

static void test_keyring_key__refuses_a_file_that_others_read(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char bytes[32] = "k";
    char hint[128];
    write_file(self->key_path, bytes, sizeof bytes, 0644);
    assert_code(read_key(self, &err), KK_ERR_PERMS);
    snprintf(hint, sizeof hint, "chmod 600 '%s'", self->key_path);
    assert_string_equal(err.hint, hint);
}

static void test_keyring_key__accepts_only_the_shapes_of_a_container_secret(void **state)
{
    (void)state;
    kk_error err = {0};
    struct stat status = {
        .st_mode = S_IFREG | 0440, .st_uid = 0, .st_gid = getegid(), .st_nlink = 1};
    assert_ok(kk_trust_check(&status, KK_TRUST_KEY, "K", &err), &err);
    assert_code(kk_trust_check(&status, KK_TRUST_PRIVATE, "K", &err), KK_ERR_PERMS);
    err = (kk_error){0};
    status.st_mode = S_IFREG | 0444;
    assert_code(kk_trust_check(&status, KK_TRUST_KEY, "K", &err), KK_ERR_PERMS);
    status.st_mode = S_IFREG | 0440;
    status.st_uid = geteuid() + 1;
    assert_code(kk_trust_check(&status, KK_TRUST_KEY, "K", &err), KK_ERR_PERMS);
    status.st_uid = geteuid();
    status.st_mode = S_IFIFO | 0600;
    assert_code(kk_trust_check(&status, KK_TRUST_KEY, "K", &err), KK_ERR_PERMS);
    status.st_mode = S_IFREG | 0600;
    status.st_nlink = 2;
    assert_code(kk_trust_check(&status, KK_TRUST_KEY, "K", &err), KK_ERR_PERMS);
    status.st_nlink = 0;
    assert_ok(kk_trust_check(&status, KK_TRUST_KEY, "K", NULL), &err);
}

static void test_keyring_key__refuses_a_directory_that_others_write(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char bytes[32] = "k";
    write_file(self->key_path, bytes, sizeof bytes, 0600);
    assert_int_equal(chmod(self->dir, 0777), 0);
    assert_code(read_key(self, &err), KK_ERR_PERMS);
    assert_holds(err.hint, "chmod go-w");
    assert_int_equal(chmod(self->dir, 01777), 0);
    assert_ok(read_key(self, NULL), &err);
}

static int no_tmpfile_open(int dir, const char *name, int flags, mode_t mode)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return kk_io_system.open(dir, name, flags, mode);
}

// Several processes make one key file; each prints the key that it got.
static void make_at_once(room *self, const kk_io *io)
{
    int ends[2];
    char first[32];
    char got[32];
    assert_int_equal(pipe(ends), 0);
    pid_t children[MAKERS];
    for (int i = 0; i < MAKERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            kk_secret key = {0};
            kk_code code = kk_key_file_make(io, self->key_path, &key, NULL);
            bool told = code == KK_OK && write(ends[1], key.ptr, 32) == 32;
            _exit(told ? 0 : 1);
        }
    }
    for (int i = 0; i < MAKERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
        assert_int_equal(read(ends[0], got, sizeof got), 32);
        if (i == 0) {
            memcpy(first, got, sizeof first);
        }
        assert_memory_equal(got, first, sizeof first);
    }
    close(ends[0]);
    close(ends[1]);
}

static void test_keyring_key__makers_at_once_all_get_the_winners_key(void **state)
{
    room *self = *state;
    struct stat status;
    kk_io old_kernel = kk_io_system;
    old_kernel.open = no_tmpfile_open;
    make_at_once(self, &kk_io_system);
    assert_int_equal(stat(self->key_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(unlink(self->key_path), 0);
    make_at_once(self, &old_kernel);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_key__text_survives_a_round_trip),
        IN_ROOM(test_keyring_key__writes_the_documented_text),
        IN_ROOM(test_keyring_key__notices_every_mistyped_character),
        IN_ROOM(test_keyring_key__refuses_what_is_no_key_text),
        IN_ROOM(test_keyring_key__reads_a_raw_file_and_a_text_file),
        IN_ROOM(test_keyring_key__refuses_a_file_of_another_length),
        IN_ROOM(test_keyring_key__refuses_a_file_that_others_read),
        cmocka_unit_test(test_keyring_key__accepts_only_the_shapes_of_a_container_secret),
        IN_ROOM(test_keyring_key__refuses_a_directory_that_others_write),
        IN_ROOM(test_keyring_key__makers_at_once_all_get_the_winners_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
