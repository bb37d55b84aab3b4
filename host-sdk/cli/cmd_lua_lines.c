// kk lua without a script: lines from the terminal, each run when it is whole.
#include "cmd_lua.h"
#include "editor.h"
#include "fail.h"
#include "output.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MAX ((size_t)1 << 20)

typedef struct lines {
    kk_run *run;
    kk_lua *lua;
    kk_interrupt *interrupt;
    kk_editor *editor;
    kk_buf line;
    kk_buf chunk; // the lines so far
} lines;

// What a chunk is.
typedef enum shape { EXPRESSION, STATEMENT, UNFINISHED } shape;

static char **complete(void *context, const char *text)
{
    return kk_lua_complete(context, text);
}

// Writes [text] as a string of Lua.
static void write_quoted(kk_buf *out, kk_str text)
{
    kk_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F) {
            kk_buf_append_format(out, "\\%03u", byte);
        } else {
            kk_buf_append_byte(out, (char)byte);
        }
    }
    kk_buf_append_byte(out, '"');
}

// Asks Lua itself, by compiling the chunk without running it.  Where that fails, the run will say
// why.
static shape shape_of(lines *self)
{
    static const char head[] = "local code = ";
    static const char tail[] = "\nif load(\"return \" .. code) then return 1 end\n"
                               "local ok, why = load(code)\n"
                               "return not ok and why:sub(-5) == \"<eof>\" and 2 or 0";
    kk_buf code = {.limit = 4 * CHUNK_MAX + sizeof head + sizeof tail};
    kk_lua_result *result = NULL;
    shape found = STATEMENT;
    kk_buf_append_text(&code, head);
    write_quoted(&code, kk_buf_view(&self->chunk));
    kk_buf_append_text(&code, tail);
    kk_lua_run_options options = {.size = sizeof options,
                                  .code = kk_buf_text(&code),
                                  .cancel = kk_interrupt_token(self->interrupt)};
    kk_error ignored = {0};
    if (code.failed == KK_OK && kk_lua_run(self->lua, &options, &result, &ignored) == KK_OK &&
        kk_lua_result_count(result) == 1) {
        const char *answer = kk_lua_result_at(result, 0, NULL);
        found = strcmp(answer, "1") == 0   ? EXPRESSION
                : strcmp(answer, "2") == 0 ? UNFINISHED
                                           : STATEMENT;
    }
    kk_lua_result_free(result);
    kk_buf_clean(&code);
    return found;
}

// Runs the chunk and shows what comes of it.  Only a failure to print ends the lines.
static kk_code run_chunk(lines *self, bool is_expression, kk_error *err)
{
    kk_cancel *cancel = kk_interrupt_token(self->interrupt);
    kk_lua_output output = {.cancel = cancel};
    kk_buf code = {.limit = CHUNK_MAX + 16};
    kk_lua_result *result = NULL;
    kk_error failure = {0};
    kk_buf_append_text(&code, is_expression ? "return " : "");
    kk_buf_append_str(&code, kk_buf_view(&self->chunk));
    kk_lua_run_options options = {.size = sizeof options,
                                  .code = kk_buf_text(&code),
                                  .code_len = code.len,
                                  .name = "(line)",
                                  .cancel = cancel,
                                  .print = kk_lua_output_print,
                                  .print_context = &output};
    kk_code printed = KK_OK;
    kk_code ran = kk_lua_run(self->lua, &options, &result, &failure);
    if (output.error.code != KK_OK) {
        *err = output.error;
        printed = output.error.code;
    } else if (ran == KK_OK) {
        printed = kk_lua_print_results(result, err);
    } else {
        kk_output_failure(&failure);
    }
    if (result != NULL && kk_lua_result_restarts(result)) {
        kk_output_note("the script was ended by force; what it had set is gone");
    }
    self->run->leave = self->run->leave || (result != NULL && kk_lua_result_wedged(result));
    kk_lua_result_free(result);
    kk_buf_clean(&code);
    return printed;
}

// After a signal: Ctrl-C ends what was running, anything else ends the lines.
static kk_code forgive(lines *self, kk_error *err)
{
    int number = kk_interrupt_signal(self->interrupt);
    if (number != 0 && number != SIGINT) {
        return kk_fail(err, KK_ERR_CANCELLED, "ended by a signal");
    }
    return number != 0 ? kk_interrupt_rearm(self->interrupt, err) : KK_OK;
}

static kk_code take_line(lines *self, kk_error *err)
{
    if (self->chunk.len > 0) {
        kk_buf_append_byte(&self->chunk, '\n');
    }
    kk_buf_append_str(&self->chunk, kk_buf_view(&self->line));
    kk_str chunk = kk_buf_view(&self->chunk);
    if (chunk.len == 0) {
        return KK_OK;
    }
    shape found = shape_of(self);
    if (found == UNFINISHED && self->chunk.failed == KK_OK) {
        return KK_OK;
    }
    kk_code code = run_chunk(self, found == EXPRESSION, err);
    kk_buf_clear(&self->chunk);
    return code;
}

static bool is_farewell(const lines *self)
{
    const char *line = kk_buf_text(&self->line);
    return self->chunk.len == 0 && (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0);
}

static kk_code read_lines(lines *self, kk_error *err)
{
    kk_code code = kk_output_text(
        KK_STR("Lua 5.4 of kk. lua_list_docs() names the pages, Tab completes, Ctrl-D ends.\n"),
        err);
    while (code == KK_OK) {
        const char *prompt = self->chunk.len > 0 ? ">> " : "> ";
        kk_edit outcome =
            kk_editor_read(self->editor, prompt, kk_interrupt_fd(self->interrupt), &self->line);
        if (outcome == KK_EDIT_END || (outcome == KK_EDIT_LINE && is_farewell(self))) {
            break;
        }
        if (outcome == KK_EDIT_LINE) {
            code = take_line(self, err);
        } else {
            kk_buf_clear(&self->chunk);
        }
        code = code == KK_OK ? forgive(self, err) : code;
    }
    return code;
}

kk_code kk_lua_lines(kk_run *run, kk_error *err)
{
    lines self = {.run = run, .line = {.limit = CHUNK_MAX}, .chunk = {.limit = CHUNK_MAX}};
    kk_host *host = NULL;
    kk_code code = kk_run_open_host(run, &host, err);
    if (code == KK_OK) {
        code = kk_interrupt_start(&self.interrupt, err);
    }
    if (code == KK_OK) {
        code = kk_lua_session_open(run, host, self.interrupt, &self.lua, err);
    }
    if (code == KK_OK) {
        self.editor = kk_editor_new(complete, self.lua);
        code = self.editor != NULL ? read_lines(&self, err)
                                   : kk_fail(err, KK_ERR_INTERNAL, "out of memory");
    }
    kk_editor_free(self.editor);
    kk_lua_close(self.lua);
    if (!run->leave) {
        kk_host_close(host);
        kk_interrupt_stop(self.interrupt);
    }
    kk_buf_clean(&self.line);
    kk_buf_clean(&self.chunk);
    return code;
}
