// Needs a service that there is not.
#define NEEDS "kk.teleport/1"
#include "base.h"
