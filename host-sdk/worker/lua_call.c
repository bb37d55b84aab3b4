// Calling a tool: arguments to JSON, the request, and the answer as a value or an error.
#include "json.h"
#include "lua_private.h"
#include <stdarg.h>
#include <stdio.h>

// The upvalues of a function.
enum { CALL_NAME = 1, CALL_ACCOUNT, CALL_PARAMETERS, CALL_PATH, CALL_UPVALUES = CALL_PATH };

static const char *upvalue(lua_State *lua, int which)
{
    return lua_tostring(lua, lua_upvalueindex(which));
}

// Raises what is wrong with the arguments; nothing was sent.
static int refuse(lua_State *lua, kk_code code, const char *argument, const char *format, ...)
    KK_PRINTF(4, 5);

static int refuse(lua_State *lua, kk_code code, const char *argument, const char *format, ...)
{
    char text[400];
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(message, sizeof message, "%s: %s; nothing was sent", upvalue(lua, CALL_NAME), text);
    return script_raise(lua, &(script_problem){.code = code,
                                               .message = message,
                                               .argument = argument,
                                               .account = upvalue(lua, CALL_ACCOUNT),
                                               .function = upvalue(lua, CALL_NAME)});
}

// ---- Arguments

static void write_argument(lua_State *lua, int index, const char *name)
{
    script_runtime *self = script_of(lua);
    script_writer writer = {.out = &self->scratch, .depth_max = self->limits.depth};
    if (script_write(lua, index, &writer)) {
        return;
    }
    char path[sizeof writer.path + 80];
    snprintf(path, sizeof path, "%s%s%s", name[0] != '\0' ? "/" : "", name, writer.path);
    bool placed = path[0] != '\0' && strlen(path) <= SCRIPT_PATH_SHOWN;
    refuse(lua, writer.code, path, "%s%s%s", writer.problem, placed ? ", at " : "",
           placed ? path : "");
}

static bool is_named(lua_State *lua, int index)
{
    size_t count = 0;
    script_shape shape = script_table_shape(lua, index, &count);
    return shape == SCRIPT_RECORD || shape == SCRIPT_EMPTY;
}

static void write_table(lua_State *lua)
{
    if (lua_gettop(lua) > 1) {
        refuse(lua, KK_ERR_INVALID_ARGS, NULL, "nothing may follow the table of arguments");
    }
    if (!is_named(lua, 1)) {
        refuse(lua, KK_ERR_INVALID_ARGS, NULL,
               "the table of arguments names them, as in {organization = \"acme\"}");
    }
    if (lua_next(lua, (lua_pushnil(lua), 1)) == 0) {
        kk_buf_append_text(&script_of(lua)->scratch, "{}");
        return;
    }
    lua_pop(lua, 2);
    write_argument(lua, 1, "");
}

static void write_order(lua_State *lua, char *out, size_t out_size)
{
    lua_Integer count = (lua_Integer)lua_rawlen(lua, lua_upvalueindex(CALL_PARAMETERS));
    out[0] = '\0';
    for (size_t at = 0, i = 1; i <= (size_t)count && at < out_size; i++) {
        lua_rawgeti(lua, lua_upvalueindex(CALL_PARAMETERS), (lua_Integer)i);
        at += (size_t)snprintf(out + at, out_size - at, "%s%s", i > 1 ? ", " : "",
                               luaL_optstring(lua, -1, "?"));
        lua_pop(lua, 1);
    }
}

// Arguments in the order of the schema; nil leaves one out.
static void write_positional(lua_State *lua)
{
    kk_buf *out = &script_of(lua)->scratch;
    lua_Integer count = lua_gettop(lua);
    if ((size_t)count > lua_rawlen(lua, lua_upvalueindex(CALL_PARAMETERS))) {
        char order[300];
        write_order(lua, order, sizeof order);
        refuse(lua, KK_ERR_INVALID_ARGS, NULL, "%d arguments are too many; it takes (%s)",
               (int)count, order);
    }
    kk_buf_append_byte(out, '{');
    bool any = false;
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_isnil(lua, (int)i)) {
            continue;
        }
        lua_rawgeti(lua, lua_upvalueindex(CALL_PARAMETERS), i);
        const char *name = luaL_optstring(lua, -1, "");
        kk_buf_append_text(out, any ? "," : "");
        kk_json_write_string(out, kk_str_from(name));
        kk_buf_append_byte(out, ':');
        write_argument(lua, (int)i, name);
        lua_pop(lua, 1);
        any = true;
    }
    kk_buf_append_byte(out, '}');
}

