// PlanetScale's API as its public description tells it: a function from a request to an answer.
//
// It serves the seven operations that kk's plugin calls, for these organizations:
//
//   acme                  12 databases of both kinds and every state, with 4 or 2 branches
//   my-org                my-database and my-analytics; my-new-database is free to be created
//   example_organization  3 databases
//   many                  237 databases
//   endless               every page is full and names a next one
//   repeats               30 databases; each page names itself as the next one
//   empty                 none
//   acme-staging          2 databases; the only one that the account `staging` sees in its list
//   lossy                 what creates `orders` gets no answer, and the database is there
//   fault-*               every request fails in one way; see the table in api_faults.c
//   fault-echo*           every answer repeats the caller's secret; see api_echo.h
//
// It keeps nothing: a database that was created is not there afterwards.
#ifndef KK_TEST_API_MODEL_H
#define KK_TEST_API_MODEL_H

#include "http_server.h"

#define API_ACCOUNTS_MAX 16

// Who may call, and what an account may not do.
typedef struct api_account {
    char name[64];
    char authorization[256]; // the whole value of the header
    bool no_read_databases;  // lacks the access read_databases
    bool no_create_databases;
} api_account;

typedef struct api_model {
    api_account accounts[API_ACCOUNTS_MAX];
    size_t account_count;
} api_model;

// Adds accounts from a text with one a line: `NAME [-ACCESS]... AUTHORIZATION`, where -ACCESS is
// -read_databases or -create_databases and AUTHORIZATION is `ID:TOKEN` or `Bearer TOKEN`.  Empty
// lines and lines that begin with '#' are passed over.
// Errors: KK_ERR_USAGE with the number of the line, never its text.
KK_MUST_USE kk_code api_model_add_accounts(api_model *self, const char *text, kk_error *err);

// Answers [request]; an http_handler whose context is a const api_model.
void api_model_answer(void *model, const http_request *request, http_answer *answer);

// Gives *out the account whose authorization [value] is, or NULL.
const api_account *api_model_account(const api_model *self, const char *value);

#endif
