// A summary that no list can show.
#define SUMMARY                                                                                    \
    "Gets things, and then more things, and things that are like those things, and further "       \
    "things which nobody has ever thought of as things."
#include "behave.h"
