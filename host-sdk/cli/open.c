// From the options of a command line to a host.
#include "fail.h"
#include "output.h"
#include "secret_input.h"
#include "terminal.h"
#include <errno.h>
#include <kk/tape.h>
#include <stdlib.h>
#include <unistd.h>

// A day: more is a mistake in the unit.
#define TIMEOUT_MAX_S 86400.0

kk_code kk_run_seconds(const kk_run *run, kk_option_id id, const char *name, uint32_t *time_ms,
                       kk_error *err)
{
    const char *text = run->options[id];
    if (text == NULL) {
        *time_ms = 0;
        return KK_OK;
    }
    size_t digits = strspn(text, "0123456789.");
    char *end = NULL;
    double seconds = strtod(text, &end);
    bool is_decimal = digits > 0 && text[digits] == '\0' && *end == '\0';
    if (!is_decimal || seconds < 0.001 || seconds > TIMEOUT_MAX_S) {
        return kk_fail(err, KK_ERR_USAGE,
                       "'--%s' takes seconds from 0.001 to 86400, such as 2.5, not '%.32s'", name,
                       text);
    }
    *time_ms = (uint32_t)(seconds * 1000.0 + 0.5);
    return KK_OK;
}

kk_code kk_run_key_fd(const kk_run *run, int *key_fd, kk_error *err)
{
    const char *text = run->options[KK_OPT_KEY_FD];
    char *end = NULL;
    *key_fd = 0;
    if (text == NULL) {
        return KK_OK;
    }
    long number = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 3 || number > 65535) {
        return kk_fail(err, KK_ERR_USAGE, "'--key-fd' takes the number of a descriptor above 2");
    }
    *key_fd = (int)number;
    return KK_OK;
}

kk_code kk_run_timeout(const kk_run *run, uint32_t *timeout_ms, kk_error *err)
{
    return kk_run_seconds(run, KK_OPT_TIMEOUT, "timeout", timeout_ms, err);
}

// The level to log at, or -1 for no log.
static kk_code log_level(const kk_run *run, int *level, kk_error *err)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    const char *wanted = getenv("KK_LOG");
    int found = kk_run_has(run, KK_OPT_VERBOSE) ? KK_LOG_LEVEL_INFO : -1;
    if (wanted == NULL || wanted[0] == '\0') {
        *level = found;
        return KK_OK;
    }
    for (int i = 0; i < 4; i++) {
        if (strcmp(wanted, names[i]) == 0) {
            *level = i > found ? i : found;
            return KK_OK;
        }
    }
    return kk_fail(err, KK_ERR_USAGE, "KK_LOG is one of error, warn, info and debug, not '%.32s'",
                   wanted);
}

static void free_paths(char **paths)
{
    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++) {
        free(paths[i]);
    }
    free(paths);
}

// The library takes absolute paths alone; on a command line a path begins where the user is.
static kk_code absolute_paths(const char *const *plugins, char ***out, kk_error *err)
{
    size_t count = 0;
    while (plugins[count] != NULL) {
        count++;
    }
    char *here = getcwd(NULL, 0);
    char **paths = calloc(count + 1, sizeof *paths);
    if (here == NULL || paths == NULL) {
        free(here);
        free(paths);
        return kk_fail(err, KK_ERR_IO, "the current directory is not known: %s", strerror(errno));
    }
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < count; i++) {
        kk_buf path = {.limit = KK_TEXT_MAX};
        kk_buf_append_format(&path, "%s%s%s", plugins[i][0] == '/' ? "" : here,
                             plugins[i][0] == '/' ? "" : "/", plugins[i]);
        code = kk_buf_check(&path, "the path of a plugin", err);
        paths[i] = kk_buf_steal(&path);
        kk_buf_clean(&path);
    }
    free(here);
    if (code != KK_OK) {
        free_paths(paths);
        return code;
    }
    *out = paths;
    return KK_OK;
}

static uint32_t host_flags(const kk_run *run)
{
    bool must_lock = kk_run_has(run, KK_OPT_REQUIRE_MLOCK);
    return KK_HOST_HTTP_ONLY | (run->calls ? KK_HOST_PREPARE_LIVE : 0) |
           (must_lock ? KK_HOST_REQUIRE_MLOCK : 0);
}

kk_code kk_run_open_host(const kk_run *run, kk_host **out, kk_error *err)
{
    int level = -1;
    uint32_t timeout_ms = 0;
    kk_code code = kk_run_timeout(run, &timeout_ms, err);
    int key_fd = 0;
    if (code == KK_OK) {
        code = kk_run_key_fd(run, &key_fd, err);
    }
    if (code == KK_OK) {
        code = log_level(run, &level, err);
    }
    if (code != KK_OK) {
        return code;
    }
    char **paths = NULL;
    if (run->plugins[0] != NULL) {
        code = absolute_paths(run->plugins, &paths, err);
    }
    if (code != KK_OK) {
        return code;
    }
    kk_host_options options = {.size = sizeof options,
                               .flags = host_flags(run),
                               .plugin_files = (const char *const *)paths,
                               .replay_file = run->options[KK_OPT_REPLAY],
                               .replay_delay = run->options[KK_OPT_REPLAY_DELAY],
                               .record_file = run->options[KK_OPT_RECORD],
                               .account = run->options[KK_OPT_ACCOUNT],
                               .key_file = run->options[KK_OPT_KEY_FILE],
                               .key_fd = key_fd,
                               .ask = kk_terminal_may_ask(run) ? kk_ask_for_key : NULL,
                               .log = level >= 0 ? kk_output_log : NULL,
                               .log_level = level >= 0 ? level : 0};
    code = kk_host_open(&options, out, err);
    free_paths(paths);
    return code;
}

kk_code kk_run_check_tape(const kk_run *run, const kk_host *host, kk_error *err)
{
    if (!kk_run_has(run, KK_OPT_REPLAY_ALL_USED)) {
        return KK_OK;
    }
    const kk_tape *tape = kk_host_tape(host);
    if (tape == NULL) {
        kk_fail(err, KK_ERR_USAGE, "'--replay-all-used' is given and nothing is replayed");
        kk_fail_hint(err, "give the tape with --replay FILE");
        return KK_ERR_USAGE;
    }
    return kk_tape_check_used(tape, err);
}
