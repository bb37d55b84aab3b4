// PlanetScale's API as a function from a request to an answer.
#include "api_model.h"
#include "api_data.h"
#include "api_echo.h"
#include "api_faults.h"
#include "fail.h"
#include "json.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PER_PAGE_DEFAULT 25
#define PER_PAGE_MAX 100
#define SEGMENTS_MAX 7

// ---- Accounts

static bool add_account(api_model *self, kk_str line)
{
    api_account account = {.name = ""};
    char text[sizeof account.authorization + 128];
    if (line.len >= sizeof text || self->account_count == API_ACCOUNTS_MAX) {
        return false;
    }
    memcpy(text, line.ptr, line.len);
    text[line.len] = '\0';
    char *rest = text + strcspn(text, " ");
    if (*rest == '\0' || (size_t)(rest - text) >= sizeof account.name) {
        return false;
    }
    memcpy(account.name, text, (size_t)(rest - text));
    rest += strspn(rest, " ");
    while (*rest == '-') {
        size_t len = strcspn(rest, " ");
        account.no_read_databases |= kk_str_is((kk_str){rest, len}, "-read_databases");
        account.no_create_databases |= kk_str_is((kk_str){rest, len}, "-create_databases");
        rest += len + strspn(rest + len, " ");
    }
    if (*rest == '\0' || strlen(rest) >= sizeof account.authorization) {
        return false;
    }
    memcpy(account.authorization, rest, strlen(rest) + 1);
    self->accounts[self->account_count++] = account;
    return true;
}

kk_code api_model_add_accounts(api_model *self, const char *text, kk_error *err)
{
    for (unsigned number = 1; *text != '\0'; ++number) {
        size_t len = strcspn(text, "\n");
        bool skipped = len == 0 || *text == '#';
        if (!skipped && !add_account(self, (kk_str){text, len})) {
            return kk_fail(err, KK_ERR_USAGE,
                           "line %u of the accounts is not 'NAME [-ACCESS]... AUTHORIZATION'",
                           number);
        }
        text += len + (text[len] == '\n' ? 1 : 0);
    }
    return KK_OK;
}

const api_account *api_model_account(const api_model *self, const char *value)
{
    for (size_t i = 0; value != NULL && i < self->account_count; ++i) {
        if (strcmp(self->accounts[i].authorization, value) == 0) {
            return &self->accounts[i];
        }
    }
    return NULL;
}

// ---- Errors

static void answer_json(http_answer *answer, unsigned status, const char *body)
{
    answer->status = status;
    http_answer_header(answer, "content-type", "application/json");
    kk_buf_append_text(&answer->body, body);
}

static void answer_not_found(http_answer *answer)
{
    answer_json(answer, 404, "{\"code\":\"not_found\",\"message\":\"Not Found\"}");
}

// ---- Lists

// What the query asks for, percent signs resolved.
typedef struct listing {
    unsigned page;
    unsigned per_page;
    char q[128]; // rows whose name holds it; "" = all
} listing;

static int hex_of(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *at = digit != '\0' ? strchr(digits, tolower((unsigned char)digit)) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

// Resolves percent signs into [out], cutting what does not fit.
static void decode(kk_str raw, char *out, size_t out_size)
{
    size_t len = 0;
    for (size_t i = 0; i < raw.len && len + 1 < out_size; ++i) {
        char byte = raw.ptr[i];
        if (byte == '%' && i + 2 < raw.len && hex_of(raw.ptr[i + 1]) >= 0 &&
            hex_of(raw.ptr[i + 2]) >= 0) {
            byte = (char)(hex_of(raw.ptr[i + 1]) * 16 + hex_of(raw.ptr[i + 2]));
            i += 2;
        }
        out[len++] = byte;
    }
    out[len] = '\0';
}

// The value of the query's [name], decoded, or "".
static void query_get(const char *query, const char *name, char *out, size_t out_size)
{
    size_t name_len = strlen(name);
    out[0] = '\0';
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        if (len > name_len && query[name_len] == '=' && strncmp(query, name, name_len) == 0) {
            decode((kk_str){query + name_len + 1, len - name_len - 1}, out, out_size);
            return;
        }
        query += len + (query[len] == '&' ? 1 : 0);
    }
}

