// Near names: what somebody probably meant.
#ifndef KK_NEAR_H
#define KK_NEAR_H

#include "str.h"
#include <kk/error.h>

// Writes a list such as "'list_databases', 'list_branches'" of at most three of [names] that are
// close to [wanted], the nearest first, and returns how many there are; writes "" and returns 0 if
// none is close.  Close means that at most a third of the letters differ, or that one holds the
// other.
size_t kk_near(const char *wanted, const char *const *names, size_t count, char *out,
               size_t out_size);

// Adds the hint "did you mean ...?" to a record that was just filled; none if no name is close.  A
// hint that follows is taken only then.
void kk_fail_near(kk_error *err, const char *wanted, const char *const *names, size_t count);

#endif
