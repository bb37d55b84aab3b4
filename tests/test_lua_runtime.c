// The Lua runtime: globals, namespaces, calls, errors and the report of a run.
#include "lua_fixture.h"
#include "unit.h"

static int open_lua(void **state)
{
    static lua_fixture lua;
    lua = (lua_fixture){0};
    *state = &lua;
    return lua_fixture_open(&lua, NULL) ? 0 : -1;
}

static int close_lua(void **state)
{
    lua_fixture_close(*state);
    return 0;
}

// The chunk ends well and its first result shows as [expected].
static void gives(lua_fixture *lua, const char *chunk, const char *expected)
{
    kk_code code = lua_fixture_run(lua, chunk);
    if (code != KK_OK) {
        fail_msg("%s\n%s", chunk, lua_fixture_error(lua, "text"));
    }
    assert_string_equal(lua_fixture_result(lua), expected);
}

// The chunk fails with [code] and a text that is [text].
static void fails(lua_fixture *lua, const char *chunk, kk_code code, const char *text)
{
    assert_code(lua_fixture_run(lua, chunk), code);
    assert_string_equal(lua_fixture_error(lua, "text"), text);
}

static void prints(lua_fixture *lua, const char *chunk, const char *expected)
{
    kk_code code = lua_fixture_run(lua, chunk);
    if (code != KK_OK) {
        fail_msg("%s\n%s", chunk, lua_fixture_error(lua, "text"));
    }
    assert_string_equal(kk_buf_text(&lua->printed), expected);
}

// ---- Globals

static void test_lua__globals_are_exactly_these(void **state)
{
    prints(*state,
           "local names = {}\n"
           "for name in pairs(_G) do names[#names + 1] = name end\n"
           "table.sort(names)\n"
           "print(table.concat(names, ' '))",
           "_G _VERSION app assert coroutine docs dump error getmetatable ipairs json load "
           "lua_list_docs lua_read_doc lua_search_docs math next pairs pcall print rawequal rawget "
           "rawlen rawset regex select setmetatable string table tonumber tostring type utf8 "
           "xpcall\n");
}

static void test_lua__libraries_hold_exactly_these(void **state)
{
    prints(
        *state,
        "for _, library in ipairs({'string', 'table', 'utf8', 'coroutine', 'json', 'regex', "
        "'docs'}) do\n"
        "  local names = {}\n"
        "  for name in pairs(_G[library]) do names[#names + 1] = name end\n"
        "  table.sort(names)\n"
        "  print(library, table.concat(names, ' '))\n"
        "end",
        "string\tbyte char find format gmatch gsub len lower match pack packsize rep reverse sub "
        "unpack upper\n"
        "table\tconcat insert move pack remove sort unpack\n"
        "utf8\tchar charpattern codepoint codes len offset\n"
        "coroutine\tclose create isyieldable resume running status wrap yield\n"
        "json\tarray decode encode null\n"
        "regex\tgsub match match_all\n"
        "docs\tlist read search\n");
}

static void test_lua__load_takes_text_and_an_environment(void **state)
{
    lua_fixture *lua = *state;
    gives(lua, "return load('return x', '=chunk', 't', {x = 5})()", "5");
    gives(lua, "local n = 0 return load(function() n = n + 1 return ({'return ', '7'})[n] end)()",
          "7");
    gives(lua,
          "local n = 0 return select(2, load(function() n = n + 1 return ({'x ', '= ='})[n] end))",
          "\"(load):1: unexpected symbol near '='\"");
    gives(lua, "return select(2, load('x =', '=chunk'))",
          "\"chunk:1: unexpected symbol near <eof>\"");
    gives(lua, "return (load('\\27Lua'))", "nil");
}

