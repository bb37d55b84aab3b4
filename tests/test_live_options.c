// What the live transport asks of libcurl where no answer shows it, and that it sends nothing when
// libcurl does not accept all of it.
//
// libcurl's functions are the test's own: they note what they are given and pass it on.
#include "fail.h"
#include "live.h"
#include "live_fixture.h"
#include "unit.h"
#include "wire_server.h"
#include <dlfcn.h>
#include <stdarg.h>

#undef curl_easy_setopt

// One option as it was set; the last time counts.
typedef struct noted {
    CURLoption option;
    long number;
    char text[64]; // "" where it is none
} noted;

static noted options[128];
static size_t option_count; // options that were set, each once
static size_t calls;        // of curl_easy_setopt()
static size_t refuse_at;    // the call that is refused, from 1; 0 = none
static bool libcurl_is_old;
static uint64_t missing_feature;
static size_t lists_freed;
static size_t lists_with_text; // that were freed with anything in them

static void *real(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    assert_non_null(symbol);
    return symbol;
}

static noted *note_option(CURLoption option)
{
    size_t at = 0;
    while (at < option_count && options[at].option != option) {
        at++;
    }
    assert_true(at < sizeof options / sizeof options[0]);
    option_count = at == option_count ? at + 1 : option_count;
    options[at] = (noted){.option = option};
    return &options[at];
}

static bool is_text(CURLoption option)
{
    static const CURLoption texts[] = {CURLOPT_PROTOCOLS_STR, CURLOPT_REDIR_PROTOCOLS_STR,
                                       CURLOPT_CAINFO,        CURLOPT_CAPATH,
                                       CURLOPT_PROXY_CAINFO,  CURLOPT_PROXY_CAPATH};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i] == option) {
            return true;
        }
    }
    return false;
}

// Every value is passed on as what it is by the range of its option: a number, a pointer to data or
// to a function, or a size.
KK_PUBLIC CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    CURLcode (*next)(CURL *, CURLoption, ...) = NULL;
    void *symbol = real("curl_easy_setopt");
    memcpy(&next, &symbol, sizeof symbol);
    noted *note = note_option(option);
    va_list values;
    va_start(values, option);
    CURLcode result = CURLE_UNKNOWN_OPTION;
    if (++calls == refuse_at) {
        // As a libcurl that was built without it would say.
    } else if (option < CURLOPTTYPE_OBJECTPOINT) {
        note->number = va_arg(values, long);
        result = next(easy, option, note->number);
    } else if (option < CURLOPTTYPE_OFF_T) {
        void *pointer = va_arg(values, void *);
        snprintf(note->text, sizeof note->text, "%s", is_text(option) ? (const char *)pointer : "");
        result = next(easy, option, pointer);
    } else {
        result = next(easy, option, va_arg(values, curl_off_t));
    }
    va_end(values);
    return result;
}

KK_PUBLIC void curl_slist_free_all(struct curl_slist *list)
{
    void (*next)(struct curl_slist *) = NULL;
    void *symbol = real("curl_slist_free_all");
    memcpy(&next, &symbol, sizeof symbol);
    lists_freed += list != NULL;
    for (struct curl_slist *node = list; node != NULL; node = node->next) {
        lists_with_text += node->data[0] != '\0';
    }
    next(list);
}

KK_PUBLIC curl_version_info_data *curl_version_info(CURLversion which)
{
    static curl_version_info_data info;
    curl_version_info_data *(*next)(CURLversion) = NULL;
    void *symbol = real("curl_version_info");
    memcpy(&next, &symbol, sizeof symbol);
    info = *next(which);
    info.version_num = libcurl_is_old ? 0x0757FF : info.version_num;
    info.features &= ~(int)missing_feature;
    return &info;
}

