// Obeys every rule.
#include "behave.h"
