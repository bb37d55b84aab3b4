// The keyring as its users see it, and what its file goes through.
#include "fail.h"
#include "keyring_edit.h"
#include "keyring_file.h"
#include "keyring_handle.h"
#include "keyring_key.h"
#include "unit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 8, SETS = 20 };

typedef struct room {
    char dir[64];
    char key_path[96];
    char path[96];
    kk_keyring *ring;
} room;

static kk_keyring *open_ring(const room *self)
{
    kk_error err = {0};
    kk_keyring *ring = NULL;
    kk_keyring_options options = {
        .size = sizeof options, .flags = KK_KEYRING_IGNORE_ENVIRONMENT, .home = self->dir};
    assert_ok(kk_keyring_open(&options, &ring, &err), &err);
    return ring;
}

static int set_up_empty(void **state)
{
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    strncpy(self->dir, "/tmp/kk-ring-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    snprintf(self->key_path, sizeof self->key_path, "%s/key", self->dir);
    snprintf(self->path, sizeof self->path, "%s/keyring.kkr", self->dir);
    self->ring = open_ring(self);
    *state = self;
    return 0;
}

static int set_up(void **state)
{
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    set_up_empty(state);
    room *self = *state;
    assert_ok(kk_keyring_init(self->ring, self->key_path, text, &err), &err);
    assert_string_equal(text, "");
    return 0;
}

static int tear_down(void **state)
{
    room *self = *state;
    char path[400];
    DIR *dir = opendir(self->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        snprintf(path, sizeof path, "%s/%s", self->dir, entry->d_name);
        unlink(path);
    }
    closedir(dir);
    assert_int_equal(rmdir(self->dir), 0);
    kk_keyring_close(self->ring);
    free(self);
    return 0;
}

static kk_code set_one(kk_keyring *ring, const char *account, const char *field, const char *text,
                       kk_error *err)
{
    kk_keyring_value value = {field, text, strlen(text)};
    return kk_keyring_set(ring, "planetscale", account, &value, 1, err);
}

static kk_code compare(void *wanted, const char *value, size_t len, kk_error *err)
{
    (void)err;
    assert_int_equal(len, strlen(wanted));
    assert_string_equal(value, (const char *)wanted);
    return KK_OK;
}

static void assert_value(kk_keyring *ring, const char *account, const char *field,
                         const char *wanted)
{
    kk_error err = {0};
    assert_ok(kk_keyring_use(ring, "planetscale", account, field, compare,
                             (void *)(uintptr_t)wanted, &err),
              &err);
}

static bool has_default(kk_keyring *ring, const char *account)
{
    kk_error err = {0};
    kk_keyring_listing listing;
    assert_ok(kk_keyring_list(ring, &listing, &err), &err);
    for (size_t i = 0; i < listing.count; i++) {
        if (listing.entries[i].field[0] == '\0') {
            return account != NULL && strcmp(listing.entries[i].account, account) == 0;
        }
    }
    return account == NULL;
}

static size_t read_bytes(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, size, file);
    fclose(file);
    return len;
}

