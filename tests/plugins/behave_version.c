// A version that is no version.
#define VERSION "1"
#include "behave.h"
