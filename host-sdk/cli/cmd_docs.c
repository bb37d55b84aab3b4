// kk docs [PAGE | --search WORDS]: the documentation, made from what the plugins say of themselves.
#include "fail.h"
#include "json.h"
#include "output.h"
#include <stdlib.h>

// The ceiling of a page in JSON.
#define DOCUMENT_MAX (8 * KK_TEXT_MAX)

static kk_code show_page(const kk_run *run, kk_host *host, kk_error *err)
{
    const char *page = run->word_count > 0 ? run->words[0] : "";
    char *text = NULL;
    kk_code code = kk_host_docs(host, page, &text, err);
    if (code == KK_OK && kk_run_has(run, KK_OPT_JSON)) {
        kk_buf out = {.limit = DOCUMENT_MAX};
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "page", page);
        kk_output_member(&out, "text", text);
        kk_buf_append_text(&out, "}\n");
        code = kk_output_take(&out, err);
    } else if (code == KK_OK) {
        code = kk_output_text(kk_str_from(text), err);
    }
    free(text);
    return code;
}

// The pages that were found, as the list of pages shows them.
static kk_code print_found(const char *json, kk_error *err)
{
    cJSON *pages = NULL;
    kk_buf out = {.limit = DOCUMENT_MAX};
    kk_code code = kk_json_parse(kk_str_from(json), "the list of pages", &pages, err);
    if (code != KK_OK) {
        return code;
    }
    for (const cJSON *page = pages->child; page != NULL; page = page->next) {
        kk_buf_append_format(&out, "- `%s`: %s\n", kk_json_text(page, "page"),
                             kk_json_text(page, "summary"));
    }
    cJSON_Delete(pages);
    return kk_output_take(&out, err);
}

static kk_code search(const kk_run *run, kk_host *host, kk_error *err)
{
    const char *words = run->options[KK_OPT_SEARCH];
    char *json = NULL;
    kk_code code = kk_host_docs_search(host, words, &json, err);
    if (code == KK_OK && kk_run_has(run, KK_OPT_JSON)) {
        kk_buf out = {.limit = DOCUMENT_MAX};
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "search", words);
        kk_buf_append_format(&out, ",\"pages\":%s}\n", json);
        code = kk_output_take(&out, err);
    } else if (code == KK_OK) {
        code = print_found(json, err);
    }
    free(json);
    return code;
}

kk_code kk_cmd_docs(kk_run *run, kk_error *err)
{
    kk_host *host = NULL;
    if (kk_run_has(run, KK_OPT_SEARCH) && run->word_count > 0) {
        return kk_fail(err, KK_ERR_USAGE, "either a page or '--search' is given, not both");
    }
    kk_code code = kk_run_open_host(run, &host, err);
    if (code == KK_OK) {
        code = kk_run_has(run, KK_OPT_SEARCH) ? search(run, host, err) : show_page(run, host, err);
    }
    kk_host_close(host);
    return code;
}
