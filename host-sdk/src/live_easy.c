// A hardened easy handle: every option that libcurl needs to do what we mean and nothing else.
//
// Much of what libcurl does by default is meant for a person at a command line: it follows the
// environment to proxies and password files, speaks twenty protocols and waits for ever.  Each
// option below closes one such door, and a request is not sent unless every one of them was
// accepted.
#include "live.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000L

// A server that ends idle connections does so later than we do, mostly.
#define IDLE_S 60L

// What is set without knowing the request.
typedef struct number_option {
    CURLoption option;
    long value;
} number_option;

static const number_option fixed_options[] = {
    // A redirect could carry the request and its headers to another host.
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_MAXREDIRS, 0},
    {CURLOPT_UNRESTRICTED_AUTH, 0},
    {CURLOPT_SSL_VERIFYPEER, 1},
    {CURLOPT_SSL_VERIFYHOST, 2},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    // To a proxy by name and password alone: Kerberos may be a stub (live_stubs.c).
    {CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC},
    {CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    // The path was checked as it is; libcurl would fold "..".
    {CURLOPT_PATH_AS_IS, 1},
    // Timeouts of name resolution by signals are not for programs with threads.
    {CURLOPT_NOSIGNAL, 1},
    // Without it, ending a transfer waits until a name server has answered, which would hold every
    // other transfer up and let the deadline pass.
    {CURLOPT_QUICK_EXIT, 1},
    {CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS},
    {CURLOPT_MAXLIFETIME_CONN, 600},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_VERBOSE, 0},
    {CURLOPT_NOPROGRESS, 1},
    {CURLOPT_HEADEROPT, CURLHEADER_SEPARATE},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
};

static bool set_number(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_text(CURL *easy, CURLoption option, const char *value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_fixed(CURL *easy)
{
    for (size_t i = 0; i < sizeof fixed_options / sizeof fixed_options[0]; i++) {
        if (!set_number(easy, fixed_options[i].option, fixed_options[i].value)) {
            return false;
        }
    }
    // No cookies, alternative services or strict transport security: none of them is ever switched
    // on, and all three are off in a new handle.
    return set_text(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https") &&
           set_text(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
}

// The extra authority is added to the system's: a file given to libcurl replaces the system's
// bundle, but the directory of the same certificates stays in force beside it.
static bool set_trust(kk_live_job *job)
{
    const char *ca_file = job->live->host->ca_file;
    if (ca_file == NULL) {
        return true;
    }
    const char *system_path = curl_version_info(CURLVERSION_NOW)->capath;
    if (system_path == NULL) {
        system_path = "/etc/ssl/certs";
    }
    return set_text(job->easy, CURLOPT_CAINFO, ca_file) &&
           set_text(job->easy, CURLOPT_CAPATH, system_path) &&
           set_text(job->easy, CURLOPT_PROXY_CAINFO, ca_file) &&
           set_text(job->easy, CURLOPT_PROXY_CAPATH, system_path);
}

// An empty proxy and a list of everything that needs none each keep libcurl from asking the
// environment.  What goes to this machine never takes a way round by another.
static bool set_proxy(kk_live_job *job)
{
    const char *proxy = job->live->host->proxy;
    if (proxy == NULL || job->target.reach == KK_LIVE_REACH_LOOPBACK) {
        return set_text(job->easy, CURLOPT_PROXY, "") && set_text(job->easy, CURLOPT_NOPROXY, "*");
    }
    return set_text(job->easy, CURLOPT_PROXY, proxy) && set_text(job->easy, CURLOPT_NOPROXY, "");
}

static bool is_write(const kk_request *request)
{
    return strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0;
}

// How the connection is chosen.
//
// When a connection that was used before breaks before the first byte of an answer, libcurl sends
// the request again on another, whatever its method, and says nothing: a database would be created
// twice.  A write therefore gets a connection of its own, and over HTTP/1.1, because an HTTP/2
// connection counts as used as soon as a second request joins it while the first is on its way.
static bool set_connection(kk_live_job *job)
{
    bool alone = is_write(job->request);
    // libcurl learns whether a server speaks HTTP/2 from TLS alone; without it there is nothing to
    // wait for.
    bool shared = job->target.secure && !alone;
    long version = shared ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
    long idle_s = job->live->host->idle_s > 0 ? (long)job->live->host->idle_s : IDLE_S;
    CURL *easy = job->easy;
    return set_text(easy, CURLOPT_PROTOCOLS_STR, job->target.secure ? "https" : "http") &&
           set_number(easy, CURLOPT_FRESH_CONNECT, alone) &&
           set_number(easy, CURLOPT_MAXAGE_CONN, idle_s) &&
           set_number(easy, CURLOPT_HTTP_VERSION, version) &&
           set_number(easy, CURLOPT_PIPEWAIT, shared) &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, kk_live_open_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, job) == CURLE_OK;
}

// A deadline bounds a server that sends a byte now and then; where there is none, its slowness
// does.
static bool set_patience(kk_live_job *job)
{
    if (job->request->deadline_ms != UINT64_MAX) {
        return true;
    }
    return set_number(job->easy, CURLOPT_LOW_SPEED_LIMIT, 100) &&
           set_number(job->easy, CURLOPT_LOW_SPEED_TIME, 15);
}

static bool set_callbacks(kk_live_job *job)
{
    CURL *easy = job->easy;
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, kk_live_on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, job) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, kk_live_on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, job) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job->error_text) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, job) == CURLE_OK;
}

