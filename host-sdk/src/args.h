// From the words of a command line to the arguments of a function.
#ifndef KK_ARGS_H
#define KK_ARGS_H

#include "registry.h"

// As kk_host_read_args(), for an entry that was found already.  A word whose key the schema does
// not have, or gives no type, is a string; that the key is unknown is said when the arguments are
// checked.
KK_MUST_USE kk_code kk_args_read(const kk_entry *entry, const char *json, const char *const *words,
                                 size_t count, char **args, kk_error *err);

#endif
