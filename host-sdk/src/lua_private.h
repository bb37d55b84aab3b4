// What the files of the Lua session share.
//
//     lua_session.c    opening, closing, and one run from its start to its end
//     lua_limits.c     the limits of sessions and runs
//     lua_serve.c      what a running script asks for: calls and documentation
//     lua_catalogue.c  what there is to call, for the worker and for completion
//     lua_result.c     what the caller gets
#ifndef KK_LUA_PRIVATE_H
#define KK_LUA_PRIVATE_H

#include "host_private.h"
#include "worker.h"
#include <kk/lua.h>

// The most bytes of a chunk, and of the payload that carries it: a byte grows at most sixfold.
#define KK_LUA_CODE_MAX ((size_t)4 << 20)
#define KK_LUA_FRAME_MAX KK_FRAME_TO_WORKER_MAX

struct kk_lua {
    kk_host *host;
    kk_lua_options options; // its texts and limits are the fields below
    char *account;
    kk_lua_limits limits; // none is 0
    kk_turn turn;         // what follows belongs to the run whose turn it is
    kk_worker *worker;    // NULL until the first run, and after one that was ended by force
    kk_worker_frame frame;
    kk_buf catalogue; // as the worker has it
    kk_buf payload;   // what is sent next
};

// A text that may hold NULs.
typedef struct kk_lua_text {
    char *ptr;
    size_t len;
} kk_lua_text;

struct kk_lua_result {
    bool success;
    bool restarts;
    bool wedged;
    bool dry_run;
    const char *transport;
    kk_buf output;
    kk_lua_text *results;
    kk_lua_text *values;
    size_t result_count;
    kk_lua_call *calls; // their texts are the result's
    size_t call_count;
    size_t call_capacity;
    kk_error error;
    kk_lua_failure failure; // its texts are the result's
    double duration_ms;
    char *envelope;
    size_t envelope_len;
};

// One run that is going on.
typedef struct kk_lua_run_state {
    kk_lua *session;
    kk_lua_run_options options;
    kk_lua_limits limits;
    uint64_t deadline_ms; // on the machine's clock
    kk_worker_limits exchange;
    kk_lua_result *result;
    size_t printed;
    bool over_calls;  // the script was told that it may not call any more
    bool done;        // the worker said so
    kk_effect effect; // of a call that was in flight when the run was ended
} kk_lua_run_state;

// Completes [given], which may be NULL or from an older header, by [ceiling], a session's limits;
// NULL for a session itself.
// Errors: KK_ERR_USAGE, naming the limit.
KK_MUST_USE kk_code kk_lua_limits_take(const kk_lua_limits *given, const kk_lua_limits *ceiling,
                                       kk_lua_limits *out, kk_error *err);

// Appends the payload of CATALOGUE.
void kk_lua_write_catalogue(kk_lua *self, kk_buf *out);

// Answer what the worker asks for: make the call, or find the page, and send what came of it.
// Errors: those that end the run.
KK_MUST_USE kk_code kk_lua_serve_call(kk_lua_run_state *run, kk_str request, kk_error *err);
KK_MUST_USE kk_code kk_lua_serve_docs(kk_lua_run_state *run, kk_str request, kk_error *err);

// Sends a frame of the run.
KK_MUST_USE kk_code kk_lua_send(kk_lua_run_state *run, kk_frame_type type, kk_str payload,
                                kk_error *err);

// Reads the payload of DONE into the result.  The error of the script, if it had one, is in
// result->error then.
// Errors: KK_ERR_INTERNAL where it is not such a payload.
KK_MUST_USE kk_code kk_lua_result_read(kk_lua_result *self, kk_str done, kk_error *err);

// Adds a call to the log.  False if memory ran out.
bool kk_lua_result_log(kk_lua_result *self, const char *function, const char *account, kk_code code,
                       double duration_ms);

#endif
