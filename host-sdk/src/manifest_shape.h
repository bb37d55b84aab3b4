// What each structure of a manifest holds, as tables for those who walk through it: the copy and
// the packed form.
#ifndef KK_MANIFEST_SHAPE_H
#define KK_MANIFEST_SHAPE_H

#include "manifest.h"

typedef enum kk_member_kind {
    KK_MEMBER_LINE,  // a text without control bytes
    KK_MEMBER_PROSE, // a text that may also hold newlines and tabs
    KK_MEMBER_LIST,  // a NULL-terminated array of lines
    KK_MEMBER_STRUCTS
} kk_member_kind;

typedef struct kk_shape kk_shape;

typedef struct kk_member {
    const char *name;
    size_t offset;
    kk_member_kind kind;
    bool optional;
    const kk_shape *of; // for KK_MEMBER_STRUCTS
} kk_member;

// A structure.  Its first member is the line by which messages call it.
struct kk_shape {
    const char *noun;
    size_t size;        // in this header
    size_t size_min;    // in version 1.0
    size_t size_offset; // of struct_size
    const kk_member *members;
    size_t member_count;
};

// A manifest's `tools` are no member of its table: they are counted, and walked through apart.
extern const kk_shape kk_manifest_shape;
extern const kk_shape kk_tool_shape;
extern const kk_member kk_tools_member;

// Pointers of any type are read and written as bytes, since a table knows only where they are.
const void *kk_member_get(const void *base, size_t offset);
void kk_member_set(void *base, size_t offset, const void *pointer);

// Zeroes all that points anywhere in a structure: members, tools and functions.
void kk_shape_drop_pointers(const kk_shape *of, void *base);

// [size] zeroed bytes that live until kk_chunk_free(*memory), NULL if memory runs out.
void *kk_chunk_take(kk_chunk **memory, size_t size);

#endif
