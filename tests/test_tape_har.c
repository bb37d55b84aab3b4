// Every tape of the tree, and what a recording writes, is a HAR 1.2 file for every program that
// reads such files.
//
// The checker is our own, after the text of the specification: which members there have to be,
// which there may be, and of what kind they are.  Members that begin with '_' are anybody's.
#include "json.h"
#include "recording.h"
#include "url.h"
#include <glob.h>
#include <math.h>
#include <stdlib.h>

// ---- The specification

// What a member is: a text, an absolute URL, a point in time, a number from -1 or from 0, a whole
// number from -1, an object, or a list of such.
typedef enum har_kind {
    HAR_TEXT,
    HAR_URL,
    HAR_TIME,
    HAR_NUMBER,
    HAR_DURATION,
    HAR_INTEGER,
    HAR_OBJECT,
    HAR_LIST
} har_kind;

// An object is a list of members, ended by one without a name.
typedef struct har_member {
    const char *name;
    har_kind kind;
    bool optional;
    const struct har_member *of; // of an object, or the objects of a list
} har_member;

static const har_member record_members[] = {{"name", HAR_TEXT, false, NULL},
                                            {"value", HAR_TEXT, false, NULL},
                                            {.name = "comment", .optional = true},
                                            {.name = NULL}};

static const har_member cookie_members[] = {{"name", HAR_TEXT, false, NULL},
                                            {"value", HAR_TEXT, false, NULL},
                                            {"path", HAR_TEXT, true, NULL},
                                            {"domain", HAR_TEXT, true, NULL},
                                            {"expires", HAR_TIME, true, NULL},
                                            {.name = "comment", .optional = true},
                                            {.name = NULL}};

static const har_member param_members[] = {
    {"name", HAR_TEXT, false, NULL},       {"value", HAR_TEXT, true, NULL},
    {"fileName", HAR_TEXT, true, NULL},    {"contentType", HAR_TEXT, true, NULL},
    {.name = "comment", .optional = true}, {.name = NULL}};

static const har_member post_data_members[] = {{"mimeType", HAR_TEXT, false, NULL},
                                               {"params", HAR_LIST, true, param_members},
                                               {"text", HAR_TEXT, true, NULL},
                                               {.name = "comment", .optional = true},
                                               {.name = NULL}};

static const har_member content_members[] = {{"size", HAR_INTEGER, false, NULL},
                                             {"compression", HAR_INTEGER, true, NULL},
                                             {"mimeType", HAR_TEXT, false, NULL},
                                             {"text", HAR_TEXT, true, NULL},
                                             {"encoding", HAR_TEXT, true, NULL},
                                             {.name = "comment", .optional = true},
                                             {.name = NULL}};

static const har_member request_members[] = {{"method", HAR_TEXT, false, NULL},
                                             {"url", HAR_URL, false, NULL},
                                             {"httpVersion", HAR_TEXT, false, NULL},
                                             {"cookies", HAR_LIST, false, cookie_members},
                                             {"headers", HAR_LIST, false, record_members},
                                             {"queryString", HAR_LIST, false, record_members},
                                             {"postData", HAR_OBJECT, true, post_data_members},
                                             {"headersSize", HAR_INTEGER, false, NULL},
                                             {"bodySize", HAR_INTEGER, false, NULL},
                                             {.name = "comment", .optional = true},
                                             {.name = NULL}};

static const har_member response_members[] = {{"status", HAR_INTEGER, false, NULL},
                                              {"statusText", HAR_TEXT, false, NULL},
                                              {"httpVersion", HAR_TEXT, false, NULL},
                                              {"cookies", HAR_LIST, false, cookie_members},
                                              {"headers", HAR_LIST, false, record_members},
                                              {"content", HAR_OBJECT, false, content_members},
                                              {"redirectURL", HAR_TEXT, false, NULL},
                                              {"headersSize", HAR_INTEGER, false, NULL},
                                              {"bodySize", HAR_INTEGER, false, NULL},
                                              {.name = "comment", .optional = true},
                                              {.name = NULL}};

