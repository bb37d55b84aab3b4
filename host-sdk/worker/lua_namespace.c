// `app`: read-only tables made from the catalogue.
//
// A namespace is an empty table before its contents, so that no assignment reaches them; pairs and
// next look through it.  What the contents lack is raised with near names.
#include "lua_private.h"
#include "near.h"
#include <stdio.h>

enum { ALTERNATIVES_MAX = 256, ACCOUNT_NAME_MAX = 63 };

static const char root_key; // the contents of `app`
static const char next_key; // the `next` that looks into namespaces

// The upvalues of the function that answers for a missing name.
enum { MISS_PATH = 1, MISS_ALIASES, MISS_CODE, MISS_PLUGIN, MISS_UPVALUES = MISS_PLUGIN };

static void push_account(lua_State *lua, int plugin, const char *path, const char *account);

void script_push_contents(lua_State *lua, int index)
{
    lua_getmetatable(lua, index);
    lua_pushliteral(lua, "__index");
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
}

// ---- Missing names

// Gives the names of the table at [index].
static size_t add_names(lua_State *lua, int index, const char **names)
{
    size_t count = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (count < ALTERNATIVES_MAX) {
            names[count++] = lua_tostring(lua, -2);
        }
    }
    return count;
}

static void list_names(lua_State *lua, int index, char *out, size_t out_size)
{
    size_t count = 0;
    const kk_str *keys = script_push_sorted_keys(lua, index, &count);
    int at = snprintf(out, out_size, count > 0 ? "it has " : "it is empty: no plugin is installed");
    for (size_t i = 0; i < count && (size_t)at < out_size; i++) {
        at += snprintf(out + at, out_size - (size_t)at, "%s%.*s", i > 0 ? ", " : "",
                       KK_STR_ARG(keys[i]));
    }
    lua_pop(lua, 1);
}

static void write_near(lua_State *lua, const char *wanted, char *out, size_t out_size)
{
    const char *names[ALTERNATIVES_MAX];
    char near[320];
    size_t found = kk_near(wanted, names, add_names(lua, 1, names), near, sizeof near);
    if (found == 0) {
        size_t count = add_names(lua, lua_upvalueindex(MISS_ALIASES), names);
        found = kk_near(wanted, names, count, near, sizeof near);
    }
    if (found > 0) {
        snprintf(out, out_size, "did you mean %s?", near);
    } else {
        out[0] = '\0';
    }
}

// Whether it is written as the name of an account is.
static bool is_account_name(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > ACCOUNT_NAME_MAX || name[0] < 'a' || name[0] > 'z') {
        return false;
    }
    for (size_t i = 1; i < len; i++) {
        bool separator = name[i] == '_' || name[i] == '-';
        bool plain = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');
        if (!plain && (!separator || name[i - 1] == '_' || name[i - 1] == '-' || i + 1 == len)) {
            return false;
        }
    }
    return true;
}

static int raise_missing(lua_State *lua, const char *wanted, char *hint, size_t hint_size)
{
    const char *path = lua_tostring(lua, lua_upvalueindex(MISS_PATH));
    char message[300];
    snprintf(message, sizeof message, "%s has no '%.100s'", path, wanted);
    if (hint[0] == '\0') {
        list_names(lua, 1, hint, hint_size);
    }
    kk_code code = (kk_code)lua_tointeger(lua, lua_upvalueindex(MISS_CODE));
    return script_raise(lua, &(script_problem){.code = code, .message = message, .hint = hint});
}

// Called with the contents and a name that they lack.
static int miss(lua_State *lua)
{
    if (lua_type(lua, 2) != LUA_TSTRING) {
        return 0;
    }
    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, lua_upvalueindex(MISS_ALIASES)) != LUA_TNIL) {
        return 1;
    }
    const char *wanted = lua_tostring(lua, 2);
    char hint[400];
    write_near(lua, wanted, hint, sizeof hint);
    bool open = lua_istable(lua, lua_upvalueindex(MISS_PLUGIN));
    if (!open || hint[0] != '\0' || !is_account_name(wanted)) {
        return raise_missing(lua, wanted, hint, sizeof hint);
    }
    push_account(lua, lua_upvalueindex(MISS_PLUGIN), lua_tostring(lua, lua_upvalueindex(MISS_PATH)),
                 wanted);
    lua_pushvalue(lua, 2);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, lua_upvalueindex(MISS_ALIASES));
    return 1;
}

// ---- Namespaces

static int refuse_change(lua_State *lua)
{
    script_push_text(lua, 2);
    return luaL_error(lua, "%s cannot be changed: '%s' was assigned to",
                      lua_tostring(lua, lua_upvalueindex(1)), lua_tostring(lua, -1));
}

