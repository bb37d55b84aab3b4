// No example.
#define EXAMPLES (examples + 1)
#include "behave.h"
