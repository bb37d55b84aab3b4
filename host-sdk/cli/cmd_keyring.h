// What the keyring's commands share.
#ifndef KK_CMD_KEYRING_H
#define KK_CMD_KEYRING_H

#include "cmd.h"
#include <kk/keyring.h>

enum { KK_PLACE_NAME_SIZE = 64 };

// PLUGIN/ACCOUNT or PLUGIN/ACCOUNT/FIELD, taken apart.
typedef struct kk_place {
    char plugin[KK_PLACE_NAME_SIZE];
    char account[KK_PLACE_NAME_SIZE];
    char field[KK_PLACE_NAME_SIZE]; // "" where there is none
} kk_place;

// Errors: KK_ERR_USAGE, without repeating the text, which may be a secret in the wrong place.
KK_MUST_USE kk_code kk_place_parse(const char *text, kk_place *out, kk_error *err);

enum { KK_TIME_SIZE = 32 };

// A time as 2026-01-31T23:59:59Z.
void kk_time_write(int64_t unix_seconds, char out[KK_TIME_SIZE]);

// Prints what was done, and the text of a key that was made for it unless that is "".  With --json
// [name] is the member that holds [number].
KK_MUST_USE kk_code kk_show_new_key(const kk_run *run, const char *done, const char *name,
                                    uint64_t number, const char *key_text, kk_error *err);

// What --on-conflict says.  Errors: KK_ERR_USAGE.
KK_MUST_USE kk_code kk_read_on_conflict(const kk_run *run, kk_keyring_conflict *out, kk_error *err);

// The variable that a field is handed to a program in.
void kk_variable_name(const char *plugin, const kk_lent_field *field, char *out, size_t out_size);

// A handle on the keyring that the options choose.
KK_MUST_USE kk_code kk_run_open_keyring(const kk_run *run, kk_keyring **out, kk_error *err);

#endif
