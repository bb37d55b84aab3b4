// What follows the seals of a keyring.  Any bytes get their length, the code and the checksum of
// the data key 00 01 ... 1f first, so that a fuzzer gets past them: it plays who holds the data
// key.
#include "fuzz.h"
#include "keyring_edit.h"
#include "keyring_layout.h"
#include <sodium.h>
#include <string.h>

enum { SIZE_MIN = HEAD_SIZE + TRAILER_SIZE, SIZE_MAX_TRIED = 1 << 16, AT_TOTAL = 12 };

// The keys that come from the known data key.
static const kk_kring_keys *known_keys(void)
{
    static kk_kring_keys keys;
    static bool ready = false;
    if (!ready) {
        static const char context[] = "KRING1__";
        REQUIRE(kk_secret_start(NULL) == KK_OK);
        for (unsigned i = 0; i < KK_KRING_KEY_SIZE; i++) {
            keys.data[i] = (unsigned char)i;
        }
        crypto_kdf_derive_from_key(keys.value, 32, 1, context, keys.data);
        crypto_kdf_derive_from_key(keys.mac, 32, 2, context, keys.data);
        ready = true;
    }
    return &keys;
}

static void seal(char *file, size_t len)
{
    const kk_kring_keys *keys = known_keys();
    kk_kring_write_le(file + AT_TOTAL, len, 4);
    kk_kring_mac(keys, (kk_str){file, len}, (unsigned char *)file + len - TRAILER_SIZE);
    kk_kring_sum((kk_str){file, len}, (unsigned char *)file + len - KK_KRING_MAC_SIZE);
}

// What was opened is written again as it was, and takes changes.
static void use(kk_kring *ring, const kk_secret *keys, kk_str file)
{
    kk_buf again = {.limit = KK_KRING_MAX};
    kk_secret value = {0};
    REQUIRE(kk_kring_write(ring, keys, &again, NULL) == KK_OK);
    REQUIRE(kk_str_equals(kk_buf_view(&again), file));
    for (size_t i = 0; i < ring->record_count; i++) {
        const kk_kring_record *record = &ring->records[i];
        REQUIRE(kk_kring_find(ring, &record->name) == record);
        if (record->name.kind == KK_KRING_VALUE) {
            kk_code code = kk_kring_open_value(ring, keys, record, &value, NULL);
            REQUIRE(code == KK_OK || code == KK_ERR_TAMPERED || code == KK_ERR_FORMAT);
            REQUIRE(code != KK_OK || (value.len >= 1 && value.len <= KK_KRING_VALUE_MAX));
        }
    }
    kk_keyring_value set = {"field", "a value", 7};
    kk_kring parsed = {0};
    if (kk_kring_set(ring, keys, "plugin", "account", &set, 1, 9, NULL) == KK_OK) {
        kk_buf_clear(&again);
        kk_code code = kk_kring_write(ring, keys, &again, NULL);
        REQUIRE(code == KK_OK || code == KK_ERR_TOO_LARGE);
        REQUIRE(code != KK_OK || kk_kring_parse(kk_buf_view(&again), "K", &parsed, NULL) == KK_OK);
        REQUIRE(kk_kring_remove(ring, "plugin", "account", NULL, NULL) == KK_OK);
    }
    kk_kring_clean(&parsed);
    kk_secret_clean(&value);
    kk_buf_clean(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < SIZE_MIN || size > SIZE_MAX_TRIED) {
        return 0;
    }
    char *file = malloc(size);
    kk_kring ring = {0};
    kk_secret keys = {0};
    REQUIRE(file != NULL);
    memcpy(file, data, size);
    seal(file, size);
    kk_str bytes = {file, size};
    kk_code code = kk_kring_parse(bytes, "K", &ring, NULL);
    REQUIRE(code != KK_ERR_CORRUPT);
    if (code == KK_OK) {
        kk_str known = {(const char *)known_keys()->data, KK_KRING_KEY_SIZE};
        REQUIRE(kk_kring_unlock_data(&ring, known, &keys, NULL) == KK_OK);
        use(&ring, &keys, bytes);
    }
    kk_secret_clean(&keys);
    kk_kring_clean(&ring);
    free(file);
    return 0;
}
