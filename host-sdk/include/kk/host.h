// kk/host.h - a host of tools in one object: load plugins, list what they offer, call it.
//
//     kk_host *host = NULL;
//     kk_result *result = NULL;
//     kk_error err = {0};
//     kk_host_options options = {.size = sizeof options};
//     if (kk_host_open(&options, &host, &err) == KK_OK) {
//         kk_call_options call = {.size = sizeof call,
//                                 .function = "planetscale.list_databases",
//                                 .args = "{\"organization\":\"acme\"}"};
//         kk_host_call(host, &call, &result, &err);
//     }
//
// Options are structures that begin with their size; what is not named is zero, and zero is the
// default.  Texts are UTF-8 and end in NUL.  The library prints nothing, never exits, and never
// shows a secret.
//
// Unless KK_HOST_IGNORE_ENVIRONMENT is set, variables of the environment are read when a host opens
// and when an account is resolved: KK_HOME, KK_PLUGIN_PATH, KK_TRANSPORT, KK_TAPE, KK_RECORD_IN_CI,
// CI, KK_CA_FILE, KK_ACCOUNT_<PLUGIN>, the key sources of kk/keyring.h,
// KK_CRED__<PLUGIN>__<ACCOUNT>__<FIELD>, and the vendors' own variables that manifests name.
//
// SPDX-License-Identifier: MIT
#ifndef KK_HOST_H
#define KK_HOST_H

#include <kk/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kk_host kk_host;
typedef struct kk_result kk_result;
typedef struct kk_cancel kk_cancel;

// ---- Opening

#define KK_LOG_LEVEL_ERROR 0
#define KK_LOG_LEVEL_WARN 1
#define KK_LOG_LEVEL_INFO 2
#define KK_LOG_LEVEL_DEBUG 3

// One line for a log, without a newline and without secrets.  Runs on any thread.
typedef void (*kk_log_fn)(void *context, int level, const char *text);

#define KK_HOST_NO_SEARCH UINT32_C(1)          // load only `plugin_files`
#define KK_HOST_IGNORE_ENVIRONMENT UINT32_C(2) // read no environment variable
#define KK_HOST_PREPARE_LIVE UINT32_C(4)       // load the live transport now
#define KK_HOST_REQUIRE_MLOCK UINT32_C(8)      // as KK_KEYRING_REQUIRE_MLOCK of kk/keyring.h
#define KK_HOST_HTTP_ONLY UINT32_C(16)         // load of libcurl's libraries what HTTP needs

struct kk_live_host;
struct kk_transport;
typedef kk_code (*kk_live_fn)(const struct kk_live_host *host, struct kk_transport **out,
                              kk_error *err);

// The live transport itself, for `live` below.  It is in kkhost::live, not in libkkhost.
KK_PUBLIC kk_code kk_live_open(const struct kk_live_host *host, struct kk_transport **out,
                               kk_error *err);

// All borrowed for kk_host_open() alone, `live`, `log` and `log_context` excepted.
typedef struct kk_host_options {
    size_t size; // sizeof(kk_host_options)
    uint32_t flags;
    const char *const *plugin_files; // NULL-terminated; loaded before the search path
    const char *home;                // in place of KK_HOME
    const char *replay_file; // answer from this tape, and never touch the network or the keyring
    const char *record_file; // send live, and record what was exchanged into this tape
    const char *account;     // the account of calls that name none
    const char *key_file;    // the keyring's key, before every other source
    int key_fd;              // the same from a descriptor above 2; 0 = none
    kk_log_fn log;           // or NULL
    void *log_context;
    int log_level;   // the most detailed level that `log` gets
    kk_live_fn live; // kk_live_open of kkhost::live, for a program without the module; NULL = load
                     // the module
    const char *worker;       // the program kk-worker, an absolute path; NULL = this installation's
    const char *replay_delay; // how long a tape's answers take, by the replay's own clock: NULL or
                              // "off", "recorded", a factor "x0.1", or "250ms".  Nobody waits: the
                              // clock is moved on, and deadlines are by it
    kk_code (*ask)(void *context, const char *prompt, char *out, size_t out_size, size_t *out_len,
                   kk_error *err); // kk_keyring_options.ask
    void *ask_context;
} kk_host_options;

