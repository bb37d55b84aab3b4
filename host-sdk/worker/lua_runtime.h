// The Lua that scripts run in: one state, its limits and the functions that a script sees.
//
// The runtime knows neither processes nor frames.  What it needs from outside goes through three
// callbacks; JSON text crosses them in both directions, in the shapes that the frames have, so that
// the worker's main program only passes payloads on.
//
//     script_runtime *runtime = NULL;
//     code = script_open(&callbacks, &limits, &runtime, err);
//     code = script_catalogue(runtime, catalogue_json, err);
//     script_run(runtime, &chunk, &done);          // done: the payload of DONE
//     script_close(runtime);
//
// Globals of a script: app, lua_read_doc, lua_list_docs, lua_search_docs, docs, json, regex, print,
// dump, tostring, and of Lua's own _G, _VERSION, assert, error, getmetatable, ipairs, load, next,
// pairs, pcall, rawequal, rawget, rawlen, rawset, select, setmetatable, tonumber, type, xpcall,
// string (without dump), table, math, utf8, coroutine.  docs/lua.md describes them to who writes
// scripts.
//
// Limits.  Memory, CPU time and output are soft limits of a run: what goes over one ends the run
// with limit_exceeded, and no pcall, coroutine, message handler or closing variable holds it up.
// They cannot interrupt a C function (string.rep("", 1e18), a pattern that backtracks): whoever
// runs scripts that are not his own does it in a process that he can kill.  Finalizers run
// unwatched in Lua, so scripts have none: setmetatable refuses a metatable with __gc.
//
// Threads: a runtime belongs to one thread; there may be several runtimes.
#ifndef KK_LUA_RUNTIME_H
#define KK_LUA_RUNTIME_H

#include "buf.h"
#include "str.h"
#include <kk/error.h>

typedef struct script_runtime script_runtime;

// What a script may use.  Zero stands for the default.
typedef struct script_limits {
    size_t memory_bytes; // what the state holds at once: 32 MiB; at least 256 KiB
    uint64_t cpu_ms;     // of this thread, during one run: 30 000
    size_t output_bytes; // printed during one run: 1 MiB
    size_t depth;        // tables in tables that become JSON: 200; at most 1 000
} script_limits;

// How a request was answered.
typedef enum script_answer {
    SCRIPT_RESULT,  // *json is the result
    SCRIPT_FAILURE, // *json is the failure: an object with "code", "message" and what else of
                    // "hint", "retryable", "http_status", "api_code", "argument", "effect",
                    // "account" and "function" is known
    SCRIPT_LOST     // nobody is there any more: the run ends
} script_answer;

// Asks for something and waits.  [request] is JSON.  *json is JSON text that stays as it is until
// the next callback or the end of the run; it need not end in NUL.  Text that is not JSON becomes a
// failure of its own, `protocol`.
typedef script_answer (*script_ask)(void *context, kk_str request, kk_str *json);

typedef struct script_callbacks {
    void *context;
    // Takes what one print or dump wrote, its newline included.  False as SCRIPT_LOST.
    bool (*print)(void *context, kk_str bytes);
    // request: {"function":"planetscale.list_databases","account":null|"production","args":{...}}.
    // The function's name is the short one, the account's the stored one.
    script_ask call;
    // request: {"verb":"read"|"list"|"search","query":"..."}.  Result: a string, or for list and
    // search an array of {"page","summary",...}.
    script_ask docs;
    // Used in place of realloc() and free() (size 0) for all that the state allocates; NULL for
    // these.  It is called for no more than the limit on memory.
    void *(*allocate)(void *context, void *block, size_t size);
} script_callbacks;

// A new runtime without functions in `app`.  [callbacks] is copied.  [ceilings] may be NULL: the
// defaults; a run may stay below them, not go above.  *out is closed with script_close().
// Errors: KK_ERR_INTERNAL (no memory).
KK_MUST_USE kk_code script_open(const script_callbacks *callbacks, const script_limits *ceilings,
                                script_runtime **out, kk_error *err);

// Sets what `app.integrations` holds, in place of what it held:
//
//     {"plugins":[{"name":"planetscale","accounts":["main","my-prod"] or null,
//                  "tools":[{"name":"get_branch","slug":"planetscale_get_branch",
//                            "parameters":["organization",...]}]}]}
//
// accounts null: they cannot be told, and every name that an account can have is accepted.
// "parameters" is the order of positional arguments.
// Errors: KK_ERR_USAGE for JSON of another shape, KK_ERR_LIMIT_EXCEEDED.  Both leave the old
// catalogue.
KK_MUST_USE kk_code script_catalogue(script_runtime *self, kk_str json, kk_error *err);

typedef struct script_chunk {
    const char *name; // as Lua takes it: "=(command line)", "@file.lua"; NULL is "=(script)"
    kk_str code;      // text; bytecode is refused
    script_limits limits;
} script_chunk;

// Runs a chunk to its end.  Globals that earlier chunks set are there.  Appends one JSON object:
//
//     {"results":["\"text\"","{...}"],   what the chunk returned, each as dump() shows it
//      "values":["text",{...},null],     the same as JSON; null for what has no JSON form
//      "error":null or {"code","message","hint","retryable","http_status","api_code","argument",
//                       "effect","account","function","line","source","text","traceback"},
//      "used":{"memory_peak":bytes,"cpu_ms":number,"output_bytes":number,"calls":number}}
//
// In "error" all members but code, message, retryable and text may be null.  "text" is the line to
// show: `(command line):3: no such database (not_found); check its name`.  "code" is script_error
// for what a script did wrong, limit_exceeded, or the code of the call that failed.
// Returns the code: KK_OK where error is null.
kk_code script_run(script_runtime *self, const script_chunk *chunk, kk_buf *done);

// NULL is allowed.
void script_close(script_runtime *self);

#endif
