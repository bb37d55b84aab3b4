// kk tape fmt, prune, import: changing tapes.
#include "cmd_tape.h"
#include "fail.h"
#include "output.h"

// ---- fmt

typedef struct fmt_result {
    size_t changed;
    kk_buf files; // JSON objects, or lines
} fmt_result;

static kk_code format_one(const kk_run *run, const char *path, fmt_result *result, kk_error *err)
{
    bool write = !kk_run_has(run, KK_OPT_CHECK) && !kk_run_has(run, KK_OPT_DRY_RUN);
    bool changed = false;
    kk_code code = kk_tape_format_file(path, write, &changed, err);
    if (code != KK_OK) {
        return code;
    }
    result->changed += changed ? 1 : 0;
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_output_comma(&result->files);
        kk_buf_append_byte(&result->files, '{');
        kk_output_member(&result->files, "path", path);
        kk_buf_append_format(&result->files, ",\"changed\":%s}", changed ? "true" : "false");
    } else if (changed) {
        kk_buf_append_format(&result->files, "%s\n", path);
    }
    return KK_OK;
}

kk_code kk_cmd_tape_fmt(kk_run *run, kk_error *err)
{
    fmt_result result = {.files = {.limit = KK_TEXT_MAX}};
    bool check = kk_run_has(run, KK_OPT_CHECK);
    kk_code code = KK_OK;
    for (size_t i = 0; i < run->word_count && code == KK_OK; i++) {
        code = format_one(run, run->words[i], &result, err);
    }
    bool failed = check && result.changed > 0;
    if (code == KK_OK && kk_run_has(run, KK_OPT_JSON)) {
        kk_buf document = {.limit = 2 * KK_TEXT_MAX};
        kk_buf_append_format(&document, "{\"success\":%s,\"files\":[%s]}\n",
                             failed ? "false" : "true", kk_buf_text(&result.files));
        run->reported = true;
        code = kk_output_take(&document, err);
    } else if (code == KK_OK) {
        code = kk_output_text(kk_buf_view(&result.files), err);
    }
    kk_buf_clean(&result.files);
    if (code == KK_OK && failed) {
        kk_fail(err, KK_ERR_TAPE_INVALID, "%zu of %zu tapes are not as 'kk tape fmt' writes them",
                result.changed, run->word_count);
        kk_fail_hint(err, "run 'kk tape fmt' without --check");
        code = KK_ERR_TAPE_INVALID;
    }
    return code;
}

// ---- prune

kk_code kk_cmd_tape_prune(kk_run *run, kk_error *err)
{
    size_t count = 0;
    bool write = !kk_run_has(run, KK_OPT_DRY_RUN);
    const char *const *names = run->word_count > 1 ? (const char *const *)&run->words[1] : NULL;
    kk_code code = kk_tape_prune_file(run->words[0], names, write, &count, err);
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "path", run->words[0]);
        kk_buf_append_format(&out, ",\"removed\":%zu,\"written\":%s}\n", count,
                             write && count > 0 ? "true" : "false");
    } else {
        kk_buf_append_format(&out, "%s: %zu entr%s %s\n", run->words[0], count,
                             count == 1 ? "y" : "ies", write ? "removed" : "would be removed");
    }
    return kk_output_take(&out, err);
}

// ---- import

kk_code kk_cmd_tape_import(kk_run *run, kk_error *err)
{
    kk_tape_notes *notes = NULL;
    kk_buf out = {.limit = 16 * KK_TEXT_MAX};
    const char *from = run->words[0];
    const char *to = run->words[1];
    bool json = kk_run_has(run, KK_OPT_JSON);
    bool write = !kk_run_has(run, KK_OPT_DRY_RUN);
    kk_code code = kk_tape_import_file(from, to, write, kk_run_has(run, KK_OPT_YES), &notes, err);
    if (code != KK_OK) {
        return code;
    }
    kk_buf_append_text(&out, json ? "{\"success\":true" : "");
    if (json) {
        kk_output_member(&out, "path", to);
        kk_buf_append_format(&out, ",\"written\":%s", write ? "true" : "false");
    }
    kk_tape_write_notes(notes, json, from, &out);
    kk_buf_append_text(&out, json ? "}\n" : "");
    kk_tape_notes_free(notes);
    return kk_output_take(&out, err);
}
