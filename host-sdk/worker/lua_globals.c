// The globals of a script: Lua's harmless ones, and its harmful ones made harmless.
#include "lua_private.h"
#include <time.h>

// ---- Metatables

// Finalizers run where neither hook nor error reaches them.
static void refuse_finalizer(lua_State *lua)
{
    lua_pushliteral(lua, "__gc");
    if (lua_rawget(lua, 2) != LUA_TNIL) {
        luaL_error(lua, "setmetatable: scripts have no finalizers (__gc); 'local x <close> = ...' "
                        "with __close runs code at the end of a block");
    }
    lua_pop(lua, 1);
}

static int lua_setmetatable_checked(lua_State *lua)
{
    int type = lua_type(lua, 2);
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argexpected(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(lua, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(lua, "cannot change a protected metatable");
    }
    if (type == LUA_TTABLE) {
        refuse_finalizer(lua);
    }
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

// The mark of an array is shared by all arrays, so that no script may get hold of it.
static int lua_getmetatable_checked(lua_State *lua)
{
    luaL_checkany(lua, 1);
    bool marked = lua_istable(lua, 1) && script_table_kind(lua, 1) == SCRIPT_ARRAY;
    if (marked || !lua_getmetatable(lua, 1)) {
        lua_pushnil(lua);
        return 1;
    }
    luaL_getmetafield(lua, 1, "__metatable");
    return 1;
}

// ---- Raw access, which looks into namespaces and does not change them

static bool is_namespace(lua_State *lua, int index)
{
    return lua_istable(lua, index) && script_table_kind(lua, index) == SCRIPT_NAMESPACE;
}

static void look_inside(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (is_namespace(lua, 1)) {
        script_push_contents(lua, 1);
        lua_replace(lua, 1);
    }
}

static int lua_next_inside(lua_State *lua)
{
    lua_settop(lua, 2);
    look_inside(lua);
    if (lua_next(lua, 1) != 0) {
        return 2;
    }
    lua_pushnil(lua);
    return 1;
}

static int lua_rawget_inside(lua_State *lua)
{
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    look_inside(lua);
    lua_rawget(lua, 1);
    return 1;
}

static int lua_rawset_checked(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    luaL_checkany(lua, 3);
    if (is_namespace(lua, 1)) {
        return luaL_error(lua, "rawset: a namespace cannot be changed");
    }
    lua_settop(lua, 3);
    lua_rawset(lua, 1);
    return 1;
}

// ---- load

// Joins what a function gives, piece by piece, until it gives nothing.
static void join_pieces(lua_State *lua)
{
    luaL_Buffer code;
    luaL_buffinit(lua, &code);
    for (;;) {
        lua_pushvalue(lua, 1);
        lua_call(lua, 0, 1);
        if (lua_isnil(lua, -1) || (lua_isstring(lua, -1) && lua_rawlen(lua, -1) == 0)) {
            lua_pop(lua, 1);
            break;
        }
        if (lua_type(lua, -1) != LUA_TSTRING) {
            luaL_error(lua, "load: the function must return a string");
        }
        luaL_addvalue(&code);
    }
    luaL_pushresult(&code);
    lua_replace(lua, 1);
}

static void check_mode(lua_State *lua)
{
    const char *mode = luaL_optstring(lua, 3, "t");
    if (strchr(mode, 't') == NULL) {
        luaL_error(lua, "load: only text can be loaded, so the mode is \"t\"");
    }
}

static int lua_load_text(lua_State *lua)
{
    bool has_environment = lua_gettop(lua) >= 4;
    bool in_pieces = lua_isfunction(lua, 1);
    lua_settop(lua, 4);
    check_mode(lua);
    if (in_pieces) {
        luaL_optstring(lua, 2, ""); // before the function is called
        join_pieces(lua);
    }
    size_t len = 0;
    const char *code = luaL_checklstring(lua, 1, &len);
    const char *name = luaL_optstring(lua, 2, in_pieces ? "=(load)" : code);
    int status = luaL_loadbufferx(lua, code, len, name, "t");
    if (status == LUA_ERRMEM) {
        return script_exceed_memory(lua);
    }
    script_check(lua);
    if (status != LUA_OK) {
        lua_pushnil(lua);
        lua_insert(lua, -2);
        return 2;
    }
    if (has_environment) {
        lua_pushvalue(lua, 4);
        lua_setupvalue(lua, -2, 1);
    }
    return 1;
}

// ---- Addresses, which say nothing to a reader and something to an attacker

// Where the conversion that begins at format[at] ends, its letter included.
static size_t conversion_end(kk_str format, size_t at)
{
    at += 1 + strspn(format.ptr + at + 1, "-+ #0123456789.");
    return at < format.len ? at + 1 : at;
}

// string.format, with what tostring() gives for %s and without %p.
static int lua_format_shown(lua_State *lua)
{
    kk_str format;
    format.ptr = luaL_checklstring(lua, 1, &format.len);
    int count = lua_gettop(lua);
    int value = 1;
    size_t at = 0;
    luaL_checkstack(lua, 8, "too many values to format");
    for (const char *sign; (sign = memchr(format.ptr + at, '%', format.len - at)) != NULL;) {
        at = conversion_end(format, (size_t)(sign - format.ptr));
        char letter = format.ptr[at - 1];
        value += letter != '%' ? 1 : 0;
        if (letter == 'p') {
            return luaL_error(lua, "string.format: scripts get no addresses (%%p)");
        }
        if (letter == 's' && value <= count) {
            script_push_text(lua, value);
            lua_replace(lua, value);
        }
    }
    // In this frame, so that its errors tell the name and the argument.
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

// math.randomseed: without a seed Lua takes an address for one, and gives back what it took.
static int lua_randomseed_silent(lua_State *lua)
{
    if (lua_isnone(lua, 1)) {
        struct timespec now = {0, 0};
        clock_gettime(CLOCK_REALTIME, &now);
        lua_pushinteger(lua, (lua_Integer)now.tv_sec);
        lua_pushinteger(lua, (lua_Integer)now.tv_nsec);
    }
    luaL_checkinteger(lua, 1);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, 0);
    return 0;
}

// Puts [function] in the place of a library's, which becomes its upvalue.
static void wrap(lua_State *lua, const char *library, const char *name, lua_CFunction function)
{
    lua_getglobal(lua, library);
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
    lua_pop(lua, 1);
}

static void hide_addresses(lua_State *lua)
{
    wrap(lua, "string", "format", lua_format_shown);
    wrap(lua, "math", "randomseed", lua_randomseed_silent);
    lua_getglobal(lua, "math");
    lua_getfield(lua, -1, "randomseed");
    lua_call(lua, 0, 0);
    lua_pop(lua, 1);
}

// ---- All together

static const char *const allowed[] = {
    "_G",     "_VERSION",     "assert",   "error",    "getmetatable", "ipairs", "load",
    "next",   "pairs",        "pcall",    "rawequal", "rawget",       "rawlen", "rawset",
    "select", "setmetatable", "tonumber", "type",     "xpcall"};

static bool is_allowed(const char *name)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (strcmp(name, allowed[i]) == 0) {
            return true;
        }
    }
    return false;
}

