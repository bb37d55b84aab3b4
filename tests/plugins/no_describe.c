// Exports its tools and no kk_plugin_describe.
#define NO_DESCRIBE
#include "base.h"
