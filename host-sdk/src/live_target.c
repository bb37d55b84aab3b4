// Where a request goes, and what may be in it: the live transport's own look at a request.
//
// The host has made these checks already.  They are made again here, on the URL as libcurl
// understands it, because this is the last place before the wire.
#include "live.h"
#include <stdlib.h>
#include <string.h>

static void copy_text(char *out, size_t out_size, const char *text)
{
    size_t len = strlen(text);
    len = len < out_size ? len : out_size - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

// The host part without the brackets of an IPv6 address.
static bool read_host(CURLU *url, char *out, size_t out_size)
{
    char *host = NULL;
    if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        return false;
    }
    size_t len = strlen(host);
    if (host[0] == '[' && len > 2 && host[len - 1] == ']') {
        host[len - 1] = '\0';
        copy_text(out, out_size, host + 1);
    } else {
        copy_text(out, out_size, host);
    }
    curl_free(host);
    // A host too long to be kept whole would be judged by a part of itself.
    return len < out_size;
}

void kk_live_hide(const kk_request *request, char *text)
{
    if (request->hide != NULL) {
        request->hide(request->hide_context, text, strlen(text));
    }
}

static bool read_target(CURLU *url, const kk_request *request, kk_live_target *out)
{
    char *scheme = NULL;
    char *path = NULL;
    const unsigned flags = CURLU_DISALLOW_USER | CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME;
    bool ok = curl_url_set(url, CURLUPART_URL, request->url, flags) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
              read_host(url, out->host, sizeof out->host);
    if (ok) {
        out->secure = strcmp(scheme, "https") == 0;
        ok = out->secure || strcmp(scheme, "http") == 0;
        kk_live_hide(request, path); // before it is cut
        copy_text(out->path, sizeof out->path, path);
    }
    curl_free(path);
    curl_free(scheme);
    return ok;
}

static kk_live_reach reach_of(const kk_live_host *host, const char *name)
{
    if (kk_live_host_is_loopback(name)) {
        return KK_LIVE_REACH_LOOPBACK;
    }
    // Through a proxy it is the proxy that we connect to, and the operator named it.
    bool is_named_by_operator = host->proxy != NULL || kk_live_host_is_address(name);
    return is_named_by_operator ? KK_LIVE_REACH_ANY : KK_LIVE_REACH_PUBLIC;
}

static kk_code check_url(const kk_live_host *host, const kk_request *request, kk_live_target *out,
                         kk_error *err)
{
    CURLU *url = curl_url();
    if (url == NULL) {
        return host->fail(err, KK_ERR_INTERNAL, "out of memory for a URL");
    }
    bool ok = read_target(url, request, out);
    curl_url_cleanup(url);
    if (!ok) {
        return host->fail(err, KK_ERR_DENIED, "the URL of the request is not one of http or https");
    }
    out->reach = reach_of(host, out->host);
    if (!out->secure && out->reach != KK_LIVE_REACH_LOOPBACK) {
        host->fail(err, KK_ERR_DENIED, "plain http to '%s' is refused", out->host);
        host->fail_hint(err, "use https; plain http is for 127.0.0.0/8, ::1 and localhost alone");
        return KK_ERR_DENIED;
    }
    return KK_OK;
}

// A token of RFC 9110: what a method and a field name are made of.
static bool is_token(const char *text)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789!#$%&'*+-.^_`|~";
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

// libcurl sends a line break in a value as it is, and with it a header of the attacker's choice.
static bool is_field_value(const char *text)
{
    for (const unsigned char *byte = (const unsigned char *)text; *byte != '\0'; byte++) {
        if ((*byte < 0x20 && *byte != '\t') || *byte == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool is_field(const kk_header *field)
{
    return field->value != NULL && is_token(field->name) && is_field_value(field->value);
}

static bool fields_are_clean(const kk_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (request->headers[i].name == NULL || !is_field(&request->headers[i])) {
            return false;
        }
    }
    return request->credential.name == NULL || is_field(&request->credential);
}

kk_code kk_live_check(const kk_live_host *host, const kk_request *request, kk_live_target *out,
                      kk_error *err)
{
    if (!is_token(request->method)) {
        return host->fail(err, KK_ERR_DENIED, "the method of the request is not a word");
    }
    kk_code code = check_url(host, request, out, err);
    if (code != KK_OK) {
        return code;
    }
    if (!fields_are_clean(request)) {
        return host->fail(err, KK_ERR_DENIED,
                          "%s %s%s: a header field of the request has a byte that is not allowed",
                          request->method, out->host, out->path);
    }
    return KK_OK;
}

void kk_live_host_of(const char *base, const char *url, char *out, size_t out_size)
{
    CURLU *parts = url != NULL ? curl_url() : NULL;
    bool ok = parts != NULL &&
              curl_url_set(parts, CURLUPART_URL, base, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
              curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
              read_host(parts, out, out_size);
    if (!ok) {
        copy_text(out, out_size, "another address");
    }
    curl_url_cleanup(parts);
}
