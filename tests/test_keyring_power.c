// The power goes off at any moment: what the disk then holds opens as the old keyring or the new
// one, and as the new one once success was reported.
//
// The calls of a commit are noted as they happen.  For every moment, every disk that a power loss
// may leave is made: of the changes of the directory since it was last brought to the disk, any
// subset is there; a file that was not brought to the disk is there whole, empty, full of zeros or
// cut.  That the two kinds of fsync are needed is proven by leaving either out.
#include "keyring_edit.h"
#include "keyring_file.h"
#include "keyring_key.h"
#include "unit.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAME_SIZE = 64,
    BYTES_MAX = 4096,
    FILES_MAX = 24,
    OPS_MAX = 64,
    FDS_MAX = 256,
    SEEN_MAX = 4096
};

// The names that matter after a power loss; temporary files do not.
enum { RING, BACKUP, PIN, KEY, WATCHED };
static const char *const watched[WATCHED] = {"keyring.kkr", "keyring.kkr.bak", "keyring.pin",
                                             "key"};

typedef struct contents {
    char bytes[BYTES_MAX];
    size_t len;
} contents;

typedef enum op_kind { NAMED, UNNAMED, WRITTEN, SYNCED, DIRECTORY_SYNCED } op_kind;

typedef struct op {
    op_kind kind;
    int file;
    char name[NAME_SIZE]; // NAMED: the file's new name; UNNAMED: the name that is gone
    char from[NAME_SIZE]; // NAMED by a rename: the name before
} op;

typedef enum variant { WHOLE, EMPTY, ZEROS, CUT, VARIANTS } variant;

// The disk of before, and what happened since.
static struct {
    contents files[FILES_MAX];
    int file_count;
    char names[FILES_MAX][NAME_SIZE]; // of the files of before
    int before_count;
    op ops[OPS_MAX];
    int op_count;
    int fds[FDS_MAX]; // which file, or -1
    bool no_file_sync;
    bool no_directory_sync;
} disk;

// ---- Noting

static op *note(op_kind kind, int file)
{
    assert_true(disk.op_count < OPS_MAX);
    op *made = &disk.ops[disk.op_count++];
    *made = (op){.kind = kind, .file = file};
    return made;
}

static int new_file(void)
{
    assert_true(disk.file_count < FILES_MAX);
    return disk.file_count++;
}

// The file that a name means now.
static int find(const char *name)
{
    int found = -1;
    for (int i = 0; i < disk.before_count; i++) {
        found = strcmp(disk.names[i], name) == 0 ? i : found;
    }
    for (int i = 0; i < disk.op_count; i++) {
        const op *each = &disk.ops[i];
        if (each->kind == NAMED && strcmp(each->name, name) == 0) {
            found = each->file;
        } else if ((each->kind == UNNAMED && strcmp(each->name, name) == 0) ||
                   (each->kind == NAMED && strcmp(each->from, name) == 0)) {
            found = -1;
        }
    }
    return found;
}

static int noted_open(int dir, const char *name, int flags, mode_t mode)
{
    int fd = kk_io_system.open(dir, name, flags, mode);
    if (fd < 0) {
        return fd;
    }
    assert_true(fd < FDS_MAX);
    disk.fds[fd] = -1;
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        disk.fds[fd] = new_file();
    } else if ((flags & O_CREAT) != 0) {
        int file = find(name);
        if (file < 0) {
            file = new_file();
            snprintf(note(NAMED, file)->name, NAME_SIZE, "%s", name);
        }
        disk.fds[fd] = file;
    }
    return fd;
}

static ssize_t noted_write(int fd, const void *bytes, size_t len)
{
    ssize_t put = kk_io_system.write(fd, bytes, len);
    assert_int_equal(put, len);
    int file = disk.fds[fd];
    assert_true(file >= 0);
    contents *to = &disk.files[file];
    assert_true(to->len + len <= BYTES_MAX);
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    note(WRITTEN, file);
    return put;
}

static int noted_sync(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    if (S_ISDIR(status.st_mode)) {
        if (!disk.no_directory_sync) {
            note(DIRECTORY_SYNCED, -1);
        }
    } else if (!disk.no_file_sync) {
        note(SYNCED, disk.fds[fd]);
    }
    return 0;
}

static int noted_rename(int dir, const char *from, const char *to)
{
    int file = find(from);
    assert_int_equal(kk_io_system.rename(dir, from, to), 0);
    op *made = note(NAMED, file);
    snprintf(made->name, NAME_SIZE, "%s", to);
    snprintf(made->from, NAME_SIZE, "%s", from);
    return 0;
}

