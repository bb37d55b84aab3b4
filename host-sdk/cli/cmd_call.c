// kk call PLUGIN.FUNCTION [ARGUMENT...]: one call, and its result.
#include "approve.h"
#include "fail.h"
#include "input.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "terminal.h"
#include <stdlib.h>
#include <unistd.h>

// A release leaves the tidying to the kernel, which is faster at it.  A debug build tidies up, so
// that leaks are found.
#ifndef KK_DEBUG_BUILD
#define ENDS_AT_ONCE true
#else
#define ENDS_AT_ONCE false
#endif

// The most bytes of arguments.
#define ARGS_MAX ((size_t)16 << 20)

// The words of the command line, sorted out.
typedef struct call_input {
    const char **words; // key=value
    size_t word_count;
    kk_buf json; // the JSON object that was given, whichever way
    bool has_json;
} call_input;

static kk_code take_json(call_input *input, const char *word, kk_error *err)
{
    if (input->has_json) {
        return kk_fail(err, KK_ERR_USAGE, "the arguments are given as JSON twice");
    }
    input->has_json = true;
    if (strcmp(word, "-") == 0) {
        return kk_input_read(STDIN_FILENO, "stdin", &input->json, err);
    }
    if (word[0] == '@') {
        return kk_input_read_file(word + 1, &input->json, err);
    }
    kk_buf_append_text(&input->json, word);
    return kk_buf_check(&input->json, "the JSON argument", err);
}

static bool is_json(const char *word)
{
    size_t spaces = strspn(word, " \t\r\n");
    return strcmp(word, "-") == 0 || word[0] == '@' || word[spaces] == '{' ||
           (word[spaces] == '[' && strchr(word, '=') == NULL);
}

static kk_code sort_words(const kk_run *run, call_input *input, kk_error *err)
{
    input->words = calloc(run->word_count, sizeof *input->words);
    if (input->words == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the arguments");
    }
    for (size_t i = 1; i < run->word_count; i++) {
        if (!is_json(run->words[i])) {
            input->words[input->word_count++] = run->words[i];
            continue;
        }
        kk_code code = take_json(input, run->words[i], err);
        if (code != KK_OK) {
            return code;
        }
    }
    return KK_OK;
}

static kk_code read_input(const kk_run *run, call_input *input, kk_error *err)
{
    kk_code code = sort_words(run, input, err);
    // The library takes NUL-terminated text, which must not end before the input did.
    if (code == KK_OK && memchr(kk_buf_text(&input->json), '\0', input->json.len) != NULL) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS, "the JSON arguments hold a NUL byte");
    }
    return code;
}

// A dry run has no data: what it found is said on stderr.
static void tell_dry_run(kk_str envelope)
{
    kk_str policy = {0};
    kk_str account = {0};
    if (kk_json_find(envelope, "/meta/policy", &policy) &&
        kk_json_find(envelope, "/meta/account", &account)) {
        kk_output_note("dry run, nothing was sent: account %.*s, policy %.*s", KK_STR_ARG(account),
                       KK_STR_ARG(policy));
    }
}

static kk_code print_result(kk_run *run, kk_result *result, kk_code code, kk_error *err)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_str envelope = {0};
    if (result != NULL && (json || kk_run_has(run, KK_OPT_DRY_RUN))) {
        envelope.ptr = kk_result_envelope(result, &envelope.len);
    }
    if (json && envelope.ptr != NULL) {
        kk_error late = {0};
        run->reported = true;
        kk_code printed = kk_output_json(envelope, true, &late);
        if (code == KK_OK && printed != KK_OK) {
            *err = late;
            code = printed;
        }
        return code;
    }
    if (code == KK_OK) {
        kk_str data = {0};
        data.ptr = kk_result_data(result, &data.len);
        code = kk_output_json(data, json, err);
    }
    if (code == KK_OK && envelope.ptr != NULL) {
        tell_dry_run(envelope);
    }
    return code;
}

