// kk docs [PAGE]: the documentation, made from what the plugins say of themselves.
#include "json.h"
#include "output.h"
#include <stdlib.h>

kk_code kk_cmd_docs(kk_run *run, kk_error *err)
{
    const char *page = run->word_count > 0 ? run->words[0] : "";
    char *text = NULL;
    kk_host *host = NULL;
    kk_code code = kk_run_open_host(run, &host, err);
    if (code == KK_OK) {
        code = kk_host_docs(host, page, &text, err);
    }
    if (code == KK_OK && kk_run_has(run, KK_OPT_JSON)) {
        kk_buf out = {.limit = 8 * KK_TEXT_MAX};
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "page", page);
        kk_output_member(&out, "text", text);
        kk_buf_append_text(&out, "}\n");
        code = kk_output_take(&out, err);
    } else if (code == KK_OK) {
        code = kk_output_text(kk_str_from(text), err);
    }
    free(text);
    kk_host_close(host);
    return code;
}
