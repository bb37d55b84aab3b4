// kk keyring unlock, lock and doctor.
#include "cmd_keyring.h"
#include "fail.h"
#include "output.h"
#include <stdio.h>
#include <stdlib.h>

enum { TTL_DEFAULT_S = 900, TTL_MAX_S = 7 * 86400 };

// "90s", "15m", "8h", "2d"; a bare number is seconds.
static kk_code read_ttl(const char *text, uint32_t *seconds, kk_error *err)
{
    static const char units[] = "smhd";
    static const unsigned long lengths[] = {1, 60, 3600, 86400};
    char *end = NULL;
    if (text == NULL) {
        *seconds = TTL_DEFAULT_S;
        return KK_OK;
    }
    unsigned long number = strtoul(text, &end, 10);
    const char *unit = *end != '\0' ? strchr(units, *end) : units;
    bool valid = text[0] >= '0' && text[0] <= '9' && unit != NULL &&
                 (*end == '\0' || end[1] == '\0') && number > 0 && number <= TTL_MAX_S;
    if (!valid || number * lengths[unit - units] > TTL_MAX_S) {
        return kk_fail(err, KK_ERR_USAGE,
                       "'--ttl' takes up to a week, such as 90s, 15m, 8h or 2d, not '%.32s'", text);
    }
    *seconds = (uint32_t)(number * lengths[unit - units]);
    return KK_OK;
}

kk_code kk_cmd_keyring_unlock(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    uint32_t seconds = 0;
    kk_code code = read_ttl(run->options[KK_OPT_TTL], &seconds, err);
    if (code == KK_OK) {
        code = kk_run_open_keyring(run, &keyring, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_unlock(keyring, seconds, err);
    }
    kk_keyring_close(keyring);
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&out,
                         kk_run_has(run, KK_OPT_JSON)
                             ? "{\"success\":true,\"seconds\":%u}\n"
                             : "The keyring is open in this session for %u seconds.\n",
                         (unsigned)seconds);
    return kk_output_take(&out, err);
}

kk_code kk_cmd_keyring_lock(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    bool was = false;
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_lock(keyring, &was, err);
    }
    kk_keyring_close(keyring);
    if (code != KK_OK) {
        return code;
    }
    kk_buf out = {.limit = KK_TEXT_MAX};
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_format(&out, "{\"success\":true,\"was_open\":%s}\n", was ? "true" : "false");
    } else {
        kk_buf_append_text(&out, was ? "What the session remembered is gone.\n"
                                     : "The session remembered nothing.\n");
    }
    return kk_output_take(&out, err);
}

// ---- doctor

typedef struct report {
    bool json;
    bool healthy;
    kk_buf out;
} report;

static void write_finding(void *context, kk_keyring_state state, const char *about,
                          const char *text)
{
    static const char *const names[] = {"ok", "note", "problem"};
    report *self = context;
    self->healthy = self->healthy && state != KK_KEYRING_STATE_PROBLEM;
    if (!self->json) {
        kk_buf_append_format(&self->out, "%-7s  %-9s  %s\n", names[state], about, text);
        return;
    }
    kk_output_comma(&self->out);
    kk_buf_append_byte(&self->out, '{');
    kk_output_member(&self->out, "state", names[state]);
    kk_output_member(&self->out, "about", about);
    kk_output_member(&self->out, "text", text);
    kk_buf_append_byte(&self->out, '}');
}

static kk_code mend(kk_keyring *keyring, report *self, kk_error *err)
{
    size_t mended = 0;
    char text[64];
    kk_code code = kk_keyring_mend(keyring, &mended, err);
    if (code == KK_OK && mended > 0) {
        snprintf(text, sizeof text, "permissions of %zu files were mended", mended);
        write_finding(self, KK_KEYRING_STATE_NOTE, "fix", text);
    }
    return code;
}

kk_code kk_cmd_keyring_doctor(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    report self = {
        .json = kk_run_has(run, KK_OPT_JSON), .healthy = true, .out = {.limit = KK_TEXT_MAX}};
    kk_buf_append_text(&self.out, self.json ? "{\"success\":true,\"findings\":[" : "");
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK && kk_run_has(run, KK_OPT_FIX)) {
        code = mend(keyring, &self, err);
    }
    if (code == KK_OK) {
        code = kk_keyring_examine(keyring, write_finding, &self, err);
    }
    kk_keyring_close(keyring);
    if (code == KK_OK) {
        if (self.json) {
            kk_buf_append_format(&self.out, "],\"healthy\":%s}\n", self.healthy ? "true" : "false");
        }
        code = kk_output_take(&self.out, err);
    }
    kk_buf_clean(&self.out);
    return code;
}
