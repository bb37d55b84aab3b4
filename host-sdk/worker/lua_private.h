// What the runtime's files share.
//
// Every function here that takes a lua_State may raise a Lua error, unless it says otherwise.
// Memory that has to outlive such a jump belongs to the runtime (its scratch buffer) or to Lua.
#ifndef KK_LUA_PRIVATE_H
#define KK_LUA_PRIVATE_H

#include "lua_runtime.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum {
    SCRIPT_DISTANCE_LEAST = 100,  // instructions between two looks at the clock
    SCRIPT_DISTANCE_MOST = 12800, // the same
    SCRIPT_LOOK_MS = 1,           // the time between two looks that is aimed at
    SCRIPT_RESUMES = 64,          // coroutines that are started between two looks
    SCRIPT_CLOSING_MAX = 10,      // coroutines whose closing closes a further one
    SCRIPT_PATH_SHOWN = 80        // bytes of a path that help a reader
};

// What the state gets on top of its limit to report that the limit is reached.
#define SCRIPT_SLACK ((size_t)256 << 10)
// The most bytes of one text that the runtime makes: a shown value, JSON, a request.
#define SCRIPT_TEXT_MAX ((size_t)8 << 20)

// Where a script was.
typedef struct script_place {
    int line; // 0 = not known
    char source[LUA_IDSIZE];
} script_place;

struct script_runtime {
    script_callbacks callbacks;
    script_limits ceilings;
    script_limits limits; // of the run in progress
    lua_State *state;
    lua_State *running; // the thread whose code runs

    size_t memory_used;
    size_t memory_peak;
    size_t slack;
    uint64_t cpu_start_ns;
    uint64_t looked_ns; // when the clock was looked at last
    int distance;
    size_t printed;
    size_t calls;
    size_t resumes;
    size_t closing;

    // Once it is set the run is over: nothing catches what ends it.  NULL while it is not.
    const char *exceeded;
    kk_code exceeded_code;
    script_place exceeded_at;
    script_place refused_at; // where memory was refused last
    char exceeded_text[160];

    kk_buf scratch; // cleared by whoever uses it; never across a call into a script
    kk_buf done;
};

// The runtime of a state or of one of its threads.  Never raises.
script_runtime *script_of(lua_State *lua);

// ---- Limits (lua_limits.c)

void *script_allocate(void *context, void *block, size_t old_size, size_t size);
void script_start_limits(script_runtime *self, const script_limits *limits);
uint64_t script_cpu_ms(const script_runtime *self);
// Where the script is; line 0 if no script runs.  Neither allocates nor raises.
void script_where(lua_State *lua, script_place *place);
// Ends the run.  Does not return; the int is for `return script_exceed(...)`.
int script_exceed(lua_State *lua, kk_code code, const char *text);
int script_exceed_memory(lua_State *lua);
// Notes that memory ran out where Lua has already said so.  Never raises.
void script_note_memory(script_runtime *self);
// Raises again what ended the run, if something did.
void script_check(lua_State *lua);
// Looks at the clock.
void script_check_cpu(lua_State *lua);

// ---- Globals (lua_globals.c, lua_protect.c)

// Fills the new state.
void script_open_globals(lua_State *lua);
// Replaces what could hold up the end of a run: pcall, xpcall, coroutine.resume, wrap and close.
void script_open_protect(lua_State *lua);
void script_open_show(lua_State *lua);
void script_open_json(lua_State *lua);
void script_open_regex(lua_State *lua);
void script_open_docs(lua_State *lua);
void script_open_errors(lua_State *lua);
void script_open_namespaces(lua_State *lua);

// ---- Kinds of tables and values (lua_values.c)

typedef enum script_kind {
    SCRIPT_PLAIN,
    SCRIPT_ARRAY,    // remembers that it is an array, even when it is empty
    SCRIPT_ERROR,    // an error object
    SCRIPT_NAMESPACE // a read-only part of `app`
} script_kind;

// What the table at [index] is.
script_kind script_table_kind(lua_State *lua, int index);
// Makes the metatable on the top one of that kind.
void script_set_kind(lua_State *lua, script_kind kind);
// Marks the table on the top as an array.
void script_mark_array(lua_State *lua);
void script_push_array_mark(lua_State *lua);
void script_push_null(lua_State *lua);
bool script_is_null(lua_State *lua, int index);

