// Where accounts come from, for real: a home with a keyring, variables, a project file.
#ifndef KK_TEST_ACCOUNT_FIXTURE_H
#define KK_TEST_ACCOUNT_FIXTURE_H

#include "account.h"
#include "scratch.h"
#include "unit.h"

typedef struct account_fixture {
    scratch dir;
    kk_config *config;
    kk_keyring *keyring;
    kk_plugin *plugin; // vault
    kk_tape *tape;
    kk_account_sources sources;
    kk_account *account; // of the last account_resolve()
    kk_error err;        // of the last account_resolve()
} account_fixture;

// For cmocka_unit_test_setup_teardown(): no keyring yet, no variables, no project file.
int account_set_up(void **state);
int account_tear_down(void **state);

// Makes the keyring, its key in a file that the home's configuration names.
void account_make_keyring(account_fixture *self);

// Stores one field, in one commit.
void account_store(account_fixture *self, const char *account, const char *field,
                   const char *value);

// Writes the project's file and reads the configuration again.
void account_choose_in_project(account_fixture *self, const char *account);

// From now on the accounts are the tape's, whose log._tape.accounts is [accounts] and whose one
// request has [authorization] as its X-Vault header, if it is not NULL.
void account_use_tape(account_fixture *self, const char *accounts, const char *authorization);

kk_code account_resolve(account_fixture *self, const char *name);

// Where the value of a field of the last account comes from.  Valid until the next.
const char *account_source(account_fixture *self, const char *key);

// What the last account's header would be.  Valid until the next.
const char *account_header(account_fixture *self);

#endif
