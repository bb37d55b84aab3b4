// Values for a reader: tostring, print and dump.
#include "json.h"
#include "lua_private.h"
#include <stdlib.h>

enum {
    LINE_MAX_BYTES = 72, // a table without tables inside stays on one line up to here
    SHOWN_DEPTH_MAX = 100
};

typedef struct outer_table {
    const void *table;
    const struct outer_table *outer;
    size_t depth;
} outer_table;

// How a table is laid out.
typedef struct layout {
    bool lines;
    bool array;
    size_t depth;
    bool any; // an element was written
} layout;

static void show_value(lua_State *lua, int index, kk_buf *out, const outer_table *outer);

static void write_break(kk_buf *out, const layout *table, size_t depth)
{
    if (!table->lines) {
        return;
    }
    kk_buf_append_byte(out, '\n');
    for (size_t i = 0; i < depth; i++) {
        kk_buf_append_text(out, "  ");
    }
}

static void begin_element(kk_buf *out, layout *table)
{
    if (table->any) {
        kk_buf_append_text(out, table->lines ? "," : ", ");
    }
    table->any = true;
    write_break(out, table, table->depth);
}

// ---- Tables

static void show_sequence(lua_State *lua, int index, kk_buf *out, const outer_table *self,
                          layout *table, size_t count)
{
    for (lua_Integer i = 1; (size_t)i <= count && out->failed == KK_OK; i++) {
        begin_element(out, table);
        lua_rawgeti(lua, index, i);
        show_value(lua, -1, out, self);
        lua_pop(lua, 1);
    }
}

static void show_named(lua_State *lua, int index, kk_buf *out, const outer_table *self,
                       layout *table)
{
    size_t count = 0;
    const kk_str *keys = script_push_sorted_keys(lua, index, &count);
    for (size_t i = 0; i < count && out->failed == KK_OK; i++) {
        begin_element(out, table);
        kk_json_write_string(out, keys[i]);
        kk_buf_append_text(out, ": ");
        lua_pushlstring(lua, keys[i].ptr, keys[i].len);
        lua_rawget(lua, index);
        show_value(lua, -1, out, self);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static int compare_integers(const void *left, const void *right)
{
    lua_Integer a = *(const lua_Integer *)left;
    lua_Integer b = *(const lua_Integer *)right;
    return (a > b) - (a < b);
}

// Pushes a block with the integer keys of the table at [index], in order.
static const lua_Integer *push_integer_keys(lua_State *lua, int index, size_t *count)
{
    size_t room = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        room += lua_isinteger(lua, -2) ? 1 : 0;
    }
    lua_Integer *keys = lua_newuserdatauv(lua, (room > 0 ? room : 1) * sizeof *keys, 0);
    *count = 0;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (lua_isinteger(lua, -2) && *count < room) {
            keys[*count] = lua_tointeger(lua, -2);
            *count += 1;
        }
    }
    qsort(keys, *count, sizeof *keys, compare_integers);
    return keys;
}

static void show_numbered(lua_State *lua, int index, kk_buf *out, const outer_table *self,
                          layout *table)
{
    size_t count = 0;
    const lua_Integer *keys = push_integer_keys(lua, index, &count);
    for (size_t i = 0; i < count && out->failed == KK_OK; i++) {
        begin_element(out, table);
        kk_buf_append_format(out, "[%lld]: ", (long long)keys[i]);
        lua_rawgeti(lua, index, keys[i]);
        show_value(lua, -1, out, self);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

// Keys that have no order: booleans, tables and the like.
static void show_others(lua_State *lua, int index, kk_buf *out, const outer_table *self,
                        layout *table)
{
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (lua_type(lua, -2) == LUA_TSTRING || lua_isinteger(lua, -2) || out->failed != KK_OK) {
            continue;
        }
        begin_element(out, table);
        kk_buf_append_byte(out, '[');
        show_value(lua, -2, out, self);
        kk_buf_append_text(out, "]: ");
        show_value(lua, -1, out, self);
    }
}

static void show_contents(lua_State *lua, int index, kk_buf *out, const outer_table *self,
                          bool lines)
{
    size_t count = 0;
    script_shape shape = script_table_shape(lua, index, &count);
    bool array = shape == SCRIPT_SEQUENCE ||
                 (shape == SCRIPT_EMPTY && script_table_kind(lua, index) == SCRIPT_ARRAY);
    layout table = {.lines = lines, .array = array, .depth = self->depth};
    kk_buf_append_byte(out, array ? '[' : '{');
    if (array) {
        show_sequence(lua, index, out, self, &table, count);
    } else {
        if (shape != SCRIPT_RECORD) {
            show_numbered(lua, index, out, self, &table);
        }
        show_named(lua, index, out, self, &table);
        if (shape == SCRIPT_MIXED) {
            show_others(lua, index, out, self, &table);
        }
    }
    if (table.any) {
        write_break(out, &table, self->depth - 1);
    }
    kk_buf_append_byte(out, array ? ']' : '}');
}

static bool holds_tables(lua_State *lua, int index)
{
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (lua_istable(lua, -1) || lua_istable(lua, -2)) {
            lua_pop(lua, 2);
            return true;
        }
    }
    return false;
}

static void show_plain(lua_State *lua, int index, kk_buf *out, const outer_table *self)
{
    size_t start = out->len;
    if (!holds_tables(lua, index)) {
        show_contents(lua, index, out, self, false);
        if (out->failed != KK_OK || out->len - start <= LINE_MAX_BYTES) {
            return;
        }
        kk_buf_shrink(out, start);
    }
    show_contents(lua, index, out, self, true);
}

