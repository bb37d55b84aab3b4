// kk keyring list [PLUGIN]: the names in the keyring.
#include "cmd_keyring.h"
#include "json.h"
#include "output.h"
#include <time.h>

enum { TIME_SIZE = 32 };

// The entries to show: of one plugin, or of all.
typedef struct view {
    const kk_keyring_listing *listing;
    const char *plugin; // or NULL
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

static void write_time(int64_t unix_seconds, char *out)
{
    time_t seconds = (time_t)unix_seconds;
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
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
            updated = entry->updated_unix > updated ? entry->updated_unix : updated;
        }
    }
    char when[TIME_SIZE];
    write_time(updated, when);
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
            char when[TIME_SIZE];
            write_time(entry->updated_unix, when);
            kk_output_comma(out);
            kk_buf_append_byte(out, '{');
            kk_output_member(out, "field", entry->field);
            kk_output_member(out, "updated", when);
            kk_buf_append_byte(out, '}');
        }
    }
    kk_buf_append_text(out, "]}");
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
    kk_buf_append_text(out, json ? "]}\n" : "");
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
        view shown = {&listing, run->word_count > 0 ? run->words[0] : NULL};
        kk_buf out = {.limit = 16 * KK_TEXT_MAX};
        write_listing(run, &shown, kk_keyring_path(keyring), &out);
        code = kk_output_take(&out, err);
        if (!listing.verified) {
            kk_output_warn("no key was found, so that these names are read but not proven");
        }
    }
    kk_keyring_close(keyring);
    return code;
}
