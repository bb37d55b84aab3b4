// kk/lua.h - scripts in Lua 5.4 that call the tools of a host, for programs that do not trust the
// scripts.
//
//     kk_lua *lua = NULL;
//     kk_lua_result *result = NULL;
//     kk_lua_options options = {.size = sizeof options};
//     if (kk_lua_open(host, &options, &lua, &err) == KK_OK) {
//         kk_lua_run_options run = {.size = sizeof run,
//                                   .code = "return #app.integrations.planetscale"
//                                           ".list_databases({organization = 'acme'}).data"};
//         if (kk_lua_run(lua, &run, &result, &err) == KK_OK) {
//             puts(kk_lua_result_at(result, 0, NULL));
//         }
//         kk_lua_result_free(result);
//     }
//     kk_lua_close(lua);
//
// A script runs in kk-worker, a process of its own that can neither open a file nor reach the
// network, and that has no credential: it sends the name of a function and its arguments, and this
// library makes the call as kk_host_call() does.  A program that includes this header needs neither
// Lua nor its headers, and no script can crash it or keep it waiting beyond a limit.
//
// What a script can use is described in docs/lua.md.  Globals that a script sets are there for the
// next run of the same session, until a run is ended by force.
//
// Limits.  Inside the worker a limit is an error at the script's line, which pcall() does not
// catch.  A script that does not come to such a check, as in string.rep("", 1e18), is ended from
// outside: the worker is killed, a call in flight is cancelled, what was printed until then is
// kept, and the next run gets a new worker with no globals of the old one.  Either way the failure
// is KK_ERR_LIMIT_EXCEEDED, and kk_lua_result_restarts() tells which way it was.
//
// Built without Lua (KK_WITH_LUA=OFF), kk_lua_open() fails with KK_ERR_USAGE.
//
// SPDX-License-Identifier: MIT
#ifndef KK_LUA_H
#define KK_LUA_H

#include <kk/host.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kk_lua kk_lua;
typedef struct kk_lua_result kk_lua_result;

// What a script may use.  0 is the default, in a session; in a run it is the session's.  A session
// may have other limits, up to the greatest; a run may only have lower ones than its session.
typedef struct kk_lua_limits {
    size_t size;         // sizeof(kk_lua_limits)
    size_t memory_bytes; // of the script's values: 32 MiB; 256 KiB to 1 GiB
    size_t output_bytes; // printed: 1 MiB; at most 64 MiB
    uint32_t cpu_ms;     // of the worker, calls not counted: 30 000; at most an hour
    uint32_t wall_ms;    // from start to end, calls counted: 300 000; at most a day
    uint32_t calls;      // of functions, failed ones too: 1000; at most 1 000 000
    uint32_t depth;      // of tables in tables that become JSON: 200; at most 1000
} kk_lua_limits;

// Gets what a script prints, as it is printed.  The bytes are borrowed, and may be any: UTF-8 only
// if the script saw to it.  Runs on the thread of kk_lua_run().  It must not use the session.
typedef void (*kk_lua_print_fn)(void *context, const char *bytes, size_t len);

#define KK_LUA_APPROVED UINT32_C(1) // every write of the scripts is approved
#define KK_LUA_DRY_RUN UINT32_C(2)  // calls stop before anything is sent; they give json.null

// All borrowed for kk_lua_open() alone, the contexts excepted.
typedef struct kk_lua_options {
    size_t size; // sizeof(kk_lua_options)
    uint32_t flags;
    const char *account;         // the account of calls that name none, before the host's; or NULL
    const kk_lua_limits *limits; // or NULL: the defaults
    uint32_t call_timeout_ms;    // for each call, as kk_call_options.timeout_ms
    kk_approve_fn approve;       // asked before each write, on the thread of kk_lua_run(); or NULL
    void *approve_context;
} kk_lua_options;

// A session for scripts.  [host] is borrowed until kk_lua_close(), and may serve other threads and
// sessions at the same time.  The worker is started by the first run.
// Errors: KK_ERR_USAGE (a limit that cannot be, or a build without Lua), KK_ERR_INTERNAL.
// *out is new: for kk_lua_close().
KK_PUBLIC KK_MUST_USE kk_code kk_lua_open(kk_host *host, const kk_lua_options *options,
                                          kk_lua **out, kk_error *err);

// Ends the worker and frees the session.  No run may be going on.  Harmless for NULL.
KK_PUBLIC void kk_lua_close(kk_lua *lua);

