// The tapes in fixtures/tapes say what the API says: their bodies are checked against the schemas
// of the tools and, where KK_OPENAPI names the API's description, against that; and the model of
// the API still gives every answer that is on them.
#include "api_model.h"
#include "fake_host.h"
#include "json.h"
#include "openapi_check.h"
#include "schema.h"
#include "unit.h"
#include <arpa/inet.h>
#include <glob.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BASE_URL "https://api.planetscale.com/v1"
#define TEXT_MAX ((size_t)16 << 20)
#define CONFIG                                                                                     \
    "{\"account\":\"main\",\"scheme\":\"service-token\",\"fields\":{\"url\":\"" BASE_URL "\"}}"

// Which tool a request belongs to.
static const struct operation {
    const char *tool;
    const char *method;
    const char *path;
} operations[] = {
    {"list_organizations", "GET", "/organizations"},
    {"get_current_user", "GET", "/user"},
    {"list_databases", "GET", "/organizations/{organization}/databases"},
    {"create_database", "POST", "/organizations/{organization}/databases"},
    {"get_database", "GET", "/organizations/{organization}/databases/{database}"},
    {"list_branches", "GET", "/organizations/{organization}/databases/{database}/branches"},
    {"get_branch", "GET", "/organizations/{organization}/databases/{database}/branches/{branch}"},
};
#define OPERATIONS (sizeof operations / sizeof *operations)

// ---- Reading tapes

// One entry of a tape.  All borrowed from the tree and the text of the tape.
typedef struct tape_entry {
    const char *id;
    const cJSON *tree;
    const char *method;
    const char *target; // the URL below the base: "/user"
    int status;         // 0 for a failure
    kk_str json;        // the response's body as JSON text; ptr NULL = no JSON
    const char *text;   // or as other text
    kk_str sent;        // the request's body; ptr NULL = none
} tape_entry;

typedef void (*entry_check)(void *context, const tape_entry *entry);

static void read_text(const char *path, kk_buf *out)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("cannot open '%s'", path);
        return;
    }
    char part[65536];
    size_t len = 0;
    while ((len = fread(part, 1, sizeof part, file)) > 0) {
        kk_buf_append(out, part, len);
    }
    fclose(file);
    assert_int_equal(out->failed, KK_OK);
}

static void read_entry(const cJSON *tree, kk_str raw, tape_entry *out)
{
    const cJSON *request = kk_json_get(tree, "request");
    const cJSON *response = kk_json_get(tree, "response");
    const char *url = kk_json_text(request, "url");
    *out = (tape_entry){.id = kk_json_text(tree, "_id"),
                        .tree = tree,
                        .method = kk_json_text(request, "method"),
                        .text = kk_json_text(kk_json_get(response, "content"), "text"),
                        .status = kk_json_get(response, "status")->valueint};
    assert_non_null(out->id);
    assert_int_equal(strncmp(url, BASE_URL "/", strlen(BASE_URL "/")), 0);
    out->target = url + strlen(BASE_URL);
    (void)kk_json_find(raw, "/response/content/_json", &out->json);
    (void)kk_json_find(raw, "/request/postData/_json", &out->sent);
}

// Gives every entry of one tape to [check]; returns how many there are.  A tape of another service
// has none.
static size_t each_entry_of(const char *path, entry_check check, void *context)
{
    kk_buf text = {.limit = TEXT_MAX};
    read_text(path, &text);
    cJSON *tape = NULL;
    kk_error err = {0};
    assert_ok(kk_json_parse(kk_buf_view(&text), path, &tape, &err), &err);
    const cJSON *log = kk_json_get(tape, "log");
    const char *base = kk_json_text(kk_json_get(log, "_tape"), "base_url");
    size_t count = 0;
    const cJSON *tree = kk_json_get(log, "entries")->child;
    bool ours = base != NULL && strcmp(base, BASE_URL) == 0;
    for (; ours && tree != NULL; tree = tree->next) {
        char pointer[64];
        kk_str raw = {NULL, 0};
        tape_entry one;
        snprintf(pointer, sizeof pointer, "/log/entries/%zu", count++);
        assert_true(kk_json_find(kk_buf_view(&text), pointer, &raw));
        read_entry(tree, raw, &one);
        check(context, &one);
    }
    cJSON_Delete(tape);
    kk_buf_clean(&text);
    return count;
}

