// What Lua values are, seen from outside: null, arrays, the shape of a table.
#include "lua_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// The addresses of these are keys that no script can name.
static const char kind_key;
static const char array_key;

// ---- Null

void script_push_null(lua_State *lua)
{
    lua_pushlightuserdata(lua, NULL);
}

bool script_is_null(lua_State *lua, int index)
{
    return lua_islightuserdata(lua, index) && lua_touserdata(lua, index) == NULL;
}

// ---- Kinds of tables

script_kind script_table_kind(lua_State *lua, int index)
{
    if (!lua_getmetatable(lua, index)) {
        return SCRIPT_PLAIN;
    }
    lua_rawgetp(lua, -1, &kind_key);
    script_kind kind = lua_islightuserdata(lua, -1)
                           ? (script_kind)(uintptr_t)lua_touserdata(lua, -1)
                           : SCRIPT_PLAIN;
    lua_pop(lua, 2);
    return kind;
}

void script_set_kind(lua_State *lua, script_kind kind)
{
    lua_pushlightuserdata(lua, (void *)(uintptr_t)kind);
    lua_rawsetp(lua, -2, &kind_key);
}

void script_push_array_mark(lua_State *lua)
{
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &array_key) != LUA_TNIL) {
        return;
    }
    lua_pop(lua, 1);
    lua_createtable(lua, 0, 1);
    script_set_kind(lua, SCRIPT_ARRAY);
    lua_pushvalue(lua, -1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &array_key);
}

void script_mark_array(lua_State *lua)
{
    script_push_array_mark(lua);
    lua_setmetatable(lua, -2);
}

// ---- Shapes

// Looks at the key below the top.
static void look_at_key(lua_State *lua, size_t *integers, size_t *strings, lua_Integer *largest)
{
    if (lua_type(lua, -2) == LUA_TSTRING) {
        *strings += 1;
    } else if (lua_isinteger(lua, -2)) {
        lua_Integer key = lua_tointeger(lua, -2);
        *integers += 1;
        // A key below 1 is as good as one above the number of keys.
        *largest = key < 1 ? LUA_MAXINTEGER : key > *largest ? key : *largest;
    }
}

script_shape script_table_shape(lua_State *lua, int index, size_t *count)
{
    size_t strings = 0;
    size_t integers = 0;
    lua_Integer largest = 0;
    *count = 0;
    index = lua_absindex(lua, index);
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        look_at_key(lua, &integers, &strings, &largest);
        *count += 1;
    }
    if (*count == 0) {
        return SCRIPT_EMPTY;
    }
    if (strings == *count) {
        return SCRIPT_RECORD;
    }
    if (integers != *count) {
        return SCRIPT_MIXED;
    }
    return (lua_Unsigned)largest == *count ? SCRIPT_SEQUENCE : SCRIPT_HOLES;
}

static int compare_keys(const void *left, const void *right)
{
    const kk_str *a = left;
    const kk_str *b = right;
    size_t common = a->len < b->len ? a->len : b->len;
    int order = common > 0 ? memcmp(a->ptr, b->ptr, common) : 0;
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

const kk_str *script_push_sorted_keys(lua_State *lua, int index, size_t *count)
{
    index = lua_absindex(lua, index);
    size_t room = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        room += lua_type(lua, -2) == LUA_TSTRING ? 1 : 0;
    }
    kk_str *keys = lua_newuserdatauv(lua, (room > 0 ? room : 1) * sizeof *keys, 0);
    *count = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (lua_type(lua, -2) == LUA_TSTRING && *count < room) {
            keys[*count].ptr = lua_tolstring(lua, -2, &keys[*count].len);
            *count += 1;
        }
    }
    qsort(keys, *count, sizeof *keys, compare_keys);
    return keys;
}

// ---- Numbers

// The shortest of the usual precisions that reads back as the same number; with a point or an
// exponent, so that it stays a float.
static void write_float(lua_Number number, kk_buf *out)
{
    char text[64];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    kk_buf_append_text(out, text);
    if (strpbrk(text, ".e") == NULL) {
        kk_buf_append_text(out, ".0");
    }
}

void script_write_number(lua_State *lua, int index, kk_buf *out)
{
    if (lua_isinteger(lua, index)) {
        kk_buf_append_format(out, "%lld", (long long)lua_tointeger(lua, index));
        return;
    }
    lua_Number number = lua_tonumber(lua, index);
    if (isnan(number)) {
        kk_buf_append_text(out, "nan");
    } else if (isinf(number)) {
        kk_buf_append_text(out, number > 0 ? "inf" : "-inf");
    } else {
        write_float(number, out);
    }
}
