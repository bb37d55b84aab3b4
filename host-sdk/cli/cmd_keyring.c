// kk keyring init, rm, default and which.
#include "cmd_keyring.h"
#include "fail.h"
#include "json.h"
#include "output.h"
#include "secret_input.h"
#include "terminal.h"
#include <stdlib.h>
#include <unistd.h>

// Takes one name off the front of [*text]; false if it is empty or too long.
static bool take_name(const char **text, char *out)
{
    size_t len = strcspn(*text, "/");
    if (len == 0 || len >= KK_PLACE_NAME_SIZE) {
        return false;
    }
    memcpy(out, *text, len);
    out[len] = '\0';
    *text += len;
    return true;
}

kk_code kk_place_parse(const char *text, kk_place *out, kk_error *err)
{
    kk_place place = {{0}, {0}, {0}};
    bool valid =
        take_name(&text, place.plugin) && *text++ == '/' && take_name(&text, place.account);
    if (valid && *text == '/') {
        text++;
        valid = take_name(&text, place.field);
    }
    if (!valid || *text != '\0') {
        kk_code code =
            kk_fail(err, KK_ERR_USAGE, "the place is not written PLUGIN/ACCOUNT[/FIELD]");
        kk_fail_hint(err, "for example planetscale/production/service_token; names have at most 63 "
                          "letters");
        return code;
    }
    *out = place;
    return KK_OK;
}

kk_code kk_run_open_keyring(const kk_run *run, kk_keyring **out, kk_error *err)
{
    int key_fd = 0;
    kk_code code = kk_run_key_fd(run, &key_fd, err);
    if (code != KK_OK) {
        return code;
    }
    kk_keyring_options options = {
        .size = sizeof options,
        .flags = kk_run_has(run, KK_OPT_REQUIRE_MLOCK) ? KK_KEYRING_REQUIRE_MLOCK : 0,
        .key_file = run->options[KK_OPT_KEY_FILE],
        .key_fd = key_fd,
        .ask = kk_terminal_may_ask(run) ? kk_ask_for_key : NULL};
    return kk_keyring_open(&options, out, err);
}

// ---- init

// The texts of new keys, shown once.
typedef struct new_keys {
    char key[KK_KEY_TEXT_SIZE];
    char recovery[KK_KEY_TEXT_SIZE];
} new_keys;

static const char *text_or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void write_init(const kk_run *run, const char *path, const new_keys *keys, kk_buf *out)
{
    const char *key_file = run->options[KK_OPT_KEY_FILE];
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_text(out, "{\"success\":true");
        kk_output_member(out, "path", path);
        kk_output_member(out, "key_file", key_file);
        kk_output_member(out, "key", text_or_null(keys->key));
        kk_output_member(out, "recovery_key", text_or_null(keys->recovery));
        kk_buf_append_text(out, "}\n");
        return;
    }
    kk_buf_append_format(out, "The keyring is %s\n", path);
    if (key_file != NULL) {
        kk_buf_append_format(out, "Its key is in %s; keep a copy of that file elsewhere.\n",
                             key_file);
    } else if (keys->key[0] != '\0') {
        kk_buf_append_format(
            out,
            "%s\n"
            "This is its key, shown this one time.  Keep it in a password manager; without it\n"
            "what the keyring holds is lost.  Give it to kk as KK_KEY, or put it into a file that\n"
            "only you can read and name that file with --key-file or KK_KEY_FILE.\n",
            keys->key);
    }
    if (keys->recovery[0] != '\0') {
        kk_buf_append_format(out,
                             "%s\n"
                             "This key is the second way in, shown this one time.  Keep it away "
                             "from this machine.\n",
                             keys->recovery);
    }
}

