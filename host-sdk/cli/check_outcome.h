// What the rules found, kept and written.
#ifndef KK_CHECK_OUTCOME_H
#define KK_CHECK_OUTCOME_H

#include "check_run.h"

check_outcome *check_outcome_new(void); // NULL without memory

// A finding of a rule.  More than CHECK_FINDINGS_MAX of one rule are counted alone.
void check_outcome_add(check_outcome *self, size_t rule, const char *found);

// The rule was not run, and why.
void check_outcome_skip(check_outcome *self, size_t rule, const char *why);

// The id of a rule whose findings keep [rule] from saying anything, or NULL.
const char *check_outcome_blocks(const check_outcome *self, size_t rule);

#endif
