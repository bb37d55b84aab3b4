// kk tape lint, show, diff, age: what there is to know of tapes.
#include "cmd_tape.h"
#include "fail.h"
#include "json.h"
#include "output.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// The ceiling of what is printed of one tape: a body may be shown.
#define DOCUMENT_MAX ((size_t)96 << 20)

// ---- Remarks

static void write_note_json(const kk_tape_note *note, kk_buf *out)
{
    kk_output_comma(out);
    kk_buf_append_byte(out, '{');
    kk_output_member(out, "kind", note->kind);
    kk_output_member(out, "entry", note->entry[0] != '\0' ? note->entry : NULL);
    kk_buf_append_format(out, ",\"line\":%zu", note->line);
    kk_output_member(out, "pointer", note->pointer);
    kk_output_member(out, "message", note->text);
    kk_buf_append_byte(out, '}');
}

void kk_tape_write_notes(const kk_tape_notes *notes, bool json, const char *path, kk_buf *out)
{
    if (json) {
        kk_output_name(out, "notes");
        kk_buf_append_byte(out, '[');
    }
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        const kk_tape_note *note = kk_tape_notes_at(notes, i);
        if (json) {
            write_note_json(note, out);
            continue;
        }
        kk_buf_append_text(out, path);
        if (note->line > 0) {
            kk_buf_append_format(out, ":%zu", note->line);
        }
        kk_buf_append_format(out, ": %s:%s%s%s%s %s\n", note->kind,
                             note->entry[0] != '\0' ? " entry " : "", note->entry,
                             note->pointer[0] != '\0' ? " " : "", note->pointer, note->text);
    }
    kk_buf_append_text(out, json ? "]" : "");
}

// ---- lint

typedef struct lint_count {
    size_t errors;
    size_t files; // that have one
} lint_count;

static void count_errors(const kk_tape_notes *notes, lint_count *count)
{
    size_t before = count->errors;
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        count->errors += strcmp(kk_tape_notes_at(notes, i)->kind, "error") == 0 ? 1 : 0;
    }
    count->files += count->errors > before ? 1 : 0;
}

// A tape that does not load has one remark: why.
static void write_refusal(const kk_error *problem, bool json, kk_buf *out)
{
    if (!json) {
        kk_buf_append_format(out, "%s\n", problem->message);
        return;
    }
    const kk_tape_note note = {
        .kind = "error", .entry = "", .pointer = problem->argument, .text = problem->message};
    kk_output_name(out, "notes");
    kk_buf_append_byte(out, '[');
    write_note_json(&note, out);
    kk_buf_append_byte(out, ']');
}

static kk_code lint_one(const char *path, bool json, lint_count *count, kk_buf *out, kk_error *err)
{
    kk_tape_notes *notes = NULL;
    kk_error problem = {0};
    kk_code code = kk_tape_lint(path, &notes, &problem);
    if (code != KK_OK && code != KK_ERR_TAPE_INVALID) {
        *err = problem;
        return code;
    }
    if (json) {
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_member(out, "path", path);
    }
    if (code != KK_OK) {
        write_refusal(&problem, json, out);
        count->errors++;
        count->files++;
    } else {
        kk_tape_write_notes(notes, json, path, out);
        count_errors(notes, count);
    }
    kk_buf_append_text(out, json ? "}" : "");
    kk_tape_notes_free(notes);
    return KK_OK;
}

kk_code kk_cmd_tape_lint(kk_run *run, kk_error *err)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    lint_count count = {0};
    kk_buf files = {.limit = DOCUMENT_MAX};
    kk_code code = KK_OK;
    for (size_t i = 0; i < run->word_count && code == KK_OK; i++) {
        code = lint_one(run->words[i], json, &count, &files, err);
    }
    if (code == KK_OK && json) {
        kk_buf document = {.limit = DOCUMENT_MAX};
        kk_buf_append_format(&document, "{\"success\":%s,\"files\":[",
                             count.errors == 0 ? "true" : "false");
        kk_buf_append_str(&document, kk_buf_view(&files));
        kk_buf_append_text(&document, "]}\n");
        run->reported = true;
        code = kk_output_take(&document, err);
    } else if (code == KK_OK) {
        code = kk_output_text(kk_buf_view(&files), err);
    }
    kk_buf_clean(&files);
    if (code == KK_OK && count.errors > 0) {
        code = kk_fail(err, KK_ERR_TAPE_INVALID, "%zu error%s in %zu of %zu tapes", count.errors,
                       count.errors == 1 ? "" : "s", count.files, run->word_count);
    }
    return code;
}

