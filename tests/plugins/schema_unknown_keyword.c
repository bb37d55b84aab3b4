// A schema uses a keyword that is not checked.
#define FIRST_SCHEMA                                                                               \
    "{\"type\":\"object\",\"properties\":{\"q\":{\"type\":\"string\",\"pattern\":\"a\"}}}"
#include "base.h"