static int refuse_call(lua_State *lua)
{
    return luaL_error(lua, "%s is a namespace, not a function",
                      lua_tostring(lua, lua_upvalueindex(1)));
}

static int namespace_pairs(lua_State *lua)
{
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

static void set_refusal(lua_State *lua, const char *event, const char *path, lua_CFunction refuse)
{
    lua_pushstring(lua, path);
    lua_pushcclosure(lua, refuse, 1);
    lua_setfield(lua, -2, event);
}

static void push_miss(lua_State *lua, const char *path, int aliases, kk_code missing, int plugin)
{
    lua_pushstring(lua, path);
    lua_pushvalue(lua, aliases);
    lua_pushinteger(lua, missing);
    if (plugin != 0) {
        lua_pushvalue(lua, plugin);
    } else {
        lua_pushnil(lua);
    }
    lua_pushcclosure(lua, miss, MISS_UPVALUES);
}

// Pushes a namespace, its contents and its aliases, which are names that pairs does not show.
// [plugin] is the stack index of the plugin whose accounts cannot be told, or 0.
static void push_namespace(lua_State *lua, const char *path, kk_code missing, int plugin)
{
    luaL_checkstack(lua, 16, "the catalogue is nested too deep");
    int space = lua_gettop(lua) + 1;
    int contents = space + 1;
    int aliases = space + 2;
    lua_newtable(lua);
    lua_newtable(lua);
    lua_newtable(lua);

    lua_createtable(lua, 0, 1);
    push_miss(lua, path, aliases, missing, plugin);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, contents);

    lua_createtable(lua, 0, 6);
    script_set_kind(lua, SCRIPT_NAMESPACE);
    lua_pushvalue(lua, contents);
    lua_setfield(lua, -2, "__index");
    set_refusal(lua, "__newindex", path, refuse_change);
    set_refusal(lua, "__call", path, refuse_call);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &next_key);
    lua_pushcclosure(lua, namespace_pairs, 1);
    lua_setfield(lua, -2, "__pairs");
    lua_pushliteral(lua, "namespace");
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, space);
}

// ---- From the catalogue

static int fail_catalogue(lua_State *lua, const char *problem)
{
    return script_raise(lua, &(script_problem){.code = KK_ERR_USAGE, .message = problem});
}

// Pushes the string member [name] of the table at [index].
static const char *push_member(lua_State *lua, int index, const char *name)
{
    lua_getfield(lua, index, name);
    if (lua_type(lua, -1) != LUA_TSTRING) {
        lua_pushfstring(lua, "the catalogue lacks a text '%s'", name);
        fail_catalogue(lua, lua_tostring(lua, -1));
    }
    return lua_tostring(lua, -1);
}

// Puts the function of the tool on the top under its names; pops the tool.
static void add_tool(lua_State *lua, int contents, const char *plugin, const char *path,
                     const char *account)
{
    int tool = lua_gettop(lua);
    luaL_checkstack(lua, 12, "the catalogue is nested too deep");
    const char *name = push_member(lua, tool, "name");
    const char *slug = push_member(lua, tool, "slug");
    lua_pushfstring(lua, "%s.%s", plugin, name);
    lua_pushstring(lua, account); // nil for NULL
    lua_getfield(lua, tool, "parameters");
    if (!lua_istable(lua, -1)) {
        fail_catalogue(lua, "the catalogue lacks a list 'parameters'");
    }
    lua_pushfstring(lua, "%s.%s", path, name);
    script_push_call(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, contents + 1, slug);
    lua_setfield(lua, contents, name);
    lua_settop(lua, tool - 1);
}

// Pushes the list [name] of the table at [index].
static lua_Integer push_list(lua_State *lua, int index, const char *name)
{
    if (lua_getfield(lua, index, name) != LUA_TTABLE) {
        lua_pushfstring(lua, "the catalogue lacks a list '%s'", name);
        fail_catalogue(lua, lua_tostring(lua, -1));
    }
    return (lua_Integer)lua_rawlen(lua, -1);
}

// The contents stand at [contents], the aliases above them.
static void add_tools(lua_State *lua, int plugin, int contents, const char *path,
                      const char *account)
{
    const char *name = push_member(lua, plugin, "name");
    lua_Integer count = push_list(lua, plugin, "tools");
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(lua, -1, i) != LUA_TTABLE) {
            fail_catalogue(lua, "a tool of the catalogue is no object");
        }
        add_tool(lua, contents, name, path, account);
    }
    lua_settop(lua, contents + 1);
}

