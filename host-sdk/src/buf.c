// Bytes that grow up to a ceiling.
#include "buf.h"
#include "fail.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool grow_to(kk_buf *self, size_t needed)
{
    size_t capacity = self->capacity < 64 ? 64 : self->capacity;
    while (capacity < needed) {
        capacity += capacity / 2;
    }
    char *grown = realloc(self->ptr, capacity);
    if (grown == NULL) {
        self->failed = KK_ERR_INTERNAL;
        return false;
    }
    self->ptr = grown;
    self->capacity = capacity;
    self->ptr[self->len] = '\0';
    return true;
}

char *kk_buf_reserve(kk_buf *self, size_t len)
{
    if (self->failed != KK_OK) {
        return NULL;
    }
    if (len > self->limit - self->len) {
        self->failed = KK_ERR_TOO_LARGE;
        return NULL;
    }
    size_t needed = self->len + len + 1;
    if (needed > self->capacity && !grow_to(self, needed)) {
        return NULL;
    }
    return self->ptr + self->len;
}

void kk_buf_grow(kk_buf *self, size_t len)
{
    self->len += len;
    self->ptr[self->len] = '\0';
}

void kk_buf_append(kk_buf *self, const void *bytes, size_t len)
{
    char *room = kk_buf_reserve(self, len);
    if (room == NULL) {
        return;
    }
    if (len > 0) {
        memcpy(room, bytes, len);
    }
    kk_buf_grow(self, len);
}

void kk_buf_append_str(kk_buf *self, kk_str view)
{
    kk_buf_append(self, view.ptr, view.len);
}

void kk_buf_append_text(kk_buf *self, const char *text)
{
    kk_buf_append(self, text, strlen(text));
}

void kk_buf_append_byte(kk_buf *self, char byte)
{
    kk_buf_append(self, &byte, 1);
}

void kk_buf_append_format(kk_buf *self, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = len < 0 ? NULL : kk_buf_reserve(self, (size_t)len);
    if (room == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(room, (size_t)len + 1, format, args);
    va_end(args);
    kk_buf_grow(self, (size_t)len);
}

void kk_buf_shrink(kk_buf *self, size_t len)
{
    if (self->ptr == NULL) {
        return; // nothing was appended yet
    }
    self->len = len;
    self->ptr[len] = '\0';
}

void kk_buf_clear(kk_buf *self)
{
    self->len = 0;
    self->failed = KK_OK;
    if (self->ptr != NULL) {
        self->ptr[0] = '\0';
    }
}

kk_str kk_buf_view(const kk_buf *self)
{
    return (kk_str){self->ptr, self->len};
}

const char *kk_buf_text(const kk_buf *self)
{
    return self->ptr != NULL ? self->ptr : "";
}

kk_code kk_buf_check(const kk_buf *self, const char *what, kk_error *err)
{
    switch (self->failed) {
    case KK_OK:
        return KK_OK;
    case KK_ERR_TOO_LARGE:
        return kk_fail(err, KK_ERR_TOO_LARGE, "%s is longer than %zu bytes", what, self->limit);
    default:
        return kk_fail(err, KK_ERR_INTERNAL, "out of memory for %s", what);
    }
}

char *kk_buf_steal(kk_buf *self)
{
    kk_buf_append(self, NULL, 0);
    if (self->failed != KK_OK) {
        return NULL;
    }
    char *stolen = self->ptr;
    *self = (kk_buf){.limit = self->limit};
    return stolen;
}

void kk_buf_clean(kk_buf *self)
{
    free(self->ptr);
    *self = (kk_buf){.limit = self->limit};
}
