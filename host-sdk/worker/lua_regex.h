// Compiled regular expressions, kept in the state and paid from its memory.
#ifndef KK_LUA_REGEX_H
#define KK_LUA_REGEX_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include "lua_private.h"
#include <pcre2.h>

enum {
    SCRIPT_MATCH_STEPS = 1000000,  // of one match
    SCRIPT_MATCH_HEAP_KIB = 4096,  // of one match
    SCRIPT_PATTERN_MAX = 32 * 1024 // bytes
};

typedef struct script_regex {
    pcre2_code *code;
    pcre2_match_data *data;
    uint32_t groups; // without the whole
    uint32_t names;
    uint32_t name_size;
    PCRE2_SPTR name_table;
} script_regex;

// Makes the state ready for the functions below.
void script_open_patterns(lua_State *lua);

// Pushes the compiled form of the pattern at [index] and gives it.  Raises what is wrong with the
// pattern.
script_regex *script_push_regex(lua_State *lua, int index);

// Matches from [offset].  Gives the number of groups set, or 0 if nothing matches; raises what
// ended the match.
int script_regex_match(lua_State *lua, script_regex *regex, kk_str subject, size_t offset,
                       uint32_t options);

#endif