// KK_HOST_PREPARE_LIVE is for a program that has one thread, calls once and ends.  What the network
// needs is some thirty libraries, which load and ready themselves faster while no other thread
// runs: that is done here.  What goes wrong is told by the call that needs it.  Under replay the
// flag means nothing.
//
// KK_HOST_HTTP_ONLY is for a program that uses neither LDAP, Kerberos, SSH nor RTMP itself.
// libcurl brings libraries for all of them, more than half of what it loads; the transport speaks
// nothing but HTTP, and with this flag stubs that end the process when they are called stand for
// them.  Until the process ends, a library that is loaded later and needs one of those gets the
// stub as well, and usually does not load.
//
// Reads the configuration and loads the plugins: `plugin_files`, then KK_PLUGIN_PATH, the user's
// directory, this installation's, /usr/local/lib/kk/plugins, /usr/lib/kk/plugins.  A plugin that
// does not pass its checks is left out and can be asked about (kk_host_refusal_at); only one that
// `plugin_files` names fails the opening.  Neither the keyring nor the network is touched yet.
//
// No plugin runs in this process before one of its functions is called: what it offers is asked of
// it in a confined child process, kk-worker, once; the answer is kept in the cache directory for as
// long as the file stays as it is.
//
// Errors: KK_ERR_PLUGIN_REFUSED (reason: the stage), KK_ERR_TAPE_INVALID, KK_ERR_USAGE
// (configuration, `replay_delay`), KK_ERR_LOCKED (another process records to the tape),
// KK_ERR_DENIED (recording with CI set), KK_ERR_PERMS, KK_ERR_IO, KK_ERR_INTERNAL.  *out is new:
// for kk_host_close().
KK_PUBLIC KK_MUST_USE kk_code kk_host_open(const kk_host_options *options, kk_host **out,
                                           kk_error *err);

// Saves what `record_file` or KK_TRANSPORT=record has recorded so far: merged with the tape that is
// in the file, without secrets, and as a whole or not at all.  kk_host_close() saves what was not
// saved, and can only log that it failed.  Without a recording nothing happens.  No call may be
// running.
// Errors: KK_ERR_TAPE_INVALID, reason "redaction_unknown_secret" where something looks like a
// secret, which NAME.rejected.har then shows masked, and reason "rejected" after
// kk_host_reject_recording(); KK_ERR_IO, NO_SPACE, READ_ONLY, PERMS, TOO_LARGE, INTERNAL.
KK_PUBLIC KK_MUST_USE kk_code kk_host_save_recording(kk_host *host, kk_error *err);

// What was recorded belongs to a run that failed, such as a test: it shall not replace the tape,
// and goes to NAME.rejected.har.  Threads: any.
KK_PUBLIC void kk_host_reject_recording(kk_host *host);

// Waits for running calls, closes the plugins' instances and frees the host.  An instance whose
// call never came back stays as it is, with what that call may touch.  Harmless for NULL.  No other
// thread may use the host any more.
KK_PUBLIC void kk_host_close(kk_host *host);

// "1.0.0"
KK_PUBLIC const char *kk_version(void);

// The tape that the host answers from, for the questions of kk/tape.h: which entries were not used,
// which variables it keeps.  NULL unless under replay.  The host's own.  Threads: any.
struct kk_tape;
KK_PUBLIC const struct kk_tape *kk_host_tape(const kk_host *host);

// ---- What there is

// Everything that an info structure points at belongs to the host and stays until kk_host_close().
// Threads: any.

typedef struct kk_plugin_info {
    const char *id;
    const char *title;
    const char *summary;
    const char *category;
    const char *version;
    const char *path; // of the shared object
    size_t tool_count;
} kk_plugin_info;

typedef struct kk_tool_info {
    const char *function; // "planetscale.list_databases"
    const char *slug;     // "planetscale_list_databases"
    const char *plugin;   // "planetscale"
    const char *name;     // "list_databases"
    const char *title;
    const char *summary;
    const char *description;
    const char *input_schema;  // as callers see it: with the `fields` argument that the host adds
    const char *output_schema; // or NULL
    const char *operation;     // "read" or "write"
} kk_tool_info;

typedef struct kk_refusal_info {
    const char *path;
    const kk_error *error; // code KK_ERR_PLUGIN_REFUSED, reason = the stage
} kk_refusal_info;

KK_PUBLIC size_t kk_host_plugin_count(const kk_host *host);
KK_PUBLIC const kk_plugin_info *kk_host_plugin_at(const kk_host *host, size_t index);

KK_PUBLIC size_t kk_host_tool_count(const kk_host *host);
KK_PUBLIC const kk_tool_info *kk_host_tool_at(const kk_host *host, size_t index);

// The plugins that were found and refused.
KK_PUBLIC size_t kk_host_refusal_count(const kk_host *host);
KK_PUBLIC const kk_refusal_info *kk_host_refusal_at(const kk_host *host, size_t index);

