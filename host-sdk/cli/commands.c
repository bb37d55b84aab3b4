// The table of commands and the options of each.
#include "cmd.h"

const kk_option kk_global_options[] = {
    {KK_OPT_JSON, 0, "json", NULL, "print one JSON document on stdout, also on failure"},
    {KK_OPT_ACCOUNT, 0, "account", "NAME", "use this account"},
    {KK_OPT_REPLAY, 0, "replay", "FILE", "answer from this tape; no network, no keyring"},
    {KK_OPT_REPLAY_DELAY, 0, "replay-delay", "DELAY",
     "let the tape's answers take time: recorded, x0.1 or 250ms"},
    {KK_OPT_REPLAY_ALL_USED, 0, "replay-all-used", NULL, "fail if entries of the tape are left"},
    {KK_OPT_RECORD, 0, "record", "FILE", "send live, and record into this tape"},
    {KK_OPT_PLUGIN, 0, "plugin", "FILE", "load this plugin too; may be repeated"},
    {KK_OPT_KEY_FILE, 0, "key-file", "FILE", "the file with the keyring's key"},
    {KK_OPT_KEY_FD, 0, "key-fd", "N", "the descriptor that the keyring's key is read from"},
    {KK_OPT_TIMEOUT, 0, "timeout", "SECONDS", "the time a call gets, for example 2.5"},
    {KK_OPT_DRY_RUN, 0, "dry-run", NULL, "check a call and stop before anything is sent"},
    {KK_OPT_YES, 0, "yes", NULL, "approve the write or the removal"},
    {KK_OPT_NO_INPUT, 0, "no-input", NULL, "never ask on the terminal"},
    {KK_OPT_REQUIRE_MLOCK, 0, "require-mlock", NULL,
     "fail where memory for secrets cannot be locked"},
    {KK_OPT_VERBOSE, 'v', "verbose", NULL, "log to stderr, at level info unless KK_LOG says more"},
    {KK_OPT_HELP, 'h', "help", NULL, "show help"},
    {KK_OPT_VERSION, 0, "version", NULL, "show the version"},
    {0},
};

static const kk_option set_options[] = {
    {KK_OPT_RAW, 0, "raw", NULL, "keep the newline at the end of the value"},
    {0},
};

static const kk_option default_options[] = {
    {KK_OPT_UNSET, 0, "unset", NULL, "remove the default"},
    {0},
};

static const kk_option docs_options[] = {
    {KK_OPT_SEARCH, 0, "search", "WORDS", "show the pages that speak of these words, best first"},
    {0},
};

static const kk_option help_options[] = {
    {KK_OPT_MAN, 0, "man", NULL, "print the manual page, for man"},
    {0},
};

#define NEW_SLOT                                                                                   \
    {KK_OPT_NEW_PASSPHRASE, 0, "new-passphrase", NULL, "a passphrase, asked for or from stdin"},   \
        {KK_OPT_NEW_KEY_FILE, 0, "new-key-file", "FILE", "this key file, made if there is none"},  \
        {KK_OPT_RECOVERY, 0, "recovery", NULL, "a new key, shown this one time"},                  \
    {                                                                                              \
        KK_OPT_LABEL, 0, "label", "TEXT", "what the slot is called"                                \
    }

static const kk_option init_options[] = {
    {KK_OPT_NEW_PASSPHRASE, 0, "new-passphrase", NULL, "a passphrase, asked for or from stdin"},
    {KK_OPT_RECOVERY, 0, "recovery", NULL, "add a second key, shown this one time"},
    {0},
};

static const kk_option slot_options[] = {NEW_SLOT, {0}};

static const kk_option rekey_options[] = {
    {KK_OPT_FULL, 0, "full", NULL, "a new data key, and every value sealed anew"},
    {0},
};

static const kk_option get_options[] = {
    {KK_OPT_REVEAL, 0, "reveal", NULL, "print the value itself"},
    {0},
};

