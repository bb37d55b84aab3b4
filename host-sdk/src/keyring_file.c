// The keyring's file: reading and the commit.
#include "keyring_file.h"
#include "fail.h"
#include "keyring_pin.h"
#include "time_source.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { LOST_RACES_MAX = 5, LOCK_POLL_MS = 10 };

// ---- Reading

static kk_code fail_absent(const kk_keyring_store *self, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_NO_KEYRING, "there is no keyring '%s'", self->path);
    kk_fail_hint(err, "make one with 'kk keyring init'");
    return code;
}

static kk_code read_open(const kk_io *io, int fd, const char *path, const struct stat *status,
                         kk_buf *out, kk_error *err)
{
    if (status->st_size > KK_KRING_MAX) {
        return kk_fail(err, KK_ERR_FORMAT, "'%s' is not a keyring: it is longer than %d bytes",
                       path, KK_KRING_MAX);
    }
    size_t size = (size_t)status->st_size + 1;
    size_t len = 0;
    char *room = kk_buf_reserve(out, size);
    if (room == NULL) {
        return kk_buf_check(out, "the keyring", err);
    }
    int number = kk_io_read(io, fd, room, size, &len);
    if (number != 0) {
        return kk_io_fail(err, number, "read", path);
    }
    kk_buf_grow(out, len);
    return KK_OK;
}

// Reads the file at a place; *absent tells that there is none, which is no error here.
static kk_code read_place(const kk_io *io, const kk_place *place, kk_buf *out, bool *absent,
                          kk_error *err)
{
    int fd = -1;
    struct stat status;
    kk_buf_clear(out);
    out->limit = KK_KRING_MAX + 1;
    kk_code code = kk_place_read(place, io, KK_TRUST_PRIVATE, &fd, &status, absent, err);
    if (code != KK_OK || *absent) {
        return code;
    }
    code = read_open(io, fd, place->path, &status, out, err);
    io->close(fd);
    return code;
}

// Parses [bytes], which it may take; with [key], unlocks, and compares with [pin] if there is one.
static kk_code load(const kk_keyring_store *self, kk_buf *bytes, const kk_secret *key,
                    const kk_pin *pin, kk_kring *ring, kk_secret *keys, kk_error *err)
{
    kk_kring parsed = {0};
    kk_code code = kk_kring_parse_take(bytes, self->path, &parsed, err);
    if (code == KK_OK && key != NULL) {
        code = kk_kring_unlock(&parsed, key, keys, err);
    }
    if (code == KK_OK && key != NULL && pin != NULL) {
        code = kk_pin_check(pin, self->pin_path, &parsed, keys, err);
    }
    if (code != KK_OK) {
        kk_kring_clean(&parsed);
        return code;
    }
    kk_kring_clean(ring);
    *ring = parsed;
    return KK_OK;
}

static kk_code open_place(const kk_keyring_store *self, kk_place *place, bool *absent,
                          kk_error *err)
{
    int number = kk_place_open(place, self->io, self->path, true);
    *absent = number == ENOENT;
    if (number != 0 && !*absent) {
        return kk_io_fail(err, number, "open the directory of", self->path);
    }
    return KK_OK;
}

static kk_code read_file(const kk_keyring_store *self, const kk_secret *key, const kk_pin *pin,
                         kk_kring *ring, kk_secret *keys, kk_error *err)
{
    kk_place place = {.dir = -1};
    kk_buf bytes = {0};
    bool absent = false;
    kk_code code = open_place(self, &place, &absent, err);
    if (code == KK_OK && !absent) {
        code = read_place(self->io, &place, &bytes, &absent, err);
    }
    if (code == KK_OK && absent) {
        code = fail_absent(self, err);
    }
    if (code == KK_OK) {
        code = load(self, &bytes, key, pin, ring, keys, err);
    }
    kk_buf_clean(&bytes);
    kk_place_close(&place, self->io);
    return code;
}

kk_code kk_keyring_file_read(const kk_keyring_store *self, const kk_secret *key, kk_kring *ring,
                             kk_secret *keys, kk_error *err)
{
    kk_pin pin = {.present = false};
    kk_code code = KK_OK;
    if (key != NULL) {
        code = kk_pin_read(self->io, self->pin_path, &pin, err);
    }
    return code == KK_OK ? read_file(self, key, &pin, ring, keys, err) : code;
}

