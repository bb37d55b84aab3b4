// The keyring beside what it cannot do without: libsodium and the file system, bare.
//
//     bench_keyring
//
// For 3, 300 and 3 000 records: reading the file, verifying it and opening one value; opening one
// value of a keyring that is open already; and a save.  The floor of the first opens and examines
// the directory, reads the pin and the file, hashes the file twice, with and without a key, unwraps
// the data key, derives the keys from it, and decrypts one value.  That of the save unwraps twice,
// reads and hashes the old file, writes the new one and the copy of the old one, brings both to the
// disk, reads the new one back, hashes it, decrypts all that is in it, as the commit must, and
// renames.
#include "bench.h"
#include "keyring_edit.h"
#include "keyring_file.h"
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VALUE_SIZE = 40, SEALED_SIZE = 64 + 16, BOUND_SIZE = 80, ROOM_SIZE = 16368 };

typedef struct bench {
    char dir[64];
    char path[96];
    char pin[96];
    char home[64];
    size_t records;
    kk_secret key;
    kk_keyring_store store;
    kk_kring ring; // the keyring, open
    kk_secret keys;
    kk_kring_name name; // of one record in the middle
    char account[16];
    char field[16];
    int turn;
    unsigned char *bytes; // the file, for the floor
    unsigned char *room;  // pages to open and close, for the floor
    size_t len;
    unsigned char floor_key[32];
    unsigned char sealed[SEALED_SIZE];
} bench;

