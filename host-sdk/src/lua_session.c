// A session: opening, closing, and one run from its start to its end.
#include "fail.h"
#include "json.h"
#include "lua_private.h"
#include "utf8.h"
#include <stdlib.h>

#ifdef KK_WITH_LUA
#define HAS_LUA true
#else
#define HAS_LUA false
#endif

// How much later than its own checks a worker is killed for its CPU time: an error at the script's
// line is worth more than a kill.
enum { CPU_GRACE_MS = 200, CPU_GRACE_PART = 8 };

// The worker's address space beside the script's values: itself, and the frames on their way.
#define WORKER_SPACE ((size_t)64 << 20)

// ---- Sessions

kk_code kk_lua_open(kk_host *host, const kk_lua_options *options, kk_lua **out, kk_error *err)
{
    if (!HAS_LUA) {
        return kk_fail(err, KK_ERR_USAGE, "this libkkhost was built without Lua");
    }
    kk_lua *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the session");
    }
    size_t size = options->size < sizeof self->options ? options->size : sizeof self->options;
    memcpy(&self->options, options, size);
    self->host = host;
    self->catalogue.limit = self->payload.limit = KK_LUA_FRAME_MAX;
    kk_code code = kk_turn_init(&self->turn, err);
    if (code != KK_OK) {
        free(self);
        return code;
    }
    code = kk_lua_limits_take(self->options.limits, NULL, &self->limits, err);
    if (code == KK_OK && self->options.account != NULL) {
        self->account = strdup(self->options.account);
        code = self->account != NULL ? KK_OK : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    if (code != KK_OK) {
        kk_lua_close(self);
        return code;
    }
    *out = self;
    return KK_OK;
}

static void drop_worker(kk_lua *self)
{
    kk_worker_free(self->worker);
    self->worker = NULL;
    kk_buf_clear(&self->catalogue);
}

void kk_lua_close(kk_lua *lua)
{
    if (lua == NULL) {
        return;
    }
    drop_worker(lua);
    kk_turn_clean(&lua->turn);
    kk_buf_clean(&lua->frame.payload);
    kk_buf_clean(&lua->catalogue);
    kk_buf_clean(&lua->payload);
    free(lua->account);
    free(lua);
}

// ---- Talking to the worker

kk_code kk_lua_send(kk_lua_run_state *run, kk_frame_type type, kk_str payload, kk_error *err)
{
    return kk_worker_send(run->session->worker, type, payload, &run->exchange, err);
}

static kk_code start_worker(kk_lua_run_state *run, kk_error *err)
{
    kk_lua *self = run->session;
    if (self->worker != NULL) {
        return KK_OK;
    }
    kk_code code = kk_worker_start(self->host->worker_file, &self->worker, err);
    if (code != KK_OK) {
        return code;
    }
    kk_buf_clear(&self->payload);
    kk_buf_append_format(&self->payload, "{\"role\":\"lua\",\"memory_bytes\":%zu}",
                         3 * self->limits.memory_bytes + WORKER_SPACE);
    code = kk_buf_check(&self->payload, "the start of a worker", err);
    return code == KK_OK ? kk_lua_send(run, KK_FRAME_START, kk_buf_view(&self->payload), err)
                         : code;
}

// Accounts may have come and gone since the last run.
static kk_code send_catalogue(kk_lua_run_state *run, kk_error *err)
{
    kk_lua *self = run->session;
    kk_buf_clear(&self->payload);
    kk_lua_write_catalogue(self, &self->payload);
    kk_code code = kk_buf_check(&self->payload, "the list of functions", err);
    kk_str now = kk_buf_view(&self->payload);
    kk_str before = kk_buf_view(&self->catalogue);
    bool same = now.len == before.len && memcmp(now.ptr, before.ptr, now.len) == 0;
    if (code != KK_OK || same) {
        return code;
    }
    kk_buf_clear(&self->catalogue);
    kk_buf_append_str(&self->catalogue, now);
    code = kk_buf_check(&self->catalogue, "the list of functions", err);
    return code == KK_OK ? kk_lua_send(run, KK_FRAME_CATALOGUE, now, err) : code;
}

