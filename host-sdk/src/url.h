// Absolute http and https URLs, taken apart strictly.
//
// Only what kk sends is accepted: a scheme, a host, an optional port, a path, an optional query.
// User information, a fragment, control bytes, spaces, backslashes, bytes above 0x7E and empty
// hosts are refused; so are `%00`, a '%' without two hexadecimal digits, a host that ends in a dot,
// and a path with a segment "." or "..", with its dots as they are or percent-encoded.
#ifndef KK_URL_H
#define KK_URL_H

#include "str.h"
#include <kk/error.h>
#include <stdint.h>

// Views into the text that was parsed.
typedef struct kk_url {
    bool secure;   // https
    kk_str host;   // as written; an IPv6 address without its brackets
    uint16_t port; // the scheme's own where none is written
    kk_str path;   // from the first '/', or empty
    kk_str query;  // after '?', without it; empty where there is none
} kk_url;

// Errors: KK_ERR_INVALID_ARGS, saying what is wrong with the URL.
KK_MUST_USE kk_code kk_url_parse(const char *text, kk_url *out, kk_error *err);

// Whether both have the same scheme, host (without regard to case) and port.
bool kk_url_same_origin(const kk_url *a, const kk_url *b);

// Whether the host is one of 127.0.0.0/8, ::1 and localhost: the only hosts for which plain http is
// allowed.
bool kk_url_is_loopback(const kk_url *url);

// KK_OK if the URL is https, or http to a loopback host.  Errors: KK_ERR_DENIED, saying why.
KK_MUST_USE kk_code kk_url_check_secure(const kk_url *url, kk_error *err);

#endif
