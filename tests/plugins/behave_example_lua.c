// An example of another tool.
#define EXAMPLE_LUA "print(app.integrations.behave.other())"
#include "behave.h"