// Finds a function by "plugin.name", "plugin.slug" or the bare slug, with or without
// "app.integrations." before it.
// Errors: KK_ERR_UNKNOWN_FUNCTION, KK_ERR_UNKNOWN_PLUGIN, with near names.
KK_PUBLIC KK_MUST_USE kk_code kk_host_find_tool(const kk_host *host, const char *function,
                                                const kk_tool_info **out, kk_error *err);

// The documentation page [page] as Markdown: "integrations.planetscale",
// "integrations.planetscale.list_databases", forms with an account, with or without "app." and
// "integrations.", "overview", "errors", "examples"; NULL or "" lists the pages.  A plugin's page
// lists its accounts by name, and the page of an account that does not exist is none, as far as the
// accounts are known: a keyring that cannot be listed fails no page.  *text is new: for free().
// Errors: KK_ERR_UNKNOWN_PAGE with near names.
KK_PUBLIC KK_MUST_USE kk_code kk_host_docs(kk_host *host, const char *page, char **text,
                                           kk_error *err);

// The pages below [prefix], such as "integrations.planetscale", itself included, or all for NULL
// and "": a JSON array of {"page","summary"}.  *json is new: for free().
// Errors: KK_ERR_UNKNOWN_PAGE with near names.
KK_PUBLIC KK_MUST_USE kk_code kk_host_docs_list(const kk_host *host, const char *prefix,
                                                char **json, kk_error *err);

// The pages that speak of [words], the best twenty first: a JSON array of
// {"page","summary","matched"}.  What a page holds of more words goes first; then a word in its
// name counts more than one in its description, and that more than one in a parameter; `matched` is
// the best of them, "name", "description" or "parameter".  Case, plurals and usual abbreviations
// ("db", "org") do not matter.  *json is new: for free().
// Errors: KK_ERR_UNKNOWN_PAGE where nothing is found, with near pages.
KK_PUBLIC KK_MUST_USE kk_code kk_host_docs_search(const kk_host *host, const char *words,
                                                  char **json, kk_error *err);

// Turns "key=value" words and JSON into the arguments of a function: each word's value is read by
// the type that the schema gives the key, never by its looks.  A value for an array is a
// comma-separated list or a JSON array; for an object, JSON.  [json] may be NULL; a word for a key
// that it has too is an error.  *args is new: for free().
// Errors: KK_ERR_INVALID_ARGS, KK_ERR_UNKNOWN_FUNCTION, KK_ERR_UNKNOWN_PLUGIN.
KK_PUBLIC KK_MUST_USE kk_code kk_host_read_args(const kk_host *host, const char *function,
                                                const char *json, const char *const *words,
                                                size_t word_count, char **args, kk_error *err);

// ---- Accounts

// Where the value of a credential's field comes from.
typedef struct kk_field_info {
    const char *key;
    const char *label;
    const char *hint;   // or ""
    const char *source; // "keyring", "environment KK_CRED__...", "default", "tape", or "" where it
                        // is missing
    bool secret;
} kk_field_info;

// Which account a call would use, and why.
typedef struct kk_account_info {
    const char *plugin;
    const char *account; // "production"; "environment" for the vendor's own variables
    const char *rule;   // "named in the call", "KK_ACCOUNT_PLANETSCALE", ".kk.json", "the default",
                        // "the only account", ...
    const char *scheme; // the scheme that its fields complete, or "" where none is complete
    const kk_field_info *fields;
    size_t field_count;
} kk_account_info;

// Resolves the account of [plugin] as a call would; [account] may be NULL.  Opens the keyring if
// one is needed.  *out is new: for kk_account_info_free().
// Errors: KK_ERR_UNKNOWN_PLUGIN, KK_ERR_ACCOUNT_UNKNOWN, KK_ERR_AMBIGUOUS, KK_ERR_PARTIAL and every
// keyring code.
KK_PUBLIC KK_MUST_USE kk_code kk_host_which(kk_host *host, const char *plugin, const char *account,
                                            kk_account_info **out, kk_error *err);
KK_PUBLIC void kk_account_info_free(kk_account_info *info);

// Whether [value] may be stored as field [key] of [plugin]: the manifest has such a field, and the
// value has its form (a prefix, a length, a URL that is https or loopback).  Never repeats the
// value.
// Errors: KK_ERR_UNKNOWN_PLUGIN, KK_ERR_INVALID_ARGS with near names or the expected form.
KK_PUBLIC KK_MUST_USE kk_code kk_host_check_field(const kk_host *host, const char *plugin,
                                                  const char *key, const char *value,
                                                  size_t value_len, kk_error *err);

