// kk keyring get and exec.
#include "cmd_keyring.h"
#include "fail.h"
#include "json.h"
#include "output.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

extern char **environ;

// ---- get

static const kk_keyring_entry *find_entry(const kk_keyring_listing *listing, const kk_place *place)
{
    for (size_t i = 0; i < listing->count; i++) {
        const kk_keyring_entry *entry = &listing->entries[i];
        if (strcmp(entry->plugin, place->plugin) == 0 &&
            strcmp(entry->account, place->account) == 0 &&
            strcmp(entry->field, place->field) == 0) {
            return entry;
        }
    }
    return NULL;
}

static void write_place(const kk_place *place, const char *when, const char *fingerprint,
                        kk_buf *out)
{
    kk_buf_append_text(out, "{\"success\":true");
    kk_output_member(out, "plugin", place->plugin);
    kk_output_member(out, "account", place->account);
    kk_output_member(out, "field", place->field);
    kk_output_member(out, "updated", when);
    kk_output_member(out, "fingerprint", fingerprint);
}

typedef struct reveal {
    const kk_run *run;
    const kk_place *place;
    const char *when;
    const char *fingerprint;
} reveal;

// The one place that prints a value.  A newline follows it only where a person reads.
static kk_code print_value(void *context, const char *value, size_t value_len, kk_error *err)
{
    const reveal *self = context;
    kk_buf out = {.limit = 8 * KK_TEXT_MAX};
    // Room for all of it at once, so that no copy is left behind by growing.
    (void)kk_buf_reserve(&out, 8 * value_len + 4096);
    if (kk_run_has(self->run, KK_OPT_JSON)) {
        write_place(self->place, self->when, self->fingerprint, &out);
        kk_output_name(&out, "value");
        kk_json_write_string(&out, (kk_str){value, value_len});
        kk_buf_append_text(&out, "}\n");
    } else {
        kk_buf_append(&out, value, value_len);
        kk_buf_append_text(&out, kk_output_is_terminal() ? "\n" : "");
    }
    kk_code code = kk_output_text(kk_buf_view(&out), err);
    explicit_bzero(out.ptr, out.capacity);
    kk_buf_clean(&out);
    return code;
}

static kk_code print_place(const kk_run *run, const kk_place *place, const char *when,
                           const char *fingerprint, kk_error *err)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        write_place(place, when, fingerprint, &out);
        kk_buf_append_text(&out, "}\n");
    } else {
        kk_buf_append_format(&out, "%s/%s/%s: updated %s, fingerprint %s\n", place->plugin,
                             place->account, place->field, when, fingerprint);
    }
    return kk_output_take(&out, err);
}

static kk_code show(const kk_run *run, kk_keyring *keyring, const kk_place *place, kk_error *err)
{
    kk_keyring_listing listing = {0};
    char fingerprint[KK_KEYRING_FINGERPRINT_SIZE] = "";
    char when[KK_TIME_SIZE] = "";
    kk_code code = kk_keyring_fingerprint(keyring, place->plugin, place->account, place->field,
                                          fingerprint, err);
    if (code == KK_OK) {
        code = kk_keyring_list(keyring, &listing, err);
    }
    if (code != KK_OK) {
        return code;
    }
    const kk_keyring_entry *entry = find_entry(&listing, place);
    if (entry != NULL) {
        kk_time_write(entry->updated_unix, when);
    }
    reveal to = {run, place, when, fingerprint};
    return kk_run_has(run, KK_OPT_REVEAL) ? kk_keyring_use(keyring, place->plugin, place->account,
                                                           place->field, print_value, &to, err)
                                          : print_place(run, place, when, fingerprint, err);
}

kk_code kk_cmd_keyring_get(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_place place = {{0}, {0}, {0}};
    kk_code code = kk_place_parse(run->words[0], &place, err);
    if (code == KK_OK && place.field[0] == '\0') {
        code = kk_fail(err, KK_ERR_USAGE, "the place names no field");
        kk_fail_hint(err, "'kk keyring list %s' shows which there are", place.plugin);
    }
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = show(run, keyring, &place, err);
    }
    kk_keyring_close(keyring);
    return code;
}

