// What the files of the host share: the host itself, its instances, and a running call.
//
//     host.c       opening, closing and the questions of kk/host.h
//     host_record.c  which tape is played or recorded
//     host_docs.c  documentation pages, with the accounts that there are
//     call.c       the pipeline of one call
//     job.c        a tool on a worker thread, and a caller that waits no longer than it has to
//     instance.c   one plugin for one account
//     service.c    what a plugin may ask of the host: write, fail, HTTP, the clock
//     result.c     what the caller gets
#ifndef KK_HOST_PRIVATE_H
#define KK_HOST_PRIVATE_H

#include "account.h"
#include "cancel.h"
#include "config.h"
#include "live_module.h"
#include "policy.h"
#include "registry.h"
#include "retry.h"
#include "secret.h"
#include "tape.h"
#include "tape_write.h"
#include "time_source.h"
#include "transport.h"
#include "turn.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

// The most bytes that a tool may write.
#define KK_OUTPUT_MAX ((size_t)64 << 20)

// How long a call gets if neither the caller nor the tool says so, and how long after its end the
// caller still waits for the tool to notice.
#define KK_TIMEOUT_DEFAULT_MS 30000
#define KK_GRACE_MS 2000

typedef struct kk_job kk_job;
typedef struct kk_bound_instance kk_bound_instance;

// Threads that run tools: made when none is idle, kept until the host closes.
typedef struct kk_workers {
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    kk_job *first; // jobs that wait for a thread
    kk_job *last;
    size_t waiting; // how many
    size_t idle;    // threads that wait for a job
    pthread_t *threads;
    size_t thread_count;
    bool closing;
} kk_workers;

struct kk_host {
    kk_config *config;
    kk_registry *registry;
    kk_log_fn log;
    void *log_context;
    int log_level;
    char *preferred_account;
    char *worker_file; // kk_host_options.worker
    bool use_environment;

    pthread_mutex_t keyring_lock;  // guards the keyring, which serves one thread at a time
    kk_keyring *keyring;           // NULL under replay
    struct timespec keyring_mtime; // of the file as it was last read
    ino_t keyring_inode;

    kk_tape *tape;          // NULL unless under replay
    kk_tape_writer *writer; // NULL unless recording
    bool saved;             // the program has saved the recording itself
    kk_replay_delay replay_delay;
    kk_time_source *time;
    pthread_mutex_t transport_lock; // guards the opening of `transport`
    kk_transport *transport;        // the tape's, or the live one once something was sent
    kk_retry *retry;                // made with the live one; NULL under replay
    kk_live_host live_host;
    kk_live_fn live;
    bool http_only; // KK_HOST_HTTP_ONLY

    pthread_mutex_t instance_lock; // guards the list and the instances' `users`
    kk_bound_instance *instances;
    kk_turn *plugin_turns; // one a plugin, for KK_SERIAL_PLUGIN
    size_t plugin_turn_count;

    kk_workers workers;
    atomic_bool wedged; // a tool never came back: nothing that it may touch is freed
};

// One line for the host's log, if it wants that level.
void kk_host_log(const kk_host *self, int level, const char *format, ...) KK_PRINTF(3, 4);

// A variable of the environment, or NULL; also where the environment is to be ignored or the
// program runs with somebody else's rights.
const char *kk_host_environment(const kk_host *self, const char *name);

// ---- Tapes

// The files of the options and the environment; at most one is not NULL.
typedef struct kk_host_tapes {
    const char *replay;
    const char *record;
} kk_host_tapes;

// Errors: KK_ERR_USAGE; KK_ERR_DENIED for a recording where CI is set.
KK_MUST_USE kk_code kk_host_choose_tapes(const kk_host *self, const kk_host_options *options,
                                         kk_host_tapes *out, kk_error *err);

// Puts the recording transport around the live one that was just opened, if this host records.
KK_MUST_USE kk_code kk_host_wrap_recording(kk_host *self, kk_error *err);

// Saves what the program has not saved, and ends the recording.
void kk_host_end_recording(kk_host *self);

// The transport, opened if this is the first call that needs it.  Threads: any.
KK_MUST_USE kk_code kk_host_transport(kk_host *self, kk_transport **out, kk_error *err);

// "live", "record" or "replay".
const char *kk_host_transport_name(const kk_host *self);

// Resolves an account, re-reading a keyring that has changed.  [optional] as in
// kk_account_sources.  Threads: any.
KK_MUST_USE kk_code kk_host_resolve(kk_host *self, const kk_plugin *plugin, const char *name,
                                    bool optional, kk_account **out, kk_error *err);

