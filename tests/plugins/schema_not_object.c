// A schema describes a string.
#define FIRST_SCHEMA "{\"type\":\"string\"}"
#include "base.h"
