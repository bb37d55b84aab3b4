// What may run: reads do, a write needs a yes.
#include "policy.h"

kk_policy kk_policy_decide(bool read_only, bool approved)
{
    return read_only || approved ? KK_POLICY_ALLOW : KK_POLICY_ASK;
}

const char *kk_policy_name(kk_policy policy)
{
    switch (policy) {
    case KK_POLICY_ALLOW:
        return "allow";
    case KK_POLICY_ASK:
        return "ask";
    default:
        return "deny";
    }
}
