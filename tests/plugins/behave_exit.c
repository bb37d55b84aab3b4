// Ends the process.
#define BODY exit(0);
#include "behave.h"
