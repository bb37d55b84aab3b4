// kk keyring import-kosmokrator: the credentials of that host, as sqlite3 prints them.
#include "cmd_keyring.h"
#include "fail.h"
#include "input.h"
#include "json.h"
#include "output.h"
#include "secret_input.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUT_MAX ((size_t)16 << 20)
enum { KEY_ROOM = 65536 };

typedef struct transfer {
    const kk_run *run;
    kk_host *host;
    kk_keyring *keyring;
    kk_kosmokrator_key key;
    kk_keyring_conflict on_conflict;
    kk_place place; // of the value at hand
    kk_keyring_imported counts;
    size_t left_out;
} transfer;

// ---- The key

static kk_code read_key_file(const kk_run *run, kk_buf *room, kk_error *err)
{
    const char *given = run->options[KK_OPT_FROM_KEY_FILE];
    const char *home = getenv("HOME");
    kk_buf path = {.limit = KK_TEXT_MAX};
    if (given == NULL && (home == NULL || home[0] != '/')) {
        return kk_fail(err, KK_ERR_NEED_KEY,
                       "no key of KosmoKrator: KOSMO_CREDENTIAL_KEY and KOSMO_SECRET_KEY are not "
                       "set, --from-key-file is not given, and HOME is not known");
    }
    kk_buf_append_format(&path, "%s%s", given != NULL ? given : home,
                         given != NULL ? "" : "/.kosmokrator/credentials.key");
    int fd = open(kk_buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    kk_code code = fd >= 0 ? kk_input_read(fd, "KosmoKrator's key file", room, err)
                           : kk_fail(err, KK_ERR_NEED_KEY,
                                     "KosmoKrator's key file '%.200s' cannot be read: %s",
                                     kk_buf_text(&path), strerror(errno));
    if (code == KK_ERR_NEED_KEY) {
        kk_fail_hint(err, "name it with --from-key-file, or set KOSMO_CREDENTIAL_KEY");
    }
    if (fd >= 0) {
        close(fd);
    }
    kk_buf_clean(&path);
    return code;
}

static kk_code find_key(transfer *self, kk_buf *room, kk_error *err)
{
    static const char *const names[] = {"KOSMO_CREDENTIAL_KEY", "KOSMO_SECRET_KEY"};
    for (size_t i = 0; i < 2; i++) {
        const char *text = getenv(names[i]);
        if (text != NULL && text[0] != '\0') {
            self->key = (kk_kosmokrator_key){text, strlen(text), false};
            return KK_OK;
        }
    }
    kk_code code = kk_room_make(room, KEY_ROOM, err);
    if (code == KK_OK) {
        code = read_key_file(self->run, room, err);
    }
    self->key = (kk_kosmokrator_key){room->ptr, room->len, true};
    return code;
}

// ---- One value

static void leave_out(transfer *self, const char *why)
{
    self->left_out++;
    kk_output_warn("%.63s/%.63s/%.63s is left out: %s", self->place.plugin, self->place.account,
                   self->place.field, why);
}

static kk_code is_same(void *context, const char *value, size_t value_len, kk_error *err)
{
    kk_keyring_value *stored = context;
    (void)err;
    if (stored->value_len != value_len || memcmp(stored->value, value, value_len) != 0) {
        stored->field = NULL;
    }
    return KK_OK;
}

// Decides on a value that is there already; *store if the new one goes in its place.
static kk_code weigh(transfer *self, const kk_keyring_value *value, bool *store, kk_error *err)
{
    const kk_place *place = &self->place;
    kk_keyring_value compared = *value;
    kk_error why = {0};
    kk_code code = kk_keyring_use(self->keyring, place->plugin, place->account, place->field,
                                  is_same, &compared, &why);
    *store = code == KK_ERR_ACCOUNT_UNKNOWN;
    if (*store) {
        self->counts.added++;
        return KK_OK;
    }
    if (code != KK_OK) {
        *err = why;
        return code;
    }
    if (compared.field != NULL) {
        self->counts.same++;
    } else if (self->on_conflict == KK_KEYRING_CONFLICT_SKIP) {
        self->counts.skipped++;
    } else if (self->on_conflict == KK_KEYRING_CONFLICT_REPLACE) {
        self->counts.replaced++;
        *store = true;
    } else {
        code = kk_fail(err, KK_ERR_CONFLICT, "'%s/%s/%s' has another value here", place->plugin,
                       place->account, place->field);
        kk_fail_hint(err, "what came before it is imported; choose with --on-conflict skip or "
                          "replace");
    }
    return code;
}

static kk_code take_value(void *context, const char *text, size_t text_len, kk_error *err)
{
    transfer *self = context;
    const kk_place *place = &self->place;
    kk_keyring_value value = {place->field, text, text_len};
    kk_error why = {0};
    bool store = false;
    kk_code code = kk_host_check_account_name(self->host, place->plugin, place->account, &why);
    if (code == KK_OK) {
        code = kk_host_check_field(self->host, place->plugin, place->field, text, text_len, &why);
    }
    if (code == KK_OK) {
        bool known = true;
        code = kk_host_is_known_origin(self->host, place->plugin, place->field, text, text_len, "",
                                       0, &known, &why);
        if (code == KK_OK && !known && !kk_run_has(self->run, KK_OPT_YES)) {
            leave_out(self, "it would send the credential to another place than the plugin's; add "
                            "--yes to take it");
            return KK_OK;
        }
    }
    if (code != KK_OK && code != KK_ERR_UNKNOWN_PLUGIN) {
        leave_out(self, why.message);
        return KK_OK;
    }
    code = weigh(self, &value, &store, err);
    if (code == KK_OK && store && !kk_run_has(self->run, KK_OPT_DRY_RUN)) {
        code = kk_keyring_set(self->keyring, place->plugin, place->account, &value, 1, err);
    }
    return code;
}

// integration.PLUGIN.accounts.ACCOUNT.FIELD; its `default` is our `main`.
static bool parse_name(const char *name, kk_place *out)
{
    char *const parts[] = {out->plugin, out->account, out->field};
    static const char *const before[] = {"integration.", ".accounts.", "."};
    for (size_t i = 0; i < 3; i++) {
        size_t skip = strlen(before[i]);
        if (strncmp(name, before[i], skip) != 0) {
            return false;
        }
        name += skip;
        size_t len = strcspn(name, ".");
        if (len == 0 || len >= KK_PLACE_NAME_SIZE) {
            return false;
        }
        memcpy(parts[i], name, len);
        parts[i][len] = '\0';
        name += len;
    }
    if (strcmp(out->account, "default") == 0) {
        kk_text_set(out->account, sizeof out->account, "main");
    }
    return *name == '\0';
}

static kk_code take_row(transfer *self, const cJSON *row, kk_error *err)
{
    const char *value = kk_json_text(row, "value");
    if (value == NULL || value[0] == '\0') {
        return KK_OK;
    }
    if (strncmp(value, "enc:v1:", 7) != 0) {
        // What was in clear on the disk for who knows how long is not made to look as if it was
        // not.
        leave_out(self, "it is not encrypted there; store it with 'kk keyring set'");
        return KK_OK;
    }
    return kk_kosmokrator_open(&self->key, value, strlen(value), take_value, self, err);
}

// Its default accounts come first, since the first account of a plugin becomes the default.
static kk_code take_rows(transfer *self, const cJSON *rows, kk_error *err)
{
    kk_code code = KK_OK;
    for (int defaults = 1; defaults >= 0; defaults--) {
        const cJSON *row;
        cJSON_ArrayForEach(row, rows)
        {
            const char *name = kk_json_text(row, "key");
            bool is_value = name != NULL && parse_name(name, &self->place);
            bool is_default = is_value && strstr(name, ".accounts.default.") != NULL;
            if (code == KK_OK && is_value && is_default == (defaults == 1)) {
                code = take_row(self, row, err);
            }
        }
    }
    return code;
}

// ---- The command

static kk_code read_rows(cJSON **out, kk_error *err)
{
    kk_buf text = {0};
    kk_code code = kk_room_make(&text, INPUT_MAX, err);
    if (code == KK_OK && isatty(STDIN_FILENO)) {
        code = kk_fail(err, KK_ERR_USAGE, "nothing is piped in");
        kk_fail_hint(err, "'kk help keyring import-kosmokrator' shows what to pipe in");
    }
    if (code == KK_OK) {
        code = kk_input_read(STDIN_FILENO, "stdin", &text, err);
    }
    if (code == KK_OK) {
        code = kk_json_parse(kk_buf_view(&text), "stdin", out, err);
    }
    if (code == KK_OK && !cJSON_IsArray(*out)) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS,
                       "stdin is not a JSON array of rows with 'key' and 'value'");
    }
    kk_room_wipe(&text);
    return code;
}

