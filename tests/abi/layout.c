// Compiles exactly if the layout and the types of kk/plugin.h are the frozen ones.
#include <kk/plugin.h>

#define KK_LAYOUT(name, condition) extern char kk_layout_##name[(condition) ? 1 : -1];
#include "layout_1_0.h"
#include "types_1_0.h"
