// The limits of sessions and runs.
#include "fail.h"
#include "lua_private.h"

// One limit: where it is, what it is called, and what it may be.
typedef struct limit {
    const char *name;
    size_t offset;
    bool is_size; // a size_t, else a uint32_t
    uint64_t usual;
    uint64_t least;
    uint64_t greatest;
} limit;

#define MIB ((uint64_t)1 << 20)

static const limit limits[] = {
    {"memory_bytes", offsetof(kk_lua_limits, memory_bytes), true, 32 * MIB, MIB / 4, 1024 * MIB},
    {"output_bytes", offsetof(kk_lua_limits, output_bytes), true, MIB, 1, 64 * MIB},
    {"cpu_ms", offsetof(kk_lua_limits, cpu_ms), false, 30000, 1, 3600000},
    {"wall_ms", offsetof(kk_lua_limits, wall_ms), false, 300000, 1, 86400000},
    {"calls", offsetof(kk_lua_limits, calls), false, 1000, 1, 1000000},
    {"depth", offsetof(kk_lua_limits, depth), false, 200, 1, 1000},
};

static uint64_t get(const kk_lua_limits *from, const limit *which)
{
    const char *at = (const char *)from + which->offset;
    return which->is_size ? *(const size_t *)(const void *)at : *(const uint32_t *)(const void *)at;
}

static void set(kk_lua_limits *into, const limit *which, uint64_t value)
{
    char *at = (char *)into + which->offset;
    if (which->is_size) {
        *(size_t *)(void *)at = (size_t)value;
    } else {
        *(uint32_t *)(void *)at = (uint32_t)value;
    }
}

static kk_code take(const limit *which, uint64_t value, const kk_lua_limits *ceiling,
                    kk_lua_limits *out, kk_error *err)
{
    uint64_t greatest = ceiling != NULL ? get(ceiling, which) : which->greatest;
    if (value > greatest) {
        return kk_fail(err, KK_ERR_USAGE, "the limit %s is %llu, more than %s %llu", which->name,
                       (unsigned long long)value,
                       ceiling != NULL ? "its session's" : "the greatest,",
                       (unsigned long long)greatest);
    }
    if (value != 0 && value < which->least) {
        return kk_fail(err, KK_ERR_USAGE, "the limit %s is %llu, less than the least, %llu",
                       which->name, (unsigned long long)value, (unsigned long long)which->least);
    }
    uint64_t usual = ceiling != NULL ? greatest : which->usual;
    set(out, which, value != 0 ? value : usual);
    return KK_OK;
}

kk_code kk_lua_limits_take(const kk_lua_limits *given, const kk_lua_limits *ceiling,
                           kk_lua_limits *out, kk_error *err)
{
    kk_lua_limits wanted = {0};
    if (given != NULL) {
        memcpy(&wanted, given, given->size < sizeof wanted ? given->size : sizeof wanted);
    }
    *out = (kk_lua_limits){.size = sizeof *out};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        kk_code code = take(&limits[i], get(&wanted, &limits[i]), ceiling, out, err);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}
