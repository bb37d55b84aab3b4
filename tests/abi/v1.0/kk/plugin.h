// kk/plugin.h - the binary interface between a plugin and its host, version 1.0.
//
// A plugin is a shared object that offers tools to a language model's host.  This header is all
// that a plugin includes; it needs a C99 or C++11 compiler and nothing else.  What is not written
// here is not part of the interface.
//
// A plugin exports exactly these symbols, and no other:
//
//     kk_plugin_describe        the manifest: what the plugin is and which tools it has
//     kk_tool_<plugin>_<tool>   one entry point for each tool of the manifest
//
// Life of a plugin, from left to right.  A host refuses a plugin at the first step that fails, and
// says which:
//
//     file and trust checks -> dlopen -> describe -> version -> manifest -> symbols -> services
//                                                                                         |
//          open(host, config) -> instance      or no open at all: instance == NULL   <----+
//               |
//          tool(instance, call, args)    0..n times: write() and return KK_E_OK, or return fail()
//               |
//          close(instance)               after the last call has returned
//
// The mapping itself stays until the process ends.
//
// Three lifetimes, and nothing else crosses the border.  No heap block ever changes owner.
//
//     static      the manifest and all it points at: from the load to the end of the process
//     instance    kk_host_api and the service tables: until close() returns (no open: static)
//     call        the arguments, kk_call, HTTP responses: until the entry point returns
//
// Text is UTF-8.  Unless said otherwise a `const char *` ends in NUL, and NULL means "none".  An
// array of strings or of structures is an array of pointers that ends in NULL, so that its elements
// can grow.
//
// Growth.  Every structure begins with its own size (kk_header excepted: it is frozen).  Fields are
// only ever appended; who reads a structure reads at most `struct_size` bytes and takes the rest as
// zero, and the zero of a new field means the behaviour before the field existed.  Set
// `struct_size` with sizeof; test an appended field with KK_HAS of kk/plugin_util.h.  `reserved0`
// is written as zero and not read.
//
// Threads are named in brackets after each function: [any-thread]; [host-thread] for one that the
// host never runs beside another call on the same instance; [call-thread] for the thread that runs
// the entry point, during the call.
//
// SPDX-License-Identifier: MIT
#ifndef KK_PLUGIN_H
#define KK_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Version

#define KK_ABI_MAJOR 1
#define KK_ABI_MINOR 0
#define KK_ABI_VERSION (((uint32_t)KK_ABI_MAJOR << 16) | (uint32_t)KK_ABI_MINOR)
#define KK_ABI_MAGIC UINT32_C(0x314B4B50)

#if defined(__GNUC__)
#define KK_EXPORT __attribute__((visibility("default")))
#else
#define KK_EXPORT
#endif

// The first bytes of every manifest.  These 16 bytes are frozen for all major versions, so that a
// host of any age can tell what it has before it.
typedef struct kk_abi_tag {
    uint32_t magic;       // KK_ABI_MAGIC
    uint32_t struct_size; // sizeof(kk_manifest), as the plugin was compiled
    uint32_t abi_built;   // KK_ABI_VERSION of the header that the plugin was compiled with
    uint32_t abi_min;     // the oldest host that the plugin accepts; 1.0 unless it needs more
} kk_abi_tag;

// ---- Status codes

// What an entry point, `open` and every host function return.  Numbers are never reused.  An
// unknown number is taken as KK_E_INTERNAL, and shown.
typedef int32_t kk_status;

#define KK_E_OK 0                // done
#define KK_E_INVALID_ARGS 1      // the caller has to change the arguments; nothing was sent
#define KK_E_NOT_FOUND 2         // the thing does not exist, or the credential may not see it
#define KK_E_CONFLICT 3          // it exists already, or changed in between
#define KK_E_UNAUTHENTICATED 4   // the credential was not accepted
#define KK_E_PERMISSION_DENIED 5 // the credential was accepted and may not do this
#define KK_E_RATE_LIMITED 6      // too many requests; see retry_after_ms
#define KK_E_UNAVAILABLE 7       // the service or the way to it is down; trying again may help
#define KK_E_UPSTREAM 8          // the service refused for a reason of its own
#define KK_E_PROTOCOL 9          // the service's answer is not what its interface promises
#define KK_E_TOO_LARGE 10        // an input or output is over a limit
#define KK_E_UNSUPPORTED 11      // this host or service cannot do it
#define KK_E_NO_MEMORY 12        // an allocation failed
#define KK_E_INTERNAL 13         // a defect of the plugin or the host
#define KK_E_CANCELLED 14        // the caller cancelled
#define KK_E_DEADLINE 15         // the time for the call is over
#define KK_E_PRECONDITION 16     // the state of the service does not allow it

