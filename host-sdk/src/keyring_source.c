// Sources of a key, in their order.
#include "keyring_source.h"
#include "fail.h"
#include "keyring_command.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = KK_KRING_PASSPHRASE_MAX + 2, DESCRIPTORS_MAX = 8 };

// ---- What was taken out of the environment, or out of a descriptor

// A text that can be had only once, and is remembered.  Of one that is too long it is enough to
// know that.
typedef struct kept {
    bool is_set;
    int fd; // of a descriptor
    kk_secret text;
} kept;

static struct {
    pthread_mutex_t lock;
    kept key;        // KK_KEY
    kept passphrase; // KK_PASSPHRASE
    kept descriptors[DESCRIPTORS_MAX];
} captured = {.lock = PTHREAD_MUTEX_INITIALIZER};

static kk_code capture(const char *name, kept *out, kk_error *err)
{
    char *value = secure_getenv(name);
    if (value == NULL) {
        return KK_OK;
    }
    size_t len = strlen(value);
    kk_code code = kk_secret_make(&out->text, TEXT_MAX, err);
    if (code == KK_OK) {
        code = kk_secret_append(&out->text, value, len < TEXT_MAX ? len : TEXT_MAX, err);
    }
    if (code != KK_OK) {
        return code;
    }
    kk_secret_rest(&out->text);
    kk_wipe(value, len);
    unsetenv(name);
    out->is_set = true;
    return KK_OK;
}

kk_code kk_key_capture_environment(kk_error *err)
{
    pthread_mutex_lock(&captured.lock);
    kk_code code = capture("KK_KEY", &captured.key, err);
    if (code == KK_OK) {
        code = capture("KK_PASSPHRASE", &captured.passphrase, err);
    }
    pthread_mutex_unlock(&captured.lock);
    return code;
}

static bool is_captured(const kept *self)
{
    pthread_mutex_lock(&captured.lock);
    bool is_set = self->is_set;
    pthread_mutex_unlock(&captured.lock);
    return is_set;
}

static kk_code copy_kept(kept *self, kk_secret *out, kk_error *err)
{
    kk_code code = kk_secret_make(out, TEXT_MAX, err);
    kk_secret_wake(&self->text);
    if (code == KK_OK) {
        code = kk_secret_append(out, self->text.ptr, self->text.len, err);
    }
    kk_secret_rest(&self->text);
    return code;
}

static kk_code copy_captured(kept *self, kk_secret *out, kk_error *err)
{
    pthread_mutex_lock(&captured.lock);
    kk_code code = copy_kept(self, out, err);
    pthread_mutex_unlock(&captured.lock);
    return code;
}

static kk_code read_descriptor(const kk_io *io, int fd, const char *source, kept *out,
                               kk_error *err)
{
    char text[128];
    size_t len = 0;
    kk_code code = kk_secret_make(&out->text, TEXT_MAX, err);
    if (code != KK_OK) {
        return code;
    }
    int number = kk_io_read(io, fd, out->text.ptr, TEXT_MAX, &len);
    if (number != 0) {
        kk_secret_clean(&out->text);
        return kk_fail(err, KK_ERR_IO, "the descriptor %d of %s cannot be read: %s", fd, source,
                       strerror_r(number, text, sizeof text));
    }
    out->text.len = len;
    kk_secret_rest(&out->text);
    io->close(fd);
    out->fd = fd;
    out->is_set = true;
    return KK_OK;
}

// The text of a descriptor, read the first time that it is asked for.
static kk_code take_descriptor(const kk_io *io, int fd, const char *source, kk_secret *out,
                               kk_error *err)
{
    kk_code code = KK_OK;
    size_t i = 0;
    pthread_mutex_lock(&captured.lock);
    kept *known = captured.descriptors;
    while (i < DESCRIPTORS_MAX && known[i].is_set && known[i].fd != fd) {
        i++;
    }
    if (i == DESCRIPTORS_MAX) {
        code = kk_fail(err, KK_ERR_USAGE, "over %d descriptors have been read for keys", (int)i);
    } else if (!known[i].is_set) {
        code = read_descriptor(io, fd, source, &known[i], err);
    }
    if (code == KK_OK) {
        code = copy_kept(&known[i], out, err);
    }
    pthread_mutex_unlock(&captured.lock);
    return code;
}

