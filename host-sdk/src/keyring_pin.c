// The pin: reading, comparing and replacing the note of the last commit.
#include "keyring_pin.h"
#include "config.h"
#include "fail.h"
#include "keyring_file.h"
#include "keyring_layout.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

// Where the same things are in the head of a keyring.
enum { HEAD_AT_ID = 32, HEAD_AT_EPOCH = 48, HEAD_AT_GENERATION = 56 };

enum {
    PIN_AT_ID = 8,
    PIN_AT_EPOCH = PIN_AT_ID + KK_KRING_ID_SIZE,
    PIN_AT_GENERATION = PIN_AT_EPOCH + 8,
    PIN_AT_MAC = PIN_AT_GENERATION + 8
};

_Static_assert(PIN_AT_MAC + KK_KRING_MAC_SIZE == KK_PIN_SEALED_SIZE, "the pin's layout");

static const unsigned char magic[PIN_AT_ID] = {0x89, 'K', 'P', 'I', 'N', '\r', '\n', 1};

static void seal(const unsigned char *pin, const kk_secret *keys,
                 unsigned char out[KK_KRING_MAC_SIZE])
{
    static const char purpose[] = "KRING1/pin";
    const kk_kring_keys *inside = (const kk_kring_keys *)keys->ptr;
    crypto_generichash_state state;
    crypto_generichash_init(&state, inside->pin, sizeof inside->pin, KK_KRING_MAC_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)purpose, sizeof purpose - 1);
    crypto_generichash_update(&state, pin, KK_PIN_SEALED_SIZE);
    crypto_generichash_final(&state, out, KK_KRING_MAC_SIZE);
    sodium_memzero(&state, sizeof state);
}

// ---- Reading

static void parse(const unsigned char *bytes, size_t len, kk_pin *out)
{
    if (len != KK_PIN_SIZE || memcmp(bytes, magic, sizeof magic) != 0) {
        return;
    }
    out->present = true;
    out->epoch = kk_kring_read_le((const char *)bytes + PIN_AT_EPOCH, 8);
    out->generation = kk_kring_read_le((const char *)bytes + PIN_AT_GENERATION, 8);
    memcpy(out->bytes, bytes, KK_PIN_SIZE);
}

static kk_code read_at(const kk_io *io, const kk_place *place, kk_pin *out, kk_error *err)
{
    int fd = -1;
    struct stat status;
    bool absent = false;
    kk_code code = kk_place_read(place, io, KK_TRUST_PRIVATE, &fd, &status, &absent, err);
    if (code != KK_OK || absent) {
        return code;
    }
    // One byte more than a pin, so that a longer file is seen to be longer.
    unsigned char bytes[KK_PIN_SIZE + 1];
    size_t len = 0;
    int number = kk_io_read(io, fd, bytes, sizeof bytes, &len);
    io->close(fd);
    if (number != 0) {
        return kk_io_fail(err, number, "read", place->path);
    }
    parse(bytes, len, out);
    return KK_OK;
}

kk_code kk_pin_read(const kk_io *io, const char *path, kk_pin *out, kk_error *err)
{
    kk_place place = {.dir = -1};
    *out = (kk_pin){.present = false};
    int number = path != NULL ? kk_place_open(&place, io, path, true) : ENOENT;
    if (number == ENOENT) {
        return KK_OK;
    }
    if (number != 0) {
        return kk_io_fail(err, number, "open the directory of", path);
    }
    kk_code code = read_at(io, &place, out, err);
    kk_place_close(&place, io);
    return code;
}

// ---- Comparing

static void hint_ack(kk_error *err)
{
    kk_fail_hint(err, "if you put this file there yourself, say 'kk keyring ack'; else find out "
                      "who did, and bring the right one back");
}

static kk_code fail_rollback(const kk_pin *self, const kk_kring *ring, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_ROLLBACK,
                           "'%s' is an old copy: it has the generation %llu, and the one seen last "
                           "had %llu",
                           ring->path, (unsigned long long)ring->generation,
                           (unsigned long long)self->generation);
    hint_ack(err);
    return code;
}

static kk_code fail_fork(const kk_kring *ring, const char *how, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_FORK, "'%s' %s", ring->path, how);
    hint_ack(err);
    return code;
}

