// What went wrong: from libcurl's codes to ours.
//
// The sentences are our own.  libcurl's may quote what a server sent, and nothing of a header or a
// query belongs in a message.
#include "live.h"
#include <stdlib.h>
#include <string.h>

typedef struct cause {
    CURLcode result;
    kk_code code;
    const char *text;
} cause;

// Codes that mean the same whenever they come.  The rest depends on how far the exchange was.
static const cause causes[] = {
    {CURLE_COULDNT_RESOLVE_HOST, KK_ERR_DNS, "the host name could not be resolved"},
    {CURLE_COULDNT_RESOLVE_PROXY, KK_ERR_DNS, "the proxy's name could not be resolved"},
    {CURLE_PROXY, KK_ERR_CONNECT, "the proxy did not connect"},
    {CURLE_SSL_CONNECT_ERROR, KK_ERR_TLS, "the TLS handshake failed"},
    {CURLE_SSL_CERTPROBLEM, KK_ERR_TLS, "the certificate cannot be used"},
    {CURLE_SSL_CIPHER, KK_ERR_TLS, "no cipher suits both sides"},
    {CURLE_SSL_CRL_BADFILE, KK_ERR_TLS, "the revocation list cannot be read"},
    {CURLE_SSL_ISSUER_ERROR, KK_ERR_TLS, "the issuer of the certificate is wrong"},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, KK_ERR_TLS, "the server's key is not the pinned one"},
    {CURLE_SSL_INVALIDCERTSTATUS, KK_ERR_TLS, "the certificate's status is not valid"},
    {CURLE_SSL_CLIENTCERT, KK_ERR_TLS, "the server asks for a client certificate"},
    {CURLE_SSL_ENGINE_INITFAILED, KK_ERR_TLS, "TLS could not be set up"},
    {CURLE_BAD_CONTENT_ENCODING, KK_ERR_PROTOCOL, "the answer's compression is damaged"},
    {CURLE_WEIRD_SERVER_REPLY, KK_ERR_PROTOCOL, "the answer is not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, KK_ERR_PROTOCOL, "the answer is not HTTP"},
    {CURLE_FILESIZE_EXCEEDED, KK_ERR_TOO_LARGE, "the answer's body is over the limit of 16 MiB"},
    {CURLE_URL_MALFORMAT, KK_ERR_DENIED, "the URL is malformed"},
    {CURLE_LOGIN_DENIED, KK_ERR_DENIED, "the URL names a user"},
};

static long info_number(const kk_live_job *job, CURLINFO info)
{
    long value = 0;
    curl_easy_getinfo(job->easy, info, &value);
    return value;
}

// A failure whose message begins with method, host and path.
static kk_code fail_with(const kk_live_job *job, kk_error *err, kk_code code, const char *text)
{
    return job->live->host->fail(err, code, "%s %s%s: %s", job->request->method, job->target.host,
                                 job->target.path, text);
}

static kk_code fail_address(const kk_live_job *job, kk_error *err)
{
    bool is_loopback = job->target.reach == KK_LIVE_REACH_LOOPBACK;
    fail_with(job, err, KK_ERR_DENIED,
              is_loopback ? "the name resolves to an address that is not this machine's"
                          : "the name resolves to an address that is not on the public Internet");
    if (!is_loopback) {
        job->live->host->fail_hint(err, "a service in a private network is reached by writing its "
                                        "address, not a name, into the account's url");
    }
    return KK_ERR_DENIED;
}

static kk_code fail_connect(const kk_live_job *job, kk_error *err)
{
    if (job->address_refused) {
        return fail_address(job, err);
    }
    char reason[128] = "no connection could be made";
    long number = info_number(job, CURLINFO_OS_ERRNO);
    const char *text = number != 0 ? strerror_r((int)number, reason, sizeof reason) : reason;
    return fail_with(job, err, KK_ERR_CONNECT, text);
}

// OpenSSL's number of a refused certificate.  libcurl compares the name itself, before it asks for
// the number, which is 0 or 1 then, depending on the version.
static const char *verify_text(long number)
{
    switch (number) {
    case 0:
    case 1:
    case 62:
        return "the certificate is not for this host name";
    case 9:
    case 10:
        return "the certificate has expired or is not valid yet";
    case 18:
    case 19:
    case 20:
    case 21:
        return "the certificate is not signed by a known authority";
    default:
        return "the certificate is not trusted";
    }
}

