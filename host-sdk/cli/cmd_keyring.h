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

// A handle on the keyring that the options choose.
KK_MUST_USE kk_code kk_run_open_keyring(const kk_run *run, kk_keyring **out, kk_error *err);

#endif
