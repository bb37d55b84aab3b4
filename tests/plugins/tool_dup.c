// Two tools have one name.
#define SECOND_NAME "first"
#include "base.h"
