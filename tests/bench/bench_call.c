// One call of a function in a long-lived host, beside the least that the same work needs.
//
//     bench_call BASE-URL CA-FILE AUTHORIZATION-FILE TAPE
//
// Live: list_databases of 100 databases on one connection, beside bare libcurl plus cJSON_Parse of
// the same body.  Replay: the same call from a tape, which is written to TAPE, beside cJSON_Parse
// of the body.  The account comes from the environment.
#include "bench.h"
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <kk/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS "{\"organization\":\"many\",\"limit\":100}"
#define QUERY "organizations/many/databases?page=1&per_page=100"
enum { PAIRS = 200 };

typedef struct bare_client {
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    size_t len;
    size_t capacity;
} bare_client;

static size_t keep(char *bytes, size_t size, size_t count, void *context)
{
    bare_client *self = context;
    size_t len = size * count;
    if (self->len + len + 1 > self->capacity) {
        self->capacity = (self->len + len + 1) * 2;
        self->body = realloc(self->body, self->capacity);
    }
    if (self->body == NULL) {
        return 0;
    }
    memcpy(self->body + self->len, bytes, len);
    self->len += len;
    self->body[self->len] = '\0';
    return len;
}

static bool bare_open(bare_client *self, const char *base, const char *ca_file,
                      const char *auth_file)
{
    char url[512], line[512], secret[384];
    FILE *file = fopen(auth_file, "r");
    if (file == NULL || fgets(secret, sizeof secret, file) == NULL) {
        return false;
    }
    fclose(file);
    secret[strcspn(secret, "\n")] = '\0';
    snprintf(url, sizeof url, "%s/%s", base, QUERY);
    snprintf(line, sizeof line, "Authorization: %s", secret);
    self->easy = curl_easy_init();
    self->headers = curl_slist_append(curl_slist_append(NULL, line), "Accept: application/json");
    curl_easy_setopt(self->easy, CURLOPT_URL, url);
    curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, self->headers);
    curl_easy_setopt(self->easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(self->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(self->easy, CURLOPT_WRITEDATA, self);
    return self->easy != NULL;
}

static bool bare_fetch(bare_client *self)
{
    long status = 0;
    self->len = 0;
    return curl_easy_perform(self->easy) == CURLE_OK &&
           curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
           status == 200;
}

static bool run_parse(void *context)
{
    bare_client *self = context;
    cJSON *tree = cJSON_Parse(self->body);
    bool ok = tree != NULL;
    cJSON_Delete(tree);
    return ok;
}

static bool run_bare(void *context)
{
    return bare_fetch(context) && run_parse(context);
}

static bool run_host(void *context)
{
    kk_error err = {0};
    kk_result *result = NULL;
    kk_call_options call = {
        .size = sizeof call, .function = "planetscale.list_databases", .args = ARGS};
    kk_code code = kk_host_call(context, &call, &result, &err);
    size_t len = 0;
    if (code == KK_OK) {
        kk_result_data(result, &len);
    } else {
        fprintf(stderr, "%s: %s; %s\n", kk_code_name(code), err.message, err.hint);
    }
    kk_result_free(result);
    return code == KK_OK && len > 100000;
}

static bool write_tape(const char *path, const char *body)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(
        file,
        "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"kk\",\"version\":\"1\"},\"pages\":[]"
        ","
        "\"_tape\":{\"format\":1,\"base_url\":\"https://api.planetscale.com/v1\",\"recorded_at\":"
        "\"2026-11-23T00:00:00Z\"},\"entries\":[{\"_id\":\"page\",\"_seq\":1,\"_repeat\":\"any\","
        "\"startedDateTime\":\"2026-11-23T00:00:00.000Z\",\"time\":0,\"request\":{\"method\":"
        "\"GET\","
        "\"url\":\"https://api.planetscale.com/v1/%s\",\"httpVersion\":\"HTTP/2\",\"cookies\":[],"
        "\"headers\":[{\"name\":\"authorization\",\"value\":\"{{SERVICE_TOKEN_ID}}:{{SERVICE_TOKEN}"
        "}\"}],"
        "\"queryString\":[{\"name\":\"page\",\"value\":\"1\"},{\"name\":\"per_page\",\"value\":"
        "\"100\"}],"
        "\"headersSize\":-1,\"bodySize\":0},\"response\":{\"status\":200,\"statusText\":\"\","
        "\"httpVersion\":\"HTTP/"
        "2\",\"cookies\":[],\"headers\":[{\"name\":\"content-type\",\"value\":"
        "\"application/json\"}],\"content\":{\"size\":%zu,\"mimeType\":\"application/"
        "json\",\"_json\":%s},"
        "\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":-1},\"cache\":{},"
        "\"timings\":{\"send\":0,\"wait\":0,\"receive\":0}}]}}\n",
        QUERY, strlen(body), body);
    return fclose(file) == 0;
}

static kk_host *open_host(const char *tape)
{
    kk_error err = {0};
    kk_host *host = NULL;
    kk_host_options options = {.size = sizeof options, .replay_file = tape};
    if (kk_host_open(&options, &host, &err) != KK_OK) {
        fprintf(stderr, "%s; %s\n", err.message, err.hint);
    }
    return host;
}

static bool bench(bare_client *bare, const char *tape)
{
    kk_host *live = open_host(NULL);
    bool ok = live != NULL && bare_fetch(bare) && write_tape(tape, bare->body);
    kk_host *replay = ok ? open_host(tape) : NULL;
    ok =
        ok && replay != NULL &&
        kk_bench_pairs("list_databases, live, 100 databases", (kk_bench_side){"kk", run_host, live},
                       (kk_bench_side){"libcurl + cJSON_Parse", run_bare, bare}, PAIRS) &&
        kk_bench_pairs("list_databases, replay, 100 databases",
                       (kk_bench_side){"kk", run_host, replay},
                       (kk_bench_side){"cJSON_Parse", run_parse, bare}, PAIRS);
    kk_host_close(replay);
    kk_host_close(live);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: bench_call BASE-URL CA-FILE AUTHORIZATION-FILE TAPE\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bare_client bare = {0};
    bool ok = bare_open(&bare, argv[1], argv[2], argv[3]) && bench(&bare, argv[4]);
    curl_slist_free_all(bare.headers);
    curl_easy_cleanup(bare.easy);
    free(bare.body);
    curl_global_cleanup();
    return ok ? 0 : 1;
}
