// A complete host: lists the functions that its plugins offer, and calls one.
//
//     embed [TAPE]      with a tape it needs neither an account nor a network
#include <kk/host.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    kk_error err = {0};
    kk_host *host = NULL;
    kk_result *result = NULL;
    kk_host_options options = {.size = sizeof options, .replay_file = argc > 1 ? argv[1] : NULL};

    kk_code code = kk_host_open(&options, &host, &err);
    if (code != KK_OK) {
        goto done;
    }
    for (size_t i = 0; i < kk_host_tool_count(host); i++) {
        const kk_tool_info *tool = kk_host_tool_at(host, i);
        printf("%-32s %-6s %s\n", tool->function, tool->operation, tool->summary);
    }
    kk_call_options call = {.size = sizeof call,
                            .function = "planetscale.list_databases",
                            .args = "{\"organization\":\"acme\",\"fields\":[\"name\",\"state\"]}"};
    code = kk_host_call(host, &call, &result, &err);
    if (code == KK_OK) {
        puts(kk_result_data(result, NULL));
    }

done:
    if (code != KK_OK) {
        fprintf(stderr, "embed: %s: %s; %s\n", kk_code_name(code), err.message, err.hint);
    }
    kk_result_free(result);
    kk_host_close(host);
    return kk_code_exit_status(code);
}
