// Errors as objects, and what becomes of an error that nobody catches.
#include "json.h"
#include "lua_private.h"
#include <stdio.h>
#include <stdlib.h>

static const char error_key;

static const char *const members[] = {"message",  "hint",   "retryable", "http_status", "api_code",
                                      "argument", "effect", "account",   "function",    "line",
                                      "source",   "text",   "traceback"};
enum { MEMBERS = sizeof members / sizeof *members };

const char *script_text_member(lua_State *lua, int index, const char *name)
{
    index = lua_absindex(lua, index);
    lua_pushstring(lua, name);
    const char *text = lua_rawget(lua, index) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;
    lua_pop(lua, 1);
    return text;
}

static void set_text(lua_State *lua, const char *name, const char *text)
{
    if (text != NULL) {
        lua_pushstring(lua, text);
        lua_setfield(lua, -2, name);
    }
}

static void set_place(lua_State *lua, const script_place *place)
{
    if (place->line > 0) {
        lua_pushinteger(lua, place->line);
        lua_setfield(lua, -2, "line");
        set_text(lua, "source", place->source);
    }
}

static kk_code code_of(const char *name)
{
    for (int code = 1; name != NULL && code < KK_CODE_COUNT; code++) {
        if (strcmp(kk_code_name((kk_code)code), name) == 0) {
            return (kk_code)code;
        }
    }
    return KK_ERR_SCRIPT_ERROR;
}

// ---- The text of an error

static void append_line(kk_buf *out, const char *text)
{
    for (; text != NULL && *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        kk_buf_append_byte(out, byte < 0x20 || byte == 0x7F ? ' ' : *text);
    }
}

static void append_line_number(lua_State *lua, int index, kk_buf *out)
{
    index = lua_absindex(lua, index);
    lua_pushliteral(lua, "line");
    if (lua_rawget(lua, index) == LUA_TNUMBER) {
        kk_buf_append_byte(out, ':');
        script_write_number(lua, -1, out);
        kk_buf_append_text(out, ": ");
    } else {
        kk_buf_append_text(out, ": ");
    }
    lua_pop(lua, 1);
}

void script_write_error_text(lua_State *lua, int index, kk_buf *out)
{
    const char *source = script_text_member(lua, index, "source");
    const char *message = script_text_member(lua, index, "message");
    const char *code = script_text_member(lua, index, "code");
    const char *hint = script_text_member(lua, index, "hint");
    if (source != NULL) {
        append_line(out, source);
        append_line_number(lua, index, out);
    }
    append_line(out, message != NULL ? message : "an error without a message");
    if (code != NULL && strcmp(code, "script_error") != 0) {
        kk_buf_append_text(out, " (");
        append_line(out, code);
        kk_buf_append_byte(out, ')');
    }
    if (hint != NULL) {
        kk_buf_append_text(out, "; ");
        append_line(out, hint);
    }
}

static int error_text(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    kk_buf *scratch = &script_of(lua)->scratch;
    kk_buf_clear(scratch);
    script_write_error_text(lua, 1, scratch);
    lua_pushlstring(lua, kk_buf_text(scratch), scratch->len);
    return 1;
}

static int error_concat(lua_State *lua)
{
    lua_settop(lua, 2);
    for (int i = 1; i <= 2; i++) {
        int type = lua_type(lua, i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && luaL_getmetafield(lua, i, "__tostring")) {
            lua_pop(lua, 1);
        } else if (type != LUA_TSTRING && type != LUA_TNUMBER) {
            return luaL_error(lua, "attempt to concatenate a %s value", luaL_typename(lua, i));
        }
        script_push_text(lua, i);
    }
    lua_concat(lua, 2);
    return 1;
}

// Scripts treat what pcall() gives as text, which it is when Lua itself failed: e:find("...") works
// on both.  The methods of strings are taken for that from a copy that no script can change.
static int call_on_text(lua_State *lua)
{
    script_push_text(lua, 1);
    lua_replace(lua, 1);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

static int error_index(lua_State *lua)
{
    lua_settop(lua, 2);
    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, lua_upvalueindex(1)) != LUA_TFUNCTION) {
        return 0;
    }
    lua_pushcclosure(lua, call_on_text, 1);
    return 1;
}

static void push_string_functions(lua_State *lua)
{
    static const char *const names[] = {"find", "gmatch", "gsub", "len", "lower", "match", "sub"};
    lua_createtable(lua, 0, (int)(sizeof names / sizeof *names));
    lua_getglobal(lua, "string");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_getfield(lua, -1, names[i]);
        lua_setfield(lua, -3, names[i]);
    }
    lua_pop(lua, 1);
}

