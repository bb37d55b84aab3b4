// Between the files of the rules: the plugin that is looked at, and a host that plays tricks on it.
#ifndef KK_CHECK_PRIVATE_H
#define KK_CHECK_PRIVATE_H

#include "buf.h"
#include "loader.h"
#include <kk/check.h>
#include <pthread.h>

typedef struct kk_check {
    const kk_check_subject *subject;
    kk_check_found_fn found;
    void *context;
    kk_error *err;
    kk_plugin *plugin;           // loaded for the rules that need it
    const kk_manifest *manifest; // its
    const kk_plugin_code *code;  // bound for the rules that run it
    uint64_t random;             // the state of kk_check_random()
} kk_check;

// Tells one finding.
void kk_check_find(kk_check *self, const char *format, ...) KK_PRINTF(2, 3);

// The next number of a sequence that the subject's seed determines, below [bound], which is not 0.
uint64_t kk_check_random(kk_check *self, uint64_t bound);

// A rule's function.  What it returns is what kk_check_run() returns.
typedef kk_code (*kk_check_fn)(kk_check *self);

// ---- Stages, files (check_file.c)
kk_code kk_check_stage(kk_check *self, const char *stage);
kk_code kk_check_exports(kk_check *self);
kk_code kk_check_tls_library(kk_check *self);
kk_code kk_check_other_library(kk_check *self);
kk_code kk_check_bind_now(kk_check *self);
kk_code kk_check_nodelete(kk_check *self);
kk_code kk_check_text_relocation(kk_check *self);
kk_code kk_check_run_path(kk_check *self);
kk_code kk_check_stack(kk_check *self);
kk_code kk_check_symbolic(kk_check *self);
kk_code kk_check_relro(kk_check *self);

// ---- What the manifest says (check_manifest.c)
kk_code kk_check_version_form(kk_check *self);
kk_code kk_check_summaries(kk_check *self);
kk_code kk_check_http_named(kk_check *self);
kk_code kk_check_unknown_flags(kk_check *self);
kk_code kk_check_closed_objects(kk_check *self);
kk_code kk_check_descriptions(kk_check *self);
kk_code kk_check_has_examples(kk_check *self);
kk_code kk_check_example_args(kk_check *self);
kk_code kk_check_example_lua(kk_check *self);
kk_code kk_check_output_schemas(kk_check *self);
kk_code kk_check_describe_time(kk_check *self);

// ---- Arguments (check_value.c)

// Appends a made-up value of the JSON Schema [text], "{}" for one that cannot be read.
void kk_check_make_value(kk_check *self, const char *text, kk_buf *out);

// ---- A host for trying a plugin (check_host.c)

typedef enum kk_check_answer {
    KK_CHECK_ANSWER_FITTING, // 200 and a value of the tool's output schema
    KK_CHECK_ANSWER_ANY      // whatever a service may send, and what it should not
} kk_check_answer;

enum { KK_CHECK_RESPONSES_MAX = 64, KK_CHECK_BREACH_MAX = 160, KK_CHECK_EXERCISE_ROUNDS = 12 };

// How the host behaves in the next call, and what it saw.
typedef struct kk_check_host {
    kk_check *check;
    kk_host_api api;
    kk_instance *instance;
    // How it behaves
    kk_check_answer answer;
    kk_status stopped;  // KK_E_OK, KK_E_CANCELLED, KK_E_DEADLINE
    kk_status refusal;  // of every send(), or KK_E_OK
    size_t writes_left; // before write() fails with KK_E_NO_MEMORY
    // The call
    kk_call call;
    const kk_tool *tool;
    pthread_t thread;
    bool running;
    // What it saw
    kk_buf output;
    bool failed; // fail() was called
    kk_status fail_code;
    bool told_stop;     // something returned `stopped`
    bool write_refused; // write() failed
    size_t sends;
    char method[KK_CHECK_BREACH_MAX];  // of a request that a read-only tool must not send
    char request[KK_CHECK_BREACH_MAX]; // what is wrong with a request
    char sink[KK_CHECK_BREACH_MAX];    // what is wrong with the use of write() and fail()
    char service[KK_CHECK_BREACH_MAX]; // a service that the manifest does not name
    char late[KK_CHECK_BREACH_MAX];    // a function called on another thread or after the call
    kk_http_response *responses[KK_CHECK_RESPONSES_MAX];
    size_t response_count;
} kk_check_host;

// Opens an instance, if the plugin has any; finds it where it cannot be opened, and returns false.
// [self] has to stay where it is until kk_check_host_close().
bool kk_check_host_open(kk_check_host *self, kk_check *check, const char *account);
void kk_check_host_close(kk_check_host *self);

// Forgets the last call and makes one of tool [index] with [args].
kk_status kk_check_host_call(kk_check_host *self, size_t index, kk_str args);

// Calls tool [index] with made-up arguments that satisfy its schema, which [args] then holds.
// False where none could be made up.
bool kk_check_host_try(kk_check_host *self, size_t index, kk_buf *args, kk_status *status);

// ---- Behaviour (check_behaviour.c)
kk_code kk_check_returns(kk_check *self);
kk_code kk_check_one_value(kk_check *self);
kk_code kk_check_status(kk_check *self);
kk_code kk_check_read_only(kk_check *self);
kk_code kk_check_requests(kk_check *self);
kk_code kk_check_cancelled(kk_check *self);
kk_code kk_check_deadline(kk_check *self);
kk_code kk_check_refused_write(kk_check *self);
kk_code kk_check_sinks(kk_check *self);
kk_code kk_check_services(kk_check *self);
kk_code kk_check_late_use(kk_check *self);
kk_code kk_check_instances(kk_check *self);

// Opens, calls every tool a few times, and closes.
void kk_check_exercise(kk_check *self);

// ---- What belongs to the whole process (check_effects.c)
kk_code kk_check_directory(kk_check *self);
kk_code kk_check_umask(kk_check *self);
kk_code kk_check_locale(kk_check *self);
kk_code kk_check_environment(kk_check *self);
kk_code kk_check_signals(kk_check *self);
kk_code kk_check_descriptors(kk_check *self);
kk_code kk_check_threads(kk_check *self);
kk_code kk_check_standard_streams(kk_check *self);
kk_code kk_check_children(kk_check *self);
kk_code kk_check_leaks(kk_check *self);
kk_code kk_check_random_state(kk_check *self);

#endif