static const kk_option list_options[] = {
    {KK_OPT_FINGERPRINT, 0, "fingerprint", NULL, "with a fingerprint of each value"},
    {0},
};

static const kk_option export_options[] = {
    {KK_OPT_OUTPUT, 'o', "output", "FILE", "where the copy goes; there must be no such file"},
    {KK_OPT_ONLY, 0, "only", "PLUGIN[/ACCOUNT]", "nothing else"},
    NEW_SLOT,
    {0},
};

#define ON_CONFLICT                                                                                \
    {                                                                                              \
        KK_OPT_ON_CONFLICT, 0, "on-conflict", "fail|skip|replace",                                 \
            "what becomes of a value that differs from the one here; fail by default"              \
    }

static const kk_option import_options[] = {
    ON_CONFLICT,
    {KK_OPT_FROM_KEY_FILE, 0, "from-key-file", "FILE", "the key of the copy"},
    {0},
};

static const kk_option kosmokrator_options[] = {
    ON_CONFLICT,
    {KK_OPT_FROM_KEY_FILE, 0, "from-key-file", "FILE", "its credentials.key"},
    {0},
};

static const kk_option unlock_options[] = {
    {KK_OPT_TTL, 0, "ttl", "TIME", "how long, such as 90s, 15m or 8h; 15m by default"},
    {0},
};

static const kk_option doctor_options[] = {
    {KK_OPT_FIX, 0, "fix", NULL, "take permissions from others that they must not have"},
    {0},
};

static const kk_option lua_options[] = {
    {KK_OPT_EXECUTE, 'e', "execute", "CODE", "run this code"},
    {KK_OPT_MAX_CPU, 0, "max-cpu", "SECONDS", "the CPU time the script gets, 30 unless given"},
    {KK_OPT_MAX_TIME, 0, "max-time", "SECONDS", "its time from start to end, 300 unless given"},
    {KK_OPT_MAX_MEMORY, 0, "max-memory", "MIB", "the memory of its values, 32 unless given"},
    {KK_OPT_MAX_OUTPUT, 0, "max-output", "BYTES", "what it may print, 1048576 unless given"},
    {KK_OPT_MAX_CALLS, 0, "max-calls", "NUMBER", "how many calls it may make, 1000 unless given"},
    {0},
};

static const kk_option fmt_options[] = {
    {KK_OPT_CHECK, 0, "check", NULL, "change nothing, and fail if something would be"},
    {0},
};

static const kk_option age_options[] = {
    {KK_OPT_FAIL_AFTER, 0, "fail-after", "DAYS", "fail if a tape is older"},
    {0},
};

static const kk_option new_options[] = {
    {KK_OPT_CXX, 0, "cxx", NULL, "write it in C++11"},
    {0},
};

static const kk_option check_options[] = {
    {KK_OPT_STRICT, 0, "strict", "N",
     "what counts: 1 errors, 2 warnings too (the default), 3 advice too"},
    {KK_OPT_ONLY, 0, "only", "REGEX", "only the rules whose number or name it matches"},
    {KK_OPT_SEED, 0, "seed", "N",
     "of the arguments that are made up; the same seed, the same calls"},
    {KK_OPT_IN_PROCESS, 0, "in-process", NULL, "run the rules in kk itself, for a debugger"},
    {KK_OPT_RULES, 0, "rules", NULL, "print the rules, as a page"},
    {0},
};

#define SECRET_WORD                                                                                \
    "a value is never taken from the command line, where process lists and the shell's history "   \
    "show it"