void script_open_errors(lua_State *lua)
{
    lua_createtable(lua, 0, 6);
    script_set_kind(lua, SCRIPT_ERROR);
    lua_pushcfunction(lua, error_text);
    lua_setfield(lua, -2, "__tostring");
    lua_pushcfunction(lua, error_concat);
    lua_setfield(lua, -2, "__concat");
    push_string_functions(lua);
    lua_pushcclosure(lua, error_index, 1);
    lua_setfield(lua, -2, "__index");
    set_text(lua, "__name", "error");
    set_text(lua, "__metatable", "error");
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &error_key);
}

// ---- Raising

int script_raise_table(lua_State *lua)
{
    script_place place;
    script_where(lua, &place);
    set_place(lua, &place);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &error_key);
    lua_setmetatable(lua, -2);
    return lua_error(lua);
}

int script_raise(lua_State *lua, const script_problem *problem)
{
    luaL_checkstack(lua, 8, "an error cannot be raised");
    lua_createtable(lua, 0, 10);
    set_text(lua, "code", kk_code_name(problem->code));
    set_text(lua, "message", problem->message);
    set_text(lua, "hint", problem->hint);
    set_text(lua, "argument", problem->argument);
    set_text(lua, "account", problem->account);
    set_text(lua, "function", problem->function);
    set_text(lua, "effect", "none");
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "retryable");
    return script_raise_table(lua);
}

// ---- Errors that nobody caught

// The name of the global that was nil, in Lua's words for it, or an empty text.
static kk_str missing_global(const char *message)
{
    const char *start = strstr(message, "(global '");
    if (start == NULL) {
        return (kk_str){NULL, 0};
    }
    start += strlen("(global '");
    const char *end = strchr(start, '\'');
    return (kk_str){start, end != NULL ? (size_t)(end - start) : 0};
}

static void set_hint(lua_State *lua, const char *message)
{
    static const char *const left_out[] = {"io",        "os",     "require",  "package",
                                           "debug",     "dofile", "loadfile", "collectgarbage",
                                           "loadstring"};
    kk_str name = missing_global(message);
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++) {
        if (kk_str_is(name, left_out[i])) {
            lua_pushfstring(lua,
                            "scripts have no '%s': they reach nothing but the functions under app",
                            left_out[i]);
            lua_setfield(lua, -2, "hint");
            return;
        }
    }
    if (strstr(message, "stack overflow") != NULL) {
        set_text(lua, "hint", "a function calls itself without end, or too deep");
    }
}

// Takes "source:line: " off the front of a message of Lua's.  The source has to be the one at
// [place], unless that is not known, as in a syntax error.
static const char *skip_place(const char *message, script_place *place)
{
    size_t len = strlen(place->source);
    const char *end = place->line > 0 ? message + len : strstr(message, ":");
    if (place->line > 0 && strncmp(message, place->source, len) != 0) {
        return message;
    }
    for (; end != NULL && end - message < LUA_IDSIZE; end = strchr(end + 1, ':')) {
        size_t digits = end[0] == ':' ? strspn(end + 1, "0123456789") : 0;
        if (digits > 0 && digits < 9 && strncmp(end + 1 + digits, ": ", 2) == 0) {
            snprintf(place->source, sizeof place->source, "%.*s", (int)(end - message), message);
            place->line = (int)strtol(end + 1, NULL, 10);
            return end + 1 + digits + 2;
        }
        if (place->line > 0) {
            break;
        }
    }
    return message;
}

// The Lua functions that were called, innermost first; nothing if there is only the chunk.
static void set_traceback(lua_State *lua)
{
    enum { FRAMES_MAX = 16 };
    lua_Debug frame;
    int frames = 0;
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (int level = 0; frames < FRAMES_MAX && lua_getstack(lua, level, &frame) != 0; level++) {
        lua_getinfo(lua, "Sln", &frame);
        if (frame.currentline <= 0) {
            continue;
        }
        const char *name = frame.name != NULL ? frame.name : "a function";
        lua_pushfstring(lua, "%s%s:%d: in %s", frames > 0 ? "\n" : "", frame.short_src,
                        frame.currentline, strcmp(frame.what, "main") == 0 ? "the chunk" : name);
        luaL_addvalue(&text);
        frames++;
    }
    luaL_pushresult(&text);
    if (frames > 1) {
        lua_setfield(lua, -2, "traceback");
    } else {
        lua_pop(lua, 1);
    }
}

static void copy_members(lua_State *lua, int from)
{
    for (int i = 0; i < MEMBERS; i++) {
        lua_pushstring(lua, members[i]);
        lua_rawget(lua, from);
        lua_setfield(lua, -2, members[i]);
    }
    set_text(lua, "code", kk_code_name(code_of(script_text_member(lua, from, "code"))));
}

