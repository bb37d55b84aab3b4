// Compiles exactly if the layout of kk/plugin.h is the frozen one.
#include <kk/plugin.h>

#define KK_LAYOUT(name, condition) extern char kk_layout_##name[(condition) ? 1 : -1];
#include "layout_1_0.h"
