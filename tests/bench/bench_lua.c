// A page of 100 databases from JSON text to a Lua table, beside the same text in cJSON.
#include "api_data.h"
#include "bench.h"
#include "lua_runtime.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 100, PAIRS = 400 };

typedef struct subject {
    kk_buf page;
    script_runtime *runtime;
    kk_buf done;
} subject;

static void write_page(kk_buf *out)
{
    const api_organization *many = api_organization_find("many");
    kk_buf_append_text(out, "{\"type\":\"list\",\"current_page\":1,\"next_page\":2,\"data\":[");
    for (unsigned i = 0; i < ROWS; i++) {
        api_database database;
        api_database_at(many, i, &database);
        kk_buf_append_text(out, i > 0 ? "," : "");
        api_database_write(&database, out);
    }
    kk_buf_append_text(out, "]}");
}

static bool ignore_print(void *context, kk_str bytes)
{
    (void)context;
    (void)bytes;
    return true;
}

// Every call is answered with the page.
static script_answer give_page(void *context, kk_str request, kk_str *json)
{
    subject *self = context;
    (void)request;
    *json = kk_buf_view(&self->page);
    return SCRIPT_RESULT;
}

static bool run_lua(void *context)
{
    subject *self = context;
    script_chunk chunk = {.name = "=bench", .code = KK_STR("page = app.integrations.p.f()")};
    kk_buf_clear(&self->done);
    return script_run(self->runtime, &chunk, &self->done) == KK_OK;
}

static bool run_cjson(void *context)
{
    subject *self = context;
    cJSON *tree = cJSON_ParseWithLength(self->page.ptr, self->page.len);
    cJSON_Delete(tree);
    return tree != NULL;
}

// The trees are kept until the end, so that the time is that of parsing alone.
static bool parse_cjson(void *context)
{
    static cJSON *trees[2 * PAIRS];
    static size_t count;
    subject *self = context;
    if (self == NULL) {
        while (count > 0) {
            cJSON_Delete(trees[--count]);
        }
        return true;
    }
    trees[count] = cJSON_ParseWithLength(self->page.ptr, self->page.len);
    return trees[count++] != NULL;
}

int main(void)
{
    subject self = {.page = {.limit = (size_t)1 << 20}, .done = {.limit = KK_TEXT_MAX}};
    const script_callbacks callbacks = {
        .context = &self, .print = ignore_print, .call = give_page, .docs = give_page};
    const kk_str catalogue = KK_STR("{\"plugins\":[{\"name\":\"p\",\"accounts\":[],\"tools\":"
                                    "[{\"name\":\"f\",\"slug\":\"p_f\",\"parameters\":[]}]}]}");
    write_page(&self.page);
    bool ok = script_open(&callbacks, NULL, &self.runtime, NULL) == KK_OK &&
              script_catalogue(self.runtime, catalogue, NULL) == KK_OK;
    kk_bench_side lua = {"JSON to Lua", run_lua, &self};
    printf("a page of %zu bytes\n", self.page.len);
    ok =
        ok && kk_bench_pairs("JSON to Lua, garbage collected", lua,
                             (kk_bench_side){"cJSON_Parse, cJSON_Delete", run_cjson, &self}, PAIRS);
    ok = ok && kk_bench_pairs("JSON to Lua, garbage collected", lua,
                              (kk_bench_side){"cJSON_Parse", parse_cjson, &self}, PAIRS);
    parse_cjson(NULL);
    script_close(self.runtime);
    kk_buf_clean(&self.done);
    kk_buf_clean(&self.page);
    return ok ? 0 : 1;
}
