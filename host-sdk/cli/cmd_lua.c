// kk lua [FILE | -e CODE]: one script, or lines at the terminal.
#include "cmd_lua.h"
#include "approve.h"
#include "fail.h"
#include "input.h"
#include "output.h"
#include "terminal.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// See cmd_call.c.
#ifndef KK_DEBUG_BUILD
#define ENDS_AT_ONCE true
#else
#define ENDS_AT_ONCE false
#endif

#define CODE_MAX ((size_t)4 << 20)

// ---- The script

typedef struct script {
    kk_buf code;
    const char *name;
} script;

// A byte order mark, and the first line of a script that is a program of its own,
// "#!/usr/bin/env ...", are no Lua.  Its newline stays, so that lines keep their numbers.
static void skip_first_line(kk_buf *code)
{
    const char *text = kk_buf_text(code);
    size_t mark = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    size_t len = text[mark] == '#' ? mark + strcspn(text + mark, "\n") : mark;
    if (len > 0) {
        memset(code->ptr, ' ', len);
    }
}

static kk_code read_script(const kk_run *run, script *out, kk_error *err)
{
    const char *file = run->word_count > 0 ? run->words[0] : NULL;
    kk_code code = KK_OK;
    if (kk_run_has(run, KK_OPT_EXECUTE)) {
        out->name = "(command line)";
        kk_buf_append_text(&out->code, run->options[KK_OPT_EXECUTE]);
        return kk_buf_check(&out->code, "the code", err);
    }
    if (strcmp(file, "-") == 0) {
        out->name = "(stdin)";
        code = kk_input_read(STDIN_FILENO, "stdin", &out->code, err);
    } else {
        out->name = file;
        code = kk_input_read_file(file, &out->code, err);
    }
    skip_first_line(&out->code);
    return code;
}

// ---- The session

static kk_code read_number(const kk_run *run, kk_option_id id, const char *name, uint64_t most,
                           uint64_t *out, kk_error *err)
{
    const char *text = run->options[id];
    if (text == NULL) {
        *out = 0;
        return KK_OK;
    }
    size_t digits = strspn(text, "0123456789");
    uint64_t number = digits < 12 ? strtoull(text, NULL, 10) : most + 1;
    if (digits == 0 || text[digits] != '\0' || number == 0 || number > most) {
        return kk_fail(err, KK_ERR_USAGE, "'--%s' takes a whole number from 1 to %llu, not '%.32s'",
                       name, (unsigned long long)most, text);
    }
    *out = number;
    return KK_OK;
}

static kk_code read_limits(const kk_run *run, kk_lua_limits *out, kk_error *err)
{
    uint64_t memory_mib = 0;
    uint64_t output_bytes = 0;
    uint64_t calls = 0;
    *out = (kk_lua_limits){.size = sizeof *out};
    kk_code code = read_number(run, KK_OPT_MAX_MEMORY, "max-memory", 1024, &memory_mib, err);
    if (code == KK_OK) {
        code = read_number(run, KK_OPT_MAX_OUTPUT, "max-output", 64 << 20, &output_bytes, err);
    }
    if (code == KK_OK) {
        code = read_number(run, KK_OPT_MAX_CALLS, "max-calls", 1000000, &calls, err);
    }
    if (code == KK_OK) {
        code = kk_run_seconds(run, KK_OPT_MAX_CPU, "max-cpu", &out->cpu_ms, err);
    }
    if (code == KK_OK) {
        code = kk_run_seconds(run, KK_OPT_MAX_TIME, "max-time", &out->wall_ms, err);
    }
    out->memory_bytes = (size_t)memory_mib << 20;
    out->output_bytes = (size_t)output_bytes;
    out->calls = (uint32_t)calls;
    return code;
}

kk_code kk_lua_session_open(const kk_run *run, kk_host *host, kk_interrupt *interrupt, kk_lua **out,
                            kk_error *err)
{
    kk_lua_limits limits;
    kk_lua_options options = {
        .size = sizeof options,
        .flags = (kk_run_has(run, KK_OPT_YES) ? KK_LUA_APPROVED : 0) |
                 (kk_run_has(run, KK_OPT_DRY_RUN) ? KK_LUA_DRY_RUN : 0),
        .limits = &limits,
        .approve = kk_terminal_may_ask(run) ? kk_approve_on_terminal : NULL,
        .approve_context = interrupt,
    };
    kk_code code = read_limits(run, &limits, err);
    if (code == KK_OK) {
        code = kk_run_timeout(run, &options.call_timeout_ms, err);
    }
    return code == KK_OK ? kk_lua_open(host, &options, out, err) : code;
}