static void answer(wire_connection *self)
{
    while (wire_read(self)) {
        wire_send_text(self, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    }
}

typedef struct pair {
    wire_server *server;
    live_fixture *live;
} pair;

static pair pair_open(void)
{
    pair self = {wire_server_start(answer), live_fixture_open(NULL, NULL)};
    assert_non_null(self.server);
    option_count = 0;
    calls = 0;
    refuse_at = 0;
    return self;
}

static void pair_close(pair *self)
{
    live_fixture_close(self->live);
    wire_server_stop(self->server);
}

static kk_code send_until(pair *self, const char *method, uint64_t deadline_ms)
{
    static const kk_header fields[] = {{"Accept", "application/json"}};
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/things", wire_server_port(self->server));
    kk_request request = {.method = method,
                          .url = url,
                          .headers = fields,
                          .header_count = 1,
                          .credential = {"Authorization", "hidden"},
                          .body = strcmp(method, "POST") == 0 ? KK_STR("{}") : (kk_str){0},
                          .deadline_ms = deadline_ms};
    return live_send_request(self->live, &request);
}

static const noted *find_option(CURLoption option)
{
    for (size_t i = 0; i < option_count; i++) {
        if (options[i].option == option) {
            return &options[i];
        }
    }
    return NULL;
}

static void assert_set(CURLoption option, long number)
{
    const noted *note = find_option(option);
    if (note == NULL || note->number != number) {
        fail_msg("option %d is %ld, not %ld", (int)option, note != NULL ? note->number : -1,
                 number);
    }
}

// Second locks, of doors that a first one keeps shut, and what takes minutes to show.
static void test_live_options__what_no_answer_shows_is_set(void **state)
{
    (void)state;
    pair self = pair_open();
    assert_ok(send_until(&self, "GET", live_now_ms() + 10000), &self.live->err);
    static const struct {
        CURLoption option;
        long number;
    } rows[] = {
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_MAXREDIRS, 0},
        {CURLOPT_UNRESTRICTED_AUTH, 0},
        {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
        {CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC},
        {CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC},
        {CURLOPT_HEADEROPT, CURLHEADER_SEPARATE},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_CONNECTTIMEOUT_MS, 5000},
        {CURLOPT_MAXAGE_CONN, 60},
        {CURLOPT_MAXLIFETIME_CONN, 600},
        {CURLOPT_TCP_KEEPALIVE, 1},
        {CURLOPT_VERBOSE, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_set(rows[i].option, rows[i].number);
    }
    assert_string_equal(find_option(CURLOPT_PROTOCOLS_STR)->text, "http");
    assert_string_equal(find_option(CURLOPT_REDIR_PROTOCOLS_STR)->text, "https");
    pair_close(&self);
}

// Cookies, other ways to a service, passwords, and what tells somebody of a request.
static void test_live_options__what_opens_a_door_is_never_set(void **state)
{
    (void)state;
    static const CURLoption never[] = {
        CURLOPT_COOKIE,          CURLOPT_COOKIEFILE,    CURLOPT_COOKIEJAR,
        CURLOPT_COOKIELIST,      CURLOPT_COOKIESESSION, CURLOPT_SHARE,
        CURLOPT_ALTSVC,          CURLOPT_ALTSVC_CTRL,   CURLOPT_HSTS,
        CURLOPT_HSTS_CTRL,       CURLOPT_DOH_URL,       CURLOPT_USERPWD,
        CURLOPT_USERNAME,        CURLOPT_PASSWORD,      CURLOPT_HTTPAUTH,
        CURLOPT_XOAUTH2_BEARER,  CURLOPT_PROXYUSERPWD,  CURLOPT_NETRC_FILE,
        CURLOPT_DEBUGFUNCTION,   CURLOPT_STDERR,        CURLOPT_AUTOREFERER,
        CURLOPT_UNIX_SOCKET_PATH};
    pair self = pair_open();
    assert_ok(send_until(&self, "GET", UINT64_MAX), &self.live->err);
    assert_ok(send_until(&self, "POST", UINT64_MAX), &self.live->err);
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (find_option(never[i]) != NULL) {
            fail_msg("option %d is set", (int)never[i]);
        }
    }
    pair_close(&self);
}

// An authority of one's own is added to the system's, whose directory stays in force.
static void test_live_options__own_authority_leaves_the_systems(void **state)
{
    (void)state;
    pair self = pair_open();
    assert_ok(send_until(&self, "GET", UINT64_MAX), &self.live->err);
    assert_null(find_option(CURLOPT_CAINFO));
    assert_null(find_option(CURLOPT_CAPATH));
    self.live->host.ca_file = "/nowhere/ca.pem";
    assert_ok(send_until(&self, "GET", UINT64_MAX), &self.live->err);
    const char *system_path = curl_version_info(CURLVERSION_NOW)->capath;
    system_path = system_path != NULL ? system_path : "/etc/ssl/certs";
    assert_string_equal(find_option(CURLOPT_CAINFO)->text, "/nowhere/ca.pem");
    assert_string_equal(find_option(CURLOPT_PROXY_CAINFO)->text, "/nowhere/ca.pem");
    assert_string_equal(find_option(CURLOPT_CAPATH)->text, system_path);
    assert_string_equal(find_option(CURLOPT_PROXY_CAPATH)->text, system_path);
    pair_close(&self);
}

