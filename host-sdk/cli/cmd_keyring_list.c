// kk keyring list [PLUGIN]: the names in the keyring.
#include "cmd_keyring.h"
#include "fail.h"
#include "json.h"
#include "output.h"
#include <stdlib.h>
#include <time.h>

extern char **environ;

// The entries to show: of one plugin, or of all.
typedef struct view {
    kk_keyring_listing *listing;
    const char *plugin;                                // or NULL
    char (*fingerprints)[KK_KEYRING_FINGERPRINT_SIZE]; // one an entry, or NULL
} view;

static const kk_keyring_entry *entry_at(const view *self, size_t i)
{
    const kk_keyring_entry *entry = &self->listing->entries[i];
    bool shown = self->plugin == NULL || strcmp(entry->plugin, self->plugin) == 0;
    return shown && entry->field[0] != '\0' ? entry : NULL;
}

static bool same_account(const kk_keyring_entry *a, const kk_keyring_entry *b)
{
    return strcmp(a->plugin, b->plugin) == 0 && strcmp(a->account, b->account) == 0;
}

// Whether [i] is the first field of its account: the account is written there, with all its fields.
static bool begins_account(const view *self, size_t i)
{
    const kk_keyring_entry *entry = entry_at(self, i);
    for (size_t k = 0; entry != NULL && k < i; k++) {
        const kk_keyring_entry *before = entry_at(self, k);
        if (before != NULL && same_account(before, entry)) {
            return false;
        }
    }
    return entry != NULL;
}

static bool is_default(const view *self, const kk_keyring_entry *entry)
{
    for (size_t i = 0; i < self->listing->count; i++) {
        const kk_keyring_entry *pointer = &self->listing->entries[i];
        if (pointer->field[0] == '\0' && same_account(pointer, entry)) {
            return true;
        }
    }
    return false;
}

void kk_time_write(int64_t unix_seconds, char out[KK_TIME_SIZE])
{
    time_t seconds = (time_t)unix_seconds;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, KK_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        out[0] = '\0';
    }
}

static void write_line(const view *self, size_t first, kk_buf *out)
{
    const kk_keyring_entry *account = entry_at(self, first);
    int64_t updated = account->updated_unix;
    kk_buf_append_format(out, "%s/%s%s: ", account->plugin, account->account,
                         is_default(self, account) ? " (default)" : "");
    for (size_t i = first; i < self->listing->count; i++) {
        const kk_keyring_entry *entry = entry_at(self, i);
        if (entry != NULL && same_account(entry, account)) {
            kk_buf_append_format(out, "%s%s", i > first ? ", " : "", entry->field);
            if (self->fingerprints != NULL) {
                kk_buf_append_format(out, " %s", self->fingerprints[i]);
            }
            updated = entry->updated_unix > updated ? entry->updated_unix : updated;
        }
    }
    char when[KK_TIME_SIZE];
    kk_time_write(updated, when);
    kk_buf_append_format(out, ", updated %s\n", when);
}

static void write_account(const view *self, size_t first, kk_buf *out)
{
    const kk_keyring_entry *account = entry_at(self, first);
    kk_output_comma(out);
    kk_buf_append_byte(out, '{');
    kk_output_member(out, "plugin", account->plugin);
    kk_output_member(out, "account", account->account);
    kk_output_name(out, "default");
    kk_buf_append_text(out, is_default(self, account) ? "true" : "false");
    kk_output_name(out, "fields");
    kk_buf_append_byte(out, '[');
    for (size_t i = first; i < self->listing->count; i++) {
        const kk_keyring_entry *entry = entry_at(self, i);
        if (entry != NULL && same_account(entry, account)) {
            char when[KK_TIME_SIZE];
            kk_time_write(entry->updated_unix, when);
            kk_output_comma(out);
            kk_buf_append_byte(out, '{');
            kk_output_member(out, "field", entry->field);
            kk_output_member(out, "updated", when);
            if (self->fingerprints != NULL) {
                kk_output_member(out, "fingerprint", self->fingerprints[i]);
            }
            kk_buf_append_byte(out, '}');
        }
    }
    kk_buf_append_text(out, "]}");
}