// Makes the keyring, with a passphrase if that is wanted.
static kk_code make_keyring(kk_run *run, kk_keyring *keyring, new_keys *keys, kk_error *err)
{
    kk_buf room = {0};
    kk_keyring_new_slot slot;
    if (!kk_run_has(run, KK_OPT_NEW_PASSPHRASE)) {
        return kk_keyring_init(keyring, run->options[KK_OPT_KEY_FILE], keys->key, err);
    }
    if (kk_run_has(run, KK_OPT_KEY_FILE)) {
        return kk_fail(err, KK_ERR_USAGE, "--new-passphrase and --key-file exclude each other");
    }
    bool recovery = kk_run_has(run, KK_OPT_RECOVERY);
    run->options[KK_OPT_RECOVERY] = NULL; // a slot of its own, added afterwards
    kk_code code = kk_read_new_slot(run, &room, &slot, err);
    run->options[KK_OPT_RECOVERY] = recovery ? "" : NULL;
    if (code == KK_OK) {
        code = kk_keyring_init_passphrase(keyring, slot.passphrase, slot.passphrase_len, err);
    }
    kk_room_wipe(&room);
    return code;
}

// Whoever cannot show a key must not leave a keyring that it is the key of.
static kk_code show_init(const kk_run *run, const kk_keyring *keyring, const new_keys *keys,
                         kk_error *err)
{
    const char *path = kk_keyring_path(keyring);
    kk_buf out = {.limit = KK_TEXT_MAX};
    // Room for all of it at once, so that no copy of the key is left behind by growing.
    (void)kk_buf_reserve(&out, 16384);
    write_init(run, path, keys, &out);
    kk_code code = kk_output_text(kk_buf_view(&out), err);
    if (code != KK_OK && (keys->key[0] != '\0' || keys->recovery[0] != '\0')) {
        // Nobody has seen the key, and nothing is in the keyring yet.
        unlink(path);
        kk_fail_hint(err, "the new keyring was removed again, since its key could not be shown");
    }
    explicit_bzero(out.ptr, out.len);
    kk_buf_clean(&out);
    return code;
}

static kk_code add_recovery(kk_keyring *keyring, new_keys *keys, kk_error *err)
{
    uint32_t number = 0;
    kk_keyring_new_slot slot = {.label = "recovery"};
    return kk_keyring_slot_add(keyring, &slot, &number, keys->recovery, err);
}

kk_code kk_cmd_keyring_init(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    new_keys keys = {{0}, {0}};
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = make_keyring(run, keyring, &keys, err);
    }
    if (code == KK_OK && kk_run_has(run, KK_OPT_RECOVERY)) {
        code = add_recovery(keyring, &keys, err);
    }
    if (code == KK_OK) {
        code = show_init(run, keyring, &keys, err);
    }
    explicit_bzero(&keys, sizeof keys);
    kk_keyring_close(keyring);
    return code;
}

// ---- rm

static kk_code approve_removal(const kk_run *run, const char *place, kk_error *err)
{
    if (kk_run_has(run, KK_OPT_YES)) {
        return KK_OK;
    }
    bool can_ask = kk_terminal_can_ask(run);
    if (can_ask) {
        kk_buf question = {.limit = KK_TEXT_MAX};
        kk_buf_append_format(&question, "Remove %s from the keyring? [y/N] ", place);
        bool yes = kk_terminal_ask(kk_buf_text(&question), -1);
        kk_buf_clean(&question);
        if (yes) {
            return KK_OK;
        }
    }
    kk_code code = kk_fail(err, KK_ERR_APPROVAL_REQUIRED, "removing '%s' was not approved", place);
    kk_fail_hint(err, can_ask ? "nothing was removed" : "nothing was removed; add --yes");
    return code;
}

kk_code kk_cmd_keyring_rm(kk_run *run, kk_error *err)
{
    kk_place place = {{0}, {0}, {0}};
    kk_keyring *keyring = NULL;
    kk_code code = kk_place_parse(run->words[0], &place, err);
    if (code == KK_OK) {
        code = approve_removal(run, run->words[0], err);
    }
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_remove(keyring, place.plugin, place.account,
                                 place.field[0] != '\0' ? place.field : NULL, err);
    }
    kk_keyring_close(keyring);
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "plugin", place.plugin);
        kk_output_member(&out, "account", place.account);
        kk_output_member(&out, "field", place.field[0] != '\0' ? place.field : NULL);
        kk_buf_append_text(&out, "}\n");
    } else {
        kk_buf_append_format(&out, "Removed %s\n", run->words[0]);
    }
    return kk_output_take(&out, err);
}