static void test_lua__no_address_is_told(void **state)
{
    lua_fixture *lua = *state;
    gives(lua, "return string.format('%s %-6s|%5.1f%%', {1, 'x'}, print, 2)",
          "\"[1, \\\"x\\\"] <function>|  2.0%\"");
    gives(lua, "return ('%s'):format(setmetatable({}, {__tostring = function() return 'own' end}))",
          "\"own\"");
    gives(lua, "return ('%s %s'):format(nil, true)", "\"nil true\"");
    fails(lua, "return ('%d %-20p'):format(1, {})", KK_ERR_SCRIPT_ERROR,
          "test:1: string.format: scripts get no addresses (%p)");
    fails(lua, "return ('%s %d'):format({}, {})", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #2 to 'format' (number expected, got table)");
    fails(lua, "return string.format('%s')", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #2 to 'format' (no value)");
    // Lua's own seed is an address, which randomseed() gives back.
    gives(lua, "return select('#', math.randomseed()) + select('#', math.randomseed(1, 2))", "0");
    gives(lua,
          "math.randomseed(7) local n = math.random(0) math.randomseed(7) "
          "return n == math.random(0)",
          "true");
    gives(lua,
          "math.randomseed() local n = math.random(0) math.randomseed() "
          "return n ~= math.random(0)",
          "true");
}

static void test_lua__a_pcall_and_a_coroutine_work_as_in_lua(void **state)
{
    lua_fixture *lua = *state;
    gives(lua, "return json.encode({pcall(function(...) return ... end, 1, 2)})", "\"[true,1,2]\"");
    gives(lua, "return json.encode({pcall(error, 'x')})", "\"[false,\\\"x\\\"]\"");
    gives(lua, "return json.encode({xpcall(error, function(m) return m .. '!' end, 'x')})",
          "\"[false,\\\"x!\\\"]\"");
    gives(lua,
          "local co = coroutine.create(function(a) local b = coroutine.yield(a + 1)\n"
          "  local ok, c = pcall(function() return coroutine.yield(b + 1) end) return c, ok end)\n"
          "local _, x = coroutine.resume(co, 1)\n"
          "local _, y = coroutine.resume(co, 10)\n"
          "local _, z, ok = coroutine.resume(co, 'end')\n"
          "return json.encode({x, y, z, ok, coroutine.status(co)})",
          "\"[2,11,\\\"end\\\",true,\\\"dead\\\"]\"");
    gives(lua,
          "local next = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)\n"
          "return next() + next() + next()",
          "6");
    gives(lua, "return select(2, pcall(coroutine.wrap(function() error('inside') end)))",
          "\"test:1: inside\"");
    gives(lua, "return json.encode({coroutine.close(coroutine.create(print))})", "\"[true]\"");
    fails(lua, "coroutine.resume(5)", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #1 to 'resume' (coroutine expected, got number)");
    gives(lua, "return select(2, coroutine.resume(coroutine.running()))",
          "\"cannot resume non-suspended coroutine\"");
}

// ---- Namespaces

static void test_lua__pairs_shows_what_a_namespace_holds(void **state)
{
    lua_fixture *lua = *state;
    const char *list = "local names = {}\n"
                       "for name in pairs(%s) do names[#names + 1] = name end\n"
                       "table.sort(names)\n"
                       "return table.concat(names, ' ')";
    static const char *const rows[][2] = {
        {"app", "\"integrations\""},
        {"app.integrations", "\"open planetscale\""},
        {"app.integrations.planetscale",
         "\"default get_database list_databases list_organizations main my_prod\""},
        {"app.integrations.planetscale.my_prod",
         "\"get_database list_databases list_organizations\""},
        {"app.integrations.open", "\"default ping\""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char chunk[400];
        int used = snprintf(chunk, sizeof chunk, "local the = %s\n", rows[i][0]);
        const char *place = strstr(list, "%s");
        snprintf(chunk + used, sizeof chunk - (size_t)used, "%.*sthe%s", (int)(place - list), list,
                 place + 2);
        gives(lua, chunk, rows[i][1]);
    }
    gives(lua, "return type(app) .. #app .. tostring(next(app))", "\"table0integrations\"");
}

static void test_lua__a_namespace_cannot_be_changed(void **state)
{
    lua_fixture *lua = *state;
    fails(lua, "app.x = 1", KK_ERR_SCRIPT_ERROR,
          "test:1: app cannot be changed: 'x' was assigned to");
    fails(
        lua, "app.integrations.planetscale.list_databases = nil", KK_ERR_SCRIPT_ERROR,
        "test:1: app.integrations.planetscale cannot be changed: 'list_databases' was assigned to");
    fails(lua, "rawset(app.integrations, 'planetscale', nil)", KK_ERR_SCRIPT_ERROR,
          "test:1: rawset: a namespace cannot be changed");
    fails(lua, "setmetatable(app, nil)", KK_ERR_SCRIPT_ERROR,
          "test:1: cannot change a protected metatable");
    gives(lua, "return type(rawget(app.integrations.planetscale, 'list_databases'))",
          "\"function\"");
}

static void test_lua__unknown_names_are_told_with_near_ones(void **state)
{
    lua_fixture *lua = *state;
    fails(lua, "app.integrations.planetscale.list_database({})", KK_ERR_UNKNOWN_FUNCTION,
          "test:1: app.integrations.planetscale has no 'list_database' (unknown_function); did you "
          "mean 'list_databases', 'get_database'?");
    fails(lua, "\n\nreturn app.integrations.planetscal", KK_ERR_UNKNOWN_PLUGIN,
          "test:3: app.integrations has no 'planetscal' (unknown_plugin); did you mean "
          "'planetscale'?");
    fails(lua, "return app.integrations.planetscale.production", KK_ERR_UNKNOWN_FUNCTION,
          "test:1: app.integrations.planetscale has no 'production' (unknown_function); it has "
          "default, get_database, list_databases, list_organizations, main, my_prod");
    fails(lua, "return app.tools", KK_ERR_UNKNOWN_FUNCTION,
          "test:1: app has no 'tools' (unknown_function); it has integrations");
    fails(lua, "app.integrations.planetscale({})", KK_ERR_SCRIPT_ERROR,
          "test:1: app.integrations.planetscale is a namespace, not a function");
    gives(lua, "return app.integrations.planetscale[1]", "nil");
}

static void test_lua__without_plugins_the_tree_says_so(void **state)
{
    lua_fixture *lua = *state;
    assert_int_equal(script_catalogue(lua->runtime, KK_STR("{\"plugins\":[]}"), NULL), KK_OK);
    fails(lua, "return app.integrations.planetscale", KK_ERR_UNKNOWN_PLUGIN,
          "test:1: app.integrations has no 'planetscale' (unknown_plugin); it is empty: no plugin "
          "is installed");
}

static void test_lua__a_wrong_catalogue_leaves_the_old_one(void **state)
{
    static const char *const wrong[] = {
        "",
        "[",
        "5",
        "{}",
        "{\"plugins\":[1]}",
        "{\"plugins\":[{\"name\":\"p\"}]}",
        "{\"plugins\":[{\"name\":\"p\",\"accounts\":[],\"tools\":[{\"name\":\"f\"}]}]}",
        "{\"plugins\":[{\"name\":\"p\",\"accounts\":[],\"tools\":[{\"slug\":\"s\"}]}]}",
        "{\"plugins\":[{\"name\":\"p\",\"accounts\":[\"A b\"],\"tools\":[]}]}"};
    lua_fixture *lua = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kk_error err = {0};
        assert_code(script_catalogue(lua->runtime, kk_str_from(wrong[i]), &err), KK_ERR_USAGE);
        assert_holds(err.message, "catalogue");
        gives(lua, "return type(app.integrations.planetscale.get_database)", "\"function\"");
    }
}

// ---- Calls

static void asks(lua_fixture *lua, const char *chunk, const char *request)
{
    kk_code code = lua_fixture_run(lua, chunk);
    if (code != KK_OK) {
        fail_msg("%s\n%s", chunk, lua_fixture_error(lua, "text"));
    }
    assert_string_equal(kk_buf_text(&lua->request), request);
}

static void test_lua__every_path_reaches_the_function(void **state)
{
    static const char *const rows[][2] = {
        {"app.integrations.planetscale.get_database", "null"},
        {"app.integrations.planetscale.planetscale_get_database", "null"},
        {"app.integrations.planetscale.default.get_database", "null"},
        {"app.integrations.planetscale.main.get_database", "\"main\""},
        {"app.integrations.planetscale.my_prod.get_database", "\"my-prod\""},
        {"app.integrations.planetscale['my-prod'].planetscale_get_database", "\"my-prod\""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char chunk[200];
        char request[200];
        snprintf(chunk, sizeof chunk, "%s({database = 'd', organization = 'o'})", rows[i][0]);
        snprintf(request, sizeof request,
                 "{\"function\":\"planetscale.get_database\",\"account\":%s,\"args\":"
                 "{\"database\":\"d\",\"organization\":\"o\"}}",
                 rows[i][1]);
        asks(*state, chunk, request);
    }
    asks(*state, "app.integrations.open.some_account.ping('x')",
         "{\"function\":\"open.ping\",\"account\":\"some_account\",\"args\":{\"text\":\"x\"}}");
}

static void test_lua__positional_arguments_go_in_the_order_of_the_schema(void **state)
{
    lua_fixture *lua = *state;
    const char *const head =
        "{\"function\":\"planetscale.list_databases\",\"account\":null,\"args\":";
    static const char *const rows[][2] = {
        {"", "{}"},
        {"{}", "{}"},
        {"nil", "{}"},
        {"'acme'", "{\"organization\":\"acme\"}"},
        {"'acme', nil, 5", "{\"organization\":\"acme\",\"limit\":5}"},
        {"'acme', 1, nil", "{\"organization\":\"acme\",\"page\":1}"},
        {"'acme', 2.5", "{\"organization\":\"acme\",\"page\":2.5}"},
        {"'a', 1, 2, 'q', true, {'name', 'kind'}",
         "{\"organization\":\"a\",\"page\":1,\"limit\":2,\"q\":\"q\",\"all\":true,\"fields\":"
         "[\"name\",\"kind\"]}"},
        {"{q = json.null, fields = json.array()}", "{\"fields\":[],\"q\":null}"},
        {"{page = 9007199254740993}", "{\"page\":9007199254740993}"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char chunk[200];
        char request[300];
        snprintf(chunk, sizeof chunk, "app.integrations.planetscale.list_databases(%s)",
                 rows[i][0]);
        snprintf(request, sizeof request, "%s%s}", head, rows[i][1]);
        asks(lua, chunk, request);
    }
}

static void test_lua__wrong_arguments_send_nothing(void **state)
{
    static const char *const rows[][3] = {
        {"{a = 0/0}", "JSON has neither nan nor infinity, at /a", "/a"},
        {"{a = {b = {1, 2, x = 3}}}",
         "the keys are neither only strings nor a list from 1, at /a/b", "/a/b"},
        {"{a = {1, nil, 3}}",
         "the integer keys do not go from 1 without a gap; json.null fills a gap, at /a", "/a"},
        {"{a = print}", "a function has no JSON form, at /a", "/a"},
        {"{a = app}", "a namespace has no JSON form, at /a", "/a"},
        {"'\\xff'", "the string is not UTF-8, at /organization", "/organization"},
        {"'a', 'b', 'c'", "3 arguments are too many; it takes (organization, database)", NULL},
        {"{'a'}", "the table of arguments names them, as in {organization = \"acme\"}", NULL},
        {"{a = 1}, 2", "nothing may follow the table of arguments", NULL},
        {"{a = {['x/y'] = {1/0}}}", "JSON has neither nan nor infinity, at /a/x~1y/0",
         "/a/x~1y/0"}};
    lua_fixture *lua = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char chunk[200];
        char text[300];
        snprintf(chunk, sizeof chunk, "app.integrations.planetscale.get_database(%s)", rows[i][0]);
        snprintf(text, sizeof text,
                 "test:1: planetscale.get_database: %s; nothing was sent (invalid_args)",
                 rows[i][1]);
        fails(lua, chunk, KK_ERR_INVALID_ARGS, text);
        assert_int_equal(lua->asked, 0);
        const char *argument = lua_fixture_error(lua, "argument");
        assert_true((argument == NULL) == (rows[i][2] == NULL));
        assert_true(argument == NULL || strcmp(argument, rows[i][2]) == 0);
    }
}

static void test_lua__a_colon_is_refused_with_the_dot_shown(void **state)
{
    lua_fixture *lua = *state;
    fails(lua, "app.integrations.planetscale.my_prod:get_database({})", KK_ERR_INVALID_ARGS,
          "test:1: planetscale.get_database: it is called with a dot, not a colon: "
          "app.integrations.planetscale.my-prod.get_database({...}); nothing was sent "
          "(invalid_args)");
    assert_int_equal(lua->asked, 0);
}

static void test_lua__an_answer_that_is_not_json_is_a_protocol_error(void **state)
{
    lua_fixture *lua = *state;
    lua->answer_json = "{\"a\":";
    fails(lua, "app.integrations.planetscale.get_database()", KK_ERR_PROTOCOL,
          "test:1: the answer to planetscale.get_database is not JSON: the text ends where a value "
          "should be, at byte 6 (protocol)");
    lua->answer_json = "5";
    lua->answer = SCRIPT_FAILURE;
    fails(lua, "app.integrations.planetscale.get_database()", KK_ERR_PROTOCOL,
          "test:1: a failure came without a reason (protocol)");
}

// ---- Errors

static const char failure[] =
    "{\"code\":\"not_found\",\"message\":\"no such database\",\"hint\":\"look at "
    "list_databases\",\"retryable\":false,\"http_status\":404,\"api_code\":\"nf\",\"argument\":"
    "\"/database\",\"effect\":\"none\",\"account\":\"main\",\"function\":\"planetscale.get_"
    "database\"}";

#define FAILED "local ok, e = pcall(app.integrations.planetscale.get_database, 'a')\n"
#define FAILED_TEXT "test:1: no such database (not_found); look at list_databases"

static void test_lua__a_failed_call_raises_an_object(void **state)
{
    lua_fixture *lua = *state;
    lua->answer = SCRIPT_FAILURE;
    lua->answer_json = failure;
    prints(lua,
           FAILED "print(ok, e.code, e.message, e.hint, e.retryable, e.http_status, e.api_code)\n"
                  "print(e.argument, e.effect, e.account, e['function'], e.line, e.source, e.none)",
           "false\tnot_found\tno such database\tlook at list_databases\tfalse\t404\tnf\n"
           "/database\tnone\tmain\tplanetscale.get_database\t1\ttest\tnil\n");
    prints(lua,
           FAILED "print(e)\nprint('x: ' .. e)\nprint(e .. '!')\nprint(tostring(e) == "
                  "string.format('%s', e))",
           FAILED_TEXT "\nx: " FAILED_TEXT "\n" FAILED_TEXT "!\ntrue\n");
    gives(lua, FAILED "return e:find('such database', 1, true)", "12");
    gives(lua, FAILED "return regex.match(e, '\\\\((\\\\w+)\\\\)')[1]", "\"not_found\"");
    gives(lua, FAILED "return json.decode(json.encode(e)).http_status", "404");
    fails(lua, FAILED "return e .. nil", KK_ERR_SCRIPT_ERROR,
          "test:2: attempt to concatenate a nil value");
}

static void test_lua__an_uncaught_failure_keeps_what_it_knows(void **state)
{
    lua_fixture *lua = *state;
    lua->answer = SCRIPT_FAILURE;
    lua->answer_json = failure;
    fails(lua, "local x = 1\nlocal y = app.integrations.planetscale.get_database('a')",
          KK_ERR_NOT_FOUND, "test:2: no such database (not_found); look at list_databases");
    assert_int_equal(lua_fixture_line(lua), 2);
    assert_string_equal(lua_fixture_error(lua, "api_code"), "nf");
    assert_string_equal(lua_fixture_error(lua, "argument"), "/database");
    assert_string_equal(lua_fixture_error(lua, "source"), "test");
    fails(lua, "return app.integrations.planetscale.get_database('a')", KK_ERR_NOT_FOUND,
          FAILED_TEXT);
    fails(lua, FAILED "error(e)", KK_ERR_NOT_FOUND, FAILED_TEXT);
    fails(lua, FAILED "e.code = 'mine' error(e)", KK_ERR_SCRIPT_ERROR,
          "test:1: no such database; look at list_databases");
}

static void test_lua__whatever_is_raised_becomes_one_line(void **state)
{
    static const char *const rows[][2] = {
        {"error('boom')", "test:1: boom"},
        {"error('boom', 0)", "test:1: boom"},
        {"\n\nlocal function f() error('boom', 2) end\nf()", "test:4: boom"},
        {"error('two\\nlines')", "test:1: two lines"},
        {"error('no end\\0 here')", "test:1: no end  here"},
        {"error()", "test:1: a nil was raised as an error: nil"},
        {"error(true)", "test:1: a boolean was raised as an error: true"},
        {"error({1, 2})", "test:1: a table was raised as an error: [1, 2]"},
        {"error({message = 'mine'})", "test:1: mine"},
        {"error(setmetatable({}, {__tostring = function() return 'said' end}))", "test:1: said"},
        {"local t\nreturn t.x", "test:2: attempt to index a nil value (local 't')"},
        {"x = 'unfinished", "test:1: unfinished string near <eof>"},
        {"local x = = 1", "test:1: unexpected symbol near '='"},
        {"return load('error(\"inner\")', '=inner')()", "inner:1: inner"},
        {"os.exit()", "test:1: attempt to index a nil value (global 'os'); scripts have no 'os': "
                      "they reach nothing but the functions under app"},
        {"coroutine.wrap(function() error('in a coroutine') end)()", "test:1: in a coroutine"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        lua_fixture_run(*state, rows[i][0]);
        fails(*state, rows[i][0], KK_ERR_SCRIPT_ERROR, rows[i][1]);
        assert_true(lua_fixture_line(*state) > 0);
    }
}

static void test_lua__a_traceback_tells_the_calls(void **state)
{
    lua_fixture *lua = *state;
    fails(lua, "local function inner() error('x') end\nlocal function outer() inner() end\nouter()",
          KK_ERR_SCRIPT_ERROR, "test:1: x");
    assert_string_equal(lua_fixture_error(lua, "traceback"),
                        "test:1: in inner\ntest:2: in outer\ntest:3: in the chunk");
    fails(lua, "error('x')", KK_ERR_SCRIPT_ERROR, "test:1: x");
    assert_null(lua_fixture_error(lua, "traceback"));
}

// ---- Documentation

static void test_lua__documentation_is_asked_for(void **state)
{
    lua_fixture *lua = *state;
    lua->answer_json = "\"# page\"";
    prints(lua, "print(lua_read_doc('integrations.planetscale'), docs.read('x'))",
           "# page\t# page\n");
    asks(lua, "docs.read('a \"b\"')", "{\"verb\":\"read\",\"query\":\"a \\\"b\\\"\"}");
    lua->answer_json = "[{\"page\":\"a.b\",\"summary\":\"About.\"},{\"page\":\"c\",\"summary\":"
                       "\"More.\"}]";
    prints(lua, "print(lua_list_docs()) print(lua_search_docs('db branch'))",
           "a.b: About.\nc: More.\na.b: About.\nc: More.\n");
    asks(lua, "docs.list('integrations')", "{\"verb\":\"list\",\"query\":\"integrations\"}");
    asks(lua, "docs.search('q')", "{\"verb\":\"search\",\"query\":\"q\"}");
    gives(lua, "return docs.list()[2].page", "\"c\"");
    fails(lua, "lua_read_doc()", KK_ERR_SCRIPT_ERROR,
          "test:1: bad argument #1 to 'lua_read_doc' (string expected, got no value)");
    // What no page is called is not asked for.
    fails(lua, "docs.read('overview\\0x')", KK_ERR_INVALID_ARGS,
          "test:1: what is asked of the documentation has at most 4096 bytes and no NUL "
          "(invalid_args)");
    assert_int_equal(lua->asked, 0);
    fails(lua, "lua_search_docs(('db '):rep(2000))", KK_ERR_INVALID_ARGS,
          "test:1: what is asked of the documentation has at most 4096 bytes and no NUL "
          "(invalid_args)");
    gives(lua, "return #docs.search(('db  '):rep(1024))", "2");
    lua->answer = SCRIPT_FAILURE;
    lua->answer_json = "{\"code\":\"unknown_page\",\"message\":\"no page 'x'\"}";
    fails(lua, "lua_read_doc('x')", KK_ERR_UNKNOWN_PAGE, "test:1: no page 'x' (unknown_page)");
}

// ---- Runs

static void test_lua__globals_stay_from_run_to_run(void **state)
{
    lua_fixture *lua = *state;
    gives(lua, "count = (count or 0) + 1 return count", "1");
    gives(lua, "count = (count or 0) + 1 return count", "2");
    assert_code(lua_fixture_run(lua, "error('x')"), KK_ERR_SCRIPT_ERROR);
    gives(lua, "return count", "2");
}

static void test_lua__results_are_reported_as_text_and_as_json(void **state)
{
    lua_fixture *lua = *state;
    assert_int_equal(lua_fixture_run(lua, "return 'x', {a = {1}}, nil, print, 2^53, 0/0"), KK_OK);
    kk_str report = kk_buf_view(&lua->done);
    kk_str raw;
    assert_true(kk_json_find(report, "/results", &raw));
    assert_true(kk_str_is(raw, "[\"\\\"x\\\"\",\"{\\n  \\\"a\\\": [1]\\n}\",\"nil\",\"<function>\","
                               "\"9007199254740992.0\",\"-nan\"]") ||
                kk_str_is(raw, "[\"\\\"x\\\"\",\"{\\n  \\\"a\\\": [1]\\n}\",\"nil\",\"<function>\","
                               "\"9007199254740992.0\",\"nan\"]"));
    assert_true(kk_json_find(report, "/values", &raw));
    assert_true(kk_str_is(raw, "[\"x\",{\"a\":[1]},null,null,9007199254740992.0,null]"));
    assert_true(kk_json_find(report, "/used/calls", &raw));
    assert_true(kk_str_is(raw, "0"));
}

static void test_lua__a_lost_host_ends_the_run(void **state)
{
    lua_fixture *lua = *state;
    lua->answer = SCRIPT_LOST;
    fails(lua, "while true do pcall(app.integrations.planetscale.get_database) end",
          KK_ERR_CANCELLED, "test:1: nobody answers the script any more (cancelled)");
    lua->deaf = true;
    fails(lua, "\nwhile true do pcall(print, 'x') end", KK_ERR_CANCELLED,
          "test:2: nobody waits for the output any more (cancelled)");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lua, close_lua)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_lua__globals_are_exactly_these),
        TEST(test_lua__libraries_hold_exactly_these),
        TEST(test_lua__load_takes_text_and_an_environment),
        TEST(test_lua__no_address_is_told),
        TEST(test_lua__a_pcall_and_a_coroutine_work_as_in_lua),
        TEST(test_lua__pairs_shows_what_a_namespace_holds),
        TEST(test_lua__a_namespace_cannot_be_changed),
        TEST(test_lua__unknown_names_are_told_with_near_ones),
        TEST(test_lua__without_plugins_the_tree_says_so),
        TEST(test_lua__a_wrong_catalogue_leaves_the_old_one),
        TEST(test_lua__every_path_reaches_the_function),
        TEST(test_lua__positional_arguments_go_in_the_order_of_the_schema),
        TEST(test_lua__wrong_arguments_send_nothing),
        TEST(test_lua__a_colon_is_refused_with_the_dot_shown),
        TEST(test_lua__an_answer_that_is_not_json_is_a_protocol_error),
        TEST(test_lua__a_failed_call_raises_an_object),
        TEST(test_lua__an_uncaught_failure_keeps_what_it_knows),
        TEST(test_lua__whatever_is_raised_becomes_one_line),
        TEST(test_lua__a_traceback_tells_the_calls),
        TEST(test_lua__documentation_is_asked_for),
        TEST(test_lua__globals_stay_from_run_to_run),
        TEST(test_lua__results_are_reported_as_text_and_as_json),
        TEST(test_lua__a_lost_host_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