kk_code kk_keyring_file_accept(const kk_keyring_store *self, const kk_secret *key, uint64_t *seen,
                               uint64_t *accepted, kk_error *err)
{
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_pin pin = {.present = false};
    if (kk_pin_read(self->io, self->pin_path, &pin, NULL) != KK_OK) {
        pin.present = false; // it is replaced all the same
    }
    kk_code code = read_file(self, key, NULL, &ring, &keys, err);
    if (code == KK_OK) {
        code = kk_pin_write(self->io, self->pin_path, kk_buf_view(&ring.file), &keys, err);
    }
    if (code == KK_OK) {
        *seen = pin.generation;
        *accepted = ring.generation;
    }
    kk_kring_clean(&ring);
    kk_secret_clean(&keys);
    return code;
}

static kk_code fail_exists(const kk_keyring_store *self, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_IO, "the keyring '%s' exists already", self->path);
    kk_fail_hint(err, "it stays as it is; move it away to begin anew");
    return code;
}

kk_code kk_keyring_file_require_absent(const kk_keyring_store *self, kk_error *err)
{
    struct stat status;
    return lstat(self->path, &status) == 0 ? fail_exists(self, err) : KK_OK;
}

// ---- The lock

static kk_code fail_locked(const kk_keyring_store *self, const kk_place *place, int fd,
                           kk_error *err)
{
    char text[24] = "";
    size_t len = 0;
    if (kk_io_read(self->io, fd, text, sizeof text - 1, &len) != 0) {
        text[0] = '\0';
    }
    long holder = strtol(text, NULL, 10);
    kk_code code =
        kk_fail(err, KK_ERR_LOCKED, "the process %ld has held the lock '%s/%s' for over %u ms",
                holder, place->parent, KK_KEYRING_LOCK_NAME, self->lock_wait_ms);
    kk_fail_hint(err, "try again, or look at what the process %ld does", holder);
    if (err != NULL && err->code == KK_ERR_LOCKED) {
        err->retryable = true;
    }
    return code;
}

// Waits for the lock by asking again and again: the wait must end, and flock() has no time limit.
static kk_code wait_for_lock(const kk_keyring_store *self, const kk_place *place, int fd,
                             kk_error *err)
{
    uint64_t until_ms = kk_time_mono_ms(kk_time_real()) + self->lock_wait_ms;
    while (self->io->lock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return kk_io_fail(err, errno, "lock the directory of", self->path);
        }
        if (kk_time_mono_ms(kk_time_real()) >= until_ms) {
            return fail_locked(self, place, fd, err);
        }
        // Not all at the same pace, so that of many that wait each has its turn.
        uint32_t random = 0;
        kk_random(&random, sizeof random);
        nanosleep(&(struct timespec){.tv_nsec = random % (LOCK_POLL_MS * 1000000L)}, NULL);
    }
    return KK_OK;
}

// Notes the holder for the message of a process that waits in vain; nothing depends on it.
static void note_holder(const kk_io *io, int fd)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%-20ld\n", (long)getpid());
    (void)kk_io_write(io, fd, (kk_str){text, (size_t)len});
}

static kk_code take_lock(const kk_keyring_store *self, const kk_place *place, int *out,
                         kk_error *err)
{
    struct stat status;
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = self->io->open(place->dir, KK_KEYRING_LOCK_NAME, flags, 0600);
    if (fd < 0) {
        return kk_io_fail(err, errno, "open the lock beside", self->path);
    }
    kk_code code = KK_OK;
    if (self->io->stat(fd, &status) != 0) {
        code = kk_io_fail(err, errno, "examine the lock beside", self->path);
    }
    if (code == KK_OK) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", place->parent, KK_KEYRING_LOCK_NAME);
        code = kk_trust_check(&status, KK_TRUST_PRIVATE, path, err);
    }
    if (code == KK_OK) {
        code = wait_for_lock(self, place, fd, err);
    }
    if (code != KK_OK) {
        self->io->close(fd);
        return code;
    }
    note_holder(self->io, fd);
    *out = fd;
    return KK_OK;
}

// ---- The commit

// One attempt's state.
typedef struct commit {
    const kk_keyring_store *store;
    const kk_io *io;
    const kk_place *place;
    const kk_secret *key;
    bool create;
    bool lost; // somebody without the lock changed the file
    kk_kring ring;
    kk_secret keys;
    kk_buf old_bytes;
    kk_buf new_bytes;
} commit;

static void commit_clean(commit *self)
{
    kk_kring_clean(&self->ring);
    kk_secret_clean(&self->keys);
    kk_buf_clean(&self->old_bytes);
    kk_buf_clean(&self->new_bytes);
}

uint64_t kk_keyring_now(void)
{
    int64_t now_ms = kk_time_unix_ms(kk_time_real());
    return now_ms > 0 ? (uint64_t)now_ms / 1000 : 0;
}