// ---- default

// The choice that is stored is of no effect where the environment chooses.
static void warn_of_override(const char *plugin)
{
    char name[128] = "KK_ACCOUNT_";
    kk_text_append_upper(name, sizeof name, plugin);
    const char *value = getenv(name);
    if (value != NULL && value[0] != '\0') {
        kk_output_warn("%s is set to '%.64s' and goes before the stored default", name, value);
    }
}

kk_code kk_cmd_keyring_default(kk_run *run, kk_error *err)
{
    const char *plugin = run->words[0];
    const char *account = run->word_count > 1 ? run->words[1] : NULL;
    if ((account != NULL) == kk_run_has(run, KK_OPT_UNSET)) {
        return kk_fail(err, KK_ERR_USAGE,
                       "'kk keyring default' needs either an account or --unset");
    }
    kk_keyring *keyring = NULL;
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_set_default(keyring, plugin, account, err);
    }
    kk_keyring_close(keyring);
    if (code != KK_OK) {
        return code;
    }
    warn_of_override(plugin);
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_member(&out, "plugin", plugin);
        kk_output_member(&out, "default", account);
        kk_buf_append_text(&out, "}\n");
    } else if (account != NULL) {
        kk_buf_append_format(&out, "The default of %s is %s\n", plugin, account);
    } else {
        kk_buf_append_format(&out, "%s has no default\n", plugin);
    }
    return kk_output_take(&out, err);
}

// ---- which

static void write_which_json(const kk_account_info *info, kk_buf *out)
{
    kk_buf_append_text(out, "{\"success\":true");
    kk_output_member(out, "plugin", info->plugin);
    kk_output_member(out, "account", info->account);
    kk_output_member(out, "rule", info->rule);
    kk_output_member(out, "scheme", info->scheme[0] != '\0' ? info->scheme : NULL);
    kk_output_name(out, "fields");
    kk_buf_append_byte(out, '[');
    for (size_t i = 0; i < info->field_count; i++) {
        const kk_field_info *field = &info->fields[i];
        kk_output_comma(out);
        kk_buf_append_byte(out, '{');
        kk_output_member(out, "field", field->key);
        kk_output_member(out, "label", field->label);
        kk_output_member(out, "source", field->source[0] != '\0' ? field->source : NULL);
        kk_output_name(out, "secret");
        kk_buf_append_text(out, field->secret ? "true}" : "false}");
    }
    kk_buf_append_text(out, "]}\n");
}

static void write_which(const kk_account_info *info, kk_buf *out)
{
    kk_buf_append_format(out, "%s/%s, %s\n", info->plugin, info->account, info->rule);
    if (info->scheme[0] != '\0') {
        kk_buf_append_format(out, "authenticates with the scheme %s\n", info->scheme);
    } else if (info->field_count > 0) {
        kk_buf_append_text(out, "lacks fields: no scheme is complete\n");
    }
    for (size_t i = 0; i < info->field_count; i++) {
        const kk_field_info *field = &info->fields[i];
        bool missing = field->source[0] == '\0';
        kk_buf_append_format(
            out, "  %-20s  %s%s%s\n", field->key, missing ? "missing" : field->source,
            missing && field->hint[0] != '\0' ? ": " : "", missing ? field->hint : "");
    }
}

kk_code kk_cmd_keyring_which(kk_run *run, kk_error *err)
{
    kk_host *host = NULL;
    kk_account_info *info = NULL;
    kk_code code = kk_run_open_host(run, &host, err);
    if (code == KK_OK) {
        code = kk_host_which(host, run->words[0], run->options[KK_OPT_ACCOUNT], &info, err);
    }
    if (code == KK_OK) {
        kk_buf out = {.limit = KK_TEXT_MAX};
        if (kk_run_has(run, KK_OPT_JSON)) {
            write_which_json(info, &out);
        } else {
            write_which(info, &out);
        }
        code = kk_output_take(&out, err);
    }
    kk_account_info_free(info);
    kk_host_close(host);
    return code;
}
