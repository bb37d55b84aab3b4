// json: encode, decode, null, and what makes a list of an empty table.
#include "lua_private.h"
#include <stdio.h>

static bool option(lua_State *lua, int index, const char *name)
{
    if (lua_isnoneornil(lua, index)) {
        return false;
    }
    luaL_checktype(lua, index, LUA_TTABLE);
    lua_pushstring(lua, name);
    lua_rawget(lua, index);
    bool set = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return set;
}

// Misspelt options would be silently without effect.
static void check_options(lua_State *lua, int index, const char *known)
{
    if (lua_isnoneornil(lua, index)) {
        return;
    }
    luaL_checktype(lua, index, LUA_TTABLE);
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (lua_type(lua, -2) != LUA_TSTRING || strcmp(lua_tostring(lua, -2), known) != 0) {
            luaL_error(lua, "the only option is '%s'", known);
        }
    }
}

static int json_encode(lua_State *lua)
{
    luaL_checkany(lua, 1);
    check_options(lua, 2, "indent");
    script_runtime *self = script_of(lua);
    script_writer writer = {.out = &self->scratch, .depth_max = self->limits.depth};
    writer.indent = option(lua, 2, "indent");
    kk_buf_clear(writer.out);
    if (!script_write(lua, 1, &writer)) {
        char message[400];
        bool placed = writer.path[0] != '\0' && strlen(writer.path) <= SCRIPT_PATH_SHOWN;
        snprintf(message, sizeof message, "json.encode: %s%s%s", writer.problem,
                 placed ? ", at " : "", placed ? writer.path : "");
        bool limit = writer.code == KK_ERR_LIMIT_EXCEEDED;
        return script_raise(
            lua, &(script_problem){.code = limit ? writer.code : KK_ERR_SCRIPT_ERROR,
                                   .message = message,
                                   .argument = writer.path[0] != '\0' ? writer.path : NULL});
    }
    lua_pushlstring(lua, kk_buf_text(writer.out), writer.out->len);
    return 1;
}

static int json_decode(lua_State *lua)
{
    kk_str text;
    luaL_argexpected(lua, lua_type(lua, 1) == LUA_TSTRING, 1, "string");
    check_options(lua, 2, "null");
    text.ptr = lua_tolstring(lua, 1, &text.len);
    script_read_problem problem;
    if (!script_read(lua, text, option(lua, 2, "null"), &problem)) {
        char message[200];
        snprintf(message, sizeof message, "json.decode: %s, at byte %zu", problem.problem,
                 problem.at + 1);
        return script_raise(lua,
                            &(script_problem){.code = KK_ERR_SCRIPT_ERROR, .message = message});
    }
    return 1;
}

static int json_array(lua_State *lua)
{
    if (lua_isnoneornil(lua, 1)) {
        lua_newtable(lua);
    } else {
        luaL_checktype(lua, 1, LUA_TTABLE);
        lua_settop(lua, 1);
        if (script_table_kind(lua, 1) == SCRIPT_PLAIN && lua_getmetatable(lua, 1)) {
            return luaL_error(lua, "json.array: the table has a metatable of its own");
        }
        luaL_argexpected(lua, script_table_kind(lua, 1) <= SCRIPT_ARRAY, 1, "list");
    }
    script_mark_array(lua);
    return 1;
}

static int null_text(lua_State *lua)
{
    lua_pushstring(lua, script_is_null(lua, 1) ? "null" : "<userdata>");
    return 1;
}

static int null_index(lua_State *lua)
{
    lua_settop(lua, 2);
    script_push_text(lua, 2);
    return luaL_error(lua, "attempt to index json.null with '%s'", lua_tostring(lua, -1));
}

void script_open_json(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"encode", json_encode}, {"decode", json_decode}, {"array", json_array}, {NULL, NULL}};
    static const luaL_Reg null_functions[] = {
        {"__tostring", null_text}, {"__index", null_index}, {NULL, NULL}};
    luaL_newlib(lua, functions);
    script_push_null(lua);
    luaL_newlib(lua, null_functions);
    lua_pushliteral(lua, "null");
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2); // of every light userdata; null is the only one
    lua_setfield(lua, -2, "null");
    lua_setglobal(lua, "json");
}
