// Many processes at one keyring: nothing that was reported as stored is lost, no reader sees a torn
// file or one that goes back, and a process that is killed at any moment holds nobody up.
#include "keyring_file.h"
#include "unit.h"
#include <dirent.h>
#include <errno.h>
#include <kk/keyring.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 16, SETS = 50, KILLED_SETS = 15, READERS = 8, KILLS = 60, TRIES_MAX = 200 };

// What the processes tell each other.  A number is written once the set was reported as done.
typedef struct board {
    atomic_int done[WRITERS];
    atomic_int reads;
    atomic_bool over;
} board;

typedef struct room {
    char dir[64];
    board *board;
    int sets;
    pid_t writers[WRITERS];
    pid_t readers[READERS];
} room;

// ---- In a process of its own: the exit status says what went wrong, 0 = nothing

enum { LOST = 10, BACKWARDS, REFUSED, STARVED };

static _Noreturn void leave(int status, const kk_error *err)
{
    if (status != 0) {
        fprintf(stderr, "process %ld leaves with %d: %s: %s\n", (long)getpid(), status,
                kk_code_name(err->code), err->message);
    }
    _exit(status);
}

static kk_keyring *open_ring(const room *self)
{
    kk_error err = {0};
    kk_keyring *ring = NULL;
    kk_keyring_options options = {
        .size = sizeof options, .flags = KK_KEYRING_IGNORE_ENVIRONMENT, .home = self->dir};
    if (kk_keyring_open(&options, &ring, &err) != KK_OK) {
        leave(REFUSED, &err);
    }
    return ring;
}

static void name_of(int writer, int set, char account[16], char field[16])
{
    snprintf(account, 16, "w%d", writer);
    snprintf(field, 16, "f%d", set);
}

// A writer that waited in vain is told to try again, and does.
static void store(kk_keyring *ring, int writer, int set)
{
    char account[16];
    char field[16];
    name_of(writer, set, account, field);
    kk_keyring_value value = {field, field, strlen(field)};
    for (int i = 0; i < TRIES_MAX; i++) {
        kk_error err = {0};
        kk_code code = kk_keyring_set(ring, "shelf", account, &value, 1, &err);
        if (code == KK_OK) {
            return;
        }
        if (code != KK_ERR_LOCKED || !err.retryable) {
            leave(REFUSED, &err);
        }
    }
    leave(STARVED, &(kk_error){0});
}

static _Noreturn void write_all(const room *self, int writer)
{
    kk_keyring *ring = open_ring(self);
    for (int set = atomic_load(&self->board->done[writer]); set < self->sets; set++) {
        store(ring, writer, set);
        atomic_store(&self->board->done[writer], set + 1);
    }
    kk_keyring_close(ring);
    leave(0, NULL);
}

// How many records of a writer a listing has.
static void count(const kk_keyring_listing *listing, int *counts)
{
    memset(counts, 0, WRITERS * sizeof *counts);
    for (size_t i = 0; i < listing->count; i++) {
        if (listing->entries[i].field[0] != '\0') {
            counts[strtol(listing->entries[i].account + 1, NULL, 10)]++;
        }
    }
}

static _Noreturn void read_on(const room *self)
{
    kk_keyring *ring = open_ring(self);
    uint64_t last = 0;
    while (!atomic_load(&self->board->over)) {
        kk_error err = {0};
        int before[WRITERS];
        int counts[WRITERS];
        kk_keyring_listing listing;
        for (int i = 0; i < WRITERS; i++) {
            before[i] = atomic_load(&self->board->done[i]);
        }
        if (kk_keyring_refresh(ring, &err) != KK_OK ||
            kk_keyring_list(ring, &listing, &err) != KK_OK || !listing.verified) {
            leave(REFUSED, &err);
        }
        if (listing.generation < last) {
            leave(BACKWARDS, &err);
        }
        last = listing.generation;
        count(&listing, counts);
        for (int i = 0; i < WRITERS; i++) {
            if (counts[i] < before[i]) {
                leave(LOST, &err);
            }
        }
        atomic_fetch_add(&self->board->reads, 1);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    kk_keyring_close(ring);
    leave(0, NULL);
}

// ---- The crowd

static pid_t start(const room *self, int writer)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        writer >= 0 ? write_all(self, writer) : read_on(self);
    }
    return child;
}

