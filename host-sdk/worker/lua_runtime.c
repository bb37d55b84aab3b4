// The life of a runtime, and the run of a chunk.
#include "lua_runtime.h"
#include "fail.h"
#include "json.h"
#include "lua_private.h"
#include <stdlib.h>

#define MEMORY_DEFAULT ((size_t)32 << 20)
#define OUTPUT_DEFAULT ((size_t)1 << 20)
enum { CPU_MS_DEFAULT = 30000, DEPTH_DEFAULT = 200, DEPTH_MAX = 1000 };
enum { SCRATCH_KEPT = 1 << 20 };

static script_limits ceilings_of(const script_limits *wanted)
{
    script_limits limits = wanted != NULL ? *wanted : (script_limits){0};
    limits.memory_bytes = limits.memory_bytes != 0 ? limits.memory_bytes : MEMORY_DEFAULT;
    limits.cpu_ms = limits.cpu_ms != 0 ? limits.cpu_ms : CPU_MS_DEFAULT;
    limits.output_bytes = limits.output_bytes != 0 ? limits.output_bytes : OUTPUT_DEFAULT;
    limits.depth = limits.depth != 0 ? limits.depth : DEPTH_DEFAULT;
    limits.depth = limits.depth < DEPTH_MAX ? limits.depth : DEPTH_MAX;
    return limits;
}

static int open_globals(lua_State *lua)
{
    script_open_globals(lua);
    return 0;
}

kk_code script_open(const script_callbacks *callbacks, const script_limits *ceilings,
                    script_runtime **out, kk_error *err)
{
    script_runtime *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "memory ran out");
    }
    self->callbacks = *callbacks;
    self->ceilings = ceilings_of(ceilings);
    self->limits = self->ceilings;
    self->scratch.limit = SCRIPT_TEXT_MAX;
    self->done.limit = SCRIPT_TEXT_MAX;
    self->state = lua_newstate(script_allocate, self);
    if (self->state == NULL) {
        free(self);
        return kk_fail(err, KK_ERR_INTERNAL, "memory ran out");
    }
    memcpy(lua_getextraspace(self->state), &self, sizeof(void *));
    lua_pushcfunction(self->state, open_globals);
    if (lua_pcall(self->state, 0, 0, 0) != LUA_OK) {
        script_close(self);
        return kk_fail(err, KK_ERR_INTERNAL, "memory ran out");
    }
    *out = self;
    return KK_OK;
}

void script_close(script_runtime *self)
{
    if (self == NULL) {
        return;
    }
    self->running = NULL;
    lua_close(self->state);
    kk_buf_clean(&self->scratch);
    kk_buf_clean(&self->done);
    free(self);
}

// ---- The catalogue

static int read_catalogue(lua_State *lua)
{
    const kk_str *json = lua_touserdata(lua, 1);
    script_read_problem problem;
    if (!script_read(lua, *json, false, &problem)) {
        return script_raise(
            lua, &(script_problem){.code = KK_ERR_USAGE, .message = "the catalogue is not JSON"});
    }
    script_build_catalogue(lua);
    return 0;
}

static const char *message_of(lua_State *lua)
{
    if (!lua_istable(lua, -1)) {
        return "the catalogue could not be taken";
    }
    lua_pushliteral(lua, "message");
    lua_rawget(lua, -2);
    return lua_tostring(lua, -1);
}

kk_code script_catalogue(script_runtime *self, kk_str json, kk_error *err)
{
    lua_State *lua = self->state;
    script_start_limits(self, &(script_limits){0});
    lua_settop(lua, 0);
    lua_gc(lua, LUA_GCRESTART);
    lua_pushcfunction(lua, read_catalogue);
    lua_pushlightuserdata(lua, &json);
    int status = lua_pcall(lua, 1, 0, 0);
    kk_code code = KK_OK;
    if (status == LUA_ERRMEM || self->exceeded != NULL) {
        code = kk_fail(err, KK_ERR_LIMIT_EXCEEDED, "the catalogue is too large for the script");
    } else if (status != LUA_OK) {
        code = kk_fail(err, KK_ERR_USAGE, "%s", message_of(lua));
    }
    self->running = NULL;
    lua_settop(lua, 0);
    return code;
}

// ---- A run

static const char results_too_long[] = "the results are too long";
static const char error_too_long[] = "the error is too long";

static int run_chunk(lua_State *lua)
{
    const script_chunk *chunk = lua_touserdata(lua, 1);
    const char *name = chunk->name != NULL ? chunk->name : "=(script)";
    const char *code = chunk->code.len > 0 ? chunk->code.ptr : "";
    lua_settop(lua, 0);
    int status = luaL_loadbufferx(lua, code, chunk->code.len, name, "t");
    if (status == LUA_ERRMEM) {
        return script_exceed_memory(lua);
    }
    if (status != LUA_OK) {
        return lua_error(lua);
    }
    lua_call(lua, 0, LUA_MULTRET);
    return lua_gettop(lua);
}