// Whether a variable goes before something that is shown.
static bool overrides(const view *self, const char *variable)
{
    static const char *const prefixes[] = {"KK_CRED__", "KK_ACCOUNT_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char name[128] = "";
        size_t skip = strlen(prefixes[i]);
        if (self->plugin != NULL) {
            kk_text_append_upper(name, sizeof name, self->plugin);
        }
        size_t len = strlen(name);
        const char *rest = variable + skip;
        if (strncmp(variable, prefixes[i], skip) == 0 && strncmp(rest, name, len) == 0 &&
            (len == 0 || rest[len] == '=' || rest[len] == '_')) {
            return true;
        }
    }
    return false;
}

// Names the variables in force: what is stored is of no effect where they go before it.
static void show_overrides(const kk_run *run, const view *self, kk_buf *out)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_buf_append_text(out, json ? ",\"overrides\":[" : "");
    for (char **variable = environ; *variable != NULL; variable++) {
        kk_str name = {*variable, strcspn(*variable, "=")};
        if (!overrides(self, *variable)) {
            continue;
        }
        if (json) {
            kk_output_comma(out);
            kk_json_write_string(out, name);
        } else {
            kk_output_warn("%.*s is set and goes before what is stored", KK_STR_ARG(name));
        }
    }
    kk_buf_append_text(out, json ? "]" : "");
}

static void write_listing(const kk_run *run, const view *self, const char *path, kk_buf *out)
{
    bool json = kk_run_has(run, KK_OPT_JSON);
    if (json) {
        kk_buf_append_text(out, "{\"success\":true");
        kk_output_member(out, "path", path);
        kk_buf_append_format(out, ",\"generation\":%llu,\"verified\":%s,\"accounts\":[",
                             (unsigned long long)self->listing->generation,
                             self->listing->verified ? "true" : "false");
    }
    for (size_t i = 0; i < self->listing->count; i++) {
        if (!begins_account(self, i)) {
            continue;
        }
        if (json) {
            write_account(self, i, out);
        } else {
            write_line(self, i, out);
        }
    }
    kk_buf_append_text(out, json ? "]" : "");
    show_overrides(run, self, out);
    kk_buf_append_text(out, json ? "}\n" : "");
}

// Fingerprints of all that is shown, of a verified snapshot: lending values keeps the listing as it
// is.
static kk_code fill_fingerprints(kk_keyring *keyring, view *self, kk_error *err)
{
    size_t count = self->listing->count;
    self->fingerprints = calloc(count + 1, sizeof *self->fingerprints);
    if (self->fingerprints == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the fingerprints");
    }
    kk_code code = kk_keyring_refresh(keyring, err);
    kk_keyring_listing *listing = self->listing;
    if (code == KK_OK) {
        code = kk_keyring_list(keyring, listing, err);
    }
    for (size_t i = 0; code == KK_OK && i < listing->count && i < count; i++) {
        const kk_keyring_entry *entry = entry_at(self, i);
        if (entry != NULL) {
            code = kk_keyring_fingerprint(keyring, entry->plugin, entry->account, entry->field,
                                          self->fingerprints[i], err);
        }
    }
    return code;
}

kk_code kk_cmd_keyring_list(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_keyring_listing listing = {0};
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_list(keyring, &listing, err);
    }
    if (code == KK_OK) {
        view shown = {&listing, run->word_count > 0 ? run->words[0] : NULL, NULL};
        kk_buf out = {.limit = 16 * KK_TEXT_MAX};
        if (kk_run_has(run, KK_OPT_FINGERPRINT)) {
            code = fill_fingerprints(keyring, &shown, err);
        }
        if (code == KK_OK) {
            write_listing(run, &shown, kk_keyring_path(keyring), &out);
            code = kk_output_take(&out, err);
        }
        free(shown.fingerprints);
        if (!listing.verified) {
            kk_output_warn("no key was found, so that these names are read but not proven");
        }
    }
    kk_keyring_close(keyring);
    return code;
}
