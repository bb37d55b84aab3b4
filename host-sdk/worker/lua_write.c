// Lua values to JSON text, for arguments, json.encode() and results.
#include "json.h"
#include "lua_private.h"
#include "utf8.h"
#include <math.h>
#include <stdio.h>

// The tables that the value at hand stands in.
typedef struct ancestor {
    const void *table;
    const struct ancestor *outer;
    size_t depth;
} ancestor;

static bool write_value(lua_State *lua, int index, script_writer *writer, const ancestor *outer);

static bool fail(script_writer *writer, kk_code code, const char *problem)
{
    writer->code = code;
    snprintf(writer->problem, sizeof writer->problem, "%s", problem);
    writer->path[0] = '\0';
    return false;
}

// Puts a segment before the path of a failure, while the levels are left.
static bool fail_in(script_writer *writer, kk_str name)
{
    kk_buf path = {.limit = 3 * sizeof writer->path};
    kk_json_write_segment(
        &path, name.len < sizeof writer->path ? name : (kk_str){name.ptr, sizeof writer->path - 1});
    kk_buf_append_text(&path, writer->path);
    snprintf(writer->path, sizeof writer->path, "%s", kk_buf_text(&path));
    kk_buf_clean(&path);
    return false;
}

static bool fail_at_index(script_writer *writer, lua_Integer index)
{
    char segment[32];
    // A JSON Pointer counts from 0.
    int len = snprintf(segment, sizeof segment, "%lld", (long long)index - 1);
    return fail_in(writer, (kk_str){segment, (size_t)len});
}

static void write_line(script_writer *writer, size_t depth)
{
    if (!writer->indent) {
        return;
    }
    kk_buf_append_byte(writer->out, '\n');
    for (size_t i = 0; i < depth; i++) {
        kk_buf_append_text(writer->out, "  ");
    }
}

// ---- Values that are no tables

static bool is_utf8(kk_str text)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        len = kk_utf8_length(text.ptr + at, text.len - at);
        if (len == 0) {
            return false;
        }
    }
    return true;
}

static bool write_string(lua_State *lua, int index, script_writer *writer)
{
    kk_str text;
    text.ptr = lua_tolstring(lua, index, &text.len);
    if (!is_utf8(text)) {
        return fail(writer, KK_ERR_INVALID_ARGS, "the string is not UTF-8");
    }
    kk_json_write_string(writer->out, text);
    return true;
}

static bool write_number(lua_State *lua, int index, script_writer *writer)
{
    if (!isfinite(lua_tonumber(lua, index))) {
        return fail(writer, KK_ERR_INVALID_ARGS, "JSON has neither nan nor infinity");
    }
    script_write_number(lua, index, writer->out);
    return true;
}

static bool fail_type(lua_State *lua, int index, script_writer *writer)
{
    char problem[64];
    snprintf(problem, sizeof problem, "a %s has no JSON form", luaL_typename(lua, index));
    return fail(writer, KK_ERR_INVALID_ARGS, problem);
}

// ---- Tables

static bool write_array(lua_State *lua, int index, script_writer *writer, const ancestor *self,
                        size_t count)
{
    kk_buf_append_byte(writer->out, '[');
    for (lua_Integer i = 1; (size_t)i <= count; i++) {
        if (i > 1) {
            kk_buf_append_byte(writer->out, ',');
        }
        write_line(writer, self->depth);
        lua_rawgeti(lua, index, i);
        if (!write_value(lua, -1, writer, self)) {
            return fail_at_index(writer, i);
        }
        lua_pop(lua, 1);
    }
    if (count > 0) {
        write_line(writer, self->depth - 1);
    }
    kk_buf_append_byte(writer->out, ']');
    return true;
}

