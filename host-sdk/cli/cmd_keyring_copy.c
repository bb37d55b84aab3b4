// kk keyring export and import.
#include "cmd_keyring.h"
#include "fail.h"
#include "input.h"
#include "output.h"
#include "secret_input.h"
#include "terminal.h"
#include <stdio.h>
#include <unistd.h>

enum { KEY_ROOM = 4096 };

// ---- export

// PLUGIN or PLUGIN/ACCOUNT; "PLUGIN/*" is the first.
static kk_code parse_only(const char *text, kk_place *out, kk_error *err)
{
    size_t len = text != NULL ? strcspn(text, "/") : 0;
    if (text == NULL) {
        return KK_OK;
    }
    if (text[len] == '\0' || strcmp(text + len, "/*") == 0) {
        if (len == 0 || len >= sizeof out->plugin) {
            return kk_fail(err, KK_ERR_USAGE, "'--only' takes PLUGIN or PLUGIN/ACCOUNT");
        }
        memcpy(out->plugin, text, len);
        out->plugin[len] = '\0';
        return KK_OK;
    }
    kk_code code = kk_place_parse(text, out, err);
    if (code == KK_OK && out->field[0] != '\0') {
        code = kk_fail(err, KK_ERR_USAGE, "'--only' takes PLUGIN or PLUGIN/ACCOUNT, not a field");
    }
    return code;
}

static kk_code export_copy(const kk_run *run, kk_keyring *keyring, const kk_place *only,
                           const kk_keyring_new_slot *slot, kk_error *err)
{
    char key_text[KK_KEY_TEXT_SIZE] = "";
    char done[128];
    size_t count = 0;
    const char *path = run->options[KK_OPT_OUTPUT];
    kk_code code = kk_keyring_export(keyring, path, only->plugin[0] != '\0' ? only->plugin : NULL,
                                     only->account[0] != '\0' ? only->account : NULL, slot,
                                     key_text, &count, err);
    if (code == KK_OK) {
        snprintf(done, sizeof done, "The copy holds %zu values.", count);
        code = kk_show_new_key(run, done, "values", count, key_text, err);
        if (code != KK_OK && key_text[0] != '\0') {
            unlink(path);
            kk_fail_hint(err, "the copy was removed again, since its key could not be shown");
        }
    }
    explicit_bzero(key_text, sizeof key_text);
    return code;
}

kk_code kk_cmd_keyring_export(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_place only = {{0}, {0}, {0}};
    kk_buf room = {0};
    kk_keyring_new_slot slot;
    kk_code code = KK_OK;
    if (!kk_run_has(run, KK_OPT_OUTPUT)) {
        code = kk_fail(err, KK_ERR_USAGE, "'kk keyring export' needs -o FILE");
    }
    if (code == KK_OK) {
        code = parse_only(run->options[KK_OPT_ONLY], &only, err);
    }
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = kk_read_new_slot(run, &room, &slot, err);
    }
    if (code == KK_OK) {
        code = export_copy(run, keyring, &only, &slot, err);
    }
    kk_room_wipe(&room);
    kk_keyring_close(keyring);
    return code;
}

// ---- import

kk_code kk_read_on_conflict(const kk_run *run, kk_keyring_conflict *out, kk_error *err)
{
    static const char *const names[] = {"fail", "skip", "replace"};
    const char *text = run->options[KK_OPT_ON_CONFLICT];
    *out = KK_KEYRING_CONFLICT_FAIL;
    for (unsigned i = 0; text != NULL && i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (kk_keyring_conflict)i;
            return KK_OK;
        }
    }
    return text == NULL ? KK_OK
                        : kk_fail(err, KK_ERR_USAGE, "'--on-conflict' takes fail, skip or replace");
}

// The key of the copy: a file, what stdin holds, or what somebody types.
static kk_code read_copy_key(const kk_run *run, const char *path, kk_buf *room,
                             kk_keyring_import_options *out, kk_error *err)
{
    out->key_file = run->options[KK_OPT_FROM_KEY_FILE];
    if (out->key_file != NULL) {
        return KK_OK;
    }
    kk_code code = kk_room_make(room, KEY_ROOM, err);
    if (code == KK_OK && !isatty(STDIN_FILENO)) {
        code = kk_input_read(STDIN_FILENO, "stdin", room, err);
        kk_room_drop_newline(room);
    } else if (code == KK_OK && kk_terminal_can_ask(run)) {
        kk_buf prompt = {.limit = KK_TEXT_MAX};
        kk_buf_append_format(&prompt, "Passphrase or key of '%s': ", path);
        code = kk_terminal_ask_secret(kk_buf_text(&prompt), 0, room, err);
        kk_buf_clean(&prompt);
    }
    // Nothing at all: the key of this keyring may be the copy's.
    out->secret = room->len > 0 ? room->ptr : NULL;
    out->secret_len = room->len;
    return code;
}

static kk_code print_counts(const kk_run *run, const kk_keyring_imported *counts, kk_error *err)
{
    bool dry = kk_run_has(run, KK_OPT_DRY_RUN);
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_format(&out,
                             "{\"success\":true,\"dry_run\":%s,\"added\":%zu,\"replaced\":%zu,"
                             "\"skipped\":%zu,\"same\":%zu}\n",
                             dry ? "true" : "false", counts->added, counts->replaced,
                             counts->skipped, counts->same);
    } else {
        kk_buf_append_format(&out, "%s: %zu added, %zu replaced, %zu skipped, %zu the same\n",
                             dry ? "Would be imported" : "Imported", counts->added,
                             counts->replaced, counts->skipped, counts->same);
    }
    return kk_output_take(&out, err);
}

kk_code kk_cmd_keyring_import(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_buf room = {0};
    kk_keyring_import_options options = {.size = sizeof options,
                                         .dry_run = kk_run_has(run, KK_OPT_DRY_RUN)};
    kk_keyring_imported counts = {0};
    kk_code code = kk_read_on_conflict(run, &options.on_conflict, err);
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = read_copy_key(run, run->words[0], &room, &options, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_import(keyring, run->words[0], &options, &counts, err);
    }
    kk_room_wipe(&room);
    kk_keyring_close(keyring);
    return code == KK_OK ? print_counts(run, &counts, err) : code;
}
