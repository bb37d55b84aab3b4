// planetscale.so against a scripted service: what each tool sends and gives back.
#include "json.h"
#include "planetscale.h"
#include <stdlib.h>

// ---- Requests

typedef struct request_case {
    const char *tool;
    const char *args;
    const char *answer;
    const char *method;
    const char *url;
    const char *body; // NULL = none
} request_case;

#define EMPTY_LIST "{\"data\":[]}"

static const request_case request_cases[] = {
    {"list_databases", "{\"organization\":\"my-org\"}", EMPTY_LIST, "GET",
     BASE "/organizations/my-org/databases?page=1&per_page=20", NULL},
    {"list_databases", "{\"limit\":10,\"page\":3,\"organization\":\"my-org\",\"q\":\"a b&c\"}",
     EMPTY_LIST, "GET", BASE "/organizations/my-org/databases?page=3&per_page=10&q=a%20b%26c",
     NULL},
    {"list_databases", "{\"organization\":\"my-org\",\"page\":null,\"all\":false}", EMPTY_LIST,
     "GET", BASE "/organizations/my-org/databases?page=1&per_page=20", NULL},
    {"get_database", "{\"organization\":\"my-org\",\"database\":\"my-database\"}", "{}", "GET",
     BASE "/organizations/my-org/databases/my-database", NULL},
    {"create_database", "{\"organization\":\"my-org\",\"name\":\"my-new-database\"}", "{}", "POST",
     BASE "/organizations/my-org/databases",
     "{\"name\":\"my-new-database\",\"cluster_size\":\"PS_10\"}"},
    {"create_database",
     "{\"organization\":\"my-org\",\"name\":\"n\",\"region\":\"us-east-1\",\"notes\":\"a\\u00e9\","
     "\"cluster_size\":\"PS_80\",\"kind\":\"postgresql\",\"replicas\":2,\"major_version\":\"17\"}",
     "{}", "POST", BASE "/organizations/my-org/databases",
     "{\"name\":\"n\",\"region\":\"us-east-1\",\"notes\":\"a\\u00e9\",\"cluster_size\":\"PS_80\","
     "\"kind\":\"postgresql\",\"replicas\":2,\"major_version\":\"17\"}"},
    {"list_branches", "{\"organization\":\"my-org\",\"database\":\"my-database\",\"limit\":100}",
     EMPTY_LIST, "GET",
     BASE "/organizations/my-org/databases/my-database/branches?page=1&per_page=100", NULL},
    {"get_branch", "{\"organization\":\"o\",\"database\":\"d\",\"branch\":\"main\"}", "{}", "GET",
     BASE "/organizations/o/databases/d/branches/main", NULL},
    {"list_organizations", "{}", EMPTY_LIST, "GET", BASE "/organizations?page=1&per_page=100",
     NULL},
    {"list_organizations", "{\"page\":2,\"limit\":5}", EMPTY_LIST, "GET",
     BASE "/organizations?page=2&per_page=5", NULL},
    {"get_current_user", "{}", "{}", "GET", BASE "/user", NULL},
    // Every byte that is not unreserved is encoded, in a segment as in a value.
    {"get_branch",
     "{\"organization\":\"a "
     "b\",\"database\":\"100%?#&+=\",\"branch\":\"\\u00fc\\ud83d\\ude00~._-\"}",
     "{}", "GET",
     BASE "/organizations/a%20b/databases/100%25%3F%23%26%2B%3D/branches/"
          "%C3%BC%F0%9F%98%80~._-",
     NULL},
    {"list_branches", "{\"organization\":\"...\",\"database\":\":@\",\"q\":\"#?%/\"}", EMPTY_LIST,
     "GET", BASE "/organizations/.../databases/%3A%40/branches?page=1&per_page=20&q=%23%3F%25%2F",
     NULL},
};

static void check_request(fake_host *host, const request_case *wanted)
{
    kk_status status = call_once(host, wanted->tool, wanted->args,
                                 (fake_answer){.status = 200, .body = wanted->answer});
    assert_status(host, status, KK_E_OK);
    assert_int_equal(host->request_count, 1);
    const fake_request *sent = &host->requests[0];
    assert_string_equal(sent->method, wanted->method);
    assert_string_equal(sent->url, wanted->url);
    assert_string_equal(sent->credential, "planetscale");
    if (wanted->body == NULL) {
        assert_null(sent->body);
        assert_string_equal(sent->headers, "Accept: application/json\n");
        return;
    }
    assert_string_equal(sent->body, wanted->body);
    assert_string_equal(sent->headers,
                        "Accept: application/json\nContent-Type: application/json\n");
}

