// kk schema PLUGIN.FUNCTION: the JSON Schema of a function's arguments.
#include "json.h"
#include "output.h"

static void write_document(const kk_tool_info *tool, kk_buf *out)
{
    kk_buf_append_text(out, "{\"success\":true");
    kk_output_tool(out, tool);
    kk_output_name(out, "input_schema");
    kk_buf_append_text(out, tool->input_schema);
    kk_output_name(out, "output_schema");
    kk_buf_append_text(out, tool->output_schema != NULL ? tool->output_schema : "null");
    kk_buf_append_byte(out, '}');
}

kk_code kk_cmd_schema(kk_run *run, kk_error *err)
{
    kk_host *host = NULL;
    const kk_tool_info *tool = NULL;
    kk_buf out = {.limit = 4 * KK_TEXT_MAX};
    kk_code code = kk_run_open_host(run, &host, err);
    if (code != KK_OK) {
        return code;
    }
    code = kk_host_find_tool(host, run->words[0], &tool, err);
    if (code != KK_OK) {
        goto done;
    }
    bool document = kk_run_has(run, KK_OPT_JSON);
    if (document) {
        write_document(tool, &out);
        code = kk_buf_check(&out, "the schema", err);
    }
    if (code == KK_OK) {
        kk_str json = document ? kk_buf_view(&out) : kk_str_from(tool->input_schema);
        code = kk_output_json(json, document, err);
    }

done:
    kk_buf_clean(&out);
    kk_host_close(host);
    return code;
}
