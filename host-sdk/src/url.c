// Absolute http and https URLs, taken apart strictly.
#include "url.h"
#include "fail.h"
#include <arpa/inet.h>
#include <strings.h>

enum { URL_MAX = 8192, HOST_MAX = 253, ADDRESS_MAX = 46 };

// A message never quotes the URL: it may hold a password or a token.
static kk_code refuse(kk_error *err, const char *problem)
{
    return kk_fail(err, KK_ERR_INVALID_ARGS, "the URL cannot be used: %s", problem);
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex(char byte)
{
    char lower = (char)(byte | 0x20);
    return is_digit(byte) || (lower >= 'a' && lower <= 'f');
}

static bool is_host_byte(char byte)
{
    char lower = (char)(byte | 0x20);
    return is_digit(byte) || (lower >= 'a' && lower <= 'z') || byte == '-' || byte == '.' ||
           byte == '_';
}

// Why a byte may stand nowhere in a URL, or NULL.
static const char *judge_byte(char byte)
{
    switch (byte) {
    case ' ':
        return "it holds a space";
    case '\\':
        return "it holds a backslash";
    case '#':
        return "it has a fragment ('#')";
    default:
        return byte > 0x20 && byte < 0x7F ? NULL
                                          : "it holds a control byte or a byte that is not ASCII";
    }
}

// What is wrong with the bytes of the URL, wherever they stand, or NULL.
static const char *find_bad_byte(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (at - text >= URL_MAX) {
            return "it is longer than 8192 bytes";
        }
        const char *problem = judge_byte(*at);
        if (problem != NULL) {
            return problem;
        }
        if (*at == '%' && !(is_hex(at[1]) && is_hex(at[2]))) {
            return "a '%' is not followed by two hexadecimal digits";
        }
        if (*at == '%' && at[1] == '0' && at[2] == '0') {
            return "it holds '%00'";
        }
    }
    return NULL;
}

static const char *check_address(kk_str host)
{
    char text[ADDRESS_MAX];
    struct in6_addr address;
    if (host.len == 0 || host.len >= sizeof text) {
        return "what stands in brackets is not an IPv6 address";
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1
               ? NULL
               : "what stands in brackets is not an IPv6 address";
}

static const char *check_name(kk_str host)
{
    if (host.len == 0 || host.len > HOST_MAX) {
        return host.len == 0 ? "it has no host" : "its host is longer than 253 bytes";
    }
    bool label = false;
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_byte(host.ptr[i])) {
            return "its host holds a character that no host has";
        }
        if (host.ptr[i] == '.' && !label) {
            return "its host has an empty part between dots";
        }
        label = host.ptr[i] != '.';
    }
    return label ? NULL : "its host ends in a dot";
}

static const char *read_port(kk_str digits, uint16_t *out)
{
    uint32_t port = 0;
    if (digits.len == 0 || digits.len > 5) {
        return "its port is not a number from 1 to 65535";
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.ptr[i])) {
            return "its port is not a number from 1 to 65535";
        }
        port = port * 10 + (uint32_t)(digits.ptr[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX) {
        return "its port is not a number from 1 to 65535";
    }
    *out = (uint16_t)port;
    return NULL;
}

// Reads what stands between "//" and the path: host and port.
static const char *read_authority(kk_str text, kk_url *url)
{
    if (memchr(text.ptr, '@', text.len) != NULL) {
        return "it holds a user name or password";
    }
    bool bracketed = kk_str_starts_with(text, "[");
    const char *start = bracketed ? text.ptr + 1 : text.ptr;
    const char *end = text.ptr + text.len;
    const char *stop = memchr(start, bracketed ? ']' : ':', (size_t)(end - start));
    if (bracketed && stop == NULL) {
        return "a ']' is missing";
    }
    stop = stop != NULL ? stop : end;
    url->host = (kk_str){start, (size_t)(stop - start)};
    const char *problem = bracketed ? check_address(url->host) : check_name(url->host);
    const char *rest = bracketed ? stop + 1 : stop;
    if (problem != NULL || rest == end) {
        return problem;
    }
    if (*rest != ':') {
        return "something stands between the host and the path";
    }
    return read_port((kk_str){rest + 1, (size_t)(end - rest - 1)}, &url->port);
}

// How many bytes at [at] stand for a dot: "." or "%2e"; 0 for none.
static size_t dot_length(const char *at, const char *end)
{
    if (at < end && *at == '.') {
        return 1;
    }
    return end - at >= 3 && strncasecmp(at, "%2e", 3) == 0 ? 3 : 0;
}

// Whether the path has a segment "." or "..", which somebody on the way would fold.
static bool has_dot_segment(kk_str path)
{
    const char *end = path.ptr + path.len;
    for (const char *at = path.ptr; at < end;) {
        const char *segment = at + 1; // behind the '/'
        size_t dots = 0;
        for (size_t len; dots < 3 && (len = dot_length(segment, end)) > 0; dots++) {
            segment += len;
        }
        bool ends = segment == end || *segment == '/';
        if (ends && (dots == 1 || dots == 2)) {
            return true;
        }
        const char *next = ends ? segment : memchr(segment, '/', (size_t)(end - segment));
        at = next != NULL ? next : end;
    }
    return false;
}

kk_code kk_url_parse(const char *text, kk_url *out, kk_error *err)
{
    const char *problem = find_bad_byte(text);
    if (problem != NULL) {
        return refuse(err, problem);
    }
    kk_url url = {.secure = strncasecmp(text, "https://", 8) == 0};
    if (!url.secure && strncasecmp(text, "http://", 7) != 0) {
        return refuse(err, "it does not begin with 'https://' or 'http://'");
    }
    url.port = url.secure ? 443 : 80;
    const char *authority = text + (url.secure ? 8 : 7);
    size_t len = strcspn(authority, "/?");
    problem = read_authority((kk_str){authority, len}, &url);
    if (problem != NULL) {
        return refuse(err, problem);
    }
    const char *path = authority + len;
    url.path = (kk_str){path, strcspn(path, "?")};
    if (has_dot_segment(url.path)) {
        return refuse(err, "its path has a segment '.' or '..'");
    }
    const char *query = path + url.path.len;
    url.query = kk_str_from(*query == '?' ? query + 1 : query);
    *out = url;
    return KK_OK;
}

bool kk_url_same_origin(const kk_url *a, const kk_url *b)
{
    return a->secure == b->secure && a->port == b->port && a->host.len == b->host.len &&
           strncasecmp(a->host.ptr, b->host.ptr, a->host.len) == 0;
}

bool kk_url_is_loopback(const kk_url *url)
{
    char text[ADDRESS_MAX];
    if (url->host.len >= sizeof text) {
        return false;
    }
    memcpy(text, url->host.ptr, url->host.len);
    text[url->host.len] = '\0';
    unsigned char four[4];
    unsigned char sixteen[16];
    if (inet_pton(AF_INET, text, four) == 1) {
        return four[0] == 127;
    }
    if (inet_pton(AF_INET6, text, sixteen) == 1) {
        return memcmp(sixteen, &in6addr_loopback, sizeof sixteen) == 0;
    }
    return strcasecmp(text, "localhost") == 0;
}

kk_code kk_url_check_secure(const kk_url *url, kk_error *err)
{
    if (url->secure || kk_url_is_loopback(url)) {
        return KK_OK;
    }
    kk_code code =
        kk_fail(err, KK_ERR_DENIED, "plain http to '%.*s' is not allowed", KK_STR_ARG(url->host));
    kk_fail_hint(err, "use https; plain http is only for 127.0.0.0/8, ::1 and localhost");
    return code;
}
