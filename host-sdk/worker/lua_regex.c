// regex: match, match_all and gsub.
#include "lua_regex.h"
#include <stdlib.h>

// Walks over all matches in a text.
typedef struct scan {
    script_regex *regex;
    kk_str subject;
    size_t offset;
    bool empty; // the last match was empty: the next one may not be, unless it is further on
} scan;

static kk_str check_subject(lua_State *lua, int index)
{
    kk_str subject;
    if (lua_type(lua, index) != LUA_TSTRING && lua_type(lua, index) != LUA_TNUMBER) {
        script_kind kind = lua_istable(lua, index) ? script_table_kind(lua, index) : SCRIPT_PLAIN;
        luaL_argexpected(lua, kind == SCRIPT_ERROR, index, "string");
        script_push_text(lua, index);
        lua_replace(lua, index);
    }
    subject.ptr = lua_tolstring(lua, index, &subject.len);
    return subject;
}

// The next character's end, so that an empty match does not fall between the bytes of one.
static size_t next_character(kk_str subject, size_t at)
{
    at++;
    while (at < subject.len && ((unsigned char)subject.ptr[at] & 0xC0) == 0x80) {
        at++;
    }
    return at;
}

static bool next_match(lua_State *lua, scan *self)
{
    while (self->offset <= self->subject.len) {
        script_check_cpu(lua);
        uint32_t options = self->empty ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
        if (script_regex_match(lua, self->regex, self->subject, self->offset, options) > 0) {
            const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(self->regex->data);
            self->offset = spans[1];
            self->empty = spans[0] == spans[1];
            return true;
        }
        if (!self->empty) {
            return false;
        }
        self->empty = false;
        self->offset = next_character(self->subject, self->offset);
    }
    return false;
}

// ---- A match as a table

static bool is_set(const PCRE2_SIZE *spans, size_t group)
{
    return spans[2 * group] != PCRE2_UNSET && spans[2 * group] <= spans[2 * group + 1];
}

static void push_group(lua_State *lua, const script_regex *regex, kk_str subject, size_t group)
{
    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->data);
    if (group > regex->groups || !is_set(spans, group)) {
        lua_pushnil(lua);
        return;
    }
    lua_pushlstring(lua, subject.ptr + spans[2 * group], spans[2 * group + 1] - spans[2 * group]);
}

// Where the entry of a name stands: two bytes of the group's number, then the name.
static PCRE2_SPTR name_entry(const script_regex *regex, uint32_t i)
{
    return regex->name_table + (size_t)i * regex->name_size;
}

// Pushes {[0] = whole, [1] = first group, ..., name = ...}; a group that did not take part is
// absent.
static void push_match(lua_State *lua, const script_regex *regex, kk_str subject)
{
    lua_createtable(lua, (int)regex->groups, 1 + (int)regex->names);
    for (uint32_t group = 0; group <= regex->groups; group++) {
        push_group(lua, regex, subject, group);
        lua_rawseti(lua, -2, (lua_Integer)group);
    }
    for (uint32_t i = 0; i < regex->names; i++) {
        PCRE2_SPTR entry = name_entry(regex, i);
        push_group(lua, regex, subject, (size_t)entry[0] << 8 | entry[1]);
        if (lua_isnil(lua, -1)) {
            lua_pop(lua, 1); // with duplicate names another group may be set
        } else {
            lua_setfield(lua, -2, (const char *)entry + 2);
        }
    }
}

static int regex_match(lua_State *lua)
{
    kk_str subject = check_subject(lua, 1);
    script_regex *regex = script_push_regex(lua, 2);
    if (script_regex_match(lua, regex, subject, 0, 0) == 0) {
        lua_pushnil(lua);
        return 1;
    }
    push_match(lua, regex, subject);
    return 1;
}

static int regex_match_all(lua_State *lua)
{
    scan self = {.subject = check_subject(lua, 1)};
    self.regex = script_push_regex(lua, 2);
    lua_newtable(lua);
    script_mark_array(lua);
    for (lua_Integer count = 1; next_match(lua, &self); count++) {
        push_match(lua, self.regex, self.subject);
        lua_rawseti(lua, -2, count);
    }
    return 1;
}

// ---- Replacing

static int group_of_name(const script_regex *regex, kk_str name)
{
    for (uint32_t i = 0; i < regex->names; i++) {
        PCRE2_SPTR entry = name_entry(regex, i);
        if (kk_str_is(name, (const char *)entry + 2)) {
            return entry[0] << 8 | entry[1];
        }
    }
    return -1;
}

