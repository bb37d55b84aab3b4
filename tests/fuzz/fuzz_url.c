// URLs: what is taken is what the header promises, and leads libcurl where we think it leads.
#include "fuzz.h"
#include "url.h"
#include <curl/curl.h>
#include <string.h>

enum { TEXT_MAX = 2048 };

static void check_view(kk_str part, const char *text)
{
    REQUIRE(part.len == 0 || (part.ptr >= text && part.ptr + part.len <= text + strlen(text)));
}

static void check_parts(const kk_url *url, const char *text)
{
    check_view(url->host, text);
    check_view(url->path, text);
    check_view(url->query, text);
    REQUIRE(url->host.len > 0 && url->host.ptr[url->host.len - 1] != '.');
    REQUIRE(url->path.len == 0 || url->path.ptr[0] == '/');
    REQUIRE(memchr(url->host.ptr, '/', url->host.len) == NULL);
    REQUIRE(memchr(url->host.ptr, '@', url->host.len) == NULL);
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        REQUIRE(byte > 0x20 && byte < 0x7F && byte != '\\' && byte != '#');
    }
    REQUIRE(kk_url_same_origin(url, url));
    REQUIRE(url->secure || kk_url_is_loopback(url) || kk_url_check_secure(url, NULL) != KK_OK);
}

// Scheme, host and port as libcurl has them; false where it refuses the text, which sends nothing.
static bool read_by_libcurl(const char *text, char *out, size_t out_size)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    REQUIRE(url != NULL);
    bool ok = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok) {
        snprintf(out, out_size, "%s %s %s", scheme, host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    return ok;
}

// The origin alone, written anew, leads to the same place as the whole, for us and for libcurl.
static void check_origin(const kk_url *url, const char *text)
{
    char origin[TEXT_MAX + 64], whole[TEXT_MAX + 64], part[TEXT_MAX + 64];
    kk_url again;
    bool bracketed = memchr(url->host.ptr, ':', url->host.len) != NULL;
    snprintf(origin, sizeof origin, bracketed ? "%s://[%.*s]:%u/" : "%s://%.*s:%u/",
             url->secure ? "https" : "http", KK_STR_ARG(url->host), (unsigned)url->port);
    REQUIRE(kk_url_parse(origin, &again, NULL) == KK_OK && kk_url_same_origin(url, &again));
    if (read_by_libcurl(text, whole, sizeof whole)) {
        REQUIRE(read_by_libcurl(origin, part, sizeof part) && strcmp(whole, part) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_url url;
    kk_error err = {0};
    if (size >= TEXT_MAX) {
        return 0;
    }
    char *text = malloc(size + 1);
    REQUIRE(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    kk_code code = kk_url_parse(text, &url, &err);
    REQUIRE(code == KK_OK || (code == KK_ERR_INVALID_ARGS && err.message[0] != '\0'));
    if (code == KK_OK) {
        check_parts(&url, text);
        check_origin(&url, text);
    }
    free(text);
    return 0;
}
