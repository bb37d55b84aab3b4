// What the rules found, kept and written.
#ifndef KK_CHECK_OUTCOME_H
#define KK_CHECK_OUTCOME_H

#include "check_run.h"

check_outcome *check_outcome_new(void); // NULL without memory

// A finding of a rule.  More than CHECK_FINDINGS_MAX of one rule are counted alone.
void check_outcome_add(check_outcome *self, size_t rule, const char *found);

// The rule was not run, and why.  With [refused] it is the plugin's fault, which then cannot pass.
void check_outcome_skip(check_outcome *self, size_t rule, bool refused, const char *why);

// Nothing can be said of the plugin at all, and the first reason for it, "" where there is none.
void check_outcome_break(check_outcome *self, const char *why);
const char *check_outcome_broken(const check_outcome *self);

// The id of a rule whose findings keep [rule] from saying anything, or NULL.
const char *check_outcome_blocks(const check_outcome *self, size_t rule);

#endif
