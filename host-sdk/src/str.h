// A view of bytes that somebody else owns.
//
// A kk_str is passed by value and never freed.  It need not end in NUL and may hold NUL; an empty
// one may have a NULL pointer.
#ifndef KK_STR_H
#define KK_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct kk_str {
    const char *ptr;
    size_t len;
} kk_str;

// The view of a string literal, for example KK_STR("GET").
#define KK_STR(literal) ((kk_str){("" literal), sizeof(literal) - 1})

// For printf: `"%.*s", KK_STR_ARG(view)`.
#define KK_STR_ARG(view) (int)(view).len, (view).ptr

// The view of a NUL-terminated text; empty for NULL.
static inline kk_str kk_str_from(const char *text)
{
    return (kk_str){text, text != NULL ? strlen(text) : 0};
}

static inline bool kk_str_equals(kk_str a, kk_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool kk_str_is(kk_str a, const char *text)
{
    return kk_str_equals(a, kk_str_from(text));
}

static inline bool kk_str_starts_with(kk_str a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && (len == 0 || memcmp(a.ptr, prefix, len) == 0);
}

#endif
