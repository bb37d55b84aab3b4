// Patterns: PHP's delimiters and flags, the cache, and PCRE2's memory.
#include "lua_regex.h"
#include <stdio.h>

static const char cache_key;
static const char contexts_key;

enum { CACHED_MAX = 64, BLOCK_HEAD = 16 };

#define REGEX_TYPE "kk.regex"
#define CONTEXTS_TYPE "kk.regex.contexts"

typedef struct contexts {
    pcre2_general_context *general;
    pcre2_compile_context *compile;
    pcre2_match_context *match;
} contexts;

// ---- Memory

// PCRE2 does not say how large a block was when it gives it back, so that stands before the block.
static void *take_memory(size_t size, void *runtime)
{
    if (size > SIZE_MAX - BLOCK_HEAD) {
        return NULL;
    }
    char *block = script_allocate(runtime, NULL, 0, size + BLOCK_HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    return block + BLOCK_HEAD;
}

static void give_memory(void *memory, void *runtime)
{
    if (memory == NULL) {
        return;
    }
    char *block = (char *)memory - BLOCK_HEAD;
    size_t size;
    memcpy(&size, block, sizeof size);
    script_allocate(runtime, block, size + BLOCK_HEAD, 0);
}

// ---- The life of what is kept

static int free_regex(lua_State *lua)
{
    script_regex *self = luaL_checkudata(lua, 1, REGEX_TYPE);
    pcre2_match_data_free(self->data);
    pcre2_code_free(self->code);
    *self = (script_regex){0};
    return 0;
}

static int free_contexts(lua_State *lua)
{
    contexts *self = luaL_checkudata(lua, 1, CONTEXTS_TYPE);
    pcre2_match_context_free(self->match);
    pcre2_compile_context_free(self->compile);
    pcre2_general_context_free(self->general);
    *self = (contexts){0};
    return 0;
}

// Pushes a cleared block of [size] bytes that [free_it] ends.
static void *push_block(lua_State *lua, size_t size, const char *type, lua_CFunction free_it)
{
    void *block = lua_newuserdatauv(lua, size, 0);
    memset(block, 0, size);
    if (luaL_newmetatable(lua, type)) {
        lua_pushcfunction(lua, free_it);
        lua_setfield(lua, -2, "__gc");
    }
    lua_setmetatable(lua, -2);
    return block;
}

void script_open_patterns(lua_State *lua)
{
    contexts *self = push_block(lua, sizeof *self, CONTEXTS_TYPE, free_contexts);
    self->general = pcre2_general_context_create(take_memory, give_memory, script_of(lua));
    if (self->general != NULL) {
        self->compile = pcre2_compile_context_create(self->general);
        self->match = pcre2_match_context_create(self->general);
    }
    if (self->compile == NULL || self->match == NULL) {
        script_exceed_memory(lua);
    }
    pcre2_set_max_pattern_length(self->compile, SCRIPT_PATTERN_MAX);
    pcre2_set_match_limit(self->match, SCRIPT_MATCH_STEPS);
    pcre2_set_heap_limit(self->match, SCRIPT_MATCH_HEAP_KIB);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &contexts_key);
}

static contexts *contexts_of(lua_State *lua)
{
    lua_rawgetp(lua, LUA_REGISTRYINDEX, &contexts_key);
    contexts *self = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    return self;
}

// ---- PHP's delimiters

static const struct {
    char letter;
    uint32_t option;
} flags[] = {{'i', PCRE2_CASELESS},       {'m', PCRE2_MULTILINE}, {'s', PCRE2_DOTALL},
             {'x', PCRE2_EXTENDED},       {'u', PCRE2_UCP},       {'A', PCRE2_ANCHORED},
             {'D', PCRE2_DOLLAR_ENDONLY}, {'U', PCRE2_UNGREEDY},  {'J', PCRE2_DUPNAMES},
             {'n', PCRE2_NO_AUTO_CAPTURE}};

static bool read_flags(kk_str letters, uint32_t *options)
{
    *options = 0;
    for (size_t i = 0; i < letters.len; i++) {
        size_t known = 0;
        while (known < sizeof flags / sizeof *flags && flags[known].letter != letters.ptr[i]) {
            known++;
        }
        if (known == sizeof flags / sizeof *flags) {
            return false;
        }
        *options |= flags[known].option;
    }
    return true;
}

// Takes "/text/flags" apart.  Brackets are no delimiters here, since plain patterns begin with
// them; and what does not end in flags is a plain pattern that begins with such a character.
static kk_str strip_delimiters(kk_str pattern, uint32_t *options)
{
    *options = 0;
    if (pattern.len < 2 || pattern.ptr[0] == '\0' || strchr("/#~@!%", pattern.ptr[0]) == NULL) {
        return pattern;
    }
    for (size_t at = 1; at < pattern.len; at++) {
        if (pattern.ptr[at] == '\\') {
            at++;
        } else if (pattern.ptr[at] == pattern.ptr[0]) {
            kk_str letters = {pattern.ptr + at + 1, pattern.len - at - 1};
            bool delimited = at > 1 && read_flags(letters, options);
            *options = delimited ? *options : 0;
            return delimited ? (kk_str){pattern.ptr + 1, at - 1} : pattern;
        }
    }
    return pattern;
}

// ---- Compiling

