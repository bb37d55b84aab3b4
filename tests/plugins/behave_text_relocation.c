// Has an address in memory that nobody may write, so that the loader has to write there.
#define SUPPORT                                                                                    \
    __asm__(".pushsection .kk_fixed,\"a\"\n"                                                       \
            ".dc.a kk_plugin_describe\n"                                                           \
            ".popsection\n");
#include "behave.h"
