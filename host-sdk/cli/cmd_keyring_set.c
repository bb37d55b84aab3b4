// kk keyring set PLUGIN/ACCOUNT[/FIELD]: values go in by stdin or by a question, never by argv.
#include "cmd_keyring.h"
#include "fail.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "secret_input.h"
#include "terminal.h"
#include <stdlib.h>
#include <unistd.h>

enum { FIELDS_MAX = 32 };

// Room for what is read, for the fields' names and for their values.  It is allocated and locked
// once and never grows, so that wiping it wipes every copy.
#define VAULT_SIZE ((size_t)512 << 10)

// The values to store, all of them inside one piece of locked memory.
typedef struct input {
    kk_place place;
    kk_buf text;   // what was read
    kk_buf values; // names and values, each followed by NUL
    kk_keyring_value fields[FIELDS_MAX];
    size_t count;
} input;

// ---- One value

static kk_code read_value(const kk_run *run, input *self, kk_error *err)
{
    kk_buf prompt = {.limit = 512};
    kk_buf_append_format(&prompt, "Value of %s: ", run->words[0]);
    kk_code code = kk_room_read_secret(run, kk_buf_text(&prompt), "value",
                                       kk_run_has(run, KK_OPT_RAW), &self->text, err);
    kk_buf_clean(&prompt);
    self->fields[0] = (kk_keyring_value){self->place.field, self->text.ptr, self->text.len};
    self->count = 1;
    return code;
}

// ---- An object of values

// Appends what a JSON string means, and gives where it stands.
static kk_str keep_string(kk_buf *values, kk_str raw)
{
    size_t start = values->len;
    kk_json_unescape(raw, values);
    size_t len = values->len - start;
    kk_buf_append_byte(values, '\0');
    return (kk_str){values->ptr + start, len};
}

// A name that cannot be one is not repeated: name and value may be swapped.
static kk_code check_field_name(kk_str name, kk_error *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (name.len > 0 && name.len < KK_PLACE_NAME_SIZE && strspn(name.ptr, letters) == name.len) {
        return KK_OK;
    }
    kk_code code = kk_fail(err, KK_ERR_INVALID_ARGS, "a name in the object is not one of a field");
    kk_fail_hint(err,
                 "it is written {\"FIELD\":\"VALUE\"}; a field is lower-case letters and digits "
                 "joined by '_'");
    return code;
}

static kk_code add_field(input *self, kk_str name, kk_str value, kk_error *err)
{
    for (size_t i = 0; i < self->count; i++) {
        if (kk_str_is(name, self->fields[i].field)) {
            return kk_fail(err, KK_ERR_INVALID_ARGS, "the field '%s' is given twice", name.ptr);
        }
    }
    if (self->count == FIELDS_MAX) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "there are more than %d fields", FIELDS_MAX);
    }
    self->fields[self->count++] = (kk_keyring_value){name.ptr, value.ptr, value.len};
    return KK_OK;
}

static kk_code take_members(input *self, kk_json_reader *reader, kk_error *err)
{
    for (;;) {
        kk_json_kind kind = kk_json_next(reader);
        if (kind == KK_JSON_OBJECT_END) {
            return KK_OK;
        }
        // kk_json_check() has passed: only names follow, each with a value.
        kk_str name = keep_string(&self->values, reader->raw);
        kk_code code = kk_buf_check(&self->values, "the object of fields", err);
        if (code == KK_OK) {
            code = check_field_name(name, err);
        }
        if (code != KK_OK) {
            return code;
        }
        kind = kk_json_next(reader);
        if (kind != KK_JSON_STRING) {
            return kk_fail(err, KK_ERR_INVALID_ARGS, "the value of '%.63s' is not a string",
                           name.ptr);
        }
        kk_str value = keep_string(&self->values, reader->raw);
        code = kk_buf_check(&self->values, "the object of fields", err);
        if (code == KK_OK) {
            code = add_field(self, name, value, err);
        }
        if (code != KK_OK) {
            return code;
        }
    }
}

// The text is a secret: a failure to read it says where, never what.
static kk_code read_object(input *self, kk_error *err)
{
    if (isatty(STDIN_FILENO)) {
        kk_code code =
            kk_fail(err, KK_ERR_USAGE, "an object of fields is not typed where it can be seen");
        kk_fail_hint(err, "pipe it in, or store one field after the other without --json");
        return code;
    }
    kk_code code = kk_input_read(STDIN_FILENO, "stdin", &self->text, err);
    if (code != KK_OK) {
        return code;
    }
    kk_error found = {0};
    if (kk_json_check(kk_buf_view(&self->text), &found) != KK_OK) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "stdin is not JSON: %s", found.message);
    }
    kk_json_reader reader;
    kk_json_reader_init(&reader, kk_buf_view(&self->text));
    if (kk_json_next(&reader) != KK_JSON_OBJECT) {
        return kk_fail(err, KK_ERR_INVALID_ARGS, "stdin is not a JSON object of fields");
    }
    code = take_members(self, &reader, err);
    if (code == KK_OK && self->count == 0) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS, "the object has no field");
    }
    return code;
}

