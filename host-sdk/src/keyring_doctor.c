// The examination of everything around a keyring, and the mending of permissions.
#include "fail.h"
#include "io.h"
#include "keyring_handle.h"
#include "keyring_session.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kk/keyring.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

extern char **environ;

enum { ENTRIES_MAX = 4096, SHOWN_MAX = 1024 };

typedef struct examination {
    kk_keyring *keyring;
    kk_keyring_tell_fn tell;
    void *context;
    kk_place place; // of the keyring
} examination;

static void KK_PRINTF(4, 5) tell(const examination *self, kk_keyring_state state, const char *about,
                                 const char *format, ...)
{
    char text[SHOWN_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    self->tell(self->context, state, about, text);
}

static void tell_failure(const examination *self, const char *about, const kk_error *why)
{
    tell(self, KK_KEYRING_STATE_PROBLEM, about, "%s%s%s", why->message,
         why->hint[0] != '\0' ? "; " : "", why->hint);
}

// ---- The file

static void examine_system(const examination *self)
{
    struct statfs status;
    if (self->place.dir < 0 || fstatfs(self->place.dir, &status) != 0) {
        return;
    }
    if (status.f_type == NFS_SUPER_MAGIC) {
        tell(self, KK_KEYRING_STATE_NOTE, "place",
             "it lies on NFS, where locks may not work: change it from one machine at a time");
    } else if (status.f_type == TMPFS_MAGIC) {
        tell(self, KK_KEYRING_STATE_NOTE, "place", "it lies in memory and is gone after a restart");
    }
}

static void examine_slots(const examination *self, const kk_kring *ring)
{
    size_t passphrases = 0;
    for (size_t i = 0; i < ring->slot_count; i++) {
        passphrases += ring->slots[i].kind == KK_KRING_SLOT_PASSPHRASE;
    }
    tell(self, KK_KEYRING_STATE_OK, "slots", "%zu of keys and %zu of passphrases open it",
         ring->slot_count - passphrases, passphrases);
    if (ring->slot_count == 1) {
        tell(self, KK_KEYRING_STATE_NOTE, "slots",
             "there is no second way in: 'kk keyring slot add --recovery' makes one");
    }
}

static bool examine_file(const examination *self)
{
    kk_kring ring = {0};
    kk_error why = {0};
    kk_code code = kk_keyring_file_read(&self->keyring->store, NULL, &ring, NULL, &why);
    if (code == KK_OK) {
        tell(self, KK_KEYRING_STATE_OK, "keyring", "'%s' has generation %llu and %zu records",
             self->keyring->store.path, (unsigned long long)ring.generation, ring.record_count);
        examine_slots(self, &ring);
    } else if (code == KK_ERR_NO_KEYRING) {
        tell(self, KK_KEYRING_STATE_NOTE, "keyring", "%s", why.message);
    } else {
        tell_failure(self, "keyring", &why);
    }
    kk_kring_clean(&ring);
    return code == KK_OK;
}

static void examine_key(const examination *self)
{
    kk_key_sources sources = kk_keyring_sources(self->keyring);
    const char *source = kk_key_configured(&sources);
    kk_keyring *keyring = self->keyring;
    kk_secret keys = {0};
    kk_error why = {0};
    if (source == NULL && !kk_session_find(&keyring->store, &keys)) {
        tell(self, KK_KEYRING_STATE_NOTE, "key", "no source of a key is configured");
        return;
    }
    kk_secret_clean(&keys);
    if (source == NULL) {
        source = "the session, until it is locked";
    }
    kk_keyring_ask_fn ask = keyring->ask;
    keyring->ask = NULL;
    kk_code code = kk_keyring_refresh(keyring, &why);
    keyring->ask = ask;
    if (code != KK_OK) {
        tell_failure(self, "key", &why);
        return;
    }
    tell(self, KK_KEYRING_STATE_OK, "key", "%s opens it, and the whole file is verified", source);
}

// ---- Beside the file

static void examine_backup(const examination *self)
{
    char path[SHOWN_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s.bak", self->place.path);
    if (lstat(path, &status) == 0) {
        tell(self, KK_KEYRING_STATE_NOTE, "copy",
             "'%s' has the values of before the last change, of %lld seconds ago", path,
             (long long)((int64_t)kk_keyring_now() - (int64_t)status.st_mtim.tv_sec));
    }
}

static void examine_temporary(const examination *self)
{
    size_t count = 0;
    DIR *dir = opendir(self->place.parent);
    struct dirent *entry = dir != NULL ? readdir(dir) : NULL;
    for (int i = 0; i < ENTRIES_MAX && entry != NULL; i++, entry = readdir(dir)) {
        count += kk_str_starts_with(kk_str_from(entry->d_name), KK_KEYRING_TEMP_PREFIX);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (count > 0) {
        tell(self, KK_KEYRING_STATE_NOTE, "temporary",
             "%zu files of writers that were killed, or that write now; the next change removes "
             "them",
             count);
    }
}

static void examine_pin(const examination *self)
{
    const char *path = self->keyring->store.pin_path;
    if (path == NULL || access(path, F_OK) != 0) {
        tell(self, KK_KEYRING_STATE_NOTE, "pin",
             "no generation is remembered yet, so an old copy would not be noticed");
    } else {
        tell(self, KK_KEYRING_STATE_OK, "pin", "the last generation is remembered in '%s'", path);
    }
}

// ---- The process and its environment

static void examine_process(const examination *self)
{
    struct rlimit core;
    if (kk_secret_is_locked()) {
        tell(self, KK_KEYRING_STATE_OK, "memory", "secrets lie in memory that is not swapped");
    } else {
        tell(self, KK_KEYRING_STATE_PROBLEM, "memory",
             "memory cannot be locked, so that secrets may be swapped: raise 'ulimit -l'");
    }
    bool may_dump = getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur > 1;
    bool open = prctl(PR_GET_DUMPABLE) == 1;
    tell(self, may_dump ? KK_KEYRING_STATE_PROBLEM : KK_KEYRING_STATE_OK, "core",
         "a core %s be written, and this process is %s to debuggers of this user",
         may_dump ? "would" : "would not", open ? "open" : "closed");
}

static void examine_variables(const examination *self)
{
    static const char *const prefixes[] = {"KK_CRED__", "KK_ACCOUNT_"};
    for (char **variable = environ; self->keyring->environment && *variable != NULL; variable++) {
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
            if (kk_str_starts_with(kk_str_from(*variable), prefixes[i])) {
                tell(self, KK_KEYRING_STATE_NOTE, "override",
                     "%.*s is set and goes before what is stored", (int)strcspn(*variable, "="),
                     *variable);
            }
        }
    }
}

kk_code kk_keyring_examine(kk_keyring *keyring, kk_keyring_tell_fn told, void *context,
                           kk_error *err)
{
    examination self = {.keyring = keyring, .tell = told, .context = context, .place = {.dir = -1}};
    int number = kk_place_open(&self.place, keyring->store.io, keyring->store.path, true);
    if (number == ENOMEM) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for the examination");
    }
    bool readable = examine_file(&self);
    if (readable) {
        examine_system(&self);
        examine_key(&self);
        examine_pin(&self);
        examine_backup(&self);
        examine_temporary(&self);
    }
    examine_process(&self);
    examine_variables(&self);
    kk_place_close(&self.place, keyring->store.io);
    return KK_OK;
}

// ---- Mending

// Takes from group and others what they have of a file of ours; counts it.
static void tighten(int dir, const char *name, mode_t unwanted, size_t *mended)
{
    struct stat status;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & unwanted) != 0 &&
        (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)) &&
        fchmod(fd, status.st_mode & 07777 & ~unwanted) == 0) {
        (*mended)++;
    }
    close(fd);
}

kk_code kk_keyring_mend(kk_keyring *keyring, size_t *mended, kk_error *err)
{
    kk_place place = {.dir = -1};
    char backup[SHOWN_MAX];
    *mended = 0;
    int number = kk_place_open(&place, keyring->store.io, keyring->store.path, true);
    if (number != 0) {
        return kk_io_fail(err, number, "open the directory of", keyring->store.path);
    }
    snprintf(backup, sizeof backup, "%s.bak", place.name);
    tighten(place.dir, ".", 0022, mended);
    tighten(place.dir, place.name, 0077, mended);
    tighten(place.dir, backup, 0077, mended);
    tighten(place.dir, KK_KEYRING_LOCK_NAME, 0077, mended);
    kk_place_close(&place, keyring->store.io);
    if (keyring->store.pin_path != NULL) {
        tighten(AT_FDCWD, keyring->store.pin_path, 0077, mended);
    }
    const char *key_file = kk_config_key_file(keyring->config);
    if (key_file != NULL) {
        tighten(AT_FDCWD, key_file, 0077, mended);
    }
    return KK_OK;
}
