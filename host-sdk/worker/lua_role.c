// The role "lua": scripts of a host, one after the other, in one Lua state.
#include "channel.h"
#include "json.h"
#include "lua_runtime.h"
#include "role.h"
#include "sandbox.h"
#include <unistd.h>

// The host says with each script what it may use; here is only what nobody may go above.
static const script_limits ceilings = {
    .memory_bytes = (size_t)1 << 30,
    .cpu_ms = 3600000,
    .output_bytes = (size_t)64 << 20,
    .depth = 1000,
};

// The conversation: the last frame of the host, and what is being answered.
typedef struct conversation {
    kk_buf frame;
    kk_buf done;
} conversation;

static bool print(void *context, kk_str bytes)
{
    (void)context;
    while (bytes.len > 0) {
        size_t len = bytes.len < KK_FRAME_TO_HOST_MAX ? bytes.len : KK_FRAME_TO_HOST_MAX;
        channel_send(KK_FRAME_PRINT, bytes.ptr, len);
        bytes.ptr += len;
        bytes.len -= len;
    }
    return true;
}

static script_answer refuse(kk_str *json)
{
    *json = KK_STR("{\"code\":\"too_large\",\"message\":\"the arguments are more than 16 MiB; "
                   "nothing was sent\"}");
    return SCRIPT_FAILURE;
}

static script_answer ask(conversation *self, kk_frame_type question, kk_frame_type answer,
                         kk_str request, kk_str *json)
{
    if (request.len > KK_FRAME_TO_HOST_MAX) {
        return refuse(json);
    }
    channel_send(question, request.ptr, request.len);
    kk_frame_type type = channel_receive(&self->frame);
    if (type != answer && type != KK_FRAME_FAILURE) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    *json = kk_buf_view(&self->frame);
    return type == answer ? SCRIPT_RESULT : SCRIPT_FAILURE;
}

static script_answer call(void *context, kk_str request, kk_str *json)
{
    return ask(context, KK_FRAME_CALL, KK_FRAME_RESULT, request, json);
}

static script_answer docs(void *context, kk_str request, kk_str *json)
{
    return ask(context, KK_FRAME_DOCS, KK_FRAME_PAGE, request, json);
}

static uint64_t number_at(kk_str run, const char *pointer)
{
    kk_str raw;
    int64_t number = 0;
    bool found = kk_json_find(run, pointer, &raw) && kk_json_integer(raw, &number);
    return found && number > 0 ? (uint64_t)number : 0;
}

static void text_at(kk_str run, const char *pointer, kk_buf *out)
{
    kk_str raw;
    if (kk_json_find(run, pointer, &raw) && raw.ptr[0] == '"') {
        kk_json_unescape(raw, out);
    }
}

// What does not fit into a frame cannot be told; that it was so can.
static void send_done(conversation *self)
{
    kk_str done = kk_buf_view(&self->done);
    if (self->done.failed != KK_OK || done.len > KK_FRAME_TO_HOST_MAX) {
        done = KK_STR("{\"results\":[],\"values\":[],\"error\":{\"code\":\"too_large\","
                      "\"message\":\"what the script returned is more than 16 MiB\"}}");
    }
    channel_send(KK_FRAME_DONE, done.ptr, done.len);
}

static void run(conversation *self, script_runtime *runtime)
{
    kk_str frame = kk_buf_view(&self->frame);
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_buf code = {.limit = KK_FRAME_TO_WORKER_MAX};
    text_at(frame, "/name", &name);
    text_at(frame, "/code", &code);
    if (kk_buf_check(&code, "the script", NULL) != KK_OK) {
        _exit(CHANNEL_EXIT_FRAMES);
    }
    const script_chunk chunk = {
        .name = kk_buf_text(&name),
        .code = kk_buf_view(&code),
        .limits = {.memory_bytes = (size_t)number_at(frame, "/limits/memory_bytes"),
                   .cpu_ms = number_at(frame, "/limits/cpu_ms"),
                   .output_bytes = (size_t)number_at(frame, "/limits/output_bytes"),
                   .depth = (size_t)number_at(frame, "/limits/depth")},
    };
    kk_buf_clear(&self->done);
    (void)script_run(runtime, &chunk, &self->done);
    send_done(self);
    kk_buf_clean(&name);
    kk_buf_clean(&code);
}

static void serve(conversation *self, script_runtime *runtime)
{
    for (;;) {
        switch (channel_receive(&self->frame)) {
        case KK_FRAME_CATALOGUE:
            if (script_catalogue(runtime, kk_buf_view(&self->frame), NULL) != KK_OK) {
                _exit(CHANNEL_EXIT_FRAMES);
            }
            break;
        case KK_FRAME_RUN:
            run(self, runtime);
            break;
        default:
            _exit(CHANNEL_EXIT_FRAMES);
        }
    }
}

void role_lua(void)
{
    conversation self = {.done = {.limit = KK_FRAME_TO_WORKER_MAX}};
    const script_callbacks callbacks = {
        .context = &self, .print = print, .call = call, .docs = docs};
    script_runtime *runtime = NULL;
    if (!sandbox_enter_lua() || script_open(&callbacks, &ceilings, &runtime, NULL) != KK_OK) {
        _exit(CHANNEL_EXIT_UNCONFINED);
    }
    serve(&self, runtime);
}