static void each_entry(entry_check check, void *context)
{
    glob_t found;
    size_t count = 0;
    assert_int_equal(glob(KK_FIXTURES "/tapes/*.har", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; ++i) {
        count += each_entry_of(found.gl_pathv[i], check, context);
    }
    globfree(&found);
    assert_true(count > 0);
}

// Whether [target], up to its query, fits a path with names in braces.
static bool fits(const char *path, const char *target)
{
    while (*path != '\0') {
        if (*path == '{') {
            path += strcspn(path, "/");
            target += strcspn(target, "/?");
            continue;
        }
        if (*path++ != *target++) {
            return false;
        }
    }
    return *target == '\0' || *target == '?';
}

static const struct operation *operation_of(const tape_entry *entry)
{
    for (size_t i = 0; i < OPERATIONS; ++i) {
        if (strcmp(operations[i].method, entry->method) == 0 &&
            fits(operations[i].path, entry->target)) {
            return &operations[i];
        }
    }
    fail_msg("'%s' is no request that a tool sends", entry->id);
    return NULL;
}

// Whether the entry is a success that its tool should take for one.
static bool is_success(const tape_entry *entry)
{
    return entry->status >= 200 && entry->status < 300 &&
           strncmp(entry->target, "/organizations/fault-", strlen("/organizations/fault-")) != 0;
}

// ---- The tools' own schemas

typedef struct schemas {
    kk_schema *compiled[OPERATIONS];
    size_t checked[OPERATIONS];
} schemas;

static void check_schema(void *context, const tape_entry *entry)
{
    schemas *self = context;
    if (!is_success(entry)) {
        return;
    }
    size_t index = (size_t)(operation_of(entry) - operations);
    kk_error err = {0};
    assert_non_null(entry->json.ptr);
    if (kk_schema_check(self->compiled[index], entry->json, false, &err) != KK_OK) {
        fail_msg("'%s': %s: %s", entry->id, err.argument, err.message);
    }
    ++self->checked[index];
}

static void test_tape_conformance__bodies_fit_the_output_schemas(void **state)
{
    (void)state;
    schemas all = {0};
    fake_host host;
    kk_error err = {0};
    fake_host_open(&host, KK_PLANETSCALE, CONFIG);
    for (size_t i = 0; i < OPERATIONS; ++i) {
        const kk_tool *tool = fake_host_tool(&host, operations[i].tool);
        assert_non_null(tool);
        assert_ok(kk_schema_compile(kk_str_from(tool->output_schema), &all.compiled[i], &err),
                  &err);
    }
    each_entry(check_schema, &all);
    for (size_t i = 0; i < OPERATIONS; ++i) {
        assert_true(all.checked[i] > 0);
        kk_schema_free(all.compiled[i]);
    }
    fake_host_close(&host);
}

// ---- The API's description

static void check_description(void *context, const tape_entry *entry)
{
    if (!is_success(entry)) {
        return;
    }
    const struct operation *operation = operation_of(entry);
    const cJSON *schema =
        openapi_answer_schema(context, operation->method, operation->path, entry->status);
    if (schema == NULL) {
        fail_msg("the description has no answer %d to %s", entry->status, operation->tool);
    }
    kk_buf faults = {.limit = KK_TEXT_MAX};
    const cJSON *content = kk_json_get(kk_json_get(entry->tree, "response"), "content");
    openapi_check(schema, kk_json_get(content, "_json"), "", &faults);
    if (faults.len > 0) {
        print_error("'%s':\n%s", entry->id, kk_buf_text(&faults));
        fail();
    }
    kk_buf_clean(&faults);
}

static void test_tape_conformance__bodies_fit_the_description(void **state)
{
    (void)state;
    kk_buf text = {.limit = TEXT_MAX};
    read_text(getenv("KK_OPENAPI"), &text);
    cJSON *description = NULL;
    kk_error err = {0};
    assert_ok(kk_json_parse(kk_buf_view(&text), "KK_OPENAPI", &description, &err), &err);
    each_entry(check_description, description);
    cJSON_Delete(description);
    kk_buf_clean(&text);
}

static void test_openapi_check__finds_each_kind_of_fault(void **state)
{
    (void)state;
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"a\",\"b\"],\"properties\":{"
        "\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\",\"nullable\":true},"
        "\"c\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"x\",\"y\"]}},"
        "\"d\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"}}}}";
    static const char *const cases[][2] = {
        {"{\"a\":1,\"b\":null,\"c\":[\"x\"],\"d\":{\"on\":true}}", ""},
        {"{\"b\":\"\"}", "/a is missing\n"},
        {"{\"a\":1.5,\"b\":1}", "/a is no integer\n/b is no string\n"},
        {"{\"a\":null,\"b\":null}", "/a is no integer\n"},
        {"{\"a\":1,\"b\":null,\"c\":[\"x\",\"z\"]}", "/c/1 is none of the values allowed\n"},
        {"{\"a\":1,\"b\":null,\"d\":{\"on\":1}}", "/d/on is no boolean\n"},
        {"{\"a\":1,\"b\":null,\"e\":2}", "/e is not in the description\n"},
        {"[]", " is no object\n"},
    };
    cJSON *wanted = NULL;
    assert_int_equal(kk_json_parse(kk_str_from(schema), "a schema", &wanted, NULL), KK_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        cJSON *value = NULL;
        kk_buf faults = {.limit = KK_TEXT_MAX};
        assert_int_equal(kk_json_parse(kk_str_from(cases[i][0]), "a value", &value, NULL), KK_OK);
        openapi_check(wanted, value, "", &faults);
        assert_string_equal(kk_buf_text(&faults), cases[i][1]);
        kk_buf_clean(&faults);
        cJSON_Delete(value);
    }
    cJSON_Delete(wanted);
}

