// Its manifest does not begin with the magic.
#define TAG                                                                                        \
    {                                                                                              \
        0x12345678, sizeof(kk_manifest), KK_ABI_VERSION, KK_ABI_VERSION                            \
    }
#include "base.h"
