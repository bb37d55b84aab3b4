// Says nothing of its result.
#define OUTPUT NULL
#include "behave.h"
