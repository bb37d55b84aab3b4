// Accepts no host.
#define DESCRIBED NULL
#include "base.h"
