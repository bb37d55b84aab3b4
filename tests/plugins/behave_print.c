// Prints.
#include <stdio.h>
#define OPEN puts("hello");
#include "behave.h"