static int noted_publish(int fd, int dir, const char *name)
{
    int result = kk_io_system.publish(fd, dir, name);
    if (result == 0) {
        snprintf(note(NAMED, disk.fds[fd])->name, NAME_SIZE, "%s", name);
    }
    return result;
}

static int noted_unlink(int dir, const char *name)
{
    int file = find(name);
    int result = kk_io_system.unlink(dir, name);
    if (result == 0) {
        snprintf(note(UNNAMED, file)->name, NAME_SIZE, "%s", name);
    }
    return result;
}

// ---- The room

typedef struct room {
    char dir[64];
    char ring[96];
    char pin[96];
    char key_path[96];
    char after[64]; // where the disk after the power loss is laid out
    kk_io io;
    kk_secret key;
    kk_keyring_store store;
    bool seen[SEEN_MAX]; // disks that were judged already
    int judged;
} room;

static void remove_files(const char *dir)
{
    char path[400];
    DIR *entries = opendir(dir);
    assert_non_null(entries);
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    closedir(entries);
}

static int set_up(void **state)
{
    kk_error err = {0};
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    strncpy(self->dir, "/tmp/kk-power-XXXXXX", sizeof self->dir - 1);
    strncpy(self->after, "/tmp/kk-after-XXXXXX", sizeof self->after - 1);
    assert_non_null(mkdtemp(self->dir));
    assert_non_null(mkdtemp(self->after));
    snprintf(self->ring, sizeof self->ring, "%s/%s", self->dir, watched[RING]);
    snprintf(self->pin, sizeof self->pin, "%s/%s", self->dir, watched[PIN]);
    snprintf(self->key_path, sizeof self->key_path, "%s/%s", self->dir, watched[KEY]);
    self->io = kk_io_system;
    self->io.open = noted_open;
    self->io.write = noted_write;
    self->io.sync = noted_sync;
    self->io.rename = noted_rename;
    self->io.publish = noted_publish;
    self->io.unlink = noted_unlink;
    self->store = (kk_keyring_store){
        .io = &self->io, .path = self->ring, .pin_path = self->pin, .lock_wait_ms = 1000};
    memset(&disk, 0, sizeof disk);
    assert_ok(kk_key_make(&self->key, &err), &err);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    room *self = *state;
    remove_files(self->dir);
    remove_files(self->after);
    assert_int_equal(rmdir(self->dir), 0);
    assert_int_equal(rmdir(self->after), 0);
    kk_secret_clean(&self->key);
    free(self);
    return 0;
}

// Takes what is there now as what the disk held before.
static void begin(room *self)
{
    char path[200];
    memset(&disk, 0, sizeof disk);
    memset(self->seen, 0, sizeof self->seen);
    self->judged = 0;
    for (int i = 0; i < WATCHED; i++) {
        snprintf(path, sizeof path, "%s/%s", self->dir, watched[i]);
        FILE *file = fopen(path, "rb");
        if (file != NULL) {
            int at = new_file();
            snprintf(disk.names[at], NAME_SIZE, "%s", watched[i]);
            disk.files[at].len = fread(disk.files[at].bytes, 1, BYTES_MAX, file);
            fclose(file);
        }
    }
    disk.before_count = disk.file_count;
}

// ---- The disks that a power loss may leave

// What a name leads to: a file, or -1, and how much of it is there.
typedef struct found {
    int file;
    variant how;
} found;

static void lay_out(const room *self, const found *names)
{
    char path[200];
    remove_files(self->after);
    for (int i = 0; i < WATCHED; i++) {
        if (names[i].file < 0) {
            continue;
        }
        contents what = disk.files[names[i].file];
        what.len = names[i].how == EMPTY ? 0 : names[i].how == CUT ? what.len / 2 : what.len;
        if (names[i].how == ZEROS) {
            memset(what.bytes, 0, sizeof what.bytes);
        }
        snprintf(path, sizeof path, "%s/%s", self->after, watched[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, what.bytes, what.len), what.len);
        assert_int_equal(close(fd), 0);
    }
}

// The value that the keyring holds, "" without a keyring, or the name of the error.
static void describe(const room *self, const char *name, char *out, size_t size)
{
    char path[200];
    char pin[200];
    kk_error err = {0};
    kk_kring ring = {0};
    kk_secret keys = {0};
    kk_secret value = {0};
    kk_kring_name wanted = {KK_KRING_VALUE, KK_STR("planetscale"), KK_STR("dev"), KK_STR("token")};
    snprintf(path, sizeof path, "%s/%s", self->after, name);
    snprintf(pin, sizeof pin, "%s/%s", self->after, watched[PIN]);
    kk_keyring_store store = {.io = &kk_io_system,
                              .path = path,
                              .pin_path = strcmp(name, watched[RING]) == 0 ? pin : NULL};
    kk_code code = kk_keyring_file_read(&store, &self->key, &ring, &keys, &err);
    const kk_kring_record *record = code == KK_OK ? kk_kring_find(&ring, &wanted) : NULL;
    if (record != NULL) {
        assert_ok(kk_kring_open_value(&ring, &keys, record, &value, &err), &err);
    }
    snprintf(out, size, "%s",
             code == KK_ERR_NO_KEYRING ? ""
             : code != KK_OK           ? kk_code_name(code)
             : record == NULL          ? "keyring"
                                       : (const char *)value.ptr);
    kk_secret_clean(&value);
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
}

