// A keyring under calls that can be made to fail.
#include "fault_room.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

fault_plan faults;

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

kk_code fault_room_edit_nothing(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                                kk_error *err)
{
    (void)context, (void)ring, (void)keys, (void)err;
    *changed = true;
    return KK_OK;
}

kk_code fault_room_edit_value(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                              kk_error *err)
{
    kk_keyring_value value = {"token", context, strlen(context)};
    *changed = true;
    return kk_kring_set(ring, keys, "planetscale", "dev", &value, 1, 1, err);
}

kk_code fault_room_commit(const fault_room *self, const char *text, kk_error *err)
{
    return kk_keyring_file_commit(&self->store, &self->key, false, fault_room_edit_value,
                                  (void *)(uintptr_t)text, err);
}

int fault_room_set_up(void **state)
{
    kk_error err = {0};
    fault_room *self = calloc(1, sizeof *self);
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
    assert_ok(
        kk_keyring_file_commit(&self->store, &self->key, true, fault_room_edit_nothing, NULL, &err),
        &err);
    assert_ok(fault_room_commit(self, "old", &err), &err);
    *state = self;
    return 0;
}

// Removes what is in the directory, and returns how many temporary files there were.
int fault_room_empty(const fault_room *self, bool remove_all)
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

int fault_room_tear_down(void **state)
{
    fault_room *self = *state;
    fault_room_empty(self, true);
    assert_int_equal(rmdir(self->dir), 0);
    kk_secret_clean(&self->key);
    free(self);
    return 0;
}

size_t fault_room_read(const fault_room *self, char *out)
{
    FILE *file = fopen(self->path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, FAULT_FILE_MAX, file);
    fclose(file);
    return len;
}

void fault_room_assert(const fault_room *self, const char *wanted)
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