// Takes away every global that is not on the list, so that a newer Lua brings nothing new.
static void remove_others(lua_State *lua)
{
    lua_pushglobaltable(lua);
    for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
        if (!is_allowed(lua_tostring(lua, -2))) {
            lua_pushvalue(lua, -2);
            lua_pushnil(lua);
            lua_rawset(lua, -5);
        }
    }
    lua_pop(lua, 1);
}

static void open_library(lua_State *lua, const char *name, lua_CFunction open)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 1);
    lua_setglobal(lua, name);
}

static void protect_strings(lua_State *lua)
{
    lua_getglobal(lua, "string");
    lua_pushnil(lua);
    lua_setfield(lua, -2, "dump");
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_pushliteral(lua, "string");
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 3);
}

void script_open_globals(lua_State *lua)
{
    static const luaL_Reg replaced[] = {{"getmetatable", lua_getmetatable_checked},
                                        {"load", lua_load_text},
                                        {"next", lua_next_inside},
                                        {"rawget", lua_rawget_inside},
                                        {"rawset", lua_rawset_checked},
                                        {"setmetatable", lua_setmetatable_checked},
                                        {NULL, NULL}};
    lua_pushcfunction(lua, luaopen_base);
    lua_call(lua, 0, 0);
    remove_others(lua);
    lua_pushglobaltable(lua);
    luaL_setfuncs(lua, replaced, 0);
    lua_pop(lua, 1);
    open_library(lua, "string", luaopen_string);
    open_library(lua, "table", luaopen_table);
    open_library(lua, "math", luaopen_math);
    open_library(lua, "utf8", luaopen_utf8);
    open_library(lua, "coroutine", luaopen_coroutine);
    protect_strings(lua);
    hide_addresses(lua);
    script_open_protect(lua);
    script_open_errors(lua);
    script_open_show(lua);
    script_open_json(lua);
    script_open_regex(lua);
    script_open_docs(lua);
    script_open_namespaces(lua);
}