static int raise_pattern(lua_State *lua, int number, size_t at)
{
    unsigned char reason[160] = "";
    char message[256];
    if (number == PCRE2_ERROR_HEAP_FAILED) {
        return script_exceed_memory(lua);
    }
    pcre2_get_error_message(number, reason, sizeof reason);
    snprintf(message, sizeof message, "regex: the pattern is not understood: %s, at byte %zu",
             (const char *)reason, at + 1);
    return script_raise(lua, &(script_problem){.code = KK_ERR_SCRIPT_ERROR, .message = message});
}

// Garbage may hold patterns, and Lua's collector does not see how much these hold: memory is short
// only where it is short after a collection.
static pcre2_code *make_code(lua_State *lua, kk_str pattern, uint32_t options, int *number,
                             PCRE2_SIZE *at)
{
    pcre2_compile_context *context = contexts_of(lua)->compile;
    PCRE2_SPTR text = (PCRE2_SPTR)pattern.ptr;
    pcre2_code *code = pcre2_compile(text, pattern.len, options, number, at, context);
    if (code == NULL && *number == PCRE2_ERROR_HEAP_FAILED) {
        lua_gc(lua, LUA_GCCOLLECT);
        code = pcre2_compile(text, pattern.len, options, number, at, context);
    }
    return code;
}

static pcre2_match_data *make_data(lua_State *lua, const pcre2_code *code)
{
    pcre2_general_context *context = contexts_of(lua)->general;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, context);
    if (data == NULL) {
        lua_gc(lua, LUA_GCCOLLECT);
        data = pcre2_match_data_create_from_pattern(code, context);
    }
    return data;
}

// Pushes a new compiled pattern.
static void compile(lua_State *lua, kk_str text)
{
    uint32_t options = 0;
    kk_str pattern = strip_delimiters(text, &options);
    options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    script_regex *self = push_block(lua, sizeof *self, REGEX_TYPE, free_regex);
    int number = 0;
    PCRE2_SIZE at = 0;
    self->code = make_code(lua, pattern, options, &number, &at);
    if (self->code == NULL) {
        raise_pattern(lua, number, at);
    }
    self->data = make_data(lua, self->code);
    if (self->data == NULL) {
        script_exceed_memory(lua);
    }
    pcre2_pattern_info(self->code, PCRE2_INFO_CAPTURECOUNT, &self->groups);
    pcre2_pattern_info(self->code, PCRE2_INFO_NAMECOUNT, &self->names);
    pcre2_pattern_info(self->code, PCRE2_INFO_NAMEENTRYSIZE, &self->name_size);
    pcre2_pattern_info(self->code, PCRE2_INFO_NAMETABLE, &self->name_table);
}

// The cache: {count, patterns}.  A full one begins anew.
static void push_cache(lua_State *lua)
{
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, &cache_key) == LUA_TTABLE) {
        lua_rawgeti(lua, -1, 1);
        bool full = lua_tointeger(lua, -1) >= CACHED_MAX;
        lua_pop(lua, 1);
        if (!full) {
            return;
        }
    }
    lua_pop(lua, 1);
    lua_newtable(lua);
    lua_pushvalue(lua, -1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, &cache_key);
}

static void keep(lua_State *lua, int cache, int pattern)
{
    lua_rawgeti(lua, cache, 1);
    lua_pushinteger(lua, lua_tointeger(lua, -1) + 1);
    lua_rawseti(lua, cache, 1);
    lua_pop(lua, 1);
    lua_pushvalue(lua, pattern);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, cache);
}

script_regex *script_push_regex(lua_State *lua, int index)
{
    kk_str text;
    luaL_argexpected(lua, lua_type(lua, index) == LUA_TSTRING, index, "string");
    text.ptr = lua_tolstring(lua, index, &text.len);
    push_cache(lua);
    int cache = lua_gettop(lua);
    lua_pushvalue(lua, index);
    if (lua_rawget(lua, cache) != LUA_TUSERDATA) {
        lua_pop(lua, 1);
        compile(lua, text);
        keep(lua, cache, index);
    }
    lua_remove(lua, cache);
    return lua_touserdata(lua, -1);
}

// ---- Matching

static int raise_match(lua_State *lua, int number)
{
    switch (number) {
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
        return script_raise(
            lua, &(script_problem){
                     .code = KK_ERR_LIMIT_EXCEEDED,
                     .message = "regex: the pattern tries too many ways to match this text",
                     .hint = "a repetition inside a repetition, as in (a+)+, is the usual cause"});
    case PCRE2_ERROR_NOMEMORY:
        return script_exceed_memory(lua);
    default: {
        unsigned char reason[160] = "";
        pcre2_get_error_message(number, reason, sizeof reason);
        return luaL_error(lua, "regex: %s", (const char *)reason);
    }
    }
}

int script_regex_match(lua_State *lua, script_regex *regex, kk_str subject, size_t offset,
                       uint32_t options)
{
    pcre2_match_context *context = contexts_of(lua)->match;
    PCRE2_SPTR text = (PCRE2_SPTR)subject.ptr;
    int found = pcre2_match(regex->code, text, subject.len, offset, options, regex->data, context);
    if (found == PCRE2_ERROR_NOMEMORY) {
        lua_gc(lua, LUA_GCCOLLECT);
        found = pcre2_match(regex->code, text, subject.len, offset, options, regex->data, context);
    }
    if (found == PCRE2_ERROR_NOMATCH) {
        return 0;
    }
    if (found < 0) {
        return raise_match(lua, found);
    }
    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(regex->data);
    if (spans[0] > spans[1] || spans[1] < offset) {
        return luaL_error(lua, "regex: the pattern moves the match before its start");
    }
    return found;
}
