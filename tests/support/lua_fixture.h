// A Lua runtime whose callbacks write down what they are asked and answer what they are told.
#ifndef LUA_FIXTURE_H
#define LUA_FIXTURE_H

#include "buf.h"
#include "json.h"
#include "lua_runtime.h"

typedef struct lua_fixture {
    script_runtime *runtime;
    kk_buf printed; // by the last run
    kk_buf request; // the last one of the last run
    kk_buf done;
    cJSON *report; // done, parsed
    size_t asked;  // in the last run

    script_answer answer; // to every call and question
    const char *answer_json;
    bool deaf; // print answers that nobody listens

    size_t blocks;    // that are allocated
    size_t countdown; // the nth allocation from now fails, and all that follow; 0 = none does
    size_t once;      // the number of a single allocation that fails; 0 = none
    size_t allocations;
} lua_fixture;

// The catalogue of fixtures: planetscale with the accounts main and my-prod, and `open`, whose
// accounts cannot be told.
extern const char lua_fixture_catalogue[];

// Opens a runtime with the catalogue.  False if memory ran out, as it was told to.
bool lua_fixture_open(lua_fixture *self, const script_limits *limits);
void lua_fixture_close(lua_fixture *self);

// Runs a chunk named "=test" and checks that its report is what lua_runtime.h promises.
kk_code lua_fixture_run(lua_fixture *self, const char *code);
kk_code lua_fixture_run_limited(lua_fixture *self, kk_str code, const script_limits *limits);

// A text of the last error, or NULL.
const char *lua_fixture_error(const lua_fixture *self, const char *member);
int lua_fixture_line(const lua_fixture *self);
// The first of the results, as text.
const char *lua_fixture_result(const lua_fixture *self);

#endif
