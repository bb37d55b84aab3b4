// The question before a write.
#ifndef KK_APPROVE_H
#define KK_APPROVE_H

#include <stdbool.h>

// A kk_approve_fn that shows the call on the terminal and asks for a yes.  [context] is the
// kk_interrupt whose first signal is a no.
bool kk_approve_on_terminal(void *context, const char *function, const char *account,
                            const char *args);

#endif