// ---- show

static void write_uses(const kk_tape_entry_info *entry, kk_buf *out)
{
    if (entry->repeats) {
        kk_buf_append_text(out, entry->uses == 0 ? "any" : "last");
    } else {
        kk_buf_append_format(out, "%u", (unsigned)entry->uses);
    }
}

static void write_row(const kk_tape_entry_info *entry, kk_buf *out)
{
    char outcome[32];
    kk_buf uses = {.limit = 64};
    write_uses(entry, &uses);
    snprintf(outcome, sizeof outcome, "%u", entry->status);
    kk_buf_append_format(out, "%4zu  %5zu  %-4s  %-10s  %8zu  %-6s  %s", entry->number, entry->line,
                         kk_buf_text(&uses), entry->failure != NULL ? entry->failure : outcome,
                         entry->body_len, entry->method, entry->url);
    if (entry->id != NULL) {
        kk_buf_append_format(out, "  (%s)", entry->id);
    }
    kk_buf_append_byte(out, '\n');
    kk_buf_clean(&uses);
}

static void write_entry_json(const kk_tape_entry_info *entry, bool with_body, kk_buf *out)
{
    kk_output_comma(out);
    kk_buf_append_format(out, "{\"number\":%zu,\"line\":%zu", entry->number, entry->line);
    kk_output_member(out, "id", entry->id);
    kk_output_member(out, "account", entry->account);
    kk_output_member(out, "method", entry->method);
    kk_output_member(out, "url", entry->url);
    kk_buf_append_format(out, ",\"request_bytes\":%zu,\"status\":%u", entry->request_bytes,
                         entry->status);
    kk_output_member(out, "failure", entry->failure);
    kk_buf_append_format(out, ",\"response_bytes\":%zu,\"uses\":%u,\"repeats\":%s,\"optional\":%s",
                         entry->body_len, (unsigned)entry->uses, entry->repeats ? "true" : "false",
                         entry->optional ? "true" : "false");
    kk_buf_append_format(out, ",\"took_ms\":%llu", (unsigned long long)entry->took_ms);
    kk_str body = {entry->body, entry->body_len};
    if (with_body) {
        kk_output_name(out, "body");
        if (kk_json_check(body, NULL) == KK_OK) {
            kk_buf_append_str(out, body);
        } else {
            kk_json_write_string(out, body);
        }
    }
    kk_buf_append_byte(out, '}');
}

static bool is_named(const kk_tape_entry_info *entry, const char *name)
{
    char number[32];
    snprintf(number, sizeof number, "#%zu", entry->number);
    return (entry->id != NULL && strcmp(entry->id, name) == 0) || strcmp(number, name) == 0;
}

static kk_code show_entries(const kk_run *run, const kk_tape *tape, kk_buf *out, kk_error *err)
{
    const char *wanted = run->word_count > 1 ? run->words[1] : NULL;
    bool json = kk_run_has(run, KK_OPT_JSON);
    size_t shown = 0;
    kk_tape_entry_info entry;
    if (!json && wanted == NULL) {
        kk_buf_append_text(out, "   #   line  uses  answer         bytes  request\n");
    }
    for (size_t i = 0; kk_tape_entry_at(tape, i, &entry); i++) {
        if (wanted != NULL && !is_named(&entry, wanted)) {
            continue;
        }
        shown++;
        if (json) {
            write_entry_json(&entry, wanted != NULL, out);
            continue;
        }
        write_row(&entry, out);
        if (wanted != NULL) {
            kk_str body = {entry.body, entry.body_len};
            if (kk_json_check(body, NULL) != KK_OK || kk_json_indent(body, out, NULL) != KK_OK) {
                kk_buf_append_str(out, body);
            }
            kk_buf_append_byte(out, '\n');
        }
    }
    if (wanted != NULL && shown == 0) {
        kk_fail(err, KK_ERR_USAGE, "'%.160s' has no entry '%.64s'", kk_tape_path(tape), wanted);
        kk_fail_hint(err, "'kk tape show' without it lists all");
        return KK_ERR_USAGE;
    }
    return KK_OK;
}

kk_code kk_cmd_tape_show(kk_run *run, kk_error *err)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_tape *tape = NULL;
    kk_buf out = {.limit = DOCUMENT_MAX};
    kk_code code = kk_tape_load(run->words[0], &tape, err);
    if (code == KK_OK && json) {
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "path", kk_tape_path(tape));
        kk_output_name(&out, "entries");
        kk_buf_append_byte(&out, '[');
    }
    if (code == KK_OK) {
        code = show_entries(run, tape, &out, err);
    }
    if (code == KK_OK) {
        kk_buf_append_text(&out, json ? "]}\n" : "");
        code = kk_output_take(&out, err);
    }
    kk_buf_clean(&out);
    kk_tape_free(tape);
    return code;
}

