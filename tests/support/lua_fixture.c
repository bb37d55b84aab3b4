#include "lua_fixture.h"
#include "../fuzz/fuzz.h"
#include <stdlib.h>
#include <string.h>

#define TOOL(name, parameters)                                                                     \
    "{\"name\":\"" name "\",\"slug\":\"planetscale_" name "\",\"parameters\":[" parameters "]}"

const char lua_fixture_catalogue[] =
    "{\"plugins\":["
    "{\"name\":\"planetscale\",\"accounts\":[\"main\",\"my-prod\"],"
    "\"tools\":[" TOOL(
        "list_databases",
        "\"organization\",\"page\","
        "\"limit\",\"q\",\"all\","
        "\"fields\"") "," TOOL("get_database",
                               "\"organization\",\"database\"") "," TOOL("list_organizations",
                                                                         "") "]},"
                                                                             "{\"name\":"
                                                                             "\"open\","
                                                                             "\"accounts\":null,"
                                                                             "\"tools\":["
                                                                             "{\"name\":"
                                                                             "\"ping\",\"slug\":"
                                                                             "\"open_ping\","
                                                                             "\"parameters\":["
                                                                             "\"text\"]}]}]}";

static bool take_print(void *context, kk_str bytes)
{
    lua_fixture *self = context;
    kk_buf_append_str(&self->printed, bytes);
    return !self->deaf;
}

static script_answer take_request(void *context, kk_str request, kk_str *json)
{
    lua_fixture *self = context;
    self->asked++;
    kk_buf_clear(&self->request);
    kk_buf_append_str(&self->request, request);
    REQUIRE(kk_json_check(request, NULL) == KK_OK);
    *json = kk_str_from(self->answer_json);
    return self->answer;
}

static bool is_out_of_memory(lua_fixture *self)
{
    self->allocations++;
    if (self->countdown > 1) {
        self->countdown--;
    }
    return self->countdown == 1 || self->allocations == self->once;
}

static void *allocate(void *context, void *block, size_t size)
{
    lua_fixture *self = context;
    if (size == 0) {
        self->blocks -= block != NULL ? 1 : 0;
        free(block);
        return NULL;
    }
    if (is_out_of_memory(self)) {
        return NULL;
    }
    void *moved = realloc(block, size);
    self->blocks += block == NULL && moved != NULL ? 1 : 0;
    return moved;
}

bool lua_fixture_open(lua_fixture *self, const script_limits *limits)
{
    const script_callbacks callbacks = {.context = self,
                                        .print = take_print,
                                        .call = take_request,
                                        .docs = take_request,
                                        .allocate = allocate};
    self->printed.limit = self->request.limit = self->done.limit = (size_t)64 << 20;
    if (self->answer_json == NULL) {
        self->answer_json = "{}";
    }
    if (script_open(&callbacks, limits, &self->runtime, NULL) != KK_OK) {
        return false;
    }
    if (script_catalogue(self->runtime, kk_str_from(lua_fixture_catalogue), NULL) != KK_OK) {
        script_close(self->runtime);
        self->runtime = NULL;
        return false;
    }
    return true;
}

void lua_fixture_close(lua_fixture *self)
{
    script_close(self->runtime);
    kk_buf_clean(&self->printed);
    kk_buf_clean(&self->request);
    kk_buf_clean(&self->done);
    cJSON_Delete(self->report);
    REQUIRE(self->blocks == 0);
    *self = (lua_fixture){0};
}

static void check_report(lua_fixture *self, kk_code code)
{
    static const char *const members[] = {
        "code",        "message",  "hint", "retryable", "api_code", "effect", "account",
        "http_status", "argument", "line", "text",      "function", "source", "traceback"};
    cJSON_Delete(self->report);
    self->report = NULL;
    REQUIRE(kk_json_parse(kk_buf_view(&self->done), "the report", &self->report, NULL) == KK_OK);
    const cJSON *error = kk_json_get(self->report, "error");
    REQUIRE(kk_json_get(self->report, "results") != NULL);
    REQUIRE(kk_json_get(kk_json_get(self->report, "used"), "memory_peak") != NULL);
    REQUIRE(cJSON_IsNull(error) == (code == KK_OK));
    if (code == KK_OK) {
        return;
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        REQUIRE(kk_json_get(error, members[i]) != NULL);
    }
    REQUIRE(strcmp(kk_json_text(error, "code"), kk_code_name(code)) == 0);
    REQUIRE(strpbrk(kk_json_text(error, "text"), "\r\n") == NULL);
}

kk_code lua_fixture_run_limited(lua_fixture *self, kk_str code, const script_limits *limits)
{
    script_chunk chunk = {.name = "=test", .code = code};
    if (limits != NULL) {
        chunk.limits = *limits;
    }
    kk_buf_clear(&self->printed);
    kk_buf_clear(&self->request);
    kk_buf_clear(&self->done);
    self->asked = 0;
    kk_code result = script_run(self->runtime, &chunk, &self->done);
    check_report(self, result);
    return result;
}

kk_code lua_fixture_run(lua_fixture *self, const char *code)
{
    return lua_fixture_run_limited(self, kk_str_from(code), NULL);
}

const char *lua_fixture_error(const lua_fixture *self, const char *member)
{
    return kk_json_text(kk_json_get(self->report, "error"), member);
}

int lua_fixture_line(const lua_fixture *self)
{
    const cJSON *line = kk_json_get(kk_json_get(self->report, "error"), "line");
    return cJSON_IsNumber(line) ? line->valueint : 0;
}

const char *lua_fixture_result(const lua_fixture *self)
{
    const cJSON *first = cJSON_GetArrayItem(kk_json_get(self->report, "results"), 0);
    return cJSON_IsString(first) ? first->valuestring : NULL;
}
