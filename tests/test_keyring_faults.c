// A commit of which one system call fails: the old file stays whole, or the new one is in force.
#include "keyring_edit.h"
#include "keyring_file.h"
#include "unit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 8192, CALLS_MAX = 400, TRACE_MAX = 256 };

// What the wrapped calls do.  The nth call from now fails with `number`; 0 = none does.
static struct {
    int countdown;
    int number;
    bool hit;
    bool kept; // a file could not be removed
    bool short_writes;
    char trace[TRACE_MAX]; // w = write, f = fsync of a file, d = fsync of a directory, r = rename
    size_t traced;
} faults;

static bool fails(void)
{
    if (faults.countdown == 0 || --faults.countdown > 0) {
        return false;
    }
    faults.hit = true;
    errno = faults.number;
    return true;
}

static void trace(char what)
{
    if (faults.traced + 1 < sizeof faults.trace) {
        faults.trace[faults.traced++] = what;
        faults.trace[faults.traced] = '\0';
    }
}

static int faulty_open(int dir, const char *name, int flags, mode_t mode)
{
    return fails() ? -1 : kk_io_system.open(dir, name, flags, mode);
}

static int faulty_stat(int fd, struct stat *out)
{
    return fails() ? -1 : kk_io_system.stat(fd, out);
}

static ssize_t faulty_read(int fd, void *bytes, size_t len)
{
    return fails() ? -1 : kk_io_system.read(fd, bytes, len);
}

static ssize_t faulty_write(int fd, const void *bytes, size_t len)
{
    trace('w');
    return fails() ? -1 : kk_io_system.write(fd, bytes, faults.short_writes && len > 1 ? 1 : len);
}

static int faulty_chmod(int fd, mode_t mode)
{
    return fails() ? -1 : kk_io_system.chmod(fd, mode);
}

static int faulty_sync(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    trace(S_ISDIR(status.st_mode) ? 'd' : 'f');
    return fails() ? -1 : kk_io_system.sync(fd);
}

static int faulty_close(int fd)
{
    bool failed = fails();
    int number = errno;
    int result = kk_io_system.close(fd);
    errno = number;
    return failed ? -1 : result;
}

static int faulty_rename(int dir, const char *from, const char *to)
{
    trace('r');
    return fails() ? -1 : kk_io_system.rename(dir, from, to);
}

static int faulty_lock(int fd, int operation)
{
    return fails() ? -1 : kk_io_system.lock(fd, operation);
}

static int faulty_link(int dir, const char *from, const char *to)
{
    return fails() ? -1 : kk_io_system.link(dir, from, to);
}

static int faulty_publish(int fd, int dir, const char *name)
{
    return fails() ? -1 : kk_io_system.publish(fd, dir, name);
}

static int faulty_unlink(int dir, const char *name)
{
    bool failed = fails();
    faults.kept = faults.kept || failed;
    return failed ? -1 : kk_io_system.unlink(dir, name);
}

static kk_io faulty_io(void)
{
    kk_io io = kk_io_system;
    io.open = faulty_open;
    io.stat = faulty_stat;
    io.read = faulty_read;
    io.write = faulty_write;
    io.chmod = faulty_chmod;
    io.sync = faulty_sync;
    io.close = faulty_close;
    io.rename = faulty_rename;
    io.lock = faulty_lock;
    io.link = faulty_link;
    io.publish = faulty_publish;
    io.unlink = faulty_unlink;
    return io;
}

typedef struct room {
    char dir[64];
    char path[96];
    char pin_path[96];
    kk_io io;
    kk_secret key;
    kk_keyring_store store;
} room;

static kk_code edit_nothing(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                            kk_error *err)
{
    (void)context, (void)ring, (void)keys, (void)err;
    *changed = true;
    return KK_OK;
}

static kk_code edit_value(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    kk_keyring_value value = {"token", context, strlen(context)};
    *changed = true;
    return kk_kring_set(ring, keys, "planetscale", "dev", &value, 1, 1, err);
}

static kk_code commit_text(const room *self, const char *text, kk_error *err)
{
    return kk_keyring_file_commit(&self->store, &self->key, false, edit_value,
                                  (void *)(uintptr_t)text, err);
}

