// A schema is not JSON.
#define FIRST_SCHEMA "{\"type\":"
#include "base.h"
