// Changes the umask.
#include <sys/stat.h>
#define OPEN umask(0007);
#include "behave.h"
