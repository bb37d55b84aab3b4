// What the caller of a script gets: the reading of the worker's last word, and the envelope.
#include "error_json.h"
#include "fail.h"
#include "json.h"
#include "lua_private.h"
#include <stdlib.h>

// ---- Reading

static void free_texts(kk_lua_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(texts[i].ptr);
    }
    free(texts);
}

// Appends a text to an array whose room doubles.  [text] is taken, also on failure.
static bool add_text(kk_lua_text **texts, size_t *count, kk_buf *text)
{
    if ((*count & (*count - 1)) == 0) {
        size_t room = *count > 0 ? *count * 2 : 1;
        kk_lua_text *more = realloc(*texts, room * sizeof *more);
        if (more == NULL) {
            kk_buf_clean(text);
            return false;
        }
        *texts = more;
    }
    size_t len = text->len;
    char *bytes = kk_buf_steal(text);
    kk_buf_clean(text);
    if (bytes != NULL) {
        (*texts)[(*count)++] = (kk_lua_text){bytes, len};
    }
    return bytes != NULL;
}

// The elements of the array at [pointer]: the meaning of strings, or each as JSON text.
static bool read_array(kk_str done, const char *pointer, bool strings, kk_lua_text **texts,
                       size_t *count)
{
    kk_str raw;
    if (!kk_json_find(done, pointer, &raw) || raw.ptr[0] != '[') {
        return false;
    }
    kk_json_reader reader;
    kk_json_reader_init(&reader, raw);
    kk_json_next(&reader);
    for (;;) {
        kk_json_kind kind = kk_json_next(&reader);
        if (kind == KK_JSON_ARRAY_END) {
            return true;
        }
        kk_str value;
        if (!kk_json_finish_value(&reader, kind, &value) || (strings && kind != KK_JSON_STRING)) {
            return false;
        }
        kk_buf text = {.limit = KK_FRAME_TO_HOST_MAX};
        if (strings) {
            kk_json_unescape(value, &text);
        } else {
            kk_buf_append_str(&text, value);
        }
        if (!add_text(texts, count, &text)) {
            return false;
        }
    }
}

// The text of a member of the error, new; NULL where it is null, missing or no string.
static char *read_text(kk_str error, const char *pointer)
{
    kk_str raw;
    if (!kk_json_find(error, pointer, &raw) || raw.ptr[0] != '"') {
        return NULL;
    }
    kk_buf text = {.limit = KK_FRAME_TO_HOST_MAX};
    kk_json_unescape(raw, &text);
    char *bytes = kk_buf_steal(&text);
    kk_buf_clean(&text);
    return bytes;
}

static void set_text(kk_str error, const char *pointer, char *out, size_t out_size)
{
    char *text = read_text(error, pointer);
    if (text != NULL) {
        kk_text_set(out, out_size, text);
    }
    free(text);
}

static int64_t read_number(kk_str error, const char *pointer, int64_t most)
{
    kk_str raw;
    int64_t number = 0;
    bool found = kk_json_find(error, pointer, &raw) && kk_json_integer(raw, &number);
    return found && number > 0 && number <= most ? number : 0;
}

static kk_code read_code(kk_str error)
{
    char name[64] = "";
    set_text(error, "/code", name, sizeof name);
    for (int code = 1; code < KK_CODE_COUNT; code++) {
        if (strcmp(kk_code_name((kk_code)code), name) == 0) {
            return (kk_code)code;
        }
    }
    return KK_ERR_SCRIPT_ERROR;
}

static kk_effect read_effect(kk_str error)
{
    char name[16] = "";
    set_text(error, "/effect", name, sizeof name);
    for (kk_effect effect = KK_EFFECT_UNKNOWN; effect <= KK_EFFECT_DONE; effect++) {
        if (strcmp(kk_effect_name(effect), name) == 0) {
            return effect;
        }
    }
    return KK_EFFECT_NONE;
}

