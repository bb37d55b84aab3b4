// Uses a function that nobody defines.
extern void kk_test_nobody_defines_this(void);
__attribute__((used)) static void (*const use)(void) = kk_test_nobody_defines_this;
#include "base.h"
