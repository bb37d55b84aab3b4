// What a running script asks for: calls of functions, and documentation.
//
// The requests come from the worker, which the script may have taken over: each is read as what a
// stranger wrote, and nothing but the script's own run depends on it.
#include "error_json.h"
#include "fail.h"
#include "json.h"
#include "lua_private.h"
#include <stdlib.h>

// The text of a request's member, appended; false if there is no string without NULs there.
static bool read_text(kk_str request, const char *pointer, kk_buf *out)
{
    kk_str raw;
    if (!kk_json_find(request, pointer, &raw) || raw.ptr[0] != '"' ||
        !kk_json_string_is_text(raw)) {
        return false;
    }
    kk_json_unescape(raw, out);
    return out->failed == KK_OK;
}

// ---- Answers

// The failure as the script gets it: the record, and what the call was.
static kk_code send_failure(kk_lua_run_state *run, const kk_error *failure, const char *function,
                            const char *account, kk_error *err)
{
    kk_buf *payload = &run->session->payload;
    kk_buf_clear(payload);
    kk_error_write(failure, payload);
    kk_buf_shrink(payload, payload->len > 0 ? payload->len - 1 : 0);
    kk_buf_append_byte(payload, ',');
    kk_json_write_member(payload, "function", function);
    kk_buf_append_byte(payload, ',');
    kk_json_write_member(payload, "account", account);
    kk_buf_append_byte(payload, '}');
    kk_code code = kk_buf_check(payload, "the failure", err);
    return code == KK_OK ? kk_lua_send(run, KK_FRAME_FAILURE, kk_buf_view(payload), err) : code;
}

// ---- Calls

typedef struct request {
    kk_buf function;
    kk_buf account;
    bool has_account;
    kk_buf args;
} request;

static kk_code read_request(kk_str payload, request *out, kk_error *err)
{
    kk_str args = KK_STR("{}");
    kk_str account = KK_STR("null");
    kk_json_find(payload, "/args", &args);
    kk_buf_append_str(&out->args, args);
    kk_json_find(payload, "/account", &account);
    out->has_account = account.ptr[0] != 'n';
    // An account that cannot be read is not taken for none.
    if (!read_text(payload, "/function", &out->function) ||
        (out->has_account && !read_text(payload, "/account", &out->account))) {
        return kk_fail(err, KK_ERR_INTERNAL, "the worker asked for a call that cannot be read");
    }
    return kk_buf_check(&out->args, "the arguments of a call", err);
}

// The call's own time, or what is left of the run's.
static uint32_t timeout_ms(const kk_lua_run_state *run, const char *function)
{
    const kk_lua *session = run->session;
    uint64_t now_ms = kk_time_mono_ms(kk_time_real());
    uint64_t left_ms = now_ms < run->deadline_ms ? run->deadline_ms - now_ms : 1;
    uint64_t own_ms = session->options.call_timeout_ms;
    const kk_entry *entry = NULL;
    kk_error ignored = {0};
    if (own_ms == 0 &&
        kk_registry_find(session->host->registry, function, &entry, &ignored) == KK_OK) {
        own_ms = entry->tool->timeout_ms;
    }
    own_ms = own_ms > 0 ? own_ms : KK_TIMEOUT_DEFAULT_MS;
    return (uint32_t)(own_ms < left_ms ? own_ms : left_ms);
}

// A result that the script could not hold is not sent into its memory.
static kk_code check_size(const kk_lua_run_state *run, kk_result *result, kk_error *failure)
{
    size_t len = 0;
    kk_result_data(result, &len);
    if (len <= run->limits.memory_bytes && len <= KK_LUA_FRAME_MAX) {
        return KK_OK;
    }
    kk_fail(failure, KK_ERR_TOO_LARGE,
            "the result of '%s' is %zu bytes, more than the memory of "
            "the script",
            result->function, len);
    kk_fail_hint(failure, "name the members that matter in 'fields', or take smaller pages");
    bool wrote = result->operation != NULL && strcmp(result->operation, "write") == 0;
    failure->effect = wrote && !result->dry_run ? KK_EFFECT_DONE : KK_EFFECT_NONE;
    return KK_ERR_TOO_LARGE;
}

// Whether the run ends with the call, rather than the call alone.
static kk_code check_run(kk_lua_run_state *run, const kk_error *failure, kk_error *err)
{
    run->effect = failure->effect;
    if (kk_cancel_is_raised(run->options.cancel)) {
        return kk_fail(err, KK_ERR_CANCELLED, "the script was cancelled");
    }
    if (failure->code == KK_ERR_TIMEOUT && kk_time_mono_ms(kk_time_real()) >= run->deadline_ms) {
        return kk_fail(err, KK_ERR_TIMEOUT, "the time of the script was over");
    }
    run->effect = KK_EFFECT_NONE;
    return KK_OK;
}

