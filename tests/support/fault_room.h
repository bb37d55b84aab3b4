// A keyring in a directory of its own, under a kk_io whose calls can be made to fail.
#ifndef FAULT_ROOM_H
#define FAULT_ROOM_H

#include "keyring_edit.h"
#include "keyring_file.h"
#include "unit.h"

// No file of these tests is larger, and no commit makes more calls.
enum { FAULT_FILE_MAX = 8192, FAULT_CALLS_MAX = 400 };

// What the calls of a room do.
typedef struct fault_plan {
    int countdown; // the nth call from now fails with `number`; 0 = none does
    int number;
    bool hit;
    bool kept; // a file could not be removed
    bool short_writes;
    char trace[256]; // w = write, f = fsync of a file, d = fsync of a directory, r = rename
    size_t traced;
} fault_plan;

// Of the whole process; cleared by fault_room_set_up().
extern fault_plan faults;

typedef struct fault_room {
    char dir[64];
    char path[96];
    char pin_path[96];
    kk_io io; // of the calls that can fail
    kk_secret key;
    kk_keyring_store store;
} fault_room;

// For cmocka: *state is a room whose keyring holds the token "old" of planetscale/dev.
int fault_room_set_up(void **state);
int fault_room_tear_down(void **state);

// Changes for kk_keyring_file_commit(): none, and the token that the context is a text of.
kk_code fault_room_edit_nothing(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                                kk_error *err);
kk_code fault_room_edit_value(void *context, kk_kring *ring, const kk_secret *keys, bool *changed,
                              kk_error *err);

// Stores a token.
kk_code fault_room_commit(const fault_room *self, const char *text, kk_error *err);

// Returns how many temporary files there are; with [remove_all] the directory is empty then.
int fault_room_empty(const fault_room *self, bool remove_all);

// Reads the keyring's file into [out], which has room for FAULT_FILE_MAX, and returns its length.
size_t fault_room_read(const fault_room *self, char *out);

// Fails the test unless the token is [wanted].
void fault_room_assert(const fault_room *self, const char *wanted);

#endif
