// Its manifest says that it has no bytes.
#define TAG                                                                                        \
    {                                                                                              \
        KK_ABI_MAGIC, 0, KK_ABI_VERSION, KK_ABI_VERSION                                            \
    }
#include "base.h"
