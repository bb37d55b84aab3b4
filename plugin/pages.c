// Lists: what a page has to be, and the walk over all of them.
#include "api.h"
#include <stdio.h>

// Checks what can be told without reading the body.
static kk_status check_answer(const ps_call *self, const kk_http_response *response)
{
    if (response->status < 200 || response->status > 299) {
        return ps_fail_response(self, response);
    }
    const char *problem = ps_not_json(response);
    return problem == NULL ? KK_E_OK : ps_fail_body(self, response, problem);
}

kk_str ps_body(const kk_http_response *response)
{
    return (kk_str){response->body, response->body_len};
}

kk_status ps_extend_body(const ps_call *self, const kk_http_response *response,
                         kk_json_additions *added, kk_json_extent *extent)
{
    kk_status status = check_answer(self, response);
    if (status != KK_E_OK) {
        return status;
    }
    const char *rows = self->operation->tool->rows;
    kk_error err = {0};
    kk_code code =
        kk_json_extend(ps_body(response), rows, self->operation->extend, NULL, added, extent, &err);
    if (code == KK_ERR_PROTOCOL) {
        char text[256];
        snprintf(text, sizeof text, "with a body that is not JSON: %.200s", err.message);
        return ps_fail_body(self, response, text);
    }
    if (code != KK_OK) {
        return ps_fail_error(self, &err);
    }
    if (extent->kind != KK_JSON_OBJECT) {
        return ps_fail_body(self, response, "with JSON that is not an object");
    }
    if (rows != NULL && extent->rows.ptr == NULL) {
        return ps_fail_body(self, response, "with a list whose 'data' is not an array");
    }
    return KK_E_OK;
}

typedef struct member_list {
    const kk_json_member *members;
    size_t count;
} member_list;

static size_t add_members(void *context, const kk_json_object *object, kk_json_member *added,
                          kk_buf *scratch)
{
    (void)object;
    (void)scratch;
    const member_list *list = context;
    for (size_t i = 0; i < list->count; i++) {
        added[i] = list->members[i];
    }
    return list->count;
}

kk_status ps_add_members(const ps_call *self, const kk_http_response *response,
                         const kk_json_member *members, size_t count, kk_json_additions *added)
{
    member_list list = {members, count};
    kk_error err = {0};
    if (kk_json_extend(ps_body(response), NULL, add_members, &list, added, NULL, &err) != KK_OK) {
        return ps_fail_error(self, &err);
    }
    return KK_E_OK;
}

// A walk over pages: the rows gathered so far, and where it stands.
typedef struct ps_walk {
    kk_buf rows; // elements with commas between them
    size_t count;
    int64_t page;
    int64_t per_page;
    int64_t next; // 0 = this was the last page
    const kk_http_response *response;
} ps_walk;

static void append_piece(void *context, kk_str piece)
{
    kk_buf_append_str(context, piece);
}

// Appends the elements of a page's rows, extended.
static void append_rows(ps_walk *self, const kk_json_extent *extent, const kk_json_additions *added)
{
    if (extent->row_count == 0) {
        return;
    }
    if (self->count > 0) {
        kk_buf_append_byte(&self->rows, ',');
    }
    kk_json_merge(extent->rows, added, append_piece, &self->rows);
    self->count += extent->row_count;
}

// Reads where the page says the next one is.
static kk_status read_next(const ps_call *self, ps_walk *walk)
{
    kk_str raw;
    walk->next = 0;
    if (!kk_json_find(ps_body(walk->response), "/next_page", &raw) || kk_str_is(raw, "null")) {
        return KK_E_OK;
    }
    if (!kk_json_integer(raw, &walk->next)) {
        return ps_fail_body(self, walk->response, "with a 'next_page' that is not a page number");
    }
    return KK_E_OK;
}

// Appends the rows of the page that was sent to those of the walk.
static kk_status take_rows(const ps_call *self, ps_walk *walk)
{
    kk_json_additions added = {.text = {.limit = PS_OUTPUT_MAX}};
    kk_json_extent extent;
    kk_status status = ps_extend_body(self, walk->response, &added, &extent);
    if (status == KK_E_OK) {
        append_rows(walk, &extent, &added);
    }
    kk_json_additions_clean(&added);
    return status;
}