static kk_code fail_verify(const kk_live_job *job, kk_error *err)
{
    long number = info_number(job, CURLINFO_SSL_VERIFYRESULT);
    fail_with(job, err, KK_ERR_TLS, verify_text(number));
    if (number >= 18 && number <= 21) {
        job->live->host->fail_hint(err, "name the file of an authority of your own in KK_CA_FILE "
                                        "or in the configuration's ca_file");
    }
    return KK_ERR_TLS;
}

// The authorities themselves are missing: the file that was named, or the system's.
static kk_code fail_authorities(const kk_live_job *job, kk_error *err)
{
    const char *ca_file = job->live->host->ca_file;
    fail_with(job, err, KK_ERR_TLS, "the file of certificate authorities cannot be read");
    if (ca_file != NULL) {
        job->live->host->fail_hint(err, "KK_CA_FILE or the configuration's ca_file names '%s'",
                                   ca_file);
    } else {
        job->live->host->fail_hint(err, "install the system's authorities: the package is "
                                        "ca-certificates");
    }
    return KK_ERR_TLS;
}

// Whether any byte of an answer came.
static bool has_begun(const kk_live_job *job)
{
    return job->header_bytes > 0 || job->body_len > 0;
}

static bool is_connected(const kk_live_job *job)
{
    curl_off_t ready_us = 0;
    curl_easy_getinfo(job->easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return ready_us > 0;
}

static kk_code fail_broken(const kk_live_job *job, kk_error *err)
{
    long proxy_status = info_number(job, CURLINFO_HTTP_CONNECTCODE);
    if (proxy_status >= 300) {
        return fail_with(job, err, KK_ERR_CONNECT, "the proxy refused to connect");
    }
    return has_begun(job)
               ? fail_with(job, err, KK_ERR_TRUNCATED, "the answer ended early")
               : fail_with(job, err, KK_ERR_RESET, "the connection closed before an answer came");
}

// libcurl gave up although our deadline is not over: it could not connect in time, or the answer
// came too slowly.
static kk_code fail_slow(const kk_live_job *job, kk_error *err)
{
    return is_connected(job)
               ? fail_with(job, err, KK_ERR_TIMEOUT, "the answer came too slowly")
               : fail_with(job, err, KK_ERR_CONNECT, "no connection within 5 seconds");
}

// A callback of ours stopped the transfer.
static kk_code fail_objection(const kk_live_job *job, kk_error *err)
{
    switch (job->objection) {
    case KK_LIVE_BODY_TOO_LARGE:
        return fail_with(job, err, KK_ERR_TOO_LARGE,
                         "the answer's body is over the limit of 16 MiB");
    case KK_LIVE_HEADERS_TOO_LARGE:
        return fail_with(job, err, KK_ERR_TOO_LARGE,
                         "the answer's header is over the limit of 200 fields and 64 KiB");
    default:
        return fail_with(job, err, KK_ERR_INTERNAL, "out of memory for the answer");
    }
}

static kk_code fail_by_table(const kk_live_job *job, kk_error *err)
{
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        if (causes[i].result == job->result) {
            return fail_with(job, err, causes[i].code, causes[i].text);
        }
    }
    return job->live->host->fail(err, KK_ERR_INTERNAL, "%s %s%s: libcurl failed with code %d",
                                 job->request->method, job->target.host, job->target.path,
                                 (int)job->result);
}

static kk_code fail_curl(const kk_live_job *job, kk_error *err)
{
    switch (job->result) {
    case CURLE_COULDNT_CONNECT:
        return fail_connect(job, err);
    case CURLE_PEER_FAILED_VERIFICATION:
        return fail_verify(job, err);
    case CURLE_SSL_CACERT_BADFILE:
        return fail_authorities(job, err);
    case CURLE_OPERATION_TIMEDOUT:
        return fail_slow(job, err);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: // also of an HTTP/2 connection that ends before the answer begins
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return fail_broken(job, err);
    case CURLE_OUT_OF_MEMORY:
        // libcurl says the same of a single header line that is longer than it takes.
        return has_begun(job) ? fail_with(job, err, KK_ERR_TOO_LARGE,
                                          "a line of the answer's header is too long")
                              : fail_with(job, err, KK_ERR_INTERNAL, "out of memory");
    default:
        return fail_by_table(job, err);
    }
}

