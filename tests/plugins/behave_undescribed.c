// An argument that nobody explains.
#define INPUT                                                                                      \
    "{\"type\":\"object\",\"properties\":{\"word\":{\"type\":\"string\"}},"                        \
    "\"additionalProperties\":false}"
#include "behave.h"
