// Secret bytes in two rooms of libsodium's guarded memory.
#include "secret.h"
#include "fail.h"
#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

// A room is whole pages: libsodium puts a mark of 16 bytes before what it gives.
enum {
    PAGE = 4096,
    MARK = 16,
    UNIT = 64,
    REST_SIZE = 4 * PAGE,
    USE_SIZE = 12 * PAGE,
    UNITS_MAX = USE_SIZE / UNIT
};

typedef struct room {
    unsigned char *base;
    size_t unit_count;
    size_t in_use;            // secrets that may be touched now; with none the room is closed
    uint16_t runs[UNITS_MAX]; // where a secret begins, how many units it has; else 0
} room;

static struct {
    pthread_mutex_t lock;
    bool started;
    bool rooms_locked;
    bool exposed; // a secret was made in memory that is not locked
    bool must_lock;
    room use;
    room rest;
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

// ---- Rooms

static void room_open(room *self)
{
    if (self->in_use++ == 0) {
        sodium_mprotect_readwrite(self->base);
    }
}

static void room_close(room *self)
{
    assert(self->in_use > 0);
    if (--self->in_use == 0) {
        sodium_mprotect_noaccess(self->base);
    }
}

static bool room_start(room *self, size_t size)
{
    self->base = sodium_malloc(size - MARK);
    if (self->base == NULL) {
        return false;
    }
    self->unit_count = (size - MARK) / UNIT;
    // sodium_malloc() locks too, and does not say whether it could.
    if (sodium_mlock(self->base, size - MARK) != 0) {
        memory.rooms_locked = false;
    }
    // A kernel that does not know this leaves a copy in children, which are given up to exec().
    (void)madvise(self->base - MARK, size, MADV_WIPEONFORK);
    sodium_mprotect_noaccess(self->base);
    return true;
}

static size_t units_of(size_t capacity)
{
    return capacity / UNIT + 1; // one byte more than the capacity, for the NUL
}

// The first place for so many units, or NULL.
static unsigned char *room_take(room *self, size_t count)
{
    size_t start = 0;
    size_t at = 0;
    while (at < self->unit_count) {
        if (self->runs[at] != 0) {
            at += self->runs[at];
            start = at;
        } else if (++at - start == count) {
            self->runs[start] = (uint16_t)count;
            return self->base + start * UNIT;
        }
    }
    return NULL;
}

// Wipes and gives back; the room must be open.
static void room_give_back(room *self, const unsigned char *ptr)
{
    size_t at = (size_t)(ptr - self->base) / UNIT;
    sodium_memzero(self->base + at * UNIT, (size_t)self->runs[at] * UNIT);
    self->runs[at] = 0;
}

static bool room_holds(const room *self, const unsigned char *ptr)
{
    return ptr >= self->base && ptr < self->base + self->unit_count * UNIT;
}

static room *room_of(const unsigned char *ptr)
{
    if (room_holds(&memory.use, ptr)) {
        return &memory.use;
    }
    return room_holds(&memory.rest, ptr) ? &memory.rest : NULL;
}

// ---- Setting up

// When the process ends: what is kept for its life, such as a key from the environment, goes too.
static void wipe_room(room *self)
{
    room_open(self);
    sodium_memzero(self->base, self->unit_count * UNIT);
    room_close(self);
}

static void wipe_rooms(void)
{
    pthread_mutex_lock(&memory.lock);
    wipe_room(&memory.use);
    wipe_room(&memory.rest);
    pthread_mutex_unlock(&memory.lock);
}

static bool start_locked(void)
{
    if (memory.started) {
        return true;
    }
    memory.rooms_locked = true;
    memory.started = sodium_init() >= 0 && (memory.use.base || room_start(&memory.use, USE_SIZE)) &&
                     (memory.rest.base || room_start(&memory.rest, REST_SIZE)) &&
                     atexit(wipe_rooms) == 0;
    return memory.started;
}

kk_code kk_secret_start(kk_error *err)
{
    pthread_mutex_lock(&memory.lock);
    bool started = start_locked();
    pthread_mutex_unlock(&memory.lock);
    return started ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "libsodium could not be started");
}

bool kk_secret_is_locked(void)
{
    pthread_mutex_lock(&memory.lock);
    bool is_locked = !memory.exposed;
    pthread_mutex_unlock(&memory.lock);
    return is_locked;
}

static kk_code fail_lock(kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_MEMLOCK, "memory for secrets cannot be locked");
    kk_fail_hint(err, "raise the limit on locked memory to 1 MiB or more: 'ulimit -l 1024', or "
                      "LimitMEMLOCK= of a service");
    return code;
}