static kk_code send_run(kk_lua_run_state *run, kk_error *err)
{
    const kk_lua_run_options *options = &run->options;
    kk_buf *payload = &run->session->payload;
    char name[160] = "=(script)";
    if (options->name != NULL) {
        bool own = options->name[0] == '(';
        kk_text_set(name, sizeof name, own ? "=" : "@");
        kk_text_set(name + 1, sizeof name - 1, options->name);
    }
    kk_buf_clear(payload);
    kk_buf_append_text(payload, "{\"name\":");
    kk_json_write_string(payload, kk_str_from(name));
    kk_buf_append_text(payload, ",\"code\":");
    kk_json_write_string(payload, (kk_str){options->code, options->code_len});
    kk_buf_append_format(payload,
                         ",\"limits\":{\"memory_bytes\":%zu,\"cpu_ms\":%u,\"output_bytes\":%zu,"
                         "\"depth\":%u}}",
                         run->limits.memory_bytes, run->limits.cpu_ms, run->limits.output_bytes,
                         run->limits.depth);
    kk_code code = kk_buf_check(payload, "the script", err);
    return code == KK_OK ? kk_lua_send(run, KK_FRAME_RUN, kk_buf_view(payload), err) : code;
}

// What was printed, up to the limit; more ends the run.
static kk_code keep_output(kk_lua_run_state *run, kk_str bytes, kk_error *err)
{
    size_t room = run->limits.output_bytes - run->printed;
    size_t len = bytes.len < room ? bytes.len : room;
    run->printed += len;
    if (run->options.print != NULL && len > 0) {
        run->options.print(run->options.print_context, bytes.ptr, len);
    } else {
        kk_buf_append(&run->result->output, bytes.ptr, len);
    }
    if (len < bytes.len) {
        return kk_fail(err, KK_ERR_LIMIT_EXCEEDED, "the script printed more than its %zu bytes",
                       run->limits.output_bytes);
    }
    return kk_buf_check(&run->result->output, "the output", err);
}

static kk_code take_frame(kk_lua_run_state *run, kk_error *err)
{
    kk_worker_frame *frame = &run->session->frame;
    kk_code code = kk_worker_receive(run->session->worker, frame, &run->exchange, err);
    if (code != KK_OK) {
        return code;
    }
    kk_str payload = kk_buf_view(&frame->payload);
    switch (frame->type) {
    case KK_FRAME_PRINT:
        return keep_output(run, payload, err);
    case KK_FRAME_CALL:
        return kk_lua_serve_call(run, payload, err);
    case KK_FRAME_DOCS:
        return kk_lua_serve_docs(run, payload, err);
    case KK_FRAME_DONE:
        run->done = true;
        return kk_lua_result_read(run->result, payload, err);
    default:
        return kk_fail(err, KK_ERR_INTERNAL, "the worker sent a frame of the type %u",
                       (unsigned)frame->type);
    }
}

// ---- Runs

static kk_code converse(kk_lua_run_state *run, kk_error *err)
{
    kk_code code = start_worker(run, err);
    if (code == KK_OK) {
        uint64_t used_ms = kk_worker_cpu_ms(run->session->worker);
        run->exchange.cpu_ms =
            used_ms + run->limits.cpu_ms + run->limits.cpu_ms / CPU_GRACE_PART + CPU_GRACE_MS;
        code = send_catalogue(run, err);
    }
    if (code == KK_OK) {
        code = send_run(run, err);
    }
    while (code == KK_OK && !run->done) {
        code = take_frame(run, err);
    }
    return code;
}

