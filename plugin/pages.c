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

kk_status ps_extend_body(const ps_call *self, const kk_http_response *response, kk_buf *out,
                         kk_json_extent *extent)
{
    kk_status status = check_answer(self, response);
    if (status != KK_E_OK) {
        return status;
    }
    kk_str body = {response->body, response->body_len};
    const char *rows = self->operation->tool->rows;
    kk_error err = {0};
    // What is added is a few bytes a row: room for it all at once spares the copies of a growing
    // buffer.
    kk_buf_reserve(out, body.len + body.len / 16);
    kk_code code = kk_json_extend(body, rows, self->operation->extend, NULL, out, extent, &err);
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
    if (rows != NULL && !extent->has_rows) {
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

kk_status ps_append_members(const ps_call *self, kk_str page, const kk_json_member *added,
                            size_t count, kk_buf *out)
{
    member_list list = {added, count};
    kk_error err = {0};
    if (kk_json_extend(page, NULL, add_members, &list, out, NULL, &err) != KK_OK) {
        return ps_fail_error(self, &err);
    }
    return KK_E_OK;
}

// A walk over pages: the rows gathered so far, and where it stands.
typedef struct ps_walk {
    kk_buf rows; // elements with commas between them
    size_t count;
    kk_buf text; // of the page at hand, extended
    int64_t page;
    int64_t per_page;
    int64_t next; // 0 = this was the last page
    const kk_http_response *response;
} ps_walk;

// Appends the elements of [array], a checked JSON array.
static void append_rows(ps_walk *self, kk_str array)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, array);
    kk_json_next(&reader);
    size_t start = reader.at;
    size_t end = start;
    size_t before = self->count;
    kk_json_kind kind;
    while ((kind = kk_json_next(&reader)) > KK_JSON_END && kind != KK_JSON_ARRAY_END) {
        kk_str raw;
        kk_json_finish_value(&reader, kind, &raw);
        end = reader.at;
        self->count++;
    }
    if (before > 0 && self->count > before) {
        kk_buf_append_byte(&self->rows, ',');
    }
    kk_buf_append(&self->rows, array.ptr + start, end - start);
}

// Reads where the page says the next one is.
static kk_status read_next(const ps_call *self, ps_walk *walk)
{
    kk_str raw;
    walk->next = 0;
    if (!kk_json_find(kk_buf_view(&walk->text), "/next_page", &raw) || kk_str_is(raw, "null")) {
        return KK_E_OK;
    }
    if (!kk_json_integer(raw, &walk->next)) {
        return ps_fail_body(self, walk->response, "with a 'next_page' that is not a page number");
    }
    return KK_E_OK;
}

static kk_status read_page(const ps_call *self, ps_walk *walk)
{
    kk_status status = ps_send(self, walk->page, walk->per_page, &walk->response);
    if (status != KK_E_OK) {
        return status;
    }
    kk_json_extent extent;
    kk_buf_clear(&walk->text);
    status = ps_extend_body(self, walk->response, &walk->text, &extent);
    if (status != KK_E_OK) {
        return status;
    }
    kk_str rows;
    if (kk_json_find(kk_buf_view(&walk->text), self->operation->tool->rows, &rows)) {
        append_rows(walk, rows);
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

// Appends the object [page] with the rows in place of its own, as the first and only page.
static void rewrite_page(const ps_call *self, kk_str page, kk_str rows, kk_buf *out)
{
    kk_json_reader reader;
    kk_json_reader_init(&reader, page);
    kk_json_next(&reader);
    const char *copied = page.ptr;
    while (kk_json_next(&reader) == KK_JSON_NAME) {
        kk_str name = reader.raw;
        kk_str value;
        if (!kk_json_finish_value(&reader, kk_json_next(&reader), &value)) {
            break;
        }
        bool is_rows = kk_json_string_is(name, kk_str_from(self->operation->tool->rows + 1));
        if (!is_rows && !kk_json_string_is(name, KK_STR("current_page"))) {
            continue;
        }
        kk_buf_append(out, copied, (size_t)(value.ptr - copied));
        kk_buf_append_text(out, is_rows ? "[" : "1");
        if (is_rows) {
            kk_buf_append_str(out, rows);
            kk_buf_append_byte(out, ']');
        }
        copied = value.ptr + value.len;
    }
    kk_buf_append(out, copied, (size_t)(page.ptr + page.len - copied));
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

static kk_status append_result(const ps_call *self, const ps_walk *walk, kk_buf *out)
{
    kk_buf page = {.limit = PS_OUTPUT_MAX};
    kk_buf hint = {.limit = KK_TEXT_MAX};
    kk_buf quoted = {.limit = KK_TEXT_MAX};
    rewrite_page(self, kk_buf_view(&walk->text), kk_buf_view(&walk->rows), &page);
    append_hint(self, walk, &hint);
    kk_json_write_string(&quoted, kk_buf_view(&hint));
    const kk_json_member members[] = {
        {.name = "complete", .value = walk->next == 0 ? KK_STR("true") : KK_STR("false")},
        {.name = "hint", .value = kk_buf_view(&quoted)},
    };
    kk_error err = {0};
    kk_status status =
        kk_buf_check(&page, "the result", &err) == KK_OK
            ? ps_append_members(self, kk_buf_view(&page), members, hint.len > 0 ? 2 : 1, out)
            : ps_fail_error(self, &err);
    kk_buf_clean(&quoted);
    kk_buf_clean(&hint);
    kk_buf_clean(&page);
    return status;
}

kk_status ps_gather(const ps_call *self, kk_buf *out)
{
    kk_str raw;
    if (ps_argument(self, "page", &raw)) {
        return ps_fail(self, KK_E_INVALID_ARGS, "/page",
                       "'page' and 'all' exclude each other; nothing was sent");
    }
    ps_walk walk = {.rows = {.limit = PS_OUTPUT_MAX},
                    .text = {.limit = PS_OUTPUT_MAX},
                    .page = 1,
                    .per_page = PS_PAGE_ROWS_MAX};
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
        status = append_result(self, &walk, out);
    }
    kk_buf_clean(&walk.text);
    kk_buf_clean(&walk.rows);
    return status;
}