// ---- diff

kk_code kk_cmd_tape_diff(kk_run *run, kk_error *err)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_tape *a = NULL;
    kk_tape *b = NULL;
    kk_tape_notes *notes = NULL;
    kk_buf out = {.limit = DOCUMENT_MAX};
    kk_code code = kk_tape_load(run->words[0], &a, err);
    code = code == KK_OK ? kk_tape_load(run->words[1], &b, err) : code;
    code = code == KK_OK ? kk_tape_diff(a, b, &notes, err) : code;
    if (code == KK_OK) {
        size_t count = kk_tape_notes_count(notes);
        kk_buf_append_text(&out, json ? "{\"success\":true" : "");
        kk_buf_append_text(&out, !json ? "" : count == 0 ? ",\"same\":true" : ",\"same\":false");
        kk_tape_write_notes(notes, json, run->words[1], &out);
        kk_buf_append_text(&out, json ? "}\n" : "");
        code = kk_output_take(&out, err);
    }
    kk_buf_clean(&out);
    kk_tape_notes_free(notes);
    kk_tape_free(b);
    kk_tape_free(a);
    return code;
}

// ---- age

static kk_code take_days(const kk_run *run, uint32_t *days, kk_error *err)
{
    enum { DAYS_MAX = 100000 };
    const char *text = run->options[KK_OPT_FAIL_AFTER];
    *days = 0;
    if (text == NULL) {
        return KK_OK;
    }
    size_t digits = strspn(text, "0123456789");
    bool unit = text[digits] == '\0' || strcmp(text + digits, "d") == 0;
    unsigned long value = digits > 0 && digits < 7 ? strtoul(text, NULL, 10) : 0;
    if (!unit || value == 0 || value > DAYS_MAX) {
        return kk_fail(err, KK_ERR_USAGE,
                       "'--fail-after' takes days from 1 to 100000, such as 180 or 180d, not "
                       "'%.32s'",
                       text);
    }
    *days = (uint32_t)value;
    return KK_OK;
}

static void write_day(int64_t unix_ms, char out[16])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm parts;
    if (unix_ms == 0 || gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, 16, "%Y-%m-%d", &parts) == 0) {
        snprintf(out, 16, "unknown");
    }
}

static void write_age(const kk_run *run, const char *path, const kk_tape_age *age, bool expired,
                      kk_buf *out)
{
    char oldest[16];
    write_day(age->oldest_ms, oldest);
    if (!kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_format(out, "%s: oldest entry %s, %lld days%s\n", path, oldest,
                             (long long)age->days, expired ? ", expired" : "");
        return;
    }
    kk_output_comma(out);
    kk_buf_append_byte(out, '{');
    kk_output_member(out, "path", path);
    kk_output_member(out, "oldest", oldest);
    kk_buf_append_format(out, ",\"days\":%lld,\"limit_days\":%u,\"expired\":%s}",
                         (long long)age->days, (unsigned)age->limit_days,
                         expired ? "true" : "false");
}

kk_code kk_cmd_tape_age(kk_run *run, kk_error *err)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    uint32_t days = 0;
    kk_error first = {0};
    kk_buf files = {.limit = KK_TEXT_MAX};
    kk_code code = take_days(run, &days, err);
    for (size_t i = 0; i < run->word_count && code == KK_OK; i++) {
        kk_tape *tape = NULL;
        kk_tape_age age;
        code = kk_tape_load(run->words[i], &tape, err);
        if (code == KK_OK) {
            bool expired = kk_tape_check_age(tape, days, &age, &first) != KK_OK;
            write_age(run, run->words[i], &age, expired, &files);
        }
        kk_tape_free(tape);
    }
    if (code == KK_OK && json) {
        kk_buf document = {.limit = DOCUMENT_MAX};
        kk_buf_append_format(&document, "{\"success\":%s,\"files\":[%s]}\n",
                             first.code == KK_OK ? "true" : "false", kk_buf_text(&files));
        run->reported = true;
        code = kk_output_take(&document, err);
    } else if (code == KK_OK) {
        code = kk_output_text(kk_buf_view(&files), err);
    }
    kk_buf_clean(&files);
    if (code == KK_OK && first.code != KK_OK) {
        *err = first;
        code = first.code;
    }
    return code;
}