static bool query_number(const char *query, const char *name, unsigned *out)
{
    char text[16];
    query_get(query, name, text, sizeof text);
    if (text[0] == '\0') {
        return true;
    }
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || value < 1 || value > 1000000) {
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool read_listing(const http_request *request, listing *out)
{
    *out = (listing){.page = 1, .per_page = PER_PAGE_DEFAULT};
    query_get(request->query, "q", out->q, sizeof out->q);
    bool read = query_number(request->query, "page", &out->page) &&
                query_number(request->query, "per_page", &out->per_page);
    if (out->per_page > PER_PAGE_MAX) {
        out->per_page = PER_PAGE_MAX;
    }
    return read;
}

// The rows of one list.  write() appends row number [index] if [out] is not NULL, and says whether
// its name holds [q].
typedef struct rows {
    const void *owner;
    const char *account;
    unsigned count; // before [q] is applied; UINT32_MAX = without end
    bool repeats;
    bool (*write)(const struct rows *self, unsigned index, const char *q, kk_buf *out);
} rows;

static void write_link(const http_request *request, const listing *asked, unsigned page,
                       const char *name, kk_buf *out)
{
    if (page == 0) {
        kk_buf_append_format(out, "\"%s_page\":null,\"%s_page_url\":null,", name, name);
        return;
    }
    // The path matched names of our own; what is percent-encoded in it stays so.
    kk_buf_append_format(
        out, "\"%s_page\":%u,\"%s_page_url\":\"https://api.planetscale.com%s?page=%u&per_page=%u",
        name, page, name, request->path, page, asked->per_page);
    for (const char *at = asked->q; *at != '\0'; ++at) {
        kk_buf_append_text(out, at == asked->q ? "&q=" : "");
        kk_buf_append_format(out, isalnum((unsigned char)*at) ? "%c" : "%%%02X",
                             (unsigned char)*at);
    }
    kk_buf_append_text(out, "\",");
}

// Writes the rows of the page that was asked for, and gives how many fit the query in all.
static unsigned write_rows(const rows *self, const listing *asked, kk_buf *out)
{
    uint64_t first = (uint64_t)(asked->page - 1) * asked->per_page;
    if (self->count == UINT32_MAX) {
        for (uint64_t i = first; i < first + asked->per_page; ++i) {
            kk_buf_append_text(out, i > first ? "," : "");
            self->write(self, (unsigned)i, "", out);
        }
        return UINT32_MAX;
    }
    unsigned fitting = 0;
    for (unsigned i = 0; i < self->count; ++i) {
        if (!self->write(self, i, asked->q, NULL)) {
            continue;
        }
        if (fitting >= first && fitting < first + asked->per_page) {
            kk_buf_append_text(out, fitting > first ? "," : "");
            self->write(self, i, "", out);
        }
        ++fitting;
    }
    return fitting;
}

static void answer_list(const http_request *request, const rows *list, bool counted,
                        http_answer *answer)
{
    listing asked;
    if (!read_listing(request, &asked)) {
        answer_json(answer, 400,
                    "{\"code\":\"bad_request\",\"message\":\"page and per_page are counted "
                    "from 1\"}");
        return;
    }
    kk_buf data = {.limit = KK_TEXT_MAX};
    unsigned total = write_rows(list, &asked, &data);
    unsigned pages = total == 0 ? 1 : total / asked.per_page + (total % asked.per_page > 0 ? 1 : 0);
    unsigned next = asked.page < pages ? asked.page + (list->repeats ? 0 : 1) : 0;
    unsigned shown = total < 100000 ? total : 100000;
    answer_json(answer, 200, "");
    kk_buf *out = &answer->body;
    kk_buf_append_format(out, "{\"type\":\"list\",\"current_page\":%u,\"per_page\":%u,", asked.page,
                         asked.per_page);
    write_link(request, &asked, next, "next", out);
    write_link(request, &asked, asked.page - 1, "prev", out);
    if (counted) {
        kk_buf_append_format(out, "\"total_count\":%u,\"total_pages\":%u,", shown,
                             total < 100000 ? pages : shown / asked.per_page);
    }
    kk_buf_append_text(out, "\"data\":[");
    kk_buf_append_str(out, kk_buf_view(&data));
    kk_buf_append_text(out, "]}");
    kk_buf_clean(&data);
}

static bool write_organization(const rows *self, unsigned index, const char *q, kk_buf *out)
{
    const api_organization *row = api_organization_at(index);
    bool staging = strcmp(self->account, "staging") == 0;
    bool seen = row->only_for != NULL ? strcmp(row->only_for, self->account) == 0 : !staging;
    if (seen && out != NULL) {
        api_organization_write(row, out);
    }
    return seen && strstr(row->name, q) != NULL;
}

static bool write_database(const rows *self, unsigned index, const char *q, kk_buf *out)
{
    api_database row;
    api_database_at(self->owner, index, &row);
    if (out != NULL) {
        api_database_write(&row, out);
    }
    return strstr(row.name, q) != NULL;
}

static bool write_branch(const rows *self, unsigned index, const char *q, kk_buf *out)
{
    api_branch row;
    api_branch_at(self->owner, index, &row);
    if (out != NULL) {
        api_branch_write(&row, out);
    }
    return strstr(row.name, q) != NULL;
}

// ---- Creating

static void answer_unprocessable(http_answer *answer, const char *message)
{
    answer_json(answer, 422, "{\"code\":\"unprocessable\",\"message\":\"");
    kk_buf_append_text(&answer->body, message);
    kk_buf_append_text(&answer->body, "\"}");
}

static bool name_is_allowed(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < sizeof((api_database *)0)->name &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len;
}

// Why the service would not create it, or NULL.
static const char *fault_of_new(const api_organization *organization, const cJSON *wanted)
{
    api_database taken;
    const char *name = kk_json_text(wanted, "name");
    const char *region = kk_json_text(wanted, "region");
    const char *kind = kk_json_text(wanted, "kind");
    if (name == NULL || !name_is_allowed(name)) {
        return "Name is missing or has a character that is not allowed";
    }
    if (api_database_find(organization, name, &taken)) {
        return "Name has already been taken";
    }
    if (kk_json_text(wanted, "cluster_size") == NULL) {
        return "Cluster size is required";
    }
    if (region != NULL && api_region_find(region) == NULL) {
        return "Region is not one of this organization's";
    }
    if (kind != NULL && strcmp(kind, "mysql") != 0 && strcmp(kind, "postgresql") != 0) {
        return "Kind is neither mysql nor postgresql";
    }
    return NULL;
}

static void answer_create(const api_organization *organization, const http_request *request,
                          http_answer *answer)
{
    cJSON *wanted = NULL;
    if (organization->loses_answers) {
        answer->fault = HTTP_FAULT_RESET;
        return;
    }
    if (kk_json_parse(kk_buf_view(&request->body), "the body", &wanted, NULL) != KK_OK) {
        answer_json(answer, 400, "{\"code\":\"bad_request\",\"message\":\"The body is not JSON\"}");
        return;
    }
    const char *wrong = fault_of_new(organization, wanted);
    if (wrong != NULL) {
        answer_unprocessable(answer, wrong);
    } else {
        const char *region = kk_json_text(wanted, "region");
        const char *kind = kk_json_text(wanted, "kind");
        bool postgresql = kind != NULL && strcmp(kind, "postgresql") == 0;
        api_database made = {.organization = organization,
                             .region = api_region_find(region != NULL ? region : "us-east-1"),
                             .kind = postgresql ? "postgresql" : "mysql",
                             .state = "pending",
                             .branch_count = 1};
        snprintf(made.name, sizeof made.name, "%s", kk_json_text(wanted, "name"));
        answer_json(answer, 201, "");
        api_database_write(&made, &answer->body);
    }
    cJSON_Delete(wanted);
}

// ---- Routing

// The segments after /v1/, percent signs resolved.
typedef struct route {
    char segments[SEGMENTS_MAX][256];
    size_t count;
    bool post;
} route;

static bool read_route(const http_request *request, route *out)
{
    *out = (route){.post = strcmp(request->method, "POST") == 0};
    if (!out->post && strcmp(request->method, "GET") != 0) {
        return false;
    }
    const char *at = request->path;
    if (strncmp(at, "/v1/", 4) != 0) {
        return false;
    }
    for (at += 4; out->count < SEGMENTS_MAX; ++at) {
        size_t len = strcspn(at, "/");
        decode((kk_str){at, len}, out->segments[out->count++], sizeof out->segments[0]);
        at += len;
        if (*at == '\0') {
            return true;
        }
    }
    return false;
}

static bool segment_is(const route *self, size_t index, const char *text)
{
    return index < self->count && strcmp(self->segments[index], text) == 0;
}

// Below /organizations/{organization}/databases/{database}.
static void answer_below_database(const api_database *database, const route *way,
                                  const http_request *request, http_answer *answer)
{
    api_branch branch;
    if (way->count == 4) {
        answer_json(answer, 200, "");
        api_database_write(database, &answer->body);
    } else if (segment_is(way, 4, "branches") && way->count == 5) {
        rows list = {.owner = database, .count = database->branch_count, .write = write_branch};
        answer_list(request, &list, true, answer);
    } else if (segment_is(way, 4, "branches") && way->count == 6 &&
               api_branch_find(database, way->segments[5], &branch)) {
        answer_json(answer, 200, "");
        api_branch_write(&branch, &answer->body);
    } else {
        answer_not_found(answer);
    }
}

// Below /organizations/{organization}.
static void answer_below_organization(const api_account *account, const route *way,
                                      const http_request *request, http_answer *answer)
{
    const api_organization *organization = api_organization_find(way->segments[1]);
    api_database database;
    if (organization == NULL || !segment_is(way, 2, "databases") || (way->post && way->count > 3)) {
        answer_not_found(answer);
    } else if (way->post ? account->no_create_databases : account->no_read_databases) {
        answer_json(answer, 403,
                    "{\"code\":\"forbidden\",\"message\":\"The token lacks an access\"}");
    } else if (way->post) {
        answer_create(organization, request, answer);
    } else if (way->count == 3) {
        rows list = {.owner = organization,
                     .count = organization->database_count,
                     .repeats = organization->repeats,
                     .write = write_database};
        answer_list(request, &list, true, answer);
    } else if (api_database_find(organization, way->segments[3], &database)) {
        answer_below_database(&database, way, request, answer);
    } else {
        answer_not_found(answer);
    }
}

static unsigned organization_count(void)
{
    unsigned count = 0;
    while (api_organization_at(count) != NULL) {
        ++count;
    }
    return count;
}

void api_model_answer(void *model, const http_request *request, http_answer *answer)
{
    const api_account *account =
        api_model_account(model, http_request_header(request, "authorization"));
    route way;
    if (account == NULL) {
        answer_json(answer, 401, API_UNAUTHORIZED);
    } else if (!read_route(request, &way)) {
        answer_not_found(answer);
    } else if (segment_is(&way, 0, "user") && way.count == 1 && !way.post) {
        answer_json(answer, 200, "");
        api_user_write(account->name, &answer->body);
    } else if (segment_is(&way, 0, "organizations") && way.count == 1 && !way.post) {
        rows list = {
            .account = account->name, .count = organization_count(), .write = write_organization};
        answer_list(request, &list, false, answer);
    } else if (segment_is(&way, 0, "organizations") && way.count > 1) {
        if (!api_fault_answer(way.segments[1], answer) &&
            !api_echo_answer(way.segments[1], request, answer)) {
            answer_below_organization(account, &way, request, answer);
        }
    } else {
        answer_not_found(answer);
    }
}
