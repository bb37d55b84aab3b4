// How long a service asks to be left alone.
//
// libcurl's own reading of Retry-After is not used: it takes "0.020" for 0 and a date in the past
// for a negative number.
#ifndef KK_RETRY_AFTER_H
#define KK_RETRY_AFTER_H

#include "str.h"
#include <kk/plugin.h>
#include <stdint.h>

// The longest wait that is told apart: a year.  Whatever asks for more asks for this.
#define KK_RETRY_AFTER_MAX_MS UINT64_C(31536000000)

// Reads the value of a Retry-After field: seconds, with a fraction or without ("120", "0.020"), or
// one of the three dates of HTTP, which is compared with [now_unix_ms] and asks for nothing once it
// has passed.  Spaces around it do not count; a sign, an exponent and anything else are refused.  A
// fraction of a millisecond counts as one.  False if [value] is none; *wait_ms is untouched then.
bool kk_retry_after_value(kk_str value, int64_t now_unix_ms, uint64_t *wait_ms);

// The longest wait that an answer's fields ask for:
//
//     Retry-After: 30                                  as above
//     RateLimit: "default";r=0;t=30                    a quota that is used up (r=0) for t seconds
//     X-RateLimit-Remaining: 0, X-RateLimit-Reset: N   N seconds, or the second since 1970 if it
//                                                      has ten digits; RateLimit-... alike
//
// Dates are compared with the answer's own Date where it has one, so that a clock of ours that is
// wrong does no harm, else with [now_unix_ms].  Names are in lower case, as a kk_response has them.
// False if nothing asks; *wait_ms is untouched then.
bool kk_retry_after(const kk_header *headers, size_t count, int64_t now_unix_ms, uint64_t *wait_ms);

#endif
