// The cache of scans: one file, read at the first question and written at the end if it has grown.
//
//     head      what this build writes, a checksum of the rest, how many entries
//     entries   sorted by device and inode: identity, SHA-256, length, the packed manifest
#include "scan_cache.h"
#include "buf.h"
#include "fail.h"
#include "io.h"
#include "manifest_pack.h"
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// More than this, and what no scan of this process asked for is dropped.
enum { ENTRIES_KEPT = 2048, HASH_BYTES = crypto_hash_sha256_BYTES };
static const size_t bytes_kept = (size_t)48 << 20;
static const size_t bytes_max = (size_t)256 << 20;

// Everything that decides whether the structures in the file are those of this build.
typedef struct head {
    char magic[8];
    char version[24];
    uint32_t format;
    uint32_t abi;
    uint32_t sizes[2]; // of a manifest and of a tool
    uint64_t checksum; // of all that follows the head
    uint64_t count;
} head;

typedef struct entry_head {
    kk_identity identity;
    unsigned char hash[HASH_BYTES];
    uint64_t len; // of the packed manifest behind it
} entry_head;

typedef struct entry {
    entry_head head;
    kk_str packed; // in `file`, or in `own`
    char *own;
    bool used;
} entry;

struct kk_scan_cache {
    const kk_config *config;
    kk_scan_log log;
    char *path;
    bool read;
    char *file; // as it was read
    entry *entries;
    size_t count;
    size_t sorted; // the entries of the file, which are in order; those put later are behind them
    bool changed;
};

static void tell(const kk_scan_cache *self, const char *format, ...) KK_PRINTF(2, 3);

static void tell(const kk_scan_cache *self, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (self->log.write == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    self->log.write(self->log.context, text);
}

static head make_head(void)
{
    head made = {.magic = "kk scan",
                 .version = KK_VERSION,
                 .format = 1,
                 .abi = KK_ABI_VERSION,
                 .sizes = {sizeof(kk_manifest), sizeof(kk_tool)}};
    return made;
}

// Tells damage from health, eight bytes at a time; who can write the file can also write this.
static uint64_t checksum_of(kk_str bytes)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325) ^ bytes.len;
    size_t at = 0;
    for (; at + sizeof sum <= bytes.len; at += sizeof sum) {
        uint64_t word;
        memcpy(&word, bytes.ptr + at, sizeof word);
        sum = (sum ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        sum ^= sum >> 32;
    }
    for (; at < bytes.len; at++) {
        sum = (sum ^ (unsigned char)bytes.ptr[at]) * UINT64_C(0x100000001B3);
    }
    return sum;
}

static int compare(const kk_identity *a, const kk_identity *b)
{
    if (a->device != b->device) {
        return a->device < b->device ? -1 : 1;
    }
    return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static int compare_entries(const void *a, const void *b)
{
    return compare(&((const entry *)a)->head.identity, &((const entry *)b)->head.identity);
}

// ---- Reading

static bool grow(kk_scan_cache *self, size_t count)
{
    entry *grown = realloc(self->entries, count * sizeof *grown);
    if (grown != NULL) {
        self->entries = grown;
    }
    return grown != NULL;
}

// Takes the entries out of the bytes behind the head.  False if they are not what it says.
static bool take_entries(kk_scan_cache *self, kk_str rest, uint64_t count)
{
    if (count > rest.len / sizeof(entry_head) || (count > 0 && !grow(self, (size_t)count))) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        entry *one = &self->entries[i];
        *one = (entry){0};
        if (rest.len < sizeof one->head) {
            return false;
        }
        memcpy(&one->head, rest.ptr, sizeof one->head);
        rest = (kk_str){rest.ptr + sizeof one->head, rest.len - sizeof one->head};
        if (one->head.len > rest.len) {
            return false;
        }
        one->packed = (kk_str){rest.ptr, (size_t)one->head.len};
        rest = (kk_str){rest.ptr + one->packed.len, rest.len - one->packed.len};
    }
    self->count = self->sorted = (size_t)count;
    return rest.len == 0;
}

static const char *take_file(kk_scan_cache *self, kk_str file)
{
    head found;
    const head own = make_head();
    if (file.len < sizeof found) {
        return "it is cut short";
    }
    memcpy(&found, file.ptr, sizeof found);
    if (memcmp(&found, &own, offsetof(head, checksum)) != 0) {
        return "another version of kk wrote it";
    }
    const kk_str rest = {file.ptr + sizeof found, file.len - sizeof found};
    if (checksum_of(rest) != found.checksum || !take_entries(self, rest, found.count)) {
        self->count = self->sorted = 0;
        return "it is damaged";
    }
    return NULL;
}