// The host alone gives these.
#define KK_E_BAD_OUTPUT 64    // what the tool wrote is not one JSON value
#define KK_E_CONTRACT 65      // the plugin broke a rule of this header
#define KK_E_NOT_GRANTED 66   // a service or credential that the manifest does not name
#define KK_E_ORIGIN_DENIED 67 // a URL outside the origins of the credential

// A vendor's own numbers begin here.  The host shows them as KK_E_INTERNAL with the number.
#define KK_E_VENDOR 0x10000

// ---- Names that the structures need

typedef struct kk_instance kk_instance; // the plugin's own, opaque to the host
typedef struct kk_call kk_call;         // one call of one tool
typedef struct kk_host_api kk_host_api; // what the host offers

// One tool.  [any-thread; how many at once is the manifest's `concurrency`]
//
// `self` is what open() gave, or NULL.  `args` is one JSON object that satisfies the tool's input
// schema, UTF-8, args[args_len] == 0, borrowed until the return.
//
// On success: write one JSON value, in any number of write() calls, and return KK_E_OK.  On
// failure: return what fail() returned.  A plain status without fail() is legal; the host then says
// what it knows itself, and if that status is the one that a failed send() returned, it reports
// that failure in full.  What was written before a failure is dropped.  Must not exit, fork, jump
// or throw across the border, nor change anything that belongs to the whole process.
typedef kk_status (*kk_tool_fn)(kk_instance *self, const kk_call *call, const char *args,
                                size_t args_len);

// ---- Manifest

// An example of a tool, shown in its documentation and run by tests.
typedef struct kk_example {
    uint32_t struct_size;
    uint32_t flags;    // 0
    const char *title; // "Print every database"
    const char *lua;   // a script that uses app.integrations.<plugin>.<tool>
    const char *args;  // the same arguments as one JSON object
} kk_example;

// kk_tool.flags.  A bit that is not set means the worst.
#define KK_TOOL_READ_ONLY UINT32_C(1) // changes nothing; the host lets it send only GET and HEAD
#define KK_TOOL_ADDITIVE_ONLY UINT32_C(2)  // adds, never changes or removes
#define KK_TOOL_IDEMPOTENT UINT32_C(4)     // a second identical call changes nothing more
#define KK_TOOL_CLOSED_WORLD UINT32_C(8)   // reaches nothing outside the machine
#define KK_TOOL_SECRET_OUTPUT UINT32_C(16) // the output holds secrets; see secret_paths

// A tool.  Names are [a-z][a-z0-9]*(_[a-z0-9]+)*, at most 63 bytes.
typedef struct kk_tool {
    uint32_t struct_size;
    uint32_t flags;                    // KK_TOOL_*
    const char *name;                  // "list_databases"
    const char *symbol;                // "kk_tool_planetscale_list_databases"
    kk_tool_fn entry;                  // the address of that symbol
    const char *title;                 // "List databases"
    const char *summary;               // one line
    const char *description;           // for people and models; may be several paragraphs
    const char *input_schema;          // JSON Schema of one object; the host validates against it
    const char *output_schema;         // JSON Schema of the result, or NULL
    const char *result_notes;          // what the result holds, in prose, or NULL
    const kk_example *const *examples; // or NULL
    const char *rows;          // JSON Pointer to the array of rows in the result, "/data", or NULL
    const char *const *access; // permissions that the credential needs, "read_databases", or NULL
    const char *const
        *secret_paths; // JSON Pointers of secrets in the output, `*` for every element, or NULL
    const char *credential; // the slot whose credential the tool uses, or NULL
    uint32_t timeout_ms;    // the time that a call gets by default; 0 = the host's choice
    uint32_t reserved0;
} kk_tool;

// kk_field.flags
#define KK_FIELD_SECRET UINT32_C(1) // encrypted at rest, never shown, never given to the plugin
#define KK_FIELD_URL UINT32_C(2) // an absolute URL; its origin is added to the credential's origins

// One value of a credential.  The checks catch a value that was pasted into the wrong field.
typedef struct kk_field {
    uint32_t struct_size;
    uint32_t flags;            // KK_FIELD_*
    const char *key;           // "service_token_id"; never "file"
    const char *label;         // "Service token ID"
    const char *hint;          // where to find it, or what to do when it is refused
    const char *placeholder;   // how a value looks, or NULL
    const char *default_value; // used when the account has none; never with SECRET
    const char *env;           // the vendor's own environment variable, or NULL
    const char *prefix;        // a value begins so, or NULL
    uint32_t length_min;       // bytes; 0 = any
    uint32_t length_max;       // bytes; 0 = any
} kk_field;