// Pushes the namespace of an account; NULL is the default one.
static void push_account(lua_State *lua, int plugin, const char *path, const char *account)
{
    char name[ACCOUNT_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", account != NULL ? account : "default");
    const char *account_path = lua_pushfstring(lua, "%s.%s", path, name);
    lua_pushvalue(lua, plugin);
    int copy = lua_gettop(lua); // a plain index, also of an upvalue
    push_namespace(lua, account_path, KK_ERR_UNKNOWN_FUNCTION, 0);
    add_tools(lua, copy, lua_gettop(lua) - 1, account_path, account);
    lua_pop(lua, 2);
    lua_remove(lua, copy);
    lua_remove(lua, copy - 1);
}

// Whether another account is written with the '_' that this one has as '-'.
static bool is_taken(lua_State *lua, int contents, const char *key)
{
    lua_pushstring(lua, key);
    bool taken = lua_rawget(lua, contents) != LUA_TNIL;
    lua_pop(lua, 1);
    return taken;
}

// Puts the namespace of an account into the contents, under the name that Lua can write, and under
// its own as an alias.
static void add_account(lua_State *lua, int plugin, int contents, const char *path,
                        const char *account)
{
    char key[ACCOUNT_NAME_MAX + 1];
    snprintf(key, sizeof key, "%s", account);
    push_account(lua, plugin, path, account);
    for (char *at = strchr(key, '-'); at != NULL; at = strchr(at, '-')) {
        *at = '_';
    }
    lua_pushvalue(lua, -1);
    lua_setfield(lua, contents + 1, account);
    if (is_taken(lua, contents, key)) {
        lua_pop(lua, 1);
        return;
    }
    lua_setfield(lua, contents, key);
}

// Accounts whose own name is a Lua name go first: they keep it.
static void add_accounts(lua_State *lua, int plugin, int contents, const char *path)
{
    if (lua_getfield(lua, plugin, "accounts") != LUA_TTABLE) {
        lua_pop(lua, 1);
        return;
    }
    int list = lua_gettop(lua);
    lua_Integer count = (lua_Integer)lua_rawlen(lua, list);
    for (lua_Integer i = 0; i < 2 * count; i++) {
        lua_rawgeti(lua, list, i < count ? i + 1 : i - count + 1);
        const char *account = lua_tostring(lua, -1);
        if (account == NULL || !is_account_name(account)) {
            fail_catalogue(lua, "an account of the catalogue has no name that one can have");
        }
        if ((strchr(account, '-') != NULL) == (i >= count)) {
            add_account(lua, plugin, contents, path, account);
        }
        lua_settop(lua, list);
    }
    lua_pop(lua, 1);
}

// Pushes the namespace of the plugin on the top.
static void push_plugin(lua_State *lua, int plugin)
{
    const char *name = push_member(lua, plugin, "name");
    const char *path = lua_pushfstring(lua, "app.integrations.%s", name);
    lua_getfield(lua, plugin, "accounts");
    bool open = !lua_istable(lua, -1);
    lua_pop(lua, 1);
    push_namespace(lua, path, KK_ERR_UNKNOWN_FUNCTION, open ? plugin : 0);
    int contents = lua_gettop(lua) - 1;
    add_tools(lua, plugin, contents, path, NULL);
    push_account(lua, plugin, path, NULL);
    lua_setfield(lua, contents, "default");
    add_accounts(lua, plugin, contents, path);
    lua_settop(lua, contents - 1);
}

void script_build_catalogue(lua_State *lua)
{
    int catalogue = lua_gettop(lua);
    if (!lua_istable(lua, catalogue)) {
        fail_catalogue(lua, "the catalogue is no object");
    }
    push_namespace(lua, "app.integrations", KK_ERR_UNKNOWN_PLUGIN, 0);
    int contents = lua_gettop(lua) - 1;
    lua_Integer count = push_list(lua, catalogue, "plugins");
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(lua, contents + 2, i) != LUA_TTABLE) {
            fail_catalogue(lua, "a plugin of the catalogue is no object");
        }
        int plugin = lua_gettop(lua);
        push_plugin(lua, plugin);
        lua_getfield(lua, plugin, "name");
        lua_insert(lua, -2);
        lua_rawset(lua, contents);
        lua_settop(lua, contents + 2);
    }
    lua_settop(lua, contents - 1);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &root_key);
    lua_insert(lua, -2);
    lua_setfield(lua, -2, "integrations");
    lua_settop(lua, catalogue - 1);
}

void script_open_namespaces(lua_State *lua)
{
    lua_getglobal(lua, "next");
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &next_key);
    push_namespace(lua, "app", KK_ERR_UNKNOWN_FUNCTION, 0);
    lua_pop(lua, 1);
    push_namespace(lua, "app.integrations", KK_ERR_UNKNOWN_PLUGIN, 0);
    lua_pop(lua, 2);
    lua_setfield(lua, -2, "integrations");
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &root_key);
    lua_setglobal(lua, "app");
}
