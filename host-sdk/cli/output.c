// Printing, and the failure to print.
#include "output.h"
#include "error_json.h"
#include "fail.h"
#include "json.h"
#include "utf8.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

// The ceiling of what is printed: a result of 16 MiB grows at most sixfold when it is made safe.
#define OUTPUT_MAX ((size_t)128 << 20)

void kk_output_start(void)
{
    signal(SIGPIPE, SIG_IGN);
    // A file that may not grow further is an error to report, in the keyring as on stdout.
    signal(SIGXFSZ, SIG_IGN);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            // The wrong way round, so that using it fails as the closed one would.
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

bool kk_output_is_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

// The number to show for the character at [text], if it works terminals or is none; else 0.  *len
// is how long it is.
static unsigned unsafe_at(const char *text, size_t left, size_t *len)
{
    const unsigned char *at = (const unsigned char *)text;
    *len = kk_utf8_length(text, left);
    if (*len == 0) {
        *len = 1;
        return 0xFFFD;
    }
    if ((at[0] < 0x20 && at[0] != '\n' && at[0] != '\t') || at[0] == 0x7F) {
        return at[0] == 0 ? 0xFFFD : at[0];
    }
    if (at[0] == 0xC2 && at[1] < 0xA0) {
        return at[1];
    }
    if (at[0] == 0xE2 && (at[1] == 0x80 || at[1] == 0x81)) {
        unsigned value = 0x2000 + ((unsigned)(at[1] & 0x3F) << 6) + (unsigned)(at[2] & 0x3F);
        bool turns = (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
        return turns ? value : 0;
    }
    return 0;
}

void kk_output_make_safe(kk_str text, kk_buf *out)
{
    size_t clean = 0;
    for (size_t i = 0; i < text.len;) {
        size_t len = 1;
        unsigned value = unsafe_at(text.ptr + i, text.len - i, &len);
        if (value != 0) {
            kk_buf_append(out, text.ptr + clean, i - clean);
            kk_buf_append_format(out, "\\u%04x", value);
            clean = i + len;
        }
        i += len;
    }
    if (clean < text.len) {
        kk_buf_append(out, text.ptr + clean, text.len - clean);
    }
}

// Takes what was written from the front of a text.  Returns how much was left over.
static size_t take_written(kk_str *text, size_t wrote)
{
    size_t len = wrote < text->len ? wrote : text->len;
    text->ptr += len;
    text->len -= len;
    return wrote - len;
}

// Writes [text] and what ends it, in one write if the system lets us.
static int write_all(int fd, kk_str text, kk_str ending)
{
    while (text.len + ending.len > 0) {
        struct iovec parts[] = {{(char *)text.ptr, text.len}, {(char *)ending.ptr, ending.len}};
        ssize_t wrote = writev(fd, parts, 2);
        if (wrote < 0 && errno != EINTR) {
            return errno;
        }
        if (wrote > 0) {
            take_written(&ending, take_written(&text, (size_t)wrote));
        }
    }
    return 0;
}

static kk_code stdout_failed(int cause, kk_error *err)
{
    return kk_fail(err, KK_ERR_IO, "the output could not be written to stdout: %s",
                   strerror(cause));
}

// Prints [text], made safe for a terminal, and what ends it.
static kk_code print(kk_str text, kk_str ending, kk_error *err)
{
    kk_buf safe = {.limit = OUTPUT_MAX};
    if (kk_output_is_terminal()) {
        kk_output_make_safe(text, &safe);
        kk_code code = kk_buf_check(&safe, "the output", err);
        if (code != KK_OK) {
            kk_buf_clean(&safe);
            return code;
        }
        text = kk_buf_view(&safe);
    }
    int cause = write_all(STDOUT_FILENO, text, ending);
    kk_buf_clean(&safe);
    return cause == 0 ? KK_OK : stdout_failed(cause, err);
}

kk_code kk_output_text(kk_str text, kk_error *err)
{
    return print(text, KK_STR(""), err);
}

kk_code kk_output_line(kk_str text, kk_error *err)
{
    return print(text, KK_STR("\n"), err);
}

// One line already, as most JSON is, goes out without another copy being made.
static bool is_one_line(kk_str json)
{
    return json.len > 0 && memchr(json.ptr, '\n', json.len) == NULL &&
           memchr(json.ptr, '\r', json.len) == NULL;
}

kk_code kk_output_json(kk_str json, bool one_line, kk_error *err)
{
    bool indent = !one_line && kk_output_is_terminal();
    if (!indent && is_one_line(json)) {
        return kk_output_line(json, err);
    }
    kk_buf text = {.limit = OUTPUT_MAX};
    kk_code code = indent ? kk_json_indent(json, &text, err) : kk_json_compact(json, &text, err);
    if (code != KK_OK) {
        kk_buf_clean(&text);
        return code;
    }
    kk_buf_append_byte(&text, '\n');
    return kk_output_take(&text, err);
}

kk_code kk_output_take(kk_buf *text, kk_error *err)
{
    kk_code code = kk_buf_check(text, "the output", err);
    if (code == KK_OK) {
        code = kk_output_text(kk_buf_view(text), err);
    }
    kk_buf_clean(text);
    return code;
}

kk_code kk_output_finish(kk_error *err)
{
    // EBADF: it was closed from the start, and nothing was to be written, or that failed already.
    int closed = close(STDOUT_FILENO);
    return closed == 0 || errno == EBADF || errno == EINTR ? KK_OK : stdout_failed(errno, err);
}

// ---- stderr

// One line in one write, so that lines of several threads do not mix.
static void write_line(kk_buf *line)
{
    for (size_t i = 0; i < line->len; i++) {
        if (line->ptr[i] == '\n' || line->ptr[i] == '\r') {
            line->ptr[i] = ' ';
        }
    }
    kk_buf safe = {.limit = OUTPUT_MAX};
    kk_output_make_safe(kk_buf_view(line), &safe);
    (void)write_all(STDERR_FILENO, kk_buf_view(&safe), KK_STR("\n"));
    kk_buf_clean(&safe);
    kk_buf_clean(line);
}

static void write_remark(const char *kind, const char *format, va_list args) KK_PRINTF(2, 0);

static void write_remark(const char *kind, const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    kk_buf line = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&line, "kk: %s: %s", kind, text);
    write_line(&line);
}

void kk_output_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_remark("warning", format, args);
    va_end(args);
}