static int set_up(void **state)
{
    kk_error err = {0};
    char key[96];
    char text[KK_KEY_TEXT_SIZE];
    room *self = calloc(1, sizeof *self);
    assert_non_null(self);
    strncpy(self->dir, "/tmp/kk-crowd-XXXXXX", sizeof self->dir - 1);
    assert_non_null(mkdtemp(self->dir));
    self->board =
        mmap(NULL, sizeof *self->board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(self->board != MAP_FAILED);
    kk_keyring *ring = open_ring(self);
    snprintf(key, sizeof key, "%s/key", self->dir);
    assert_ok(kk_keyring_init(ring, key, text, &err), &err);
    kk_keyring_close(ring);
    *state = self;
    return 0;
}

// The files of the directory whose names begin with [prefix]; removes them all with [remove].
static int files(const room *self, const char *prefix, bool remove)
{
    char path[400];
    int found = 0;
    DIR *dir = opendir(self->dir);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            found++;
            snprintf(path, sizeof path, "%s/%s", self->dir, entry->d_name);
            if (remove) {
                unlink(path);
            }
        }
    }
    closedir(dir);
    return found;
}

static int tear_down(void **state)
{
    room *self = *state;
    files(self, "", true);
    assert_int_equal(rmdir(self->dir), 0);
    munmap(self->board, sizeof *self->board);
    free(self);
    return 0;
}

static void start_all(room *self, int sets)
{
    self->sets = sets;
    for (int i = 0; i < READERS; i++) {
        self->readers[i] = start(self, -1);
    }
    for (int i = 0; i < WRITERS; i++) {
        self->writers[i] = start(self, i);
    }
}

static int wait_for(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

// Ends the readers, and holds everything against what the writers reported.
static uint64_t finish(room *self)
{
    kk_error err = {0};
    kk_keyring_listing listing;
    int counts[WRITERS];
    atomic_store(&self->board->over, true);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(wait_for(self->readers[i]), 0);
    }
    assert_true(atomic_load(&self->board->reads) >= READERS);
    kk_keyring *ring = open_ring(self);
    assert_ok(kk_keyring_refresh(ring, &err), &err);
    assert_ok(kk_keyring_list(ring, &listing, &err), &err);
    uint64_t generation = listing.generation;
    count(&listing, counts);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(counts[i], self->sets);
    }
    kk_keyring_close(ring);
    return generation;
}

static void test_keyring_crowd__sixteen_writers_lose_nothing(void **state)
{
    room *self = *state;
    start_all(self, SETS);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(wait_for(self->writers[i]), 0);
    }
    assert_int_equal(finish(self), 1 + WRITERS * SETS);
    assert_int_equal(files(self, KK_KEYRING_TEMP_PREFIX, false), 0);
}

// Kills a writer that is at work, and starts it again; false if there is none left.
static bool kill_one(room *self, unsigned *random)
{
    for (int i = 0; i < WRITERS; i++) {
        int at = (int)((unsigned)rand_r(random) % WRITERS);
        if (atomic_load(&self->board->done[at]) < self->sets) {
            kill(self->writers[at], SIGKILL);
            int status = wait_for(self->writers[at]);
            self->writers[at] = start(self, at);
            return WIFSIGNALED(status);
        }
    }
    return false;
}

static void test_keyring_crowd__nor_while_some_are_killed(void **state)
{
    room *self = *state;
    unsigned random = 4;
    int kills = 0;
    start_all(self, KILLED_SETS);
    for (int i = 0; i < KILLS; i++) {
        struct timespec pause = {.tv_nsec = rand_r(&random) % 20000000};
        nanosleep(&pause, NULL);
        kills += kill_one(self, &random);
    }
    assert_true(kills > 0);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(wait_for(self->writers[i]), 0);
    }
    // A set may have been made by a process that was killed before it could say so.
    uint64_t generation = finish(self);
    assert_true(generation >= 1 + WRITERS * KILLED_SETS);
    assert_true(generation <= 1 + WRITERS * KILLED_SETS + (uint64_t)kills);
    // What the killed left behind goes with the next commit.
    kk_error err = {0};
    kk_keyring *ring = open_ring(self);
    assert_ok(kk_keyring_set_default(ring, "shelf", "w1", &err), &err);
    assert_ok(kk_keyring_set_default(ring, "shelf", "w2", &err), &err);
    kk_keyring_close(ring);
    assert_int_equal(files(self, KK_KEYRING_TEMP_PREFIX, false), 0);
}

#define IN_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_ROOM(test_keyring_crowd__sixteen_writers_lose_nothing),
        IN_ROOM(test_keyring_crowd__nor_while_some_are_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
