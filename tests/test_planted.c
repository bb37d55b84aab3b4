// Twelve secrets, in every place where a service may repeat one or a caller may put one: none of
// them is in what a host writes, says or logs, while it records, of a recording that is refused,
// when the tape is replayed, and when it misses.
//
// The host, the plugin and the live transport are the real ones; the server keeps all that it was
// sent and has answered, which proves that the secret was there.
#include "api_model.h"
#include "encodings.h"
#include "json.h"
#include "redact.h"
#include "scratch.h"
#include "tape_file.h"
#include "unit.h"
#include <ftw.h>
#include <kk/host.h>
#include <kk/tape.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_LIMIT ((size_t)16 << 20)

static const char *const secrets[] = SECRETS_BESIDE("pscale_oauth_CANARYaaaa1111bbbb2222");
enum { SECRETS = sizeof secrets / sizeof secrets[0] };

// One call: in its arguments '@' stands for the secret.  [proof] has a letter for every form in
// which the secret has to go over the wire besides the credential: as it is, as JSON writes it,
// percent-encoded, in hexadecimal, in base64 behind that many bytes; '/' for the decoded target of
// the request.
typedef struct place {
    const char *function;
    const char *arguments;
    const char *proof;
} place;

static const place places[] = {
    {"list_databases", "{\"organization\":\"fault-echo\"}", "j"},
    {"list_databases", "{\"organization\":\"fault-echo-errors\"}", "j"},
    {"list_databases", "{\"organization\":\"fault-echo-html\"}", "r"},
    {"list_databases", "{\"organization\":\"fault-echo-cut\"}", "jr"},
    {"list_databases", "{\"organization\":\"fault-echo-headers\"}", "rp0"},
    {"list_databases", "{\"organization\":\"fault-echo-location\"}", "p"},
    {"list_databases", "{\"organization\":\"fault-echo-host\"}", "r"},
    {"list_databases", "{\"organization\":\"fault-echo-list\"}", "j"},
    {"list_databases", "{\"organization\":\"fault-echo-encoded\"}", "px012"},
    {"get_database", "{\"organization\":\"acme\",\"database\":\"@\"}", "/"},
    {"list_branches", "{\"organization\":\"acme\",\"database\":\"shop\",\"q\":\"@\"}", "/"},
    {"create_database", "{\"organization\":\"acme\",\"name\":\"@\"}", "j"},
};
enum { PLACES = sizeof places / sizeof places[0] };

// ---- The wire, the log and the files

static pthread_mutex_t wire_lock = PTHREAD_MUTEX_INITIALIZER;
static kk_buf wire = {.limit = TEXT_LIMIT};
static kk_buf target = {.limit = TEXT_LIMIT}; // decoded

static int hex_of(char byte)
{
    const char *digits = "0123456789ABCDEF";
    return (int)(strchr(digits, byte) - digits);
}

static void keep_target(const char *text)
{
    for (; *text != '\0'; text++) {
        bool triplet = *text == '%';
        kk_buf_append_byte(&target,
                           triplet ? (char)(hex_of(text[1]) << 4 | hex_of(text[2])) : *text);
        text += triplet ? 2 : 0;
    }
    kk_buf_append_byte(&target, ' ');
}

static void answer_and_keep(void *model, const http_request *request, http_answer *answer)
{
    api_model_answer(model, request, answer);
    pthread_mutex_lock(&wire_lock);
    keep_target(request->path);
    keep_target(request->query);
    kk_buf_append_str(&wire, kk_buf_view(&request->body));
    for (size_t i = 0; i < answer->header_count; i++) {
        kk_buf_append_format(&wire, "\n%s: %s", answer->headers[i].name, answer->headers[i].value);
    }
    kk_buf_append_text(&wire, "\n");
    kk_buf_append_str(&wire, kk_buf_view(&answer->body));
    pthread_mutex_unlock(&wire_lock);
}

static kk_buf logged = {.limit = TEXT_LIMIT};

static void keep_log(void *context, int level, const char *text)
{
    (void)context;
    (void)level;
    pthread_mutex_lock(&wire_lock);
    kk_buf_append_format(&logged, "%s\n", text);
    pthread_mutex_unlock(&wire_lock);
}

static kk_buf files = {.limit = TEXT_LIMIT};

static int keep_file(const char *path, const struct stat *info, int kind, struct FTW *depth)
{
    (void)info;
    (void)depth;
    kk_error err = {0};
    kk_buf_append_format(&files, "\n%s: ", path);
    if (kind == FTW_F) {
        kk_buf text = {.limit = KK_TAPE_FILE_LIMIT};
        assert_ok(kk_tape_file_read(path, &text, &err), &err);
        kk_buf_append_str(&files, kk_buf_view(&text));
        kk_buf_clean(&text);
    }
    return 0;
}

