// Memory that is taken in small pieces and freed at once.
#include "tape_private.h"
#include <stdalign.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 16 * 1024, LARGE = 4 * 1024 };

struct kk_arena_chunk {
    kk_arena_chunk *next;
    size_t size;
    alignas(max_align_t) char bytes[];
};

static kk_arena_chunk *new_chunk(size_t size)
{
    kk_arena_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (chunk != NULL) {
        chunk->size = size;
    }
    return chunk;
}

// A large piece goes behind the first chunk, which stays in use.
static void *take_large(kk_arena *self, size_t len)
{
    kk_arena_chunk *chunk = new_chunk(len);
    if (chunk == NULL) {
        return NULL;
    }
    if (self->chunks == NULL) {
        self->chunks = chunk;
        return chunk->bytes;
    }
    chunk->next = self->chunks->next;
    self->chunks->next = chunk;
    return chunk->bytes;
}

void *kk_arena_take(kk_arena *self, size_t len)
{
    size_t unit = alignof(max_align_t);
    len = (len + unit - 1) / unit * unit;
    if (len >= LARGE) {
        return take_large(self, len);
    }
    if (len > self->left) {
        kk_arena_chunk *chunk = new_chunk(CHUNK_SIZE);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->next = self->chunks;
        self->chunks = chunk;
        self->left = CHUNK_SIZE;
    }
    char *piece = self->chunks->bytes + (self->chunks->size - self->left);
    self->left -= len;
    return piece;
}

char *kk_arena_copy(kk_arena *self, kk_str view)
{
    char *copy = kk_arena_take(self, view.len + 1);
    if (copy != NULL && view.len > 0) {
        memcpy(copy, view.ptr, view.len);
    }
    return copy;
}

kk_str kk_arena_keep(kk_arena *self, kk_buf *buf)
{
    const char *copy = buf->failed == KK_OK ? kk_arena_copy(self, kk_buf_view(buf)) : NULL;
    kk_str kept = {copy, copy != NULL ? buf->len : 0};
    kk_buf_clear(buf);
    return kept;
}

void kk_arena_clean(kk_arena *self)
{
    while (self->chunks != NULL) {
        kk_arena_chunk *chunk = self->chunks;
        self->chunks = chunk->next;
        free(chunk);
    }
    self->left = 0;
}
