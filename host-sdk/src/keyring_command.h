// A command that prints a key: the configuration's {"key_source": {"command": [...]}}.
//
// It is run without a shell, with an environment of HOME, USER, LOGNAME, XDG_RUNTIME_DIR, LC_ALL=C
// and a fixed PATH, without a terminal, and without any descriptor of this process.  What it prints
// goes into locked memory.
#ifndef KK_KEYRING_COMMAND_H
#define KK_KEYRING_COMMAND_H

#include "secret.h"

enum { KK_KEY_COMMAND_MS = 5000, KK_KEY_COMMAND_OUTPUT_MAX = 4096 };

// Runs [argv], whose first element is an absolute path, for at most [limit_ms]; then it and its
// process group are killed.  *out is what it printed.
// Errors: KK_ERR_IO (it could not be started, failed, took too long or printed too much), INTERNAL.
KK_MUST_USE kk_code kk_key_command_run(const char *const *argv, unsigned limit_ms, kk_secret *out,
                                       kk_error *err);

#endif
