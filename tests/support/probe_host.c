// A host with the probe plugins and a transport that answers from a script.
#include "probe_host.h"
#include "host_private.h"
#include "json.h"
#include "scratch.h"
#include <stdlib.h>
#include <unistd.h>

// ---- A transport from a script

kk_script script;

static kk_code script_send(kk_transport *self, const kk_request *request, kk_response *out,
                           kk_error *err)
{
    (void)self;
    script.sends++;
    snprintf(script.method, sizeof script.method, "%s", request->method);
    snprintf(script.credential, sizeof script.credential, "%s: %s",
             request->credential.name != NULL ? request->credential.name : "-",
             request->credential.value != NULL ? request->credential.value : "-");
    out->sent = script.sent;
    if (script.code != KK_OK && (script.failures == 0 || script.sends <= script.failures)) {
        *err = (kk_error){.code = script.code};
        snprintf(err->message, sizeof err->message, "%s",
                 script.message != NULL ? script.message : "the script says so");
        return script.code;
    }
    out->sent = KK_SENT_YES;
    out->status = script.status;
    if (script.retry_after != NULL) {
        static kk_header field;
        field = (kk_header){"retry-after", script.retry_after};
        out->headers = &field;
        out->header_count = 1;
    }
    out->memory = strdup(script.body);
    out->body = (kk_str){out->memory, strlen(script.body)};
    return KK_OK;
}

static void script_clean(kk_transport *self, kk_response *response)
{
    (void)self;
    free(response->memory);
    *response = (kk_response){0};
}

static void script_close(kk_transport *self)
{
    (void)self;
}

static const kk_transport_table script_table = {"live", script_send, script_clean, script_close};
static kk_transport script_transport = {&script_table};

static kk_code open_script(const kk_live_host *host, kk_transport **out, kk_error *err)
{
    (void)host;
    (void)err;
    *out = &script_transport;
    return KK_OK;
}

// ---- Fixture

kk_host *probe_host;
kk_result *last_result;
kk_error last_err;
static scratch home;

int kk_probe_set_up(void **state)
{
    (void)state;
    scratch_init(&home);
    setenv("KK_CRED__PROBE__TOKEN", KK_PROBE_TOKEN, 1);
    setenv("KK_CRED__PROBE_INSTANCE__TOKEN", KK_PROBE_TOKEN, 1);
    setenv("KK_CRED__PROBE_PLUGIN__TOKEN", KK_PROBE_TOKEN, 1);
    const char *const files[] = {KK_TEST_PLUGINS "/probe.so", KK_TEST_PLUGINS "/probe_instance.so",
                                 KK_TEST_PLUGINS "/probe_plugin.so", NULL};
    kk_host_options options = {.size = sizeof options,
                               .flags = KK_HOST_NO_SEARCH,
                               .plugin_files = files,
                               .home = home.dir,
                               .live = open_script};
    memset(&script, 0, sizeof script);
    script.status = 200;
    script.body = "{}";
    last_err = (kk_error){0};
    kk_code code = kk_host_open(&options, &probe_host, &last_err);
    if (code != KK_OK) {
        print_error("%s: %s\n", kk_code_name(code), last_err.message);
    }
    return code == KK_OK ? 0 : -1;
}

int kk_probe_tear_down(void **state)
{
    (void)state;
    kk_result_free(last_result);
    last_result = NULL;
    kk_host_close(probe_host);
    scratch_clean(&home);
    return 0;
}

void kk_probe_stop_time(void)
{
    probe_host->time = kk_time_virtual(INT64_C(1795435200000));
    assert_non_null(probe_host->time);
}

kk_code call_with(kk_call_options options)
{
    kk_result_free(last_result);
    last_err = (kk_error){0};
    options.size = sizeof options;
    return kk_host_call(probe_host, &options, &last_result, &last_err);
}

kk_code call(const char *function, const char *args)
{
    return call_with((kk_call_options){.function = function, .args = args});
}

kk_code call_approved(const char *function, const char *args)
{
    return call_with(
        (kk_call_options){.function = function, .args = args, .flags = KK_CALL_APPROVED});
}

// The raw JSON at a pointer of the envelope.
const char *envelope_at(const char *pointer)
{
    static char out[512];
    kk_str value;
    assert_true(kk_json_find(kk_str_from(kk_result_envelope(last_result, NULL)), pointer, &value));
    snprintf(out, sizeof out, "%.*s", KK_STR_ARG(value));
    return out;
}