static void test_live_options__slowness_ends_what_has_no_deadline(void **state)
{
    (void)state;
    pair self = pair_open();
    assert_ok(send_until(&self, "GET", live_now_ms() + 10000), &self.live->err);
    assert_null(find_option(CURLOPT_LOW_SPEED_LIMIT));
    assert_ok(send_until(&self, "GET", UINT64_MAX), &self.live->err);
    assert_set(CURLOPT_LOW_SPEED_LIMIT, 100);
    assert_set(CURLOPT_LOW_SPEED_TIME, 15);
    pair_close(&self);
}

// Each option in turn is one that this libcurl does not know.
static void test_live_options__one_that_is_refused_sends_nothing(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "HEAD", "POST", "DELETE"};
    for (size_t i = 0; i < 4; i++) {
        pair self = pair_open();
        assert_ok(send_until(&self, methods[i], UINT64_MAX), &self.live->err);
        size_t needed = calls;
        assert_true(needed > 30);
        for (size_t n = 1; n <= needed; n++) {
            calls = 0;
            refuse_at = n;
            assert_code(send_until(&self, methods[i], UINT64_MAX), KK_ERR_INTERNAL);
            assert_holds(self.live->err.message, "127.0.0.1/v1/things: libcurl did not accept");
            assert_int_equal(self.live->sent, KK_SENT_NO);
        }
        assert_int_equal(wire_server_requests(self.server), 1);
        refuse_at = 0;
        assert_ok(send_until(&self, methods[i], UINT64_MAX), &self.live->err);
        pair_close(&self);
    }
}

static void test_live_options__fields_are_wiped_before_they_are_freed(void **state)
{
    (void)state;
    pair self = pair_open();
    lists_freed = 0;
    lists_with_text = 0;
    assert_ok(send_until(&self, "GET", UINT64_MAX), &self.live->err);
    calls = 0;
    refuse_at = 1;
    assert_code(send_until(&self, "GET", UINT64_MAX), KK_ERR_INTERNAL);
    assert_int_equal(lists_freed, 1); // the second request had none yet
    assert_int_equal(lists_with_text, 0);
    pair_close(&self);
}

static void assert_will_not_do(void)
{
    kk_live_host host = {.size = sizeof host, .fail = kk_fail, .fail_hint = kk_fail_hint};
    kk_transport *transport = NULL;
    kk_error err = {0};
    assert_code(kk_live_open(&host, &transport, &err), KK_ERR_INTERNAL);
    assert_holds(err.message, "will not do: 7.88 with TLS, threads and asynchronous name");
    assert_null(transport);
}

static void test_live_options__libcurl_that_lacks_something_is_refused(void **state)
{
    (void)state;
    static const uint64_t needed[] = {CURL_VERSION_SSL, CURL_VERSION_ASYNCHDNS,
                                      CURL_VERSION_THREADSAFE};
    libcurl_is_old = true;
    assert_will_not_do();
    libcurl_is_old = false;
    for (size_t i = 0; i < 3; i++) {
        missing_feature = needed[i];
        assert_will_not_do();
    }
    missing_feature = 0;
    live_fixture_close(live_fixture_open(NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_options__what_no_answer_shows_is_set),
        cmocka_unit_test(test_live_options__what_opens_a_door_is_never_set),
        cmocka_unit_test(test_live_options__own_authority_leaves_the_systems),
        cmocka_unit_test(test_live_options__slowness_ends_what_has_no_deadline),
        cmocka_unit_test(test_live_options__one_that_is_refused_sends_nothing),
        cmocka_unit_test(test_live_options__fields_are_wiped_before_they_are_freed),
        cmocka_unit_test(test_live_options__libcurl_that_lacks_something_is_refused),
    };
    return cmocka_run_group_tests_name("live_options", tests, NULL, NULL);
}
