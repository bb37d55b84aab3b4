// Crashes.
#include <signal.h>
#define BODY                                                                                       \
    raise(SIGSEGV);                                                                                \
    return get(call, "https://api.example.com/");
#include "behave.h"
