// Calls of get_current_user from a script, beside the same calls from C: what Lua and the way to
// the worker and back add.
//
//     bench_lua_call TAPE
#include "bench.h"
#include <kk/lua.h>
#include <stdio.h>

enum { PAIRS = 60 };

// Both sides call as often; a hundredth of the difference is what one call costs on top.
#define CALLS 100
#define FUNCTION "planetscale.get_current_user"

static bool run_lua(void *context)
{
    kk_error err = {0};
    kk_lua_result *result = NULL;
    kk_lua_run_options run = {.size = sizeof run,
                              .code = "local call = app.integrations.planetscale.get_current_user "
                                      "for i = 1, 100 do call({}) end"};
    kk_code code = kk_lua_run(context, &run, &result, &err);
    bool ok = code == KK_OK && kk_lua_result_call_count(result) == CALLS;
    if (!ok) {
        fprintf(stderr, "%s: %s\n", kk_code_name(code), err.message);
    }
    kk_lua_result_free(result);
    return ok;
}

static bool run_c(void *context)
{
    bool ok = true;
    for (int i = 0; i < CALLS && ok; i++) {
        kk_error err = {0};
        kk_result *result = NULL;
        kk_call_options call = {.size = sizeof call, .function = FUNCTION, .args = "{}"};
        ok = kk_host_call(context, &call, &result, &err) == KK_OK;
        kk_result_free(result);
    }
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench_lua_call TAPE\n");
        return 2;
    }
    kk_error err = {0};
    kk_host *host = NULL;
    kk_lua *lua = NULL;
    kk_host_options options = {.size = sizeof options, .replay_file = argv[1]};
    kk_lua_options session = {.size = sizeof session};
    bool ok = kk_host_open(&options, &host, &err) == KK_OK &&
              kk_lua_open(host, &session, &lua, &err) == KK_OK;
    if (!ok) {
        fprintf(stderr, "%s; %s\n", err.message, err.hint);
    }
    ok = ok && kk_bench_pairs("get_current_user, replay, 100 calls from Lua",
                              (kk_bench_side){"Lua", run_lua, lua},
                              (kk_bench_side){"100 calls from C", run_c, host}, PAIRS);
    kk_lua_close(lua);
    kk_host_close(host);
    return ok ? 0 : 1;
}