static kk_code read_file(kk_scan_cache *self, int fd, size_t size, kk_error *err)
{
    size_t len = 0;
    if (size > bytes_max) {
        return kk_fail(err, KK_ERR_TOO_LARGE, "it has %zu bytes", size);
    }
    self->file = malloc(size + 1);
    if (self->file == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    int number = kk_io_read(&kk_io_system, fd, self->file, size, &len);
    if (number != 0) {
        return kk_io_fail(err, number, "read", self->path);
    }
    const char *problem = take_file(self, (kk_str){self->file, len});
    return problem == NULL ? KK_OK : kk_fail(err, KK_ERR_FORMAT, "%s", problem);
}

static void read_once(kk_scan_cache *self)
{
    kk_place place = {.dir = -1};
    struct stat status;
    kk_error problem = {0};
    bool absent = true;
    int fd = -1;
    if (self->read) {
        return;
    }
    self->read = true;
    // A directory that is not there holds no cache.
    if (kk_place_open(&place, &kk_io_system, self->path, false) == 0 &&
        kk_place_read(&place, &kk_io_system, KK_TRUST_PRIVATE, &fd, &status, &absent, &problem) ==
            KK_OK &&
        !absent) {
        (void)!read_file(self, fd, (size_t)status.st_size, &problem);
        close(fd);
    }
    kk_place_close(&place, &kk_io_system);
    if (problem.code != KK_OK) {
        tell(self, "the cache '%s' is passed over: %s", self->path, problem.message);
    }
}

kk_scan_cache *kk_scan_cache_open(const kk_config *config, kk_scan_log log)
{
    kk_scan_cache *self = calloc(1, sizeof *self);
    if (self == NULL || asprintf(&self->path, "%s/scan.cache", kk_config_cache_dir(config)) < 0) {
        free(self);
        return NULL;
    }
    self->config = config;
    self->log = log;
    return self;
}

// ---- Finding

// The bytes of a file.  False if they cannot be read to the end.
static bool hash_file(const kk_trusted *file, unsigned char out[HASH_BYTES])
{
    static const size_t part_size = 65536;
    unsigned char *part = malloc(part_size);
    crypto_hash_sha256_state state;
    uint64_t at = 0;
    ssize_t got = part != NULL ? 1 : -1;
    crypto_hash_sha256_init(&state);
    while (got > 0) {
        got = pread(file->fd, part, part_size, (off_t)at);
        if (got > 0) {
            crypto_hash_sha256_update(&state, part, (unsigned long long)got);
            at += (uint64_t)got;
        }
    }
    free(part);
    crypto_hash_sha256_final(&state, out);
    return got == 0 && at == file->identity.size;
}

static entry *find_identity(kk_scan_cache *self, const kk_identity *identity)
{
    const entry key = {.head.identity = *identity};
    entry *found = self->sorted == 0 ? NULL
                                     : bsearch(&key, self->entries, self->sorted,
                                               sizeof *self->entries, compare_entries);
    for (size_t i = self->sorted; found == NULL && i < self->count; i++) {
        if (compare(&self->entries[i].head.identity, identity) == 0) {
            found = &self->entries[i];
        }
    }
    return found;
}

static entry *find_hash(kk_scan_cache *self, const kk_trusted *file)
{
    unsigned char hash[HASH_BYTES];
    if (self->count == 0 || !hash_file(file, hash)) {
        return NULL;
    }
    for (size_t i = 0; i < self->count; i++) {
        if (memcmp(self->entries[i].head.hash, hash, sizeof hash) == 0) {
            return &self->entries[i];
        }
    }
    return NULL;
}

// Adds an entry, or takes the place of the one that the same file had before.
static void keep(kk_scan_cache *self, const entry_head *known, kk_str packed)
{
    char *own = malloc(packed.len + 1);
    entry *place = find_identity(self, &known->identity);
    if (place == NULL && own != NULL && grow(self, self->count + 1)) {
        place = &self->entries[self->count];
        *place = (entry){0};
        self->count++;
    }
    if (place == NULL || own == NULL) {
        free(own);
        return;
    }
    memcpy(own, packed.ptr, packed.len);
    free(place->own);
    *place = (entry){.head = *known, .packed = {own, packed.len}, .own = own, .used = true};
    place->head.len = packed.len;
    self->changed = true;
}

bool kk_scan_cache_get(kk_scan_cache *self, const kk_trusted *file, kk_str *packed)
{
    read_once(self);
    entry *found = find_identity(self, &file->identity);
    if (found == NULL || !kk_identity_equals(&found->head.identity, &file->identity)) {
        const entry *same = find_hash(self, file);
        if (same == NULL) {
            return false;
        }
        entry_head known = same->head;
        known.identity = file->identity;
        keep(self, &known, same->packed);
        found = find_identity(self, &file->identity);
    }
    if (found == NULL) {
        return false;
    }
    found->used = true;
    *packed = found->packed;
    return true;
}

void kk_scan_cache_put(kk_scan_cache *self, const kk_trusted *file, kk_str packed)
{
    entry_head known = {.identity = file->identity};
    read_once(self);
    if (hash_file(file, known.hash)) {
        keep(self, &known, packed);
    }
}

// ---- Writing

static bool is_kept(const entry *one, bool all)
{
    return one->used || all;
}

static void write_entries(const kk_scan_cache *self, bool all, kk_buf *out, uint64_t *count)
{
    for (size_t i = 0; i < self->count; i++) {
        const entry *one = &self->entries[i];
        if (is_kept(one, all)) {
            kk_buf_append(out, &one->head, sizeof one->head);
            kk_buf_append_str(out, one->packed);
            ++*count;
        }
    }
}

static size_t bytes_of(const kk_scan_cache *self)
{
    size_t bytes = 0;
    for (size_t i = 0; i < self->count; i++) {
        bytes += sizeof self->entries[i].head + self->entries[i].packed.len;
    }
    return bytes;
}

static kk_code write_all(const kk_scan_cache *self, kk_buf *out, kk_error *err)
{
    head made = make_head();
    kk_buf_append(out, &made, sizeof made);
    write_entries(self, self->count <= ENTRIES_KEPT && bytes_of(self) <= bytes_kept, out,
                  &made.count);
    kk_code code = kk_buf_check(out, "the cache", err);
    if (code == KK_OK) {
        made.checksum = checksum_of((kk_str){out->ptr + sizeof made, out->len - sizeof made});
        memcpy(out->ptr, &made, sizeof made);
    }
    return code;
}

// A cache that a power loss empties is noticed by its checksum: nothing is worth a wait for it.
static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

static int replace(const kk_place *place, kk_str bytes)
{
    kk_io io = kk_io_system;
    io.sync = no_sync;
    char name[KK_IO_TEMP_NAME_SIZE];
    kk_io_temp_name("scan.cache.", name);
    int number = kk_io_write_new(&io, place->dir, name, bytes);
    if (number == 0 && io.rename(place->dir, name, place->name) != 0) {
        number = errno;
        io.unlink(place->dir, name);
    }
    return number;
}

static kk_code save(kk_scan_cache *self, kk_error *err)
{
    kk_place place = {.dir = -1};
    struct stat status;
    kk_buf bytes = {.limit = bytes_max};
    qsort(self->entries, self->count, sizeof *self->entries, compare_entries);
    kk_code code = write_all(self, &bytes, err);
    int number = 0;
    if (code == KK_OK) {
        code = kk_config_make_cache_dir(self->config, err);
    }
    if (code == KK_OK) {
        number = kk_place_open(&place, &kk_io_system, self->path, false);
        number = number == 0 && fstat(place.dir, &status) != 0 ? errno : number;
        code = number != 0 ? kk_io_fail(err, number, "write", self->path)
                           : kk_trust_check_dir(&status, false, place.parent, err);
    }
    if (code == KK_OK) {
        number = replace(&place, kk_buf_view(&bytes));
        code = number != 0 ? kk_io_fail(err, number, "write", self->path) : KK_OK;
    }
    kk_place_close(&place, &kk_io_system);
    kk_buf_clean(&bytes);
    return code;
}

void kk_scan_cache_save(kk_scan_cache *self)
{
    kk_error problem = {0};
    if (!self->changed) {
        return;
    }
    if (save(self, &problem) != KK_OK) {
        tell(self, "what was found out about plugins is not kept: %s", problem.message);
    }
    // The entries are in another order now.
    self->sorted = self->count;
    self->changed = false;
}

void kk_scan_cache_close(kk_scan_cache *self)
{
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < self->count; i++) {
        free(self->entries[i].own);
    }
    free(self->entries);
    free(self->file);
    free(self->path);
    free(self);
}
