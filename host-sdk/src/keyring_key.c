// Keys of a keyring: their text and their files.
#include "keyring_key.h"
#include "fail.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    CHECK_SIZE = 4,
    ENCODED_SIZE = KK_KRING_KEY_SIZE + CHECK_SIZE,
    WINNER_TRIES = 400,
    SWEPT_AGE_S = 60
};

static const char prefix[] = "KRKEY1-";

// ---- Text

static void checksum(const unsigned char *key, unsigned char out[CHECK_SIZE])
{
    unsigned char sum[KK_KRING_KEY_SIZE];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof sum);
    crypto_generichash_update(&state, (const unsigned char *)"KRKEY1", 6);
    crypto_generichash_update(&state, key, KK_KRING_KEY_SIZE);
    crypto_generichash_final(&state, sum, sizeof sum);
    memcpy(out, sum, CHECK_SIZE);
    sodium_memzero(sum, sizeof sum);
    sodium_memzero(&state, sizeof state);
}

kk_code kk_key_make(kk_secret *out, kk_error *err)
{
    kk_code code = kk_secret_make(out, KK_KRING_KEY_SIZE, err);
    if (code != KK_OK) {
        return code;
    }
    kk_random(out->ptr, KK_KRING_KEY_SIZE);
    out->len = KK_KRING_KEY_SIZE;
    return KK_OK;
}

static kk_code fail_syntax(const char *source, const char *why, kk_error *err)
{
    kk_code code = kk_fail(err, KK_ERR_KEY_SYNTAX, "%s does not hold a key: %s", source, why);
    kk_fail_hint(err, "a key is the text KRKEY1-... of %d characters that 'kk keyring init' shows",
                 KK_KEY_TEXT_LEN);
    return code;
}

