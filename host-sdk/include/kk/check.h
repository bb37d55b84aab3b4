// kk/check.h - the rules of kk/plugin.h as checks that a program can run on a plugin's file.
//
// `kk plugin check` is made of it, and so can be the build of a plugin or the intake of a store.
// Every rule has a number that is never reused, KKP-001 and so on; docs/plugin-abi.md has a
// paragraph on each.
//
//     for (size_t i = 0; i < kk_check_rule_count(); i++) {
//         code = kk_check_run(i, &subject, note_finding, context, &err);
//     }
//
// A rule that looks at behaviour runs the plugin's code in the calling process, which may crash,
// hang, or be left with another working directory.  So run each in a child of its own, as `kk`
// does: a child that does not come back is a finding of that rule.
//
// SPDX-License-Identifier: MIT
#ifndef KK_CHECK_H
#define KK_CHECK_H

#include <kk/error.h>

#ifdef __cplusplus
extern "C" {
#endif

// The strictness at which a rule counts.
#define KK_CHECK_ERROR 1   // a host refuses it, or something breaks
#define KK_CHECK_WARNING 2 // works, and will hurt somebody
#define KK_CHECK_ADVICE 3  // could be better for those who use it

// What has to have passed before a rule says something of the plugin.
#define KK_CHECK_NEEDS_NOTHING 0 // the stages of loading, in their order: each needs those before
#define KK_CHECK_NEEDS_LOAD 1    // all stages
#define KK_CHECK_NEEDS_RETURN 2  // also: its tools come back

typedef struct kk_check_rule {
    const char *id;   // "KKP-021"
    const char *name; // "extra_export"
    int severity;     // KK_CHECK_ERROR, KK_CHECK_WARNING, KK_CHECK_ADVICE
    int needs;        // KK_CHECK_NEEDS_*
    const char *text; // what has to hold, one sentence
    const char *rationale;
    const char *mend; // what to do about it
} kk_check_rule;

// What is checked.
typedef struct kk_check_subject {
    size_t size;      // sizeof(kk_check_subject)
    const char *path; // absolute
    uint64_t seed;    // of the arguments that are made up; the same seed, the same calls
} kk_check_subject;

// Called for each finding with one line of text, valid for the call.
typedef void (*kk_check_found_fn)(void *context, const char *found);

// The rules, in the order in which they are to be run.  Threads: any.
KK_PUBLIC size_t kk_check_rule_count(void);
KK_PUBLIC const kk_check_rule *kk_check_rule_at(size_t index);

// Runs one rule.  KK_OK means that it was run, whatever was found.
// Errors: KK_ERR_PLUGIN_REFUSED where a stage refuses the plugin that is not this rule's,
// KK_ERR_UNAVAILABLE where this build or machine cannot tell, KK_ERR_INTERNAL.
KK_PUBLIC KK_MUST_USE kk_code kk_check_run(size_t rule, const kk_check_subject *subject,
                                           kk_check_found_fn found, void *context, kk_error *err);

#ifdef __cplusplus
}
#endif

#endif