// The names of the plugin's accounts, as kk_account_list() finds them.  Threads: any.
KK_MUST_USE kk_code kk_host_list_accounts(kk_host *self, const kk_plugin *plugin,
                                          kk_account_names *out, kk_error *err);

// ---- Instances

// One plugin for one account.  It is known by the configuration that the plugin was opened with,
// which holds no secret: a new token serves the old instance.
struct kk_bound_instance {
    kk_bound_instance *next;
    kk_host *host;
    const kk_plugin *plugin;
    char *account; // its name
    char *config;  // what open() got
    kk_host_api api;
    pthread_mutex_t open_lock; // held while the plugin opens
    bool opened;
    const kk_plugin_code *code; // once opened
    kk_instance *self;
    kk_turn turn; // for KK_SERIAL_INSTANCE
    size_t users; // calls that hold it
    atomic_bool wedged;
};

// The instance of [plugin] for [account], made if there is none; it is not opened yet.  Idle
// instances of the same account with another configuration are closed.  Released with
// kk_instance_release().
KK_MUST_USE kk_code kk_instance_acquire(kk_host *host, const kk_plugin *plugin,
                                        const kk_account *account, kk_bound_instance **out,
                                        kk_error *err);
void kk_instance_release(kk_bound_instance *self);

// Opens the instance if it is not.  Runs the plugin: on a worker thread.
KK_MUST_USE kk_code kk_instance_open(kk_bound_instance *self, kk_error *err);

// The turn that the instance's calls take, or NULL where they may run at once.
kk_turn *kk_instance_turn(kk_bound_instance *self);

// Closes all of a host's instances.
void kk_instances_close(kk_host *host);

// ---- One running call

// A response that the plugin holds.
typedef struct kk_held_response {
    kk_http_response public_part; // first, so that the plugin's pointer is ours
    struct kk_held_response *next;
    kk_response response;
} kk_held_response;

// Owned by two: the caller who waits, and the worker who runs it.  Whoever leaves last frees it.
struct kk_job {
    kk_job *next; // in the queue
    kk_host *host;
    const kk_entry *entry;
    kk_bound_instance *instance;
    kk_account *account;
    char *args;
    size_t args_len;
    uint64_t
        real_deadline_ms; // on the machine's clock: when the caller's patience ends, less the grace
    kk_cancel *cancel;    // the job's own, raised by the caller's token

    pthread_mutex_t lock; // guards what follows until `call`
    pthread_cond_t changed;
    bool done;
    bool cancelled;
    int owners;

    kk_call call;
    kk_buf output;
    kk_code outcome; // KK_OK, or as in `error`
    kk_error error;

    // What the worker notes while the tool runs.
    bool failed;            // fail() was called
    kk_tool_error failure;  // its numbers; the texts are in `error_texts`
    kk_error failure_texts; // message, hint, argument, api_code as given
    bool send_failed;
    kk_status send_status;
    kk_error send_error;
    kk_effect effect;
    kk_buf attempts;         // the members of a JSON array
    unsigned last_status;    // of the last attempt, or 0
    uint64_t retry_after_ms; // what its answer asked for; 0 = nothing
    bool wrote_too_much;
    kk_held_response *responses;
};

// Runs the job on a worker thread and waits: for its end, or until its time and the grace are over.
// True if it ended; false if it is still running, and is left to itself: the instance is wedged
// then, and only `error` of the caller counts.
bool kk_job_run(kk_job *job, kk_cancel *cancel);

// Gives up one ownership.
void kk_job_release(kk_job *job);

// Starts and ends the host's threads.
KK_MUST_USE kk_code kk_workers_start(kk_workers *self, kk_error *err);
void kk_workers_stop(kk_workers *self);

// ---- Services

// Fills the table that a plugin gets.
void kk_service_fill(kk_bound_instance *instance);

// Releases every response that a plugin still holds.
void kk_service_release_all(kk_job *job);

// ---- Results

struct kk_result {
    char *function;
    char *account;         // or NULL if none was resolved
    const char *operation; // or NULL if there is no such function
    const char *transport;
    const char *policy; // or NULL if it was not asked
    bool dry_run;
    bool success;
    bool wedged;
    char *data; // or NULL
    size_t data_len;
    char *attempts; // the members of a JSON array, or NULL
    kk_error error;
    uint64_t duration_us;
    char *envelope;
    size_t envelope_len;
};

#endif
