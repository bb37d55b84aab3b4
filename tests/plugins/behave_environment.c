// Changes the environment.
#define OPEN setenv("KK_TEST_PLUGIN", "1", 1);
#include "behave.h"
