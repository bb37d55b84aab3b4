// Leaks.
#define SUPPORT static void *volatile kept;
#define BODY                                                                                       \
    kept = malloc(100);                                                                            \
    return get(call, "https://api.example.com/");
#include "behave.h"
