// The inside of the live transport: what its source files share.
//
// The live transport is a module of its own and links nothing of the host: what it needs of it
// arrives in a kk_live_host.  Only live_*.c and transport_live.c include libcurl.
//
// One multi handle has every connection, and the senders drive it by turns (live_drive.c).  A
// sender prepares a kk_live_job on its own stack and queues it; from then on the job is the
// driver's, be it the same thread or another, until it has ended.
#ifndef KK_LIVE_H
#define KK_LIVE_H

#include "transport.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

// The most idle easy handles that are kept for the next request.
#define KK_LIVE_IDLE_MAX 16

// The longest host and path that a message shows.
#define KK_LIVE_HOST_MAX 128
#define KK_LIVE_PATH_MAX 256

typedef struct kk_live {
    kk_transport base;
    const kk_live_host *host;

    CURLM *multi;         // the driver's
    pthread_mutex_t lock; // guards all that follows, and the state of every job
    bool is_driven;
    struct kk_live_job *queue;   // not yet seen by a driver; oldest first
    struct kk_live_job *running; // under way; changed by the driver alone
    CURL *idle[KK_LIVE_IDLE_MAX];
    size_t idle_count;
} kk_live;

// Which addresses a connection may go to.
typedef enum kk_live_reach {
    KK_LIVE_REACH_PUBLIC = 0, // a name on the Internet: nothing that is only reachable from here
    KK_LIVE_REACH_LOOPBACK,   // a loopback name, for which plain http is allowed
    KK_LIVE_REACH_ANY         // an address that the operator wrote himself, or a proxy
} kk_live_reach;

// Where a request goes, as libcurl itself understands the URL.  For checks and messages; the query
// is left out.
typedef struct kk_live_target {
    bool secure;
    kk_live_reach reach;
    char host[KK_LIVE_HOST_MAX];
    char path[KK_LIVE_PATH_MAX];
} kk_live_target;

// How a job ended.
typedef enum kk_live_end {
    KK_LIVE_RUNNING = 0,
    KK_LIVE_END_CURL, // by itself; `result` says how
    KK_LIVE_END_DEADLINE,
    KK_LIVE_END_CANCELLED,
    KK_LIVE_END_BROKEN // libcurl could not run it
} kk_live_end;

// What a callback of ours objected to, since libcurl only knows that one did.
typedef enum kk_live_objection {
    KK_LIVE_NO_OBJECTION = 0,
    KK_LIVE_BODY_TOO_LARGE,
    KK_LIVE_HEADERS_TOO_LARGE,
    KK_LIVE_OUT_OF_MEMORY
} kk_live_objection;

// One exchange.  On the sender's stack.
typedef struct kk_live_job {
    kk_live *live;
    const kk_request *request;
    kk_live_target target;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *resolve;
    kk_cancel_watch watch;
    atomic_bool is_cancelled;
    char error_text[CURL_ERROR_SIZE];

    // Written by the callbacks, on the thread that drives.
    char *body;
    size_t body_len;
    size_t body_capacity;
    size_t header_bytes;
    size_t header_lines;
    bool head_ended; // the empty line after the last header has come
    kk_live_objection objection;
    bool address_refused;

    // The driver's, under the lock.
    struct kk_live_job *next;
    pthread_cond_t turned; // it has ended, or is to drive
    kk_live_end end;
    CURLcode result;
} kk_live_job;

// ---- live_target.c: where a request goes, and what may be in it

// Takes the URL apart and checks the request once more: https or a loopback host, a method and
// header names that are tokens, values without control bytes.  Errors: KK_ERR_DENIED.
kk_code kk_live_check(const kk_live_host *host, const kk_request *request, kk_live_target *out,
                      kk_error *err);

// Covers what messages may not show of a text about the request.
void kk_live_hide(const kk_request *request, char *text);

// Writes the host that [url], seen from [base], names into [out], or "another address" where it
// names none.
void kk_live_host_of(const char *base, const char *url, char *out, size_t out_size);

// ---- live_address.c: which addresses may be connected to

// Whether [host], without brackets, is 127.0.0.0/8, ::1 or localhost; whether it is an address
// rather than a name.
bool kk_live_host_is_loopback(const char *host);
bool kk_live_host_is_address(const char *host);

// For CURLOPT_OPENSOCKETFUNCTION, with the job as its context.
curl_socket_t kk_live_open_socket(void *job, curlsocktype purpose, struct curl_sockaddr *address);

// ---- live_easy.c: a hardened easy handle

// Sets up job->easy and job->headers.  False if any option was not accepted or memory ran out; the
// request must not be sent then.
bool kk_live_easy_prepare(kk_live_job *job);

// Wipes and frees the header list.
void kk_live_headers_free(struct curl_slist *list);

// ---- live_answer.c: what comes back

size_t kk_live_on_header(char *bytes, size_t size, size_t count, void *job);
size_t kk_live_on_body(char *bytes, size_t size, size_t count, void *job);

// Moves the answer of a job that ended well into [out], whose status is set already.  False if
// memory ran out.
bool kk_live_answer_take(kk_live_job *job, kk_response *out);
void kk_live_answer_clean(kk_response *response);

// ---- live_error.c: what went wrong

// Says what became of the ended [job]: KK_OK if there is an answer to take.
kk_code kk_live_verdict(const kk_live_job *job, unsigned *status, kk_sent *sent, kk_error *err);

// ---- live_drive.c: the multi handle

// Makes it.  False if it could not be made; kk_live_stop() is called all the same.
bool kk_live_start(kk_live *self);

// Runs a prepared job to its end.  Threads: any, many at once.
void kk_live_run(kk_live *self, kk_live_job *job);

// Closes every connection.  No job may be running.
void kk_live_stop(kk_live *self);

#endif
