// Leaves a value with each thread that calls it, which its own code frees when the thread ends.
#include <fcntl.h>
#include <kk/plugin_util.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

// The value is the path of a file, by whose presence a test sees that this ran.
static void clear(void *value)
{
    close(open(value, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    free(value);
}

static void make_key(void)
{
    pthread_key_create(&key, clear);
}

// The argument is one JSON string without escapes.
static char *path_of(const char *args)
{
    const char *start = strchr(args, '/');
    return start != NULL ? strndup(start, strcspn(start, "\"")) : NULL;
}

KK_TOOL(key_destructor, leave)
{
    (void)self;
    (void)args_len;
    pthread_once(&once, make_key);
    free(pthread_getspecific(key));
    pthread_setspecific(key, path_of(args));
    return kk_call_write(call, "true");
}

static const kk_tool leave = {
    .struct_size = sizeof(kk_tool),
    .flags = KK_TOOL_READ_ONLY,
    .name = "leave",
    .symbol = KK_TOOL_SYMBOL(key_destructor, leave),
    .entry = KK_TOOL_ENTRY(key_destructor, leave),
    .title = "Leave",
    .summary = "Leaves a value with its thread.",
    .description = "Leaves a value with its thread.",
    .input_schema = "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}}}",
};
static const kk_tool *const tools[] = {&leave, NULL};

static const kk_manifest manifest = {
    .tag = KK_ABI_TAG_INIT,
    .id = "key_destructor",
    .title = "Key destructor",
    .summary = "A plugin for tests.",
    .category = "test",
    .version = "1.0.0",
    .license = "MIT",
    .concurrency = KK_PARALLEL,
    .tool_count = 1,
    .tools = tools,
};

KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi)
{
    (void)host_abi;
    return &manifest;
}
