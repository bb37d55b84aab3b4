// Its id is not a name.
#define ID "Demo Plugin"
#include "base.h"