static kk_code read_fields(const kk_run *run, input *self, kk_error *err)
{
    kk_code code = kk_room_make(&self->text, VAULT_SIZE, err);
    if (code == KK_OK) {
        code = kk_room_make(&self->values, VAULT_SIZE, err);
    }
    if (code == KK_OK && self->place.field[0] != '\0') {
        code = read_value(run, self, err);
    } else if (code == KK_OK && kk_run_has(run, KK_OPT_JSON)) {
        code = read_object(self, err);
    } else if (code == KK_OK) {
        code = kk_fail(err, KK_ERR_USAGE, "the place names no field");
        kk_fail_hint(err, "add /FIELD, or give --json and an object of fields on stdin");
    }
    for (size_t i = 0; code == KK_OK && i < self->count; i++) {
        size_t len = self->fields[i].value_len;
        if (len == 0 || len > KK_KEYRING_VALUE_MAX) {
            code = kk_fail(err, len == 0 ? KK_ERR_INVALID_ARGS : KK_ERR_TOO_LARGE,
                           "the value of '%.63s' %s", self->fields[i].field,
                           len == 0 ? "is empty" : "is longer than 65536 bytes");
        }
    }
    return code;
}

// ---- Checking and storing

// What the manifest says of the account and its fields; a plugin that is not installed says
// nothing.
static kk_code check_fields(const kk_run *run, const input *self, kk_error *err)
{
    kk_host *host = NULL;
    kk_error found = {0};
    kk_code code = kk_run_open_host(run, &host, err);
    if (code != KK_OK) {
        return code;
    }
    code = kk_host_check_account_name(host, self->place.plugin, self->place.account, &found);
    for (size_t i = 0; code == KK_OK && i < self->count; i++) {
        const kk_keyring_value *field = &self->fields[i];
        code = kk_host_check_field(host, self->place.plugin, field->field, field->value,
                                   field->value_len, &found);
    }
    kk_host_close(host);
    if (code == KK_ERR_UNKNOWN_PLUGIN && strcmp(self->place.account, "default") != 0) {
        kk_output_warn("the fields are not checked: %s%s%s", found.message,
                       found.hint[0] != '\0' ? "; " : "", found.hint);
        return KK_OK;
    }
    if (code == KK_ERR_UNKNOWN_PLUGIN) {
        return kk_fail(err, KK_ERR_INVALID_ARGS,
                       "an account cannot be named 'default', which means the one chosen as such");
    }
    if (code != KK_OK && err != NULL) {
        *err = found;
    }
    return code;
}

static void warn_if_set(const char *variable)
{
    if (getenv(variable) != NULL) {
        kk_output_warn("%s is set and goes before the stored value", variable);
    }
}

// What is stored is of no effect where the environment overrides it.
static void warn_of_override(const kk_place *place, const char *field)
{
    const char *const parts[] = {place->plugin, "__", place->account, "__", field};
    char name[256] = "KK_CRED__";
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        kk_text_append_upper(name, sizeof name, parts[i]);
    }
    warn_if_set(name);
    kk_text_append_upper(name, sizeof name, "__FILE");
    warn_if_set(name);
}

static kk_code print_stored(const kk_run *run, const input *self, kk_error *err)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (json) {
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "plugin", self->place.plugin);
        kk_output_member(&out, "account", self->place.account);
        kk_output_name(&out, "fields");
        kk_buf_append_byte(&out, '[');
    } else {
        kk_buf_append_format(&out, "Stored %s/%s: ", self->place.plugin, self->place.account);
    }
    for (size_t i = 0; i < self->count; i++) {
        if (json) {
            kk_output_comma(&out);
            kk_json_write_string(&out, kk_str_from(self->fields[i].field));
        } else {
            kk_buf_append_format(&out, "%s%s", i > 0 ? ", " : "", self->fields[i].field);
        }
    }
    kk_buf_append_text(&out, json ? "]}\n" : "\n");
    return kk_output_take(&out, err);
}

// ---- A URL that would take secrets elsewhere

