// The last look at what is to be written.
#include "redact_private.h"
#include <stdlib.h>
#include <strings.h>

enum { RUN_MIN = 32, TOKEN_MIN = 8, BEARER_MIN = 20 };

// Random hexadecimal has about 11, other random text 17 and more, words have 10.
enum { HEX_VARIETY = 7, VARIETY = 12 };

// ---- What only a secret looks like

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-';
}

// How many bytes at the front of [text] are letters, digits, '_', '-' or one of [more].
static size_t run_length(kk_str text, const char *more)
{
    size_t len = 0;
    while (len < text.len &&
           (is_word(text.ptr[len]) || (text.ptr[len] != '\0' && strchr(more, text.ptr[len])))) {
        len++;
    }
    return len;
}

static kk_str after(kk_str text, size_t len)
{
    return (kk_str){text.ptr + len, text.len - len};
}

// A number that a fake of ours ends in.
static bool is_fake_tail(kk_str text)
{
    static const char word[] = "REDACTED";
    if (!kk_str_starts_with(text, word)) {
        return false;
    }
    size_t digits = 0;
    for (text = after(text, sizeof word - 1); digits < text.len; digits++) {
        if (text.ptr[digits] < '0' || text.ptr[digits] > '9') {
            return false;
        }
    }
    return digits > 0;
}

static bool is_pscale(kk_str at)
{
    static const char *const prefixes[] = {"pscale_tkn_", "pscale_pw_",  "pscale_oauth_",
                                           "pscale_api_", "pscale_app_", NULL};
    for (const char *const *prefix = prefixes; *prefix != NULL; prefix++) {
        if (kk_str_starts_with(at, *prefix)) {
            kk_str rest = after(at, strlen(*prefix));
            rest.len = run_length(rest, ".");
            return rest.len >= TOKEN_MIN && !is_fake_tail(rest);
        }
    }
    return false;
}

static bool is_jwt(kk_str at)
{
    if (!kk_str_starts_with(at, "eyJ")) {
        return false;
    }
    size_t head = run_length(at, "");
    kk_str rest = after(at, head);
    if (head < TOKEN_MIN || rest.len == 0 || rest.ptr[0] != '.') {
        return false;
    }
    size_t body = run_length(after(rest, 1), "");
    return body >= TOKEN_MIN && rest.len > body + 1 && rest.ptr[body + 1] == '.';
}

static bool is_aws_key(kk_str at)
{
    if (!kk_str_starts_with(at, "AKIA") && !kk_str_starts_with(at, "ASIA")) {
        return false;
    }
    size_t len = 4;
    while (len < at.len && ((at.ptr[len] >= 'A' && at.ptr[len] <= 'Z') ||
                            (at.ptr[len] >= '0' && at.ptr[len] <= '9'))) {
        len++;
    }
    return len == 20;
}

static bool is_bearer(kk_str at)
{
    static const char word[] = "Bearer ";
    return at.len > sizeof word - 1 && strncasecmp(at.ptr, word, sizeof word - 1) == 0 &&
           run_length(after(at, sizeof word - 1), ".~+/=") >= BEARER_MIN &&
           !is_fake_tail(
               (kk_str){at.ptr + sizeof word - 1, run_length(after(at, sizeof word - 1), ".~+/=")});
}

// "://", a user and a password up to '@'.
static bool is_user(kk_str at)
{
    if (!kk_str_starts_with(at, "://")) {
        return false;
    }
    size_t len = 3;
    while (len < at.len && strchr("/?# \"'<>", at.ptr[len]) == NULL && at.ptr[len] != '@') {
        len++;
    }
    kk_str user = {at.ptr + 3, len - 3};
    bool ends = len < at.len && at.ptr[len] == '@';
    return ends && memchr(user.ptr, ':', user.len) != NULL;
}

static bool is_uuid_text(kk_str run)
{
    bool dashes = run.len == 36;
    for (size_t i = 0; dashes && i < run.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        dashes = dash == (run.ptr[i] == '-');
    }
    return dashes;
}

// How many different bytes would do if all were equally frequent.
static size_t variety_of(kk_str run)
{
    size_t counts[256] = {0};
    size_t squares = 0;
    for (size_t i = 0; i < run.len; i++) {
        counts[(unsigned char)run.ptr[i]]++;
    }
    for (size_t i = 0; i < 256; i++) {
        squares += counts[i] * counts[i];
    }
    return run.len * run.len / squares;
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
}

// Names put numbers between separators; in a key letters and digits stand side by side everywhere.
static bool is_random(kk_str run)
{
    enum { BORDERS_MIN = 4 };
    bool hex = true;
    size_t borders = 0;
    for (size_t i = 0; i < run.len; i++) {
        char lower = (char)(run.ptr[i] | 0x20);
        hex = hex && (is_digit(run.ptr[i]) || (lower >= 'a' && lower <= 'f'));
        borders += i > 0 && ((is_digit(run.ptr[i]) && is_letter(run.ptr[i - 1])) ||
                             (is_letter(run.ptr[i]) && is_digit(run.ptr[i - 1])));
    }
    return borders >= BORDERS_MIN && variety_of(run) >= (hex ? HEX_VARIETY : VARIETY);
}

static bool is_suspicious_run(kk_str run)
{
    return run.len >= RUN_MIN && !is_uuid_text(run) && is_random(run);
}

