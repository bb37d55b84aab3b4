// kk help [COMMAND]
#include "fail.h"
#include "output.h"

kk_code kk_help_print(const kk_run *run, const kk_command *command, kk_error *err)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_help_write(command, &text);
    if (!kk_run_has(run, KK_OPT_JSON)) {
        return kk_output_take(&text, err);
    }
    kk_code code = kk_buf_check(&text, "the help", err);
    kk_buf out = {.limit = 8 * KK_TEXT_MAX};
    kk_buf_append_text(&out, "{\"success\":true");
    kk_output_member(&out, "command", command != NULL ? command->name : NULL);
    kk_output_member(&out, "text", kk_buf_text(&text));
    kk_buf_append_text(&out, "}\n");
    kk_buf_clean(&text);
    if (code != KK_OK) {
        kk_buf_clean(&out);
        return code;
    }
    return kk_output_take(&out, err);
}

kk_code kk_cmd_help(kk_run *run, kk_error *err)
{
    const kk_command *command = NULL;
    if (kk_run_has(run, KK_OPT_MAN)) {
        kk_buf page = {.limit = KK_TEXT_MAX};
        kk_manual_write(&page);
        return kk_output_take(&page, err);
    }
    if (run->word_count > 0) {
        kk_buf name = {.limit = 256};
        for (size_t i = 0; i < run->word_count; i++) {
            kk_buf_append_format(&name, "%s%s", i > 0 ? " " : "", run->words[i]);
        }
        command = kk_command_find(kk_buf_view(&name));
        kk_code code = KK_OK;
        if (command == NULL) {
            code = kk_fail(err, KK_ERR_USAGE, "there is no command '%.128s'", kk_buf_text(&name));
        }
        kk_buf_clean(&name);
        if (command == NULL) {
            kk_fail_hint(err, "'kk help' shows all");
            return code;
        }
    }
    return kk_help_print(run, command, err);
}
