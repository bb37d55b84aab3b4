// One HTTP exchange, whoever answers it: the network or a tape.
//
// A transport is a table of functions over an immutable request.  Policy sits above it: the host
// has checked method, origin and headers, rendered the credential, and chosen the deadline before
// send() is called.  All transports give the same codes for the same failures.
//
//   live     libcurl, in a module of its own that live_module.c loads at the first live call
//   record   live, and what was exchanged goes to a tape (transport_record.c)
//   replay   answers from a tape (transport_replay.c); it has no way to the network
#ifndef KK_TRANSPORT_H
#define KK_TRANSPORT_H

#include "buf.h"
#include "cancel.h"
#include "str.h"
#include "time_source.h"
#include <kk/host.h>
#include <kk/plugin.h>
#include <kk/tape.h>

// The most bytes of a decoded response body, and of a response's header fields.
#define KK_BODY_MAX ((size_t)16 << 20)
#define KK_HEADERS_MAX ((size_t)64 << 10)
#define KK_HEADER_COUNT_MAX 200

typedef struct kk_transport kk_transport;

// A secret of an account, for what must not hold it.
typedef struct kk_request_secret {
    const char *field; // "service_token"
    kk_str value;
} kk_request_secret;

#define KK_REQUEST_SECRETS_MAX 32

// What a recording has to know of the account that a request is sent for.  All borrowed.
typedef struct kk_request_account {
    const char *scheme;     // or NULL
    bool is_default;        // nobody named the account
    const char *shape;      // the credential's header with {{FIELD}} for each field
    const char *base_url;   // the account's own URL, or NULL
    const char *public_url; // the plugin's default for it, which is recorded in its place; or NULL
    kk_request_secret secrets[KK_REQUEST_SECRETS_MAX];
    size_t secret_count;
} kk_request_account;

// All borrowed for the send.  Header names and values have been checked: no control bytes, no name
// twice.
typedef struct kk_request {
    const char *method;
    const char *url;
    const kk_header *headers; // header_count of them, without the credential's
    size_t header_count;
    kk_header credential; // the rendered header, in locked memory; name NULL = none.  In replay its
                          // value is the placeholders
    kk_str body;          // ptr NULL = no body
    const char *plugin;   // who asks, for the tape
    const char *account;  // on whose behalf, for the tape
    uint64_t deadline_ms; // by the transport's time source; UINT64_MAX = none
    kk_cancel *cancel;    // or NULL
    // what `record` needs; NULL for the others, and without account
    const kk_request_account *recorded;
    // Covers what no message and no log may show of a text about the request, in place; NULL where
    // there is nothing to cover.
    void (*hide)(const void *context, char *bytes, size_t len);
    const void *hide_context;
} kk_request;

// How far a request got.
typedef enum kk_sent {
    KK_SENT_NO = 0, // surely nothing reached the service
    KK_SENT_MAYBE,  // bytes left, and no complete answer came back
    KK_SENT_YES     // an answer came back
} kk_sent;

typedef struct kk_response {
    kk_sent sent;       // set on failure too
    unsigned status;    // 200 to 599
    kk_header *headers; // names in lower case, in order, duplicates kept; NULL for none
    size_t header_count;
    kk_str body;  // body.ptr[body.len] == 0, never NULL on success
    void *memory; // the transport's: what the above points into
} kk_response;

typedef struct kk_transport_table {
    const char *name; // "live", "record", "replay"

    // Sends [request] and waits for the whole answer.  An HTTP error status is an answer.  On
    // success all of *out is set, and it is released with response_clean; on failure only out->sent
    // is.  Redirects are not followed: a 3xx is KK_ERR_REDIRECT_REFUSED. Errors: DNS, CONNECT, TLS,
    // RESET, TRUNCATED, PROTOCOL, REDIRECT_REFUSED, TOO_LARGE, TIMEOUT, CANCELLED, DENIED (an
    // address that is not allowed), REPLAY_MISS, INTERNAL.  The message names method, host and
    // path, never a query or header.  Threads: any, many at once.
    kk_code (*send)(kk_transport *self, const kk_request *request, kk_response *out, kk_error *err);

    // Frees what a response points at, and empties it.  Harmless for an empty one.
    void (*response_clean)(kk_transport *self, kk_response *response);

    // Ends the transport.  No send may be running.
    void (*close)(kk_transport *self);
} kk_transport_table;

// Every transport begins with its table.
struct kk_transport {
    const kk_transport_table *table;
};

// ---- Replay

// How long an answer takes: the time that it took when it was recorded, times permille / 1000, and
// fixed_ms.  Zero is no time at all.
typedef struct kk_replay_delay {
    uint32_t permille;
    uint32_t fixed_ms;
} kk_replay_delay;

// Reads "off", "recorded", a factor such as "x0.1" up to x1000, or "250ms" up to a day.
// Errors: KK_ERR_USAGE.
KK_MUST_USE kk_code kk_replay_delay_parse(const char *text, kk_replay_delay *out, kk_error *err);

// A transport that answers from [tape].  Deadlines are by [time], a virtual clock that sleeping
// moves on, and delays pass on it: an answer that would come after the deadline is
// KK_ERR_TIMEOUT, as it would be live.  Both are borrowed and outlive it.
KK_MUST_USE kk_code kk_transport_replay_open(kk_tape *tape, kk_time_source *time,
                                             kk_replay_delay delay, kk_transport **out,
                                             kk_error *err);

// ---- Record

typedef struct kk_tape_writer kk_tape_writer;

// A transport that sends by [inner], which it closes with itself, and adds every exchange to
// [writer], which is borrowed and outlives it.  The caller gets what [inner] gives, unchanged.  On
// failure [inner] stays the caller's.
KK_MUST_USE kk_code kk_transport_record_open(kk_transport *inner, kk_tape_writer *writer,
                                             kk_transport **out, kk_error *err);

// ---- Live

// What the live module is given: it links nothing of the host.
typedef struct kk_live_host {
    size_t size;
    const char *user_agent; // "kk/1.0.0"
    const char *ca_file;    // further certificate authority, or NULL for the system's alone
    const char
        *proxy; // from the user's configuration, or NULL for none, whatever the environment says
    const char *resolve; // internal, for tests: an entry for CURLOPT_RESOLVE, or NULL
    unsigned idle_s; // internal, for tests: a connection idle for longer is closed; 0 = a minute
    void (*log)(void *context, int level, const char *text);
    void *log_context;
    kk_code (*fail)(kk_error *err, kk_code code, const char *format, ...) KK_PRINTF(3, 4);
    void (*fail_hint)(kk_error *err, const char *format, ...) KK_PRINTF(2, 3);
    uint64_t (*mono_ms)(void);
    void (*cancel_watch_add)(kk_cancel *self, kk_cancel_watch *watch);
    void (*cancel_watch_remove)(kk_cancel *self, kk_cancel_watch *watch);
} kk_live_host;

// The one export of kk_live.so, named KK_LIVE_SYMBOL: makes a live transport.  [host] and what it
// points at outlive the transport.  Static embedders link kkhost::live and give its address in
// kk_host_options.live.
#define KK_LIVE_SYMBOL "kk_live_open"
KK_PUBLIC kk_code kk_live_open(const kk_live_host *host, kk_transport **out, kk_error *err);

#endif
