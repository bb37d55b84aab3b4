// Every way in which the model of PlanetScale's API fails on request.
#include "api_faults.h"

// What every request below an organization of this name is answered with.
typedef struct fault {
    const char *organization;
    unsigned status;
    const char *type;
    const char *body;
    const char *header; // one more field, or NULL
    const char *value;
    http_fault kind;
} fault;

#define JSON "application/json"
#define PAGE "<!DOCTYPE html><html><body><h1>Something is in the way</h1></body></html>"

static const fault faults[] = {
    {.organization = "fault-400-code",
     .status = 400,
     .type = JSON,
     .body = "{\"code\":\"invalid_params\",\"message\":\"The page is out of range\"}"},
    {.organization = "fault-errors-array",
     .status = 400,
     .type = JSON,
     .body = "{\"errors\":[{\"namespace\":\"database\",\"name\":\"name\",\"errors\":"
             "[\"is too short\",\"has a character that is not allowed\"]}]}"},
    {.organization = "fault-oauth",
     .status = 401,
     .type = JSON,
     .body = "{\"error\":\"invalid_token\",\"error_description\":\"The access token expired\","
             "\"state\":\"unauthorized\"}"},
    {.organization = "fault-available",
     .status = 400,
     .type = JSON,
     .body = "{\"message\":\"There is no such keyspace\","
             "\"available\":{\"keyspaces\":[\"main\"],\"shards\":[\"-80\",\"80-\"]}}"},
    {.organization = "fault-401", .status = 401, .type = JSON, .body = API_UNAUTHORIZED},
    {.organization = "fault-403",
     .status = 403,
     .type = JSON,
     .body = "{\"code\":\"forbidden\",\"message\":\"The token lacks an access\"}"},
    {.organization = "fault-404",
     .status = 404,
     .type = JSON,
     .body = "{\"code\":\"not_found\",\"message\":\"Not Found\"}"},
    {.organization = "fault-404-bare", .status = 404, .type = JSON, .body = "{}"},
    {.organization = "fault-409",
     .status = 409,
     .type = JSON,
     .body = "{\"code\":\"conflict\",\"message\":\"Another change is under way\"}"},
    {.organization = "fault-422",
     .status = 422,
     .type = JSON,
     .body = "{\"code\":\"unprocessable\",\"message\":\"Name has already been taken\"}"},
    {.organization = "fault-429",
     .status = 429,
     .type = JSON,
     .body = "{\"code\":\"rate_limit_exceeded\",\"message\":\"Too many requests\"}",
     .header = "retry-after",
     .value = "1"},
    {.organization = "fault-500",
     .status = 500,
     .type = JSON,
     .body = "{\"code\":\"internal_error\",\"message\":\"Something went wrong\"}"},
    {.organization = "fault-503",
     .status = 503,
     .type = JSON,
     .body = "{\"code\":\"service_unavailable\",\"message\":\"Down for maintenance\"}",
     .header = "retry-after",
     .value = "0.020"},
    {.organization = "fault-html", .status = 200, .type = "text/html", .body = PAGE},
    {.organization = "fault-html-502", .status = 502, .type = "text/html", .body = PAGE},
    {.organization = "fault-empty", .status = 200, .type = JSON, .body = ""},
    {.organization = "fault-not-json", .status = 200, .type = JSON, .body = "this is not JSON"},
    {.organization = "fault-data-null",
     .status = 200,
     .type = JSON,
     .body = "{\"type\":\"list\",\"current_page\":1,\"per_page\":20,\"next_page\":null,"
             "\"next_page_url\":null,\"prev_page\":null,\"prev_page_url\":null,"
             "\"total_count\":0,\"total_pages\":1,\"data\":null}"},
    {.organization = "fault-redirect",
     .status = 302,
     .type = "text/html",
     .body = "",
     .header = "location",
     .value = "https://elsewhere.example/v1/organizations"},
    {.organization = "fault-half",
     .status = 200,
     .type = JSON,
     .body = "{\"type\":\"list\",\"current_page\":1,\"per_page\":20,\"next_page\":null,"
             "\"data\":[{\"name\":\"never seen whole\"}]}",
     .kind = HTTP_FAULT_HALF},
    {.organization = "fault-50mb",
     .status = 200,
     .type = JSON,
     .body = "{\"data\":\"",
     .kind = HTTP_FAULT_STREAM},
    {.organization = "fault-never", .status = 200, .kind = HTTP_FAULT_NEVER},
    {.organization = "fault-reset", .status = 200, .kind = HTTP_FAULT_RESET},
};

bool api_fault_answer(const char *organization, http_answer *answer)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) {
        const fault *found = &faults[i];
        if (strcmp(found->organization, organization) != 0) {
            continue;
        }
        answer->fault = found->kind;
        answer->stream_bytes = (uint64_t)50 << 20;
        if (found->body != NULL) {
            answer->status = found->status;
            http_answer_header(answer, "content-type", found->type);
            kk_buf_append_text(&answer->body, found->body);
        }
        if (found->header != NULL) {
            http_answer_header(answer, found->header, found->value);
        }
        return true;
    }
    return false;
}
