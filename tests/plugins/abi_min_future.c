// Needs a host of ABI 1.99.
#define TAG                                                                                        \
    {                                                                                              \
        KK_ABI_MAGIC, sizeof(kk_manifest), 0x10063, 0x10063                                        \
    }
#include "base.h"