static kk_status read_page(const ps_call *self, ps_walk *walk)
{
    kk_status status = ps_send(self, walk->page, walk->per_page, &walk->response);
    if (status == KK_E_OK) {
        status = take_rows(self, walk);
    }
    if (status != KK_E_OK) {
        return status;
    }
    kk_error err = {0};
    if (kk_buf_check(&walk->rows, "all the rows", &err) != KK_OK) {
        return ps_fail_error(self, &err);
    }
    if (walk->count > PS_ALL_ROWS_MAX) {
        return ps_fail_body(self, walk->response, "with more rows than were asked for");
    }
    return read_next(self, walk);
}

// Writes the page at hand, the last one, with all rows in place of its own, as the first and only
// page.  What is [added] goes to its end.
static void write_page(ps_writer *writer, const ps_walk *walk, const kk_json_additions *added)
{
    kk_str page = ps_body(walk->response);
    const char *rows = writer->call->operation->tool->rows + 1;
    kk_json_reader reader;
    kk_json_reader_init(&reader, page);
    kk_json_next(&reader);
    const char *written = page.ptr;
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value;
        if (!kk_json_finish_value(&reader, kk_json_next(&reader), &value)) {
            break;
        }
        bool is_rows = kk_json_string_is(name, kk_str_from(rows));
        if (!is_rows && !kk_json_string_is(name, KK_STR("current_page"))) {
            continue;
        }
        ps_write(writer, (kk_str){written, (size_t)(value.ptr - written)});
        ps_write(writer, is_rows ? KK_STR("[") : KK_STR("1"));
        if (is_rows) {
            ps_write(writer, kk_buf_view(&walk->rows));
            ps_write(writer, KK_STR("]"));
        }
        written = value.ptr + value.len;
    }
    kk_str rest = {written, (size_t)(page.ptr + page.len - written)};
    kk_json_merge(rest, added, ps_write, writer);
}

// Says in words why the rows are not all of them, or why there may be none.
static void append_hint(const ps_call *self, const ps_walk *walk, kk_buf *hint)
{
    if (walk->next > walk->page) {
        kk_buf_append_format(hint,
                             "these are the first %zu rows; for more, call without 'all' with "
                             "page = %lld and limit = %lld",
                             walk->count, (long long)walk->next, (long long)walk->per_page);
    } else if (walk->next != 0) {
        kk_buf_append_format(hint,
                             "after page %lld the service pointed back to page %lld; rows may be "
                             "missing",
                             (long long)walk->page, (long long)walk->next);
    } else if (walk->count == 0 && self->self != NULL && self->self->service_token) {
        kk_buf_append_text(hint, "nothing is listed; if something should be, ");
        ps_append_access_hint(self, hint);
    }
}

static kk_status write_result(const ps_call *self, const ps_walk *walk)
{
    kk_json_additions added = {.text = {.limit = PS_OUTPUT_MAX}};
    kk_buf hint = {.limit = KK_TEXT_MAX};
    kk_buf quoted = {.limit = KK_TEXT_MAX};
    append_hint(self, walk, &hint);
    kk_json_write_string(&quoted, kk_buf_view(&hint));
    const kk_json_member members[] = {
        {.name = "complete", .value = walk->next == 0 ? KK_STR("true") : KK_STR("false")},
        {.name = "hint", .value = kk_buf_view(&quoted)},
    };
    ps_writer writer = {.call = self};
    writer.status = ps_add_members(self, walk->response, members, hint.len > 0 ? 2 : 1, &added);
    write_page(&writer, walk, &added);
    kk_buf_clean(&quoted);
    kk_buf_clean(&hint);
    kk_json_additions_clean(&added);
    return writer.status;
}

kk_status ps_gather(const ps_call *self)
{
    kk_str raw;
    if (ps_argument(self, "page", &raw)) {
        return ps_fail(self, KK_E_INVALID_ARGS, "/page",
                       "'page' and 'all' exclude each other; nothing was sent");
    }
    ps_walk walk = {.rows = {.limit = PS_OUTPUT_MAX}, .page = 1, .per_page = PS_PAGE_ROWS_MAX};
    if (ps_argument(self, "limit", &raw)) {
        kk_json_integer(raw, &walk.per_page);
    }
    const kk_http *http = kk_call_http(self->call);
    int64_t pages_max = PS_ALL_ROWS_MAX / walk.per_page;
    kk_status status = read_page(self, &walk);
    for (int64_t pages = 1; status == KK_E_OK && pages < pages_max; pages++) {
        if (walk.next <= walk.page) {
            break;
        }
        http->release(self->call, walk.response);
        walk.page = walk.next;
        status = read_page(self, &walk);
    }
    if (status == KK_E_OK) {
        status = write_result(self, &walk);
    }
    kk_buf_clean(&walk.rows);
    return status;
}