static int set_up(void **state)
{
    kk_error err = {0};
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    memset(&faults, 0, sizeof faults);
    strncpy(self->dir, "/tmp/kk-fault-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    snprintf(self->path, sizeof self->path, "%s/keyring.kkr", self->dir);
    snprintf(self->pin_path, sizeof self->pin_path, "%s/keyring.pin", self->dir);
    self->io = faulty_io();
    self->store = (kk_keyring_store){
        .io = &self->io, .path = self->path, .pin_path = self->pin_path, .lock_wait_ms = 1000};
    assert_ok(kk_secret_make(&self->key, KK_KRING_KEY_SIZE, &err), &err);
    kk_random(self->key.ptr, KK_KRING_KEY_SIZE);
    self->key.len = KK_KRING_KEY_SIZE;
    assert_ok(kk_keyring_file_commit(&self->store, &self->key, true, edit_nothing, NULL, &err),
              &err);
    assert_ok(commit_text(self, "old", &err), &err);
    *state = self;
    return 0;
}

// Removes what is in the directory, and returns how many temporary files there were.
static int empty_dir(const room *self, bool remove_all)
{
    char path[400];
    int temps = 0;
    DIR *dir = opendir(self->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        temps += strncmp(entry->d_name, KK_KEYRING_TEMP_PREFIX, 9) == 0;
        snprintf(path, sizeof path, "%s/%s", self->dir, entry->d_name);
        if (remove_all) {
            unlink(path);
        }
    }
    closedir(dir);
    return temps;
}

static int tear_down(void **state)
{
    room *self = *state;
    empty_dir(self, true);
    assert_int_equal(rmdir(self->dir), 0);
    kk_secret_clean(&self->key);
    free(self);
    return 0;
}

static size_t read_file(const room *self, char *out)
{
    FILE *file = fopen(self->path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, FILE_MAX, file);
    fclose(file);
    return len;
}

static void assert_text(const room *self, const char *wanted)
{
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret value = {0};
    kk_keyring_store store = {.io = &kk_io_system, .path = self->path};
    kk_kring_name name = {KK_KRING_VALUE, KK_STR("planetscale"), KK_STR("dev"), KK_STR("token")};
    assert_ok(kk_keyring_file_read(&store, &self->key, &ring, &keys, &err), &err);
    const kk_kring_record *record = kk_kring_find(&ring, &name);
    assert_non_null(record);
    assert_ok(kk_kring_open_value(&ring, &keys, record, &value, &err), &err);
    assert_string_equal((const char *)value.ptr, wanted);
    kk_secret_clean(&value);
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

// ---- One call fails, each in turn, of every operation

// What a room holds: "" without a keyring, else its records, with a '*' at the default.
static void describe(const room *self, char *out, size_t size)
{
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_keyring_store store = {.io = &kk_io_system, .path = self->path, .pin_path = self->pin_path};
    out[0] = '\0';
    kk_code code = kk_keyring_file_read(&store, &self->key, &ring, &keys, &err);
    if (code == KK_ERR_NO_KEYRING || code == KK_ERR_ROLLBACK) {
        snprintf(out, size, "%s", code == KK_ERR_ROLLBACK ? "rollback" : "");
        return;
    }
    assert_ok(code, &err);
    size_t len = (size_t)snprintf(out, size, "keyring");
    for (size_t i = 0; i < ring.record_count; i++) {
        const kk_kring_record *record = &ring.records[i];
        kk_secret value = {0};
        if (record->name.kind == KK_KRING_VALUE) {
            assert_ok(kk_kring_open_value(&ring, &keys, record, &value, &err), &err);
        }
        len += (size_t)snprintf(out + len, size - len, " %.*s=%s", (int)record->name.account.len,
                                record->name.account.ptr,
                                value.ptr != NULL ? (const char *)value.ptr : "*");
        kk_secret_clean(&value);
    }
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

static kk_code edit_remove(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                           kk_error *err)
{
    (void)context, (void)keys;
    *changed = true;
    return kk_kring_remove(ring, "planetscale", "dev", NULL, err);
}

static kk_code edit_point(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    (void)context, (void)keys;
    return kk_kring_point(ring, "planetscale", "other", 1, changed, err);
}

static kk_code edit_other(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                          kk_error *err)
{
    (void)context;
    kk_keyring_value value = {"token", "other", 5};
    *changed = true;
    return kk_kring_set(ring, keys, "planetscale", "other", &value, 1, 1, err);
}

static kk_code edit_old(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    (void)context;
    kk_code code = edit_value((void *)(uintptr_t) "old", ring, keys, changed, err);
    return code == KK_OK ? edit_other(NULL, ring, keys, changed, err) : code;
}

static kk_code edit_new(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    (void)context;
    return edit_value((void *)(uintptr_t) "new", ring, keys, changed, err);
}

typedef struct operation {
    const char *name;
    const char *before;
    const char *after;
    kk_keyring_edit_fn edit; // NULL = accept the copy of before
    bool create;
    int refused_min; // how many of its calls can stop it
} operation;

static const operation operations[] = {
    {"init", "", "keyring", edit_nothing, true, 15},
    {"set", "keyring dev=old other=other dev=*", "keyring dev=new other=other dev=*", edit_new,
     false, 20},
    {"rm", "keyring dev=old other=other dev=*", "keyring other=other", edit_remove, false, 20},
    {"default", "keyring dev=old other=other dev=*", "keyring dev=old other=other other=*",
     edit_point, false, 20},
    {"ack", "rollback", "keyring dev=old other=other dev=*", NULL, false, 8},
};

static kk_code do_operation(const room *self, const operation *what, kk_error *err)
{
    uint64_t seen;
    uint64_t accepted;
    return what->edit != NULL
               ? kk_keyring_file_commit(&self->store, &self->key, what->create, what->edit, NULL,
                                        err)
               : kk_keyring_file_accept(&self->store, &self->key, &seen, &accepted, err);
}

// Brings a room to where the operation begins.
static void prepare(const room *self, const operation *what)
{
    static char copy[FILE_MAX];
    char text[256];
    kk_error err = {0};
    empty_dir(self, true);
    if (!what->create) {
        assert_ok(kk_keyring_file_commit(&self->store, &self->key, true, edit_old, NULL, &err),
                  &err);
    }
    if (what->edit == NULL) {
        size_t len = read_file(self, copy);
        assert_ok(commit_text(self, "new", &err), &err);
        FILE *file = fopen(self->path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(copy, 1, len, file), len);
        assert_int_equal(fclose(file), 0);
    }
    describe(self, text, sizeof text);
    assert_string_equal(text, what->before);
}

static kk_code code_of(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return KK_ERR_NO_SPACE;
    case EROFS:
        return KK_ERR_READ_ONLY;
    default:
        return KK_ERR_IO;
    }
}

// After a fault: the old state or the new one, as the code says, and nothing in the way.
static void check_after(const room *self, const operation *what, kk_code code, int number)
{
    char text[256];
    bool made = code == KK_OK || code == KK_ERR_DURABILITY;
    if (!made) {
        assert_code(code, code_of(number));
    }
    describe(self, text, sizeof text);
    assert_string_equal(text, made ? what->after : what->before);
    assert_true(faults.kept || empty_dir(self, false) == 0);
    kk_error err = {0};
    if (!made) {
        assert_ok(do_operation(self, what, &err), &err);
        describe(self, text, sizeof text);
        assert_string_equal(text, what->after);
        assert_true(what->edit == NULL || empty_dir(self, false) == 0);
    }
}

// Fails every call of an operation in turn.
static void sweep_operation(room *self, const operation *what, int number)
{
    int refused = 0;
    for (int nth = 1; nth < CALLS_MAX; nth++) {
        kk_error err = {0};
        prepare(self, what);
        faults.countdown = nth;
        faults.number = number;
        faults.hit = false;
        faults.kept = false;
        kk_code code = do_operation(self, what, &err);
        faults.countdown = 0;
        if (!faults.hit) {
            assert_ok(code, &err);
            if (refused < what->refused_min && number != EINTR) {
                fail_msg("%s was refused %d times alone", what->name, refused);
            }
            return;
        }
        check_after(self, what, code, number);
        refused += code != KK_OK;
    }
    fail_msg("%s makes too many calls", what->name);
}

static void sweep_all(void **state, int number)
{
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        sweep_operation(*state, &operations[i], number);
    }
}

#define FAULT_TEST(name, number)                                                                   \
    static void test_keyring_faults__##name##_leaves_old_or_new(void **state)                      \
    {                                                                                              \
        sweep_all(state, number);                                                                  \
    }

FAULT_TEST(a_failing_disk, EIO)
FAULT_TEST(a_full_disk, ENOSPC)
FAULT_TEST(a_full_quota, EDQUOT)
FAULT_TEST(a_read_only_disk, EROFS)
FAULT_TEST(a_signal, EINTR)
FAULT_TEST(a_full_table_of_files, EMFILE)
FAULT_TEST(a_lack_of_memory, ENOMEM)
FAULT_TEST(a_lack_of_rights, EACCES)

static void test_keyring_faults__short_and_interrupted_writes_are_continued(void **state)
{
    room *self = *state;
    kk_error err = {0};
    faults.short_writes = true;
    assert_ok(commit_text(self, "new", &err), &err);
    assert_text(self, "new");
    assert_true(faults.traced + 1 == sizeof faults.trace);
}

// Claims to have written, and has written something else.
static ssize_t lying_write(int fd, const void *bytes, size_t len)
{
    char changed[FILE_MAX];
    assert_true(len > 0 && len <= sizeof changed);
    memcpy(changed, bytes, len);
    changed[len - 1] ^= 1;
    return kk_io_system.write(fd, changed, len);
}

static void test_keyring_faults__reads_back_what_it_wrote_before_it_replaces(void **state)
{
    room *self = *state;
    kk_error err = {0};
    self->io.write = lying_write;
    assert_code(commit_text(self, "new", &err), KK_ERR_IO);
    assert_holds(err.message, "not what was written");
    assert_text(self, "old");
    assert_int_equal(empty_dir(self, false), 0);
}

// ---- The order of what reaches the disk

static void test_keyring_faults__files_are_synced_before_and_the_directory_after(void **state)
{
    room *self = *state;
    kk_error err = {0};
    faults.traced = 0;
    assert_ok(commit_text(self, "new", &err), &err);
    // The note of the holder; the new file; the copy of the old one; the new name; the pin.
    assert_string_equal(faults.trace, "wwfwfrrdwr");
}

static void test_keyring_faults__a_directory_that_is_not_synced_is_durability(void **state)
{
    room *self = *state;
    kk_error err = {0};
    for (int nth = 1; nth < CALLS_MAX; nth++) {
        faults.traced = 0;
        faults.trace[0] = '\0';
        faults.countdown = nth;
        faults.number = EIO;
        faults.hit = false;
        err = (kk_error){0};
        kk_code code = commit_text(self, "new", &err);
        faults.countdown = 0;
        if (code == KK_ERR_DURABILITY) {
            assert_int_equal(faults.trace[faults.traced - 1], 'd');
            assert_text(self, "new");
            return;
        }
        assert_true(faults.hit);
    }
    fail_msg("no call gave durability");
}

// ---- Others at work

static void test_keyring_faults__removes_what_a_killed_writer_left(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char path[160];
    snprintf(path, sizeof path, "%s/%s1.00", self->dir, KK_KEYRING_TEMP_PREFIX);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(empty_dir(self, false), 1);
    assert_ok(commit_text(self, "new", &err), &err);
    assert_int_equal(empty_dir(self, false), 0);
}

// A writer without the lock, that commits whenever the other is about to: `rivals` times.
static struct {
    room *self;
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
        assert_ok(commit_text(rivalry.self, "rival", &err), &err);
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
    room *self = *state;
    kk_error err = {0};
    self->io.lock = no_lock;
    self->io.rename = rival_rename;
    rivalry.self = self;
    rivalry.rivals = 2;
    assert_ok(commit_text(self, "new", &err), &err);
    assert_text(self, "new");
    kk_kring ring = {0};
    assert_ok(kk_keyring_file_read(&self->store, NULL, &ring, NULL, &err), &err);
    assert_int_equal(ring.generation, 2 + 2 + 1);
    kk_kring_clean(&ring);
    rivalry.rivals = 100;
    assert_code(commit_text(self, "newer", &err), KK_ERR_KEYRING_CONFLICT);
    rivalry.rivals = 0;
    assert_text(self, "rival");
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_faults__a_failing_disk_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_full_disk_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_full_quota_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_read_only_disk_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_signal_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_full_table_of_files_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_lack_of_memory_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__a_lack_of_rights_leaves_old_or_new),
        IN_ROOM(test_keyring_faults__short_and_interrupted_writes_are_continued),
        IN_ROOM(test_keyring_faults__reads_back_what_it_wrote_before_it_replaces),
        IN_ROOM(test_keyring_faults__files_are_synced_before_and_the_directory_after),
        IN_ROOM(test_keyring_faults__a_directory_that_is_not_synced_is_durability),
        IN_ROOM(test_keyring_faults__removes_what_a_killed_writer_left),
        IN_ROOM(test_keyring_faults__a_lock_that_does_not_lock_loses_no_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