// "report.lua:3: no such database", or the message alone where the place is not known.
static void read_message(kk_lua_result *self, kk_str error, kk_error *out)
{
    char source[128] = "";
    char message[sizeof out->message] = "";
    set_text(error, "/source", source, sizeof source);
    set_text(error, "/message", message, sizeof message);
    kk_buf whole = {.limit = sizeof source + sizeof message + 32};
    if (source[0] != '\0' && self->failure.line > 0) {
        kk_buf_append_format(&whole, "%s:%u: ", source, self->failure.line);
    }
    kk_buf_append_text(&whole, message[0] != '\0' ? message : "the script failed");
    kk_text_set(out->message, sizeof out->message, kk_buf_text(&whole));
    kk_buf_clean(&whole);
}

static void read_error(kk_lua_result *self, kk_str error)
{
    kk_error *out = &self->error;
    kk_str raw;
    *out = (kk_error){.code = read_code(error), .effect = read_effect(error)};
    out->retryable = kk_json_find(error, "/retryable", &raw) && kk_str_is(raw, "true");
    out->http_status = (uint16_t)read_number(error, "/http_status", 999);
    out->retry_after_ms = (uint64_t)read_number(error, "/retry_after_ms", INT64_MAX);
    self->failure.line = (uint32_t)read_number(error, "/line", INT32_MAX);
    set_text(error, "/reason", out->reason, sizeof out->reason);
    set_text(error, "/api_code", out->api_code, sizeof out->api_code);
    set_text(error, "/argument", out->argument, sizeof out->argument);
    set_text(error, "/hint", out->hint, sizeof out->hint);
    self->failure.function = read_text(error, "/function");
    self->failure.account = read_text(error, "/account");
    self->failure.traceback = read_text(error, "/traceback");
    read_message(self, error, out);
}

kk_code kk_lua_result_read(kk_lua_result *self, kk_str done, kk_error *err)
{
    kk_str error;
    size_t values = 0;
    bool readable = read_array(done, "/results", true, &self->results, &self->result_count) &&
                    read_array(done, "/values", false, &self->values, &values) &&
                    kk_json_find(done, "/error", &error) &&
                    (error.ptr[0] == '{' || kk_str_is(error, "null"));
    if (!readable || values != self->result_count) {
        // The arrays are freed by the shorter one's length.
        free_texts(self->values, values);
        free_texts(self->results, self->result_count);
        self->results = self->values = NULL;
        self->result_count = 0;
        return kk_fail(err, KK_ERR_INTERNAL, "the end of the script could not be read");
    }
    if (error.ptr[0] == '{') {
        read_error(self, error);
    }
    return KK_OK;
}

bool kk_lua_result_log(kk_lua_result *self, const char *function, const char *account, kk_code code,
                       double duration_ms)
{
    if (self->call_count == self->call_capacity) {
        size_t room = self->call_capacity > 0 ? self->call_capacity * 2 : 8;
        kk_lua_call *more = realloc(self->calls, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        self->calls = more;
        self->call_capacity = room;
    }
    kk_lua_call call = {.function = strdup(function),
                        .account = account != NULL ? strdup(account) : NULL,
                        .code = code,
                        .duration_ms = duration_ms};
    if (call.function == NULL || (account != NULL && call.account == NULL)) {
        free((char *)call.function);
        free((char *)call.account);
        return false;
    }
    self->calls[self->call_count++] = call;
    return true;
}

// ---- Asking

static const char *text_at(const kk_lua_text *texts, size_t index, size_t *len)
{
    if (len != NULL) {
        *len = texts[index].len;
    }
    return texts[index].ptr;
}

size_t kk_lua_result_count(const kk_lua_result *result)
{
    return result->result_count;
}

const char *kk_lua_result_at(const kk_lua_result *result, size_t index, size_t *len)
{
    return text_at(result->results, index, len);
}

const char *kk_lua_result_json_at(const kk_lua_result *result, size_t index, size_t *len)
{
    return text_at(result->values, index, len);
}

const char *kk_lua_result_output(const kk_lua_result *result, size_t *len)
{
    if (len != NULL) {
        *len = result->output.len;
    }
    return kk_buf_text(&result->output);
}

const kk_lua_failure *kk_lua_result_failure(const kk_lua_result *result)
{
    return result->success ? NULL : &result->failure;
}

size_t kk_lua_result_call_count(const kk_lua_result *result)
{
    return result->call_count;
}

const kk_lua_call *kk_lua_result_call_at(const kk_lua_result *result, size_t index)
{
    return &result->calls[index];
}

bool kk_lua_result_restarts(const kk_lua_result *result)
{
    return result->restarts;
}

bool kk_lua_result_wedged(const kk_lua_result *result)
{
    return result->wedged;
}

// ---- The envelope

static void write_failure(const kk_lua_result *self, kk_buf *out)
{
    kk_error_write(&self->error, out);
    kk_buf_shrink(out, out->len > 0 ? out->len - 1 : 0);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "function", self->failure.function);
    kk_buf_append_byte(out, ',');
    kk_json_write_member(out, "account", self->failure.account);
    kk_buf_append_format(out, self->failure.line > 0 ? ",\"line\":%u," : ",\"line\":null,",
                         self->failure.line);
    kk_json_write_member(out, "traceback", self->failure.traceback);
    kk_buf_append_byte(out, '}');
}