static kk_code edit_fill(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                         kk_error *err)
{
    const bench *self = context;
    char text[VALUE_SIZE + 1];
    memset(text, 'v', VALUE_SIZE);
    *changed = true;
    for (size_t i = 0; i < self->records; i++) {
        char account[16];
        char field[16];
        snprintf(account, sizeof account, "a%05u", (unsigned)i / 3);
        snprintf(field, sizeof field, "f%u", (unsigned)i % 3);
        kk_keyring_value value = {field, text, VALUE_SIZE};
        kk_code code = kk_kring_set(ring, keys, "planetscale", account, &value, 1, 1, err);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

static kk_code edit_one(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                        kk_error *err)
{
    bench *self = context;
    char text[VALUE_SIZE + 1];
    *changed = true;
    self->turn++;
    memset(text, 'a' + self->turn % 20, VALUE_SIZE);
    kk_keyring_value value = {self->field, text, VALUE_SIZE};
    return kk_kring_set(ring, keys, "planetscale", self->account, &value, 1, 1, err);
}

// ---- What is measured

static bool open_value(const bench *self, const kk_kring *ring, const kk_secret *keys)
{
    kk_secret value = {0};
    const kk_kring_record *record = kk_kring_find(ring, &self->name);
    bool ok = record != NULL && kk_kring_open_value(ring, keys, record, &value, NULL) == KK_OK;
    kk_secret_clean(&value);
    return ok;
}

static bool run_read(void *context)
{
    bench *self = context;
    kk_kring ring = {0};
    kk_secret keys = {0};
    bool ok = kk_keyring_file_read(&self->store, &self->key, &ring, &keys, NULL) == KK_OK &&
              open_value(self, &ring, &keys);
    kk_kring_clean(&ring);
    kk_secret_clean(&keys);
    return ok;
}

static bool run_use(void *context)
{
    bench *self = context;
    bool ok = true;
    for (int i = 0; i < 100 && ok; i++) {
        kk_secret_wake(&self->keys);
        ok = open_value(self, &self->ring, &self->keys);
        kk_secret_rest(&self->keys);
    }
    return ok;
}

static bool run_save(void *context)
{
    bench *self = context;
    return kk_keyring_file_commit(&self->store, &self->key, false, edit_one, self, NULL) == KK_OK;
}

// ---- The floors

static bool load(const char *path, unsigned char *out, size_t size, size_t *len)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool ok = fd >= 0 && fstat(fd, &status) == 0 && (size_t)status.st_size <= size;
    ssize_t got = ok ? read(fd, out, size) : -1;
    if (fd >= 0) {
        close(fd);
    }
    *len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void hash_twice(const bench *self, const unsigned char *bytes, size_t len)
{
    unsigned char sum[32];
    crypto_generichash(sum, sizeof sum, bytes, len, NULL, 0);
    crypto_generichash(sum, sizeof sum, bytes, len, self->floor_key, sizeof self->floor_key);
}

static bool decrypt(const bench *self)
{
    static const unsigned char bound[BOUND_SIZE];
    unsigned char opened[SEALED_SIZE];
    return crypto_aead_xchacha20poly1305_ietf_decrypt(opened, NULL, NULL, self->sealed,
                                                      sizeof self->sealed, bound, sizeof bound,
                                                      self->floor_key, self->floor_key) == 0;
}

// What the data key costs: a hash to derive what unwraps it, one to know the right slot, the
// unwrapping, and the four keys that come from it.
static bool unwrap(const bench *self)
{
    unsigned char wrapping[64];
    unsigned char commitment[32];
    unsigned char keys[4][32];
    crypto_generichash(wrapping, sizeof wrapping, self->sealed, 26, self->floor_key, 32);
    crypto_generichash(commitment, sizeof commitment, self->bytes, 149, wrapping, 32);
    for (unsigned i = 0; i < 4; i++) {
        crypto_kdf_derive_from_key(keys[i], sizeof keys[i], i, "KRING1__", wrapping);
    }
    return decrypt(self);
}

// Whose directory it is decides whether what lies in it can be trusted.
static bool examine_dir(const bench *self)
{
    struct stat status;
    int dir = open(self->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = dir >= 0 && fstat(dir, &status) == 0;
    return dir >= 0 && close(dir) == 0 && ok;
}

static bool floor_read(void *context)
{
    bench *self = context;
    unsigned char pin[256];
    unsigned char seal[32];
    size_t pin_len = 0;
    unsigned char *bytes = malloc(self->len + 4096);
    size_t len = 0;
    bool ok = bytes != NULL && examine_dir(self) && load(self->pin, pin, sizeof pin, &pin_len) &&
              examine_dir(self) && load(self->path, bytes, self->len + 4096, &len);
    if (ok) {
        hash_twice(self, bytes, len);
        crypto_generichash(seal, sizeof seal, pin, pin_len, self->floor_key, 32);
        ok = unwrap(self) && decrypt(self);
    }
    free(bytes);
    return ok;
}

static bool floor_use(void *context)
{
    bench *self = context;
    bool ok = true;
    for (int i = 0; i < 100 && ok; i++) {
        sodium_mprotect_readwrite(self->room);
        ok = decrypt(self);
        sodium_mprotect_noaccess(self->room);
    }
    return ok;
}

static bool save(const bench *self, const char *temp, const char *name, bool sync)
{
    char from[200];
    char to[200];
    snprintf(from, sizeof from, "%s/%s", self->home, temp);
    snprintf(to, sizeof to, "%s/%s", self->home, name);
    int fd = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t len = sync ? self->len : 104;
    bool ok = fd >= 0 && write(fd, self->bytes, len) == (ssize_t)len && (!sync || fsync(fd) == 0);
    return fd >= 0 && close(fd) == 0 && ok && rename(from, to) == 0;
}

static bool floor_save(void *context)
{
    bench *self = context;
    unsigned char *bytes = malloc(self->len + 4096);
    size_t len = 0;
    char lock[200];
    snprintf(lock, sizeof lock, "%s/lock", self->home);
    int dir = open(self->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = bytes != NULL && dir >= 0 && fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
              load(self->path, bytes, self->len + 4096, &len);
    if (ok) {
        ok = unwrap(self) && unwrap(self);
        // Verified as it is read; summed and sealed as it is made; verified as it is read back.
        hash_twice(self, bytes, len);
        hash_twice(self, bytes, len);
        ok = ok && save(self, ".new", "ring", true) && save(self, ".old", "ring.bak", true) &&
             load(self->path, bytes, self->len + 4096, &len);
    }
    if (ok) {
        hash_twice(self, bytes, len);
        for (size_t i = 0; i < self->records && ok; i++) {
            ok = decrypt(self);
        }
    }
    ok = ok && load(self->path, bytes, self->len + 4096, &len) && fsync(dir) == 0 &&
         save(self, ".pin", "pin", false);
    close(fd);
    close(dir);
    free(bytes);
    return ok;
}

// ---- All of it

static bool fill(bench *self, kk_error *err)
{
    static const unsigned char bound[BOUND_SIZE];
    unsigned char plain[64] = {0};
    if (kk_keyring_file_commit(&self->store, &self->key, true, edit_fill, self, err) != KK_OK ||
        kk_keyring_file_read(&self->store, &self->key, &self->ring, &self->keys, err) != KK_OK) {
        return false;
    }
    kk_secret_rest(&self->keys);
    snprintf(self->account, sizeof self->account, "a%05u", (unsigned)self->records / 6);
    snprintf(self->field, sizeof self->field, "f0");
    self->name = (kk_kring_name){KK_KRING_VALUE, KK_STR("planetscale"), kk_str_from(self->account),
                                 kk_str_from(self->field)};
    self->len = self->ring.file.len;
    self->bytes = malloc(self->len);
    self->room = sodium_malloc(ROOM_SIZE);
    if (self->bytes == NULL || self->room == NULL) {
        return false;
    }
    memcpy(self->bytes, self->ring.file.ptr, self->len);
    randombytes_buf(self->floor_key, sizeof self->floor_key);
    crypto_aead_xchacha20poly1305_ietf_encrypt(self->sealed, NULL, plain, sizeof plain, bound,
                                               sizeof bound, NULL, self->floor_key,
                                               self->floor_key);
    return true;
}

static void remove_all(const bench *self)
{
    static const char *const names[] = {
        "keyring.kkr", "keyring.kkr.bak", "keyring.lock", "keyring.pin",
        "ring",        "ring.bak",        "lock",         "pin"};
    char path[200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", self->dir, names[i]);
        unlink(path);
    }
    rmdir(self->dir);
}

static bool measure(bench *self, size_t pairs)
{
    char title[64];
    snprintf(title, sizeof title, "keyring, %zu records: read, verify, open one", self->records);
    bool ok = kk_bench_pairs(title, (kk_bench_side){"", run_read, self},
                             (kk_bench_side){"read, hash, decrypt", floor_read, self}, pairs);
    snprintf(title, sizeof title, "keyring, %zu records: open 100, kept open", self->records);
    ok = ok && kk_bench_pairs(title, (kk_bench_side){"", run_use, self},
                              (kk_bench_side){"mprotect, decrypt", floor_use, self}, pairs);
    snprintf(title, sizeof title, "keyring, %zu records: save", self->records);
    return ok &&
           kk_bench_pairs(title, (kk_bench_side){"", run_save, self},
                          (kk_bench_side){"write, fsync, rename", floor_save, self}, pairs / 4);
}

static bool run(size_t records, size_t pairs)
{
    kk_error err = {0};
    bench self = {.records = records};
    strncpy(self.dir, "kk-bench-XXXXXX", sizeof self.dir - 1);
    bool ok =
        kk_secret_make(&self.key, KK_KRING_KEY_SIZE, &err) == KK_OK && mkdtemp(self.dir) != NULL;
    snprintf(self.home, sizeof self.home, "%s", self.dir);
    snprintf(self.path, sizeof self.path, "%s/keyring.kkr", self.dir);
    snprintf(self.pin, sizeof self.pin, "%s/keyring.pin", self.dir);
    self.store = (kk_keyring_store){.io = &kk_io_system,
                                    .path = self.path,
                                    .pin_path = self.pin,
                                    .lock_wait_ms = KK_KEYRING_LOCK_WAIT_MS};
    if (ok) {
        kk_random(self.key.ptr, KK_KRING_KEY_SIZE);
        self.key.len = KK_KRING_KEY_SIZE;
        ok = fill(&self, &err) && measure(&self, pairs);
    }
    if (!ok) {
        fprintf(stderr, "bench_keyring: %s\n", err.code != KK_OK ? err.message : "a run failed");
    }
    remove_all(&self);
    kk_kring_clean(&self.ring);
    kk_secret_clean(&self.keys);
    kk_secret_clean(&self.key);
    free(self.bytes);
    sodium_free(self.room);
    return ok;
}

// The files are made below the current directory, which should be on a disk.
int main(void)
{
    return run(3, 2000) && run(300, 1000) && run(3000, 200) ? 0 : 1;
}
