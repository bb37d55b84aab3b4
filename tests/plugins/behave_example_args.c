// An example that is refused.
#define EXAMPLE_ARGS "{\"wrod\":\"x\"}"
#include "behave.h"