void kk_output_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_remark("note", format, args);
    va_end(args);
}

void kk_output_failure(const kk_error *err)
{
    kk_buf line = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&line, "kk: %s: %s", kk_code_name(err->code), err->message);
    if (err->hint[0] != '\0') {
        kk_buf_append_format(&line, "; %s", err->hint);
    }
    write_line(&line);
}

void kk_output_log(void *context, int level, const char *text)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    (void)context;
    kk_buf line = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&line, "kk: %s: %s", names[level < 0 || level > 3 ? 3 : level], text);
    write_line(&line);
}

// ---- JSON

void kk_output_comma(kk_buf *out)
{
    const char *last = out->len > 0 ? out->ptr + out->len - 1 : "{";
    if (*last != '{' && *last != '[') {
        kk_buf_append_byte(out, ',');
    }
}

void kk_output_name(kk_buf *out, const char *name)
{
    kk_output_comma(out);
    kk_json_write_string(out, kk_str_from(name));
    kk_buf_append_byte(out, ':');
}

void kk_output_member(kk_buf *out, const char *name, const char *text)
{
    kk_output_name(out, name);
    if (text != NULL) {
        kk_json_write_string(out, kk_str_from(text));
    } else {
        kk_buf_append_text(out, "null");
    }
}

void kk_output_tool(kk_buf *out, const kk_tool_info *tool)
{
    kk_output_member(out, "function", tool->function);
    kk_output_member(out, "slug", tool->slug);
    kk_output_member(out, "title", tool->title);
    kk_output_member(out, "summary", tool->summary);
    kk_output_member(out, "operation", tool->operation);
}

void kk_output_envelope(const kk_run *run, const kk_error *failure)
{
    bool calls = run->command != NULL && run->command->run == kk_cmd_call && run->word_count > 0;
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf_append_byte(&out, '{');
    kk_output_member(&out, "function", calls ? run->words[0] : NULL);
    kk_buf_append_text(&out, ",\"success\":false,\"data\":null,\"error\":");
    kk_error_write(failure, &out);
    kk_buf_append_format(&out,
                         ",\"meta\":{\"account\":null,\"operation\":null,\"dry_run\":%s,"
                         "\"transport\":null,\"policy\":null,\"attempts\":[]},\"duration_ms\":0}\n",
                         kk_run_has(run, KK_OPT_DRY_RUN) ? "true" : "false");
    // If stdout fails here too, the line on stderr still tells what happened.
    (void)!kk_output_take(&out, NULL);
}

void kk_output_refusals(const kk_host *host, kk_buf *out)
{
    kk_output_name(out, "refused");
    kk_buf_append_byte(out, '[');
    for (size_t i = 0; i < kk_host_refusal_count(host); i++) {
        const kk_refusal_info *refusal = kk_host_refusal_at(host, i);
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_member(out, "path", refusal->path);
        kk_output_member(out, "stage", refusal->error->reason);
        kk_output_member(out, "message", refusal->error->message);
        kk_buf_append_byte(out, '}');
    }
    kk_buf_append_byte(out, ']');
}
