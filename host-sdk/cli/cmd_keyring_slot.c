// kk keyring slot list, add, passwd and rm; kk keyring rekey.
#include "cmd_keyring.h"
#include "fail.h"
#include "output.h"
#include "secret_input.h"
#include "terminal.h"
#include <stdio.h>
#include <stdlib.h>

enum { OUT_ROOM = 16384 };

static kk_code read_number(const char *text, uint32_t *out, kk_error *err)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number == 0 || number > UINT32_MAX) {
        kk_code code = kk_fail(err, KK_ERR_USAGE, "a slot is named by its number");
        kk_fail_hint(err, "'kk keyring slot list' shows them");
        return code;
    }
    *out = (uint32_t)number;
    return KK_OK;
}

// ---- list

static void write_slot_json(const kk_keyring_slot *slot, kk_buf *out)
{
    char when[KK_TIME_SIZE];
    kk_time_write(slot->created_unix, when);
    kk_output_comma(out);
    kk_buf_append_format(out, "{\"slot\":%u", (unsigned)slot->number);
    kk_output_member(out, "kind", slot->is_passphrase ? "passphrase" : "key");
    kk_output_member(out, "label", slot->label);
    kk_output_member(out, "created", when);
    kk_buf_append_format(out, ",\"passes\":%llu,\"memory_bytes\":%llu}",
                         (unsigned long long)slot->passes, (unsigned long long)slot->memory_bytes);
}

static void write_slot(const kk_keyring_slot *slot, kk_buf *out)
{
    char when[KK_TIME_SIZE];
    kk_time_write(slot->created_unix, when);
    kk_buf_append_format(out, "%3u  %-10s  made %s", (unsigned)slot->number,
                         slot->is_passphrase ? "passphrase" : "key", when);
    if (slot->is_passphrase) {
        kk_buf_append_format(out, "  %llu passes over %llu MiB", (unsigned long long)slot->passes,
                             (unsigned long long)(slot->memory_bytes >> 20));
    }
    kk_buf_append_format(out, "%s%s\n", slot->label[0] != '\0' ? "  " : "", slot->label);
}

kk_code kk_cmd_keyring_slot_list(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    const kk_keyring_slot *slots = NULL;
    size_t count = 0;
    bool json = kk_run_has(run, KK_OPT_JSON);
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_slots(keyring, &slots, &count, err);
    }
    kk_buf_append_text(&out, json ? "{\"success\":true,\"slots\":[" : "");
    for (size_t i = 0; code == KK_OK && i < count; i++) {
        if (json) {
            write_slot_json(&slots[i], &out);
        } else {
            write_slot(&slots[i], &out);
        }
    }
    kk_buf_append_text(&out, json ? "]}\n" : "");
    if (code == KK_OK) {
        code = kk_output_take(&out, err);
    }
    kk_buf_clean(&out);
    kk_keyring_close(keyring);
    return code;
}

// ---- add

kk_code kk_show_new_key(const kk_run *run, const char *done, const char *name, uint64_t number,
                        const char *key_text, kk_error *err)
{
    bool has_key = key_text[0] != '\0';
    kk_buf out = {.limit = KK_TEXT_MAX};
    // Room for all of it at once, so that no copy of the key is left behind by growing.
    (void)kk_buf_reserve(&out, OUT_ROOM);
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_text(&out, "{\"success\":true");
        kk_output_name(&out, name);
        kk_buf_append_format(&out, "%llu", (unsigned long long)number);
        kk_output_member(&out, "key", has_key ? key_text : NULL);
        kk_buf_append_text(&out, "}\n");
    } else {
        kk_buf_append_format(&out, "%s\n", done);
        if (has_key) {
            kk_buf_append_format(&out, "%s\nThis is its key, shown this one time.\n", key_text);
        }
    }
    kk_code code = kk_output_text(kk_buf_view(&out), err);
    explicit_bzero(out.ptr, out.len);
    kk_buf_clean(&out);
    return code;
}