static void test_planetscale__each_tool_sends_its_request(void **state)
{
    (void)state;
    const char *const configs[] = {SERVICE_TOKEN_CONFIG, BEARER_CONFIG};
    for (size_t c = 0; c < 2; c++) {
        fake_host host;
        open_with(&host, configs[c]);
        for (size_t i = 0; i < sizeof request_cases / sizeof request_cases[0]; i++) {
            check_request(&host, &request_cases[i]);
        }
        fake_host_close(&host);
    }
}

static void test_planetscale__base_url_is_completed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "https://api.planetscale.com/v1/user"},
        {"{\"fields\":{}}", "https://api.planetscale.com/v1/user"},
        {"{\"fields\":{\"url\":\"https://api.planetscale.com\"}}",
         "https://api.planetscale.com/v1/user"},
        {"{\"fields\":{\"url\":\"https://api.planetscale.com/\"}}",
         "https://api.planetscale.com/v1/user"},
        {"{\"fields\":{\"url\":\"http://127.0.0.1:1///\"}}", "http://127.0.0.1:1/user"},
        {"{\"fields\":{\"url\":\"https://proxy.example/ps/v1\"}}",
         "https://proxy.example/ps/v1/user"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_host host;
        open_with(&host, cases[i][0]);
        assert_status(
            &host,
            call_once(&host, "get_current_user", "{}", (fake_answer){.status = 200, .body = "{}"}),
            KK_E_OK);
        assert_string_equal(host.requests[0].url, cases[i][1]);
        fake_host_close(&host);
    }
}

static void test_planetscale__a_bad_argument_sends_nothing(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"get_database", "{\"organization\":\"..\",\"database\":\"d\"}", "/organization"},
        {"get_database", "{\"organization\":\".\",\"database\":\"d\"}", "/organization"},
        {"get_database", "{\"organization\":\"o\",\"database\":\"\"}", "/database"},
        {"get_database", "{\"organization\":\"o\",\"database\":\"a/b\"}", "/database"},
        {"get_database", "{\"organization\":\"o\",\"database\":\"a\\\\b\"}", "/database"},
        {"get_database", "{\"organization\":\"o\",\"database\":\"a\\u0000b\"}", "/database"},
        {"get_database", "{\"organization\":\"o\",\"database\":\"a\\nb\"}", "/database"},
        {"get_database", "{\"organization\":\"o\",\"database\":7}", "/database"},
        {"get_database", "{\"organization\":\"o\"}", "/database"},
        {"list_databases", "{\"organization\":\"o\",\"limit\":0}", "/limit"},
        {"list_databases", "{\"organization\":\"o\",\"limit\":101}", "/limit"},
        {"list_databases", "{\"organization\":\"o\",\"limit\":1e1}", "/limit"},
        {"list_databases", "{\"organization\":\"o\",\"page\":0}", "/page"},
        {"list_databases", "{\"organization\":\"o\",\"q\":{}}", "/q"},
        {"list_databases", "{\"organization\":\"o\",\"all\":true,\"page\":1}", "/page"},
        {"list_organizations", "{\"all\":true,\"page\":2}", "/page"},
        {"get_current_user", "[]", NULL},
        {"get_current_user", "{\"a\":", NULL},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kk_status status = fake_host_call(&host, cases[i][0], cases[i][1]);
        assert_status(&host, status, KK_E_INVALID_ARGS);
        assert_int_equal(host.request_count, 0);
        assert_int_equal(host.failure.code, KK_E_INVALID_ARGS);
        if (cases[i][2] == NULL) {
            assert_null(host.failure.argument);
            continue;
        }
        assert_string_equal(host.failure.argument, cases[i][2]);
        assert_holds(host.failure.message, "nothing was sent");
    }
    fake_host_close(&host);
}

