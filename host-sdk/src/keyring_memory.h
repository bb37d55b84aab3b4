// How much memory this process may use, as far as the system says.
#ifndef KK_KEYRING_MEMORY_H
#define KK_KEYRING_MEMORY_H

#include <stdint.h>

// In bytes; UINT64_MAX where nothing limits it.  A process over its control group's limit is killed
// rather than told, so this is asked before memory is taken.
uint64_t kk_memory_allowed(void);

#endif