kk_code kk_cmd_keyring_slot_add(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_buf room = {0};
    kk_keyring_new_slot slot;
    char key_text[KK_KEY_TEXT_SIZE] = "";
    char done[64];
    uint32_t number = 0;
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = kk_read_new_slot(run, &room, &slot, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_slot_add(keyring, &slot, &number, key_text, err);
    }
    if (code == KK_OK) {
        snprintf(done, sizeof done, "Slot %u opens the keyring too.", (unsigned)number);
        code = kk_show_new_key(run, done, "slot", number, key_text, err);
        if (code != KK_OK && key_text[0] != '\0' &&
            kk_keyring_slot_remove(keyring, number, NULL) == KK_OK) {
            kk_fail_hint(err, "the new slot was removed again, since its key could not be shown");
        }
    }
    explicit_bzero(key_text, sizeof key_text);
    kk_room_wipe(&room);
    kk_keyring_close(keyring);
    return code;
}

// ---- passwd

static kk_code print_slot(const kk_run *run, const char *verb, uint32_t number, kk_error *err)
{
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_format(&out, "{\"success\":true,\"slot\":%u}\n", (unsigned)number);
    } else {
        kk_buf_append_format(&out, "%s %u\n", verb, (unsigned)number);
    }
    return kk_output_take(&out, err);
}

kk_code kk_cmd_keyring_slot_passwd(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    kk_buf room = {0};
    kk_keyring_new_slot slot;
    uint32_t number = 0;
    kk_code code = run->word_count > 0 ? read_number(run->words[0], &number, err) : KK_OK;
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        // The old one is asked for first, as one expects.
        code = kk_keyring_refresh(keyring, err);
    }
    if (code == KK_OK) {
        run->options[KK_OPT_NEW_PASSPHRASE] = "";
        code = kk_read_new_slot(run, &room, &slot, err);
    }
    if (code == KK_OK) {
        code =
            kk_keyring_slot_passphrase(keyring, &number, slot.passphrase, slot.passphrase_len, err);
    }
    kk_room_wipe(&room);
    kk_keyring_close(keyring);
    return code == KK_OK ? print_slot(run, "The new passphrase has slot", number, err) : code;
}

// ---- rm and rekey

static kk_code approve(const kk_run *run, const char *question, const char *what, kk_error *err)
{
    if (kk_run_has(run, KK_OPT_YES)) {
        return KK_OK;
    }
    bool can_ask = kk_terminal_can_ask(run);
    if (can_ask && kk_terminal_ask(question, -1)) {
        return KK_OK;
    }
    kk_code code = kk_fail(err, KK_ERR_APPROVAL_REQUIRED, "%s was not approved", what);
    kk_fail_hint(err, can_ask ? "nothing was changed" : "nothing was changed; add --yes");
    return code;
}

kk_code kk_cmd_keyring_slot_rm(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    uint32_t number = 0;
    char question[128];
    kk_code code = read_number(run->words[0], &number, err);
    if (code == KK_OK) {
        snprintf(question, sizeof question,
                 "Remove slot %u? What it was for opens nothing then. "
                 "[y/N] ",
                 (unsigned)number);
        code = approve(run, question, "removing the slot", err);
    }
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_slot_remove(keyring, number, err);
    }
    kk_keyring_close(keyring);
    return code == KK_OK ? print_slot(run, "Removed slot", number, err) : code;
}

kk_code kk_cmd_keyring_rekey(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    size_t dropped = 0;
    kk_code code = KK_OK;
    if (!kk_run_has(run, KK_OPT_FULL)) {
        code = kk_fail(err, KK_ERR_USAGE, "'kk keyring rekey' needs --full");
        kk_fail_hint(err, "a passphrase is changed with 'kk keyring slot passwd'");
        return code;
    }
    code = approve(run, "Seal everything anew? Only the key in use will open the keyring. [y/N] ",
                   "sealing everything anew", err);
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_rekey(keyring, &dropped, err);
    }
    kk_keyring_close(keyring);
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_format(&out, "{\"success\":true,\"dropped_slots\":%zu}\n", dropped);
    } else {
        kk_buf_append_format(&out,
                             "Everything is sealed anew; %zu other slots are gone.\n"
                             "This changed no credential: what may have leaked is still to be "
                             "replaced at its service.\n",
                             dropped);
    }
    return kk_output_take(&out, err);
}