kk_code kk_secret_require_lock(kk_error *err)
{
    kk_code code = kk_secret_start(err);
    if (code != KK_OK) {
        return code;
    }
    pthread_mutex_lock(&memory.lock);
    memory.must_lock = true;
    bool is_locked = memory.rooms_locked;
    pthread_mutex_unlock(&memory.lock);
    return is_locked ? KK_OK : fail_lock(err);
}

// ---- Secrets

// Pages of its own for a secret that has no place in a room.
static unsigned char *take_pages(size_t size, bool *refused)
{
    unsigned char *pages = sodium_malloc(size);
    if (pages == NULL || sodium_mlock(pages, size) == 0) {
        return pages;
    }
    if (memory.must_lock) {
        *refused = true;
        sodium_free(pages);
        return NULL;
    }
    memory.exposed = true;
    return pages;
}

kk_code kk_secret_make(kk_secret *self, size_t capacity, kk_error *err)
{
    kk_secret_clean(self);
    kk_code code = kk_secret_start(err);
    if (code != KK_OK) {
        return code;
    }
    pthread_mutex_lock(&memory.lock);
    bool refused = memory.must_lock && !memory.rooms_locked;
    unsigned char *bytes = refused ? NULL : room_take(&memory.use, units_of(capacity));
    if (bytes != NULL) {
        room_open(&memory.use);
        memory.exposed = memory.exposed || !memory.rooms_locked;
    } else if (!refused) {
        bytes = take_pages(capacity + 1, &refused);
    }
    pthread_mutex_unlock(&memory.lock);
    if (refused) {
        return fail_lock(err);
    }
    if (bytes == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for %zu secret bytes", capacity);
    }
    bytes[0] = '\0';
    *self = (kk_secret){.ptr = bytes, .capacity = capacity};
    return KK_OK;
}

kk_code kk_secret_append(kk_secret *self, const void *bytes, size_t len, kk_error *err)
{
    if (len > self->capacity - self->len) {
        return kk_fail(err, KK_ERR_TOO_LARGE, "a secret is longer than %zu bytes", self->capacity);
    }
    if (len == 0) {
        return KK_OK;
    }
    memcpy(self->ptr + self->len, bytes, len);
    self->len += len;
    self->ptr[self->len] = '\0';
    return KK_OK;
}

kk_str kk_secret_view(const kk_secret *self)
{
    return (kk_str){(const char *)self->ptr, self->len};
}

// From the room for use into the one for rest; where that is full, the secret stays in use.
static void move_to_rest(kk_secret *self)
{
    unsigned char *place = room_take(&memory.rest, units_of(self->capacity));
    if (place == NULL) {
        return;
    }
    room_open(&memory.rest);
    memcpy(place, self->ptr, self->len);
    place[self->len] = '\0';
    room_close(&memory.rest);
    room_give_back(&memory.use, self->ptr);
    room_close(&memory.use);
    self->ptr = place;
    self->resting = true;
}

void kk_secret_rest(kk_secret *self)
{
    if (self->ptr == NULL || self->resting) {
        return;
    }
    pthread_mutex_lock(&memory.lock);
    room *place = room_of(self->ptr);
    if (place == &memory.use) {
        move_to_rest(self);
    } else if (place == &memory.rest) {
        room_close(&memory.rest);
        self->resting = true;
    } else {
        sodium_mprotect_noaccess(self->ptr);
        self->resting = true;
    }
    pthread_mutex_unlock(&memory.lock);
}

void kk_secret_wake(kk_secret *self)
{
    if (self->ptr == NULL || !self->resting) {
        return;
    }
    pthread_mutex_lock(&memory.lock);
    if (room_of(self->ptr) != NULL) {
        room_open(&memory.rest);
    } else {
        sodium_mprotect_readwrite(self->ptr);
    }
    self->resting = false;
    pthread_mutex_unlock(&memory.lock);
}

void kk_secret_clean(kk_secret *self)
{
    if (self->ptr == NULL) {
        *self = (kk_secret){0};
        return;
    }
    kk_secret_wake(self);
    pthread_mutex_lock(&memory.lock);
    room *place = room_of(self->ptr);
    if (place != NULL) {
        room_give_back(place, self->ptr);
        room_close(place);
    } else {
        sodium_free(self->ptr); // wipes
    }
    pthread_mutex_unlock(&memory.lock);
    *self = (kk_secret){0};
}

void kk_wipe(void *bytes, size_t len)
{
    if (len > 0) {
        sodium_memzero(bytes, len);
    }
}

void kk_random(void *bytes, size_t len)
{
    randombytes_buf(bytes, len);
}

uint64_t kk_secret_mark(const kk_mark_key *key, kk_str secret)
{
    static_assert(sizeof key->bytes == crypto_shorthash_KEYBYTES, "the key of libsodium's hash");
    uint64_t mark = 0;
    crypto_shorthash((unsigned char *)&mark, (const unsigned char *)secret.ptr, secret.len,
                     key->bytes);
    return mark | 1;
}
