// What may run: reads do, a write needs a yes.
#ifndef KK_POLICY_H
#define KK_POLICY_H

#include <kk/error.h>

typedef enum kk_policy {
    KK_POLICY_ALLOW, // runs
    KK_POLICY_ASK,   // runs if somebody says yes
    KK_POLICY_DENY   // does not run, whoever says yes
} kk_policy;

// [approved] is the caller's own yes, given before the call.
kk_policy kk_policy_decide(bool read_only, bool approved);

// "allow", "ask" or "deny".
const char *kk_policy_name(kk_policy policy);

#endif