void kk_lua_output_print(void *context, const char *bytes, size_t len)
{
    kk_lua_output *self = context;
    if (self->error.code == KK_OK && kk_output_text((kk_str){bytes, len}, &self->error) != KK_OK) {
        kk_cancel_raise(self->cancel);
    }
}

kk_code kk_lua_print_results(const kk_lua_result *result, kk_error *err)
{
    kk_code code = KK_OK;
    for (size_t i = 0; code == KK_OK && i < kk_lua_result_count(result); i++) {
        kk_str text = {0};
        text.ptr = kk_lua_result_at(result, i, &text.len);
        code = kk_output_line(text, err);
    }
    return code;
}

// ---- One script

// The envelope with --json; else what was printed is out already, and the results follow.
static kk_code print_result(kk_run *run, kk_lua_result *result, kk_code code, kk_error *err)
{
    kk_error late = {0};
    kk_code printed = KK_OK;
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_str envelope = {0};
        envelope.ptr = kk_lua_result_envelope(result, &envelope.len);
        if (envelope.ptr == NULL) {
            return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the envelope");
        }
        run->reported = true;
        printed = kk_output_json(envelope, true, &late);
    } else if (code == KK_OK) {
        printed = kk_lua_print_results(result, &late);
    }
    if (code == KK_OK && printed != KK_OK) {
        *err = late;
        code = printed;
    }
    return code;
}

static kk_code run_script(kk_run *run, const script *source, kk_host *host, kk_lua *lua,
                          kk_interrupt *interrupt, kk_error *err)
{
    kk_lua_output output = {.cancel = kk_interrupt_token(interrupt)};
    kk_lua_result *result = NULL;
    kk_lua_run_options options = {
        .size = sizeof options,
        .code = kk_buf_text(&source->code),
        .code_len = source->code.len,
        .name = source->name,
        .cancel = kk_interrupt_token(interrupt),
        .print = kk_run_has(run, KK_OPT_JSON) ? NULL : kk_lua_output_print,
        .print_context = &output,
    };
    kk_code code = kk_lua_run(lua, &options, &result, err);
    if (output.error.code != KK_OK) {
        *err = output.error;
        code = output.error.code;
    } else if (result != NULL) {
        bool ran = code == KK_OK;
        code = ran ? kk_run_check_tape(run, host, err) : code;
        // As kk call: what a tape still holds is a failure with an envelope of its own.
        code = ran && code != KK_OK ? code : print_result(run, result, code, err);
    }
    run->leave = result != NULL && (ENDS_AT_ONCE || kk_lua_result_wedged(result));
    kk_lua_result_free(result);
    return code;
}

static kk_code run_one(kk_run *run, kk_error *err)
{
    script source = {.code = {.limit = CODE_MAX}};
    kk_host *host = NULL;
    kk_lua *lua = NULL;
    kk_interrupt *interrupt = NULL;
    // As kk call: the host first, and then the thread that takes signals.
    kk_code code = read_script(run, &source, err);
    // A script that does not name the functions makes no call, and need not wait for the network's
    // libraries; one that does without a call only loads them in vain.
    bool names_functions = strstr(kk_buf_text(&source.code), "integrations") != NULL;
    run->calls = names_functions && !kk_run_has(run, KK_OPT_DRY_RUN);
    if (code == KK_OK) {
        code = kk_run_open_host(run, &host, err);
    }
    if (code == KK_OK) {
        code = kk_interrupt_start(&interrupt, err);
    }
    if (code == KK_OK) {
        code = kk_lua_session_open(run, host, interrupt, &lua, err);
    }
    if (code == KK_OK) {
        code = run_script(run, &source, host, lua, interrupt, err);
    }
    if (!run->leave) {
        kk_lua_close(lua);
        kk_host_close(host);
        kk_interrupt_stop(interrupt);
    }
    kk_buf_clean(&source.code);
    return code;
}

// ---- The command

static kk_code run_lines(kk_run *run, kk_error *err)
{
    bool terminal = isatty(STDIN_FILENO) == 1 && kk_output_is_terminal();
    if (!terminal || kk_run_has(run, KK_OPT_NO_INPUT) || kk_run_has(run, KK_OPT_JSON)) {
        kk_fail(err, KK_ERR_USAGE, "there is no script");
        kk_fail_hint(err, "give a file, '-' for stdin, or -e CODE; lines are read from a terminal "
                          "only, and without --json and --no-input");
        return KK_ERR_USAGE;
    }
    return kk_lua_lines(run, err);
}

kk_code kk_cmd_lua(kk_run *run, kk_error *err)
{
    bool has_code = kk_run_has(run, KK_OPT_EXECUTE);
    if (has_code && run->word_count > 0) {
        return kk_fail(err, KK_ERR_USAGE, "either a file or '-e' is given, not both");
    }
    return has_code || run->word_count > 0 ? run_one(run, err) : run_lines(run, err);
}
