// Its manifest is shorter than that of 1.0.
#define TAG                                                                                        \
    {                                                                                              \
        KK_ABI_MAGIC, 24, KK_ABI_VERSION, KK_ABI_VERSION                                           \
    }
#include "base.h"