static bool is_digit(kk_str text, size_t at)
{
    return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

static int group_of(const script_regex *regex, kk_str name)
{
    int number = 0;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_digit(name, i) || i >= 5) {
            return group_of_name(regex, name);
        }
        number = number * 10 + (name.ptr[i] - '0');
    }
    return name.len > 0 && (uint32_t)number <= regex->groups ? number : -1;
}

// The reference that begins at [at], as "$1", "${1}", "${name}" or "\1", and its length; 0 if none
// does.
static size_t read_reference(kk_str text, size_t at, kk_str *name)
{
    bool braced = text.ptr[at] == '$' && at + 1 < text.len && text.ptr[at + 1] == '{';
    if (braced) {
        const char *end = memchr(text.ptr + at, '}', text.len - at);
        *name = (kk_str){text.ptr + at + 2, end != NULL ? (size_t)(end - text.ptr) - at - 2 : 0};
        return end != NULL ? name->len + 3 : 0;
    }
    if ((text.ptr[at] != '$' && text.ptr[at] != '\\') || !is_digit(text, at + 1)) {
        return 0;
    }
    *name = (kk_str){text.ptr + at + 1, is_digit(text, at + 2) ? 2 : 1};
    return 1 + name->len;
}

static void add_group(lua_State *lua, const scan *self, kk_str name, luaL_Buffer *out)
{
    int group = group_of(self->regex, name);
    if (group < 0) {
        lua_pushlstring(lua, name.ptr, name.len);
        luaL_error(lua, "regex.gsub: the replacement names the group '%s', which the pattern lacks",
                   lua_tostring(lua, -1));
    }
    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(self->regex->data);
    if (is_set(spans, (size_t)group)) {
        const PCRE2_SIZE *span = spans + 2 * (size_t)group;
        luaL_addlstring(out, self->subject.ptr + span[0], span[1] - span[0]);
    }
}

static void add_text(lua_State *lua, const scan *self, int replacement, luaL_Buffer *out)
{
    kk_str text;
    text.ptr = lua_tolstring(lua, replacement, &text.len);
    for (size_t at = 0; at < text.len;) {
        kk_str name;
        size_t len = read_reference(text, at, &name);
        if (len == 0) {
            luaL_addchar(out, text.ptr[at]);
            at++;
            continue;
        }
        add_group(lua, self, name, out);
        at += len;
    }
}

// What the function gives in place of the match; nil and false leave it as it is.
static void add_result(lua_State *lua, const scan *self, int function, size_t start,
                       luaL_Buffer *out)
{
    size_t end = self->offset; // the function may match with the same pattern
    lua_pushvalue(lua, function);
    push_match(lua, self->regex, self->subject);
    lua_call(lua, 1, 1);
    if (!lua_toboolean(lua, -1)) {
        lua_pop(lua, 1);
        luaL_addlstring(out, self->subject.ptr + start, end - start);
        return;
    }
    if (!lua_isstring(lua, -1)) {
        luaL_error(lua, "regex.gsub: the function gave a %s instead of a string",
                   luaL_typename(lua, -1));
    }
    luaL_addvalue(out);
}

static int regex_gsub(lua_State *lua)
{
    scan self = {.subject = check_subject(lua, 1)};
    bool by_function = lua_isfunction(lua, 3);
    luaL_argexpected(lua, by_function || lua_isstring(lua, 3), 3, "string or function");
    lua_Integer most = luaL_optinteger(lua, 4, LUA_MAXINTEGER);
    lua_settop(lua, 3);
    self.regex = script_push_regex(lua, 2);
    luaL_Buffer out;
    luaL_buffinit(lua, &out);
    lua_Integer count = 0;
    size_t copied = 0;
    while (count < most && next_match(lua, &self)) {
        size_t start = pcre2_get_ovector_pointer(self.regex->data)[0];
        luaL_addlstring(&out, self.subject.ptr + copied, start - copied);
        copied = self.offset;
        count++;
        if (by_function) {
            add_result(lua, &self, 3, start, &out);
        } else {
            add_text(lua, &self, 3, &out);
        }
    }
    luaL_addlstring(&out, self.subject.ptr + copied, self.subject.len - copied);
    luaL_pushresult(&out);
    lua_pushinteger(lua, count);
    return 2;
}

void script_open_regex(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"match", regex_match}, {"match_all", regex_match_all}, {"gsub", regex_gsub}, {NULL, NULL}};
    script_open_patterns(lua);
    luaL_newlib(lua, functions);
    lua_setglobal(lua, "regex");
}
