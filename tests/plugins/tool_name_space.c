// A tool's name has a space.
#define FIRST_NAME "first tool"
#include "base.h"
