// kk keyring set PLUGIN/ACCOUNT[/FIELD]: values go in by stdin or by a question, never by argv.
#include "cmd_keyring.h"
#include "fail.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "terminal.h"
#include <stdlib.h>
#include <sys/mman.h>
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

static kk_code make_room(kk_buf *self, kk_error *err)
{
    self->limit = VAULT_SIZE;
    if (kk_buf_reserve(self, VAULT_SIZE) == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the value");
    }
    // Without the right to lock it, it is still wiped.
    (void)!mlock(self->ptr, self->capacity);
    return KK_OK;
}

static void wipe_room(kk_buf *self)
{
    if (self->ptr != NULL) {
        explicit_bzero(self->ptr, self->capacity);
        munlock(self->ptr, self->capacity);
    }
    kk_buf_clean(self);
}

// ---- One value

// Asks twice; both answers stand one behind the other in [text].
static kk_code ask_value(input *self, const char *place, kk_error *err)
{
    kk_buf prompt = {.limit = 512};
    kk_buf_append_format(&prompt, "Value of %s: ", place);
    kk_code code = kk_terminal_ask_secret(kk_buf_text(&prompt), &self->text, err);
    size_t first = self->text.len;
    if (code == KK_OK) {
        code = kk_terminal_ask_secret("The same again: ", &self->text, err);
    }
    kk_buf_clean(&prompt);
    if (code != KK_OK) {
        return code;
    }
    if (self->text.len != 2 * first || memcmp(self->text.ptr, self->text.ptr + first, first) != 0) {
        return kk_fail(err, KK_ERR_USAGE, "the two values differ; nothing was stored");
    }
    self->text.len = first;
    return KK_OK;
}

static void drop_newline(kk_buf *text)
{
    if (text->len > 0 && text->ptr[text->len - 1] == '\n') {
        text->len--;
        if (text->len > 0 && text->ptr[text->len - 1] == '\r') {
            text->len--;
        }
    }
}

static kk_code read_value(const kk_run *run, input *self, kk_error *err)
{
    kk_code code = KK_OK;
    if (!isatty(STDIN_FILENO)) {
        code = kk_input_read(STDIN_FILENO, "stdin", &self->text, err);
        if (code == KK_OK && !kk_run_has(run, KK_OPT_RAW)) {
            drop_newline(&self->text);
        }
    } else if (kk_terminal_can_ask(run)) {
        code = ask_value(self, run->words[0], err);
    } else {
        code = kk_fail(err, KK_ERR_USAGE, "there is no value on stdin");
        kk_fail_hint(err, "pipe the value in");
    }
    if (code != KK_OK) {
        return code;
    }
    self->fields[0] = (kk_keyring_value){self->place.field, self->text.ptr, self->text.len};
    self->count = 1;
    return KK_OK;
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
    kk_code code = make_room(&self->text, err);
    if (code == KK_OK) {
        code = make_room(&self->values, err);
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

static kk_code store(const kk_run *run, const input *self, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_code code = check_fields(run, self, err);
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
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
    wipe_room(&self.values);
    wipe_room(&self.text);
    return code;
}
