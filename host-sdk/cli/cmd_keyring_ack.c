// kk keyring ack.
#include "cmd_keyring.h"
#include "output.h"

static void write_ack(const kk_run *run, const char *path, uint64_t seen, uint64_t accepted,
                      kk_buf *out)
{
    if (kk_run_has(run, KK_OPT_JSON)) {
        kk_buf_append_text(out, "{\"success\":true");
        kk_output_member(out, "path", path);
        kk_buf_append_format(out, ",\"seen\":%llu,\"generation\":%llu}\n", (unsigned long long)seen,
                             (unsigned long long)accepted);
        return;
    }
    kk_buf_append_format(out, "%s is accepted with the generation %llu", path,
                         (unsigned long long)accepted);
    if (seen != 0 && seen != accepted) {
        kk_buf_append_format(out, "; %llu was seen before", (unsigned long long)seen);
    }
    kk_buf_append_byte(out, '\n');
}

kk_code kk_cmd_keyring_ack(kk_run *run, kk_error *err)
{
    kk_keyring *keyring = NULL;
    uint64_t seen = 0;
    uint64_t accepted = 0;
    kk_code code = kk_run_open_keyring(run, &keyring, err);
    if (code == KK_OK) {
        code = kk_keyring_ack(keyring, &seen, &accepted, err);
    }
    if (code == KK_OK) {
        kk_buf out = {.limit = KK_TEXT_MAX};
        write_ack(run, kk_keyring_path(keyring), seen, accepted, &out);
        code = kk_output_take(&out, err);
    }
    kk_keyring_close(keyring);
    return code;
}