// Never from an earlier parse: what counts is what is there under the lock.
static kk_code read_old(commit *self, kk_error *err)
{
    bool absent = false;
    kk_pin pin = {.present = false};
    kk_code code = kk_pin_read(self->io, self->store->pin_path, &pin, err);
    if (code == KK_OK) {
        code = read_place(self->io, self->place, &self->old_bytes, &absent, err);
    }
    if (code != KK_OK) {
        return code;
    }
    if (self->create) {
        return absent ? kk_kring_create(self->key, self->store->path, kk_keyring_now(), &self->ring,
                                        &self->keys, err)
                      : fail_exists(self->store, err);
    }
    if (absent) {
        return fail_absent(self->store, err);
    }
    // The bytes are needed again, for the copy.
    kk_buf bytes = {.limit = KK_KRING_MAX + 1};
    kk_buf_append_str(&bytes, kk_buf_view(&self->old_bytes));
    code = kk_buf_check(&bytes, "the keyring", err);
    if (code == KK_OK) {
        code = load(self->store, &bytes, self->key, &pin, &self->ring, &self->keys, err);
    }
    kk_buf_clean(&bytes);
    return code;
}

static kk_code make_new(commit *self, kk_error *err)
{
    self->ring.generation++;
    self->ring.modified = kk_keyring_now();
    self->new_bytes.limit = KK_KRING_MAX;
    return kk_kring_write(&self->ring, &self->keys, &self->new_bytes, err);
}

static kk_code open_every_value(const kk_kring *ring, const kk_secret *keys, kk_error *err)
{
    kk_code code = KK_OK;
    kk_secret value = {0};
    for (size_t i = 0; i < ring->record_count && code == KK_OK; i++) {
        if (ring->records[i].name.kind == KK_KRING_VALUE) {
            code = kk_kring_open_value(ring, keys, &ring->records[i], &value, err);
        }
    }
    kk_secret_clean(&value);
    return code;
}

// Reads the new file back as a reader would, and opens all that is in it.
static kk_code verify(commit *self, const char *temp, kk_error *err)
{
    kk_place place = *self->place;
    place.name = temp;
    kk_buf bytes = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    bool absent = false;
    kk_code code = read_place(self->io, &place, &bytes, &absent, err);
    if (code == KK_OK &&
        (absent || !kk_str_equals(kk_buf_view(&bytes), kk_buf_view(&self->new_bytes)))) {
        code = kk_fail(err, KK_ERR_IO, "the new keyring beside '%s' is not what was written",
                       self->store->path);
    }
    if (code == KK_OK) {
        // By the keys in memory: the change may be to the slots.
        code = load(self->store, &bytes, &self->keys, NULL, &ring, &keys, err);
    }
    if (code == KK_OK) {
        code = open_every_value(&ring, &keys, err);
    }
    kk_kring_clean(&ring);
    kk_secret_clean(&keys);
    kk_buf_clean(&bytes);
    return code;
}

// A copy, not a link: the old file and the .bak must not be one inode.
static kk_code keep_old(commit *self, kk_error *err)
{
    char temp[KK_IO_TEMP_NAME_SIZE];
    char *backup = NULL;
    kk_io_temp_name(KK_KEYRING_TEMP_PREFIX, temp);
    if (asprintf(&backup, "%s.bak", self->place->name) < 0) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    int number = kk_io_write_new(self->io, self->place->dir, temp, kk_buf_view(&self->old_bytes));
    if (number == 0 && self->io->rename(self->place->dir, temp, backup) != 0) {
        number = errno;
        self->io->unlink(self->place->dir, temp);
    }
    free(backup);
    return number == 0 ? KK_OK : kk_io_fail(err, number, "write the copy of", self->store->path);
}

// Whether the file is still the one that was read: a lock that does not lock, as on some network
// file systems, must not lose somebody's commit.
static kk_code check_unchanged(commit *self, kk_error *err)
{
    kk_buf now = {0};
    bool absent = false;
    kk_code code = read_place(self->io, self->place, &now, &absent, err);
    if (code == KK_OK) {
        bool same = self->create
                        ? absent
                        : kk_kring_is_same_commit(kk_buf_view(&now), kk_buf_view(&self->old_bytes));
        self->lost = !same;
    }
    kk_buf_clean(&now);
    return code;
}

static kk_code fail_durability(const kk_keyring_store *self, int number, kk_error *err)
{
    char text[128];
    kk_code code =
        kk_fail(err, KK_ERR_DURABILITY,
                "'%s' is changed, but its directory could not be brought to the disk: %s",
                self->path, strerror_r(number, text, sizeof text));
    kk_fail_hint(err, "the change is in force; run 'sync' and look at the disk");
    return code;
}