// ---- From texts to keys

static void drop_line_end(kk_secret *text)
{
    if (text->len > 0 && text->ptr[text->len - 1] == '\n') {
        text->len--;
    }
    if (text->len > 0 && text->ptr[text->len - 1] == '\r') {
        text->len--;
    }
}

static kk_code give_passphrase(const char *source, kk_secret *text, kk_found_key *out,
                               kk_error *err)
{
    if (text->len == 0) {
        return kk_fail(err, KK_ERR_KEY_SYNTAX, "%s holds no passphrase: it is empty", source);
    }
    if (text->len > KK_KRING_PASSPHRASE_MAX) {
        return kk_fail(err, KK_ERR_KEY_SYNTAX, "%s holds no passphrase: it has over %d bytes",
                       source, KK_KRING_PASSPHRASE_MAX);
    }
    out->kind = KK_KRING_SLOT_PASSPHRASE;
    kk_secret_clean(&out->secret);
    out->secret = *text;
    *text = (kk_secret){0};
    return KK_OK;
}

static kk_code give_key(kk_code code, kk_found_key *out)
{
    out->kind = KK_KRING_SLOT_RAW_KEY;
    return code;
}

static kk_code find_file(const kk_io *io, const char *path, const char *source, kk_secret *out,
                         kk_error *err)
{
    bool absent = false;
    kk_code code = kk_key_file_read(io, path, out, &absent, err);
    if (code == KK_OK && absent) {
        code =
            kk_fail(err, KK_ERR_IO, "the key file '%s', named by %s, does not exist", path, source);
        kk_fail_hint(err, "put the key file back, or name another with KK_KEY_FILE");
    }
    return code;
}

// The number of a descriptor that a variable names: not one of the three that mean something else.
static kk_code read_number(const char *source, const char *text, int *fd, kk_error *err)
{
    char *end = NULL;
    long number = strtol(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && number > 2 && number < 65536) {
        *fd = (int)number;
        return KK_OK;
    }
    return kk_fail(err, KK_ERR_KEY_SYNTAX, "%s is not the number of a descriptor above 2", source);
}

// ---- The environment

typedef enum variable {
    KEY_FD,
    KEY_FILE,
    KEY,
    PASSPHRASE_FD,
    PASSPHRASE_FILE,
    PASSPHRASE,
    VARIABLE_COUNT
} variable;

static const char *const variables[VARIABLE_COUNT] = {
    "KK_KEY_FD",        "KK_KEY_FILE",        "KK_KEY",
    "KK_PASSPHRASE_FD", "KK_PASSPHRASE_FILE", "KK_PASSPHRASE"};

static bool is_set(variable which)
{
    if (which == KEY || which == PASSPHRASE) {
        return is_captured(which == KEY ? &captured.key : &captured.passphrase);
    }
    return secure_getenv(variables[which]) != NULL;
}

// The first variable that is set, or VARIABLE_COUNT.
static kk_code choose_variable(variable *out, kk_error *err)
{
    *out = VARIABLE_COUNT;
    for (variable i = 0; i < VARIABLE_COUNT; i++) {
        if (!is_set(i)) {
            continue;
        }
        if (*out != VARIABLE_COUNT) {
            kk_code code = kk_fail(err, KK_ERR_KEY_AMBIGUOUS, "%s and %s are both set",
                                   variables[*out], variables[i]);
            kk_fail_hint(err, "unset one of them");
            return code;
        }
        *out = i;
    }
    return KK_OK;
}

static kk_code read_passphrase_file(const kk_io *io, const char *path, kk_secret *out,
                                    kk_error *err)
{
    bool absent = false;
    kk_code code = kk_secret_make(out, TEXT_MAX, err);
    if (code == KK_OK) {
        code = kk_key_file_bytes(io, path, out, &absent, err);
    }
    if (code == KK_OK && absent) {
        code = kk_fail(err, KK_ERR_IO, "the file '%s', named by KK_PASSPHRASE_FILE, does not exist",
                       path);
    }
    return code;
}

