// Points in time as HTTP writes them (RFC 9110, section 5.6.7).
#ifndef KK_HTTP_DATE_H
#define KK_HTTP_DATE_H

#include "str.h"
#include <stdint.h>

// Reads one of the three forms, all of which are in UTC:
//
//     Sun, 06 Nov 1994 08:49:37 GMT      what is written today
//     Sunday, 06-Nov-94 08:49:37 GMT     RFC 850; the century is the one that puts the year at most
//                                        50 years after [now_unix_ms]
//     Sun Nov  6 08:49:37 1994           asctime()
//
// Names are compared with regard to case, as the RFC has it; the name of the day is not compared
// with the date.  A date that no calendar has, and anything before or behind it, is refused.  False
// if [text] is none; *unix_ms is untouched then.
bool kk_http_date(kk_str text, int64_t now_unix_ms, int64_t *unix_ms);

#endif