static kk_code print_transfer(const transfer *self, kk_error *err)
{
    const kk_keyring_imported *counts = &self->counts;
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&out,
                         kk_run_has(self->run, KK_OPT_JSON)
                             ? "{\"success\":true,\"added\":%zu,\"replaced\":%zu,\"skipped\":%zu,"
                               "\"same\":%zu,\"left_out\":%zu}\n"
                             : "%zu added, %zu replaced, %zu skipped, %zu the same, %zu left out\n",
                         counts->added, counts->replaced, counts->skipped, counts->same,
                         self->left_out);
    return kk_output_take(&out, err);
}

kk_code kk_cmd_keyring_import_kosmokrator(kk_run *run, kk_error *err)
{
    transfer self = {.run = run};
    cJSON *rows = NULL;
    kk_buf room = {0};
    kk_code code = kk_read_on_conflict(run, &self.on_conflict, err);
    if (code == KK_OK) {
        code = read_rows(&rows, err);
    }
    if (code == KK_OK) {
        code = find_key(&self, &room, err);
    }
    if (code == KK_OK) {
        code = kk_run_open_host(run, &self.host, err);
    }
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &self.keyring, err);
    }
    if (code == KK_OK) {
        code = take_rows(&self, rows, err);
    }
    if (code == KK_OK) {
        code = print_transfer(&self, err);
    }
    kk_keyring_close(self.keyring);
    kk_host_close(self.host);
    kk_room_wipe(&room);
    cJSON_Delete(rows);
    return code;
}
