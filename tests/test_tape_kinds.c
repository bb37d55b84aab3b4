// Every member that a tape may have, with a value of every kind that it may not have.
#include "json.h"
#include "tapes.h"

// A tape with every member that there is.
static const char everything[] =
    "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"kk\",\"version\":\"1\"},\"browser\":{},"
    "\"pages\":[],\"comment\":\"c\",\"_tape\":{\"format\":1,\"base_url\":\"" HOST "\","
    "\"recorded_at\":\"2026-11-23T00:00:00Z\",\"expires_days\":9,\"redaction_policy\":1,"
    "\"variables\":{\"a\":1},\"strict_order\":false,\"accounts\":[{\"plugin\":\"p\",\"name\":\"a\","
    "\"scheme\":\"s\",\"default\":true}],\"match\":{\"ignore_json\":[\"/"
    "a\"],\"headers\":[\"if-match\"],"
    "\"body\":\"ignore\"}},\"entries\":[{\"_id\":\"i\",\"_seq\":1,\"_repeat\":\"any\","
    "\"_optional\":true,\"_match\":{\"ignore_json\":[],\"headers\":[],\"body\":\"ignore\"},"
    "\"_account\":\"a\",\"_redacted\":[\"/a\"],\"startedDateTime\":\"2026-11-23T00:00:00Z\","
    "\"time\":1,\"pageref\":\"p\",\"serverIPAddress\":\"1.2.3.4\",\"connection\":\"1\","
    "\"comment\":\"c\",\"request\":{\"method\":\"POST\",\"url\":\"" HOST
    "/?a=1\",\"httpVersion\":\"HTTP/2\",\"cookies\":[],\"headers\":[{\"name\":\"accept\",\"value\":"
    "\"x\",\"comment\":\"c\"}],\"queryString\":[{\"name\":\"a\",\"value\":\"1\",\"comment\":\"c\"}]"
    ","
    "\"postData\":{\"mimeType\":\"text/plain\",\"text\":\"x\",\"params\":[],\"comment\":\"c\"},"
    "\"headersSize\":-1,\"bodySize\":1,\"comment\":\"c\"},\"response\":{\"status\":200,"
    "\"statusText\":\"OK\",\"httpVersion\":\"HTTP/2\",\"cookies\":[],\"headers\":[],\"content\":{"
    "\"size\":1,\"compression\":0,\"mimeType\":\"text/plain\",\"text\":\"AA==\",\"encoding\":"
    "\"base64\",\"comment\":\"c\"},\"redirectURL\":\"\",\"headersSize\":-1,\"bodySize\":-1,"
    "\"comment\":\"c\"},\"cache\":{},\"timings\":{}},{\"_failure\":{\"kind\":\"reset\",\"phase\":"
    "\"wait\",\"sent\":\"maybe\",\"hint\":\"h\",\"curl_code\":56,\"after_bytes\":0},\"request\":{"
    "\"method\":\"POST\",\"url\":\"" HOST "/\",\"postData\":{\"_base64\":\"AA==\"}},\"response\":{"
    "\"status\":0,\"_error\":\"e\"}}]}}";

// The tape with [other] in place of a value of it.
static char *with_other(kk_str raw, const char *other)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf_append(&out, everything, (size_t)(raw.ptr - everything));
    kk_buf_append_text(&out, other);
    kk_buf_append_text(&out, raw.ptr + raw.len);
    return kk_buf_steal(&out);
}

// A pointer, and the names of members below it.
static const char *const below[] = {
    "/log",
    "version creator browser pages comment _tape entries",
    "/log/_tape",
    "format base_url recorded_at expires_days redaction_policy variables strict_order accounts "
    "match",
    "/log/_tape/accounts/0",
    "plugin name scheme default",
    "/log/_tape/match",
    "ignore_json headers body",
    "/log/entries/0",
    "_id _seq _optional _match _account _redacted startedDateTime time pageref serverIPAddress "
    "connection comment request response cache timings",
    "/log/entries/0/_match",
    "ignore_json headers body",
    "/log/entries/0/request",
    "method url httpVersion cookies headers queryString postData headersSize bodySize comment",
    "/log/entries/0/request/headers/0",
    "name value comment",
    "/log/entries/0/request/queryString/0",
    "name value comment",
    "/log/entries/0/request/postData",
    "mimeType text params comment",
    "/log/entries/0/response",
    "status statusText httpVersion cookies headers content redirectURL headersSize bodySize "
    "comment",
    "/log/entries/0/response/content",
    "size compression mimeType text encoding comment",
    "/log/entries/1/_failure",
    "kind phase sent hint curl_code after_bytes",
    "/log/entries/1/request/postData",
    "_base64",
    "/log/entries/1/response",
    "_error",
};

static const char *const kinds[] = {"{\"x\":{}}", "[{}]", "\"text\"", "7.5", "true", "null"};

static bool is_of_kind(kk_str raw, const char *kind)
{
    return raw.ptr[0] == kind[0] || (strchr("-0123456789", raw.ptr[0]) != NULL && kind[0] == '7') ||
           (strchr("tf", raw.ptr[0]) != NULL && kind[0] == 't');
}

// Returns how many kinds were tried.
static size_t assert_strict(const char *pointer)
{
    size_t tried = 0;
    kk_str raw = {NULL, 0};
    if (!kk_json_find(kk_str_from(everything), pointer, &raw)) {
        fail_msg("there is no %s", pointer);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (is_of_kind(raw, kinds[i])) {
            continue;
        }
        kk_error err = {0};
        kk_tape *tape = NULL;
        char *text = with_other(raw, kinds[i]);
        if (kk_tape_parse(kk_str_from(text), "x.har", &tape, &err) != KK_ERR_TAPE_INVALID) {
            fail_msg("%s may be %s", pointer, kinds[i]);
        }
        if (strncmp(err.argument, pointer, strlen(pointer)) != 0) {
            fail_msg("%s is refused at %s: %s", pointer, err.argument, err.message);
        }
        free(text);
        tried++;
    }
    return tried;
}

static void test_tape_kinds__every_member_has_its_own(void **state)
{
    (void)state;
    kk_error err = {0};
    kk_tape *tape = NULL;
    size_t tried = 0;
    assert_ok(kk_tape_parse(kk_str_from(everything), "x.har", &tape, &err), &err);
    kk_tape_free(tape);
    for (size_t i = 0; i < sizeof below / sizeof below[0]; i += 2) {
        for (const char *at = below[i + 1]; *at != '\0'; at += strspn(at, " ")) {
            char pointer[160];
            size_t len = strcspn(at, " ");
            (void)snprintf(pointer, sizeof pointer, "%s/%.*s", below[i], (int)len, at);
            tried += assert_strict(pointer);
            at += len;
        }
    }
    assert_true(tried > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_kinds__every_member_has_its_own),
    };
    return cmocka_run_group_tests_name("tape_kinds", tests, NULL, NULL);
}
