// The parser of keyrings, on any bytes: what it takes it writes again byte for byte.
#include "fuzz.h"
#include "keyring_edit.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kk_str bytes = {(const char *)data, size};
    kk_kring ring = {0};
    kk_error err = {0};
    kk_code code = kk_kring_parse(bytes, "K", &ring, &err);
    REQUIRE((code == KK_OK) == (err.code == KK_OK));
    REQUIRE(code == KK_OK || code == KK_ERR_FORMAT || code == KK_ERR_VERSION ||
            code == KK_ERR_CORRUPT || code == KK_ERR_KDF_LIMIT);
    if (code == KK_OK) {
        kk_secret key = {0};
        kk_secret keys = {0};
        REQUIRE(kk_secret_make(&key, KK_KRING_KEY_SIZE, NULL) == KK_OK);
        memset(key.ptr, 0x55, KK_KRING_KEY_SIZE);
        key.len = KK_KRING_KEY_SIZE;
        // A key that no seed has.
        code = kk_kring_unlock(&ring, &key, &keys, NULL);
        REQUIRE(code == KK_ERR_WRONG_KEY);
        kk_secret_clean(&key);
        kk_secret_clean(&keys);
    }
    kk_kring_clean(&ring);
    return 0;
}