// One way to authenticate: a header that the host renders and sends.  The first scheme of a
// credential whose fields are all present is the one that is used.  `header_format` is literal text
// with {field}; `{{` and `}}` are the braces.
typedef struct kk_scheme {
    uint32_t struct_size;
    uint32_t flags;            // 0
    const char *name;          // "service-token": [a-z0-9]+(-[a-z0-9]+)*
    const char *const *fields; // the fields that have to be present
    const char *header_name;   // "Authorization"
    const char *header_format; // "{service_token_id}:{service_token}"
} kk_scheme;

// A credential that accounts supply.  It is complete when one scheme is.  It is sent only to
// `origins` (scheme, host and port, no path) and to the origin of the account's own URL field.
typedef struct kk_credential {
    uint32_t struct_size;
    uint32_t flags;                // 0
    const char *slot;              // "planetscale"; a request names it
    const char *title;             // "PlanetScale API"
    const kk_field *const *fields; // at most 32
    const kk_scheme *const *schemes;
    const char *const *origins; // "https://api.planetscale.com"
} kk_credential;

// kk_manifest.concurrency: how the host may run calls.
#define KK_SERIAL_PLUGIN UINT32_C(0)   // one call at a time in the whole plugin
#define KK_SERIAL_INSTANCE UINT32_C(1) // one call at a time on each instance
#define KK_PARALLEL UINT32_C(2)        // any number of calls at once

typedef struct kk_manifest {
    kk_abi_tag tag;
    const char *id;          // "planetscale", a name as a tool's
    const char *title;       // "PlanetScale"
    const char *summary;     // one line
    const char *description; // or NULL
    const char *category;    // "data"
    const char *version;     // "1.0.0"
    const char *license;     // "MIT"
    const char *homepage;    // or NULL
    const char *const *tags; // or NULL
    uint32_t concurrency;    // KK_SERIAL_PLUGIN, KK_SERIAL_INSTANCE, KK_PARALLEL
    uint32_t tool_count;     // entries of `tools` before its NULL
    const kk_tool *const *tools;
    const kk_credential *const *credentials; // or NULL; a host of 1.0 takes one
    const char *const *needs; // services without which the plugin is refused, or NULL
    const char *const *wants; // services that it uses when they are there, or NULL

    // Makes the instance for one account.  `config` is a JSON object, borrowed for the call:
    //     {"account":"production","scheme":"service-token",
    //      "fields":{"url":"https://api.planetscale.com/v1"}}
    // `fields` holds the fields that are not secret, defaults filled in.  On success *out is the
    // instance (NULL is allowed); on failure *out is not read.  NULL = the plugin keeps no state.
    // [host-thread]
    kk_status (*open)(const kk_host_api *host, const char *config, size_t config_len,
                      kk_instance **out);

    // Ends an instance, after its last call has returned; joins what threads it made.  Cannot fail.
    // NULL exactly when `open` is.  A process that simply exits does not call it.  [host-thread]
    void (*close)(kk_instance *self);
} kk_manifest;

// ---- Failure

#define KK_TOOL_ERROR_RETRYABLE UINT32_C(1)      // the same call may succeed later
#define KK_TOOL_ERROR_PARTIAL_EFFECT UINT32_C(2) // something may have been changed all the same

// What fail() takes.  The plugin fills it on its stack; fail() copies it before it returns.
typedef struct kk_tool_error {
    uint32_t struct_size;
    kk_status code;
    uint64_t retry_after_ms; // 0 = not known
    uint32_t http_status;    // 0 = none
    uint32_t flags;          // KK_TOOL_ERROR_*
    const char *message;     // one line: the cause.  NULL = the host's own words for `code`
    const char *argument;    // JSON Pointer to the argument at fault, or NULL
    const char *detail;      // a JSON object for the log, or NULL
    const char *request_id;  // the service's name for the request, or NULL
    const char *hint;        // one line: how to mend it, or NULL
    const char *api_code;    // the service's own code, or NULL
} kk_tool_error;

// ---- The host

// One call.  The host's; valid until the entry point returns, on any thread.
struct kk_call {
    uint32_t struct_size;
    uint32_t flags;       // 0
    uint64_t deadline_ms; // by kk_clock.mono_ms; UINT64_MAX = none
    const kk_host_api *host;
    void *host_data;     // the host's own
    const char *call_id; // for logs
    const char *tool;    // the tool's name
};

#define KK_LOG_ERROR 0
#define KK_LOG_WARN 1
#define KK_LOG_INFO 2
#define KK_LOG_DEBUG 3

// What every host offers.  All functions are there since 1.0.
struct kk_host_api {
    uint32_t struct_size;
    uint32_t abi_version; // the host's KK_ABI_VERSION
    void *host_data;      // the host's own
    const char *name;     // "kk"
    const char *version;  // "1.0.0"