// What a script raised that is neither text nor one of our errors.  The record stands at 2.
static const char *describe_raised(lua_State *lua, int index)
{
    if (lua_istable(lua, index) && script_text_member(lua, index, "message") != NULL) {
        return script_text_member(lua, index, "message");
    }
    bool speaks = luaL_getmetafield(lua, index, "__tostring") != LUA_TNIL;
    lua_settop(lua, 2);
    script_push_text(lua, index);
    if (!speaks) {
        lua_pushfstring(lua, "a %s was raised as an error: %s", luaL_typename(lua, index),
                        lua_tostring(lua, -1));
    }
    const char *text = lua_tostring(lua, -1);
    lua_setfield(lua, 2, "message"); // keeps it
    lua_settop(lua, 2);
    return text;
}

// The string at [index] with a space for each NUL, since what follows works on texts.
static const char *text_without_nuls(lua_State *lua, int index)
{
    size_t len = 0;
    const char *text = lua_tolstring(lua, index, &len);
    if (memchr(text, '\0', len) == NULL) {
        return text;
    }
    luaL_Buffer copy;
    char *bytes = luaL_buffinitsize(lua, &copy, len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = text[i] != '\0' ? text[i] : ' ';
    }
    luaL_pushresultsize(&copy, len);
    lua_replace(lua, index);
    return lua_tostring(lua, index);
}

static void set_raised(lua_State *lua, int index)
{
    script_place place;
    script_where(lua, &place);
    set_text(lua, "code", kk_code_name(KK_ERR_SCRIPT_ERROR));
    bool is_text = lua_type(lua, index) == LUA_TSTRING;
    const char *message = is_text ? text_without_nuls(lua, index) : describe_raised(lua, index);
    message = is_text ? skip_place(message, &place) : message;
    set_text(lua, "message", message);
    set_place(lua, &place);
    set_hint(lua, message);
}

int script_handle_error(lua_State *lua)
{
    if (script_of(lua)->exceeded != NULL) {
        return 1;
    }
    lua_settop(lua, 1);
    luaL_checkstack(lua, 12, "an error cannot be reported");
    lua_createtable(lua, 0, MEMBERS + 1);
    if (lua_istable(lua, 1) && script_table_kind(lua, 1) == SCRIPT_ERROR) {
        copy_members(lua, 1);
    } else {
        set_raised(lua, 1);
    }
    set_traceback(lua);
    kk_buf *scratch = &script_of(lua)->scratch;
    kk_buf_clear(scratch);
    script_write_error_text(lua, 2, scratch);
    set_text(lua, "text", kk_buf_text(scratch));
    return 1;
}

static void write_member(lua_State *lua, int index, const char *name, kk_buf *out)
{
    kk_buf_append_format(out, ",\"%s\":", name);
    lua_pushstring(lua, name);
    lua_rawget(lua, index);
    kk_str text;
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        text.ptr = lua_tolstring(lua, -1, &text.len);
        kk_json_write_string(out, text);
        break;
    case LUA_TBOOLEAN:
        kk_buf_append_text(out, lua_toboolean(lua, -1) ? "true" : "false");
        break;
    default:
        if (lua_isinteger(lua, -1)) {
            script_write_number(lua, -1, out);
        } else {
            kk_buf_append_text(out, strcmp(name, "retryable") == 0 ? "false" : "null");
        }
        break;
    }
    lua_pop(lua, 1);
}

kk_code script_write_error(lua_State *lua, int index, kk_buf *out)
{
    index = lua_absindex(lua, index);
    kk_code code = code_of(script_text_member(lua, index, "code"));
    kk_buf_append_format(out, "{\"code\":\"%s\"", kk_code_name(code));
    for (int i = 0; i < MEMBERS; i++) {
        write_member(lua, index, members[i], out);
    }
    kk_buf_append_byte(out, '}');
    return code;
}

static void write_place(const script_place *place, kk_buf *out)
{
    if (place->line == 0) {
        kk_buf_append_text(out, "\"line\":null,\"source\":null");
        return;
    }
    kk_buf_append_format(out, "\"line\":%d,\"source\":", place->line);
    kk_json_write_string(out, kk_str_from(place->source));
}

void script_write_exceeded(const script_runtime *self, kk_buf *out)
{
    const char *code = kk_code_name(self->exceeded_code);
    const script_place *place = &self->exceeded_at;
    char text[sizeof self->exceeded_text + LUA_IDSIZE + 64];
    int at =
        place->line > 0 ? snprintf(text, sizeof text, "%s:%d: ", place->source, place->line) : 0;
    snprintf(text + at, sizeof text - (size_t)at, "%s (%s)", self->exceeded, code);
    kk_buf_append_format(out, "{\"code\":\"%s\",\"message\":", code);
    kk_json_write_string(out, kk_str_from(self->exceeded));
    kk_buf_append_text(out, ",\"hint\":null,\"retryable\":false,\"http_status\":null,"
                            "\"api_code\":null,\"argument\":null,\"effect\":null,"
                            "\"account\":null,\"function\":null,");
    write_place(place, out);
    kk_buf_append_text(out, ",\"text\":");
    kk_json_write_string(out, kk_str_from(text));
    kk_buf_append_text(out, ",\"traceback\":null}");
}