// The body, or its absence, and the method.  POST, PUT and PATCH always say how long their body is.
static bool set_method(CURL *easy, const kk_request *request)
{
    const char *method = request->method;
    if (strcmp(method, "HEAD") == 0) {
        return set_number(easy, CURLOPT_NOBODY, 1);
    }
    // A length that is announced can be refused before it is read; what a body really has is
    // counted as it comes.
    bool ok =
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)KK_BODY_MAX) == CURLE_OK;
    bool has_body = request->body.ptr != NULL || strcmp(method, "POST") == 0 ||
                    strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    if (!has_body) {
        return ok && set_number(easy, CURLOPT_HTTPGET, 1) &&
               (!is_write(request) || set_text(easy, CURLOPT_CUSTOMREQUEST, method));
    }
    return ok && set_number(easy, CURLOPT_POST, 1) &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len) ==
               CURLE_OK &&
           set_text(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "") &&
           set_text(easy, CURLOPT_CUSTOMREQUEST, method);
}

// Appends one line; the list is libcurl's copy.  On failure the list is left as it was.
static bool append_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL) {
        return false;
    }
    *list = longer;
    return true;
}

// The line is built in a buffer of its own that is wiped: it may be the credential's.
static bool append_field(struct curl_slist **list, const kk_header *field)
{
    size_t size = strlen(field->name) + strlen(field->value) + sizeof ": ";
    char *line = malloc(size);
    if (line == NULL) {
        return false;
    }
    // To libcurl, a name and a colon without a value mean that the field is not to be sent; an
    // empty value is written with a semicolon.
    if (field->value[0] == '\0') {
        snprintf(line, size, "%s;", field->name);
    } else {
        snprintf(line, size, "%s: %s", field->name, field->value);
    }
    bool ok = append_line(list, line);
    explicit_bzero(line, size);
    free(line);
    return ok;
}

static bool has_field(const kk_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (curl_strequal(request->headers[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool set_headers(kk_live_job *job)
{
    const kk_request *request = job->request;
    // Neither a wait for "100 Continue" nor a type that nobody chose.
    bool ok = append_line(&job->headers, "Expect:");
    if (ok && !has_field(request, "Content-Type")) {
        ok = append_line(&job->headers, "Content-Type:");
    }
    for (size_t i = 0; ok && i < request->header_count; i++) {
        ok = append_field(&job->headers, &request->headers[i]);
    }
    if (ok && request->credential.name != NULL) {
        ok = append_field(&job->headers, &request->credential);
    }
    return ok && curl_easy_setopt(job->easy, CURLOPT_HTTPHEADER, job->headers) == CURLE_OK &&
           set_text(job->easy, CURLOPT_USERAGENT, job->live->host->user_agent);
}

// The list is not copied by libcurl: it is the job's, and freed after the handle was reset.
static bool set_resolve(kk_live_job *job)
{
    const char *entry = job->live->host->resolve;
    if (entry == NULL) {
        return true;
    }
    return append_line(&job->resolve, entry) &&
           curl_easy_setopt(job->easy, CURLOPT_RESOLVE, job->resolve) == CURLE_OK;
}

bool kk_live_easy_prepare(kk_live_job *job)
{
    return set_fixed(job->easy) && set_text(job->easy, CURLOPT_URL, job->request->url) &&
           set_trust(job) && set_proxy(job) && set_connection(job) && set_patience(job) &&
           set_callbacks(job) && set_method(job->easy, job->request) && set_headers(job) &&
           set_resolve(job);
}

void kk_live_headers_free(struct curl_slist *list)
{
    for (struct curl_slist *node = list; node != NULL; node = node->next) {
        if (node->data != NULL) {
            explicit_bzero(node->data, strlen(node->data));
        }
    }
    curl_slist_free_all(list);
}