    // The table of a service, for example KK_SERVICE_HTTP, or NULL when the manifest names it
    // neither in `needs` nor in `wants` or the host does not have it.  Lifetime: instance.
    // [any-thread]
    const void *(*get_service)(const kk_host_api *host, const char *id);

    // One line for the host's log, level KK_LOG_*.  The host redacts what it knows to be secret.
    // [any-thread]
    void (*log)(const kk_host_api *host, int32_t level, const char *text, size_t len);

    // Appends bytes to the output of the call.  KK_E_TOO_LARGE over the host's limit. [call-thread]
    kk_status (*write)(const kk_call *call, const char *json, size_t len);

    // Records why the call fails and returns error->code.  The first record of a call stands.  If
    // `code` is what a failed send() returned, the host keeps its own more exact code (for example
    // "dns"), and its own text where `message` is NULL.  [call-thread]
    kk_status (*fail)(const kk_call *call, const kk_tool_error *error);

    // KK_E_OK while the call is wanted, else KK_E_CANCELLED or KK_E_DEADLINE.  A loop without
    // send() or sleep_ms() asks it.  [any-thread]
    kk_status (*stopped)(const kk_call *call);
};

// ---- Service kk.http/1

#define KK_SERVICE_HTTP "kk.http/1"

// One header field.  Frozen: it will never grow.
typedef struct kk_header {
    const char *name;
    const char *value;
} kk_header;

// One request.  The plugin fills it on its stack; send() borrows it for its duration.
typedef struct kk_http_request {
    uint32_t struct_size;
    uint32_t flags;           // 0
    const char *method;       // "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"
    const char *url;          // absolute, without user information or fragment
    const char *credential;   // the slot whose header the host adds, or NULL for none
    const kk_header *headers; // header_count of them; not Authorization, Cookie, Host or what the
                              // host sets itself
    size_t header_count;
    const void *body; // body_len bytes, or NULL
    size_t body_len;
    uint32_t timeout_ms; // may shorten the call's deadline, never extend it; 0 = the deadline alone
    uint32_t reserved0;
} kk_http_request;

// One response.  The host's memory, until the call ends or release().
typedef struct kk_http_response {
    uint32_t struct_size;
    uint32_t status;          // 200 to 599
    const kk_header *headers; // names in lower case, duplicates kept, in order; Set-Cookie left out
    size_t header_count;
    const char *body; // body[body_len] == 0
    size_t body_len;
} kk_http_response;

// HTTP with the account's credential, which the plugin never sees.  Redirects are not followed.
// Whatever status the server sends is a response, not a failure.
typedef struct kk_http {
    uint32_t struct_size;
    uint32_t reserved0;

    // Sends one request and waits for the whole response.  On success *out is the response; on
    // failure *out is not touched and the status tells: KK_E_UNAVAILABLE (no connection, or it
    // broke), KK_E_PROTOCOL, KK_E_TOO_LARGE (a body over 16 MiB), KK_E_CANCELLED, KK_E_DEADLINE,
    // KK_E_CONTRACT (a request that this header forbids; a READ_ONLY tool that sends other than GET
    // or HEAD), KK_E_NOT_GRANTED, KK_E_ORIGIN_DENIED, KK_E_NO_MEMORY.  [call-thread]
    kk_status (*send)(const kk_call *call, const kk_http_request *request,
                      const kk_http_response **out);

    // Gives a response back before the call ends, for a loop over many pages.  NULL is harmless.
    // [call-thread]
    void (*release)(const kk_call *call, const kk_http_response *response);
} kk_http;

// ---- Service kk.clock/1

#define KK_SERVICE_CLOCK "kk.clock/1"

// Time as the host sees it: real, or the virtual time of a replayed tape.
typedef struct kk_clock {
    uint32_t struct_size;
    uint32_t reserved0;

    uint64_t (*mono_ms)(
        const kk_host_api *host); // never goes back; its zero means nothing.  [any-thread]
    int64_t (*unix_ms)(const kk_host_api *host); // milliseconds since 1970-01-01 UTC.  [any-thread]

    // Sleeps, or returns KK_E_CANCELLED or KK_E_DEADLINE as soon as the call is no longer wanted.
    // [call-thread]
    kk_status (*sleep_ms)(const kk_call *call, uint64_t ms);
} kk_clock;

// ---- The export

// The manifest, or NULL if the plugin does not accept a host of version `host_abi`.  Pure: no
// allocation, no input or output, the same answer each time; it runs before the plugin is trusted
// with anything.  [any-thread]
KK_EXPORT const kk_manifest *kk_plugin_describe(uint32_t host_abi);

#ifdef __cplusplus
}
#endif

#endif
