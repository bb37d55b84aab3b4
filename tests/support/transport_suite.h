// One script of requests that every transport has to pass with the same results.
//
// The script is put to a transport as its callers do, and all that they can see of it is written
// down: of an answer its status, its body and the headers that a tape may keep, of a failure its
// code, how far it got, and what it says.
#ifndef KK_TEST_TRANSPORT_SUITE_H
#define KK_TEST_TRANSPORT_SUITE_H

#include "http_server.h"
#include "transport.h"

// A name on the Internet that has to resolve to an address which is not; see
// live_fixture_open().
#define TRANSPORT_SUITE_INNER_NAME "inner.example"

// The service of the script, for http_server_start().
void transport_suite_answer(void *context, const http_request *request, http_answer *answer);

// Plays the script against [base], "http://127.0.0.1:PORT", where the service is or was; port
// [closed] is one where nobody listens.  Appends what was seen.
void transport_suite_play(kk_transport *transport, const char *base, unsigned closed, kk_buf *seen);

// How many requests of the script reach the service.
size_t transport_suite_served(void);

#endif
