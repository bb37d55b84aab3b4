// Does not come back.
#include <unistd.h>
#define BODY                                                                                       \
    for (;;) {                                                                                     \
        pause();                                                                                   \
    }
#include "behave.h"