// What a tape never has is not described further.
static const har_member cache_members[] = {{.name = "comment", .optional = true}, {.name = NULL}};

static const har_member timings_members[] = {{"blocked", HAR_NUMBER, true, NULL},
                                             {"dns", HAR_NUMBER, true, NULL},
                                             {"connect", HAR_NUMBER, true, NULL},
                                             {"send", HAR_DURATION, false, NULL},
                                             {"wait", HAR_DURATION, false, NULL},
                                             {"receive", HAR_DURATION, false, NULL},
                                             {"ssl", HAR_NUMBER, true, NULL},
                                             {.name = "comment", .optional = true},
                                             {.name = NULL}};

static const har_member entry_members[] = {{"pageref", HAR_TEXT, true, NULL},
                                           {"startedDateTime", HAR_TIME, false, NULL},
                                           {"time", HAR_DURATION, false, NULL},
                                           {"request", HAR_OBJECT, false, request_members},
                                           {"response", HAR_OBJECT, false, response_members},
                                           {"cache", HAR_OBJECT, false, cache_members},
                                           {"timings", HAR_OBJECT, false, timings_members},
                                           {"serverIPAddress", HAR_TEXT, true, NULL},
                                           {"connection", HAR_TEXT, true, NULL},
                                           {.name = "comment", .optional = true},
                                           {.name = NULL}};

static const har_member program_members[] = {{"name", HAR_TEXT, false, NULL},
                                             {"version", HAR_TEXT, false, NULL},
                                             {.name = "comment", .optional = true},
                                             {.name = NULL}};

static const har_member page_members[] = {{"startedDateTime", HAR_TIME, false, NULL},
                                          {"id", HAR_TEXT, false, NULL},
                                          {"title", HAR_TEXT, false, NULL},
                                          {.name = "comment", .optional = true},
                                          {.name = NULL}};

static const har_member log_members[] = {{"version", HAR_TEXT, false, NULL},
                                         {"creator", HAR_OBJECT, false, program_members},
                                         {"browser", HAR_OBJECT, true, program_members},
                                         {"pages", HAR_LIST, true, page_members},
                                         {"entries", HAR_LIST, false, entry_members},
                                         {.name = "comment", .optional = true},
                                         {.name = NULL}};

static const har_member file_members[] = {{"log", HAR_OBJECT, false, log_members}, {.name = NULL}};

// ---- Checking

static bool is_time(const char *text)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, end = 0;
    bool date = sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
                       &second, &end) == 6;
    const char *rest = text + end;
    if (*rest == '.') {
        rest += 1 + strspn(rest + 1, "0123456789");
    }
    bool zone = strcmp(rest, "Z") == 0 || (strlen(rest) == 6 && strchr("+-", *rest) != NULL);
    return date && zone && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

static bool is_of(har_kind kind, const cJSON *value)
{
    kk_url url;
    switch (kind) {
    case HAR_TEXT:
        return cJSON_IsString(value);
    case HAR_URL:
        return cJSON_IsString(value) && kk_url_parse(value->valuestring, &url, NULL) == KK_OK;
    case HAR_TIME:
        return cJSON_IsString(value) && is_time(value->valuestring);
    case HAR_NUMBER:
        return cJSON_IsNumber(value) && value->valuedouble >= -1;
    case HAR_DURATION:
        return cJSON_IsNumber(value) && value->valuedouble >= 0;
    case HAR_INTEGER:
        return cJSON_IsNumber(value) && value->valuedouble >= -1 &&
               floor(value->valuedouble) == value->valuedouble;
    case HAR_OBJECT:
        return cJSON_IsObject(value);
    case HAR_LIST:
        return cJSON_IsArray(value);
    }
    return false;
}

static const har_member *find_member(const har_member *member, const char *name)
{
    while (member->name != NULL && strcmp(member->name, name) != 0) {
        member++;
    }
    return member->name != NULL ? member : NULL;
}