static void show_table(lua_State *lua, int index, kk_buf *out, const outer_table *outer)
{
    const void *table = lua_topointer(lua, index);
    for (const outer_table *each = outer; each != NULL; each = each->outer) {
        if (each->table == table) {
            kk_buf_append_text(out, "<cycle>");
            return;
        }
    }
    outer_table self = {table, outer, outer != NULL ? outer->depth + 1 : 1};
    if (self.depth > SHOWN_DEPTH_MAX) {
        kk_buf_append_text(out, "<deeper>");
        return;
    }
    luaL_checkstack(lua, 12, "tables are nested too deep");
    switch (script_table_kind(lua, index)) {
    case SCRIPT_NAMESPACE:
        script_push_contents(lua, index);
        show_plain(lua, lua_gettop(lua), out, &self);
        lua_pop(lua, 1);
        return;
    case SCRIPT_ERROR:
        script_write_error_text(lua, index, out);
        return;
    default:
        show_plain(lua, index, out, &self);
        return;
    }
}

// ---- Values

static void show_value(lua_State *lua, int index, kk_buf *out, const outer_table *outer)
{
    kk_str text;
    index = lua_absindex(lua, index);
    switch (lua_type(lua, index)) {
    case LUA_TNIL:
        kk_buf_append_text(out, "nil");
        return;
    case LUA_TBOOLEAN:
        kk_buf_append_text(out, lua_toboolean(lua, index) ? "true" : "false");
        return;
    case LUA_TNUMBER:
        script_write_number(lua, index, out);
        return;
    case LUA_TSTRING:
        text.ptr = lua_tolstring(lua, index, &text.len);
        kk_json_write_string(out, text);
        return;
    case LUA_TTABLE:
        show_table(lua, index, out, outer);
        return;
    default:
        if (script_is_null(lua, index)) {
            kk_buf_append_text(out, "null");
            return;
        }
        // No address: it says nothing to a reader and something to an attacker.
        kk_buf_append_format(out, "<%s>", luaL_typename(lua, index));
        return;
    }
}

void script_show(lua_State *lua, int index, kk_buf *out)
{
    show_value(lua, index, out, NULL);
}

// ---- tostring, print and dump

static kk_buf *clear_scratch(lua_State *lua)
{
    kk_buf *scratch = &script_of(lua)->scratch;
    kk_buf_clear(scratch);
    return scratch;
}

static void check_scratch(lua_State *lua, const char *problem)
{
    if (script_of(lua)->scratch.failed != KK_OK) {
        script_raise(lua, &(script_problem){.code = KK_ERR_LIMIT_EXCEEDED, .message = problem});
    }
}

static void push_shown(lua_State *lua, int index)
{
    kk_buf *scratch = clear_scratch(lua);
    script_show(lua, index, scratch);
    check_scratch(lua, "the value is too long to show");
    lua_pushlstring(lua, kk_buf_text(scratch), scratch->len);
}

void script_push_text(lua_State *lua, int index)
{
    index = lua_absindex(lua, index);
    int type = lua_type(lua, index);
    bool shown = type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD ||
                 type == LUA_TUSERDATA || type == LUA_TLIGHTUSERDATA;
    if (shown && luaL_getmetafield(lua, index, "__tostring") == LUA_TNIL) {
        push_shown(lua, index);
        return;
    }
    if (shown) {
        lua_pop(lua, 1);
    }
    luaL_tolstring(lua, index, NULL);
}

static int tostring_value(lua_State *lua)
{
    luaL_checkany(lua, 1);
    script_push_text(lua, 1);
    return 1;
}

// Hands over what stands in the scratch buffer, as much as the limit allows.
static void print_scratch(lua_State *lua)
{
    script_runtime *self = script_of(lua);
    check_scratch(lua, "the text is too long to print");
    kk_str bytes = kk_buf_view(&self->scratch);
    size_t left = self->limits.output_bytes - self->printed;
    bool over = bytes.len > left;
    bytes.len = over ? left : bytes.len;
    self->printed += bytes.len;
    if (bytes.len > 0 && !self->callbacks.print(self->callbacks.context, bytes)) {
        script_exceed(lua, KK_ERR_CANCELLED, "nobody waits for the output any more");
    }
    if (over) {
        script_exceed(lua, KK_ERR_LIMIT_EXCEEDED, "the script printed more than its limit");
    }
}

static int print_values(lua_State *lua)
{
    int count = lua_gettop(lua);
    luaL_checkstack(lua, 8, "too many values to print");
    for (int i = 1; i <= count; i++) {
        script_push_text(lua, i);
        lua_replace(lua, i);
    }
    kk_buf *line = clear_scratch(lua);
    for (int i = 1; i <= count; i++) {
        size_t len = 0;
        const char *text = lua_tolstring(lua, i, &len);
        if (i > 1) {
            kk_buf_append_byte(line, '\t');
        }
        kk_buf_append(line, text, len);
    }
    kk_buf_append_byte(line, '\n');
    print_scratch(lua);
    return 0;
}

// Shows one value and gives it back, so that it can stand in the middle of an expression.
static int dump_value(lua_State *lua)
{
    luaL_checkany(lua, 1);
    lua_settop(lua, 1);
    kk_buf *text = clear_scratch(lua);
    script_show(lua, 1, text);
    kk_buf_append_byte(text, '\n');
    print_scratch(lua);
    return 1;
}

void script_open_show(lua_State *lua)
{
    lua_pushcfunction(lua, tostring_value);
    lua_setglobal(lua, "tostring");
    lua_pushcfunction(lua, print_values);
    lua_setglobal(lua, "print");
    lua_pushcfunction(lua, dump_value);
    lua_setglobal(lua, "dump");
}