static void write_calls(const kk_lua_result *self, kk_buf *out)
{
    for (size_t i = 0; i < self->call_count; i++) {
        const kk_lua_call *call = &self->calls[i];
        kk_buf_append_text(out, i > 0 ? ",{" : "{");
        kk_json_write_member(out, "function", call->function);
        kk_buf_append_byte(out, ',');
        kk_json_write_member(out, "account", call->account);
        kk_buf_append_format(out, ",\"success\":%s,", call->code == KK_OK ? "true" : "false");
        kk_json_write_member(out, "code", kk_code_name(call->code));
        kk_buf_append_format(out, ",\"duration_ms\":%.3f}", call->duration_ms);
    }
}

static void write_envelope(const kk_lua_result *self, kk_buf *out)
{
    kk_buf_append_format(out, "{\"success\":%s,\"output\":", self->success ? "true" : "false");
    kk_json_write_string(out, kk_buf_view(&self->output));
    kk_buf_append_text(out, ",\"results\":[");
    for (size_t i = 0; i < self->result_count; i++) {
        kk_buf_append_text(out, i > 0 ? "," : "");
        kk_buf_append(out, self->values[i].ptr, self->values[i].len);
    }
    kk_buf_append_text(out, "],\"error\":");
    if (self->success) {
        kk_buf_append_text(out, "null");
    } else {
        write_failure(self, out);
    }
    kk_buf_append_text(out, ",\"calls\":[");
    write_calls(self, out);
    kk_buf_append_text(out, "],\"meta\":{");
    kk_json_write_member(out, "transport", self->transport);
    kk_buf_append_format(out, ",\"restarts\":%s,\"dry_run\":%s},\"duration_ms\":%.3f}",
                         self->restarts ? "true" : "false", self->dry_run ? "true" : "false",
                         self->duration_ms);
}

// Output may grow sixfold as a JSON string, and the log of a million calls is long.
#define ENVELOPE_MAX ((size_t)1 << 30)

const char *kk_lua_result_envelope(kk_lua_result *result, size_t *len)
{
    if (result->envelope == NULL) {
        kk_buf text = {.limit = ENVELOPE_MAX};
        write_envelope(result, &text);
        result->envelope_len = text.len;
        result->envelope = kk_buf_steal(&text);
        kk_buf_clean(&text);
    }
    if (len != NULL) {
        *len = result->envelope_len;
    }
    return result->envelope;
}

void kk_lua_result_free(kk_lua_result *result)
{
    if (result == NULL) {
        return;
    }
    free_texts(result->results, result->result_count);
    free_texts(result->values, result->result_count);
    for (size_t i = 0; i < result->call_count; i++) {
        free((char *)result->calls[i].function);
        free((char *)result->calls[i].account);
    }
    free(result->calls);
    free((char *)result->failure.function);
    free((char *)result->failure.account);
    free((char *)result->failure.traceback);
    kk_buf_clean(&result->output);
    free(result->envelope);
    free(result);
}
