// Paths and queries in normal form: which URLs are the same request, and which are none.
#include "tapes.h"

typedef struct row {
    const char *tape;
    const char *request;
    bool same;
} row;

static const row rows[] = {
    // Scheme, host and port.
    {"https://api.example.com/", "HTTPS://API.EXAMPLE.COM/", true},
    {"https://api.example.com/", "https://api.example.com", true},
    {"https://api.example.com/", "https://api.example.com:443/", true},
    {"https://api.example.com/", "https://api.example.com:0443/", true},
    {"https://api.example.com/", "https://api.example.com:444/", false},
    {"http://localhost/", "http://localhost:80/", true},
    {"http://localhost/", "https://localhost/", false},
    {"https://localhost:80/", "http://localhost/", false},
    {"http://127.0.0.1/", "http://localhost/", false},
    {"http://[::1]/", "http://[::1]:80/", true},
    {"https://[2001:DB8::a]/", "https://[2001:db8::A]/", true},
    {"https://api.example.com/", "https://api.example.org/", false},
    // Names outside ASCII come as they are looked up, and are not translated a second time.
    {"https://xn--bcher-kva.example/", "https://XN--Bcher-KVA.example/", true},
    {"https://xn--bcher-kva.example/", "https://bcher-kva.example/", false},
    // Paths.
    {HOST "/a/b", HOST "/a/b", true},
    {HOST "/a/b", HOST "/a/b/", false},
    {HOST "/a/b", HOST "/A/b", false},
    {HOST "/a/b", HOST "/a//b", false},
    {HOST "/a/b", HOST "/a%2Fb", false},
    {HOST "/a%2fb", HOST "/a%2Fb", true},
    {HOST "/a%2Fb", HOST "/a%252Fb", false},
    {HOST "/%61%2D%2e%5F%7e", HOST "/a-._~", true},
    {HOST "/a%20b", HOST "/a+b", false},
    {HOST "/a+b", HOST "/a%2Bb", false},
    {HOST "/a:b@c", HOST "/a:b@c", true},
    {HOST "/a%3Ab", HOST "/a:b", false},
    {HOST "/%C3%A9", HOST "/%c3%a9", true},
    {HOST "/%C3%A9", HOST "/%65%CC%81", false},
    {HOST "/a;v=1", HOST "/a;v=2", false},
    {HOST "/%7Bx%7D", HOST "/%7bx%7d", true},
    // Dots that make no dot segment.
    {HOST "/...", HOST "/%2e%2e%2e", true},
    {HOST "/a.b/..c", HOST "/a%2Eb/%2E.c", true},
    // Queries: names and values.
    {HOST "/?a=1", HOST "?a=1", true},
    {HOST "/?a=1", HOST "/?a=2", false},
    {HOST "/?a=1", HOST "/?A=1", false},
    {HOST "/?a=1", HOST "/", false},
    {HOST "/?", HOST "/", true},
    {HOST "/?&&", HOST "/", true},
    {HOST "/?a=1&", HOST "/?&a=1", true},
    {HOST "/?a=1&b=2", HOST "/?b=2&a=1", true},
    {HOST "/?a=1&a=2", HOST "/?a=2&a=1", false},
    {HOST "/?a=1&b=3&a=2", HOST "/?b=3&a=1&a=2", true},
    {HOST "/?a=1&a=1", HOST "/?a=1", false},
    {HOST "/?a", HOST "/?a=", false},
    {HOST "/?a=", HOST "/?a=%20", false},
    {HOST "/?a=", HOST "/", false},
    {HOST "/?=1", HOST "/?=1", true},
    {HOST "/?=1", HOST "/?1", false},
    {HOST "/?a=b+c", HOST "/?a=b%20c", true},
    {HOST "/?a=b+c", HOST "/?a=b%2Bc", false},
    {HOST "/?a%20b=1", HOST "/?a+b=1", true},
    {HOST "/?a=b%26c", HOST "/?a=b&c", false},
    {HOST "/?a=b%3Dc", HOST "/?a=b=c", true},
    {HOST "/?a%3Db=c", HOST "/?a=b=c", false},
    {HOST "/?a=%2F", HOST "/?a=/", true},
    {HOST "/?a=%3f", HOST "/?a=?", true},
    {HOST "/?%61=%62", HOST "/?a=b", true},
    {HOST "/?a=%C3%a9", HOST "/?a=%c3%A9", true},
    {HOST "/?a=%2520", HOST "/?a=%20", false},
    {HOST "/?a[]=1&a[]=2", HOST "/?a%5B%5D=1&a%5b%5d=2", true},
    {HOST "/?a=1;b=2", HOST "/?a=1&b=2", false},
    {HOST "/?page=10", HOST "/?page=1%30", true},
    {HOST "/?a=~", HOST "/?a=%7E", true},
    {HOST "/?a=*", HOST "/?a=%2a", true},
};

