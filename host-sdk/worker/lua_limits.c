// Memory, CPU time, and the end of a run that nothing holds up.
#include "lua_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MILLION = 1000000 };

script_runtime *script_of(lua_State *lua)
{
    script_runtime *self;
    memcpy(&self, lua_getextraspace(lua), sizeof self);
    return self;
}

void script_where(lua_State *lua, script_place *place)
{
    lua_Debug frame;
    for (int level = 0; lua_getstack(lua, level, &frame) != 0; level++) {
        lua_getinfo(lua, "Sl", &frame);
        if (frame.currentline > 0) {
            place->line = frame.currentline;
            memcpy(place->source, frame.short_src, sizeof place->source);
            return;
        }
    }
    *place = (script_place){0};
}

// ---- Memory

static void *allocate_block(script_runtime *self, void *block, size_t size)
{
    if (self->callbacks.allocate != NULL) {
        return self->callbacks.allocate(self->callbacks.context, block, size);
    }
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

// Lua collects its garbage and asks once more before it gives up, so a refusal is not yet the end;
// but only now can it be seen where the script is.
static void *refuse(script_runtime *self)
{
    if (self->running != NULL && self->exceeded == NULL) {
        script_where(self->running, &self->refused_at);
    }
    return NULL;
}

void *script_allocate(void *context, void *block, size_t old_size, size_t size)
{
    script_runtime *self = context;
    size_t held = block != NULL ? old_size : 0; // without a block it is the kind of an object
    size_t others = self->memory_used - held;
    size_t ceiling = self->limits.memory_bytes + self->slack;
    if (size > held && (others > ceiling || size > ceiling - others)) {
        return refuse(self);
    }
    void *moved = allocate_block(self, block, size);
    if (moved == NULL && size > 0) {
        // Lua relies on it that a block can be made smaller.
        return size <= held && block != NULL ? block : refuse(self);
    }
    self->memory_used = others + size;
    if (self->memory_used > self->memory_peak) {
        self->memory_peak = self->memory_used;
    }
    return moved;
}

// ---- The end of a run

static int raise_exceeded(lua_State *lua)
{
    lua_pushlightuserdata(lua, script_of(lua));
    return lua_error(lua);
}

static void note(script_runtime *self, kk_code code, const char *text, const script_place *place)
{
    if (self->exceeded != NULL) {
        return;
    }
    snprintf(self->exceeded_text, sizeof self->exceeded_text, "%s", text);
    self->exceeded = self->exceeded_text;
    self->exceeded_code = code;
    self->exceeded_at = *place;
    self->slack = SCRIPT_SLACK;
}

int script_exceed(lua_State *lua, kk_code code, const char *text)
{
    script_place place;
    script_where(lua, &place);
    note(script_of(lua), code, text, &place);
    return raise_exceeded(lua);
}

void script_note_memory(script_runtime *self)
{
    char text[sizeof self->exceeded_text];
    snprintf(text, sizeof text, "the script needs more than its %zu KiB of memory",
             self->limits.memory_bytes >> 10);
    note(self, KK_ERR_LIMIT_EXCEEDED, text, &self->refused_at);
}

int script_exceed_memory(lua_State *lua)
{
    script_note_memory(script_of(lua));
    return raise_exceeded(lua);
}

void script_check(lua_State *lua)
{
    if (script_of(lua)->exceeded != NULL) {
        raise_exceeded(lua);
    }
}

// ---- CPU time

static uint64_t cpu_now_ns(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 * MILLION + (uint64_t)now.tv_nsec;
}

uint64_t script_cpu_ms(const script_runtime *self)
{
    return (cpu_now_ns() - self->cpu_start_ns) / MILLION;
}

void script_check_cpu(lua_State *lua)
{
    script_runtime *self = script_of(lua);
    script_check(lua);
    if (script_cpu_ms(self) >= self->limits.cpu_ms) {
        char text[sizeof self->exceeded_text];
        snprintf(text, sizeof text, "the script used more than its %llu ms of CPU time",
                 (unsigned long long)self->limits.cpu_ms);
        script_exceed(lua, KK_ERR_LIMIT_EXCEEDED, text);
    }
}

static void on_count(lua_State *lua, lua_Debug *frame);

// Instructions that call C functions can take a thousand times as long as others, so the distance
// to the next look at the clock follows the time since the last one.
static void set_distance(lua_State *lua, uint64_t now_ns)
{
    script_runtime *self = script_of(lua);
    uint64_t since_ns = now_ns - self->looked_ns;
    self->looked_ns = now_ns;
    if (since_ns > SCRIPT_LOOK_MS * MILLION && self->distance > SCRIPT_DISTANCE_LEAST) {
        self->distance = SCRIPT_DISTANCE_LEAST;
    } else if (since_ns < SCRIPT_LOOK_MS * MILLION / 4 && self->distance < SCRIPT_DISTANCE_MOST) {
        self->distance *= 2;
    }
    lua_sethook(lua, on_count, LUA_MASKCOUNT, self->distance);
}

static void on_count(lua_State *lua, lua_Debug *frame)
{
    (void)frame;
    script_check_cpu(lua);
    set_distance(lua, cpu_now_ns());
}

// ---- The beginning of a run

static size_t lower(size_t wanted, size_t ceiling)
{
    return wanted != 0 && wanted < ceiling ? wanted : ceiling;
}

void script_start_limits(script_runtime *self, const script_limits *limits)
{
    const size_t memory_least = (size_t)256 << 10;
    const script_limits *ceilings = &self->ceilings;
    self->limits.memory_bytes = lower(limits->memory_bytes, ceilings->memory_bytes);
    if (self->limits.memory_bytes < memory_least) {
        self->limits.memory_bytes = memory_least;
    }
    self->limits.cpu_ms = lower(limits->cpu_ms, ceilings->cpu_ms);
    self->limits.output_bytes = lower(limits->output_bytes, ceilings->output_bytes);
    self->limits.depth = lower(limits->depth, ceilings->depth);
    self->exceeded = NULL;
    self->exceeded_code = KK_OK;
    self->refused_at = (script_place){0};
    self->slack = 0;
    self->memory_peak = self->memory_used;
    self->cpu_start_ns = cpu_now_ns();
    self->printed = 0;
    self->calls = 0;
    self->closing = 0;
    self->running = self->state;
    self->looked_ns = self->cpu_start_ns;
    self->distance = SCRIPT_DISTANCE_LEAST;
    lua_sethook(self->state, on_count, LUA_MASKCOUNT, self->distance);
}