// A colon passes the namespace itself, in whose place the real arguments would be lost.
static void refuse_colon(lua_State *lua)
{
    if (lua_istable(lua, 1) && script_table_kind(lua, 1) == SCRIPT_NAMESPACE) {
        refuse(lua, KK_ERR_INVALID_ARGS, NULL, "it is called with a dot, not a colon: %s({...})",
               upvalue(lua, CALL_PATH));
    }
}

// ---- The answer

static int raise_not_json(lua_State *lua, const char *what, const script_read_problem *problem)
{
    char message[240];
    snprintf(message, sizeof message, "the answer to %s is not JSON: %s, at byte %zu", what,
             problem->problem, problem->at + 1);
    return script_raise(lua, &(script_problem){.code = KK_ERR_PROTOCOL, .message = message});
}

static int raise_failure(lua_State *lua)
{
    if (!lua_istable(lua, -1)) {
        return script_raise(lua, &(script_problem){.code = KK_ERR_PROTOCOL,
                                                   .message = "a failure came without a reason"});
    }
    const char *code = script_text_member(lua, -1, "code");
    const char *message = script_text_member(lua, -1, "message");
    if (code != NULL && strcmp(code, kk_code_name(KK_ERR_LIMIT_EXCEEDED)) == 0) {
        // A limit that is kept outside, such as the number of calls.
        script_exceed(lua, KK_ERR_LIMIT_EXCEEDED, message != NULL ? message : "a limit");
    }
    return script_raise_table(lua);
}

void script_ask_and_push(lua_State *lua, script_ask ask, const char *what)
{
    script_runtime *self = script_of(lua);
    if (self->scratch.failed != KK_OK) {
        script_raise(lua, &(script_problem){.code = KK_ERR_TOO_LARGE,
                                            .message = "the arguments are too long"});
    }
    kk_str json = {NULL, 0};
    script_answer answer = ask(self->callbacks.context, kk_buf_view(&self->scratch), &json);
    if (answer == SCRIPT_LOST) {
        script_exceed(lua, KK_ERR_CANCELLED, "nobody answers the script any more");
    }
    script_read_problem problem;
    if (!script_read(lua, json, false, &problem)) {
        raise_not_json(lua, what, &problem);
    }
    if (answer == SCRIPT_FAILURE) {
        raise_failure(lua);
    }
}

static int call_tool(lua_State *lua)
{
    script_runtime *self = script_of(lua);
    const char *account = upvalue(lua, CALL_ACCOUNT);
    refuse_colon(lua);
    // Trailing nils are as good as nothing.
    while (lua_gettop(lua) > 0 && lua_isnil(lua, -1)) {
        lua_pop(lua, 1);
    }
    kk_buf_clear(&self->scratch);
    kk_buf_append_text(&self->scratch, "{\"function\":");
    kk_json_write_string(&self->scratch, kk_str_from(upvalue(lua, CALL_NAME)));
    kk_buf_append_text(&self->scratch, ",\"account\":");
    if (account != NULL) {
        kk_json_write_string(&self->scratch, kk_str_from(account));
    } else {
        kk_buf_append_text(&self->scratch, "null");
    }
    kk_buf_append_text(&self->scratch, ",\"args\":");
    if (lua_istable(lua, 1)) {
        write_table(lua);
    } else {
        write_positional(lua);
    }
    kk_buf_append_byte(&self->scratch, '}');
    self->calls++;
    script_ask_and_push(lua, self->callbacks.call, upvalue(lua, CALL_NAME));
    return 1;
}

void script_push_call(lua_State *lua)
{
    lua_pushcclosure(lua, call_tool, CALL_UPVALUES);
}