static kk_code take_passphrase(const kk_io *io, variable which, kk_secret *text, kk_error *err)
{
    const char *name = variables[which];
    int fd = 0;
    if (which == PASSPHRASE) {
        return copy_captured(&captured.passphrase, text, err);
    }
    if (which == PASSPHRASE_FILE) {
        return read_passphrase_file(io, secure_getenv(name), text, err);
    }
    kk_code code = read_number(name, secure_getenv(name), &fd, err);
    return code == KK_OK ? take_descriptor(io, fd, name, text, err) : code;
}

static kk_code find_by_descriptor(const kk_io *io, int fd, const char *source, kk_found_key *out,
                                  kk_error *err)
{
    kk_secret text = {0};
    char what[64];
    kk_code code = take_descriptor(io, fd, source, &text, err);
    if (code == KK_OK) {
        snprintf(what, sizeof what, "the descriptor %d of %s", fd, source);
        code = kk_key_parse_file(kk_secret_view(&text), what, &out->secret, err);
    }
    kk_secret_clean(&text);
    return give_key(code, out);
}

static kk_code find_variable(const kk_io *io, variable which, kk_found_key *out, kk_error *err)
{
    const char *name = variables[which];
    kk_secret text = {0};
    kk_code code = KK_OK;
    int fd = 0;
    kk_text_set(out->source, sizeof out->source, name);
    switch (which) {
    case KEY_FD:
        code = read_number(name, secure_getenv(name), &fd, err);
        return code == KK_OK ? find_by_descriptor(io, fd, name, out, err) : code;
    case KEY_FILE:
        return give_key(find_file(io, secure_getenv(name), name, &out->secret, err), out);
    case KEY:
        code = copy_captured(&captured.key, &text, err);
        if (code == KK_OK) {
            code = kk_key_parse(kk_secret_view(&text), name, &out->secret, err);
        }
        code = give_key(code, out);
        break;
    default:
        code = take_passphrase(io, which, &text, err);
        if (code == KK_OK && which != PASSPHRASE) {
            drop_line_end(&text);
        }
        if (code == KK_OK) {
            code = give_passphrase(name, &text, out, err);
        }
        break;
    }
    kk_secret_clean(&text);
    return code;
}

// The key that a service manager put there, which need not be: the directory is for other
// credentials too.
static kk_code find_credential(const kk_io *io, kk_found_key *out, bool *found, kk_error *err)
{
    const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
    char path[4096];
    bool absent = true;
    if (directory == NULL || directory[0] != '/') {
        return KK_OK;
    }
    snprintf(path, sizeof path, "%.4000s/kk.key", directory);
    kk_code code = kk_key_file_read(io, path, &out->secret, &absent, err);
    *found = code == KK_OK && !absent;
    kk_text_set(out->source, sizeof out->source, "CREDENTIALS_DIRECTORY");
    return give_key(code, out);
}

static kk_code find_environment(const kk_io *io, kk_found_key *out, bool *found, kk_error *err)
{
    variable which = VARIABLE_COUNT;
    kk_code code = kk_key_capture_environment(err);
    if (code == KK_OK) {
        code = choose_variable(&which, err);
    }
    if (code != KK_OK) {
        return code;
    }
    if (which == VARIABLE_COUNT) {
        return find_credential(io, out, found, err);
    }
    code = find_variable(io, which, out, err);
    *found = code == KK_OK;
    return code;
}

// ---- The options and the configuration

