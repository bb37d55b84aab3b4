// Values of KosmoKrator: "enc:v1:" and base64 of a nonce, a tag and what secretbox sealed.
#include "fail.h"
#include "secret.h"
#include <kk/keyring.h>
#include <sodium.h>

enum { BOXED_MAX = KK_KEYRING_VALUE_MAX + crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES };

static const char prefix[] = "enc:v1:";

static kk_str trim(kk_str text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL) {
        text.ptr++;
        text.len--;
    }
    return text;
}

// The key is 32 bytes that the file has in base64, or the SHA-256 of whatever text there is.
static kk_code derive(const kk_kosmokrator_key *key, kk_secret *out, kk_error *err)
{
    kk_str text = {key->text, key->text_len};
    kk_secret decoded = {0};
    size_t len = 0;
    kk_code code = kk_secret_make(out, crypto_secretbox_KEYBYTES, err);
    if (code == KK_OK && key->is_file) {
        text = trim(text);
        code = kk_secret_make(&decoded, text.len, err);
    }
    if (code != KK_OK) {
        return code;
    }
    bool is_encoded = key->is_file &&
                      sodium_base642bin(decoded.ptr, decoded.capacity, text.ptr, text.len, "\r\n",
                                        &len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
                      len >= crypto_secretbox_KEYBYTES;
    if (is_encoded) {
        memcpy(out->ptr, decoded.ptr, crypto_secretbox_KEYBYTES);
    } else {
        crypto_hash_sha256(out->ptr, (const unsigned char *)text.ptr, text.len);
    }
    out->len = crypto_secretbox_KEYBYTES;
    kk_secret_clean(&decoded);
    return KK_OK;
}

static kk_code open_box(const kk_secret *key, kk_str boxed, kk_secret *out, kk_error *err)
{
    const unsigned char *nonce = (const unsigned char *)boxed.ptr;
    size_t sealed_len = boxed.len - crypto_secretbox_NONCEBYTES;
    size_t len = sealed_len - crypto_secretbox_MACBYTES;
    kk_code code = kk_secret_make(out, len, err);
    if (code != KK_OK) {
        return code;
    }
    if (crypto_secretbox_open_easy(out->ptr, nonce + crypto_secretbox_NONCEBYTES, sealed_len, nonce,
                                   key->ptr) != 0) {
        code = kk_fail(err, KK_ERR_WRONG_KEY,
                       "a value of KosmoKrator does not open: the key is another, or it was "
                       "altered");
        kk_fail_hint(err, "set KOSMO_CREDENTIAL_KEY if it was set there, or name its key file");
        return code;
    }
    out->len = len;
    out->ptr[len] = '\0';
    return KK_OK;
}

static kk_code decode(kk_str value, kk_secret *out, kk_error *err)
{
    size_t len = 0;
    bool fits = kk_str_starts_with(value, prefix) && value.len < (size_t)BOXED_MAX * 4 / 3 + 16;
    kk_code code = kk_secret_make(out, BOXED_MAX, err);
    if (code == KK_OK && fits) {
        kk_str text = {value.ptr + sizeof prefix - 1, value.len - (sizeof prefix - 1)};
        fits = sodium_base642bin(out->ptr, out->capacity, text.ptr, text.len, NULL, &len, NULL,
                                 sodium_base64_VARIANT_ORIGINAL) == 0;
    }
    out->len = len;
    if (code == KK_OK &&
        (!fits || len <= crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)) {
        code = kk_fail(err, KK_ERR_FORMAT, "a value is not sealed as KosmoKrator does");
    }
    return code;
}

kk_code kk_kosmokrator_open(const kk_kosmokrator_key *key, const char *value, size_t value_len,
                            kk_keyring_use_fn use, void *context, kk_error *err)
{
    kk_secret derived = {0};
    kk_secret boxed = {0};
    kk_secret opened = {0};
    kk_code code = decode((kk_str){value, value_len}, &boxed, err);
    if (code == KK_OK) {
        code = derive(key, &derived, err);
    }
    if (code == KK_OK) {
        code = open_box(&derived, kk_secret_view(&boxed), &opened, err);
    }
    if (code == KK_OK) {
        code = use(context, (const char *)opened.ptr, opened.len, err);
    }
    kk_secret_clean(&opened);
    kk_secret_clean(&boxed);
    kk_secret_clean(&derived);
    return code;
}
