// The documentation pages: lua_read_doc, lua_list_docs, lua_search_docs and docs.
#include "json.h"
#include "lua_private.h"
#include <stdio.h>

// The host looks through its pages at no cost of the script's time, so that a query is short.
enum { QUERY_MAX = 4096 };

static void check_query(lua_State *lua, size_t len, const char *query)
{
    if (len <= QUERY_MAX && memchr(query, '\0', len) == NULL) {
        return;
    }
    char message[96];
    snprintf(message, sizeof message,
             "what is asked of the documentation has at most %d bytes and no NUL", QUERY_MAX);
    script_raise(lua, &(script_problem){.code = KK_ERR_INVALID_ARGS, .message = message});
}

// Asks with the first argument, or [otherwise] if there is none, and pushes the answer.
static void ask(lua_State *lua, const char *verb, const char *otherwise)
{
    script_runtime *self = script_of(lua);
    size_t len = 0;
    const char *query = otherwise != NULL ? luaL_optlstring(lua, 1, otherwise, &len)
                                          : luaL_checklstring(lua, 1, &len);
    check_query(lua, len, query);
    kk_buf_clear(&self->scratch);
    kk_buf_append_format(&self->scratch, "{\"verb\":\"%s\",\"query\":", verb);
    kk_json_write_string(&self->scratch, kk_str_from(query));
    kk_buf_append_byte(&self->scratch, '}');
    script_ask_and_push(lua, self->callbacks.docs, "a question for documentation");
}

static int docs_read(lua_State *lua)
{
    ask(lua, "read", NULL);
    return 1;
}

static int docs_list(lua_State *lua)
{
    ask(lua, "list", "");
    return 1;
}

static int docs_search(lua_State *lua)
{
    ask(lua, "search", NULL);
    return 1;
}

static void add_member(lua_State *lua, int row, const char *name, kk_buf *out)
{
    lua_pushstring(lua, name);
    if (lua_istable(lua, row) && lua_rawget(lua, row) == LUA_TSTRING) {
        kk_buf_append_text(out, lua_tostring(lua, -1));
    }
    lua_pop(lua, 1);
}

// Turns the list of pages on the top into text, one line a page.
static int push_lines(lua_State *lua)
{
    if (!lua_istable(lua, -1)) {
        return 1;
    }
    int list = lua_gettop(lua);
    kk_buf *text = &script_of(lua)->scratch;
    kk_buf_clear(text);
    for (lua_Integer i = 1; (size_t)i <= lua_rawlen(lua, list); i++) {
        kk_buf_append_text(text, i > 1 ? "\n" : "");
        lua_rawgeti(lua, list, i);
        add_member(lua, list + 1, "page", text);
        kk_buf_append_text(text, ": ");
        add_member(lua, list + 1, "summary", text);
        lua_settop(lua, list);
    }
    lua_pushlstring(lua, kk_buf_text(text), text->len);
    return 1;
}

static int list_as_text(lua_State *lua)
{
    docs_list(lua);
    return push_lines(lua);
}

static int search_as_text(lua_State *lua)
{
    docs_search(lua);
    return push_lines(lua);
}

void script_open_docs(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"read", docs_read}, {"list", docs_list}, {"search", docs_search}, {NULL, NULL}};
    luaL_newlib(lua, functions);
    lua_setglobal(lua, "docs");
    lua_pushcfunction(lua, docs_read);
    lua_setglobal(lua, "lua_read_doc");
    lua_pushcfunction(lua, list_as_text);
    lua_setglobal(lua, "lua_list_docs");
    lua_pushcfunction(lua, search_as_text);
    lua_setglobal(lua, "lua_search_docs");
}
