// Changes the working directory.
#include <unistd.h>
#define OPEN (void)!chdir("/");
#include "behave.h"
