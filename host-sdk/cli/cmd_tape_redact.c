// kk tape redact: taking secrets out of tapes, or checking that there are none.
#include "cmd_tape.h"
#include "fail.h"
#include "output.h"
#include <string.h>

enum { DOCUMENT_MAX = 16 * 1024 * 1024 };

typedef struct redact_count {
    size_t changed; // values that were, or would be, replaced
    size_t found;   // that look like a secret still
} redact_count;

static kk_code redact_one(const kk_run *run, const char *path, redact_count *count, kk_buf *out,
                          kk_error *err)
{
    kk_tape_notes *notes = NULL;
    bool json = kk_run_has(run, KK_OPT_JSON);
    bool write = !kk_run_has(run, KK_OPT_CHECK) && !kk_run_has(run, KK_OPT_DRY_RUN);
    kk_code code = kk_tape_redact_file(path, write, &notes, err);
    if (code != KK_OK) {
        return code;
    }
    for (size_t i = 0; i < kk_tape_notes_count(notes); i++) {
        bool error = strcmp(kk_tape_notes_at(notes, i)->kind, "error") == 0;
        count->found += error ? 1 : 0;
        count->changed += error ? 0 : 1;
    }
    if (json) {
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_member(out, "path", path);
    }
    kk_tape_write_notes(notes, json, path, out);
    kk_buf_append_text(out, json ? "}" : "");
    kk_tape_notes_free(notes);
    return KK_OK;
}

static kk_code judge(const kk_run *run, const redact_count *count, kk_error *err)
{
    bool check = kk_run_has(run, KK_OPT_CHECK);
    if (count->found > 0) {
        kk_fail(err, KK_ERR_TAPE_INVALID, "%zu values look like secrets", count->found);
        kk_fail_hint(err, "replace them by hand with placeholders such as {{ACCESS_TOKEN}}");
        return KK_ERR_TAPE_INVALID;
    }
    if (check && count->changed > 0) {
        kk_fail(err, KK_ERR_TAPE_INVALID, "%zu places hold what a recording replaces",
                count->changed);
        kk_fail_hint(err, "run 'kk tape redact' without --check");
        return KK_ERR_TAPE_INVALID;
    }
    return KK_OK;
}

kk_code kk_cmd_tape_redact(kk_run *run, kk_error *err)
{
    redact_count count = {0};
    kk_buf files = {.limit = DOCUMENT_MAX};
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_code code = KK_OK;
    for (size_t i = 0; i < run->word_count && code == KK_OK; i++) {
        code = redact_one(run, run->words[i], &count, &files, err);
    }
    kk_code verdict = code == KK_OK ? judge(run, &count, err) : code;
    if (code == KK_OK && json) {
        kk_buf document = {.limit = DOCUMENT_MAX};
        kk_buf_append_format(&document, "{\"success\":%s,\"files\":[",
                             verdict == KK_OK ? "true" : "false");
        kk_buf_append_str(&document, kk_buf_view(&files));
        kk_buf_append_text(&document, "]}\n");
        run->reported = true;
        code = kk_output_take(&document, verdict == KK_OK ? err : NULL);
    } else if (code == KK_OK) {
        code = kk_output_text(kk_buf_view(&files), verdict == KK_OK ? err : NULL);
    }
    kk_buf_clean(&files);
    return verdict != KK_OK ? verdict : code;
}
