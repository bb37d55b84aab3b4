// The functions that catch errors, made so that they do not catch the end of a run.
#include "lua_private.h"

// ---- pcall and xpcall

// Also the continuation after a coroutine that yielded inside.  [before] is how many values stand
// below the results.
static int finish_protected(lua_State *lua, int status, lua_KContext before)
{
    if (status == LUA_ERRMEM) {
        return script_exceed_memory(lua);
    }
    script_check(lua);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_pushboolean(lua, 0);
        lua_insert(lua, -2);
        return 2;
    }
    return lua_gettop(lua) - (int)before;
}

static int lua_pcall_checked(lua_State *lua)
{
    luaL_checkany(lua, 1);
    lua_pushboolean(lua, 1);
    lua_insert(lua, 1);
    int status = lua_pcallk(lua, lua_gettop(lua) - 2, LUA_MULTRET, 0, 0, finish_protected);
    return finish_protected(lua, status, 0);
}

// Stands between Lua and a script's message handler, which therefore never sees the end of a run
// and cannot go on after it.
static int guard_handler(lua_State *lua)
{
    if (script_of(lua)->exceeded != NULL) {
        return 1;
    }
    lua_settop(lua, 1);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, 1, 1);
    return 1;
}

static int lua_xpcall_checked(lua_State *lua)
{
    luaL_checktype(lua, 2, LUA_TFUNCTION);
    lua_pushvalue(lua, 2);
    lua_pushcclosure(lua, guard_handler, 1);
    lua_replace(lua, 2);
    lua_pushboolean(lua, 1);
    lua_pushvalue(lua, 1);
    lua_rotate(lua, 3, 2);
    int status = lua_pcallk(lua, lua_gettop(lua) - 4, LUA_MULTRET, 2, 2, finish_protected);
    return finish_protected(lua, status, 2);
}

// ---- Coroutines

static lua_State *check_coroutine(lua_State *lua, int index)
{
    lua_State *thread = lua_tothread(lua, index);
    luaL_argexpected(lua, thread != NULL, index, "coroutine");
    return thread;
}

// Coroutines that end before the hook counts enough would hide their work from it.
static void count_resume(lua_State *lua)
{
    script_runtime *self = script_of(lua);
    if (++self->resumes % SCRIPT_RESUMES == 0) {
        script_check_cpu(lua);
    }
}

static void check_end(lua_State *lua, int status)
{
    if (status == LUA_ERRMEM) {
        script_exceed_memory(lua);
    }
    script_check(lua);
}

// Resumes with the top [count] values.  Gives the number of results, which are moved to [lua]; or
// -1, and the error stands on the top of [thread].
static int resume(lua_State *lua, lua_State *thread, int count)
{
    script_runtime *self = script_of(lua);
    count_resume(lua);
    if (!lua_checkstack(thread, count + 1)) {
        return luaL_error(lua, "too many arguments to resume");
    }
    lua_xmove(lua, thread, count);
    int results = 0;
    lua_State *resumer = self->running;
    self->running = thread;
    int status = lua_resume(thread, lua, count, &results);
    self->running = resumer;
    check_end(lua, status);
    if (status != LUA_OK && status != LUA_YIELD) {
        return -1;
    }
    if (!lua_checkstack(lua, results + 1)) {
        lua_pop(thread, results);
        return luaL_error(lua, "too many results to resume");
    }
    lua_xmove(thread, lua, results);
    return results;
}

static int coroutine_resume(lua_State *lua)
{
    lua_State *thread = check_coroutine(lua, 1);
    int results = resume(lua, thread, lua_gettop(lua) - 1);
    if (results < 0) {
        lua_xmove(thread, lua, 1);
    }
    int count = results < 0 ? 1 : results;
    lua_pushboolean(lua, results >= 0);
    lua_insert(lua, -(count + 1));
    return count + 1;
}

// Closes the pending variables of a coroutine.  Lua does not count the C levels of closing, so that
// closings inside closings are bounded here.
static int close_thread(lua_State *lua, lua_State *thread)
{
    script_runtime *self = script_of(lua);
    if (self->closing >= SCRIPT_CLOSING_MAX) {
        return luaL_error(lua, "closing a coroutine closes others more than %d deep",
                          SCRIPT_CLOSING_MAX);
    }
    lua_State *closer = self->running;
    self->closing++;
    self->running = thread;
    int status = lua_resetthread(thread);
    self->running = closer;
    self->closing--;
    check_end(lua, status);
    return status;
}

static bool can_be_closed(lua_State *lua, lua_State *thread)
{
    lua_Debug frame;
    if (thread == lua) {
        return false;
    }
    return lua_status(thread) != LUA_OK || lua_getstack(thread, 0, &frame) == 0;
}

static int coroutine_close(lua_State *lua)
{
    lua_State *thread = check_coroutine(lua, 1);
    if (!can_be_closed(lua, thread)) {
        return luaL_error(lua, "cannot close a coroutine that is running");
    }
    int status = close_thread(lua, thread);
    lua_pushboolean(lua, status == LUA_OK);
    if (status == LUA_OK) {
        return 1;
    }
    lua_xmove(thread, lua, 1);
    return 2;
}

static int call_wrapped(lua_State *lua)
{
    lua_State *thread = lua_tothread(lua, lua_upvalueindex(1));
    int results = resume(lua, thread, lua_gettop(lua));
    if (results >= 0) {
        return results;
    }
    int status = lua_status(thread);
    if (status != LUA_OK && status != LUA_YIELD) {
        close_thread(lua, thread);
    }
    lua_xmove(thread, lua, 1);
    return lua_error(lua);
}

static int coroutine_wrap(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    lua_State *thread = lua_newthread(lua);
    lua_pushvalue(lua, 1);
    lua_xmove(lua, thread, 1);
    lua_pushcclosure(lua, call_wrapped, 1);
    return 1;
}

void script_open_protect(lua_State *lua)
{
    static const luaL_Reg coroutines[] = {{"close", coroutine_close},
                                          {"resume", coroutine_resume},
                                          {"wrap", coroutine_wrap},
                                          {NULL, NULL}};
    lua_pushcfunction(lua, lua_pcall_checked);
    lua_setglobal(lua, "pcall");
    lua_pushcfunction(lua, lua_xpcall_checked);
    lua_setglobal(lua, "xpcall");
    lua_getglobal(lua, "coroutine");
    luaL_setfuncs(lua, coroutines, 0);
    lua_pop(lua, 1);
}
