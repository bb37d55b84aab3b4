// Secrets that are typed or piped in.
#include "secret_input.h"
#include "fail.h"
#include "input.h"
#include "output.h"
#include "terminal.h"
#include <sys/mman.h>
#include <unistd.h>

enum { KEY_ROOM = 4096, KEY_LIMIT_MS = 60000, PASSPHRASE_ROOM = 4096 };

kk_code kk_room_make(kk_buf *self, size_t size, kk_error *err)
{
    self->limit = size;
    if (kk_buf_reserve(self, size) == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the value");
    }
    // Without the right to lock it, it is still wiped.
    (void)!mlock(self->ptr, self->capacity);
    return KK_OK;
}

void kk_room_wipe(kk_buf *self)
{
    if (self->ptr != NULL) {
        explicit_bzero(self->ptr, self->capacity);
        munlock(self->ptr, self->capacity);
    }
    kk_buf_clean(self);
}

void kk_room_drop_newline(kk_buf *self)
{
    if (self->len > 0 && self->ptr[self->len - 1] == '\n') {
        self->len--;
        if (self->len > 0 && self->ptr[self->len - 1] == '\r') {
            self->len--;
        }
    }
}

// Asks twice; both answers stand one behind the other in [room].
static kk_code ask_twice(const char *prompt, const char *what, kk_buf *room, kk_error *err)
{
    kk_code code = kk_terminal_ask_secret(prompt, 0, room, err);
    size_t first = room->len;
    if (code == KK_OK) {
        code = kk_terminal_ask_secret("The same again: ", 0, room, err);
    }
    if (code != KK_OK) {
        return code;
    }
    if (room->len != 2 * first || memcmp(room->ptr, room->ptr + first, first) != 0) {
        return kk_fail(err, KK_ERR_USAGE, "the two %ss differ; nothing was stored", what);
    }
    room->len = first;
    return KK_OK;
}

kk_code kk_room_read_secret(const kk_run *run, const char *prompt, const char *what, bool raw,
                            kk_buf *room, kk_error *err)
{
    if (!isatty(STDIN_FILENO)) {
        kk_code code = kk_input_read(STDIN_FILENO, "stdin", room, err);
        if (code == KK_OK && !raw) {
            kk_room_drop_newline(room);
        }
        return code;
    }
    if (kk_terminal_can_ask(run)) {
        return ask_twice(prompt, what, room, err);
    }
    kk_code code = kk_fail(err, KK_ERR_USAGE, "there is no %s on stdin", what);
    kk_fail_hint(err, "pipe the %s in", what);
    return code;
}

kk_code kk_ask_for_key(void *context, const char *prompt, char *out, size_t out_size,
                       size_t *out_len, kk_error *err)
{
    kk_buf room = {0};
    (void)context;
    if (!kk_terminal_is_ours()) {
        return kk_fail(err, KK_ERR_NEED_KEY, "nobody can be asked");
    }
    kk_code code = kk_room_make(&room, KEY_ROOM, err);
    if (code == KK_OK) {
        code = kk_terminal_ask_secret(prompt, KEY_LIMIT_MS, &room, err);
    }
    if (code == KK_OK && room.len > out_size) {
        code = kk_fail(err, KK_ERR_KEY_SYNTAX, "what was typed is longer than %zu bytes", out_size);
    }
    if (code == KK_OK && room.len > 0) {
        memcpy(out, room.ptr, room.len);
    }
    *out_len = code == KK_OK ? room.len : 0;
    kk_room_wipe(&room);
    return code;
}

kk_code kk_read_new_slot(const kk_run *run, kk_buf *room, kk_keyring_new_slot *out, kk_error *err)
{
    bool passphrase = kk_run_has(run, KK_OPT_NEW_PASSPHRASE);
    bool recovery = kk_run_has(run, KK_OPT_RECOVERY);
    const char *key_file = run->options[KK_OPT_NEW_KEY_FILE];
    *out = (kk_keyring_new_slot){.key_file = key_file, .label = run->options[KK_OPT_LABEL]};
    if (passphrase + recovery + (key_file != NULL) > 1) {
        return kk_fail(err, KK_ERR_USAGE,
                       "--new-passphrase, --new-key-file and --recovery exclude each other");
    }
    if (recovery && out->label == NULL) {
        out->label = "recovery";
    }
    if (!passphrase) {
        return KK_OK;
    }
    kk_code code = kk_room_make(room, PASSPHRASE_ROOM, err);
    if (code == KK_OK) {
        code = kk_room_read_secret(run, "New passphrase: ", "passphrase", false, room, err);
    }
    if (code == KK_OK && room->len == 0) {
        code = kk_fail(err, KK_ERR_INVALID_ARGS, "the passphrase is empty");
    }
    if (code == KK_OK && kk_keyring_memory_is_small()) {
        kk_output_warn("this process may use less than 512 MiB of memory: deriving from the new "
                       "passphrase takes 64 MiB instead of 256, which makes guessing it cheaper");
    }
    out->passphrase = room->ptr;
    out->passphrase_len = room->len;
    return code;
}