// Whether [account] may be the name of an account of [plugin]: the name grammar, not "default" or
// "environment", and not the name or slug of one of the plugin's functions, '-' taken for '_'.
// Errors: KK_ERR_UNKNOWN_PLUGIN, KK_ERR_INVALID_ARGS.
KK_PUBLIC KK_MUST_USE kk_code kk_host_check_account_name(const kk_host *host, const char *plugin,
                                                         const char *account, kk_error *err);

// Whether [url], as field [key] of an account whose stored value is [current] ("" for none), leads
// where the manifest or that value leads already.  *known is true for a field that is no URL.
// Errors: KK_ERR_UNKNOWN_PLUGIN.
KK_PUBLIC KK_MUST_USE kk_code kk_host_is_known_origin(const kk_host *host, const char *plugin,
                                                      const char *key, const char *url,
                                                      size_t url_len, const char *current,
                                                      size_t current_len, bool *known,
                                                      kk_error *err);

// A field of an account, lent with its value.
typedef struct kk_lent_field {
    const char *key;
    const char *env;   // the vendor's variable for it, or ""
    const char *value; // NUL-terminated, in locked memory
    size_t value_len;
    bool secret;
} kk_lent_field;

// Lends the fields of the account that a call would use, to hand them to another program: those of
// its scheme, and what is set of the others that are not secret.  They are wiped when [use]
// returns, whose own return is passed on.  This is the one function that gives a credential away.
// Errors: as kk_host_which(), KK_ERR_CREDENTIAL_INCOMPLETE, KK_ERR_USAGE under replay.
typedef kk_code (*kk_lend_fn)(void *context, const kk_account_info *account,
                              const kk_lent_field *fields, size_t count, kk_error *err);
KK_PUBLIC KK_MUST_USE kk_code kk_host_lend(kk_host *host, const char *plugin, const char *account,
                                           kk_lend_fn use, void *context, kk_error *err);

// ---- Calling

// A token by which any thread ends a call.  One token may serve many calls.
KK_PUBLIC kk_cancel *kk_cancel_new(void); // NULL if memory runs out
KK_PUBLIC void kk_cancel_raise(kk_cancel *cancel);
KK_PUBLIC void kk_cancel_free(kk_cancel *cancel); // no call may still use it; harmless for NULL

// Asked before a write that was not approved otherwise, after everything else was checked.  True
// lets it run.
typedef bool (*kk_approve_fn)(void *context, const char *function, const char *account,
                              const char *args);

#define KK_CALL_DRY_RUN UINT32_C(1)  // stop before anything is sent
#define KK_CALL_APPROVED UINT32_C(2) // the caller approves the write

typedef struct kk_call_options {
    size_t size;          // sizeof(kk_call_options)
    const char *function; // as kk_host_find_tool() takes it
    const char *args;     // one JSON object, or NULL for {}
    const char *account;  // or NULL: the host's, or resolved; "default" is resolved past the host's
    uint32_t flags;
    uint32_t timeout_ms; // 0 = the tool's own, else the host's 30 s
    kk_cancel *cancel;   // or NULL
    kk_approve_fn approve;
    void *approve_context;
} kk_call_options;

// Calls a function and waits for it: resolve the name, the account and its credential, check the
// arguments, ask policy (reads run; a write needs KK_CALL_APPROVED or a yes from `approve`), [a dry
// run ends here], run the tool, check that its output is one JSON value, keep the wanted `fields`.
//
// On success and on failure *result is new, for kk_result_free(), and tells about the call; it is
// NULL only if memory ran out before there was anything to tell.  The tool may run on until it
// notices the deadline: the caller gets KK_ERR_TIMEOUT two seconds after it at the latest.
//
// Errors: any code of kk/error.h but the script's.  Threads: any, many at once.
KK_PUBLIC KK_MUST_USE kk_code kk_host_call(kk_host *host, const kk_call_options *options,
                                           kk_result **result, kk_error *err);

// The result as JSON text, NUL-terminated; "null" for a dry run and after a failure.  [len] may be
// NULL.
KK_PUBLIC const char *kk_result_data(const kk_result *result, size_t *len);

// The envelope as JSON text:
//     {"function","success","data","error",
//      "meta":{"account","operation","dry_run","transport","policy","attempts"},"duration_ms"}
// Made at the first call; NULL if memory runs out.  Threads: one at a time per result.
KK_PUBLIC const char *kk_result_envelope(kk_result *result, size_t *len);

// True if a tool was still running when its time was over.  Its thread and memory are left alone; a
// program that wants to end should then leave by _exit().
KK_PUBLIC bool kk_result_wedged(const kk_result *result);

// Harmless for NULL.
KK_PUBLIC void kk_result_free(kk_result *result);

#ifdef __cplusplus
}
#endif

#endif