// The host that a redirect leads to.  libcurl's own notion of it has escapes resolved, behind which
// a secret would no longer be known.
static void read_redirect(const kk_live_job *job, char *out, size_t out_size)
{
    struct curl_header *field = NULL;
    bool found = curl_easy_header(job->easy, "location", 0, CURLH_HEADER, -1, &field) == CURLHE_OK;
    char *location = found ? strdup(field->value) : NULL;
    if (location != NULL) {
        kk_live_hide(job->request, location);
    }
    kk_live_host_of(job->request->url, location, out, out_size);
    free(location);
}

static kk_code fail_redirect(const kk_live_job *job, unsigned status, kk_error *err)
{
    char host[KK_LIVE_HOST_MAX];
    read_redirect(job, host, sizeof host);
    job->live->host->fail(err, KK_ERR_REDIRECT_REFUSED, "%s %s%s: answered %u, a redirect to %s",
                          job->request->method, job->target.host, job->target.path, status, host);
    job->live->host->fail_hint(err, "redirects are never followed; if the service moved, put its "
                                    "new address into the account's url");
    return KK_ERR_REDIRECT_REFUSED;
}

// The exchange is over and libcurl is content; we may still not be.
static kk_code judge_status(const kk_live_job *job, unsigned *status, kk_error *err)
{
    long number = info_number(job, CURLINFO_RESPONSE_CODE);
    if (number < 200 || number > 599) {
        return fail_with(job, err, KK_ERR_PROTOCOL, "the answer's status is not one of HTTP");
    }
    if (number >= 300 && number < 400) {
        return fail_redirect(job, (unsigned)number, err);
    }
    *status = (unsigned)number;
    return KK_OK;
}

// A job that never reached libcurl, or that we took away from it.
static kk_code fail_ended(const kk_live_job *job, kk_error *err)
{
    switch (job->end) {
    case KK_LIVE_END_DEADLINE:
        return fail_with(job, err, KK_ERR_TIMEOUT, "no answer before the deadline");
    case KK_LIVE_END_CANCELLED:
        return fail_with(job, err, KK_ERR_CANCELLED, "cancelled");
    default:
        return fail_with(job, err, KK_ERR_INTERNAL, "the transfer could not be started");
    }
}

static kk_sent sent_so_far(const kk_live_job *job)
{
    return info_number(job, CURLINFO_REQUEST_SIZE) > 0 ? KK_SENT_MAYBE : KK_SENT_NO;
}

// An answer whose header broke off, or of which only an interim one came, is none to libcurl's
// liking alone.
static bool is_whole(const kk_live_job *job)
{
    long status = info_number(job, CURLINFO_RESPONSE_CODE);
    return job->head_ended && (status < 100 || status > 199);
}

// libcurl reports a transfer that one of our callbacks stopped as one that could not be written; a
// body whose announced length is over the limit it refuses itself.
static bool is_answer_refused(const kk_live_job *job)
{
    return job->objection != KK_LIVE_NO_OBJECTION || job->result == CURLE_FILESIZE_EXCEEDED;
}

kk_code kk_live_verdict(const kk_live_job *job, unsigned *status, kk_sent *sent, kk_error *err)
{
    *sent = sent_so_far(job);
    if (job->end != KK_LIVE_END_CURL) {
        return fail_ended(job, err);
    }
    if (job->result == CURLE_OK && !is_whole(job)) {
        return fail_broken(job, err);
    }
    if (job->result == CURLE_OK) {
        *sent = KK_SENT_YES;
        return judge_status(job, status, err);
    }
    if (is_answer_refused(job)) {
        *sent = KK_SENT_YES;
    }
    return job->objection != KK_LIVE_NO_OBJECTION ? fail_objection(job, err) : fail_curl(job, err);
}
