// The run of a tool: check the arguments, send, check the answer, add what is promised, write.
#include "api.h"

size_t ps_add_copy(const kk_json_object *object, const char *from, const char *as,
                   kk_json_member *added)
{
    kk_str raw;
    if (!kk_json_object_get(object, from, &raw)) {
        return 0;
    }
    *added = (kk_json_member){.name = as, .value = raw};
    return 1;
}

// Whether an integer argument is absent or from [low] to [high]; else the call has failed.
static kk_status check_integer(const ps_call *self, const char *name, int64_t low, int64_t high)
{
    kk_str raw;
    int64_t value = 0;
    if (!ps_argument(self, name, &raw) ||
        (kk_json_integer(raw, &value) && value >= low && value <= high)) {
        return KK_E_OK;
    }
    char pointer[PS_POINTER_MAX];
    ps_pointer(name, pointer);
    return ps_fail(self, KK_E_INVALID_ARGS, pointer,
                   "'%s' is not an integer from %lld to %lld; nothing was sent", name,
                   (long long)low, (long long)high);
}

// The host has checked the arguments against the schema; what the code below relies on is checked
// again, because a plugin may meet a host that does not.
static kk_status check_args(const ps_call *self)
{
    kk_error err = {0};
    if (kk_json_check(self->args, &err) != KK_OK) {
        return ps_fail(self, KK_E_INVALID_ARGS, NULL, "the arguments are not JSON: %s",
                       err.message);
    }
    kk_json_reader reader;
    kk_json_reader_init(&reader, self->args);
    if (kk_json_next(&reader) != KK_JSON_OBJECT) {
        return ps_fail(self, KK_E_INVALID_ARGS, NULL, "the arguments are not a JSON object");
    }
    if (self->operation->tool->rows == NULL) {
        return KK_E_OK;
    }
    kk_status status = check_integer(self, "limit", 1, PS_PAGE_ROWS_MAX);
    return status == KK_E_OK ? check_integer(self, "page", 1, INT64_MAX) : status;
}

static bool wants_all(const ps_call *self)
{
    kk_str raw;
    return self->operation->tool->rows != NULL && ps_argument(self, "all", &raw) &&
           kk_str_is(raw, "true");
}

// An empty list may mean that there is nothing, or that a service token may see nothing; only the
// reader can tell, so the result says it.
static kk_status add_empty_hint(const ps_call *self, const kk_http_response *response,
                                kk_json_additions *added)
{
    kk_buf hint = {.limit = KK_TEXT_MAX};
    kk_buf quoted = {.limit = KK_TEXT_MAX};
    kk_buf_append_text(&hint, "nothing is listed; if something should be, ");
    ps_append_access_hint(self, &hint);
    kk_json_write_string(&quoted, kk_buf_view(&hint));
    kk_json_member member = {.name = "hint", .value = kk_buf_view(&quoted)};
    kk_status status = ps_add_members(self, response, &member, 1, added);
    kk_buf_clean(&quoted);
    kk_buf_clean(&hint);
    return status;
}

void ps_write(void *writer, kk_str piece)
{
    ps_writer *self = writer;
    const kk_call *call = self->call->call;
    if (self->status != KK_E_OK || piece.len == 0) {
        return;
    }
    if (piece.len > PS_OUTPUT_MAX - self->len) {
        self->status = ps_fail(self->call, KK_E_TOO_LARGE, NULL,
                               "the result is longer than %zu bytes", PS_OUTPUT_MAX);
        return;
    }
    self->len += piece.len;
    self->status = call->host->write(call, piece.ptr, piece.len);
}

// Writes the extended body of the one response that the arguments ask for.
static kk_status fetch(const ps_call *self)
{
    const kk_http_response *response = NULL;
    kk_json_additions added = {.text = {.limit = PS_OUTPUT_MAX}};
    kk_json_extent extent;
    kk_status status = ps_send(self, 0, 0, &response);
    if (status == KK_E_OK) {
        status = ps_extend_body(self, response, &added, &extent);
    }
    bool service_token = self->self != NULL && self->self->service_token;
    if (status == KK_E_OK && service_token && extent.rows.ptr != NULL && extent.row_count == 0) {
        status = add_empty_hint(self, response, &added);
    }
    if (status == KK_E_OK) {
        ps_writer writer = {.call = self};
        kk_json_merge(ps_body(response), &added, ps_write, &writer);
        status = writer.status;
    }
    kk_json_additions_clean(&added);
    return status;
}

kk_status ps_run(const ps_operation *operation, const kk_instance *self, const kk_call *call,
                 kk_str args)
{
    ps_call run = {.operation = operation, .self = self, .call = call, .args = args};
    kk_status status = check_args(&run);
    if (status != KK_E_OK) {
        return status;
    }
    return wants_all(&run) ? ps_gather(&run) : fetch(&run);
}
