// Running the rules of kk/check.h, each in a child of its own, and telling what they found.
#ifndef KK_CHECK_RUN_H
#define KK_CHECK_RUN_H

#include "cmd.h"
#include <kk/check.h>

enum { CHECK_RULES_MAX = 128, CHECK_LIMIT_MS = 30000, CHECK_FINDINGS_MAX = 100 };

typedef struct check_plan {
    kk_check_subject subject;
    int strictness;    // 1 to 3: rules of a higher severity number do not count
    uint32_t limit_ms; // what each rule gets
    bool in_process;   // no children: for a debugger
    bool skipped[CHECK_RULES_MAX];
} check_plan;

typedef struct check_outcome check_outcome;

// Runs the rules in their order.  A child that crashes, ends by itself or does not end is a finding
// of its rule; a rule that needs what another one has refused is not run.
// *out is new: for check_outcome_free().
// Errors: KK_ERR_USAGE where a rule could not be run for a reason that is not the plugin's, such as
// a missing worker; KK_ERR_INTERNAL.
KK_MUST_USE kk_code check_run_all(const check_plan *plan, check_outcome **out, kk_error *err);
void check_outcome_free(check_outcome *self);

// Writes what was found, and returns whether the plugin passes.
bool check_write_outcome(const check_plan *plan, const check_outcome *outcome, bool json,
                         kk_buf *out);

// Writes the rules as Markdown: the section of docs/plugin-abi.md.
void check_write_rules(kk_buf *out);

#endif