static kk_code answer_call(kk_lua_run_state *run, kk_result *result, kk_code code,
                           kk_error *failure, kk_error *err)
{
    if (code == KK_OK) {
        code = check_size(run, result, failure);
    }
    if (!kk_lua_result_log(run->result, result->function, result->account, code,
                           (double)result->duration_us / 1000.0)) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the log of calls");
    }
    run->result->wedged = run->result->wedged || kk_result_wedged(result);
    if (code != KK_OK) {
        kk_code ends = check_run(run, failure, err);
        return ends != KK_OK ? ends
                             : send_failure(run, failure, result->function, result->account, err);
    }
    kk_str data = {0};
    data.ptr = kk_result_data(result, &data.len);
    return kk_lua_send(run, KK_FRAME_RESULT, data, err);
}

static kk_code make_call(kk_lua_run_state *run, const request *wanted, kk_error *err)
{
    const kk_lua *session = run->session;
    const char *function = kk_buf_text(&wanted->function);
    kk_result *result = NULL;
    kk_error failure = {0};
    uint32_t flags = session->options.flags;
    kk_call_options options = {
        .size = sizeof options,
        .function = function,
        .args = kk_buf_text(&wanted->args),
        .account = wanted->has_account ? kk_buf_text(&wanted->account) : session->account,
        .flags = ((flags & KK_LUA_APPROVED) != 0 ? KK_CALL_APPROVED : 0) |
                 ((flags & KK_LUA_DRY_RUN) != 0 ? KK_CALL_DRY_RUN : 0),
        .timeout_ms = timeout_ms(run, function),
        .cancel = run->options.cancel,
        .approve = session->options.approve,
        .approve_context = session->options.approve_context,
    };
    kk_code code = kk_host_call(session->host, &options, &result, &failure);
    if (result == NULL) {
        return kk_fail(err, code, "%s", failure.message);
    }
    code = answer_call(run, result, code, &failure, err);
    kk_result_free(result);
    return code;
}

// The first call over the limit fails, at its line; a script that goes on nevertheless is ended.
static kk_code refuse_call(kk_lua_run_state *run, const request *wanted, kk_error *err)
{
    kk_error failure = {0};
    kk_fail(&failure, KK_ERR_LIMIT_EXCEEDED, "the script made more than its %u calls",
            run->limits.calls);
    if (run->over_calls) {
        *err = failure;
        return failure.code;
    }
    run->over_calls = true;
    return send_failure(run, &failure, kk_buf_text(&wanted->function),
                        wanted->has_account ? kk_buf_text(&wanted->account) : NULL, err);
}

kk_code kk_lua_serve_call(kk_lua_run_state *run, kk_str payload, kk_error *err)
{
    request wanted = {.function = {.limit = 512},
                      .account = {.limit = 512},
                      .args = {.limit = KK_FRAME_TO_HOST_MAX}};
    kk_code code = read_request(payload, &wanted, err);
    if (code == KK_OK) {
        code = run->result->call_count < run->limits.calls ? make_call(run, &wanted, err)
                                                           : refuse_call(run, &wanted, err);
    }
    kk_buf_clean(&wanted.function);
    kk_buf_clean(&wanted.account);
    kk_buf_clean(&wanted.args);
    return code;
}

// ---- Documentation

static kk_code find_page(kk_host *host, const char *verb, const char *name, kk_buf *out,
                         kk_error *err)
{
    char *text = NULL;
    kk_code code = KK_OK;
    if (strcmp(verb, "list") == 0) {
        code = kk_host_docs_list(host, name, &text, err);
    } else if (strcmp(verb, "search") == 0) {
        code = kk_host_docs_search(host, name, &text, err);
    } else {
        code = kk_host_docs(host, name, &text, err);
    }
    if (code == KK_OK && strcmp(verb, "read") == 0) {
        kk_json_write_string(out, kk_str_from(text));
    } else if (code == KK_OK) {
        kk_buf_append_text(out, text);
    }
    free(text);
    return code == KK_OK ? kk_buf_check(out, "the page", err) : code;
}

kk_code kk_lua_serve_docs(kk_lua_run_state *run, kk_str payload, kk_error *err)
{
    kk_buf verb = {.limit = 64};
    kk_buf name = {.limit = KK_TEXT_MAX};
    kk_buf *page = &run->session->payload;
    kk_error failure = {0};
    kk_buf_clear(page);
    kk_code code = KK_OK;
    bool readable = read_text(payload, "/verb", &verb) && read_text(payload, "/query", &name);
    if (!readable) {
        code = kk_fail(err, KK_ERR_INTERNAL, "the worker asked for a page without a name");
    } else if (find_page(run->session->host, kk_buf_text(&verb), kk_buf_text(&name), page,
                         &failure) == KK_OK) {
        code = kk_lua_send(run, KK_FRAME_PAGE, kk_buf_view(page), err);
    } else {
        code = send_failure(run, &failure, NULL, NULL, err);
    }
    kk_buf_clean(&verb);
    kk_buf_clean(&name);
    return code;
}
