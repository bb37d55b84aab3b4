// kk help [COMMAND]
#include "fail.h"
#include "output.h"

kk_code kk_cmd_help(kk_run *run, kk_error *err)
{
    const kk_command *command = NULL;
    if (run->word_count > 0) {
        kk_buf name = {.limit = 256};
        const char *second = run->word_count > 1 ? run->words[1] : NULL;
        kk_buf_append_format(&name, "%s%s%s", run->words[0], second != NULL ? " " : "",
                             second != NULL ? second : "");
        command = kk_command_find(kk_buf_view(&name));
        kk_buf_clean(&name);
        if (command == NULL) {
            kk_code code =
                kk_fail(err, KK_ERR_USAGE, "there is no command '%.64s%s%.64s'", run->words[0],
                        second != NULL ? " " : "", second != NULL ? second : "");
            kk_fail_hint(err, "'kk help' shows all");
            return code;
        }
    }
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_help_write(command, &out);
    return kk_output_take(&out, err);
}
