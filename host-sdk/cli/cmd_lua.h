// What the two ways to run Lua share: a whole script, and lines at the terminal.
#ifndef KK_CMD_LUA_H
#define KK_CMD_LUA_H

#include "cmd.h"
#include "interrupt.h"
#include <kk/lua.h>

// Where the output of a script goes, and what became of it.
typedef struct kk_lua_output {
    kk_cancel *cancel; // raised where stdout fails, because nobody reads on
    kk_error error;    // that failure
} kk_lua_output;

// A kk_lua_print_fn that writes to stdout.
void kk_lua_output_print(void *context, const char *bytes, size_t len);

// Opens a session as the options say; [interrupt] is the context of questions.
KK_MUST_USE kk_code kk_lua_session_open(const kk_run *run, kk_host *host, kk_interrupt *interrupt,
                                        kk_lua **out, kk_error *err);

// Prints what a chunk returned, a line each.
KK_MUST_USE kk_code kk_lua_print_results(const kk_lua_result *result, kk_error *err);

// Reads and runs lines until the end of the input.
KK_MUST_USE kk_code kk_lua_lines(kk_run *run, kk_error *err);

#endif