// Whether the account holds a field that this command does not set: a secret, as far as we know.
static kk_code holds_others(kk_keyring *keyring, const input *self, bool *holds, kk_error *err)
{
    kk_keyring_listing listing = {0};
    kk_code code = kk_keyring_list(keyring, &listing, err);
    *holds = false;
    for (size_t i = 0; code == KK_OK && i < listing.count && !*holds; i++) {
        const kk_keyring_entry *entry = &listing.entries[i];
        bool is_ours = entry->field[0] != '\0' && strcmp(entry->plugin, self->place.plugin) == 0 &&
                       strcmp(entry->account, self->place.account) == 0;
        for (size_t k = 0; k < self->count && is_ours; k++) {
            is_ours = strcmp(entry->field, self->fields[k].field) != 0;
        }
        *holds = is_ours;
    }
    return code;
}

typedef struct redirect {
    const kk_host *host;
    const char *plugin;
    const kk_keyring_value *url;
    bool known;
} redirect;

static kk_code compare_url(void *context, const char *value, size_t value_len, kk_error *err)
{
    redirect *self = context;
    return kk_host_is_known_origin(self->host, self->plugin, self->url->field, self->url->value,
                                   self->url->value_len, value, value_len, &self->known, err);
}

// Whether a field keeps the account where the manifest, or what is stored, has it.
static kk_code keeps_origin(const kk_host *host, kk_keyring *keyring, const kk_place *place,
                            const kk_keyring_value *field, bool *keeps, kk_error *err)
{
    redirect self = {host, place->plugin, field, true};
    kk_error why = {0};
    kk_code code = kk_keyring_use(keyring, place->plugin, place->account, field->field, compare_url,
                                  &self, &why);
    if (code == KK_ERR_ACCOUNT_UNKNOWN) {
        code = compare_url(&self, "", 0, &why);
    }
    if (code == KK_ERR_UNKNOWN_PLUGIN) {
        // Nobody knows which of its fields are URLs; it was said that nothing is checked.
        code = KK_OK;
    }
    *keeps = self.known;
    if (code != KK_OK && err != NULL) {
        *err = why;
    }
    return code;
}

static kk_code approve_redirect(const kk_run *run, const input *self, const char *field,
                                kk_error *err)
{
    const kk_place *place = &self->place;
    bool can_ask = !kk_run_has(run, KK_OPT_YES) && kk_terminal_can_ask(run);
    bool yes = kk_run_has(run, KK_OPT_YES);
    if (can_ask) {
        kk_buf question = {.limit = KK_TEXT_MAX};
        kk_buf_append_format(&question,
                             "%s/%s holds secrets, and this '%s' is at another place than they are "
                             "for.\nSend them there from now on? [y/N] ",
                             place->plugin, place->account, field);
        yes = kk_terminal_ask(kk_buf_text(&question), -1);
        kk_buf_clean(&question);
    }
    if (yes) {
        return KK_OK;
    }
    kk_code code = kk_fail(err, KK_ERR_APPROVAL_REQUIRED,
                           "the new '%s' would send the secrets of '%s/%s' to another place, which "
                           "was not approved",
                           field, place->plugin, place->account);
    kk_fail_hint(err, can_ask ? "nothing was stored"
                              : "nothing was stored; add --yes, or store the secrets with it");
    return code;
}

// Who can make us store a URL must not get the secrets that are stored already.
static kk_code check_redirect(const kk_run *run, kk_keyring *keyring, const input *self,
                              kk_error *err)
{
    kk_host *host = NULL;
    bool holds = false;
    kk_code code = holds_others(keyring, self, &holds, err);
    if (code != KK_OK || !holds) {
        return code;
    }
    code = kk_run_open_host(run, &host, err);
    for (size_t i = 0; code == KK_OK && i < self->count; i++) {
        bool keeps = true;
        code = keeps_origin(host, keyring, &self->place, &self->fields[i], &keeps, err);
        if (code == KK_OK && !keeps) {
            code = approve_redirect(run, self, self->fields[i].field, err);
        }
    }
    kk_host_close(host);
    return code;
}

static kk_code store(const kk_run *run, const input *self, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_code code = check_fields(run, self, err);
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = check_redirect(run, keyring, self, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_set(keyring, self->place.plugin, self->place.account, self->fields,
                              self->count, err);
    }
    kk_keyring_close(keyring);
    if (code != KK_OK) {
        return code;
    }
    for (size_t i = 0; i < self->count; i++) {
        warn_of_override(&self->place, self->fields[i].field);
    }
    return print_stored(run, self, err);
}

kk_code kk_cmd_keyring_set(kk_run *run, kk_error *err)
{
    input self = {0};
    kk_code code = kk_place_parse(run->words[0], &self.place, err);
    if (code == KK_OK) {
        code = read_fields(run, &self, err);
    }
    if (code == KK_OK) {
        code = store(run, &self, err);
    }
    kk_room_wipe(&self.values);
    kk_room_wipe(&self.text);
    return code;
}