typedef struct expectation {
    const char *before; // as describe() says it
    const char *after;
    bool done; // success was reported
} expectation;

static bool is_good(const room *self, const expectation *wanted)
{
    char text[64];
    describe(self, watched[RING], text, sizeof text);
    bool is_new = strcmp(text, wanted->after) == 0;
    bool is_old = strcmp(text, wanted->before) == 0;
    if (!is_new && (wanted->done || !is_old)) {
        return false;
    }
    // The copy is there for bad days, so that it is whole too.
    describe(self, watched[BACKUP], text, sizeof text);
    return text[0] == '\0' || strcmp(text, "keyring") == 0 || strcmp(text, wanted->before) == 0;
}

// Judges one disk, once.  Returns whether it is bad.
static int judge(room *self, const found *names, const expectation *wanted)
{
    size_t number = 0;
    for (int i = 0; i < KEY; i++) {
        assert_true(names[i].file < 15);
        number = number * 61 + (size_t)(names[i].file + 1) * VARIANTS + (size_t)names[i].how;
    }
    // Two disks may share a place: then one is judged again, and none is left out.
    static size_t numbers[SEEN_MAX];
    size_t at = number % SEEN_MAX;
    if (self->seen[at] && numbers[at] == number) {
        return 0;
    }
    self->seen[at] = true;
    numbers[at] = number;
    self->judged++;
    lay_out(self, names);
    return is_good(self, wanted) ? 0 : 1;
}

static bool is_synced(int file, int moment)
{
    bool synced = file < disk.before_count;
    for (int i = 0; i < moment; i++) {
        if (disk.ops[i].file == file && disk.ops[i].kind == WRITTEN) {
            synced = false;
        } else if (disk.ops[i].file == file && disk.ops[i].kind == SYNCED) {
            synced = true;
        }
    }
    return synced;
}

static void apply(const op *what, found *names)
{
    for (int i = 0; i < WATCHED; i++) {
        if (what->kind == NAMED && strcmp(what->name, watched[i]) == 0) {
            names[i].file = what->file;
        } else if ((what->kind == UNNAMED && strcmp(what->name, watched[i]) == 0) ||
                   (what->kind == NAMED && strcmp(what->from, watched[i]) == 0)) {
            names[i].file = -1;
        }
    }
}

// The directory of one subset of the changes that were not brought to the disk.
static void names_of(int moment, int durable, unsigned subset, found *names)
{
    int pending = 0;
    for (int i = 0; i < WATCHED; i++) {
        names[i] = (found){.file = -1, .how = WHOLE};
        for (int k = 0; k < disk.before_count; k++) {
            if (strcmp(disk.names[k], watched[i]) == 0) {
                names[i].file = k;
            }
        }
    }
    for (int i = 0; i < moment; i++) {
        const op *each = &disk.ops[i];
        if (each->kind != NAMED && each->kind != UNNAMED) {
            continue;
        }
        if (i < durable || (subset >> pending++ & 1) != 0) {
            apply(each, names);
        }
    }
}

// Every state of the files that were not brought to the disk.
static int judge_contents(room *self, int moment, found *names, const expectation *wanted)
{
    int bad = 0;
    int combinations = VARIANTS * VARIANTS * VARIANTS * VARIANTS;
    for (int i = 0; i < combinations; i++) {
        int rest = i;
        bool possible = true;
        for (int k = 0; k < WATCHED; k++, rest /= VARIANTS) {
            names[k].how = (variant)(rest % VARIANTS);
            bool fixed = names[k].file < 0 || is_synced(names[k].file, moment);
            possible = possible && (!fixed || names[k].how == WHOLE);
        }
        bad += possible ? judge(self, names, wanted) : 0;
    }
    return bad;
}

static int judge_moment(room *self, int moment, const expectation *wanted)
{
    int durable = 0;
    int pending = 0;
    int bad = 0;
    for (int i = 0; i < moment; i++) {
        durable = disk.ops[i].kind == DIRECTORY_SYNCED ? i : durable;
    }
    for (int i = durable; i < moment; i++) {
        pending += disk.ops[i].kind == NAMED || disk.ops[i].kind == UNNAMED;
    }
    assert_true(pending < 16);
    for (unsigned subset = 0; subset < 1U << pending; subset++) {
        found names[WATCHED];
        names_of(moment, durable, subset, names);
        bad += judge_contents(self, moment, names, wanted);
    }
    return bad;
}