const kk_command kk_commands[] = {
    {.name = "list",
     .operands = "[PLUGIN]",
     .summary = "Show the functions of all plugins, or of one",
     .words_max = 1,
     .run = kk_cmd_list},
    {.name = "schema",
     .operands = "PLUGIN.FUNCTION",
     .summary = "Show the JSON Schema of a function's arguments",
     .words_min = 1,
     .words_max = 1,
     .run = kk_cmd_schema},
    {.name = "call",
     .operands = "PLUGIN.FUNCTION [ARGUMENT...]",
     .summary = "Call a function and print its result",
     .details =
         "An argument is a word key=value, whose value is read by the type that the schema gives\n"
         "the key; or a JSON object, '@' and the name of a file that holds one, or '-' for one on\n"
         "stdin.  A list is written a,b,c or as a JSON array.\n",
     .words_min = 1,
     .words_max = SIZE_MAX,
     .run = kk_cmd_call},
    {.name = "docs",
     .operands = "[PAGE]",
     .summary = "Show a page of the documentation, or the list of pages",
     .options = docs_options,
     .words_max = 1,
     .run = kk_cmd_docs},
    {.name = "lua",
     .operands = "[FILE]",
     .summary = "Run a Lua script that calls functions, confined and with limits",
     .details = "The script is FILE, '-' for stdin, or the CODE of -e.  Without any, on a\n"
                "terminal, lines are read and run one by one.  What a script prints is printed,\n"
                "and then what it returned.  'kk docs overview' tells what it can use.\n",
     .options = lua_options,
     .words_max = 1,
     .run = kk_cmd_lua},
    {.name = "keyring",
     .operands = "COMMAND",
     .summary = "Keep the credentials of accounts, encrypted"},
    {.name = "keyring init",
     .operands = "",
     .summary = "Make the keyring",
     .details =
         "With --key-file, the key is that file's, which is made if there is none, and later\n"
         "calls find it by themselves.  Otherwise a new key is shown, this one time.\n",
     .options = init_options,
     .changes = true,
     .run = kk_cmd_keyring_init},
    {.name = "keyring set",
     .operands = "PLUGIN/ACCOUNT[/FIELD]",
     .summary = "Store a value, read from stdin or asked for without echo",
     .details =
         "With --json and no FIELD, stdin is a JSON object of several fields, which are\n"
         "stored all or none.  Otherwise it is the value; one newline at its end is dropped.\n",
     .options = set_options,
     .words_min = 1,
     .words_max = 1,
     .surplus = SECRET_WORD,
     .changes = true,
     .run = kk_cmd_keyring_set},
    {.name = "keyring list",
     .operands = "[PLUGIN]",
     .summary = "Show which accounts and fields are stored",
     .options = list_options,
     .words_max = 1,
     .run = kk_cmd_keyring_list},
    {.name = "keyring rm",
     .operands = "PLUGIN/ACCOUNT[/FIELD]",
     .summary = "Remove an account or one field of it",
     .words_min = 1,
     .words_max = 1,
     .changes = true,
     .run = kk_cmd_keyring_rm},
    {.name = "keyring default",
     .operands = "PLUGIN ACCOUNT | PLUGIN --unset",
     .summary = "Choose the account that calls use when they name none",
     .options = default_options,
     .words_min = 1,
     .words_max = 2,
     .changes = true,
     .run = kk_cmd_keyring_default},
    {.name = "keyring which",
     .operands = "PLUGIN",
     .summary = "Show which account a call would use, and why",
     .words_min = 1,
     .words_max = 1,
     .run = kk_cmd_keyring_which},
    {.name = "keyring ack",
     .operands = "",
     .summary = "Accept an old copy of the keyring that was put back on purpose",
     .details =
         "kk remembers the last generation of the keyring, and refuses an older file with the\n"
         "code rollback, and another one with the code fork, until this command accepts it.\n",
     .changes = true,
     .run = kk_cmd_keyring_ack},
    {.name = "keyring get",
     .operands = "PLUGIN/ACCOUNT/FIELD",
     .summary = "Show when a value was stored and its fingerprint, or the value itself",
     .options = get_options,
     .words_min = 1,
     .words_max = 1,
     .run = kk_cmd_keyring_get},
    {.name = "keyring exec",
     .operands = "PLUGIN -- COMMAND [ARGUMENT...]",
     .summary = "Run a program with an account's fields in its environment",
     .details = "A field goes into the variable that the manifest names for it, or PLUGIN_FIELD.  "
                "Nothing\n"
                "of the program's environment begins with KK_, and no argument holds a value.\n",
     .words_min = 2,
     .words_max = SIZE_MAX,
     .run = kk_cmd_keyring_exec},
    {.name = "keyring slot",
     .operands = "COMMAND",
     .summary = "Keep the keys and passphrases that open the keyring"},
    {.name = "keyring slot list",
     .operands = "",
     .summary = "Show what opens the keyring",
     .run = kk_cmd_keyring_slot_list},
    {.name = "keyring slot add",
     .operands = "",
     .summary = "Let another key or passphrase open the keyring",
     .details = "Without an option it is a new key, which is shown this one time.\n",
     .options = slot_options,
     .surplus = SECRET_WORD,
     .changes = true,
     .run = kk_cmd_keyring_slot_add},
    {.name = "keyring slot passwd",
     .operands = "[NUMBER]",
     .summary = "Change a passphrase, asked for or from stdin",
     .words_max = 1,
     .surplus = SECRET_WORD,
     .changes = true,
     .run = kk_cmd_keyring_slot_passwd},
    {.name = "keyring slot rm",
     .operands = "NUMBER",
     .summary = "Let a key or passphrase no longer open the keyring",
     .words_min = 1,
     .words_max = 1,
     .changes = true,
     .run = kk_cmd_keyring_slot_rm},
    {.name = "keyring rekey",
     .operands = "--full",
     .summary = "Seal everything anew, for the key in use alone",
     .options = rekey_options,
     .changes = true,
     .run = kk_cmd_keyring_rekey},
    {.name = "keyring export",
     .operands = "-o FILE",
     .summary = "Write an encrypted copy with a key of its own",
     .options = export_options,
     .changes = true,
     .run = kk_cmd_keyring_export},
    {.name = "keyring import",
     .operands = "FILE",
     .summary = "Take the values of an encrypted copy in",
     .details =
         "The copy's key is that of --from-key-file, or what stdin holds: its text or its\n"
         "passphrase.  With neither it is asked for, or else the key of this keyring is tried.\n",
     .options = import_options,
     .words_min = 1,
     .words_max = 1,
     .run = kk_cmd_keyring_import},
    {.name = "keyring import-kosmokrator",
     .operands = "",
     .summary = "Take the credentials of that host in, from stdin",
     .details = "Stdin is what this prints:\n"
                "  sqlite3 -json ~/.kosmo/data/kosmo.db 'SELECT key, value FROM settings'\n"
                "The key is KOSMO_CREDENTIAL_KEY or KOSMO_SECRET_KEY, else --from-key-file or\n"
                "~/.kosmokrator/credentials.key.\n",
     .options = kosmokrator_options,
     .run = kk_cmd_keyring_import_kosmokrator},
    {.name = "keyring unlock",
     .operands = "",
     .summary = "Remember the key in this login session for a while",
     .options = unlock_options,
     .run = kk_cmd_keyring_unlock},
    {.name = "keyring lock",
     .operands = "",
     .summary = "Forget what 'unlock' remembered",
     .run = kk_cmd_keyring_lock},
    {.name = "keyring doctor",
     .operands = "",
     .summary = "Examine the keyring and what is around it",
     .options = doctor_options,
     .run = kk_cmd_keyring_doctor},
    {.name = "completion",
     .operands = "SHELL",
     .summary = "Print a script that completes command lines in bash, zsh or fish",
     .details = "To have it in every shell, add to the shell's startup file:\n"
                "  bash  source <(kk completion bash)\n"
                "  zsh   source <(kk completion zsh)\n"
                "  fish  kk completion fish | source\n",
     .words_min = 1,
     .words_max = 1,
     .run = kk_cmd_completion},
    {.name = "tape",
     .operands = "COMMAND",
     .summary = "Check, read, compare and mend recorded exchanges"},
    {.name = "tape lint",
     .operands = "FILE...",
     .summary = "Look for secrets, for entries that never answer, and for misspelt members",
     .details = "Fails if a tape does not load or holds what looks like a secret; the rest are\n"
                "warnings.\n",
     .words_min = 1,
     .words_max = SIZE_MAX,
     .run = kk_cmd_tape_lint},
    {.name = "tape fmt",
     .operands = "FILE...",
     .summary = "Write tapes in the one form; what they answer stays the same",
     .details = "Prints the names of the files that were changed.\n",
     .options = fmt_options,
     .words_min = 1,
     .words_max = SIZE_MAX,
     .run = kk_cmd_tape_fmt},
    {.name = "tape show",
     .operands = "FILE [ENTRY]",
     .summary = "List the entries of a tape, or show one and its body",
     .details = "An entry is named by its _id, or #3 for the third.\n",
     .words_min = 1,
     .words_max = 2,
     .run = kk_cmd_tape_show},
    {.name = "tape diff",
     .operands = "OLD NEW",
     .summary = "Show what two tapes answer differently",
     .words_min = 2,
     .words_max = 2,
     .run = kk_cmd_tape_diff},
    {.name = "tape redact",
     .operands = "FILE...",
     .summary = "Take out of tapes what a recording would not have kept",
     .details = "Tells the places, never a value.  Fails if something looks like a secret still.\n",
     .options = fmt_options,
     .words_min = 1,
     .words_max = SIZE_MAX,
     .run = kk_cmd_tape_redact},
    {.name = "tape prune",
     .operands = "FILE [ENTRY...]",
     .summary = "Remove these entries, or those that can never answer",
     .words_min = 1,
     .words_max = SIZE_MAX,
     .run = kk_cmd_tape_prune},
    {.name = "tape import",
     .operands = "HAR TAPE",
     .summary = "Make a tape of what a browser, Playwright or mitmproxy recorded",
     .details = "Redacts everything as a recording does, and tells what was dropped or changed.\n"
                "A tape that exists is replaced only with --yes.\n",
     .words_min = 2,
     .words_max = 2,
     .run = kk_cmd_tape_import},
    {.name = "tape age",
     .operands = "FILE...",
     .summary = "Show how old tapes are",
     .details = "Fails if one is older than --fail-after, or than its own expires_days.\n",
     .options = age_options,
     .words_min = 1,
     .words_max = SIZE_MAX,
     .run = kk_cmd_tape_age},
    {.name = "plugin",
     .operands = "COMMAND",
     .summary = "Begin and check plugins, and show which there are"},
    {.name = "plugin list",
     .operands = "",
     .summary = "Show the plugins that are found, where, and which are refused and why",
     .run = kk_cmd_plugin_list},
    {.name = "plugin check",
     .operands = "[FILE]",
     .summary = "Hold a plugin against the rules of the interface",
     .details =
         "Each rule runs in a process of its own, which gets --timeout, 30 seconds by "
         "default.\nThe plugin's code runs, without a network and without credentials: check "
         "what you\nwould load.  Exit status 0 passed, 1 failed, 2 could not be checked.\n",
     .options = check_options,
     .words_max = 1,
     .run = kk_cmd_plugin_check},
    {.name = "plugin new",
     .operands = "NAME DIR",
     .summary = "Begin a plugin: source, tape, test and build files, in a new or empty directory",
     .details = "It builds as it is, with CMake or with pkg-config, and its test passes.\n",
     .options = new_options,
     .words_min = 2,
     .words_max = 2,
     .run = kk_cmd_plugin_new},
    {.name = "help",
     .operands = "[COMMAND]",
     .summary = "Show help on a command",
     .options = help_options,
     .words_max = 3,
     .run = kk_cmd_help},
};

const size_t kk_command_count = sizeof kk_commands / sizeof kk_commands[0];

const kk_command *kk_command_find(kk_str name)
{
    for (size_t i = 0; i < kk_command_count; i++) {
        if (kk_str_is(name, kk_commands[i].name)) {
            return &kk_commands[i];
        }
    }
    return NULL;
}
