// The data key in the kernel's session keyring.
#include "keyring_session.h"
#include "fail.h"
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NAME_SIZE = 3 + 2 * KK_KRING_ID_SIZE + 1 + 20 + 1 };

// What its possessor may do: see, read, change, find and set its time; nobody else may do anything.
#define PERMISSIONS 0x2f000000L

// "kk:IDENTITY:EPOCH": a new data key has another name.
static void name_key(const kk_kring *ring, char out[NAME_SIZE])
{
    int len = snprintf(out, NAME_SIZE, "kk:");
    for (size_t i = 0; i < KK_KRING_ID_SIZE; i++) {
        len += snprintf(out + len, NAME_SIZE - (size_t)len, "%02x", ring->id[i]);
    }
    snprintf(out + len, NAME_SIZE - (size_t)len, ":%llu", (unsigned long long)ring->epoch);
}

static long search(const char *name)
{
    return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", name, 0);
}

static bool open_with(const kk_kring *ring, long key, kk_secret *keys)
{
    kk_secret data = {0};
    bool opened = false;
    if (kk_secret_make(&data, KK_KRING_KEY_SIZE, NULL) == KK_OK) {
        long len = syscall(SYS_keyctl, KEYCTL_READ, key, data.ptr, data.capacity);
        data.len = len == KK_KRING_KEY_SIZE ? KK_KRING_KEY_SIZE : 0;
        opened = kk_kring_unlock_data(ring, kk_secret_view(&data), keys, NULL) == KK_OK;
    }
    kk_secret_clean(&data);
    return opened;
}

bool kk_session_find(const kk_keyring_store *store, kk_secret *keys)
{
    char name[NAME_SIZE];
    kk_kring ring = {0};
    bool found = false;
    if (kk_keyring_file_read(store, NULL, &ring, NULL, NULL) == KK_OK) {
        name_key(&ring, name);
        long key = search(name);
        found = key > 0 && open_with(&ring, key, keys);
    }
    kk_kring_clean(&ring);
    return found;
}

static kk_code fail_session(int number, kk_error *err)
{
    char text[128];
    kk_code code = kk_fail(err, KK_ERR_IO, "the kernel's session keyring cannot be used here: %s",
                           strerror_r(number, text, sizeof text));
    kk_fail_hint(err, "containers often forbid it; name the key with KK_KEY_FILE instead");
    return code;
}

kk_code kk_session_keep(const kk_kring *ring, const kk_secret *keys, unsigned seconds,
                        kk_error *err)
{
    char name[NAME_SIZE];
    const kk_kring_keys *inside = (const kk_kring_keys *)keys->ptr;
    name_key(ring, name);
    // By its number: named as the session's, a keyring that is the user's (where nobody logged in)
    // would be replaced by a new one that ends with this process.
    long session = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
    if (session < 0) {
        return fail_session(errno, err);
    }
    long key = syscall(SYS_add_key, "user", name, inside->data, sizeof inside->data, session);
    if (key < 0) {
        return fail_session(errno, err);
    }
    if (syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, key, seconds) != 0 ||
        syscall(SYS_keyctl, KEYCTL_SETPERM, key, PERMISSIONS) != 0) {
        int number = errno;
        syscall(SYS_keyctl, KEYCTL_REVOKE, key);
        return fail_session(number, err);
    }
    return KK_OK;
}

kk_code kk_session_drop(const kk_keyring_store *store, bool *was, kk_error *err)
{
    char name[NAME_SIZE];
    kk_kring ring = {0};
    *was = false;
    kk_code code = kk_keyring_file_read(store, NULL, &ring, NULL, err);
    if (code != KK_OK) {
        return code;
    }
    name_key(&ring, name);
    kk_kring_clean(&ring);
    long key = search(name);
    if (key < 0) {
        return KK_OK;
    }
    *was = true;
    return syscall(SYS_keyctl, KEYCTL_INVALIDATE, key) == 0 ||
                   syscall(SYS_keyctl, KEYCTL_REVOKE, key) == 0
               ? KK_OK
               : fail_session(errno, err);
}
