// A schema that takes anything.
#define INPUT                                                                                      \
    "{\"type\":\"object\",\"properties\":{\"word\":{\"type\":\"string\",\"description\":\"Which."  \
    "\"}}}"
#include "behave.h"