static kk_code find_option(const kk_io *io, const kk_key_sources *sources, kk_found_key *out,
                           kk_error *err)
{
    kk_text_set(out->source, sizeof out->source, "an option");
    if (sources->option_fd != 0 && sources->option_file != NULL) {
        kk_code code =
            kk_fail(err, KK_ERR_KEY_AMBIGUOUS, "a descriptor and a key file are both given");
        kk_fail_hint(err, "give one of them");
        return code;
    }
    if (sources->option_file != NULL) {
        return give_key(find_file(io, sources->option_file, "an option", &out->secret, err), out);
    }
    if (sources->option_fd < 3) {
        return kk_fail(err, KK_ERR_KEY_SYNTAX, "a key is read from a descriptor above 2, not %d",
                       sources->option_fd);
    }
    return find_by_descriptor(io, sources->option_fd, "an option", out, err);
}

static kk_code find_by_command(const kk_key_sources *sources, kk_found_key *out, kk_error *err)
{
    kk_secret text = {0};
    kk_code code = kk_key_command_run(sources->config_command, KK_KEY_COMMAND_MS, &text, err);
    if (code == KK_OK) {
        code = kk_key_parse_file(kk_secret_view(&text), "the command of the configuration",
                                 &out->secret, err);
    }
    kk_secret_clean(&text);
    return give_key(code, out);
}

static kk_code find_configured(const kk_io *io, const kk_key_sources *sources, kk_found_key *out,
                               bool *found, kk_error *err)
{
    kk_code code = KK_OK;
    kk_text_set(out->source, sizeof out->source, "the configuration");
    if (sources->config_file != NULL) {
        code = find_file(io, sources->config_file, "the configuration", &out->secret, err);
    } else if (sources->config_command != NULL) {
        code = find_by_command(sources, out, err);
    } else {
        return KK_OK;
    }
    *found = code == KK_OK;
    return give_key(code, out);
}

kk_code kk_key_find(const kk_io *io, const kk_key_sources *sources, kk_found_key *out, bool *found,
                    kk_error *err)
{
    kk_found_key made = {.kind = KK_KRING_SLOT_RAW_KEY};
    kk_code code = KK_OK;
    *found = false;
    if (sources->option_fd != 0 || sources->option_file != NULL) {
        code = find_option(io, sources, &made, err);
        *found = code == KK_OK;
    }
    if (code == KK_OK && !*found && sources->environment) {
        code = find_environment(io, &made, found, err);
    }
    if (code == KK_OK && !*found) {
        code = find_configured(io, sources, &made, found, err);
    }
    if (code != KK_OK || !*found) {
        kk_found_key_clean(&made);
        return code;
    }
    kk_found_key_clean(out);
    *out = made;
    return KK_OK;
}

void kk_found_key_clean(kk_found_key *self)
{
    kk_secret_clean(&self->secret);
    self->source[0] = '\0';
}

static bool has_credential(void)
{
    const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
    char path[4096];
    if (directory == NULL || directory[0] != '/') {
        return false;
    }
    snprintf(path, sizeof path, "%.4000s/kk.key", directory);
    return access(path, F_OK) == 0;
}

const char *kk_key_configured(const kk_key_sources *sources)
{
    if (sources->option_fd != 0 || sources->option_file != NULL) {
        return "an option";
    }
    for (variable i = 0; sources->environment && i < VARIABLE_COUNT; i++) {
        if (is_set(i)) {
            return variables[i];
        }
    }
    if (sources->environment && has_credential()) {
        return "CREDENTIALS_DIRECTORY";
    }
    if (sources->config_file != NULL) {
        return "the key file of the configuration";
    }
    return sources->config_command != NULL ? "the command of the configuration" : NULL;
}

void kk_key_write_absent(const kk_key_sources *sources, kk_buf *out)
{
    kk_buf_append_text(out, "no descriptor or key file was given, ");
    if (!sources->environment) {
        kk_buf_append_text(out, "the environment is not looked at, ");
    } else {
        for (variable i = 0; i < VARIABLE_COUNT; i++) {
            const char *before = i == 0 ? "" : i + 1 < VARIABLE_COUNT ? ", " : " and ";
            kk_buf_append_format(out, "%s%s", before, variables[i]);
        }
        kk_buf_append_text(out, " are not set, CREDENTIALS_DIRECTORY has no kk.key, ");
    }
    kk_buf_append_text(out, "the configuration has no key_source");
}