// The run was ended from outside: what of it is to be told, as the caller knows it.
static kk_code tell_end(kk_lua_run_state *run, kk_code code, const kk_error *why)
{
    kk_error *error = &run->result->error;
    *error = *why;
    error->effect = run->effect;
    if (code == KK_ERR_TIMEOUT) {
        *error = (kk_error){.effect = run->effect};
        code = kk_fail(error, KK_ERR_LIMIT_EXCEEDED, "the script was ended after its %u ms",
                       run->limits.wall_ms);
    } else if (code == KK_ERR_LIMIT_EXCEEDED &&
               kk_worker_fate_of(run->session->worker, NULL) == KK_WORKER_OVER_CPU) {
        *error = (kk_error){.effect = run->effect};
        kk_fail(error, code, "the script was ended after its %u ms of CPU time",
                run->limits.cpu_ms);
    } else if (code == KK_ERR_CANCELLED) {
        *error = (kk_error){.effect = run->effect};
        kk_fail(error, code, "the script was cancelled");
    }
    return code;
}

static kk_code finish(kk_lua_run_state *run, kk_code code, const kk_error *why)
{
    kk_lua_result *result = run->result;
    if (code != KK_OK) {
        code = tell_end(run, code, why);
        drop_worker(run->session);
        result->restarts = true;
    } else if (result->error.code == KK_OK && run->over_calls) {
        code = kk_fail(&result->error, KK_ERR_LIMIT_EXCEEDED,
                       "the script made more than its %u calls", run->limits.calls);
    } else {
        code = result->error.code;
    }
    return code;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1000.0 + (double)now.tv_nsec / 1e6;
}

static bool is_utf8(const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t step = kk_utf8_length(text + at, len - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

static kk_code check_options(kk_lua_run_state *run, kk_error *err)
{
    kk_lua_run_options *options = &run->options;
    if (options->code == NULL) {
        return kk_fail(err, KK_ERR_USAGE, "there is no script");
    }
    options->code_len = options->code_len > 0 ? options->code_len : strlen(options->code);
    if (!is_utf8(options->code, options->code_len)) {
        return kk_fail(err, KK_ERR_SCRIPT_ERROR, "the script is not UTF-8 text");
    }
    if (options->code_len > KK_LUA_CODE_MAX) {
        return kk_fail(err, KK_ERR_TOO_LARGE, "the script is %zu bytes, more than %zu",
                       options->code_len, KK_LUA_CODE_MAX);
    }
    return kk_lua_limits_take(options->limits, &run->session->limits, &run->limits, err);
}

static kk_code run_in_turn(kk_lua_run_state *run)
{
    kk_lua *self = run->session;
    kk_lua_result *result = run->result;
    kk_error why = {0};
    kk_code code = check_options(run, &result->error);
    if (code != KK_OK) {
        return code;
    }
    run->deadline_ms = kk_time_mono_ms(kk_time_real()) + run->limits.wall_ms;
    run->exchange =
        (kk_worker_limits){.deadline_ms = run->deadline_ms, .cancel = run->options.cancel};
    code = kk_turn_take(&self->turn, run->deadline_ms, run->options.cancel, &result->error);
    if (code != KK_OK) {
        return code;
    }
    code = converse(run, &why);
    code = finish(run, code, &why);
    kk_turn_give(&self->turn);
    return code;
}

kk_code kk_lua_run(kk_lua *lua, const kk_lua_run_options *options, kk_lua_result **result,
                   kk_error *err)
{
    double started_ms = now_ms();
    kk_lua_run_state run = {.session = lua};
    size_t size = options->size < sizeof run.options ? options->size : sizeof run.options;
    memcpy(&run.options, options, size);
    *result = NULL;
    run.result = calloc(1, sizeof *run.result);
    if (run.result == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the result");
    }
    run.result->output.limit = KK_LUA_FRAME_MAX;
    run.result->transport = kk_host_transport_name(lua->host);
    run.result->dry_run = (lua->options.flags & KK_LUA_DRY_RUN) != 0;
    run.result->failure.error = &run.result->error;

    kk_code code = run_in_turn(&run);
    run.result->success = code == KK_OK;
    run.result->duration_ms = now_ms() - started_ms;
    if (code != KK_OK && err != NULL && err->code == KK_OK) {
        *err = run.result->error;
    }
    *result = run.result;
    return code;
}