// ---- Looking for a secret

static void put_quoted(kk_str secret, kk_buf *out)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_json_write_string(&text, secret);
    kk_buf_append(out, text.ptr + 1, text.len - 2);
    kk_buf_clean(&text);
}

// The characters of base64 that stand for the secret alone.
static void put_base64_of(kk_str secret, size_t before, kk_buf *out)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    kk_buf whole = {.limit = KK_TEXT_MAX};
    kk_buf_append(&text, "kk", before);
    kk_buf_append_str(&text, secret);
    put_base64(kk_buf_view(&text), &whole);
    size_t first = (before * 8 + 5) / 6;
    size_t end = text.len * 8 / 6;
    kk_buf_append(out, whole.ptr + first, end - first);
    kk_buf_clean(&whole);
    kk_buf_clean(&text);
}

static void put_form(char form, kk_str secret, kk_buf *out)
{
    switch (form) {
    case 'j':
        put_quoted(secret, out);
        break;
    case 'u':
        put_json(secret, out);
        break;
    case 'p':
        put_percent(secret, out);
        break;
    case 'x':
        put_hex(secret, out);
        break;
    case '0':
    case '1':
    case '2':
        put_base64_of(secret, (size_t)(form - '0'), out);
        break;
    default:
        put_plain(secret, out);
        break;
    }
}

static bool holds(const kk_buf *bytes, char form, const char *secret)
{
    kk_buf text = {.limit = KK_TEXT_MAX};
    put_form(form, kk_str_from(secret), &text);
    bool found = bytes->len > 0 && memmem(bytes->ptr, bytes->len, text.ptr, text.len) != NULL;
    kk_buf_clean(&text);
    return found;
}

static void assert_none(const kk_buf *bytes, const char *what, const char *secret, const place *one)
{
    for (const char *form = "rjupx012"; *form != '\0'; form++) {
        if (holds(bytes, *form, secret)) {
            fail_msg("%s %s: '%s' is in the %s as '%c': %s", one->function, one->arguments, secret,
                     what, *form, kk_buf_text(bytes));
        }
    }
    // Nor is a part of it.
    bool part = bytes->len > 0 && (strcasestr(kk_buf_text(bytes), "canary") != NULL ||
                                   strcasestr(kk_buf_text(bytes), "cnryid") != NULL);
    if (part) {
        fail_msg("%s %s: a part of '%s' is in the %s: %s", one->function, one->arguments, secret,
                 what, kk_buf_text(bytes));
    }
}

// That the secret has been there.
static void assert_proof(const char *secret, const place *one)
{
    for (const char *form = one->proof; *form != '\0'; form++) {
        if (!holds(*form == '/' ? &target : &wire, *form, secret)) {
            fail_msg("%s %s: '%s' was never sent as '%c': %s", one->function, one->arguments,
                     secret, *form, kk_buf_text(&wire));
        }
    }
}

// ---- The calls

typedef struct stage {
    scratch dir;
    char tape[128];
    char rejected[128];
    kk_buf said; // envelopes and errors
} stage;

static kk_host *open_host(const stage *self, const char *record, const char *replay)
{
    const char *const plugins[] = {KK_PLANETSCALE, NULL};
    kk_host_options options = {.size = sizeof options,
                               .flags = KK_HOST_NO_SEARCH,
                               .plugin_files = plugins,
                               .home = self->dir.dir,
                               .record_file = record,
                               .replay_file = replay,
                               .log = keep_log,
                               .log_level = KK_LOG_LEVEL_DEBUG,
                               .live = kk_live_open};
    kk_host *host = NULL;
    kk_error err = {0};
    assert_ok(kk_host_open(&options, &host, &err), &err);
    return host;
}

static char *arguments_of(const place *one, const char *secret)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    for (const char *at = one->arguments; *at != '\0'; at++) {
        if (*at == '@') {
            put_quoted(kk_str_from(secret), &out);
        } else {
            kk_buf_append_byte(&out, *at);
        }
    }
    return kk_buf_steal(&out);
}

static void keep_error(stage *self, const kk_error *err)
{
    kk_buf_append_format(&self->said, "\n%s\n%s\n%s\n%s\n%s\n", err->message, err->hint,
                         err->argument, err->reason, err->api_code);
}

static kk_code make_call(stage *self, kk_host *host, const place *one, const char *secret)
{
    char function[64];
    char *arguments = arguments_of(one, secret);
    kk_result *result = NULL;
    kk_error err = {0};
    snprintf(function, sizeof function, "planetscale.%s", one->function);
    kk_call_options call = {.size = sizeof call,
                            .function = function,
                            .args = arguments,
                            .flags = KK_CALL_APPROVED,
                            .timeout_ms = 20000};
    kk_code code = kk_host_call(host, &call, &result, &err);
    kk_buf_append_text(&self->said, kk_result_envelope(result, NULL));
    keep_error(self, &err);
    kk_result_free(result);
    free(arguments);
    return code;
}