// A pin from before a new data key, or from after it, was sealed with a key that is not here.
static bool is_sealed(const kk_pin *self, const kk_kring *ring, const kk_secret *keys)
{
    unsigned char wanted[KK_KRING_MAC_SIZE];
    if (self->epoch != ring->epoch) {
        return true;
    }
    seal(self->bytes, keys, wanted);
    return sodium_memcmp(wanted, self->bytes + KK_PIN_SEALED_SIZE, sizeof wanted) == 0;
}

kk_code kk_pin_check(const kk_pin *self, const char *pin_path, const kk_kring *ring,
                     const kk_secret *keys, kk_error *err)
{
    if (!self->present) {
        return KK_OK;
    }
    if (memcmp(self->bytes + PIN_AT_ID, ring->id, sizeof ring->id) != 0) {
        return fail_fork(ring, "is another keyring than the one seen last", err);
    }
    if (!is_sealed(self, ring, keys)) {
        kk_code code = kk_fail(err, KK_ERR_TAMPERED,
                               "the note of the last generation, '%s', was changed by someone "
                               "without the key",
                               pin_path);
        kk_fail_hint(err, "find out who can write it, look at what the keyring holds, and then say "
                          "'kk keyring ack'");
        return code;
    }
    if (ring->epoch < self->epoch || ring->generation < self->generation) {
        return fail_rollback(self, ring, err);
    }
    const char *mac = ring->file.ptr + ring->file.len - TRAILER_SIZE;
    if (ring->generation == self->generation &&
        sodium_memcmp(mac, self->bytes + PIN_AT_MAC, KK_KRING_MAC_SIZE) != 0) {
        return fail_fork(ring, "has the generation seen last, with other content", err);
    }
    return KK_OK;
}

// ---- Replacing

static int write_temp(const kk_io *io, int dir, const char *temp, kk_str bytes)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = io->open(dir, temp, flags, 0600);
    if (fd < 0) {
        return errno;
    }
    int number = kk_io_write(io, fd, bytes);
    if (io->close(fd) != 0 && number == 0) {
        number = errno;
    }
    return number;
}

static int replace(const kk_io *io, const kk_place *place, kk_str bytes)
{
    char temp[KK_IO_TEMP_NAME_SIZE];
    kk_io_temp_name(KK_KEYRING_TEMP_PREFIX, temp);
    int number = write_temp(io, place->dir, temp, bytes);
    if (number == 0 && io->rename(place->dir, temp, place->name) != 0) {
        number = errno;
    }
    if (number != 0) {
        io->unlink(place->dir, temp);
    }
    return number;
}

static void make(kk_str file, const kk_secret *keys, unsigned char out[KK_PIN_SIZE])
{
    memcpy(out, magic, sizeof magic);
    memcpy(out + PIN_AT_ID, file.ptr + HEAD_AT_ID, KK_KRING_ID_SIZE);
    memcpy(out + PIN_AT_EPOCH, file.ptr + HEAD_AT_EPOCH, 8);
    memcpy(out + PIN_AT_GENERATION, file.ptr + HEAD_AT_GENERATION, 8);
    memcpy(out + PIN_AT_MAC, file.ptr + file.len - TRAILER_SIZE, KK_KRING_MAC_SIZE);
    seal(out, keys, out + KK_PIN_SEALED_SIZE);
}

kk_code kk_pin_write(const kk_io *io, const char *path, kk_str file, const kk_secret *keys,
                     kk_error *err)
{
    kk_place place = {.dir = -1};
    unsigned char bytes[KK_PIN_SIZE];
    int number = kk_place_open(&place, io, path, true);
    if (number == ENOENT) {
        kk_code code = kk_config_make_parent(path, err);
        if (code != KK_OK) {
            return code;
        }
        number = kk_place_open(&place, io, path, true);
    }
    if (number == 0) {
        make(file, keys, bytes);
        number = replace(io, &place, (kk_str){(const char *)bytes, sizeof bytes});
    }
    kk_place_close(&place, io);
    return number == 0 ? KK_OK : kk_io_fail(err, number, "write", path);
}

kk_code kk_pin_remove(const kk_io *io, const char *path, kk_error *err)
{
    kk_place place = {.dir = -1};
    int number = kk_place_open(&place, io, path, true);
    if (number == 0 && io->unlink(place.dir, place.name) != 0) {
        number = errno;
    }
    if (number == 0 && io->sync(place.dir) != 0) {
        number = errno;
    }
    kk_place_close(&place, io);
    return number == 0 || number == ENOENT ? KK_OK : kk_io_fail(err, number, "remove", path);
}