// How the keys of a table are.
typedef enum script_shape {
    SCRIPT_EMPTY,
    SCRIPT_SEQUENCE, // 1 to count
    SCRIPT_RECORD,   // strings only
    SCRIPT_HOLES,    // integers, but not 1 to count
    SCRIPT_MIXED     // anything else
} script_shape;

// Looks at the raw keys of the table at [index].
script_shape script_table_shape(lua_State *lua, int index, size_t *count);
// Pushes a block of memory with the string keys of the table at [index], sorted by their bytes, and
// gives their number.  The keys are the table's own: they stay as long as it is not changed.
const kk_str *script_push_sorted_keys(lua_State *lua, int index, size_t *count);
// Appends a number as JSON has it; one that JSON does not have as "nan", "inf" or "-inf".
void script_write_number(lua_State *lua, int index, kk_buf *out);

// ---- JSON (lua_read.c, lua_write.c)

typedef struct script_read_problem {
    const char *problem;
    size_t at;
} script_read_problem;

// Pushes the value of a JSON text.  Null members of objects are left out unless [keep_null]; null
// elements of arrays are json.null.  Integers that fit stay integers, all other numbers are floats;
// of members with the same name the last one stays.  False if it is not JSON; then nothing is
// pushed.  Uses the scratch buffer, which must not hold [text].
bool script_read(lua_State *lua, kk_str text, bool keep_null, script_read_problem *problem);

typedef struct script_writer {
    kk_buf *out;
    size_t depth_max;
    bool indent;
    // After a failure:
    kk_code code;      // KK_ERR_INVALID_ARGS or KK_ERR_LIMIT_EXCEEDED
    char problem[160]; // a sentence fragment
    char path[160];    // JSON Pointer to the value at fault
} script_writer;

// Appends the value at [index] as JSON, members sorted by name; an empty table that is not marked
// as an array is an object.  False with code, problem and path if it has no JSON form.
bool script_write(lua_State *lua, int index, script_writer *writer);

// ---- Showing (lua_show.c)

// Appends the value at [index] for a reader: JSON over several lines where it can be, and what has
// no JSON form in angle brackets.  Runs no code of a script.
void script_show(lua_State *lua, int index, kk_buf *out);
// Pushes what tostring() gives for the value at [index].  May run a script's __tostring.
void script_push_text(lua_State *lua, int index);

// ---- Errors (lua_error.c)

// What an error object is made of.  NULL = absent.
typedef struct script_problem {
    kk_code code;
    const char *message;
    const char *hint;
    const char *argument;
    const char *account;
    const char *function;
} script_problem;

// Raises an error object with the script's place.
int script_raise(lua_State *lua, const script_problem *problem);
// The string that the table at [index] holds under [name], or NULL.  It stays as long as the table
// holds it.
const char *script_text_member(lua_State *lua, int index, const char *name);
// Raises the table on the top, the members of a FAILURE, as an error object.
int script_raise_table(lua_State *lua);
// Appends the line to show for the error object at [index].
void script_write_error_text(lua_State *lua, int index, kk_buf *out);
// The message handler of a run: makes of any error value a table that script_write_error() takes.
int script_handle_error(lua_State *lua);
// Appends the "error" of DONE for what the handler made, and gives its code.
kk_code script_write_error(lua_State *lua, int index, kk_buf *out);
// The same for what ended the run without the state's help.  Never raises.
void script_write_exceeded(const script_runtime *self, kk_buf *out);

// ---- Calling out (lua_call.c)

// Pushes the function that calls a tool.  Upvalues are taken from the stack: name, account or nil,
// parameters, path.
void script_push_call(lua_State *lua);
// Asks, and pushes the result or raises the failure.  The request stands in the scratch buffer.
void script_ask_and_push(lua_State *lua, script_ask ask, const char *what);

// ---- Namespaces (lua_namespace.c)

// Puts the catalogue on the top, as Lua tables, into `app.integrations`.
void script_build_catalogue(lua_State *lua);
// Pushes what the namespace at [index] holds.
void script_push_contents(lua_State *lua, int index);

#endif
