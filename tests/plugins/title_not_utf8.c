// Its title is not UTF-8.
#define TITLE "Demo \xC3("
#include "base.h"
