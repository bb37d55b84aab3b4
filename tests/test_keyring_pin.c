// The pin: an old copy of the keyring that is put back is noticed, and only what is old.
#include "keyring_file.h"
#include "keyring_pin.h"
#include "unit.h"
#include <fcntl.h>
#include <kk/keyring.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES_MAX = 8192 };

// What a file held.
typedef struct copy {
    char bytes[BYTES_MAX];
    size_t len;
} copy;

typedef struct room {
    char dir[64];
    char key[96];
    char ring_path[96];
    char pin_path[96];
    copy old_ring; // generation 2, "old"
    copy old_pin;
    kk_keyring *ring;
} room;

static void take(const char *path, copy *out)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    out->len = fread(out->bytes, 1, sizeof out->bytes, file);
    assert_true(out->len > 0 && out->len < sizeof out->bytes);
    fclose(file);
}

static void put(const char *path, const copy *what)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, what->bytes, what->len), what->len);
    assert_int_equal(close(fd), 0);
}

static kk_keyring *open_ring(const char *home)
{
    kk_error err = {0};
    kk_keyring *ring = NULL;
    kk_keyring_options options = {
        .size = sizeof options, .flags = KK_KEYRING_IGNORE_ENVIRONMENT, .home = home};
    assert_ok(kk_keyring_open(&options, &ring, &err), &err);
    return ring;
}

static kk_code set(kk_keyring *ring, const char *text, kk_error *err)
{
    kk_keyring_value value = {"token", text, strlen(text)};
    *err = (kk_error){0};
    return kk_keyring_set(ring, "planetscale", "dev", &value, 1, err);
}

static kk_code refresh(room *self, kk_error *err)
{
    *err = (kk_error){0};
    kk_keyring_forget(self->ring);
    return kk_keyring_refresh(self->ring, err);
}

static uint64_t generation(room *self)
{
    kk_error err = {0};
    kk_keyring_listing listing;
    assert_ok(kk_keyring_list(self->ring, &listing, &err), &err);
    return listing.generation;
}

static int set_up(void **state)
{
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    strncpy(self->dir, "/tmp/kk-pin-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    snprintf(self->key, sizeof self->key, "%s/key", self->dir);
    snprintf(self->ring_path, sizeof self->ring_path, "%s/keyring.kkr", self->dir);
    snprintf(self->pin_path, sizeof self->pin_path, "%s/keyring.pin", self->dir);
    self->ring = open_ring(self->dir);
    assert_ok(kk_keyring_init(self->ring, self->key, text, &err), &err);
    assert_ok(set(self->ring, "old", &err), &err);
    take(self->ring_path, &self->old_ring);
    take(self->pin_path, &self->old_pin);
    assert_ok(set(self->ring, "new", &err), &err);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"key",          "keyring.kkr", "keyring.kkr.bak",
                                        "keyring.lock", "keyring.pin", "config.json"};
    room *self = *state;
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", self->dir, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(self->dir), 0);
    kk_keyring_close(self->ring);
    free(self);
    return 0;
}

// No function but ack works on the keyring, and none changes it.
static void assert_refused(room *self, kk_code wanted)
{
    kk_error err = {0};
    kk_keyring_listing listing;
    copy before;
    copy after;
    take(self->ring_path, &before);
    assert_code(refresh(self, &err), wanted);
    assert_holds(err.hint, "kk keyring ack");
    assert_code(set(self->ring, "other", &err), wanted);
    assert_holds(err.hint, "kk keyring ack");
    err = (kk_error){0};
    assert_code(kk_keyring_list(self->ring, &listing, &err), wanted);
    take(self->ring_path, &after);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.bytes, after.bytes, before.len);
}

static void assert_ack(room *self, uint64_t seen, uint64_t accepted)
{
    kk_error err = {0};
    uint64_t found_seen = 77;
    uint64_t found_accepted = 77;
    assert_ok(kk_keyring_ack(self->ring, &found_seen, &found_accepted, &err), &err);
    assert_int_equal(found_seen, seen);
    assert_int_equal(found_accepted, accepted);
    assert_ok(refresh(self, &err), &err);
    assert_ok(set(self->ring, "after", &err), &err);
    assert_int_equal(generation(self), accepted + 1);
}

static void test_keyring_pin__an_old_copy_is_a_rollback_until_it_is_accepted(void **state)
{
    room *self = *state;
    assert_int_equal(generation(self), 3);
    put(self->ring_path, &self->old_ring);
    assert_refused(self, KK_ERR_ROLLBACK);
    assert_ack(self, 3, 2);
}