static bool write_object(lua_State *lua, int index, script_writer *writer, const ancestor *self)
{
    size_t count = 0;
    const kk_str *keys = script_push_sorted_keys(lua, index, &count);
    kk_buf_append_byte(writer->out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            kk_buf_append_byte(writer->out, ',');
        }
        write_line(writer, self->depth);
        if (!is_utf8(keys[i])) {
            fail(writer, KK_ERR_INVALID_ARGS, "the key is not UTF-8");
            return fail_in(writer, keys[i]);
        }
        kk_json_write_string(writer->out, keys[i]);
        kk_buf_append_text(writer->out, writer->indent ? ": " : ":");
        lua_pushlstring(lua, keys[i].ptr, keys[i].len);
        lua_rawget(lua, index);
        if (!write_value(lua, -1, writer, self)) {
            return fail_in(writer, keys[i]);
        }
        lua_pop(lua, 1);
    }
    if (count > 0) {
        write_line(writer, self->depth - 1);
    }
    kk_buf_append_byte(writer->out, '}');
    lua_pop(lua, 1);
    return true;
}

static bool check_nesting(const void *table, script_writer *writer, const ancestor *outer)
{
    for (const ancestor *each = outer; each != NULL; each = each->outer) {
        if (each->table == table) {
            return fail(writer, KK_ERR_INVALID_ARGS, "the table holds itself");
        }
    }
    if (outer != NULL && outer->depth >= writer->depth_max) {
        char problem[80];
        snprintf(problem, sizeof problem, "tables are nested more than %zu levels deep",
                 writer->depth_max);
        return fail(writer, KK_ERR_LIMIT_EXCEEDED, problem);
    }
    return true;
}

static bool write_table(lua_State *lua, int index, script_writer *writer, const ancestor *outer)
{
    const void *table = lua_topointer(lua, index);
    if (!check_nesting(table, writer, outer)) {
        return false;
    }
    ancestor self = {table, outer, outer != NULL ? outer->depth + 1 : 1};
    script_kind kind = script_table_kind(lua, index);
    if (kind == SCRIPT_NAMESPACE) {
        return fail(writer, KK_ERR_INVALID_ARGS, "a namespace has no JSON form");
    }
    size_t count = 0;
    script_shape shape = script_table_shape(lua, index, &count);
    switch (shape) {
    case SCRIPT_EMPTY:
        kk_buf_append_text(writer->out, kind == SCRIPT_ARRAY ? "[]" : "{}");
        return true;
    case SCRIPT_SEQUENCE:
        return write_array(lua, index, writer, &self, count);
    case SCRIPT_RECORD:
        return write_object(lua, index, writer, &self);
    case SCRIPT_HOLES:
        return fail(writer, KK_ERR_INVALID_ARGS,
                    "the integer keys do not go from 1 without a gap; json.null fills a gap");
    default:
        return fail(writer, KK_ERR_INVALID_ARGS,
                    "the keys are neither only strings nor a list from 1");
    }
}

static bool write_value(lua_State *lua, int index, script_writer *writer, const ancestor *outer)
{
    index = lua_absindex(lua, index);
    luaL_checkstack(lua, 8, "tables are nested too deep");
    if (writer->out->failed != KK_OK) {
        return fail(writer, KK_ERR_LIMIT_EXCEEDED, "the JSON becomes too long");
    }
    switch (lua_type(lua, index)) {
    case LUA_TNIL:
        kk_buf_append_text(writer->out, "null");
        return true;
    case LUA_TBOOLEAN:
        kk_buf_append_text(writer->out, lua_toboolean(lua, index) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        return write_number(lua, index, writer);
    case LUA_TSTRING:
        return write_string(lua, index, writer);
    case LUA_TTABLE:
        return write_table(lua, index, writer, outer);
    default:
        if (!script_is_null(lua, index)) {
            return fail_type(lua, index, writer);
        }
        kk_buf_append_text(writer->out, "null");
        return true;
    }
}

bool script_write(lua_State *lua, int index, script_writer *writer)
{
    int before = lua_gettop(lua);
    writer->path[0] = '\0';
    bool written = write_value(lua, index, writer, NULL);
    lua_settop(lua, before);
    if (written && writer->out->failed != KK_OK) {
        return fail(writer, KK_ERR_LIMIT_EXCEEDED, "the JSON becomes too long");
    }
    return written;
}
