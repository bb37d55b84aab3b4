// Services that repeat what they were given: the caller's own secret, in every place of an answer.
#ifndef KK_TEST_API_ECHO_H
#define KK_TEST_API_ECHO_H

#include "http_server.h"

// Fills [answer] if [organization] is `fault-echo` or one of the names that begin with
// `fault-echo-`, else leaves it and gives false.  What is repeated is the secret of the request's
// authorization: what stands behind "Bearer ", or behind the colon of ID:TOKEN.
//
//   fault-echo            in the message of a refusal
//   fault-echo-errors     in the list of what is wrong with the parameters
//   fault-echo-html       in a page, as HTML and as it is
//   fault-echo-cut        in JSON that breaks off
//   fault-echo-headers    in the header: one that is kept, twice, in two cases, and those that are
//                         dropped
//   fault-echo-location   in the target of a redirect
//   fault-echo-host       in its host
//   fault-echo-list       in the rows of a list: deep, in an array, as a name, in JSON in a string
//   fault-echo-encoded    there in base64 at each offset, in percent-encoding and in hexadecimal
bool api_echo_answer(const char *organization, const http_request *request, http_answer *answer);

#endif