static void write_bytes(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

// ---- Accounts

static void test_keyring__stores_lends_and_lists(void **state)
{
    room *self = *state;
    kk_error err = {0};
    kk_keyring_listing listing;
    kk_keyring_value values[] = {{"service_token_id", "id", 2}, {"service_token", "secret", 6}};
    assert_ok(kk_keyring_set(self->ring, "planetscale", "production", values, 2, &err), &err);
    assert_value(self->ring, "production", "service_token", "secret");
    assert_ok(kk_keyring_list(self->ring, &listing, &err), &err);
    assert_int_equal(listing.count, 3);
    assert_int_equal(listing.generation, 2);
    assert_true(listing.verified);
    assert_string_equal(listing.entries[0].field, "service_token");
    assert_true(listing.entries[0].updated_unix > 0);
    kk_keyring *other = open_ring(self); // finds the key that init remembered
    assert_value(other, "production", "service_token_id", "id");
    kk_keyring_close(other);
}

// Who has a configuration need not have it read again.
static void test_keyring__takes_a_configuration_that_is_loaded(void **state)
{
    const room *self = *state;
    kk_error err = {0};
    kk_config *config = NULL;
    kk_keyring *with = NULL;
    const kk_keyring_options options = {.size = sizeof options, .home = "/none"};
    assert_ok(kk_config_load(self->dir, false, &config, &err), &err);
    assert_ok(kk_keyring_open_with(config, &options, &with, &err), &err);
    assert_ptr_equal(kk_keyring_path(with), kk_config_keyring_path(config));
    kk_keyring_close(with);
    assert_string_equal(kk_config_keyring_path(config), self->path);
    kk_config_free(config);
}

static void test_keyring__init_shows_a_new_key_once_and_never_overwrites(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    kk_secret key = {0};
    assert_ok(kk_keyring_init(self->ring, NULL, text, &err), &err);
    assert_ok(kk_key_parse(kk_str_from(text), "KK_KEY", &key, &err), &err);
    assert_ok(set_one(self->ring, "main", "token", "x", &err), &err);
    kk_keyring *other = open_ring(self);
    assert_code(kk_keyring_refresh(other, &err), KK_ERR_NEED_KEY);
    kk_keyring_listing listing;
    assert_ok(kk_keyring_list(other, &listing, &err), &err);
    assert_false(listing.verified);
    assert_int_equal(listing.count, 2);
    err = (kk_error){0};
    assert_code(kk_keyring_init(other, NULL, text, &err), KK_ERR_IO);
    assert_holds(err.message, "exists already");
    kk_keyring_close(other);
    kk_secret_clean(&key);
}

static kk_code ask_nobody(void *context, const char *prompt, char *out, size_t out_size,
                          size_t *out_len, kk_error *err)
{
    (void)prompt;
    (void)out;
    (void)out_size;
    (void)out_len;
    ++*(int *)context;
    return kk_fail(err, KK_ERR_NEED_KEY, "nobody is there");
}

// What is said is the same as where it is known before that nobody can be asked.
static void test_keyring__one_that_cannot_be_asked_after_all_is_nobody(void **state)
{
    room *self = *state;
    int asked = 0;
    kk_error said[2] = {{0}};
    char config[128];
    snprintf(config, sizeof config, "%s/config.json", self->dir);
    assert_int_equal(unlink(config), 0);
    for (int i = 0; i < 2; i++) {
        kk_keyring *ring = NULL;
        const kk_keyring_options options = {.size = sizeof options,
                                            .flags = KK_KEYRING_IGNORE_ENVIRONMENT,
                                            .home = self->dir,
                                            .ask = i == 0 ? NULL : ask_nobody,
                                            .ask_context = &asked};
        assert_ok(kk_keyring_open(&options, &ring, &said[i]), &said[i]);
        assert_code(kk_keyring_refresh(ring, &said[i]), KK_ERR_NEED_KEY);
        kk_keyring_close(ring);
    }
    assert_int_equal(asked, 1);
    assert_string_equal(said[1].message, said[0].message);
    assert_string_equal(said[1].hint, said[0].hint);
}

static void test_keyring__init_uses_a_key_file_that_is_there(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    char before[32] = "0123456789abcdef0123456789abcde";
    char after[64];
    write_bytes(self->key_path, before, sizeof before);
    assert_int_equal(chmod(self->key_path, 0600), 0);
    assert_ok(kk_keyring_init(self->ring, self->key_path, text, &err), &err);
    assert_int_equal(read_bytes(self->key_path, after, sizeof after), sizeof before);
    assert_memory_equal(before, after, sizeof before);
}

static void test_keyring__the_first_account_becomes_the_default(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_ok(set_one(self->ring, "dev", "token", "a", &err), &err);
    assert_ok(set_one(self->ring, "production", "token", "b", &err), &err);
    assert_true(has_default(self->ring, "dev"));
    assert_ok(kk_keyring_set_default(self->ring, "planetscale", "production", &err), &err);
    assert_true(has_default(self->ring, "production"));
    assert_ok(kk_keyring_remove(self->ring, "planetscale", "production", NULL, &err), &err);
    assert_true(has_default(self->ring, NULL));
    assert_value(self->ring, "dev", "token", "a");
    assert_ok(kk_keyring_set_default(self->ring, "planetscale", "dev", &err), &err);
    assert_ok(kk_keyring_set_default(self->ring, "planetscale", NULL, &err), &err);
    assert_true(has_default(self->ring, NULL));
}

static void test_keyring__removing_the_last_field_removes_the_default(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_ok(set_one(self->ring, "dev", "token", "a", &err), &err);
    assert_ok(set_one(self->ring, "dev", "id", "b", &err), &err);
    assert_ok(kk_keyring_remove(self->ring, "planetscale", "dev", "id", &err), &err);
    assert_true(has_default(self->ring, "dev"));
    assert_ok(kk_keyring_remove(self->ring, "planetscale", "dev", "token", &err), &err);
    assert_true(has_default(self->ring, NULL));
}

static void test_keyring__names_what_is_near_an_unknown_account(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_ok(set_one(self->ring, "production", "token", "a", &err), &err);
    assert_code(kk_keyring_remove(self->ring, "planetscale", "prodution", NULL, &err),
                KK_ERR_ACCOUNT_UNKNOWN);
    assert_holds(err.hint, "'production'");
    err = (kk_error){0};
    assert_code(
        kk_keyring_use(self->ring, "planetscale", "production", "tokn", compare, NULL, &err),
        KK_ERR_ACCOUNT_UNKNOWN);
    assert_holds(err.hint, "'token'");
    err = (kk_error){0};
    assert_code(kk_keyring_set_default(self->ring, "planetscal", "production", &err),
                KK_ERR_ACCOUNT_UNKNOWN);
    assert_holds(err.hint, "'planetscale'");
}

static void test_keyring__refuses_names_and_values_before_it_writes(void **state)
{
    room *self = *state;
    static char long_value[KK_KEYRING_VALUE_MAX + 1];
    memset(long_value, 'x', sizeof long_value);
    const struct {
        const char *account;
        kk_keyring_value values[2];
        size_t count;
        const char *says;
    } cases[] = {
        {"Prod", {{"token", "x", 1}}, 1, "'Prod' is not a name"},
        {"default", {{"token", "x", 1}}, 1, "reserved"},
        {"dev", {{"file", "x", 1}}, 1, "reserved"},
        {"dev", {{"a-b", "x", 1}}, 1, "for the name of a field is none"},
        {"dev", {{"token", "", 0}}, 1, "empty"},
        {"dev", {{"token", long_value, sizeof long_value}}, 1, "longer than 65536"},
        {"dev", {{"token", "x", 1}, {"token", "y", 1}}, 2, "given twice"},
        {"dev", {{"token", "x", 1}}, 0, "0 values"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_error err = {0};
        assert_code(kk_keyring_set(self->ring, "planetscale", cases[i].account, cases[i].values,
                                   cases[i].count, &err),
                    KK_ERR_INVALID_ARGS);
        assert_holds(err.message, cases[i].says);
    }
}

static void test_keyring__refuses_accounts_that_are_one_in_a_variable(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_ok(set_one(self->ring, "eu-west", "token", "a", &err), &err);
    assert_ok(set_one(self->ring, "eu-west", "token", "b", &err), &err);
    assert_code(set_one(self->ring, "eu_west", "token", "a", &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.message, "'eu-west'");
}

static void test_keyring__without_a_file_says_no_keyring(void **state)
{
    room *self = *state;
    kk_error err = {0};
    kk_keyring_listing listing;
    assert_code(kk_keyring_list(self->ring, &listing, &err), KK_ERR_NO_KEYRING);
    assert_holds(err.hint, "init");
    assert_code(set_one(self->ring, "dev", "token", "a", NULL), KK_ERR_NO_KEYRING);
    assert_code(kk_keyring_refresh(self->ring, NULL), KK_ERR_NO_KEYRING);
}

// ---- A file that is not as it should be

static void test_keyring__refuses_a_changed_file_and_leaves_it(void **state)
{
    room *self = *state;
    static char before[4096];
    static char after[4096];
    kk_error err = {0};
    assert_ok(set_one(self->ring, "dev", "token", "a", &err), &err);
    size_t len = read_bytes(self->path, before, sizeof before);
    before[len / 2] ^= 1;
    write_bytes(self->path, before, len);
    assert_code(kk_keyring_refresh(self->ring, &err), KK_ERR_CORRUPT);
    assert_holds(err.hint, ".bak");
    assert_code(set_one(self->ring, "dev", "token", "b", NULL), KK_ERR_CORRUPT);
    assert_int_equal(read_bytes(self->path, after, sizeof after), len);
    assert_memory_equal(before, after, len);
}

static void test_keyring__refuses_another_key(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char other[32] = "another key, and a valid one...";
    write_bytes(self->key_path, other, sizeof other);
    kk_keyring *ring = open_ring(self);
    assert_code(kk_keyring_refresh(ring, &err), KK_ERR_WRONG_KEY);
    assert_code(set_one(ring, "dev", "token", "b", NULL), KK_ERR_WRONG_KEY);
    kk_keyring_close(ring);
}

static void test_keyring__refuses_a_file_that_others_read(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char hint[128];
    assert_int_equal(chmod(self->path, 0644), 0);
    assert_code(kk_keyring_refresh(self->ring, &err), KK_ERR_PERMS);
    snprintf(hint, sizeof hint, "chmod 600 '%s'", self->path);
    assert_string_equal(err.hint, hint);
    assert_code(set_one(self->ring, "dev", "token", "b", NULL), KK_ERR_PERMS);
    assert_int_equal(chmod(self->path, 0600), 0);
    assert_int_equal(chmod(self->dir, 0770), 0);
    assert_code(kk_keyring_refresh(self->ring, NULL), KK_ERR_PERMS);
    assert_int_equal(chmod(self->dir, 0700), 0);
}

static void test_keyring__a_fifo_in_its_place_does_not_block(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_int_equal(unlink(self->path), 0);
    assert_int_equal(mkfifo(self->path, 0600), 0);
    assert_code(kk_keyring_refresh(self->ring, &err), KK_ERR_PERMS);
    assert_holds(err.message, "not a regular file");
}

static void test_keyring__commits_beside_the_target_of_a_link(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char target[96];
    struct stat status;
    snprintf(target, sizeof target, "%s/real.kkr", self->dir);
    assert_int_equal(rename(self->path, target), 0);
    assert_int_equal(symlink(target, self->path), 0);
    assert_ok(set_one(self->ring, "dev", "token", "b", &err), &err);
    assert_int_equal(lstat(self->path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_value(self->ring, "dev", "token", "b");
}

static void test_keyring__keeps_the_state_before_as_bak(void **state)
{
    room *self = *state;
    static char before[4096];
    static char kept[4096];
    kk_error err = {0};
    char backup[128];
    snprintf(backup, sizeof backup, "%s.bak", self->path);
    assert_int_equal(access(backup, F_OK), -1);
    size_t len = read_bytes(self->path, before, sizeof before);
    assert_ok(set_one(self->ring, "dev", "token", "b", &err), &err);
    assert_int_equal(read_bytes(backup, kept, sizeof kept), len);
    assert_memory_equal(before, kept, len);
}

// ---- Several processes

static void test_keyring__says_who_holds_the_lock(void **state)
{
    room *self = *state;
    kk_error err = {0};
    int ready[2];
    char lock[128];
    char byte = 0;
    char wanted[32];
    snprintf(lock, sizeof lock, "%s/%s", self->dir, KK_KEYRING_LOCK_NAME);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char text[24];
        int fd = open(lock, O_RDWR);
        int len = snprintf(text, sizeof text, "%-20ld\n", (long)getpid());
        bool held = flock(fd, LOCK_EX) == 0 && write(fd, text, (size_t)len) == len &&
                    write(ready[1], "x", 1) == 1;
        for (;;) {
            if (!held) {
                _exit(1);
            }
            pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kk_secret key = {0};
    bool absent = false;
    kk_keyring_store store = {.io = &kk_io_system, .path = self->path, .lock_wait_ms = 50};
    assert_ok(kk_key_file_read(&kk_io_system, self->key_path, &key, &absent, &err), &err);
    assert_code(kk_keyring_file_commit(&store, &key, false, NULL, NULL, &err), KK_ERR_LOCKED);
    snprintf(wanted, sizeof wanted, "the process %ld has", (long)child);
    assert_holds(err.message, wanted);
    assert_true(err.retryable);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    kk_secret_clean(&key);
    // The kernel has let go of the lock with the process.
    assert_ok(set_one(self->ring, "dev", "token", "b", NULL), &err);
}

static int write_many(const room *self, int number)
{
    kk_keyring *ring = open_ring(self);
    for (int i = 0; i < SETS; i++) {
        char field[32];
        kk_error err = {0};
        snprintf(field, sizeof field, "f%d_%d", number, i);
        if (set_one(ring, "dev", field, field, &err) != KK_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
    }
    kk_keyring_close(ring);
    return 0;
}

static void test_keyring__writers_lose_nothing_and_readers_never_fail(void **state)
{
    room *self = *state;
    kk_error err = {0};
    pid_t children[WRITERS];
    int running = WRITERS;
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(write_many(self, i));
        }
    }
    uint64_t generation = 0;
    size_t reads = 0;
    while (running > 0) {
        kk_keyring_listing listing;
        assert_ok(kk_keyring_refresh(self->ring, &err), &err);
        assert_ok(kk_keyring_list(self->ring, &listing, &err), &err);
        assert_true(listing.generation >= generation);
        generation = listing.generation;
        reads++;
        for (int i = 0; i < WRITERS; i++) {
            int status = 0;
            if (children[i] > 0 && waitpid(children[i], &status, WNOHANG) == children[i]) {
                assert_int_equal(status, 0);
                children[i] = 0;
                running--;
            }
        }
    }
    kk_keyring_listing listing;
    assert_ok(kk_keyring_refresh(self->ring, &err), &err);
    assert_ok(kk_keyring_list(self->ring, &listing, &err), &err);
    assert_int_equal(listing.count, WRITERS * SETS + 1);
    assert_int_equal(listing.generation, WRITERS * SETS + 1);
    assert_true(reads > 0);
    assert_value(self->ring, "dev", "f7_19", "f7_19");
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define IN_EMPTY_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up_empty, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring__stores_lends_and_lists),
        IN_EMPTY_ROOM(test_keyring__takes_a_configuration_that_is_loaded),
        IN_EMPTY_ROOM(test_keyring__init_shows_a_new_key_once_and_never_overwrites),
        IN_ROOM(test_keyring__one_that_cannot_be_asked_after_all_is_nobody),
        IN_EMPTY_ROOM(test_keyring__init_uses_a_key_file_that_is_there),
        IN_ROOM(test_keyring__the_first_account_becomes_the_default),
        IN_ROOM(test_keyring__removing_the_last_field_removes_the_default),
        IN_ROOM(test_keyring__names_what_is_near_an_unknown_account),
        IN_ROOM(test_keyring__refuses_names_and_values_before_it_writes),
        IN_ROOM(test_keyring__refuses_accounts_that_are_one_in_a_variable),
        IN_EMPTY_ROOM(test_keyring__without_a_file_says_no_keyring),
        IN_ROOM(test_keyring__refuses_a_changed_file_and_leaves_it),
        IN_ROOM(test_keyring__refuses_another_key),
        IN_ROOM(test_keyring__refuses_a_file_that_others_read),
        IN_ROOM(test_keyring__a_fifo_in_its_place_does_not_block),
        IN_ROOM(test_keyring__commits_beside_the_target_of_a_link),
        IN_ROOM(test_keyring__keeps_the_state_before_as_bak),
        IN_ROOM(test_keyring__says_who_holds_the_lock),
        IN_ROOM(test_keyring__writers_lose_nothing_and_readers_never_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
