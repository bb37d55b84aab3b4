// The commands of kk: one table, from which the parser, --help and the test of docs/cli.md are
// made.
//
// A command is a row with its own options.  The options that every command takes are in a table of
// their own and may stand before or after the command's name.  main() parses, runs the row's
// function, and reports what it returns: a command never prints a failure itself.
#ifndef KK_CMD_H
#define KK_CMD_H

#include "buf.h"
#include "str.h"
#include <kk/host.h>

typedef enum kk_option_id {
    KK_OPT_JSON,
    KK_OPT_ACCOUNT,
    KK_OPT_REPLAY,
    KK_OPT_REPLAY_DELAY,
    KK_OPT_REPLAY_ALL_USED,
    KK_OPT_RECORD,
    KK_OPT_PLUGIN,
    KK_OPT_KEY_FILE,
    KK_OPT_KEY_FD,
    KK_OPT_TIMEOUT,
    KK_OPT_DRY_RUN,
    KK_OPT_YES,
    KK_OPT_VERBOSE,
    KK_OPT_NO_INPUT,
    KK_OPT_REQUIRE_MLOCK,
    KK_OPT_HELP,
    KK_OPT_VERSION,
    KK_OPT_RAW,
    KK_OPT_UNSET,
    KK_OPT_SEARCH,
    KK_OPT_MAN,
    KK_OPT_NEW_PASSPHRASE,
    KK_OPT_NEW_KEY_FILE,
    KK_OPT_RECOVERY,
    KK_OPT_LABEL,
    KK_OPT_FULL,
    KK_OPT_REVEAL,
    KK_OPT_FINGERPRINT,
    KK_OPT_OUTPUT,
    KK_OPT_ONLY,
    KK_OPT_ON_CONFLICT,
    KK_OPT_FROM_KEY_FILE,
    KK_OPT_TTL,
    KK_OPT_FIX,
    KK_OPT_EXECUTE,
    KK_OPT_MAX_MEMORY,
    KK_OPT_MAX_OUTPUT,
    KK_OPT_MAX_CPU,
    KK_OPT_MAX_TIME,
    KK_OPT_MAX_CALLS,
    KK_OPT_CHECK,
    KK_OPT_FAIL_AFTER,
    KK_OPT_CXX,
    KK_OPT_STRICT,
    KK_OPT_SEED,
    KK_OPT_IN_PROCESS,
    KK_OPT_RULES,
    KK_OPT_COUNT
} kk_option_id;

typedef struct kk_option {
    kk_option_id id;
    char letter;       // 'v' for -v, or 0
    const char *name;  // "account"
    const char *value; // what --help calls its value, "NAME"; NULL for an option without one
    const char *help;
} kk_option;

typedef struct kk_run kk_run;

typedef struct kk_command {
    const char *name;     // "call", or "keyring set" for a command of a group
    const char *operands; // "PLUGIN.FUNCTION [ARGUMENT...]", or ""
    const char *summary;
    const char *details;      // further lines for --help, or NULL
    const kk_option *options; // its own, ended by a row without a name; or NULL
    size_t words_min;
    size_t words_max;
    const char *surplus; // said in place of the surplus word, which may be a secret; or NULL
    bool changes;        // changes the keyring, so that --dry-run is refused rather than ignored
    kk_code (*run)(kk_run *run, kk_error *err); // NULL for the name of a group
} kk_command;

// What one command line asks for.  Texts are borrowed from argv.
struct kk_run {
    const kk_command *command;         // NULL for --help and --version alone
    const char *options[KK_OPT_COUNT]; // the value, "" for an option without one; NULL = not given
    const char **plugins;              // every --plugin, NULL-terminated
    const char **words;                // what follows the command's name
    size_t word_count;
    bool reported; // the JSON document of a failure is on stdout already
    bool leave;    // a call never came back: end the process without tidying up
    bool calls;    // a call follows: the host may prepare for it while it opens
};

extern const kk_option kk_global_options[]; // ended by a row without a name
extern const kk_command kk_commands[];      // kk_command_count rows
extern const size_t kk_command_count;

// Finds a command by its whole name, or returns NULL.
const kk_command *kk_command_find(kk_str name);

// Parses argv.  *run is to be released with kk_run_clean(), also after a failure; its --json is set
// even then, so that the failure can be reported as the caller wanted it.
// Errors: KK_ERR_USAGE, with near names for an unknown command or option.
KK_MUST_USE kk_code kk_options_parse(int argc, const char *const *argv, kk_run *run, kk_error *err);
void kk_run_clean(kk_run *run);

static inline bool kk_run_has(const kk_run *run, kk_option_id id)
{
    return run->options[id] != NULL;
}

// Appends the help of [command], or of kk itself for NULL.
void kk_help_write(const kk_command *command, kk_buf *out);

// Appends the manual page kk(1), for the formatter of man.
void kk_manual_write(kk_buf *out);

// Prints it, with --json as one document.
KK_MUST_USE kk_code kk_help_print(const kk_run *run, const kk_command *command, kk_error *err);

// Reads the value of --timeout, seconds as a decimal number; 0 where it is not given.
// Errors: KK_ERR_USAGE.
KK_MUST_USE kk_code kk_run_timeout(const kk_run *run, uint32_t *timeout_ms, kk_error *err);

// Reads the value of --key-fd; 0 where it is not given.  Errors: KK_ERR_USAGE.
KK_MUST_USE kk_code kk_run_key_fd(const kk_run *run, int *key_fd, kk_error *err);

// Reads the value of an option that takes seconds in the same way.  0 where it is not given.
KK_MUST_USE kk_code kk_run_seconds(const kk_run *run, kk_option_id id, const char *name,
                                   uint32_t *time_ms, kk_error *err);

// Opens the host as the options and KK_LOG say.  *out is new: for kk_host_close().
KK_MUST_USE kk_code kk_run_open_host(const kk_run *run, kk_host **out, kk_error *err);

// With --replay-all-used, whether every entry of the tape was used; for a command that went well.
// Errors: KK_ERR_REPLAY_MISS; KK_ERR_USAGE where there is no tape.
KK_MUST_USE kk_code kk_run_check_tape(const kk_run *run, const kk_host *host, kk_error *err);

kk_code kk_cmd_list(kk_run *run, kk_error *err);
kk_code kk_cmd_schema(kk_run *run, kk_error *err);
kk_code kk_cmd_call(kk_run *run, kk_error *err);
kk_code kk_cmd_docs(kk_run *run, kk_error *err);
kk_code kk_cmd_completion(kk_run *run, kk_error *err);
kk_code kk_cmd_lua(kk_run *run, kk_error *err);
kk_code kk_cmd_help(kk_run *run, kk_error *err);
kk_code kk_cmd_plugin_new(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_lint(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_fmt(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_show(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_diff(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_redact(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_prune(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_import(kk_run *run, kk_error *err);
kk_code kk_cmd_tape_age(kk_run *run, kk_error *err);
kk_code kk_cmd_plugin_list(kk_run *run, kk_error *err);
kk_code kk_cmd_plugin_check(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_init(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_set(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_list(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_rm(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_default(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_ack(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_which(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_slot_list(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_slot_add(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_slot_passwd(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_slot_rm(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_rekey(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_get(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_exec(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_export(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_import(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_lock(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_unlock(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_doctor(kk_run *run, kk_error *err);
kk_code kk_cmd_keyring_import_kosmokrator(kk_run *run, kk_error *err);

#endif