static void write_results(lua_State *lua, script_runtime *self)
{
    kk_buf *out = &self->done;
    int count = lua_gettop(lua);
    kk_buf_append_text(out, "{\"results\":[");
    for (int i = 1; i <= count; i++) {
        kk_buf_append_text(out, i > 1 ? "," : "");
        kk_buf_clear(&self->scratch);
        script_show(lua, i, &self->scratch);
        if (self->scratch.failed != KK_OK) {
            script_exceed(lua, KK_ERR_LIMIT_EXCEEDED, results_too_long);
        }
        kk_json_write_string(out, kk_buf_view(&self->scratch));
    }
    kk_buf_append_text(out, "],\"values\":[");
    for (int i = 1; i <= count; i++) {
        script_writer writer = {.out = &self->scratch, .depth_max = self->limits.depth};
        kk_buf_append_text(out, i > 1 ? "," : "");
        kk_buf_clear(&self->scratch);
        bool written = script_write(lua, i, &writer);
        kk_buf_append_str(out, written ? kk_buf_view(&self->scratch) : KK_STR("null"));
    }
    kk_buf_append_text(out, "],\"error\":null");
}

// Called with what the chunk returned.
static int report_results(lua_State *lua)
{
    script_runtime *self = script_of(lua);
    luaL_checkstack(lua, 16, "too many results");
    kk_buf_clear(&self->done);
    write_results(lua, self);
    if (self->done.failed != KK_OK) {
        return script_exceed(lua, KK_ERR_LIMIT_EXCEEDED, results_too_long);
    }
    return 0;
}

// Called with what the message handler made.
static int report_error(lua_State *lua)
{
    script_runtime *self = script_of(lua);
    kk_buf_clear(&self->done);
    kk_buf_append_text(&self->done, "{\"results\":[],\"values\":[],\"error\":");
    if (!lua_istable(lua, 1)) {
        script_handle_error(lua); // the handler itself failed, for want of stack
    }
    kk_code code = script_write_error(lua, lua_gettop(lua), &self->done);
    if (self->done.failed != KK_OK) {
        return script_exceed(lua, KK_ERR_LIMIT_EXCEEDED, error_too_long);
    }
    lua_pushinteger(lua, code);
    return 1;
}

static kk_code report_exceeded(script_runtime *self)
{
    kk_buf_clear(&self->done);
    kk_buf_append_text(&self->done, "{\"results\":[],\"values\":[],\"error\":");
    script_write_exceeded(self, &self->done);
    return self->exceeded_code;
}

// Turns what is on the stack above the handler into the report.
static kk_code report(script_runtime *self, int status)
{
    lua_State *lua = self->state;
    if (status == LUA_ERRMEM) {
        script_note_memory(self);
    }
    if (self->exceeded != NULL) {
        return report_exceeded(self);
    }
    self->slack = SCRIPT_SLACK;
    lua_pushcfunction(lua, status == LUA_OK ? report_results : report_error);
    lua_insert(lua, 2);
    int reported = lua_pcall(lua, lua_gettop(lua) - 2, status == LUA_OK ? 0 : 1, 0);
    if (reported != LUA_OK) {
        script_note_memory(self); // unless the report was too long: the first reason stands
        return report_exceeded(self);
    }
    return status == LUA_OK ? KK_OK : (kk_code)lua_tointeger(lua, -1);
}

static void write_used(script_runtime *self)
{
    kk_buf_append_format(&self->done,
                         ",\"used\":{\"memory_peak\":%zu,\"cpu_ms\":%llu,\"output_bytes\":%zu,"
                         "\"calls\":%zu}}",
                         self->memory_peak, (unsigned long long)script_cpu_ms(self), self->printed,
                         self->calls);
}

static void tidy_up(script_runtime *self)
{
    self->running = NULL;
    self->slack = 0;
    lua_settop(self->state, 0);
    if (self->scratch.capacity > SCRATCH_KEPT) {
        kk_buf_clean(&self->scratch);
    }
    if (self->done.capacity > SCRATCH_KEPT) {
        kk_buf_clean(&self->done);
    }
}

kk_code script_run(script_runtime *self, const script_chunk *chunk, kk_buf *done)
{
    lua_State *lua = self->state;
    script_start_limits(self, &chunk->limits);
    lua_settop(lua, 0);
    lua_gc(lua, LUA_GCRESTART);
    lua_pushcfunction(lua, script_handle_error);
    lua_pushcfunction(lua, run_chunk);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)chunk);
    int status = lua_pcall(lua, 1, LUA_MULTRET, 1);
    kk_code code = report(self, status);
    write_used(self);
    kk_buf_append_str(done, kk_buf_view(&self->done));
    tidy_up(self);
    return code;
}
