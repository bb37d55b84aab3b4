// Starts the sequence of rand() anew.
#define OPEN srand(1);
#include "behave.h"