kk_code kk_key_parse(kk_str text, const char *source, kk_secret *out, kk_error *err)
{
    unsigned char decoded[ENCODED_SIZE];
    unsigned char check[CHECK_SIZE];
    size_t len = 0;
    if (text.len == 0) {
        return fail_syntax(source, "it is empty", err);
    }
    if (!kk_str_starts_with(text, prefix)) {
        return fail_syntax(source, "it does not begin with KRKEY1-", err);
    }
    if (text.len != KK_KEY_TEXT_LEN) {
        return fail_syntax(source, "its length is wrong", err);
    }
    size_t skip = sizeof prefix - 1;
    int failed = sodium_base642bin(decoded, sizeof decoded, text.ptr + skip, text.len - skip, NULL,
                                   &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (failed == 0 && len == sizeof decoded) {
        checksum(decoded, check);
        failed = sodium_memcmp(check, decoded + KK_KRING_KEY_SIZE, sizeof check);
    }
    kk_code code = KK_OK;
    if (failed != 0 || len != sizeof decoded) {
        code = fail_syntax(source, "a character is wrong (the checksum does not fit)", err);
    }
    if (code == KK_OK) {
        code = kk_secret_make(out, KK_KRING_KEY_SIZE, err);
    }
    if (code == KK_OK) {
        code = kk_secret_append(out, decoded, KK_KRING_KEY_SIZE, err);
    }
    sodium_memzero(decoded, sizeof decoded);
    return code;
}

void kk_key_format(const kk_secret *key, char out[KK_KEY_TEXT_SIZE])
{
    assert(key->len == KK_KRING_KEY_SIZE);
    unsigned char encoded[ENCODED_SIZE];
    memcpy(encoded, key->ptr, KK_KRING_KEY_SIZE);
    checksum(key->ptr, encoded + KK_KRING_KEY_SIZE);
    memcpy(out, prefix, sizeof prefix);
    sodium_bin2base64(out + sizeof prefix - 1, KK_KEY_TEXT_SIZE - (sizeof prefix - 1), encoded,
                      sizeof encoded, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(encoded, sizeof encoded);
}

// ---- Files

kk_code kk_key_parse_file(kk_str bytes, const char *source, kk_secret *out, kk_error *err)
{
    if (bytes.len == KK_KRING_KEY_SIZE) {
        kk_code code = kk_secret_make(out, KK_KRING_KEY_SIZE, err);
        return code == KK_OK ? kk_secret_append(out, bytes.ptr, bytes.len, err) : code;
    }
    if (!kk_str_starts_with(bytes, prefix)) {
        kk_code code = kk_fail(err, KK_ERR_KEY_SYNTAX,
                               "%s has neither exactly 32 bytes nor one KRKEY1 line", source);
        kk_fail_hint(err, "give what 'kk keyring init' made; a passphrase is no key");
        return code;
    }
    if (bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\n') {
        bytes.len--;
    }
    if (bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\r') {
        bytes.len--;
    }
    return kk_key_parse(bytes, source, out, err);
}

// Fills [out] with the file at a place, which is longer than its room if the room is full.
static kk_code read_bytes(const kk_io *io, const kk_place *place, kk_secret *out, bool *absent,
                          kk_error *err)
{
    int fd = -1;
    struct stat status;
    kk_code code = kk_place_read(place, io, KK_TRUST_KEY, &fd, &status, absent, err);
    if (code != KK_OK || *absent) {
        return code;
    }
    size_t len = 0;
    int number = kk_io_read(io, fd, out->ptr, out->capacity, &len);
    if (number != 0) {
        code = kk_io_fail(err, number, "read", place->path);
    }
    out->len = number == 0 ? len : 0;
    io->close(fd);
    return code;
}

static kk_code read_key(const kk_io *io, const kk_place *place, kk_secret *out, bool *absent,
                        kk_error *err)
{
    // Longer than a key by more than a line's end, so that a longer file is seen to be longer.
    kk_secret bytes = {0};
    kk_code code = kk_secret_make(&bytes, KK_KEY_TEXT_LEN + 4, err);
    if (code == KK_OK) {
        code = read_bytes(io, place, &bytes, absent, err);
    }
    if (code == KK_OK && !*absent) {
        char source[512];
        snprintf(source, sizeof source, "the key file '%s'", place->path);
        code = kk_key_parse_file(kk_secret_view(&bytes), source, out, err);
    }
    kk_secret_clean(&bytes);
    return code;
}

// Reads the file at [path] with [read].
static kk_code read_at(const kk_io *io, const char *path,
                       kk_code (*read)(const kk_io *, const kk_place *, kk_secret *, bool *,
                                       kk_error *),
                       kk_secret *out, bool *absent, kk_error *err)
{
    kk_place place = {.dir = -1};
    int number = kk_place_open(&place, io, path, false);
    if (number == ENOENT) {
        *absent = true;
        return KK_OK;
    }
    if (number != 0) {
        return kk_io_fail(err, number, "open the directory of", path);
    }
    kk_code code = read(io, &place, out, absent, err);
    kk_place_close(&place, io);
    return code;
}

kk_code kk_key_file_read(const kk_io *io, const char *path, kk_secret *out, bool *absent,
                         kk_error *err)
{
    return read_at(io, path, read_key, out, absent, err);
}

kk_code kk_key_file_bytes(const kk_io *io, const char *path, kk_secret *out, bool *absent,
                          kk_error *err)
{
    return read_at(io, path, read_bytes, out, absent, err);
}

// Writes [text] into a file that has no name yet, and then names it.
static int publish_unnamed(const kk_io *io, const kk_place *place, kk_str text)
{
    int fd = io->open(place->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno;
    }
    int number = io->chmod(fd, 0600) != 0 ? errno : 0;
    if (number == 0) {
        number = kk_io_write(io, fd, text);
    }
    if (number == 0 && io->sync(fd) != 0) {
        number = errno;
    }
    if (number == 0 && io->publish(fd, place->dir, place->name) != 0) {
        number = errno;
    }
    io->close(fd);
    return number;
}

// The same where a file must have a name from the start.
static int publish_named(const kk_io *io, const kk_place *place, kk_str text)
{
    static const char prefix_temp[] = ".kk-key.tmp.";
    char temp[KK_IO_TEMP_NAME_SIZE];
    kk_io_sweep(io, place->dir, prefix_temp, SWEPT_AGE_S);
    kk_io_temp_name(prefix_temp, temp);
    int number = kk_io_write_new(io, place->dir, temp, text);
    if (number != 0) {
        return number;
    }
    number = io->link(place->dir, temp, place->name) != 0 ? errno : 0;
    io->unlink(place->dir, temp);
    return number;
}

// EEXIST if another process was first.
static int publish_key(const kk_io *io, const kk_place *place, const kk_secret *key)
{
    char text[KK_KEY_TEXT_SIZE + 1];
    kk_key_format(key, text);
    text[KK_KEY_TEXT_LEN] = '\n';
    kk_str line = {text, KK_KEY_TEXT_LEN + 1};
    int number = publish_unnamed(io, place, line);
    if (number == EOPNOTSUPP || number == EISDIR || number == EINVAL || number == ENOENT) {
        number = publish_named(io, place, line);
    }
    if (number == 0 && io->sync(place->dir) != 0) {
        number = errno;
    }
    kk_wipe(text, sizeof text);
    return number;
}

// Another process that publishes by link has for a moment two names for the file.
static kk_code read_winner(const kk_io *io, const kk_place *place, kk_secret *out, kk_error *err)
{
    static const struct timespec pause = {.tv_nsec = 5000000};
    bool absent = false;
    for (int i = 0; i < WINNER_TRIES; i++) {
        if (read_key(io, place, out, &absent, NULL) == KK_OK && !absent) {
            return KK_OK;
        }
        nanosleep(&pause, NULL);
    }
    kk_code code = read_key(io, place, out, &absent, err);
    if (code == KK_OK && absent) {
        return kk_fail(err, KK_ERR_IO, "the key file '%s' was removed while it was made",
                       place->path);
    }
    return code;
}

static bool has_two_names(const kk_io *io, const kk_place *place)
{
    struct stat status;
    int fd = io->open(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
    bool two = fd >= 0 && io->stat(fd, &status) == 0 && status.st_nlink == 2;
    if (fd >= 0) {
        io->close(fd);
    }
    return two;
}

// Until another process that is just publishing the file has taken the first of its names away.
static void wait_for_publisher(const kk_io *io, const kk_place *place)
{
    static const struct timespec pause = {.tv_nsec = 5000000};
    for (int i = 0; i < WINNER_TRIES && has_two_names(io, place); i++) {
        nanosleep(&pause, NULL);
    }
}

static kk_code make_in(const kk_io *io, const kk_place *place, kk_secret *out, kk_error *err)
{
    bool absent = false;
    kk_secret made = {0};
    kk_code code = read_key(io, place, out, &absent, NULL);
    if (code != KK_OK) {
        wait_for_publisher(io, place);
        code = read_key(io, place, out, &absent, err);
    }
    if (code != KK_OK || !absent) {
        return code;
    }
    code = kk_key_make(&made, err);
    if (code != KK_OK) {
        return code;
    }
    int number = publish_key(io, place, &made);
    if (number == EEXIST) {
        kk_secret_clean(&made);
        return read_winner(io, place, out, err);
    }
    if (number != 0) {
        kk_secret_clean(&made);
        return kk_io_fail(err, number, "write the key file", place->path);
    }
    kk_secret_clean(out);
    *out = made;
    return KK_OK;
}

kk_code kk_key_file_make(const kk_io *io, const char *path, kk_secret *out, kk_error *err)
{
    kk_place place = {.dir = -1};
    int number = kk_place_open(&place, io, path, false);
    if (number != 0) {
        return kk_io_fail(err, number, "open the directory of", path);
    }
    kk_code code = make_in(io, &place, out, err);
    kk_place_close(&place, io);
    return code;
}
