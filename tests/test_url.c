// URLs: what is accepted, taken apart, and counted as this machine.
#include "unit.h"
#include "url.h"

static void assert_str(kk_str got, const char *wanted)
{
    if (!kk_str_is(got, wanted)) {
        fail_msg("got '%.*s', wanted '%s'", KK_STR_ARG(got), wanted);
    }
}

static void test_url__accepted_ones_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool secure;
        const char *host;
        unsigned port;
        const char *path;
        const char *query;
    } cases[] = {
        {"https://api.example.com", true, "api.example.com", 443, "", ""},
        {"https://api.example.com/", true, "api.example.com", 443, "/", ""},
        {"https://api.example.com/v1/a?b=c&d", true, "api.example.com", 443, "/v1/a", "b=c&d"},
        {"https://api.example.com?b=c", true, "api.example.com", 443, "", "b=c"},
        {"https://api.example.com/?", true, "api.example.com", 443, "/", ""},
        {"https://h/a?b?c/d", true, "h", 443, "/a", "b?c/d"},
        {"http://localhost", false, "localhost", 80, "", ""},
        {"http://localhost:8080/x", false, "localhost", 8080, "/x", ""},
        {"HTTPS://API.Example.COM/Path", true, "API.Example.COM", 443, "/Path", ""},
        {"hTTp://h", false, "h", 80, "", ""},
        {"https://h:1/", true, "h", 1, "/", ""},
        {"https://h:65535/", true, "h", 65535, "/", ""},
        {"https://h:00443/", true, "h", 443, "/", ""},
        {"http://[::1]/", false, "::1", 80, "/", ""},
        {"http://[::1]:81", false, "::1", 81, "", ""},
        {"https://[2001:DB8::1]:444/p", true, "2001:DB8::1", 444, "/p", ""},
        {"http://127.0.0.1:9/%20%2F", false, "127.0.0.1", 9, "/%20%2F", ""},
        {"https://a_b-c.d/", true, "a_b-c.d", 443, "/", ""},
        {"https://h/a@b:c", true, "h", 443, "/a@b:c", ""},
        {"https://h//evil.com/", true, "h", 443, "//evil.com/", ""},
        {"https://localhost.evil.com/", true, "localhost.evil.com", 443, "/", ""},
        {"https://h/.../.a/b./..c/%2e%2E%2e/a%2e", true, "h", 443, "/.../.a/b./..c/%2e%2E%2e/a%2e",
         ""},
        {"https://h/a?../b", true, "h", 443, "/a", "../b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_url url;
        kk_error err = {0};
        assert_ok(kk_url_parse(cases[i].text, &url, &err), &err);
        assert_int_equal(url.secure, cases[i].secure);
        assert_int_equal(url.port, cases[i].port);
        assert_str(url.host, cases[i].host);
        assert_str(url.path, cases[i].path);
        assert_str(url.query, cases[i].query);
    }
}

static const struct {
    const char *text;
    const char *message;
} refused[] = {
    {"", "does not begin"},
    {"api.example.com/v1", "does not begin"},
    {"//api.example.com/v1", "does not begin"},
    {"/v1", "does not begin"},
    {"ftp://h/", "does not begin"},
    {"file:///etc/passwd", "does not begin"},
    {"https:/h/", "does not begin"},
    {"https:h", "does not begin"},
    {" https://h/", "a space"},
    {"https://h /", "a space"},
    {"https://", "no host"},
    {"https:///path", "no host"},
    {"https://?q", "no host"},
    {"https://:443/", "no host"},
    {"https://user@h/", "user name or password"},
    {"https://user:word@h/", "user name or password"},
    {"https://api.example.com@evil.com/", "user name or password"},
    {"https://@h/", "user name or password"},
    {"https://h/#part", "fragment"},
    {"https://h#@evil.com/", "fragment"},
    {"https://h\\@evil.com/", "backslash"},
    {"https://h/a\\b", "backslash"},
    {"https://h/\r\nX: y", "control byte"},
    {"https://h\n/", "control byte"},
    {"https://h/\t", "control byte"},
    {"https://h/\x7f", "control byte"},
    {"https://h/\xc3\xa4", "not ASCII"},
    {"https://b\xc3\xbc"
     "cher.example/",
     "not ASCII"},
    {"https://h/%00", "%00"},
    {"https://h/?a=%00b", "%00"},
    {"https://h/%", "hexadecimal"},
    {"https://h/%4", "hexadecimal"},
    {"https://h/%zz", "hexadecimal"},
    {"https://h/.", "'.' or '..'"},
    {"https://h/..", "'.' or '..'"},
    {"https://h/../", "'.' or '..'"},
    {"https://h/a/./b", "'.' or '..'"},
    {"https://h/a/../b", "'.' or '..'"},
    {"https://h/a//..?b", "'.' or '..'"},
    {"https://h/a/%2e/b", "'.' or '..'"},
    {"https://h/a/%2E%2e", "'.' or '..'"},
    {"https://h/a/.%2e/b", "'.' or '..'"},
    {"https://h/%2e./b", "'.' or '..'"},
    {"https://h%2eevil.com/", "no host has"},
    {"https://h,i/", "no host has"},
    {"https://h:/", "port"},
    {"https://h:0/", "port"},
    {"https://h:65536/", "port"},
    {"https://h:123456/", "port"},
    {"https://h:-1/", "port"},
    {"https://h:80a/", "port"},
    {"https://h:80:81/", "port"},
    {"https://h./", "ends in a dot"},
    {"https://localhost./", "ends in a dot"},
    {"https://a..b/", "empty part"},
    {"https://.a/", "empty part"},
    {"https://[::1/", "']' is missing"},
    {"https://[]/", "not an IPv6 address"},
    {"https://[::g]/", "not an IPv6 address"},
    {"https://[127.0.0.1]/", "not an IPv6 address"},
    {"https://[fe80::1%25eth0]/", "not an IPv6 address"},
    {"https://[::1]x/", "between the host and the path"},
    {"https://::1/", "no host"},
};

