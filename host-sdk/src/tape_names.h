// The names that the entries of a tape have: none has the name of another.
#ifndef KK_TAPE_NAMES_H
#define KK_TAPE_NAMES_H

#include "tape_private.h"

typedef struct kk_tape_name {
    const char *text; // NULL = an empty slot
    size_t next;      // the least number that may be free behind it
} kk_tape_name;

// Zero is none.
typedef struct kk_tape_names {
    kk_arena arena;
    kk_tape_name *slots; // by hash
    size_t slot_count;   // 0, or a power of two
    size_t count;
} kk_tape_names;

// Notes that a name is taken; again does nothing.  False if memory runs out.
KK_MUST_USE bool kk_tape_names_take(kk_tape_names *self, const char *name);

// Appends [name], or, where it is taken, "name-2" or the first after it that is not, and takes
// that.  [out] is empty.  False if memory runs out.
KK_MUST_USE bool kk_tape_names_make(kk_tape_names *self, const char *name, kk_buf *out);

// Forgets all names.
void kk_tape_names_clean(kk_tape_names *self);

#endif