// All borrowed for kk_lua_run().
typedef struct kk_lua_run_options {
    size_t size;                 // sizeof(kk_lua_run_options)
    const char *code;            // a chunk of Lua source text
    size_t code_len;             // 0 = up to the NUL; at most 4 MiB
    const char *name;            // as error messages show it, such as "report.lua"; NULL = "script"
    const kk_lua_limits *limits; // or NULL: the session's
    kk_cancel *cancel;           // or NULL
    kk_lua_print_fn print;
    void *print_context; // with `print` NULL the output is kept in the result instead
} kk_lua_run_options;

// Runs a chunk and waits for its end.
//
// On success and on failure *result is new, for kk_lua_result_free(), and tells about the run; it
// is NULL only if memory ran out before there was anything to tell.
//
// Errors: KK_ERR_SCRIPT_ERROR (the script does not compile, or failed with an error of its own);
// the code of a call that failed and that the script did not catch, with everything that
// kk_host_call() says of it; KK_ERR_LIMIT_EXCEEDED; KK_ERR_CANCELLED; KK_ERR_USAGE (a limit over
// the session's); KK_ERR_INTERNAL (the worker could not be started or broke down);
// KK_ERR_TIMEOUT (the earlier runs of the session took all the time of this one).
// Threads: any; a run waits for the earlier ones of its session.
KK_PUBLIC KK_MUST_USE kk_code kk_lua_run(kk_lua *lua, const kk_lua_run_options *options,
                                         kk_lua_result **result, kk_error *err);

// One call that a script made.  Borrowed from the result.
typedef struct kk_lua_call {
    const char *function; // "planetscale.list_databases", or the name as the script wrote it
    const char *account;  // or NULL: none was resolved
    kk_code code;         // KK_OK or why it failed
    double duration_ms;
} kk_lua_call;

// Where and how a run failed, beside the kk_error.  Borrowed from the result.
typedef struct kk_lua_failure {
    const kk_error *error;
    const char *function;  // of the call that failed, or NULL
    const char *account;   // of that call, or NULL
    const char *traceback; // several lines, or NULL
    uint32_t line;         // of the chunk, or 0 = not known
} kk_lua_failure;

// What the chunk returned: each value as dump() shows it, and as JSON, "null" for what has no JSON
// form, such as a function.  [len] may be NULL.
KK_PUBLIC size_t kk_lua_result_count(const kk_lua_result *result);
KK_PUBLIC const char *kk_lua_result_at(const kk_lua_result *result, size_t index, size_t *len);
KK_PUBLIC const char *kk_lua_result_json_at(const kk_lua_result *result, size_t index, size_t *len);

// What was printed, "" if it went to `print`; complete up to the end of the run, however it ended.
KK_PUBLIC const char *kk_lua_result_output(const kk_lua_result *result, size_t *len);

// NULL for a run that succeeded.
KK_PUBLIC const kk_lua_failure *kk_lua_result_failure(const kk_lua_result *result);

// The calls in the order in which they were made.
KK_PUBLIC size_t kk_lua_result_call_count(const kk_lua_result *result);
KK_PUBLIC const kk_lua_call *kk_lua_result_call_at(const kk_lua_result *result, size_t index);

// True if the run was ended by force, so that the next one starts without the globals of this one.
KK_PUBLIC bool kk_lua_result_restarts(const kk_lua_result *result);

// As kk_result_wedged(): a tool was still running when its time was over.
KK_PUBLIC bool kk_lua_result_wedged(const kk_lua_result *result);

// The envelope as JSON text:
//     {"success","output","results","error","calls","meta":{"transport","restarts","dry_run"},
//      "duration_ms"}
// `results` are the JSON forms.  `error` has the members of the envelope of a call, and "function",
// "account", "line" and "traceback".  A call is
//     {"function","account","success","code","duration_ms"}.
// Made at the first call; NULL if memory runs out.  Threads: one at a time per result.
KK_PUBLIC const char *kk_lua_result_envelope(kk_lua_result *result, size_t *len);

// Harmless for NULL.
KK_PUBLIC void kk_lua_result_free(kk_lua_result *result);

// What [text], the beginning of a path such as "app.integrations.pl", may become, for an editor's
// completion: a NULL-terminated array of whole paths, sorted, those that go on ending in their dot;
// for free() as one piece.  Empty if nothing fits; NULL if memory runs out.  Threads: any.
KK_PUBLIC char **kk_lua_complete(kk_lua *lua, const char *text);

#ifdef __cplusplus
}
#endif

#endif
