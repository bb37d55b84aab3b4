// A live transport under test, linked in.
#include "live_fixture.h"
#include "fail.h"
#include "time_source.h"
#include "unit.h"
#include <link.h>
#include <stdlib.h>

uint64_t live_now_ms(void)
{
    return kk_time_mono_ms(kk_time_real());
}

static void keep_line(void *context, int level, const char *text)
{
    live_fixture *self = context;
    (void)level;
    pthread_mutex_lock(&self->lock);
    snprintf(self->log, sizeof self->log, "%s", text);
    pthread_mutex_unlock(&self->lock);
}

static int see_stubs(struct dl_phdr_info *object, size_t size, void *found)
{
    (void)size;
    *(bool *)found = *(bool *)found || strstr(object->dlpi_name, "/live_stubs/") != NULL;
    return 0;
}

// A test that is to run over the stubs would pass without them too.
static void check_stubs(void)
{
    bool found = false;
    dl_iterate_phdr(see_stubs, &found);
    assert_int_equal(found, getenv("KK_TEST_OVER_STUBS") != NULL);
}

live_fixture *live_fixture_open(const char *ca_file, const char *resolve)
{
    check_stubs();
    live_fixture *self = calloc(1, sizeof *self);
    assert_non_null(self);
    pthread_mutex_init(&self->lock, NULL);
    self->host = (kk_live_host){.size = sizeof self->host,
                                .user_agent = "kk/test",
                                .ca_file = ca_file,
                                .resolve = resolve,
                                .log = keep_line,
                                .log_context = self,
                                .fail = kk_fail,
                                .fail_hint = kk_fail_hint,
                                .mono_ms = live_now_ms,
                                .cancel_watch_add = kk_cancel_watch_add,
                                .cancel_watch_remove = kk_cancel_watch_remove};
    assert_ok(kk_live_open(&self->host, &self->transport, &self->err), &self->err);
    return self;
}

void live_fixture_close(live_fixture *self)
{
    self->transport->table->response_clean(self->transport, &self->response);
    self->transport->table->close(self->transport);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

kk_code live_send_request(live_fixture *self, const kk_request *request)
{
    self->transport->table->response_clean(self->transport, &self->response);
    self->err = (kk_error){0};
    kk_code code =
        self->transport->table->send(self->transport, request, &self->response, &self->err);
    self->sent = self->response.sent;
    assert_int_equal(code, self->err.code);
    return code;
}

kk_code live_send(live_fixture *self, const char *method, unsigned port, const char *path)
{
    char url[512];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    bool has_body = method[0] == 'P';
    kk_request request = {.method = method,
                          .url = url,
                          .body = has_body ? KK_STR("{}") : (kk_str){0},
                          .deadline_ms = live_now_ms() + 10000};
    return live_send_request(self, &request);
}

const char *live_header(const live_fixture *self, const char *name)
{
    for (size_t i = 0; i < self->response.header_count; i++) {
        if (strcmp(self->response.headers[i].name, name) == 0) {
            return self->response.headers[i].value;
        }
    }
    return NULL;
}