static void test_planetscale__a_segment_has_at_most_255_bytes(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (int len = 255; len <= 256; len++) {
        char name[300];
        char args[400];
        memset(name, 'x', sizeof name);
        snprintf(args, sizeof args, "{\"organization\":\"o\",\"database\":\"%.*s\"}", len, name);
        kk_status status =
            call_once(&host, "get_database", args, (fake_answer){.status = 200, .body = "{}"});
        assert_int_equal(status, len == 255 ? KK_E_OK : KK_E_INVALID_ARGS);
        assert_int_equal(host.request_count, len == 255 ? 1 : 0);
    }
    fake_host_close(&host);
}

static void test_planetscale__without_http_nothing_works(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    host.refuses_http = true;
    assert_int_equal(fake_host_call(&host, "get_current_user", "{}"), KK_E_NOT_GRANTED);
    fake_host_close(&host);
}

// ---- Additions

typedef struct result_case {
    const char *tool;
    const char *args;
    const char *answer;
    const char *output;
} result_case;

static const result_case result_cases[] = {
    {"get_database", "{\"organization\":\"o\",\"database\":\"d\"}",
     "{\"name\":\"d\", \"branches_count\":3}",
     "{\"name\":\"d\", \"branches_count\":3,\"branches\":3}"},
    // What the API sends itself stays.
    {"get_database", "{\"organization\":\"o\",\"database\":\"d\"}",
     "{\"branches_count\":3,\"branches\":9}", "{\"branches_count\":3,\"branches\":9}"},
    {"get_database", "{\"organization\":\"o\",\"database\":\"d\"}", "{\"name\":\"d\"}",
     "{\"name\":\"d\"}"},
    {"create_database", "{\"organization\":\"o\",\"name\":\"d\"}", "{\"branches_count\":0}",
     "{\"branches_count\":0,\"branches\":0}"},
    {"list_databases", "{\"organization\":\"o\"}",
     "{\"type\":\"list\",\"data\":[{\"branches_count\":1},{\"branches_count\":2}],\"x\":1}",
     "{\"type\":\"list\",\"data\":[{\"branches_count\":1,\"branches\":1},"
     "{\"branches_count\":2,\"branches\":2}],\"x\":1}"},
    {"get_branch", "{\"organization\":\"o\",\"database\":\"d\",\"branch\":\"b\"}",
     "{\"production\":true}", "{\"production\":true,\"role\":\"production\"}"},
    {"list_branches", "{\"organization\":\"o\",\"database\":\"d\"}",
     "{\"data\":[{\"production\":false},{\"production\":true,\"role\":\"x\"},{\"production\":null}]"
     "}",
     "{\"data\":[{\"production\":false,\"role\":\"development\"},"
     "{\"production\":true,\"role\":\"x\"},{\"production\":null}]}"},
    {"list_organizations", "{}", "{\"data\":[{\"name\":\"caf\\u00e9\"}]}",
     "{\"data\":[{\"name\":\"caf\\u00e9\",\"slug\":\"caf\\u00e9\"}]}"},
    {"get_current_user", "{}", "{\"name\":\"Ada King Lovelace\"}",
     "{\"name\":\"Ada King Lovelace\",\"first_name\":\"Ada\",\"last_name\":\"King Lovelace\"}"},
    {"get_current_user", "{}", "{\"name\":null,\"display_name\":\"ada\"}",
     "{\"name\":null,\"display_name\":\"ada\",\"first_name\":\"ada\",\"last_name\":\"\"}"},
    {"get_current_user", "{}", "{\"name\":\" \",\"display_name\":\" A \\u0022B\"}",
     "{\"name\":\" \",\"display_name\":\" A \\u0022B\",\"first_name\":\"A\","
     "\"last_name\":\"\\\"B\"}"},
    {"get_current_user", "{}", "{}", "{\"first_name\":\"\",\"last_name\":\"\"}"},
    {"get_current_user", "{}", "{\"first_name\":\"F\",\"name\":\"A B\"}",
     "{\"first_name\":\"F\",\"name\":\"A B\",\"last_name\":\"B\"}"},
    // Numbers, escapes and order come through as they were sent.
    {"get_database", "{\"organization\":\"o\",\"database\":\"d\"}",
     "{ \"z\" : 9223372036854775808,\n\"a\":1e400,\"s\":\"\\u0000\\ud800\",\"n\":"
     "0.1234567890123456789012345678901234567890,\"e\":[],\"branches_count\":1.0 }",
     "{ \"z\" : 9223372036854775808,\n\"a\":1e400,\"s\":\"\\u0000\\ud800\",\"n\":"
     "0.1234567890123456789012345678901234567890,\"e\":[],\"branches_count\":1.0,\"branches\":1.0 "
     "}"},
};

