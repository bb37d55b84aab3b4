// How a commit goes to the disk, and what it does about others that are at work.
#include "fault_room.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_keyring_faults__short_and_interrupted_writes_are_continued(void **state)
{
    fault_room *self = *state;
    kk_error err = {0};
    faults.short_writes = true;
    assert_ok(fault_room_commit(self, "new", &err), &err);
    fault_room_assert(self, "new");
    assert_true(faults.traced + 1 == sizeof faults.trace);
}

// Claims to have written, and has written something else.
static ssize_t lying_write(int fd, const void *bytes, size_t len)
{
    char changed[FAULT_FILE_MAX];
    assert_true(len > 0 && len <= sizeof changed);
    memcpy(changed, bytes, len);
    changed[len - 1] ^= 1;
    return kk_io_system.write(fd, changed, len);
}

static void test_keyring_faults__reads_back_what_it_wrote_before_it_replaces(void **state)
{
    fault_room *self = *state;
    kk_error err = {0};
    self->io.write = lying_write;
    assert_code(fault_room_commit(self, "new", &err), KK_ERR_IO);
    assert_holds(err.message, "not what was written");
    fault_room_assert(self, "old");
    assert_int_equal(fault_room_empty(self, false), 0);
}

// ---- The order of what reaches the disk

static void test_keyring_faults__files_are_synced_before_and_the_directory_after(void **state)
{
    fault_room *self = *state;
    kk_error err = {0};
    faults.traced = 0;
    assert_ok(fault_room_commit(self, "new", &err), &err);
    // The note of the holder; the new file; the copy of the old one; the new name; the pin.
    assert_string_equal(faults.trace, "wwfwfrrdwr");
}

static void test_keyring_faults__a_directory_that_is_not_synced_is_durability(void **state)
{
    fault_room *self = *state;
    kk_error err = {0};
    for (int nth = 1; nth < FAULT_CALLS_MAX; nth++) {
        faults.traced = 0;
        faults.trace[0] = '\0';
        faults.countdown = nth;
        faults.number = EIO;
        faults.hit = false;
        err = (kk_error){0};
        kk_code code = fault_room_commit(self, "new", &err);
        faults.countdown = 0;
        if (code == KK_ERR_DURABILITY) {
            assert_int_equal(faults.trace[faults.traced - 1], 'd');
            fault_room_assert(self, "new");
            return;
        }
        assert_true(faults.hit);
    }
    fail_msg("no call gave durability");
}

// ---- Others at work

static void test_keyring_faults__removes_what_a_killed_writer_left(void **state)
{
    fault_room *self = *state;
    kk_error err = {0};
    char path[160];
    snprintf(path, sizeof path, "%s/%s1.00", self->dir, KK_KEYRING_TEMP_PREFIX);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(fault_room_empty(self, false), 1);
    assert_ok(fault_room_commit(self, "new", &err), &err);
    assert_int_equal(fault_room_empty(self, false), 0);
}

// A writer without the lock, that commits whenever the other is about to: `rivals` times.
static struct {
    fault_room *self;
    int rivals;
    bool inside;
} rivalry;

static int rival_rename(int dir, const char *from, const char *to)
{
    int result = kk_io_system.rename(dir, from, to);
    if (rivalry.rivals > 0 && !rivalry.inside && strstr(to, ".bak") != NULL) {
        rivalry.rivals--;
        rivalry.inside = true;
        kk_error err = {0};
        assert_ok(fault_room_commit(rivalry.self, "rival", &err), &err);
        rivalry.inside = false;
    }
    return result;
}

static int no_lock(int fd, int how)
{
    (void)fd, (void)how;
    return 0;
}

static void test_keyring_faults__a_lock_that_does_not_lock_loses_no_commit(void **state)
{
    fault_room *self = *state;
    kk_error err = {0};
    self->io.lock = no_lock;
    self->io.rename = rival_rename;
    rivalry.self = self;
    rivalry.rivals = 2;
    assert_ok(fault_room_commit(self, "new", &err), &err);
    fault_room_assert(self, "new");
    kk_kring ring = {0};
    assert_ok(kk_keyring_file_read(&self->store, NULL, &ring, NULL, &err), &err);
    assert_int_equal(ring.generation, 2 + 2 + 1);
    kk_kring_clean(&ring);
    rivalry.rivals = 100;
    assert_code(fault_room_commit(self, "newer", &err), KK_ERR_KEYRING_CONFLICT);
    rivalry.rivals = 0;
    fault_room_assert(self, "rival");
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, fault_room_set_up, fault_room_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_faults__short_and_interrupted_writes_are_continued),
        IN_ROOM(test_keyring_faults__reads_back_what_it_wrote_before_it_replaces),
        IN_ROOM(test_keyring_faults__files_are_synced_before_and_the_directory_after),
        IN_ROOM(test_keyring_faults__a_directory_that_is_not_synced_is_durability),
        IN_ROOM(test_keyring_faults__removes_what_a_killed_writer_left),
        IN_ROOM(test_keyring_faults__a_lock_that_does_not_lock_loses_no_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