// ---- The model

// Sends an entry's request and reads the whole answer.
static void exchange(unsigned port, const tape_entry *entry, kk_buf *answer)
{
    kk_buf request = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&request, "%s /v1%s HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n",
                         entry->method, entry->target);
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, kk_json_get(kk_json_get(entry->tree, "request"), "headers"))
    {
        kk_buf_append_format(&request, "%s: %s\r\n", kk_json_text(header, "name"),
                             kk_json_text(header, "value"));
    }
    kk_buf_append_format(&request, "content-length: %zu\r\n\r\n", entry->sent.len);
    kk_buf_append_str(&request, entry->sent);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request.ptr, request.len, MSG_NOSIGNAL), (ssize_t)request.len);
    char part[65536];
    ssize_t len = 0;
    while ((len = recv(fd, part, sizeof part, 0)) > 0) {
        kk_buf_append(answer, part, (size_t)len);
    }
    assert_int_equal(len, 0);
    close(fd);
    kk_buf_clean(&request);
}

static void assert_same_headers(const tape_entry *entry, const char *head)
{
    const cJSON *header = NULL;
    cJSON_ArrayForEach(header, kk_json_get(kk_json_get(entry->tree, "response"), "headers"))
    {
        char line[512];
        snprintf(line, sizeof line, "\r\n%s: %s\r\n", kk_json_text(header, "name"),
                 kk_json_text(header, "value"));
        if (strcasestr(head, line) == NULL) {
            fail_msg("'%s': the server does not send '%s'", entry->id,
                     kk_json_text(header, "name"));
        }
    }
}

static void assert_same_body(const tape_entry *entry, kk_str body)
{
    kk_buf recorded = {.limit = TEXT_MAX};
    kk_buf served = {.limit = TEXT_MAX};
    if (entry->json.ptr != NULL) {
        assert_int_equal(kk_json_compact(entry->json, &recorded, NULL), KK_OK);
        assert_int_equal(kk_json_compact(body, &served, NULL), KK_OK);
    } else {
        kk_buf_append_text(&recorded, entry->text);
        kk_buf_append_str(&served, body);
    }
    if (!kk_str_equals(kk_buf_view(&recorded), kk_buf_view(&served))) {
        fail_msg("'%s': the tape has %s\nand the server %s", entry->id, kk_buf_text(&recorded),
                 kk_buf_text(&served));
    }
    kk_buf_clean(&recorded);
    kk_buf_clean(&served);
}

static void check_server(void *context, const tape_entry *entry)
{
    http_server *server = context;
    if (entry->status == 0) {
        return;
    }
    kk_buf answer = {.limit = TEXT_MAX};
    exchange(http_server_port(server), entry, &answer);
    int status = 0;
    assert_int_equal(sscanf(kk_buf_text(&answer), "HTTP/1.1 %d", &status), 1);
    if (status != entry->status) {
        fail_msg("'%s': the tape has %d and the server %d", entry->id, entry->status, status);
    }
    char *gap = strstr(answer.ptr, "\r\n\r\n");
    assert_non_null(gap);
    kk_str body = {gap + 4, (size_t)(answer.ptr + answer.len - gap - 4)};
    gap[2] = '\0';
    assert_same_headers(entry, answer.ptr);
    assert_same_body(entry, body);
    kk_buf_clean(&answer);
}

// The tape's placeholders are the credentials of this server, so nothing has to be put in.
static void test_tape_matches_server__for_every_answer(void **state)
{
    (void)state;
    api_model model = {.account_count = 0};
    kk_error err = {0};
    assert_ok(api_model_add_accounts(&model,
                                     "main {{SERVICE_TOKEN_ID}}:{{SERVICE_TOKEN}}\n"
                                     "staging Bearer {{ACCESS_TOKEN}}\n",
                                     &err),
              &err);
    http_server *server = NULL;
    http_server_options options = {.handler = api_model_answer, .context = &model};
    assert_ok(http_server_start(&options, &server, &err), &err);
    each_entry(check_server, server);
    assert_true(http_server_requests(server) > 0);
    http_server_stop(server);
}

int main(void)
{
    struct CMUnitTest tests[4] = {
        cmocka_unit_test(test_tape_conformance__bodies_fit_the_output_schemas),
        cmocka_unit_test(test_tape_matches_server__for_every_answer),
        cmocka_unit_test(test_openapi_check__finds_each_kind_of_fault),
    };
    // Without a description there is nothing to compare with, and no test that could pass.
    if (getenv("KK_OPENAPI") != NULL) {
        tests[3] =
            (struct CMUnitTest)cmocka_unit_test(test_tape_conformance__bodies_fit_the_description);
    }
    size_t count = getenv("KK_OPENAPI") != NULL ? 4 : 3;
    return _cmocka_run_group_tests("tape_conformance", tests, count, NULL, NULL);
}