static void test_planetscale__results_are_the_apis_with_additions(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof result_cases / sizeof result_cases[0]; i++) {
        const result_case *wanted = &result_cases[i];
        kk_status status = call_once(&host, wanted->tool, wanted->args,
                                     (fake_answer){.status = 200, .body = wanted->answer});
        assert_status(&host, status, KK_E_OK);
        assert_string_equal(host.output, wanted->output);
        assert_false(host.failure.recorded);
    }
    fake_host_close(&host);
}

static void test_planetscale__an_empty_list_under_a_service_token_has_a_hint(void **state)
{
    (void)state;
    const fake_answer empty = {.status = 200, .body = "{\"next_page\":null,\"data\":[ ]}"};
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    assert_int_equal(call_once(&host, "list_databases", "{\"organization\":\"o\"}", empty),
                     KK_E_OK);
    assert_holds(host.output, "{\"next_page\":null,\"data\":[ ],\"hint\":\"");
    assert_holds(host.output, "'read_databases'");
    assert_int_equal(
        call_once(&host, "list_databases", "{\"organization\":\"o\",\"all\":true}", empty),
        KK_E_OK);
    assert_holds(host.output, "{\"next_page\":null,\"data\":[],\"complete\":true,\"hint\":\"");
    fake_host_close(&host);
    open_with(&host, BEARER_CONFIG);
    assert_int_equal(call_once(&host, "list_databases", "{\"organization\":\"o\"}", empty),
                     KK_E_OK);
    assert_string_equal(host.output, empty.body);
    fake_host_close(&host);
}

// ---- All pages

// A service with so many rows, and a fault in its paging if one is set.
typedef struct paged_service {
    int rows;
    int next_of_last; // what the last page says of the next; 0 = null
    char body[16384];
} paged_service;

static long query_number(const char *url, const char *name)
{
    const char *found = strstr(url, name);
    assert_non_null(found);
    return strtol(found + strlen(name), NULL, 10);
}

static fake_answer answer_page(void *context, const fake_request *request)
{
    paged_service *self = context;
    long page = query_number(request->url, "page=");
    long per_page = query_number(request->url, "per_page=");
    long first = (page - 1) * per_page;
    long after = first + per_page < self->rows ? first + per_page : self->rows;
    kk_buf body = {.limit = sizeof self->body};
    kk_buf_append_format(&body, "{\"type\":\"list\",\"current_page\":%ld,\"data\":[", page);
    for (long row = first; row < after; row++) {
        kk_buf_append_format(&body, "%s{\"id\": %ld, \"branches_count\":1.0}",
                             row > first ? ", " : " ", row);
    }
    long next = after < self->rows ? page + 1 : self->next_of_last;
    kk_buf_append_format(&body, " ],\"next_page\":");
    kk_buf_append_format(&body, next > 0 ? "%ld" : "null", next);
    kk_buf_append_format(&body, ",\"total_count\":%d}", self->rows);
    assert_int_equal(body.failed, KK_OK);
    snprintf(self->body, sizeof self->body, "%s", kk_buf_text(&body));
    kk_buf_clean(&body);
    return (fake_answer){.status = 200, .body = self->body};
}

typedef struct walk_case {
    int rows;
    int next_of_last;
    const char *args;
    size_t requests;
    size_t gathered;
    const char *next_page;
    const char *complete;
    const char *hint; // part of it; NULL = there is none
} walk_case;

static const walk_case walk_cases[] = {
    {237, 0, "{\"organization\":\"o\",\"all\":true}", 3, 237, "null", "true", NULL},
    {100, 0, "{\"organization\":\"o\",\"all\":true}", 1, 100, "null", "true", NULL},
    {1000, 0, "{\"organization\":\"o\",\"all\":true}", 10, 1000, "null", "true", NULL},
    {1001, 0, "{\"organization\":\"o\",\"all\":true}", 10, 1000, "11", "false",
     "page = 11 and limit = 100"},
    {1000000, 0, "{\"organization\":\"o\",\"all\":true}", 10, 1000, "11", "false", "page = 11"},
    {1000000, 0, "{\"organization\":\"o\",\"all\":true,\"limit\":30}", 33, 990, "34", "false",
     "page = 34 and limit = 30"},
    {45, 0, "{\"organization\":\"o\",\"all\":true,\"limit\":20}", 3, 45, "null", "true", NULL},
    // Pages that point to themselves, or back.
    {150, 2, "{\"organization\":\"o\",\"all\":true}", 2, 150, "2", "false", "back to page 2"},
    {250, 1, "{\"organization\":\"o\",\"all\":true}", 3, 250, "1", "false", "back to page 1"},
};

