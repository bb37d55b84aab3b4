// kk: agent tools from plugins, on the command line.
#include "output.h"
#include <kk/keyring.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static kk_code print_version(const kk_run *run, kk_error *err)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_buf_append_text(&out, json ? "{\"success\":true,\"version\":\"" : "kk ");
    kk_buf_append_text(&out, kk_version());
    kk_buf_append_text(&out, json ? "\"}\n" : "\n");
    return kk_output_take(&out, err);
}

static kk_code run_command(kk_run *run, kk_error *err)
{
    if (kk_run_has(run, KK_OPT_HELP)) {
        return kk_help_print(run, run->command, err);
    }
    if (kk_run_has(run, KK_OPT_VERSION)) {
        return print_version(run, err);
    }
    return run->command->run(run, err);
}

// The process holds secrets: it leaves no core, and in a release nobody looks into it.
// KK_DEBUGGABLE=1 lets a debugger in; a debug build is open to it anyway, because sanitizers are
// debuggers too.
static void hide_memory(void)
{
    const char *debuggable = getenv("KK_DEBUGGABLE");
    if (debuggable != NULL && debuggable[0] == '1') {
        return;
    }
    // One byte rather than none: where cores go to a program, as on most desktops, the kernel does
    // not look at the limit unless it is 1, which tells it to write none.
    setrlimit(RLIMIT_CORE, &(struct rlimit){1, 1});
#ifndef KK_DEBUG_BUILD
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

// Once, and only where a secret was at stake.
static void warn_of_memory(void)
{
    if (!kk_keyring_memory_is_locked()) {
        kk_output_warn("memory for secrets could not be locked, and may reach a swap: raise the "
                       "limit with 'ulimit -l 1024', or fail with --require-mlock");
    }
}

int main(int argc, char **argv)
{
    kk_run run = {0};
    kk_error err = {0};
    hide_memory();
    kk_output_start();
    kk_code code = kk_options_parse(argc, (const char *const *)argv, &run, &err);
    if (code == KK_OK) {
        code = run_command(&run, &err);
        warn_of_memory();
    }
    if (code != KK_OK && !run.reported && kk_run_has(&run, KK_OPT_JSON)) {
        kk_output_envelope(&run, &err);
    }
    kk_error late = {0};
    if (kk_output_finish(&late) != KK_OK && code == KK_OK) {
        err = late;
        code = late.code;
    }
    if (code != KK_OK) {
        kk_output_failure(&err);
    }
    int status = kk_code_exit_status(code);
    if (run.leave) {
        _exit(status);
    }
    kk_run_clean(&run);
    return status;
}
