// What kk takes for the origin of a URL is where libcurl would go: the one decides whether the
// credential may be sent, the other sends it.
#include "unit.h"
#include "url.h"
#include <curl/curl.h>
#include <stdlib.h>

enum { ROUNDS = 200000, PIECES_MAX = 9, TEXT_SIZE = 256 };

// What URLs are made of, and what has been used to make two readers disagree.
static const char *const pieces[] = {"http://",
                                     "https://",
                                     "HTTPS://",
                                     "https:/",
                                     "https:",
                                     "//",
                                     "/",
                                     "\\",
                                     "@",
                                     ":",
                                     "::",
                                     "#",
                                     "?",
                                     ";",
                                     "&",
                                     "=",
                                     "[",
                                     "]",
                                     "%",
                                     "%2e",
                                     "%40",
                                     "%2f",
                                     "%00",
                                     "%25eth0",
                                     ".",
                                     "..",
                                     " ",
                                     "\t",
                                     "\n",
                                     "\r",
                                     "\x7F",
                                     "\xC3\xA9",
                                     "_",
                                     "-",
                                     "~",
                                     "!",
                                     "$",
                                     "*",
                                     "'",
                                     ",",
                                     "a.test",
                                     "B.test",
                                     "good.test",
                                     "evil.test",
                                     "localhost",
                                     "127.0.0.1",
                                     "127.1",
                                     "0x7f.1",
                                     "2130706433",
                                     "::1",
                                     "[::1]",
                                     "[::ffff:127.0.0.1]",
                                     "[fe80::1%25eth0]",
                                     "[v1.x]",
                                     "0",
                                     "1",
                                     "00443",
                                     ":443",
                                     ":0",
                                     ":65535",
                                     ":65536",
                                     ":4294967739",
                                     ":080",
                                     "xn--e1afmkfd",
                                     "user",
                                     "user:pw@",
                                     "/v1/../x",
                                     "?q=@evil.test",
                                     "\xE3\x80\x82",
                                     "\xEF\xBC\x8F"};
enum { PIECE_COUNT = sizeof pieces / sizeof pieces[0] };

static unsigned next_number(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33);
}

static void make_text(uint64_t *state, char *out)
{
    size_t len = 0;
    unsigned count = 1 + next_number(state) % PIECES_MAX;
    // Most begin as a URL does, since the rest is refused at once.
    len += (size_t)snprintf(out, TEXT_SIZE, "%s", next_number(state) % 8 > 0 ? "https://" : "");
    for (unsigned i = 0; i < count; i++) {
        len += (size_t)snprintf(out + len, TEXT_SIZE - len, "%s",
                                pieces[next_number(state) % PIECE_COUNT]);
    }
}

// Scheme, host and port as libcurl has them; "" where it refuses the text, which sends nothing.
static void read_by_libcurl(const char *text, char *out, size_t out_size)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    assert_non_null(url);
    out[0] = '\0';
    if (curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK) {
        assert_int_equal(curl_url_get(url, CURLUPART_SCHEME, &scheme, 0), CURLUE_OK);
        assert_int_equal(curl_url_get(url, CURLUPART_HOST, &host, 0), CURLUE_OK);
        assert_int_equal(curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT), CURLUE_OK);
        snprintf(out, out_size, "%s %s %s", scheme, host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
}

// The origin of a text that kk accepts, written anew, is to libcurl the origin of the whole text.
// True if both took it.
static bool agree(const char *text)
{
    kk_url ours;
    char origin[TEXT_SIZE], whole[TEXT_SIZE], part[TEXT_SIZE];
    if (kk_url_parse(text, &ours, NULL) != KK_OK) {
        return false;
    }
    bool bracketed = memchr(ours.host.ptr, ':', ours.host.len) != NULL;
    snprintf(origin, sizeof origin, bracketed ? "%s://[%.*s]:%u/" : "%s://%.*s:%u/",
             ours.secure ? "https" : "http", KK_STR_ARG(ours.host), (unsigned)ours.port);
    read_by_libcurl(text, whole, sizeof whole);
    read_by_libcurl(origin, part, sizeof part);
    if (whole[0] != '\0' && strcmp(whole, part) != 0) {
        fail_msg("'%s' is '%s' to libcurl, and '%s' to kk", text, whole, part);
    }
    // A name stays as it was written; only addresses have several writings.
    bool is_name = !bracketed && strspn(ours.host.ptr, "0123456789abcdefxABCDEFX.") < ours.host.len;
    snprintf(part, sizeof part, "%s %.*s %u", ours.secure ? "https" : "http", KK_STR_ARG(ours.host),
             (unsigned)ours.port);
    if (whole[0] != '\0' && is_name && strcmp(whole, part) != 0) {
        fail_msg("'%s' is '%s' to libcurl, and '%s' to kk", text, whole, part);
    }
    return whole[0] != '\0';
}

static void test_url_libcurl__no_text_has_two_origins(void **state)
{
    (void)state;
    uint64_t seed = 1;
    size_t agreed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char text[TEXT_SIZE];
        make_text(&seed, text);
        agreed += agree(text);
    }
    // Texts that one of them refuses prove nothing.
    assert_true(agreed > ROUNDS / 50);
}

static void test_url_libcurl__known_tricks_are_refused(void **state)
{
    (void)state;
    static const char *const tricks[] = {"https://good.test@evil.test/",
                                         "https://good.test:443@evil.test/",
                                         "https://good.test\\@evil.test/",
                                         "https://good.test#@evil.test/",
                                         "https://good.test\t.evil.test/",
                                         "https://good.test%2eevil.test/",
                                         "https://good.test%40evil.test/",
                                         "https://good.test./",
                                         "https://g\xC3\xB6od.test/",
                                         ("https://good.test\xE3\x80\x82"
                                          "evil/"),
                                         "https://good.test:/",
                                         "https://good.test:0/",
                                         "https://good.test:65536/",
                                         "https://good.test:+443/",
                                         "https://good.test:443x/",
                                         "https://good.test: 443/",
                                         "https://[fe80::1%25eth0]/",
                                         "https://[::1]x/",
                                         "https://[::1/",
                                         "https:///good.test/",
                                         "https:/good.test/",
                                         "https:good.test/",
                                         " https://good.test/",
                                         "https://good.test/ HTTP/1.1\r\nX: y",
                                         "ftp://good.test/",
                                         "//good.test/"};
    for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) {
        kk_url url;
        assert_int_equal(kk_url_parse(tricks[i], &url, NULL), KK_ERR_INVALID_ARGS);
    }
    assert_true(agree("https://GOOD.test:00443/x?u=@evil.test"));
    assert_true(agree("https://[0:0::1]/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_libcurl__no_text_has_two_origins),
        cmocka_unit_test(test_url_libcurl__known_tricks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