// How many disks that the noted calls may leave are neither old nor new.
static int count_bad(room *self, const char *before, const char *after)
{
    int bad = 0;
    expectation wanted = {.before = before, .after = after};
    for (int moment = 0; moment <= disk.op_count; moment++) {
        bad += judge_moment(self, moment, &wanted);
    }
    wanted.done = true;
    memset(self->seen, 0, sizeof self->seen);
    bad += judge_moment(self, disk.op_count, &wanted);
    assert_true(self->judged > 8);
    return bad;
}

// ---- The tests

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

static void make(room *self)
{
    kk_error err = {0};
    assert_ok(kk_keyring_file_commit(&self->store, &self->key, true, edit_nothing, NULL, &err),
              &err);
}

static void set(room *self, const char *text)
{
    kk_error err = {0};
    assert_ok(kk_keyring_file_commit(&self->store, &self->key, false, edit_value,
                                     (void *)(uintptr_t)text, &err),
              &err);
}

static void test_keyring_power__a_new_keyring_is_there_or_not(void **state)
{
    room *self = *state;
    begin(self);
    make(self);
    assert_int_equal(count_bad(self, "", "keyring"), 0);
}

static void test_keyring_power__a_keyring_made_anew_is_none_of_the_old(void **state)
{
    room *self = *state;
    make(self);
    assert_int_equal(unlink(self->ring), 0);
    begin(self);
    make(self);
    assert_int_equal(count_bad(self, "", "keyring"), 0);
}

static void test_keyring_power__a_change_is_made_or_not(void **state)
{
    room *self = *state;
    make(self);
    set(self, "old");
    begin(self);
    set(self, "new");
    assert_int_equal(count_bad(self, "old", "new"), 0);
}

static void test_keyring_power__without_the_fsync_of_the_file_it_is_lost(void **state)
{
    room *self = *state;
    make(self);
    set(self, "old");
    begin(self);
    disk.no_file_sync = true;
    set(self, "new");
    assert_true(count_bad(self, "old", "new") > 0);
}

static void test_keyring_power__without_the_fsync_of_the_directory_success_is_a_lie(void **state)
{
    room *self = *state;
    make(self);
    set(self, "old");
    begin(self);
    disk.no_directory_sync = true;
    set(self, "new");
    assert_true(count_bad(self, "old", "new") > 0);
}

// A key file is whole wherever it is, and there before the keyring that needs it.
static int count_bad_keys(const room *self, const char *text, bool *whole)
{
    int bad = 0;
    (void)self;
    for (int moment = 0; moment <= disk.op_count; moment++) {
        int durable = 0;
        for (int i = 0; i < moment; i++) {
            durable = disk.ops[i].kind == DIRECTORY_SYNCED ? i : durable;
        }
        found names[WATCHED];
        names_of(moment, durable, ~0U, names);
        int file = names[KEY].file;
        bad += file >= 0 && !is_synced(file, moment);
        bad += file >= 0 && strncmp(disk.files[file].bytes, text, KK_KEY_TEXT_LEN) != 0;
        names_of(moment, durable, 0, names);
        *whole = names[KEY].file >= 0;
    }
    return bad;
}

static void test_keyring_power__a_key_file_is_whole_or_not_there(void **state)
{
    room *self = *state;
    kk_error err = {0};
    char text[KK_KEY_TEXT_SIZE];
    bool whole = false;
    begin(self);
    assert_ok(kk_key_file_make(&self->io, self->key_path, &self->key, &err), &err);
    kk_key_format(&self->key, text);
    assert_int_equal(count_bad_keys(self, text, &whole), 0);
    assert_true(whole);
    assert_int_equal(unlink(self->key_path), 0);
    begin(self);
    disk.no_file_sync = true;
    assert_ok(kk_key_file_make(&self->io, self->key_path, &self->key, &err), &err);
    kk_key_format(&self->key, text);
    assert_true(count_bad_keys(self, text, &whole) > 0);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_power__a_new_keyring_is_there_or_not),
        IN_ROOM(test_keyring_power__a_keyring_made_anew_is_none_of_the_old),
        IN_ROOM(test_keyring_power__a_change_is_made_or_not),
        IN_ROOM(test_keyring_power__without_the_fsync_of_the_file_it_is_lost),
        IN_ROOM(test_keyring_power__without_the_fsync_of_the_directory_success_is_a_lie),
        IN_ROOM(test_keyring_power__a_key_file_is_whole_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