static void test_url__anything_else_is_refused_with_the_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        kk_url url = {.port = 7};
        kk_error err = {0};
        if (kk_url_parse(refused[i].text, &url, &err) != KK_ERR_INVALID_ARGS) {
            fail_msg("'%s' was not refused", refused[i].text);
        }
        assert_holds(err.message, refused[i].message);
        assert_int_equal(url.port, 7);
    }
}

static void test_url__a_refusal_never_shows_the_url(void **state)
{
    (void)state;
    kk_url url;
    kk_error err = {0};
    assert_code(kk_url_parse("https://me:hunter2@h/", &url, &err), KK_ERR_INVALID_ARGS);
    assert_null(strstr(err.message, "hunter2"));
}

static void test_url__hosts_and_urls_have_a_longest_length(void **state)
{
    (void)state;
    char text[9000] = "https://";
    memset(text + 8, 'a', 253);
    kk_url url;
    kk_error err = {0};
    assert_ok(kk_url_parse(text, &url, &err), &err);
    text[8 + 253] = 'a';
    assert_code(kk_url_parse(text, &url, &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.message, "253");
    memset(text + 8, 'a', sizeof text - 9);
    text[9] = '/';
    err = (kk_error){0};
    assert_code(kk_url_parse(text, &url, &err), KK_ERR_INVALID_ARGS);
    assert_holds(err.message, "8192");
    text[8192] = '\0';
    assert_ok(kk_url_parse(text, &url, &err), &err);
}

static void test_url__plain_http_is_for_this_machine_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool allowed;
    } cases[] = {
        {"http://127.0.0.1/", true},
        {"http://127.0.0.1:8080/", true},
        {"http://127.255.255.254/", true},
        {"http://localhost/", true},
        {"http://LocalHost:1/", true},
        {"http://[::1]/", true},
        {"http://[0:0:0:0:0:0:0:1]/", true},
        {"https://anywhere.example/", true},
        {"http://127.1/", false},
        {"http://127/", false},
        {"http://2130706433/", false},
        {"http://0x7f.0.0.1/", false},
        {"http://0177.0.0.1/", false},
        {"http://127.0.0.01/", false},
        {"http://127.0.0.1.evil.com/", false},
        {"http://127.0.0.256/", false},
        {"http://localhost.evil.com/", false},
        {"http://evil-localhost/", false},
        {"http://128.0.0.1/", false},
        {"http://0.0.0.0/", false},
        {"http://10.0.0.1/", false},
        {"http://[::]/", false},
        {"http://[::2]/", false},
        {"http://[::ffff:127.0.0.1]/", false},
        {"http://api.example.com/", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_url url;
        kk_error err = {0};
        assert_ok(kk_url_parse(cases[i].text, &url, &err), &err);
        kk_code code = kk_url_check_secure(&url, &err);
        if ((code == KK_OK) != cases[i].allowed) {
            fail_msg("'%s': %s", cases[i].text, kk_code_name(code));
        }
        if (!cases[i].allowed) {
            assert_code(code, KK_ERR_DENIED);
            assert_holds(err.message, "plain http");
            assert_holds(err.hint, "https");
        }
    }
}

static void test_url__an_origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"https://h/x", "https://H:443/y?z", true}, {"http://h", "http://h:80/", true},
        {"https://h", "http://h", false},           {"https://h:443", "http://h:443", false},
        {"https://h", "https://h:444", false},      {"https://h", "https://h.evil.com", false},
        {"https://a.h", "https://b.h", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kk_url a;
        kk_url b;
        kk_error err = {0};
        assert_ok(kk_url_parse(cases[i].a, &a, &err), &err);
        assert_ok(kk_url_parse(cases[i].b, &b, &err), &err);
        assert_int_equal(kk_url_same_origin(&a, &b), cases[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url__accepted_ones_are_taken_apart),
        cmocka_unit_test(test_url__anything_else_is_refused_with_the_cause),
        cmocka_unit_test(test_url__a_refusal_never_shows_the_url),
        cmocka_unit_test(test_url__hosts_and_urls_have_a_longest_length),
        cmocka_unit_test(test_url__plain_http_is_for_this_machine_only),
        cmocka_unit_test(test_url__an_origin_is_scheme_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
