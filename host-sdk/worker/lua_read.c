// JSON text to Lua values, in one pass of the streaming reader.
#include "json.h"
#include "lua_private.h"
#include <stdlib.h>

enum { HINTS = 64, MARK = 1 };

// A table that is being filled.
typedef struct level {
    lua_Integer count;
    uint8_t hint;
    bool array;
} level;

// Rows of one array have as many members as each other, so the size of a table is guessed from the
// last one that stood in the same place.  A wrong guess costs no more memory than the table that it
// was taken from.
typedef struct filler {
    lua_State *lua;
    kk_json_reader reader;
    int mark; // where the array mark stands on the stack
    bool keep_null;
    int hints[HINTS];
    level levels[KK_JSON_DEPTH_MAX + 1];
} filler;

static void push_string(filler *self)
{
    kk_str raw = self->reader.raw;
    kk_str body = {raw.ptr + 1, raw.len - 2};
    if (memchr(body.ptr, '\\', body.len) == NULL) {
        lua_pushlstring(self->lua, body.ptr, body.len);
        return;
    }
    kk_buf *scratch = &script_of(self->lua)->scratch;
    kk_buf_clear(scratch);
    kk_json_unescape(raw, scratch);
    if (scratch->failed != KK_OK) {
        script_exceed(self->lua, KK_ERR_LIMIT_EXCEEDED, "a string in the JSON is too long");
    }
    lua_pushlstring(self->lua, scratch->ptr, scratch->len);
}

static void push_number(filler *self)
{
    int64_t integer;
    if (kk_json_integer(self->reader.raw, &integer)) {
        lua_pushinteger(self->lua, integer);
        return;
    }
    // strtod() needs an end that the text in memory need not have.
    char text[64];
    kk_str raw = self->reader.raw;
    if (raw.len < sizeof text) {
        memcpy(text, raw.ptr, raw.len);
        text[raw.len] = '\0';
        lua_pushnumber(self->lua, strtod(text, NULL));
        return;
    }
    double number = strtod(lua_pushlstring(self->lua, raw.ptr, raw.len), NULL);
    lua_pop(self->lua, 1);
    lua_pushnumber(self->lua, number);
}

static uint8_t hint_of_name(const filler *self)
{
    kk_str name = self->reader.raw;
    size_t mix = name.len * 31 + (unsigned char)name.ptr[1] * 7 +
                 (unsigned char)name.ptr[name.len - 2] + self->reader.depth;
    return (uint8_t)(mix % HINTS);
}

// Pushes a table and begins to fill it.
static void open_table(filler *self, bool array)
{
    luaL_checkstack(self->lua, 6, "the JSON is nested too deep");
    level *outer = &self->levels[self->reader.depth - 1];
    level *inner = &self->levels[self->reader.depth];
    uint8_t hint = outer->array ? (uint8_t)((outer->hint + 1) % HINTS) : outer->hint;
    int size = self->hints[hint];
    lua_createtable(self->lua, array ? size : 0, array ? 0 : size);
    if (array) {
        lua_pushvalue(self->lua, self->mark);
        lua_setmetatable(self->lua, -2);
    }
    *inner = (level){.count = 0, .hint = hint, .array = array};
}

// Puts the value on the top where it belongs.
static void place_value(filler *self, size_t depth)
{
    level *table = &self->levels[depth];
    if (depth == 0) {
        return;
    }
    if (table->array) {
        lua_rawseti(self->lua, -2, ++table->count);
        return;
    }
    table->count++;
    lua_rawset(self->lua, -3);
}

static void place_null(filler *self)
{
    size_t depth = self->reader.depth;
    if (depth > 0 && !self->levels[depth].array && !self->keep_null) {
        lua_pop(self->lua, 1); // the name
        return;
    }
    script_push_null(self->lua);
    place_value(self, depth);
}

// While a member's value is read, the hint of its object is the name's; close_table() needs it no
// more.
static void take_name(filler *self)
{
    push_string(self);
    self->levels[self->reader.depth].hint = hint_of_name(self);
}

static void close_table(filler *self)
{
    const level *inner = &self->levels[self->reader.depth + 1];
    const level *outer = &self->levels[self->reader.depth];
    uint8_t hint = outer->array ? (uint8_t)((outer->hint + 1) % HINTS) : outer->hint;
    self->hints[hint] = inner->count > 1024 ? 1024 : (int)inner->count;
    place_value(self, self->reader.depth);
}

// Takes one token; false at the end.
static bool take_token(filler *self, kk_json_kind kind)
{
    switch (kind) {
    case KK_JSON_OBJECT:
    case KK_JSON_ARRAY:
        open_table(self, kind == KK_JSON_ARRAY);
        return true;
    case KK_JSON_OBJECT_END:
    case KK_JSON_ARRAY_END:
        close_table(self);
        return true;
    case KK_JSON_NAME:
        take_name(self);
        return true;
    case KK_JSON_NULL:
        place_null(self);
        return true;
    case KK_JSON_STRING:
        push_string(self);
        break;
    case KK_JSON_NUMBER:
        push_number(self);
        break;
    case KK_JSON_TRUE:
    case KK_JSON_FALSE:
        lua_pushboolean(self->lua, kind == KK_JSON_TRUE);
        break;
    default:
        return false;
    }
    place_value(self, self->reader.depth);
    return true;
}

bool script_read(lua_State *lua, kk_str text, bool keep_null, script_read_problem *problem)
{
    filler self;
    self.lua = lua;
    self.keep_null = keep_null;
    self.levels[0] = (level){0};
    memset(self.hints, 0, sizeof self.hints);
    kk_json_reader_init(&self.reader, text);
    luaL_checkstack(lua, 8, "the JSON is nested too deep");
    int before = lua_gettop(lua);
    script_push_array_mark(lua);
    self.mark = before + MARK;
    // Nothing becomes garbage here.  If memory runs out, the next run starts the collector again.
    lua_gc(lua, LUA_GCSTOP);
    while (take_token(&self, kk_json_next(&self.reader))) {
    }
    lua_gc(lua, LUA_GCRESTART);
    if (self.reader.problem != NULL) {
        *problem = (script_read_problem){self.reader.problem, self.reader.at};
        lua_settop(lua, before);
        return false;
    }
    lua_remove(lua, self.mark);
    return true;
}