// From the written file to the renamed one.  *renamed tells that [temp] is no more.
static kk_code replace(commit *self, const char *temp, bool *renamed, kk_error *err)
{
    kk_code code = verify(self, temp, err);
    if (code == KK_OK && !self->create) {
        code = keep_old(self, err);
    }
    if (code == KK_OK) {
        code = check_unchanged(self, err);
    }
    if (code == KK_OK && self->create && !self->lost && self->store->pin_path != NULL) {
        // The pin of a keyring that is no more would say of the new one that it is another.
        code = kk_pin_remove(self->io, self->store->pin_path, err);
    }
    if (code != KK_OK || self->lost) {
        return code;
    }
    if (self->io->rename(self->place->dir, temp, self->place->name) != 0) {
        return kk_io_fail(err, errno, "replace", self->store->path);
    }
    *renamed = true;
    // A pin of what is not on the disk would be wrong after a power loss.
    if (self->io->sync(self->place->dir) != 0) {
        return fail_durability(self->store, errno, err);
    }
    if (self->store->pin_path != NULL) {
        // The change is made; an older pin is true as well.
        (void)kk_pin_write(self->io, self->store->pin_path, kk_buf_view(&self->new_bytes),
                           &self->keys, NULL);
    }
    return KK_OK;
}

static kk_code write_new(commit *self, kk_error *err)
{
    char temp[KK_IO_TEMP_NAME_SIZE];
    bool renamed = false;
    // What a killed writer left.  Under the lock nobody else has a temporary file now.
    kk_io_sweep(self->io, self->place->dir, KK_KEYRING_TEMP_PREFIX, 0);
    kk_io_temp_name(KK_KEYRING_TEMP_PREFIX, temp);
    int number = kk_io_write_new(self->io, self->place->dir, temp, kk_buf_view(&self->new_bytes));
    if (number != 0) {
        return kk_io_fail(err, number, "write a new file beside", self->store->path);
    }
    kk_code code = replace(self, temp, &renamed, err);
    if (!renamed) {
        self->io->unlink(self->place->dir, temp);
    }
    return code;
}

static kk_code commit_once(commit *self, kk_keyring_edit_fn edit, void *context, kk_error *err)
{
    bool changed = true;
    self->lost = false;
    kk_code code = read_old(self, err);
    if (code == KK_OK) {
        code = edit(context, &self->ring, &self->keys, &changed, err);
    }
    if (code != KK_OK || !changed) {
        return code;
    }
    code = make_new(self, err);
    return code == KK_OK ? write_new(self, err) : code;
}

static kk_code commit_locked(const kk_keyring_store *self, const kk_place *place,
                             const kk_secret *key, bool create, kk_keyring_edit_fn edit,
                             void *context, kk_error *err)
{
    for (int i = 0; i < LOST_RACES_MAX; i++) {
        commit attempt = {
            .store = self, .io = self->io, .place = place, .key = key, .create = create};
        kk_code code = commit_once(&attempt, edit, context, err);
        bool lost = attempt.lost;
        commit_clean(&attempt);
        if (code != KK_OK || !lost) {
            return code;
        }
    }
    kk_code code = kk_fail(err, KK_ERR_KEYRING_CONFLICT,
                           "'%s' was changed %d times by something that does not take its lock",
                           self->path, LOST_RACES_MAX);
    kk_fail_hint(err, "is it on a network file system without working locks?");
    return code;
}

kk_code kk_keyring_file_commit(const kk_keyring_store *self, const kk_secret *key, bool create,
                               kk_keyring_edit_fn edit, void *context, kk_error *err)
{
    kk_place place = {.dir = -1};
    int lock = -1;
    bool absent = false;
    kk_code code = open_place(self, &place, &absent, err);
    if (code == KK_OK && absent) {
        code = create ? kk_io_fail(err, ENOENT, "open the directory of", self->path)
                      : fail_absent(self, err);
    }
    if (code == KK_OK) {
        code = take_lock(self, &place, &lock, err);
    }
    if (code == KK_OK) {
        code = commit_locked(self, &place, key, create, edit, context, err);
    }
    if (lock >= 0) {
        self->io->close(lock);
    }
    kk_place_close(&place, self->io);
    return code;
}

kk_code kk_keyring_file_drop_backup(const kk_keyring_store *self, kk_error *err)
{
    kk_place place = {.dir = -1};
    char *backup = NULL;
    bool absent = false;
    kk_code code = open_place(self, &place, &absent, err);
    if (code == KK_OK && !absent && asprintf(&backup, "%s.bak", place.name) < 0) {
        backup = NULL;
        code = kk_fail(err, KK_ERR_INTERNAL, "out of memory for the keyring");
    }
    if (backup != NULL && self->io->unlink(place.dir, backup) != 0 && errno != ENOENT) {
        code = kk_io_fail(err, errno, "remove the copy of", self->path);
    }
    free(backup);
    kk_place_close(&place, self->io);
    return code;
}
