// The question before a write.
#include "approve.h"
#include "interrupt.h"
#include "terminal.h"

bool kk_approve_on_terminal(void *context, const char *function, const char *account,
                            const char *args)
{
    const kk_interrupt *interrupt = context;
    kk_buf question = {.limit = KK_TEXT_MAX};
    kk_buf_append_format(&question,
                         "%s writes, with the account '%s' and the arguments\n%.4000s%s\n",
                         function, account, args, strlen(args) > 4000 ? " (cut)" : "");
    kk_buf_append_text(&question, "Let it? [y/N] ");
    bool yes = kk_terminal_ask(kk_buf_text(&question), kk_interrupt_fd(interrupt));
    kk_buf_clean(&question);
    return yes;
}