static void check_object(const har_member *members, const cJSON *tree, const char *place,
                         kk_buf *faults);

static void check_value(const har_member *member, const cJSON *value, const char *place,
                        kk_buf *faults)
{
    if (!is_of(member->kind, value)) {
        kk_buf_append_format(faults, "%s is of the wrong kind\n", place);
    } else if (member->kind == HAR_OBJECT) {
        check_object(member->of, value, place, faults);
    } else if (member->kind == HAR_LIST) {
        const har_member item = {"", HAR_OBJECT, false, member->of};
        size_t index = 0;
        for (const cJSON *one = value->child; one != NULL; one = one->next) {
            char inside[256];
            snprintf(inside, sizeof inside, "%s/%zu", place, index++);
            check_value(&item, one, inside, faults);
        }
    }
}

static void check_object(const har_member *members, const cJSON *tree, const char *place,
                         kk_buf *faults)
{
    char inside[256];
    for (const har_member *member = members; member->name != NULL; member++) {
        const cJSON *value = kk_json_get(tree, member->name);
        snprintf(inside, sizeof inside, "%s/%s", place, member->name);
        if (value != NULL) {
            check_value(member, value, inside, faults);
        } else if (!member->optional) {
            kk_buf_append_format(faults, "%s is missing\n", inside);
        }
    }
    for (const cJSON *one = tree->child; one != NULL; one = one->next) {
        if (one->string[0] != '_' && find_member(members, one->string) == NULL) {
            kk_buf_append_format(faults, "%s/%s is not in the specification\n", place, one->string);
        }
    }
}

// What two members say together.
static void check_sums(const cJSON *tree, kk_buf *faults)
{
    const cJSON *entries = kk_json_get(kk_json_get(tree, "log"), "entries");
    for (const cJSON *one = entries != NULL ? entries->child : NULL; one != NULL; one = one->next) {
        static const char *const parts[] = {"blocked", "dns", "connect", "send", "wait", "receive"};
        const cJSON *times = kk_json_get(one, "timings");
        const cJSON *time = kk_json_get(one, "time");
        double sum = 0;
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            const cJSON *part = kk_json_get(times, parts[i]);
            sum += part != NULL && part->valuedouble > 0 ? part->valuedouble : 0;
        }
        if (time != NULL && fabs(time->valuedouble - sum) > 0.001) {
            kk_buf_append_text(faults, "an entry's time is not the sum of its timings\n");
        }
        const cJSON *posted = kk_json_get(kk_json_get(one, "request"), "postData");
        if (kk_json_get(posted, "text") != NULL && kk_json_get(posted, "params") != NULL) {
            kk_buf_append_text(faults, "postData has both text and params\n");
        }
    }
}

static void check_har(kk_str text, kk_buf *faults)
{
    kk_error err = {0};
    cJSON *tree = NULL;
    assert_ok(kk_json_parse(text, "a tape", &tree, &err), &err);
    check_object(file_members, tree, "", faults);
    check_sums(tree, faults);
    cJSON_Delete(tree);
}

static void assert_har(const char *path)
{
    kk_buf faults = {.limit = KK_TEXT_MAX};
    char *text = read_file(path);
    check_har(kk_str_from(text), &faults);
    if (faults.len > 0) {
        fail_msg("%s:\n%s", path, kk_buf_text(&faults));
    }
    kk_buf_clean(&faults);
    free(text);
}

static void test_tape_har__every_tape_of_the_tree_is_a_har_file(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        KK_FIXTURES "/tapes/*.har", KK_FIXTURES "/tapes/har/*.tape",
        KK_FIXTURES "/tapes/miss/*.har", KK_FIXTURES "/../host-sdk/examples/*/tapes/*.har"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        glob_t found;
        assert_int_equal(glob(patterns[i], 0, NULL, &found), 0);
        for (size_t k = 0; k < found.gl_pathc; k++) {
            assert_har(found.gl_pathv[k]);
        }
        globfree(&found);
    }
}