// Whether this host records, by its option or by the environment.
static bool records(const kk_run *run)
{
    const char *transport = getenv("KK_TRANSPORT");
    bool asked = transport != NULL && strcmp(transport, "record") == 0;
    return kk_run_has(run, KK_OPT_RECORD) || (asked && !kk_run_has(run, KK_OPT_REPLAY));
}

// What the service answered is recorded, failures too; but not a run that ended by something else.
static kk_code save_recording(kk_host *host, const kk_result *result, kk_code code, kk_error *err)
{
    kk_error late = {0};
    bool ended = code == KK_ERR_INTERNAL || code == KK_ERR_BAD_OUTPUT || code == KK_ERR_CANCELLED;
    if (ended || result == NULL || kk_result_wedged(result)) {
        kk_host_reject_recording(host);
    }
    kk_code saved = kk_host_save_recording(host, &late);
    if (code == KK_OK && saved != KK_OK) {
        *err = late;
        return saved;
    }
    if (saved != KK_OK) {
        // A failure is one line.
        kk_fail_hint(err, "%s", late.message);
    }
    return code;
}

static kk_code call(kk_run *run, const call_input *input, kk_host *host, kk_interrupt *interrupt,
                    kk_error *err)
{
    char *args = NULL;
    kk_result *result = NULL;
    kk_call_options options = {.size = sizeof options,
                               .function = run->words[0],
                               .account = run->options[KK_OPT_ACCOUNT],
                               .cancel = kk_interrupt_token(interrupt),
                               .approve = kk_terminal_may_ask(run) ? kk_approve_on_terminal : NULL,
                               .approve_context = interrupt};
    kk_code code = kk_run_timeout(run, &options.timeout_ms, err);
    if (code == KK_OK) {
        code = kk_host_read_args(host, run->words[0],
                                 input->has_json ? kk_buf_text(&input->json) : NULL, input->words,
                                 input->word_count, &args, err);
    }
    if (code != KK_OK) {
        goto done;
    }
    options.args = args;
    options.flags = (kk_run_has(run, KK_OPT_DRY_RUN) ? KK_CALL_DRY_RUN : 0) |
                    (kk_run_has(run, KK_OPT_YES) ? KK_CALL_APPROVED : 0);
    code = kk_host_call(host, &options, &result, err);
    kk_error late = {0};
    kk_code saved = save_recording(host, result, code, code == KK_OK ? &late : err);
    if (code == KK_OK) {
        code = kk_run_check_tape(run, host, err);
    }
    // What a tape still holds is no part of the result: that failure has an envelope of its own.
    bool left = code == KK_ERR_REPLAY_MISS && strcmp(err->reason, "unused") == 0;
    if (!left) {
        code = print_result(run, result, code, err);
    }
    if (code == KK_OK && saved != KK_OK) {
        *err = late;
        code = saved;
    }
    run->leave = result != NULL && ((ENDS_AT_ONCE && !records(run)) || kk_result_wedged(result));

done:
    if (!run->leave) {
        kk_result_free(result);
    }
    free(args);
    return code;
}

kk_code kk_cmd_call(kk_run *run, kk_error *err)
{
    call_input input = {.json = {.limit = ARGS_MAX}};
    kk_host *host = NULL;
    kk_interrupt *interrupt = NULL;
    // Until the signals are blocked, Ctrl-C ends the program: nothing was sent yet.  The thread
    // that takes them comes after the host, which loads faster while there is one thread.
    kk_code code = read_input(run, &input, err);
    run->calls = !kk_run_has(run, KK_OPT_DRY_RUN);
    if (code == KK_OK) {
        code = kk_run_open_host(run, &host, err);
    }
    if (code == KK_OK) {
        code = kk_interrupt_start(&interrupt, err);
    }
    if (code == KK_OK) {
        code = call(run, &input, host, interrupt, err);
    }
    if (!run->leave) {
        kk_host_close(host);
        kk_interrupt_stop(interrupt);
    }
    free(input.words);
    kk_buf_clean(&input.json);
    return code;
}
