// Its manifest says that it has a megabyte.
#define TAG                                                                                        \
    {                                                                                              \
        KK_ABI_MAGIC, 1 << 20, KK_ABI_VERSION, KK_ABI_VERSION                                      \
    }
#include "base.h"