// ---- exec

// The environment of the program: its texts lie in one piece of locked memory.
typedef struct launch {
    const char *const *command;
    char **environment;
    size_t count;
    kk_buf texts;
} launch;

// Whether a variable of ours is none of the program's business, or is one that is set anew.
static bool is_left_out(const char *variable, const char *plugin, const kk_lent_field *fields,
                        size_t count)
{
    char name[256];
    size_t len = strcspn(variable, "=");
    if (strncmp(variable, "KK_", 3) == 0) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        kk_variable_name(plugin, &fields[i], name, sizeof name);
        if (strlen(name) == len && strncmp(name, variable, len) == 0) {
            return true;
        }
    }
    return false;
}

void kk_variable_name(const char *plugin, const kk_lent_field *field, char *out, size_t out_size)
{
    out[0] = '\0';
    if (field->env[0] != '\0') {
        kk_text_set(out, out_size, field->env);
        return;
    }
    kk_text_append_upper(out, out_size, plugin);
    kk_text_append_upper(out, out_size, "_");
    kk_text_append_upper(out, out_size, field->key);
}

static kk_code put_fields(launch *self, const char *plugin, const kk_lent_field *fields,
                          size_t count, kk_error *err)
{
    char name[256];
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        size += fields[i].value_len + sizeof name + 2;
    }
    self->texts.limit = size;
    if (kk_buf_reserve(&self->texts, size) == NULL) {
        return kk_buf_check(&self->texts, "the environment", err);
    }
    // Without the right to lock it, it is still gone when the program starts.
    (void)!mlock(self->texts.ptr, self->texts.capacity);
    for (size_t i = 0; i < count; i++) {
        if (memchr(fields[i].value, '\0', fields[i].value_len) != NULL) {
            return kk_fail(err, KK_ERR_INVALID_ARGS,
                           "the value of '%s' holds a NUL, which no variable can", fields[i].key);
        }
        kk_variable_name(plugin, &fields[i], name, sizeof name);
        self->environment[self->count++] = self->texts.ptr + self->texts.len;
        kk_buf_append_format(&self->texts, "%s=", name);
        kk_buf_append(&self->texts, fields[i].value, fields[i].value_len);
        kk_buf_append_byte(&self->texts, '\0');
    }
    return kk_buf_check(&self->texts, "the environment", err);
}

static size_t count_variables(void)
{
    size_t count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    return count;
}

static kk_code start(const launch *self, kk_error *err)
{
    // As the program expects them.
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    execvpe(self->command[0], (char *const *)self->command, self->environment);
    kk_code code =
        kk_fail(err, KK_ERR_IO, "'%.200s' cannot be run: %s", self->command[0], strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return code;
}

// Becomes the program.
static kk_code launch_with(void *context, const kk_account_info *account,
                           const kk_lent_field *fields, size_t count, kk_error *err)
{
    launch *self = context;
    self->environment = calloc(count_variables() + count + 1, sizeof *self->environment);
    if (self->environment == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the environment");
    }
    for (char **variable = environ; *variable != NULL; variable++) {
        if (!is_left_out(*variable, account->plugin, fields, count)) {
            self->environment[self->count++] = *variable;
        }
    }
    kk_code code = put_fields(self, account->plugin, fields, count, err);
    if (code == KK_OK) {
        code = start(self, err);
    }
    if (self->texts.ptr != NULL) {
        explicit_bzero(self->texts.ptr, self->texts.capacity);
    }
    kk_buf_clean(&self->texts);
    free(self->environment);
    return code;
}

kk_code kk_cmd_keyring_exec(kk_run *run, kk_error *err)
{
    kk_host *host = NULL;
    launch self = {.command = run->words + 1};
    kk_code code = kk_run_open_host(run, &host, err);
    if (code == KK_OK) {
        code = kk_host_lend(host, run->words[0], run->options[KK_OPT_ACCOUNT], launch_with, &self,
                            err);
    }
    kk_host_close(host);
    return code;
}