static size_t count_rows(const char *output)
{
    kk_error err = {0};
    cJSON *tree = NULL;
    kk_str data;
    assert_true(kk_json_find(kk_str_from(output), "/data", &data));
    assert_ok(kk_json_parse(data, "the rows", &tree, &err), &err);
    size_t count = (size_t)cJSON_GetArraySize(tree);
    long index = 0;
    const cJSON *row = NULL;
    cJSON_ArrayForEach(row, tree)
    {
        assert_int_equal(kk_json_get(row, "id")->valueint, index++);
        assert_non_null(kk_json_get(row, "branches"));
    }
    cJSON_Delete(tree);
    return count;
}

static void assert_member(const char *output, const char *pointer, const char *wanted)
{
    kk_str raw;
    assert_true(kk_json_find(kk_str_from(output), pointer, &raw));
    if (!kk_str_is(raw, wanted)) {
        fail_msg("%s is %.*s, wanted %s", pointer, KK_STR_ARG(raw), wanted);
    }
}

static void check_walk(fake_host *host, const walk_case *wanted)
{
    paged_service service = {.rows = wanted->rows, .next_of_last = wanted->next_of_last};
    host->answer = answer_page;
    host->context = &service;
    assert_status(host, fake_host_call(host, "list_databases", wanted->args), KK_E_OK);
    assert_int_equal(host->request_count, wanted->requests);
    assert_int_equal(host->held_max, 1);
    assert_int_equal(count_rows(host->output), wanted->gathered);
    assert_member(host->output, "/next_page", wanted->next_page);
    assert_member(host->output, "/complete", wanted->complete);
    assert_member(host->output, "/current_page", "1");
    kk_str hint;
    bool has_hint = kk_json_find(kk_str_from(host->output), "/hint", &hint);
    assert_int_equal(has_hint, wanted->hint != NULL);
    if (has_hint) {
        assert_holds(hint.ptr, wanted->hint);
    }
}

static void test_planetscale__all_walks_the_pages(void **state)
{
    (void)state;
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof walk_cases / sizeof walk_cases[0]; i++) {
        check_walk(&host, &walk_cases[i]);
    }
    assert_holds(host.requests[0].url, BASE "/organizations/o/databases?page=1&per_page=100");
    fake_host_close(&host);
}

static void test_planetscale__all_keeps_every_byte(void **state)
{
    (void)state;
    static const fake_answer pages[] = {
        {.status = 200,
         .body = "{\"current_page\":1,\"data\":[ {\"id\":9223372036854775808} ,1 ],"
                 "\"next_page\":2}"},
        {.status = 200, .body = "{\"current_page\":2,\"data\":[],\"next_page\":7}"},
        {.status = 200,
         .body =
             "{ \"d\\u0061ta\" : [\n{\"a\":1e400}\n], \"next_page\":null,\"current_page\": 7 }"},
    };
    fake_host host;
    open_with(&host, BEARER_CONFIG);
    host.script = pages;
    host.script_len = 3;
    assert_status(&host, fake_host_call(&host, "list_organizations", "{\"all\":true}"), KK_E_OK);
    assert_string_equal(host.output,
                        "{ \"d\\u0061ta\" : [ {\"id\":9223372036854775808} ,1,\n{\"a\":1e400}], "
                        "\"next_page\":null,\"current_page\": 1,\"complete\":true }");
    assert_holds(host.requests[2].url, "page=7");
    fake_host_close(&host);
}