// Everything that may be read by now.
static void assert_clean(stage *self, const char *secret, const place *one)
{
    kk_buf_clear(&files);
    assert_int_equal(nftw(self->dir.dir, keep_file, 8, FTW_PHYS), 0);
    assert_none(&files, "files", secret, one);
    assert_none(&self->said, "answers", secret, one);
    assert_none(&logged, "log", secret, one);
}

static void record(stage *self, const char *secret, const place *one)
{
    kk_error err = {0};
    kk_host *host = open_host(self, self->tape, NULL);
    (void)make_call(self, host, one, secret);
    assert_ok(kk_host_save_recording(host, &err), &err);
    kk_host_reject_recording(host);
    kk_error refused = {0};
    kk_code code = kk_host_save_recording(host, &refused);
    keep_error(self, &refused);
    kk_host_close(host);
    assert_code(code, KK_ERR_TAPE_INVALID);
    assert_int_equal(access(self->tape, F_OK), 0);
    assert_int_equal(access(self->rejected, F_OK), 0);
}

// Replay knows no secret.  What a caller gives it that does not even look like one is the caller's.
static bool is_known_to_replay(const char *secret, const place *one)
{
    return strchr(one->arguments, '@') == NULL || kk_redact_is_suspect(kk_str_from(secret));
}

static void replay(stage *self, const char *secret, const place *one)
{
    static const place other = {"get_branch",
                                "{\"organization\":\"acme\",\"database\":\"none\","
                                "\"branch\":\"main\"}",
                                ""};
    kk_host *host = open_host(self, NULL, self->tape);
    if (is_known_to_replay(secret, one)) {
        (void)make_call(self, host, one, secret);
    }
    assert_code(make_call(self, host, &other, secret), KK_ERR_REPLAY_MISS);
    kk_host_close(host);
}

static void start_again(stage *self)
{
    unlink(self->tape);
    unlink(self->rejected);
    kk_buf_clear(&self->said);
    kk_buf_clear(&logged);
    kk_buf_clear(&wire);
    kk_buf_clear(&target);
}

// A name with a slash is refused before an account is looked for, with the argument in the message.
static bool can_be_sent(const char *secret, const place *one)
{
    return strcmp(one->function, "get_database") != 0 || strpbrk(secret, "/\\") == NULL;
}

// Returns how many places there were.
static size_t play(stage *self, const char *secret)
{
    size_t played = 0;
    setenv("KK_CRED__PLANETSCALE__ACCESS_TOKEN", secret, 1);
    for (size_t i = 0; i < PLACES; i++) {
        if (!can_be_sent(secret, &places[i])) {
            continue;
        }
        start_again(self);
        record(self, secret, &places[i]);
        assert_proof(secret, &places[i]);
        replay(self, secret, &places[i]);
        assert_clean(self, secret, &places[i]);
        played++;
    }
    return played;
}

static void test_planted__no_secret_is_written_said_or_logged(void **state)
{
    (void)state;
    stage self = {.said = {.limit = TEXT_LIMIT}};
    kk_error err = {0};
    api_model model = {.account_count = 0};
    http_server *server = NULL;
    http_server_options options = {.handler = answer_and_keep, .context = &model};
    for (size_t i = 0; i < SECRETS; i++) {
        char line[256];
        snprintf(line, sizeof line, "s%zu Bearer %s\n", i, secrets[i]);
        assert_ok(api_model_add_accounts(&model, line, &err), &err);
    }
    assert_ok(http_server_start(&options, &server, &err), &err);
    scratch_init(&self.dir);
    snprintf(self.tape, sizeof self.tape, "%s", scratch_path(&self.dir, "x.har"));
    snprintf(self.rejected, sizeof self.rejected, "%s", scratch_path(&self.dir, "x.rejected.har"));
    kk_buf url = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&url, "%s/v1", http_server_url(server));
    setenv("KK_CRED__PLANETSCALE__URL", kk_buf_text(&url), 1);
    size_t played = 0;
    for (size_t i = 0; i < SECRETS; i++) {
        played += play(&self, secrets[i]);
    }
    assert_true(http_server_requests(server) >= played);
    assert_true(played >= (size_t)SECRETS * (PLACES - 1));
    kk_buf_clean(&url);
    kk_buf_clean(&self.said);
    kk_buf_clean(&files);
    kk_buf_clean(&logged);
    kk_buf_clean(&wire);
    kk_buf_clean(&target);
    scratch_clean(&self.dir);
    http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planted__no_secret_is_written_said_or_logged),
    };
    unsetenv("CI");
    return cmocka_run_group_tests_name("planted", tests, NULL, NULL);
}