static void assert_pair(const char *tape_url, const char *url, bool same)
{
    char entry[512];
    kk_error err;
    kk_tape_answer answer;
    (void)snprintf(entry, sizeof entry, ENTRY("\"_repeat\":\"any\",", "GET", "%s", "", "1"),
                   tape_url);
    kk_tape *tape = tape_of("", entry);
    bool found = ask(tape, "GET", url, NULL, &answer, &err) == KK_OK;
    if (found != same) {
        fail_msg("'%s' and '%s' are %sthe same: %s", tape_url, url, found ? "" : "not ",
                 err.message);
    }
    kk_tape_free(tape);
}

// Which side is the tape does not matter.
static void test_tape_key__urls_are_the_same_or_not(void **state)
{
    (void)state;
    assert_true(sizeof rows / sizeof rows[0] >= 60);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_pair(rows[i].tape, rows[i].request, rows[i].same);
        assert_pair(rows[i].request, rows[i].tape, rows[i].same);
    }
}

// What a tape does not take, no request is sent with either.
static void test_tape_key__urls_that_are_none(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "https://user@api.example.com/",
        "https://user:word@api.example.com/",
        "https://b\xC3\xBC"
        "cher.example/",
        HOST "/a#part",
        HOST "/a b",
        HOST "/\xC3\xA9",
        HOST "/%0",
        HOST "/%zz",
        HOST "/%00",
        HOST ":0/",
        HOST ":65536/",
        "ftp://api.example.com/",
        HOST "/a/../b",
        HOST "/a/%2e%2E/b",
        HOST "/.",
        "/v1/a",
        HOST "/a\\b",
    };
    kk_tape *tape = tape_of("", ENTRY("", "GET", HOST "/", "", "1"));
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        kk_error err = {0};
        kk_tape_answer answer;
        assert_code(ask(tape, "GET", urls[i], NULL, &answer, &err), KK_ERR_INVALID_ARGS);
        kk_buf quoted = {.limit = KK_TEXT_MAX};
        for (const char *at = urls[i]; *at != '\0'; at++) {
            kk_buf_append_format(&quoted, *at == '\\' ? "\\%c" : "%c", *at);
        }
        char entry[512];
        (void)snprintf(entry, sizeof entry, ENTRY("", "GET", "%s", "", "1"), kk_buf_text(&quoted));
        char *text = tape_text("", entry);
        kk_tape *none = NULL;
        err = (kk_error){0};
        assert_code(kk_tape_parse(kk_str_from(text), "x.har", &none, &err), KK_ERR_TAPE_INVALID);
        assert_string_equal(err.argument, "/log/entries/0/request/url");
        free(text);
        kk_buf_clean(&quoted);
    }
    kk_tape_free(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tape_key__urls_are_the_same_or_not),
        cmocka_unit_test(test_tape_key__urls_that_are_none),
    };
    return cmocka_run_group_tests_name("tape_key", tests, NULL, NULL);
}