static void test_keyring_pin__other_content_of_the_same_generation_is_a_fork(void **state)
{
    room *self = *state;
    kk_error err = {0};
    copy pin;
    take(self->pin_path, &pin);
    put(self->ring_path, &self->old_ring);
    put(self->pin_path, &self->old_pin);
    assert_ok(set(self->ring, "elsewhere", &err), &err);
    put(self->pin_path, &pin);
    assert_refused(self, KK_ERR_FORK);
    assert_ack(self, 3, 3);
}

// Another keyring under the same key, such as one that was given up, is none of ours.
static void test_keyring_pin__another_keyring_is_a_fork_and_init_begins_anew(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    copy given_up;
    take(self->ring_path, &given_up);
    assert_int_equal(unlink(self->ring_path), 0);
    assert_ok(kk_keyring_init(self->ring, self->key, text, &err), &err);
    assert_ok(refresh(self, &err), &err);
    put(self->ring_path, &given_up);
    assert_refused(self, KK_ERR_FORK);
    assert_ack(self, 1, 3);
}

static void test_keyring_pin__an_older_pin_and_none_let_pass(void **state)
{
    room *self = *state;
    kk_error err = {0};
    put(self->pin_path, &self->old_pin);
    assert_ok(refresh(self, &err), &err);
    assert_int_equal(unlink(self->pin_path), 0);
    assert_ok(refresh(self, &err), &err);
    // Reading writes nothing.
    assert_int_equal(access(self->pin_path, F_OK), -1);
    assert_ack(self, 0, 3);
    assert_int_equal(access(self->pin_path, F_OK), 0);
}

static void test_keyring_pin__a_changed_pin_is_tampered(void **state)
{
    room *self = *state;
    copy pin;
    take(self->pin_path, &pin);
    assert_int_equal(pin.len, KK_PIN_SIZE);
    pin.bytes[32] = 1; // the generation
    put(self->pin_path, &pin);
    assert_refused(self, KK_ERR_TAMPERED);
    assert_ack(self, 1, 3);
}

// Bytes that are cut or of another shape, as a power loss may leave, say nothing.
static void test_keyring_pin__what_a_power_loss_leaves_lets_pass(void **state)
{
    room *self = *state;
    kk_error err = {0};
    copy pin;
    take(self->pin_path, &pin);
    for (size_t len = 1; len < KK_PIN_SIZE; len++) {
        copy cut = pin;
        cut.len = len;
        put(self->pin_path, &cut);
        assert_ok(refresh(self, &err), &err);
    }
    memset(pin.bytes, 0, sizeof pin.bytes);
    put(self->pin_path, &pin);
    assert_ok(refresh(self, &err), &err);
    pin.len = 0;
    put(self->pin_path, &pin);
    assert_ok(refresh(self, &err), &err);
    assert_ok(set(self->ring, "newer", &err), &err);
    put(self->ring_path, &self->old_ring);
    assert_refused(self, KK_ERR_ROLLBACK);
}

// A pin sealed under another data key cannot be verified; it is compared all the same.
static void test_keyring_pin__a_copy_from_before_a_new_data_key_is_a_rollback(void **state)
{
    room *self = *state;
    copy pin;
    take(self->pin_path, &pin);
    pin.bytes[24] = 2; // the epoch
    memset(pin.bytes + KK_PIN_SEALED_SIZE, 7, KK_KRING_MAC_SIZE);
    put(self->pin_path, &pin);
    assert_refused(self, KK_ERR_ROLLBACK);
}

static void test_keyring_pin__a_pin_that_others_write_is_refused(void **state)
{
    room *self = *state;
    kk_error err = {0};
    assert_int_equal(chmod(self->pin_path, 0620), 0);
    assert_code(refresh(self, &err), KK_ERR_PERMS);
    assert_holds(err.hint, "chmod 600");
    assert_holds(err.hint, "keyring.pin");
    assert_int_equal(chmod(self->pin_path, 0600), 0);
    assert_ok(refresh(self, &err), &err);
    assert_int_equal(unlink(self->pin_path), 0);
    assert_int_equal(mkdir(self->pin_path, 0700), 0);
    assert_code(refresh(self, &err), KK_ERR_PERMS);
    assert_int_equal(rmdir(self->pin_path), 0);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_pin__an_old_copy_is_a_rollback_until_it_is_accepted),
        IN_ROOM(test_keyring_pin__other_content_of_the_same_generation_is_a_fork),
        IN_ROOM(test_keyring_pin__another_keyring_is_a_fork_and_init_begins_anew),
        IN_ROOM(test_keyring_pin__an_older_pin_and_none_let_pass),
        IN_ROOM(test_keyring_pin__a_changed_pin_is_tampered),
        IN_ROOM(test_keyring_pin__what_a_power_loss_leaves_lets_pass),
        IN_ROOM(test_keyring_pin__a_copy_from_before_a_new_data_key_is_a_rollback),
        IN_ROOM(test_keyring_pin__a_pin_that_others_write_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