static void test_planetscale__a_fault_on_a_later_page_fails_the_walk(void **state)
{
    (void)state;
    static const struct {
        fake_answer second;
        kk_status status;
    } cases[] = {
        {{.status = 500, .body = "{}"}, KK_E_UNAVAILABLE},
        {{.status = 200, .body = "{\"data\":null}"}, KK_E_PROTOCOL},
        {{.status = 200, .body = "{\"data\":[],\"next_page\":\"3\"}"}, KK_E_PROTOCOL},
        {{.status = 200, .body = "{\"data\":[],\"next_page\":1e99}"}, KK_E_PROTOCOL},
        {{.failure = KK_E_CANCELLED}, KK_E_CANCELLED},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const fake_answer pages[] = {{.status = 200, .body = "{\"data\":[{}],\"next_page\":2}"},
                                     cases[i].second};
        host.script = pages;
        host.script_len = 2;
        assert_int_equal(fake_host_call(&host, "list_organizations", "{\"all\":true}"),
                         cases[i].status);
        assert_int_equal(host.request_count, 2);
        assert_string_equal(host.output, "");
    }
    fake_host_close(&host);
}

static void test_planetscale__more_rows_than_asked_for_are_refused(void **state)
{
    (void)state;
    kk_buf body = {.limit = KK_TEXT_MAX};
    kk_buf_append_text(&body, "{\"data\":[1");
    for (int i = 0; i < 1000; i++) {
        kk_buf_append_text(&body, ",1");
    }
    kk_buf_append_text(&body, "]}");
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    assert_int_equal(call_once(&host, "list_organizations", "{\"all\":true}",
                               (fake_answer){.status = 200, .body = kk_buf_text(&body)}),
                     KK_E_PROTOCOL);
    assert_holds(host.failure.message, "more rows");
    kk_buf_clean(&body);
    fake_host_close(&host);
}

static void test_planetscale__a_write_that_fails_is_the_last(void **state)
{
    (void)state;
    static const fake_answer answer = {
        .status = 200, .body = "{\"current_page\":1,\"data\":[{\"name\":\"a\"},{\"name\":\"b\"}]}"};
    static const char *const args[] = {"{}", "{\"all\":true}"};
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    for (size_t i = 0; i < 2; i++) {
        for (host.output_max = 1; host.output_max < 60; host.output_max++) {
            assert_int_equal(call_once(&host, "list_organizations", args[i], answer),
                             KK_E_TOO_LARGE);
            assert_false(host.wrote_more);
        }
    }
    fake_host_close(&host);
}

// The limit of 32 MiB is that of all pieces together, not of one.
static void test_planetscale__a_result_over_the_limit_is_too_large(void **state)
{
    (void)state;
    const size_t padding = ((size_t)32 << 20) - 60;
    kk_buf first = {.limit = (size_t)32 << 20};
    kk_buf_append_text(&first, "{\"data\":[\"");
    memset(kk_buf_reserve(&first, padding), 'x', padding);
    kk_buf_grow(&first, padding);
    kk_buf_append_text(&first, "\"],\"next_page\":2}");
    const fake_answer pages[] = {
        {.status = 200, .body = kk_buf_text(&first)},
        {.status = 200, .body = "{\"data\":[],\"padding\":\"0123456789012345678901234567890123\"}"},
    };
    fake_host host;
    open_with(&host, SERVICE_TOKEN_CONFIG);
    host.script = pages;
    host.script_len = 2;
    assert_status(&host, fake_host_call(&host, "list_organizations", "{\"all\":true}"),
                  KK_E_TOO_LARGE);
    assert_string_equal(host.failure.message, "the result is longer than 33554432 bytes");
    fake_host_close(&host);
    kk_buf_clean(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planetscale__each_tool_sends_its_request),
        cmocka_unit_test(test_planetscale__base_url_is_completed),
        cmocka_unit_test(test_planetscale__a_bad_argument_sends_nothing),
        cmocka_unit_test(test_planetscale__a_segment_has_at_most_255_bytes),
        cmocka_unit_test(test_planetscale__without_http_nothing_works),
        cmocka_unit_test(test_planetscale__results_are_the_apis_with_additions),
        cmocka_unit_test(test_planetscale__an_empty_list_under_a_service_token_has_a_hint),
        cmocka_unit_test(test_planetscale__all_walks_the_pages),
        cmocka_unit_test(test_planetscale__all_keeps_every_byte),
        cmocka_unit_test(test_planetscale__a_fault_on_a_later_page_fails_the_walk),
        cmocka_unit_test(test_planetscale__more_rows_than_asked_for_are_refused),
        cmocka_unit_test(test_planetscale__a_write_that_fails_is_the_last),
        cmocka_unit_test(test_planetscale__a_result_over_the_limit_is_too_large),
    };
    return cmocka_run_group_tests_name("planetscale", tests, NULL, NULL);
}
