// Secret bytes in libsodium's guarded memory.
#include "secret.h"
#include "fail.h"
#include <sodium.h>

kk_code kk_secret_start(kk_error *err)
{
    if (sodium_init() < 0) {
        return kk_fail(err, KK_ERR_INTERNAL, "libsodium could not be started");
    }
    return KK_OK;
}

kk_code kk_secret_make(kk_secret *self, size_t capacity, kk_error *err)
{
    kk_secret_clean(self);
    kk_code code = kk_secret_start(err);
    if (code != KK_OK) {
        return code;
    }
    unsigned char *memory = sodium_malloc(capacity + 1);
    if (memory == NULL) {
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for %zu secret bytes", capacity);
    }
    memory[0] = '\0';
    *self = (kk_secret){.ptr = memory, .capacity = capacity};
    return KK_OK;
}

kk_code kk_secret_append(kk_secret *self, const void *bytes, size_t len, kk_error *err)
{
    if (len > self->capacity - self->len) {
        return kk_fail(err, KK_ERR_TOO_LARGE, "a secret is longer than %zu bytes", self->capacity);
    }
    if (len == 0) {
        return KK_OK;
    }
    memcpy(self->ptr + self->len, bytes, len);
    self->len += len;
    self->ptr[self->len] = '\0';
    return KK_OK;
}

kk_str kk_secret_view(const kk_secret *self)
{
    return (kk_str){(const char *)self->ptr, self->len};
}

void kk_secret_clean(kk_secret *self)
{
    sodium_free(self->ptr);
    *self = (kk_secret){0};
}

void kk_wipe(void *bytes, size_t len)
{
    if (len > 0) {
        sodium_memzero(bytes, len);
    }
}

void kk_random(void *bytes, size_t len)
{
    randombytes_buf(bytes, len);
}
