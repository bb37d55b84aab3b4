// A plugin with nothing wrong.
#include "base.h"
