// A certificate authority made for one test run, and a server certificate signed by it.
#ifndef KK_TEST_CA_H
#define KK_TEST_CA_H

#include <kk/error.h>
#include <stdbool.h>

typedef struct test_ca_options {
    const char *host; // the only name in the server's certificate; NULL = localhost, 127.0.0.1, ::1
    bool expired;     // the server's certificate ended yesterday
    bool self_signed; // the server signed it itself: ca.pem has nothing to do with it
} test_ca_options;

// Makes new keys and writes ca.pem, server.pem and server.key into the directory [dir], which
// exists.  [options] may be NULL.  Valid from yesterday for ten days.
// Errors: KK_ERR_INTERNAL, with GnuTLS's or the system's word for it.
KK_MUST_USE kk_code test_ca_write(const char *dir, const test_ca_options *options, kk_error *err);

#endif