static void test_tape_har__what_is_recorded_is_a_har_file(void **state)
{
    (void)state;
    recorder self = start();
    record(&self, &(shape){.method = "POST",
                           .url = URL "/a?b=%20&c",
                           .sent = "{\"a\":1}",
                           .response_header = {"etag", "\"v1\""},
                           .secret = "the-real-secret-1"});
    record(&self, &(shape){.method = "POST",
                           .url = URL "/b",
                           .sent_type = "application/octet-stream",
                           .sent = "\xFF\xFE",
                           .type = "text/html",
                           .body = "\xFF"});
    record(&self, &(shape){.url = URL "/c", .failure = KK_ERR_TIMEOUT, .message = "GET h/c: slow"});
    save(&self);
    assert_har(self.tape);
    kk_tape_writer_reject(self.writer);
    assert_code(kk_tape_writer_save(self.writer, &self.err), KK_ERR_TAPE_INVALID);
    assert_har(scratch_path(&self.dir, "x.rejected.har"));
    end(&self);
}

// ---- The checker itself

// A part of a good file, what takes its place, and what is said then.
static void test_tape_har__checker_finds_each_kind_of_fault(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"\"creator\"", "\"_creator\"", "/log/creator is missing\n"},
        {"\"version\": \"1.2\"", "\"version\": 1.2", "/log/version is of the wrong kind\n"},
        {"\"pages\": []", "\"pages\": {}", "/log/pages is of the wrong kind\n"},
        {"\"pages\": []", "\"sites\": []", "/log/sites is not in the specification\n"},
        {"\"time\": 0", "\"time\": -1", "/log/entries/0/time is of the wrong kind\n"},
        {"\"time\": 0", "\"time\": 3", "an entry's time is not the sum of its timings\n"},
        {"1970-01-01T00:00:00.000Z", "1970-01-01", "/log/entries/0/startedDateTime is of the"},
        {"1970-01-01T00:00:00.000Z", "1970-13-01T00:00:00Z",
         "/log/entries/0/startedDateTime is of"},
        {"https://api.example.com/v1/users/7", "/v1/users/7",
         "/log/entries/0/request/url is of the wrong kind\n"},
        {"\"cookies\": []", "\"cookies\": [{}]",
         "/log/entries/0/request/cookies/0/name is missing"},
        {"\"bodySize\": 0", "\"bodySize\": 0.5", "/log/entries/0/request/bodySize is of the wrong"},
        {"\"value\": \"application/json\"", "\"value\": null",
         "/log/entries/0/request/headers/0/value is of the wrong kind\n"},
        {"\"send\": 0", "\"send\": -1", "/log/entries/0/timings/send is of the wrong kind\n"},
        {"\"cache\": {}", "\"_cache\": {}", "/log/entries/0/cache is missing\n"},
        {"\"bodySize\": 0",
         "\"bodySize\": 0, \"postData\": {\"mimeType\": \"\", \"text\": \"\", "
         "\"params\": []}",
         "postData has both text and params\n"},
    };
    char *good = read_file(KK_FIXTURES "/../host-sdk/examples/hello/tapes/hello.har");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kk_buf text = {.limit = KK_TAPE_MAX};
        kk_buf faults = {.limit = KK_TEXT_MAX};
        const char *at = strstr(good, cases[i][0]);
        assert_non_null(at);
        kk_buf_append(&text, good, (size_t)(at - good));
        kk_buf_append_text(&text, cases[i][1]);
        kk_buf_append_text(&text, at + strlen(cases[i][0]));
        check_har(kk_buf_view(&text), &faults);
        assert_holds(kk_buf_text(&faults), cases[i][2]);
        kk_buf_clean(&faults);
        kk_buf_clean(&text);
    }
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_har__every_tape_of_the_tree_is_a_har_file),
        cmocka_unit_test(test_tape_har__what_is_recorded_is_a_har_file),
        cmocka_unit_test(test_tape_har__checker_finds_each_kind_of_fault),
    };
    return cmocka_run_group_tests_name("tape_har", tests, NULL, NULL);
}
