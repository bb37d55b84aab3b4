// Built for ABI 2.0.
#define TAG                                                                                        \
    {                                                                                              \
        KK_ABI_MAGIC, sizeof(kk_manifest), 0x20000, 0x20000                                        \
    }
#include "base.h"