// What begins at the front of [at], which is not empty, or NULL.
static const char *find_front(kk_str at)
{
    switch (at.ptr[0]) {
    case 'p':
        return is_pscale(at) ? "a PlanetScale token" : NULL;
    case 'e':
        return is_jwt(at) ? "a JSON web token" : NULL;
    case 'A':
        return is_aws_key(at) ? "an AWS key" : NULL;
    case 'B':
    case 'b':
        return is_bearer(at) ? "a bearer token" : NULL;
    case ':':
        return is_user(at) ? "a password in a URL" : NULL;
    case '-':
        return kk_str_starts_with(at, "-----BEGIN ") ? "a PEM text" : NULL;
    default:
        return NULL;
    }
}

// What stands somewhere in [text], or NULL.  Where [random] is allowed, what is long and random and
// no more is nothing.
static const char *find_suspect(kk_str text, bool random)
{
    size_t run = 0; // bytes of the run of word bytes that ends before i
    for (size_t i = 0; i <= text.len; i++) {
        const char *what = i < text.len ? find_front(after(text, i)) : NULL;
        if (what != NULL) {
            return what;
        }
        if (i < text.len && (is_word(text.ptr[i]) || text.ptr[i] == '+' || text.ptr[i] == '=')) {
            run++;
        } else if (!random && is_suspicious_run((kk_str){text.ptr + i - run, run})) {
            return "a key: long, and random";
        } else {
            run = 0;
        }
    }
    return NULL;
}

// ---- The scan

typedef struct scan {
    kk_redactor *redactor;
    kk_redact_found_fn found;
    void *context;
    size_t count;
    bool mask;
    char header[64]; // the name of the header whose value comes next
} scan;

// The same behind one layer of escapes.
static const char *find_wrapped(kk_str text, bool random)
{
    const char *what = find_suspect(text, random);
    if (what != NULL ||
        (memchr(text.ptr, '%', text.len) == NULL && memchr(text.ptr, '\\', text.len) == NULL &&
         memchr(text.ptr, '&', text.len) == NULL)) {
        return what;
    }
    char *plain = malloc(text.len + 1);
    if (plain == NULL) {
        return "more than memory holds";
    }
    what = find_suspect((kk_str){plain, kk_redact_unwrap(text, plain, NULL)}, random);
    free(plain);
    return what;
}

static bool ends_in(const char *pointer, const char *end)
{
    size_t len = strlen(pointer);
    size_t tail = strlen(end);
    return len >= tail && strcmp(pointer + len - tail, end) == 0;
}

// etag and x-request-id are random and nobody's secret.
static bool may_be_random(scan *self, const kk_redact_token *token)
{
    if (strstr(token->pointer, "/headers/") == NULL) {
        return false;
    }
    if (ends_in(token->pointer, "/name")) {
        size_t len = token->plain.len < sizeof self->header ? token->plain.len : 0;
        memcpy(self->header, token->plain.ptr, len);
        self->header[len] = '\0';
        return false;
    }
    return ends_in(token->pointer, "/value") && (strcasecmp(self->header, "etag") == 0 ||
                                                 strcasecmp(self->header, "x-request-id") == 0 ||
                                                 strcasecmp(self->header, "if-match") == 0 ||
                                                 strcasecmp(self->header, "if-none-match") == 0);
}

static bool scan_token(kk_redact_walk *walk, const kk_redact_token *token, kk_buf *fresh)
{
    scan *self = walk->context;
    kk_str text = token->kind == KK_JSON_NUMBER ? token->raw : token->plain;
    const char *what = NULL;
    if (text.len == 0) {
        return false;
    }
    if (self->redactor != NULL && (kk_redact_holds(&self->redactor->known, text) ||
                                   kk_redact_holds_written(&self->redactor->known, token->raw))) {
        what = "a known secret";
    } else if (token->kind != KK_JSON_NUMBER) {
        what = find_wrapped(text, may_be_random(self, token));
    }
    if (what == NULL) {
        return false;
    }
    self->count++;
    if (self->found != NULL) {
        self->found(self->context, token->pointer, what);
    }
    if (self->mask) {
        kk_buf_append_text(fresh, "\"" KK_REDACT_SUSPECT "\"");
    }
    return self->mask;
}

static size_t run_scan(scan *self, kk_str json, kk_buf *out)
{
    kk_redact_walk *walk = calloc(1, sizeof *walk);
    bool good = false;
    if (walk != NULL) {
        walk->text = json;
        walk->visit = scan_token;
        walk->context = self;
        walk->out = out;
        good = kk_redact_walk_run(walk);
    }
    free(walk);
    // What could not be looked at is not let through.
    if (!good) {
        self->count++;
        if (self->found != NULL) {
            self->found(self->context, "", "not JSON, or more than memory holds");
        }
        if (out != NULL) {
            out->failed = out->failed == KK_OK ? KK_ERR_INTERNAL : out->failed;
        }
    }
    return self->count;
}

size_t kk_redact_scan(kk_redactor *self, kk_str json, kk_redact_found_fn found, void *context)
{
    scan state = {.redactor = self, .found = found, .context = context};
    return run_scan(&state, json, NULL);
}

bool kk_redact_is_suspect(kk_str text)
{
    return text.len > 0 && find_wrapped(text, false) != NULL;
}

void kk_redact_mask(kk_redactor *self, kk_str json, kk_buf *out)
{
    scan state = {.redactor = self, .mask = true};
    run_scan(&state, json, out);
}
